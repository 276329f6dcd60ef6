"""Run migrations on the application's own engine; Flask-Migrate calls this."""

from __future__ import annotations

from alembic import context
from flask import current_app

from panel.models import Base
from panel.structures import OURS


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    # What lists are quick by is made while the panel runs; no migration knows it.
    return not (kind in {"table", "index"} and (name or "").startswith(OURS))


def _run() -> None:
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_name=_is_ours,
            render_as_batch=True,
            transactional_ddl=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


_run()
