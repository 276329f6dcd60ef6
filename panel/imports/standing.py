"""What stands in the way of a value's going back, and what therefore stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from panel.changelog import Write, claims_back, owners_of, unique_key
from panel.entities import Entity
from panel.entity_rules import Draft, check, has_rules, staying
from panel.imports.options import Viewer
from panel.models import Customer
from panel.records import records_by_id
from panel.relations import members, points_to_customers
from panel.schema import Schema
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.values import parse_value, read_json
from sync.words import later, say

GONE = later("what it was before is no longer there")
TAKEN = later("what it was before belongs to %(noun)s %(owner)s now; change it there first")
TAKEN_BACK = later(
    "its %(field)s belongs to %(noun)s %(owner)s now; change it there, or restore this one from the bin with another"
)
TAKEN_BY_ANOTHER = later("what it was before belongs to another %(noun)s now")
POINTED = later("customer %(owner)s points to it in %(field)s; change that first")
POINTED_BY_ANOTHER = later("another customer points to it")


@dataclass(frozen=True, slots=True)
class Kept:
    """A value that undoing leaves as it is, and why: who edited it since, and when, in ISO form.

    The field is blank for the whole customer; the ID is 0 for a field that stays.
    """

    id: int
    field: str
    now: Any
    reason: str
    by: str = ""
    since: str = ""


def possible(
    connection: Connection, schema: Schema, writes: list[Write], viewer: Viewer
) -> tuple[list[Write], list[Kept]]:
    """Return the writes without the values that cannot go back, until no other depends on one that was taken out."""
    fields = {field.key: field for field in schema.fields}
    pointers = _Pointers(connection, schema, writes, viewer)
    kept: list[Kept] = []
    while True:
        blocked = [*_gone(fields, writes), *_taken(connection, schema, writes, viewer), *pointers.blocked(writes)]
        blocked += _against_rules(connection, schema, writes) if has_rules(schema.entity) else ()
        if not blocked:
            return writes, kept
        kept.extend(blocked)
        stay = {(one.id, one.field) for one in blocked}
        left = (without(write, stay) for write in writes)
        writes = [write for write in left if write.changes]


def _against_rules(connection: Connection, schema: Schema, writes: Sequence[Write]) -> Iterator[Kept]:
    """Yield what would break a rule of the entity by now: what others hold stays, and so does a value that is wrong."""
    binned = {write.record_id for write in writes if write.bins}
    for record_id, message in staying(connection, schema.entity, binned).items():
        yield Kept(record_id, "deleted", None, message)
    fields = {field.key: field for field in schema.fields if not field.derived}
    edits = [write for write in writes if not write.bins]
    there = records_by_id(connection, [*fields.values()], [write.record_id for write in edits], schema.entity)
    drafts = [_draft(write, there[write.record_id].values, fields) for write in edits]
    for write, wrong in zip(edits, check(connection, schema.entity, drafts), strict=True):
        if wrong is not None:
            key = wrong.field if wrong.field in write.changes else next(iter(write.changes))
            yield Kept(write.record_id, key, write.changes[key][0], wrong.message)


def _draft(write: Write, before: Mapping[str, Any], fields: Mapping[str, Field]) -> Draft:
    old = {key: pair[1] for key, pair in write.changes.items() if key in fields}
    values = {key: None if plain is None else read_json(plain, fields[key]) for key, plain in old.items()}
    return Draft({**before, **values}, write.record_id, before)


def without(write: Write, stay: set[tuple[int, str]]) -> Write:
    """Return a write without the values that stay, named by record and field."""
    changes = {key: pair for key, pair in write.changes.items() if (write.record_id, key) not in stay}
    return replace(write, changes=changes)


def _gone(fields: Mapping[str, Field], writes: Sequence[Write]) -> Iterator[Kept]:
    for write in writes:
        for key, (now, old) in write.changes.items():
            if key in fields and old is not None and not _reads(old, fields[key]):
                yield Kept(write.record_id, key, now, say(GONE))
                continue
            options = fields[key].options if key in fields else ()
            wanted = set(old) if isinstance(old, list) else {old} - {None}
            if options and not wanted <= {option.key for option in options}:
                yield Kept(write.record_id, key, now, say(GONE))


def _reads(plain: Any, field: Field) -> bool:
    """Tell whether a value is still one of its field, which may have another type by now."""
    if field.additional and isinstance(plain, list) != FIELD_TYPES[field.type].many:
        return False
    if not field.additional or field.options or field.target or FIELD_TYPES[field.type].secret:
        return True
    value, loose = read_json(plain, field), replace(field, min=None, max=None)
    return value is not None and parse_value(FIELD_TYPES[field.type].render(value, field), loose) == value


def _taken(connection: Connection, schema: Schema, writes: Sequence[Write], viewer: Viewer) -> Iterator[Kept]:
    """Yield the unique values that another record holds and does not let go of in the same undoing.

    For a record that comes back from the bin that is its coming back.
    """
    fields = {field.key: field for field in schema.fields}
    unique = {key for key, field in fields.items() if field.unique}
    back = [(write, key) for write in writes for key, pair in write.changes.items() if key in unique and pair[1]]
    leaving = {(write.record_id, key) for write in writes for key in write.changes if key in unique}
    leaving |= {(write.record_id, key) for write in writes if write.bins for key in unique}
    claims = [(write.record_id, key, key, unique_key(fields[key], write.changes[key][1])) for write, key in back]
    returning = claims_back(connection, schema, [write for write in writes if write.restores])
    claims += [(one["record_id"], "deleted", one["field"], one["value"]) for one in returning]
    owners = owners_of(
        connection, ({"field": field, "value": value} for _id, _key, field, value in claims), schema.entity.key
    )
    now = {(write.record_id, key): pair[0] for write in writes for key, pair in write.changes.items()}
    told: set[tuple[int, str]] = set()
    for record_id, key, field, value in claims:
        owner = owners.get((field, value))
        if owner in {None, record_id} or (owner, field) in leaving or (record_id, key) in told:
            continue
        told.add((record_id, key))
        yield Kept(record_id, key, now[record_id, key], _taken_words(key, fields[field], owner, viewer, schema.entity))


def _taken_words(key: str, field: Field, owner: int | None, viewer: Viewer, entity: Entity) -> str:
    noun = say(entity.noun)
    if viewer.partner_id is not None or field.key in viewer.fields.on(entity).unseen:
        return say(TAKEN_BY_ANOTHER, noun=noun)
    return say(TAKEN_BACK if key == "deleted" else TAKEN, owner=owner, field=field.name, noun=noun)


class _Pointers:
    """The customers that others point to, who therefore stay out of the bin."""

    def __init__(self, connection: Connection, schema: Schema, writes: Iterable[Write], viewer: Viewer) -> None:
        self._viewer = viewer
        self._fields = [field for field in schema.fields if field.additional and points_to_customers(field)]
        binned = {write.record_id for write in writes if write.bins}
        self._found = list(self._read(connection, binned)) if binned else []

    def _read(self, connection: Connection, binned: set[int]) -> Iterator[tuple[int, Field, int]]:
        """Yield who points to one that is to go to the bin: ID, in which field, and to whom."""
        table = Customer.__table__.c
        for field in self._fields:
            held = table.extra[field.key]
            query = select(table.id, table.extra).where(held.as_string().is_not(None), table.deleted_at.is_(None))
            for record_id, extra in connection.execute(query.order_by(table.id)):
                pointed = members(extra.get(field.key))
                yield from ((record_id, field, one) for one in pointed if one in binned and one != record_id)

    def blocked(self, writes: Sequence[Write]) -> Iterator[Kept]:
        """Yield the customers who cannot go to the bin as long as others that stay point to them."""
        by_id = {write.record_id: write for write in writes}
        told: set[int] = set()
        for owner, field, record_id in self._found:
            write = by_id.get(record_id)
            if write is None or not write.bins or record_id in told or _lets_go(by_id.get(owner), field.key, record_id):
                continue
            told.add(record_id)
            yield Kept(record_id, "deleted", None, self._words(owner, field))

    def _words(self, owner: int, field: Field) -> str:
        if self._viewer.partner_id is not None or field.key in self._viewer.fields.unseen:
            return say(POINTED_BY_ANOTHER)
        return say(POINTED, owner=owner, field=field.name)


def _lets_go(write: Write | None, key: str, record_id: int) -> bool:
    """Tell whether a customer who points to another is undone away too, or points elsewhere then."""
    if write is None:
        return False
    return write.bins or (key in write.changes and record_id not in members(write.changes[key][1]))
