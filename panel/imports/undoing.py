"""Undo an import or a job: the inverse of its revisions, merged against what has happened since."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Connection, and_, select

from panel.authors import Author
from panel.changelog import Write, claims_back, owners_of, unique_key, write_in_bulk
from panel.imports.options import Viewer
from panel.keys import Keyring
from panel.models import Customer, Revision
from panel.records import BATCH, batches
from panel.rights import EDIT
from panel.schema import BUILT_IN_KEYS, ENTITY, Schema, column_of, current_schema
from panel.sealed import secret_keys
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.values import parse_value, read_json

SINCE = "edited since"
GONE = "what it was before is no longer there"
TAKEN = "what it was before belongs to customer {owner} now"
NOT_YOURS = "you may not edit this"
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

    @property
    def wrote(self) -> bool:
        """Tell whether anything went back."""
        return bool(self.reverted or self.removed or self.restored)


def by_import(import_id: int) -> ColumnElement[bool]:
    """Return the condition on the log that an import wrote an entry."""
    return and_(Revision.import_id == import_id, Revision.undo_of.is_(None))


def by_job(job_id: int) -> ColumnElement[bool]:
    """Return the condition on the log that a job wrote an entry."""
    return Revision.job_id == job_id


def plan_undo(
    connection: Connection, written: ColumnElement[bool], viewer: Viewer, then: Schema | None = None
) -> tuple[list[Write], Undone]:
    """Return the writes that undo these entries of the log, and what they amount to.

    A value that cannot go back, because it was edited since, belongs to another, names what is gone or is not the
    viewer's to edit, is kept. `then` is the schema that undoing makes, where that is another one than today's.
    """
    schema, secret = then or current_schema(connection), secret_keys(connection)
    writes: list[Write] = []
    kept: list[Kept] = []
    for some in batches(_together(connection, written), BATCH):
        stored = _stored(connection, schema, [row[0] for row in some])
        for record_id, number, changes in some:
            if viewer.partner_id not in {None, stored[record_id]["partner"]}:
                kept.append(Kept(record_id, "", None, NOT_YOURS))
                continue
            write, left = _invert(record_id, number, changes, stored[record_id], schema, secret)
            kept.extend(left)
            writes.extend([write] if write else [])
    writes, denied = _permitted(writes, viewer)
    writes, left = _possible(connection, schema, writes)
    return writes, _summary(writes, [*kept, *denied, *left])


def _permitted(writes: list[Write], viewer: Viewer) -> tuple[list[Write], list[Kept]]:
    """Return the writes without the values that the viewer may not edit, or that would leave the viewer's partner."""
    denied = [
        Kept(write.record_id, key, None if key in viewer.fields.unseen else pair[0], NOT_YOURS)
        for write in writes
        for key, pair in write.changes.items()
        if viewer.fields.of(key) != EDIT or (key == "partner" and viewer.partner_id not in {None, pair[1]})
    ]
    stay = {(one.id, one.field) for one in denied}
    left = (_without(write, stay) for write in writes)
    return [write for write in left if write.changes], denied


def _together(connection: Connection, written: ColumnElement[bool]) -> list[tuple[int, int, dict[str, list[Any]]]]:
    """Return what was written to each record as one: its first revision, and each field's first old and last new."""
    table = Revision.__table__.c
    query = select(table.record_id, table.number, table.changes).where(table.entity == ENTITY, written)
    found: dict[int, tuple[int, int, dict[str, list[Any]]]] = {}
    for record_id, number, changes in connection.execute(query.order_by(table.record_id, table.number)):
        _id, first, before = found.setdefault(record_id, (record_id, number, {}))
        for key, (old, new) in changes.items():
            before[key] = [before[key][0] if key in before else old, new]
        found[record_id] = (record_id, first, before)
    return list(found.values())


def _possible(connection: Connection, schema: Schema, writes: list[Write]) -> tuple[list[Write], list[Kept]]:
    """Return the writes without the values that cannot go back, until no other depends on one that was taken out."""
    fields = {field.key: field for field in schema.fields}
    kept: list[Kept] = []
    while True:
        blocked = [*_gone(fields, writes), *_taken(connection, fields, writes)]
        if not blocked:
            return writes, kept
        kept.extend(blocked)
        stay = {(one.id, one.field) for one in blocked}
        left = (_without(write, stay) for write in writes)
        writes = [write for write in left if write.changes]


def _without(write: Write, stay: set[tuple[int, str]]) -> Write:
    changes = {key: pair for key, pair in write.changes.items() if (write.record_id, key) not in stay}
    return replace(write, changes=changes)


def _gone(fields: Mapping[str, Field], writes: Sequence[Write]) -> Iterator[Kept]:
    for write in writes:
        for key, (now, old) in write.changes.items():
            if key in fields and old is not None and not _reads(old, fields[key]):
                yield Kept(write.record_id, key, now, GONE)
                continue
            options = fields[key].options if key in fields else ()
            wanted = set(old) if isinstance(old, list) else {old} - {None}
            if options and not wanted <= {option.key for option in options}:
                yield Kept(write.record_id, key, now, GONE)


def _reads(plain: Any, field: Field) -> bool:
    """Tell whether a value is still one of its field, which may have another type by now."""
    if field.additional and isinstance(plain, list) != FIELD_TYPES[field.type].many:
        return False
    if not field.additional or field.options or field.target or FIELD_TYPES[field.type].secret:
        return True
    value, loose = read_json(plain, field), replace(field, min=None, max=None)
    return value is not None and parse_value(FIELD_TYPES[field.type].render(value, field), loose) == value


def _taken(connection: Connection, fields: Mapping[str, Field], writes: Sequence[Write]) -> Iterator[Kept]:
    """Yield the unique values that another record holds and does not let go of in the same undoing.

    For a record that comes back from the bin that is its coming back.
    """
    unique = {key for key, field in fields.items() if field.unique}
    back = [(write, key) for write in writes for key, pair in write.changes.items() if key in unique and pair[1]]
    leaving = {(write.record_id, key) for write in writes for key in write.changes if key in unique}
    leaving |= {(write.record_id, key) for write in writes if write.bins for key in unique}
    claims = [(write.record_id, key, key, unique_key(fields[key], write.changes[key][1])) for write, key in back]
    returning = claims_back(connection, fields, [write for write in writes if write.restores])
    claims += [(one["record_id"], "deleted", one["field"], one["value"]) for one in returning]
    owners = owners_of(connection, ({"field": field, "value": value} for _id, _key, field, value in claims))
    now = {(write.record_id, key): pair[0] for write in writes for key, pair in write.changes.items()}
    for record_id, key, field, value in claims:
        owner = owners.get((field, value))
        if owner not in {None, record_id} and (owner, field) not in leaving:
            yield Kept(record_id, key, now[record_id, key], TAKEN.format(owner=owner))


def apply_undo(connection: Connection, written: ColumnElement[bool], author: Author, viewer: Viewer) -> Undone:
    """Undo these entries of the log in the caller's transaction; `author` says what of."""
    writes, undone = plan_undo(connection, written, viewer)
    keyring: Keyring = current_app.extensions["keyring"]
    write_in_bulk(connection, current_schema(connection), keyring, writes, author)
    return undone


def _summary(writes: Sequence[Write], kept: Sequence[Kept]) -> Undone:
    binned = [write for write in writes if write.bins]
    restored = [write for write in writes if write.restores]
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
    record_id: int,
    number: int,
    changes: dict[str, list[Any]],
    stored: dict[str, Any],
    schema: Schema,
    secret: Collection[str],
) -> tuple[Write | None, list[Kept]]:
    if number == 1:
        return _invert_creation(record_id, changes, stored, schema)
    fields = {field.key: field for field in schema.fields if field.former}
    back: dict[str, tuple[Any, Any]] = {}
    kept: list[Kept] = []
    for key, pair in changes.items():
        now = stored.get(key)
        old, new = map(fields[key].follow, pair) if key in fields else pair
        if key in secret:
            kept.append(Kept(record_id, key, None, SECRET))
        elif now == new != old:
            back[key] = (now, old)
        elif now != old:
            kept.append(Kept(record_id, key, now, SINCE))
    write = Write(record_id, stored["#revision"] + 1, back, extra=stored["#extra"]) if back else None
    return write, kept


def _invert_creation(
    record_id: int, changes: dict[str, list[Any]], stored: dict[str, Any], schema: Schema
) -> tuple[Write | None, list[Kept]]:
    """Put a created customer into the bin, if it is what it was when it was created."""
    if stored["deleted"]:
        return None, []
    keys = {field.key for field in schema.fields if not FIELD_TYPES[field.type].secret}
    former = {field.key: field for field in schema.fields if field.former}
    last = {key: pair[1] for key, pair in changes.items() if key in keys}
    created = {key: former[key].follow(value) if key in former else value for key, value in last.items()}
    if any(stored.get(key) != created.get(key) for key in keys):
        return None, [Kept(record_id, "", stored["full_name"], f"the customer was {SINCE}")]
    return Write(record_id, stored["#revision"] + 1, {"deleted": (None, True)}, extra=stored["#extra"]), []
