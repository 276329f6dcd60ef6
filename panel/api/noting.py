"""Events of requests that must not wait for another writer: each is recorded once, before it is answered.

SQLite has one writer, and an import may be it for many seconds, in which networks go on asking. An event that cannot
be written at once is kept in a file, forced to the disk, and brought into the table as soon as there is a moment: by
the next event, by the worker, or at the next start. PostgreSQL has a row for each writer, and needs no file.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from flask import current_app
from sqlalchemy import Connection, RowMapping, insert, select, update
from sqlalchemy.exc import OperationalError

from panel.audit import plain
from panel.database import is_sqlite, writing_now
from panel.extensions import db
from panel.models import ApiToken, Event
from panel.models.columns import aware, now

KEPT = "events.waiting"
logger = logging.getLogger(__name__)


def event(name: str, by: str, **detail: str | int) -> dict[str, Any]:
    """Return an event of this moment; details are never secret."""
    clean = {key: plain(value) if isinstance(value, str) else value for key, value in detail.items()}
    return {"at": now(), "by": plain(by) or "somebody", "user_id": None, "name": name, "detail": clean}


def note(events: Sequence[Mapping[str, Any]], used: tuple[int, dt.date] | None = None) -> None:
    """Record events for good, and that a token was used on a day if that can be had at once.

    Raises `OSError`, or what the database raises, where they could not be recorded.
    """
    if not is_sqlite(db.engine):
        with writing_now(db.engine) as connection:
            _write(connection, events, used)
        return
    with _waiting() as file:
        try:
            _bring_in(file, events, used)
        except OperationalError as error:
            logger.info("%s events wait for the database: %s", len(events), error.orig)
            _append(file, events)


def bring_in() -> None:
    """Record the events that wait, unless somebody else is writing: then they wait on."""
    path = _path()
    if not (path.exists() and path.stat().st_size):
        return
    with _waiting() as file:
        try:
            _bring_in(file, ())
        except OperationalError as error:
            logger.info("Events go on waiting for the database: %s", error.orig)


def _bring_in(file: BinaryIO, events: Sequence[Mapping[str, Any]], used: tuple[int, dt.date] | None = None) -> None:
    with writing_now(db.engine) as connection:
        _write(connection, [*_unrecorded(connection, _read(file)), *events], used)
    # Whoever is killed just here finds the same events in the table later, and leaves them out.
    file.truncate(0)


def _write(connection: Connection, events: Sequence[Mapping[str, Any]], used: tuple[int, dt.date] | None) -> None:
    if events:
        connection.execute(insert(Event), [dict(one) for one in events])
    if used is not None:
        connection.execute(update(ApiToken).where(ApiToken.id == used[0]).values(used_on=used[1]))


def _unrecorded(connection: Connection, events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return those of the events that the table has not got."""
    if not events:
        return []
    table = Event.__table__.c
    first, last = min(one["at"] for one in events), max(one["at"] for one in events)
    columns = select(table.at, table.by, table.name, table.detail)
    there = Counter(
        _identity(row) for row in connection.execute(columns.where(table.at.between(first, last))).mappings()
    )
    missing = []
    for one in events:
        there[_identity(one)] -= 1
        if there[_identity(one)] < 0:
            missing.append(one)
    return missing


def _identity(one: Mapping[str, Any] | RowMapping) -> tuple[dt.datetime, str, str, str]:
    return aware(one["at"]), one["by"], one["name"], json.dumps(one["detail"], sort_keys=True)


def _path() -> Path:
    folder: Path = current_app.config["ROLLBOOK_INSTANCE"]
    return folder / KEPT


@contextmanager
def _waiting() -> Iterator[BinaryIO]:
    """Yield the file of the events that wait; whoever has it is alone with it, in any process."""
    path, is_new = _path(), not _path().exists()
    with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if is_new:
            _force_folder(path.parent)
        yield file


def _force_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(file: BinaryIO) -> list[Mapping[str, Any]]:
    """Return the events in the file; half a line is of somebody who was killed before giving an answer."""
    file.seek(0)
    found = []
    for line in file.read().splitlines():
        try:
            one = json.loads(line)
        except ValueError:
            continue
        found.append(one | {"at": dt.datetime.fromisoformat(one["at"])})
    return found


def _append(file: BinaryIO, events: Sequence[Mapping[str, Any]]) -> None:
    if not events:
        return
    before = file.seek(0, os.SEEK_END)
    lines = (json.dumps({**one, "at": one["at"].isoformat()}) for one in events)
    # A line before, too: the last one may be half of one.
    content = "".join(f"\n{line}\n" for line in lines).encode()
    try:
        if file.write(content) != len(content):
            raise OSError(f"{KEPT} could not be written to its end")
        os.fsync(file.fileno())
    except OSError:
        file.truncate(before)
        raise
