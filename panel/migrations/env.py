"""Run migrations on the application's own engine; Flask-Migrate calls this."""

from __future__ import annotations

from alembic import context
from flask import current_app

from panel.models import Base


def _is_ours(_thing: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    # Indexes of additional fields are made while the panel runs; no migration knows them.
    return not (kind == "index" and (name or "").startswith("ix_extra_"))


def _run() -> None:
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_object=_is_ours,
            render_as_batch=True,
            transactional_ddl=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


_run()
