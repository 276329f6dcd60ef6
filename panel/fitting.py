"""Makes what lists need of the database as fields come and go: after each commit that changed one, and at preparing."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, event, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from panel.database import is_sqlite, writing_apart
from panel.extensions import db
from panel.models import AdditionalField, Customer
from panel.schema import current_schema, forget_schema
from panel.structures import dropping, existing, indexes_trigrams, structures

_CHANGED = "fields_changed"
_MANY = 10_000
_LOCK = 7_265_626_612  # beside the one that preparing takes
_LOCK_SECONDS, _PAUSE = 10, 0.1
_log = logging.getLogger(__name__)


def follow_fields() -> None:
    """Start listening to the application's session; once a process."""
    if not event.contains(db.session, "after_flush", _note):
        event.listen(db.session, "after_flush", _note)
        event.listen(db.session, "after_commit", _fit)


def _note(session: Session, _context: object) -> None:
    touched = (*session.new, *session.dirty, *session.deleted)
    if any(isinstance(thing, AdditionalField) for thing in touched):
        session.info[_CHANGED] = True


def _fit(session: Session) -> None:
    if session.info.pop(_CHANGED, False):
        fit_fields(db.engine)


def fit_fields(engine: Engine) -> None:
    """Fit the database to the fields of this moment; where that fails, lists work on and are slower.

    On PostgreSQL many customers are indexed without holding up those who write meanwhile.
    """
    forget_schema()
    try:
        with writing_apart(engine) as connection, _alone(connection):
            fit(connection)
    except DBAPIError:
        _log.warning("An index of an additional field could not be made. `flask init` tries again.", exc_info=True)


def fit(connection: Connection) -> None:
    """Drop the structures that no field wants, and make those that are missing."""
    schema, trigrams = current_schema(connection), indexes_trigrams(connection)
    wanted = {one.name: one for one in structures(connection, schema, trigrams=trigrams)}
    there = existing(connection)
    for name in sorted(there - wanted.keys()):
        _run(connection, dropping(connection, name))
    concurrent = connection.get_isolation_level() == "AUTOCOMMIT" and _are_many(connection)
    missing = sorted(wanted.keys() - there)
    for name in missing:
        one = wanted[name]
        _run(connection, (*one.drop, *(one.concurrent if concurrent else one.create)))
    if missing and not is_sqlite(connection):
        connection.exec_driver_sql("ANALYZE customer")


def know_values(engine: Engine) -> None:
    """Let PostgreSQL look at the customers now, instead of some minutes after many were written.

    Only what was vacuumed is counted by an index alone.
    """
    if not is_sqlite(engine):
        with writing_apart(engine) as connection:
            connection.exec_driver_sql("VACUUM (ANALYZE) customer")


@contextmanager
def fitted_afterwards(engine: Engine) -> Iterator[None]:
    """Let a block write very many customers: where there are few yet, what lists need is made when they are written."""
    with writing_apart(engine) as connection, _alone(connection):
        if not _are_many(connection):
            for name in sorted(existing(connection)):
                _run(connection, dropping(connection, name))
    try:
        yield
    finally:
        fit_fields(engine)


def _run(connection: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)


def _are_many(connection: Connection) -> bool:
    some = select(Customer.__table__.c.id).limit(_MANY + 1).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() > _MANY


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Let one process at a time change the structures; SQLite's writers are alone anyhow."""
    if is_sqlite(connection):
        yield
        return
    connection.exec_driver_sql(f"SET lock_timeout = '{_LOCK_SECONDS}s'")
    # Waiting inside of a statement would hold a snapshot, for which an index made concurrently waits in turn.
    while not connection.execute(select(func.pg_try_advisory_lock(_LOCK))).scalar_one():
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        connection.execute(select(func.pg_advisory_unlock(_LOCK)))
        connection.exec_driver_sql("RESET lock_timeout")
