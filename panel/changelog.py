"""The spine: every write of a record appends its revision, whether it comes through the ORM or in bulk."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from panel.authors import Author
from panel.database import is_sqlite
from panel.entities import CUSTOMER, ENTITIES, Entity
from panel.keys import Keyring
from panel.likeness import follow_names
from panel.models import Revision, UniqueValue
from panel.models.columns import now
from panel.records import BATCH, batches, records_by_id
from panel.schema import ENTITY, Schema
from sync.errors import SyncError
from sync.fields import Field
from sync.records import Change, Record, roll_back
from sync.types import FIELD_TYPES
from sync.values import read_json
from sync.words import say

ROWS_AT_ONCE = 2_000
REMEMBERED = "~login"  # no field's key, so that nobody can type such a value


class ValueTaken(SyncError):
    """A value that only one record may have belongs to another; `field` is the field's key."""

    def __init__(self, field: str, value: str, owner: int, entity: str = ENTITY) -> None:
        noun = say(ENTITIES[entity].noun)
        super().__init__(f"'{value}' belongs to {noun} {owner}. Choose another.")
        self.field, self.value, self.owner = field, value, owner


class LostRace(SyncError):
    """A record was written by somebody else between reading and writing it."""


@dataclass(frozen=True, slots=True)
class Write:
    """One record about to be written: fields' values in JSON form, before and after.

    `number` is the revision that the write makes: 1 creates the record. A secret's new value is in the clear here
    and nowhere later; its old one is a digest.
    """

    record_id: int
    number: int
    changes: Mapping[str, tuple[Any, Any]]
    cells: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    stamp: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def bins(self) -> bool:
        """Tell whether the write moves its record to the bin."""
        return bool(self.changes.get("deleted", (None, None))[1])

    @property
    def restores(self) -> bool:
        """Tell whether the write takes its record out of the bin."""
        return "deleted" in self.changes and not self.bins


def allocate_ids(connection: Connection, count: int, after: int = 0, entity: str = ENTITY) -> list[int]:
    """Reserve IDs that no such record has or had, so that a login can be made of one before the row exists.

    SQLite forgets a reservation until the row is there: `after` is the highest ID that the caller has reserved.
    """
    if count == 0:
        return []
    if is_sqlite(connection):
        named = {"entity": entity}
        last = connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = :entity"), named).scalar() or 0
        logged = text("SELECT max(record_id) FROM revision WHERE entity = :entity")
        highest = connection.execute(logged, named).scalar()
        first = max(last, highest or 0, after) + 1
        return list(range(first, first + count))
    query = text("SELECT nextval(CAST(:sequence AS regclass)) FROM generate_series(1, :count)")
    rows = connection.execute(query, {"sequence": f"{entity}_id_seq", "count": count})
    return [int(row[0]) for row in rows]


def write_in_bulk(
    connection: Connection,
    schema: Schema,
    keyring: Keyring,
    writes: Sequence[Write],
    author: Author,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Write records and their revisions in the caller's transaction; `progress` hears how many, and of how many.

    Raises `ValueTaken` or `LostRace`; the caller rolls back.
    """
    store = _Store(schema, keyring)
    release_and_claim(connection, schema, writes, keyring)
    if schema.entity is CUSTOMER:
        follow_names(connection, new_names(writes))
    done = 0
    for some in batches(writes, ROWS_AT_ONCE):
        progress(done, len(writes))
        append_revisions(connection, [store.without_secrets(write) for write in some], author, schema.entity.key)
        store.insert(connection, [write for write in some if write.number == 1])
        store.update(connection, [write for write in some if write.number > 1])
        done += len(some)
    tell_followers(connection, schema.entity.key, writes)
    progress(done, len(writes))


Follower = Callable[[Connection, Sequence[Write]], None]
_followers: dict[str, list[Follower]] = defaultdict(list)


def follows(entity: str) -> Callable[[Follower], Follower]:
    """Have a function called after each write of such records, in the transaction that wrote them."""

    def register(follower: Follower) -> Follower:
        _followers[entity].append(follower)
        return follower

    return register


def tell_followers(connection: Connection, entity: str, writes: Sequence[Write]) -> None:
    """Let happen what follows from these writes."""
    for follower in _followers[entity] if writes else ():
        follower(connection, writes)


def new_names(writes: Iterable[Write]) -> dict[int, str | None]:
    """Return the names that these writes give, by the IDs of their records."""
    return {write.record_id: write.changes["full_name"][1] for write in writes if "full_name" in write.changes}


def append_revisions(connection: Connection, writes: Iterable[Write], author: Author, entity: str = ENTITY) -> None:
    """Append one revision a write; no secret may be in the clear in them."""
    rows = [_revision(write, author, entity) for write in writes]
    if rows:
        connection.execute(insert(Revision), rows)


def _revision(write: Write, author: Author, entity: str) -> dict[str, Any]:
    return {
        "entity": entity,
        "record_id": write.record_id,
        "number": write.number,
        "stamp": write.stamp,
        "at": now(),
        "by": author.name,
        "user_id": author.user_id,
        "through": author.through,
        "import_id": author.import_id,
        "undo_of": author.undo_of,
        "job_id": author.job_id,
        "reason": author.reason,
        "changes": {key: list(pair) for key, pair in write.changes.items()},
        "cells": dict(write.cells) or None,
    }


class _Store:
    """Writes records of one schema to their table."""

    def __init__(self, schema: Schema, keyring: Keyring) -> None:
        self._entity, self._keyring = schema.entity, keyring
        self._fields = {entry.key: entry for entry in schema.fields}
        self._secret = {key for key, entry in self._fields.items() if FIELD_TYPES[entry.type].secret}

    def without_secrets(self, write: Write) -> Write:
        """Return a write as the log keeps it: of secrets the digests."""
        hidden = {
            key: (old, None if new is None else self._keyring.digest(new))
            for key, (old, new) in write.changes.items()
            if key in self._secret
        }
        if not hidden:
            return write
        return Write(write.record_id, write.number, {**write.changes, **hidden}, write.cells, write.extra, write.stamp)

    def insert(self, connection: Connection, writes: Sequence[Write]) -> None:
        """Add records."""
        rows = [{"id": write.record_id, "entity": self._entity.key, **self._row(write)} for write in writes]
        for same_columns in _by_columns(rows):
            connection.execute(insert(self._entity.model), same_columns)

    def update(self, connection: Connection, writes: Sequence[Write]) -> None:
        """Change records that are still at the revision before."""
        table = self._entity.table
        rows = [{"the_id": write.record_id, "the_old": write.number - 1, **self._row(write)} for write in writes]
        matching = (table.c.id == bindparam("the_id")) & (table.c.revision == bindparam("the_old"))
        for same_columns in _by_columns(rows):
            names = [name for name in same_columns[0] if name not in {"the_id", "the_old"}]
            statement = update(self._entity.model).where(matching).values({name: bindparam(name) for name in names})
            changed = connection.execute(statement, same_columns).rowcount
            if changed != len(same_columns):
                raise LostRace(say("Somebody else changed one of these customers at the same moment. Try again."))

    def _row(self, write: Write) -> dict[str, Any]:
        entity = self._entity
        row: dict[str, Any] = {"revision": write.number, "stamp": write.stamp}
        for key in sorted(write.changes):
            new = write.changes[key][1]
            if key == "deleted":
                row["deleted_at"] = now() if new else None
            elif key in entity.keys:
                row[entity.column_name(key)] = self._stored(self._fields[key], new, write.record_id)
        is_extra = any(key not in entity.keys and key != "deleted" for key in write.changes)
        return row | ({"extra": self._extra(write)} if entity.has_extra and (is_extra or write.number == 1) else {})

    def _stored(self, field: Field, plain: Any, record_id: int) -> Any:
        field_type = FIELD_TYPES[field.type]
        if plain is None:
            return [] if field_type.many else None
        if field_type.secret:
            return self._keyring.encrypt(plain, self._entity.key, record_id, field.key)
        return plain if field_type.many else field_type.from_json(plain)

    def _extra(self, write: Write) -> dict[str, Any]:
        kept = dict(write.extra)
        for key, (_old, new) in write.changes.items():
            if key not in self._entity.keys and key != "deleted":
                is_sealed = key in self._secret and new
                kept[key] = self._keyring.encrypt(new, self._entity.key, write.record_id, key) if is_sealed else new
        return {key: value for key, value in kept.items() if value is not None}


def _by_columns(rows: Sequence[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row)].append(row)
    return groups.values()


def release_and_claim(connection: Connection, schema: Schema, writes: Sequence[Write], keyring: Keyring) -> None:
    """Move the values that only one record may have: all old ones are let go before any new one is taken.

    Two records may so exchange theirs in one transaction. A record in the bin holds none: moved there it lets go of
    all, and restored it takes them again. Raises `ValueTaken`.
    """
    entity = schema.entity
    unique = {field.key: field for field in schema.fields if field.unique}
    let_go(connection, [write.record_id for write in writes if write.bins], keyring, entity.key)
    moves = [(write, key) for write in writes for key in write.changes if key in unique]
    binned = _in_bin(connection, entity, {write.record_id for write, _key in moves if write.number > 1}, writes)
    moves = [(write, key) for write, key in moves if write.record_id not in binned]
    table = UniqueValue.__table__
    leaving = [{"f": key, "r": write.record_id} for write, key in moves if write.number > 1]
    if leaving:
        mine = (table.c.entity == entity.key) & (table.c.field == bindparam("f"))
        mine &= table.c.record_id == bindparam("r")
        connection.execute(delete(UniqueValue).where(mine), leaving)
    taking = [_claim(entity, unique[key], write) for write, key in moves if write.changes[key][1] is not None]
    claim(connection, [*taking, *claims_back(connection, schema, [write for write in writes if write.restores])])


def _in_bin(connection: Connection, entity: Entity, ids: Iterable[int], writes: Sequence[Write]) -> set[int]:
    """Return which of these records will be in the bin after the writes."""
    table = entity.table.c
    found: set[int] = set()
    for some in batches(sorted(ids), BATCH):
        there = select(table.id).where(table.id.in_(some), table.deleted_at.is_not(None))
        found.update(connection.execute(there).scalars())
    return (found | {write.record_id for write in writes if write.bins}) - {w.record_id for w in writes if w.restores}


def claims_back(connection: Connection, schema: Schema, writes: Sequence[Write]) -> list[dict[str, Any]]:
    """Return the unique values that records have which are to come back from the bin, but for those that change."""
    unique = [field for field in schema.fields if field.unique]
    stored = records_by_id(connection, unique, [write.record_id for write in writes], schema.entity)
    return [
        {
            "entity": schema.entity.key,
            "field": field.key,
            "value": FIELD_TYPES[field.type].key_of(stored[write.record_id].values[field.key]),
            "record_id": write.record_id,
        }
        for write in writes
        for field in unique
        if field.key not in write.changes and stored[write.record_id].values[field.key] is not None
    ]


def claim(connection: Connection, wanted: Sequence[dict[str, Any]]) -> None:
    """Take values for records, or raise `ValueTaken`; one that the same record holds already is no conflict."""
    owners = claim_free(connection, wanted)
    lost = [one for one in wanted if owners[one["field"], one["value"]] != one["record_id"]]
    if lost:
        field, value = lost[0]["field"], lost[0]["value"]
        raise ValueTaken(field, value, owners[field, value], lost[0]["entity"])


def claim_free(connection: Connection, wanted: Sequence[dict[str, Any]]) -> dict[tuple[str, str], int]:
    """Take those of the values that are free, and return who holds each: (field, value) → record ID."""
    owners: dict[tuple[str, str], int] = {}
    build = sqlite_insert if is_sqlite(connection) else postgresql_insert
    for some in batches(wanted, BATCH):
        connection.execute(build(UniqueValue).on_conflict_do_nothing(), some)
        owners.update(owners_of(connection, some, some[0]["entity"]))
    return owners


def owners_of(
    connection: Connection, wanted: Iterable[Mapping[str, Any]], entity: str = ENTITY
) -> dict[tuple[str, str], int]:
    """Return which record holds each of these values of a field, for those that one holds."""
    by_field: dict[str, list[str]] = defaultdict(list)
    for one in wanted:
        by_field[one["field"]].append(one["value"])
    table, owners = UniqueValue.__table__, {}
    for name, values in by_field.items():
        for some in batches(values, BATCH):
            mine = (table.c.entity == entity) & (table.c.field == name) & table.c.value.in_(some)
            rows = connection.execute(select(table.c.value, table.c.record_id).where(mine))
            owners.update({(name, value): record_id for value, record_id in rows})
    return owners


def _claim(entity: Entity, field: Field, write: Write) -> dict[str, Any]:
    value = unique_key(field, write.changes[field.key][1])
    return {"entity": entity.key, "field": field.key, "value": value, "record_id": write.record_id}


def unique_key(field: Field, plain: Any) -> str:
    """Return the text under which a value in JSON form is unique."""
    field_type = FIELD_TYPES[field.type]
    return field_type.key_of(field_type.from_json(plain))


def let_go(connection: Connection, record_ids: Sequence[int], keyring: Keyring, entity: str = ENTITY) -> None:
    """Let go of all values that these records hold and no other may; their logins are remembered as digests.

    Somebody who types such a login gets it; the generator never makes it again.
    """
    table = UniqueValue.__table__.c
    for some in batches(record_ids, BATCH):
        mine = (table.entity == entity, table.record_id.in_(some))
        held = connection.execute(select(table.value, table.record_id).where(*mine, table.field == "login")).all()
        connection.execute(delete(UniqueValue).where(*mine, table.field != REMEMBERED))
        remember(connection, dict(tuple(row) for row in held), keyring)


def remember(connection: Connection, logins: Mapping[str, int], keyring: Keyring) -> None:
    """Keep the digests of logins that records had, each in the form in which it was unique."""
    if logins:
        build = sqlite_insert if is_sqlite(connection) else postgresql_insert
        rows = [
            {"entity": ENTITY, "field": REMEMBERED, "value": keyring.digest(login), "record_id": record_id}
            for login, record_id in logins.items()
        ]
        connection.execute(build(UniqueValue).on_conflict_do_nothing(), rows)


def remembered(connection: Connection, logins: Iterable[str], keyring: Keyring) -> set[str]:
    """Return which of these logins a record in the bin had, or one that was erased."""
    digests = {keyring.digest(login.casefold()): login for login in logins}
    held = owners_of(connection, ({"field": REMEMBERED, "value": digest} for digest in digests))
    return {digests[digest] for _field, digest in held}


def changes_since(connection: Connection, after: Mapping[int, int], entity: str = ENTITY) -> dict[int, list[Change]]:
    """Return each record's log entries newer than the revision given for it (record ID → revision number)."""
    table = Revision.__table__
    found: dict[int, list[Change]] = defaultdict(list)
    of_one = (table.c.number, table.c.stamp, table.c.changes, table.c.import_id, table.c.undo_of)
    columns = select(table.c.record_id, *of_one)
    for some in batches(sorted(after), BATCH):
        rows = connection.execute(columns.where(table.c.entity == entity, table.c.record_id.in_(some)))
        for record_id, *entry in rows:
            if entry[0] >= after[record_id]:
                found[record_id].append(Change(*entry))
    return found


def value_then(
    record: Record, newer: Iterable[Change], fields: Sequence[Field], shown: Mapping[str, Field] | None = None
) -> dict[str, Any]:
    """Return a record's canonical values as they were before the given newer changes.

    Those of a field that `shown` holds, as it was then, are values of that one; what no longer reads is None.
    """
    types = {entry.key: FIELD_TYPES[entry.type] for entry in fields}
    now_plain = {k: None if v is None else types[k].to_json(v) for k, v in record.values.items() if k in types}
    then = roll_back(now_plain, newer)
    as_then = {entry.key: (shown or {}).get(entry.key, entry) for entry in fields}
    return {key: read_json(then[key], as_then[key]) for key in now_plain}
