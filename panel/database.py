"""How the panel talks to its database: pragmas, who may write, and one snapshot for a long read."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flask import Flask, has_request_context, request
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from panel.extensions import db
from sync.errors import SyncError
from sync.words import later, say

BUSY_MILLISECONDS = 30_000
AT_ONCE = later("Somebody else was writing at the same moment. Nothing was written; try again.")
FAILED = later(
    "The database failed in the middle of this and took back what was begun. Look at what is there, and try again. "
    "If it fails again, tell whoever runs this server."
)
NO_ROOM = later(
    "The database has no more room, so nothing was written. "
    "Tell whoever runs this server, and try again when there is room."
)
_STEPS_BETWEEN_LOOKS = 10_000
_CLASHES = frozenset({"40001", "40P01", "55P03", "23505"})  # serialization, deadlock, lock, unique
_writer: ContextVar[bool | None] = ContextVar("writer", default=None)
logger = logging.getLogger(__name__)


def prepare_engine(app: Flask) -> None:
    """Set what every connection of the application's database needs."""
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    else:
        event.listen(engine, "connect", _tune)


def _set_pragmas(connection: Any, _record: object) -> None:
    # The driver's own BEGIN is switched off, because it begins late and never IMMEDIATE.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_MILLISECONDS}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "temp_store = MEMORY",
        "secure_delete = ON",  # what was overwritten or erased is not left in the file
    ):
        connection.execute(f"PRAGMA {pragma}")


def _tune(connection: Any, _record: object) -> None:
    connection.autocommit = True
    for setting in (
        # A plan that fits every value is a bad one for a list: some words and values are in every second row.
        "plan_cache_mode = force_custom_plan",
        # To start a helping process, or to compile a query, takes longer than all that a list asks.
        "max_parallel_workers_per_gather = 0",
        "jit = off",
        # What lists read is in memory: without this, few customers are looked through word by word, not by index.
        "random_page_cost = 1.1",
    ):
        connection.execute(f"SET {setting}")
    connection.autocommit = False


def _begin(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once where another wrote meanwhile.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes() else "BEGIN")


def _writes() -> bool:
    chosen = _writer.get()
    if chosen is not None:
        return chosen
    return has_request_context() and request.method not in {"GET", "HEAD", "OPTIONS"}


@contextmanager
def writing() -> Iterator[Connection]:
    """Run a block as one writing transaction of the session: committed at its end, or rolled back whole.

    Raises `DatabaseFailed` where the database could not do it.
    """
    with _transaction(writer=True):
        yield db.session.connection()
        db.session.commit()


@contextmanager
def writing_apart(engine: Engine) -> Iterator[Connection]:
    """Yield a writer's connection beside the session's; on PostgreSQL each of its statements is a transaction."""
    token = _writer.set(True)
    try:
        if is_sqlite(engine):
            with engine.begin() as connection:
                yield connection
        else:
            with engine.connect() as connection:
                yield connection.execution_options(isolation_level="AUTOCOMMIT")
    finally:
        _writer.reset(token)


@contextmanager
def writing_now(engine: Engine) -> Iterator[Connection]:
    """Yield a writer's transaction beside the session's; where another writes to SQLite it fails without waiting."""
    token = _writer.set(True)
    try:
        with engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            if is_sqlite(engine):
                driver.execute("PRAGMA busy_timeout = 0")
            try:
                with connection.begin():
                    yield connection
            finally:
                if is_sqlite(engine):
                    driver.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    finally:
        _writer.reset(token)


class DatabaseFailed(SyncError):
    """The database could not do what it was asked; what was begun is rolled back."""

    status = 503


class Busy(DatabaseFailed):
    """The database had to give way to another writer."""

    status = 409


def in_words(error: DBAPIError) -> DatabaseFailed:
    """Return what to say of an error of the database that is nobody's fault; the log has the rest."""
    if is_clash(error):
        return Busy(say(AT_ONCE))
    logger.error("the database failed", exc_info=error)
    is_full = getattr(error.orig, "sqlstate", None) == "53100" or "disk is full" in str(error.orig)
    return DatabaseFailed(say(NO_ROOM if is_full else FAILED))


def is_clash(error: DBAPIError) -> bool:
    """Tell whether two wrote at once, and this one has to give way: waited, was in a circle, or came second."""
    state, words = getattr(error.orig, "sqlstate", None), str(error.orig)
    return state in _CLASHES or "database is locked" in words or "UNIQUE constraint failed" in words


@contextmanager
def reading() -> Iterator[Connection]:
    """Run a block in one snapshot that takes no write lock, whatever the request's method."""
    with _transaction(writer=False):
        options = {} if is_sqlite(db.engine) else {"isolation_level": "REPEATABLE READ"}
        yield db.session.connection(execution_options=options)


@contextmanager
def _transaction(*, writer: bool) -> Iterator[None]:
    db.session.rollback()
    token = _writer.set(writer)
    try:
        yield
    except OperationalError as error:
        db.session.rollback()  # the words are the user's, who is read from the database
        raise in_words(error) from None
    finally:
        _writer.reset(token)
        db.session.rollback()


class TooSlow(SyncError):
    """The database did not answer within the time that it was given."""


@contextmanager
def within(connection: Connection, seconds: float) -> Iterator[None]:
    """Run a block that reads, and give it up with `TooSlow` where it takes longer."""
    limit = _sqlite_limit if is_sqlite(connection) else _postgresql_limit
    try:
        with limit(connection, seconds):
            yield
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == "57014" or "interrupted" in str(error.orig):
            raise TooSlow("This takes the database too long. Narrow the list down, or sort it by ID.") from None
        raise


@contextmanager
def _sqlite_limit(connection: Connection, seconds: float) -> Iterator[None]:
    driver: Any = connection.connection.driver_connection
    end = time.monotonic() + seconds
    driver.set_progress_handler(lambda: time.monotonic() > end, _STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


@contextmanager
def _postgresql_limit(connection: Connection, seconds: float) -> Iterator[None]:
    # A statement that is cut off spoils its transaction: only the savepoint is lost.
    with connection.begin_nested():
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, int(seconds * 1000))}")
        yield
        connection.exec_driver_sql("SET LOCAL statement_timeout TO DEFAULT")


def is_sqlite(bind: Engine | Connection) -> bool:
    """Tell which of the two databases this is."""
    return bind.dialect.name == "sqlite"
