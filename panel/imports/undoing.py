"""Undo an import: the inverse of its revisions, merged against what has happened since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import Connection, select

from panel.authors import Author
from panel.changelog import Write, write_in_bulk
from panel.keys import Keyring
from panel.models import Customer, Revision
from panel.records import BATCH, batches
from panel.schema import BUILT_IN_KEYS, ENTITY, Schema, column_of, current_schema
from sync.types import FIELD_TYPES

SINCE = "edited since the import"
SECRET = "a password cannot be put back, because only its digest was kept"


@dataclass(frozen=True, slots=True)
class Kept:
    """A value that undoing leaves as it is, and why."""

    id: int
    field: str
    now: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Undone:
    """What undoing does: cells put back, created customers that go to the bin, restored ones, and what is kept."""

    reverted: int
    removed: int
    restored: int
    kept: tuple[Kept, ...]


def plan_undo(connection: Connection, import_id: int) -> tuple[list[Write], Undone]:
    """Return the writes that undo an import, and what they amount to."""
    schema = current_schema(connection)
    table = Revision.__table__.c
    query = select(table.record_id, table.number, table.changes)
    rows = connection.execute(
        query.where(table.entity == ENTITY, table.import_id == import_id, table.undo_of.is_(None))
    )
    writes: list[Write] = []
    kept: list[Kept] = []
    for some in batches(rows.all(), BATCH):
        stored = _stored(connection, schema, [row[0] for row in some])
        for record_id, number, changes in some:
            write, left = _invert(record_id, number, changes, stored[record_id], schema)
            kept.extend(left)
            if write is not None:
                writes.append(write)
    return writes, _summary(writes, kept)


def apply_undo(connection: Connection, import_id: int, author: Author) -> Undone:
    """Undo an import in the caller's transaction; `author.undo_of` names it."""
    writes, undone = plan_undo(connection, import_id)
    keyring: Keyring = current_app.extensions["keyring"]
    write_in_bulk(connection, current_schema(connection), keyring, writes, author)
    return undone


def _summary(writes: Sequence[Write], kept: Sequence[Kept]) -> Undone:
    binned = [write for write in writes if write.changes.get("deleted", (None, None))[1]]
    restored = [write for write in writes if write.changes.get("deleted", (None, True))[1] is None]
    cells = sum(len(write.changes) for write in writes) - len(binned) - len(restored)
    return Undone(cells, len(binned), len(restored), tuple(kept))


def _stored(connection: Connection, schema: Schema, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return each record's revision, `extra` and built-in values in JSON form."""
    table = Customer.__table__
    rows = connection.execute(
        select(table).where(table.c.id.in_(ids)).order_by(table.c.id).with_for_update()
    ).mappings()
    return {row["id"]: _plain(row, schema) for row in rows}


def _plain(row: Any, schema: Schema) -> dict[str, Any]:
    plain = {"#revision": row["revision"], "#extra": row["extra"] or {}, **(row["extra"] or {})}
    for field in schema.fields:
        field_type = FIELD_TYPES[field.type]
        if field.key in BUILT_IN_KEYS and not field_type.secret:
            value = row[column_of(field.key)]
            plain[field.key] = (list(value) or None) if field_type.many else value and field_type.to_json(value)
    plain["deleted"] = True if row["deleted_at"] is not None else None
    return plain


def _invert(
    record_id: int, number: int, changes: dict[str, list[Any]], stored: dict[str, Any], schema: Schema
) -> tuple[Write | None, list[Kept]]:
    if number == 1:
        return _invert_creation(record_id, stored)
    secret = {field.key for field in schema.fields if FIELD_TYPES[field.type].secret}
    back: dict[str, tuple[Any, Any]] = {}
    kept: list[Kept] = []
    for key, (old, new) in changes.items():
        now = stored.get(key)
        if key in secret:
            kept.append(Kept(record_id, key, None, SECRET))
        elif now == new:
            back[key] = (now, old)
        elif now != old:
            kept.append(Kept(record_id, key, now, SINCE))
    write = Write(record_id, stored["#revision"] + 1, back, extra=stored["#extra"]) if back else None
    return write, kept


def _invert_creation(record_id: int, stored: dict[str, Any]) -> tuple[Write | None, list[Kept]]:
    if stored["deleted"]:
        return None, []
    if stored["#revision"] > 1:
        return None, [Kept(record_id, "", stored["full_name"], f"the customer was {SINCE}")]
    return Write(record_id, 2, {"deleted": (None, True)}, extra=stored["#extra"]), []
