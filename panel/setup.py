"""Make an instance ready: database upgraded, guarded and seeded. Safe to run twice and by several at once."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import inspect, select, text

from panel.access import hash_password
from panel.accounts import install_accounts
from panel.admin_log import unrecorded
from panel.api.noting import bring_in
from panel.contacts import install_contacts
from panel.database import is_sqlite, writing
from panel.exports.keeping import sweep as sweep_exports
from panel.extensions import db
from panel.files.storing import sweep as sweep_files
from panel.fitting import fit
from panel.guards import install_guards
from panel.imports.files import sweep
from panel.keys import KEY_FILE, KeyFileError
from panel.likeness import mark_all
from panel.models import BillingConfig, GeneratorConfig, Import, Location, Partner, Role, SchemaVersion, Status, User
from panel.permissions import DESCRIPTIONS, ROLES
from panel.refresh_work import waiting_files
from panel.schema import ENTITY
from panel.structures import enable_trigrams

FIRST_ADMIN = "admin@example.com"
MIGRATIONS = Path(__file__).parent / "migrations"
ADVISORY_LOCK = 7_265_626_611  # any number that no other program on the same server uses

STATUSES = (
    Status(
        label="New", description="Not yet connected", services="stopped", colour="#3b82d9", position=1, is_default=True
    ),
    Status(label="Active", services="active", accounted=True, colour="#2b9a3f", position=2),
    Status(label="Blocked", services="suspended", accounted=True, colour="#e04848", position=3),
    Status(
        label="Inactive",
        description="Doesn't use services",
        services="stopped",
        deletable=True,
        colour="#75849a",
        position=4,
    ),
)


def prepare(app: Flask, admin_password: str | None = None) -> str | None:
    """Create or upgrade the database and seed it; return the first admin's one-time password if just made."""
    with app.app_context(), _one_at_a_time(app.config["ROLLBOOK_INSTANCE"]):
        _migrate()
        with writing() as connection:
            install_guards(connection)
            install_contacts(connection)
            install_accounts(connection)
            mark_all(connection)
            with unrecorded():
                password = _seed(admin_password)
            enable_trigrams(connection)
            fit(connection)
            sweep({*connection.execute(select(Import.stored_as)).scalars(), *waiting_files(connection)})
        sweep_files()
        sweep_exports()
        bring_in()
        return password


@contextmanager
def _one_at_a_time(instance: Path) -> Iterator[None]:
    with (instance / ".prepare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_sqlite(db.engine):
            yield
            return
        with db.engine.connect() as connection:  # other machines share the database, not the folder
            connection.execute(text("SELECT pg_advisory_lock(:n)"), {"n": ADVISORY_LOCK})
            try:
                yield
            finally:  # the lock is the connection's: a rollback would not let go of it
                connection.execute(text("SELECT pg_advisory_unlock(:n)"), {"n": ADVISORY_LOCK})


def is_prepared() -> bool:
    """Tell whether the database is there and seeded."""
    return (
        inspect(db.engine).has_table(SchemaVersion.__tablename__) and db.session.get(SchemaVersion, ENTITY) is not None
    )


def _migrate() -> None:
    with db.engine.connect() as connection:
        known = MigrationContext.configure(connection).get_current_revision()
    if known != newest_migration():
        upgrade(directory=str(MIGRATIONS))


def newest_migration() -> str | None:
    """Return the revision that a database of this version has."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def refuse_foreign_keys(instance: Path, database: Path | None) -> None:
    """Refuse to make a new key file beside a database that was written with another one."""
    if database is not None and database.exists() and database.stat().st_size and not (instance / KEY_FILE).exists():
        raise KeyFileError(
            f"The database {database.name} is there, but its key file {KEY_FILE} is not. "
            "Put the key file back beside it: without it no customer's password can be read."
        )


def _seed(admin_password: str | None) -> str | None:
    session = db.session
    if session.get(SchemaVersion, ENTITY) is not None:
        return None
    session.add(SchemaVersion(entity=ENTITY, version=1))
    session.flush()
    session.add_all([GeneratorConfig(id=1), Partner(name="Main"), Location(name="Main")])
    for status in STATUSES:
        session.add(Status(**{c.key: getattr(status, c.key) for c in Status.__table__.c if c.key != "id"}))
    for name, permissions in ROLES.items():
        session.add(Role(name=name, description=DESCRIPTIONS[name], permissions=list(permissions)))
    session.flush()
    session.add(_first_billing())
    password = admin_password or secrets.token_urlsafe(12)
    admin = session.scalars(select(Role).where(Role.name == "admin")).one()
    user = User(email=FIRST_ADMIN, name="Admin", password_hash=hash_password(password), roles=[admin])
    user.must_change_password = not admin_password
    session.add(user)
    return None if admin_password else password


def _first_billing() -> BillingConfig:
    """Return the billing's rules of a new instance; the daily run moves customers to two of the seeded statuses."""
    by_label = {status.label: status.id for status in db.session.scalars(select(Status))}
    return BillingConfig(id=1, blocked_status_id=by_label["Blocked"], inactive_status_id=by_label["Inactive"])


def admin_password_from_environment() -> str | None:
    """Return the password that a script chose for the first admin."""
    return os.environ.get("ROLLBOOK_ADMIN_PASSWORD") or None
