"""Decide what undoing does: the inverse of what an import or a job wrote, merged against what has happened since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import current_app
from sqlalchemy import Connection, select

from panel.authors import Author
from panel.changelog import Write, write_in_bulk
from panel.entities import CUSTOMER, Entity
from panel.imports.aftermath import CREATED, Later, Source, Written, edits, entity_of, last_edit, later_than, written_by
from panel.imports.made_fields import fields_to_retire, retire_fields
from panel.imports.options import Viewer
from panel.imports.planning import Progress, quiet
from panel.imports.standing import Kept, possible, without
from panel.keys import Keyring
from panel.records import BATCH, batches
from panel.rights import EDIT
from panel.schema import Schema, current_schema
from panel.sealed import secret_keys
from sync.errors import SyncError
from sync.fields import FieldType
from sync.types import FIELD_TYPES
from sync.words import later as later_words
from sync.words import say

SINCE = later_words("edited since")
CREATED_SINCE = later_words("the %(noun)s was edited since")
IN_BIN = later_words("the %(noun)s is in the bin; restore it, then undo the rest")
ERASED = later_words("the customer was erased for good")
NOT_YOURS = later_words("you may not edit this")
NEEDED = later_words("a %(noun)s has to have this; change it by hand, or undo the whole row")
NO_RIGHT = later_words("You may not change %(what)s. Ask somebody who may.")
SECRET = later_words("a password cannot be put back, because only its digest was kept")


@dataclass(frozen=True, slots=True)
class Undone:
    """What undoing does: cells put back, created customers that go to the bin, restored ones, and what is kept.

    `retired` are the keys of the fields that the import made and that go with it. What the viewer may not see is
    not listed: `hidden` says how many values and customers that are. `of` is the key of what the records are.
    """

    reverted: int
    removed: int
    restored: int
    kept: tuple[Kept, ...]
    retired: tuple[str, ...] = ()
    hidden: int = 0
    of: str = CUSTOMER.key

    @property
    def count(self) -> int:
        """Return how many values, customers and fields go back."""
        return self.reverted + self.removed + self.restored + len(self.retired)

    @property
    def wrote(self) -> bool:
        """Tell whether anything went back."""
        return bool(self.count)


@dataclass(slots=True)
class Undoing:
    """The plan for records of an entity: what is written, what stays and why, and from which cells values came."""

    entity: Entity = CUSTOMER
    writes: list[Write] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    hidden: int = 0
    cells: dict[int, Mapping[str, str]] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)

    @property
    def since_words(self) -> frozenset[str]:
        """Return the reasons why something stays that somebody edited since."""
        return frozenset((say(SINCE), say(CREATED_SINCE, noun=say(self.entity.noun))))

    @property
    def undone(self) -> Undone:
        """Return what the plan amounts to."""
        binned = [write for write in self.writes if write.bins]
        restored = [write for write in self.writes if write.restores]
        cells = sum(len(write.changes) for write in self.writes) - len(binned) - len(restored)
        return Undone(
            cells, len(binned), len(restored), tuple(self.kept), tuple(self.retired), self.hidden, self.entity.key
        )

    @property
    def fingerprint(self) -> str:
        """Return a digest of all that would be written: equal plans do the same."""
        writes = sorted(
            (one.record_id, sorted((key, *pair) for key, pair in one.changes.items())) for one in self.writes
        )
        return hashlib.sha256(json.dumps([writes, self.retired], default=str).encode()).hexdigest()


def plan_undo(
    connection: Connection,
    source: Source,
    viewer: Viewer,
    then: Schema | None = None,
    *,
    lock: bool = False,
    doing: Callable[[int, int], None] | None = None,
) -> Undoing:
    """Return what undoing a source does now.

    A value that cannot go back, because it was edited since, belongs to another, names what is gone or is not the
    viewer's to edit, is kept. `then` is the schema that undoing makes, where that is another one than today's; `lock`
    keeps others from writing the records until the transaction ends; `doing` is told how far it is.
    """
    schema = then or current_schema(connection, entity_of(connection, source))
    plan, entity = Undoing(schema.entity), schema.entity
    if not (viewer.may(entity.sees) and viewer.may(entity.edits)):
        raise SyncError(say(NO_RIGHT, what=entity.title))
    inverter = _Inverter(schema, secret_keys(connection), source)
    everything = written_by(connection, source, entity)
    for done, some in enumerate(batches(everything, BATCH)):
        if doing:
            doing(done * BATCH, len(everything))
        stored = _stored(connection, schema, [one.record_id for one in some], viewer, lock=lock)
        touched = {one.record_id: one.last for one in some if stored[one.record_id]["#revision"] > one.last}
        later = later_than(connection, touched, entity)
        for one in some:
            _count(plan, one)
            if not stored[one.record_id]["#mine"]:
                plan.hidden += 1
                continue
            write, kept = inverter.invert(one, stored[one.record_id], later.get(one.record_id, ()))
            plan.kept.extend(kept)
            plan.writes.extend([write] if write else [])
            if write or kept:
                plan.cells[one.record_id] = one.cells
    _leave_what_is_not_theirs(plan, viewer)
    plan.writes, left = possible(connection, schema, plan.writes, viewer)
    plan.retired, stay = fields_to_retire(connection, source, plan.writes, viewer)
    plan.kept += [*left, *stay]
    return plan


def _count(plan: Undoing, one: Written) -> None:
    for key in [CREATED] if one.first == 1 else one.changes:
        plan.columns[key] = plan.columns.get(key, 0) + 1


def _leave_what_is_not_theirs(plan: Undoing, viewer: Viewer) -> None:
    """Take out what the viewer may not edit, or what would leave the viewer's partner; hide what they may not see."""
    rights = viewer.fields.on(plan.entity)
    for place, write in enumerate(plan.writes):
        denied = {
            key
            for key, pair in write.changes.items()
            if rights.of(key) != EDIT or (key == "partner" and viewer.partner_id not in {None, pair[1]})
        }
        if denied:
            plan.kept += [Kept(write.record_id, key, write.changes[key][0], say(NOT_YOURS)) for key in sorted(denied)]
            plan.writes[place] = without(write, {(write.record_id, key) for key in denied})
    plan.writes = [write for write in plan.writes if write.changes]
    seen = [one for one in plan.kept if one.field not in rights.unseen]
    plan.hidden += len(plan.kept) - len(seen)
    plan.kept = seen


def apply_undo(connection: Connection, source: Source, author: Author, viewer: Viewer) -> Undone:
    """Undo a source in the caller's transaction; `author` says what of. Raises `LostRace` or `ValueTaken`."""
    plan = plan_undo(connection, source, viewer, lock=True)
    write_undo(connection, plan, author)
    return plan.undone


def write_undo(connection: Connection, plan: Undoing, author: Author, progress: Progress = quiet) -> None:
    """Write what undoing does in the caller's transaction."""
    keyring: Keyring = current_app.extensions["keyring"]
    schema = current_schema(connection, plan.entity)
    write_in_bulk(connection, schema, keyring, plan.writes, author, progress)
    retire_fields(connection, plan.retired)


def _stored(
    connection: Connection, schema: Schema, ids: Sequence[int], viewer: Viewer, *, lock: bool
) -> dict[int, dict[str, Any]]:
    """Return each record's revision, `extra` and built-in values in JSON form, and whether the viewer reaches it."""
    table, is_mine = schema.entity.table, schema.entity.within(viewer.partner_id)
    query = select(table, is_mine.label("#mine")).where(table.c.id.in_(ids)).order_by(table.c.id)
    rows = connection.execute(query.with_for_update(of=table) if lock else query).mappings()
    return {row["id"]: _plain(row, schema) for row in rows}


def _plain(row: Any, schema: Schema) -> dict[str, Any]:
    extra = row.get("extra") or {}
    plain = {"#revision": row["revision"], "#mine": row["#mine"], "#extra": extra, **extra}
    for one in schema.fields:
        field_type = FIELD_TYPES[one.type]
        if not one.additional and not one.derived and not field_type.secret:
            value = row[schema.entity.column_name(one.key)]
            plain[one.key] = _json_of(value, field_type)
    plain["deleted"] = True if row["deleted_at"] is not None else None
    plain["#erased"] = row.get("erased_at") is not None
    return plain


def _json_of(value: Any, field_type: FieldType) -> Any:
    if field_type.many:
        return list(value or ()) or None
    return None if value is None or value == "" else field_type.to_json(value)


class _Inverter:
    """Turns what was written to a record into what takes it back, and what of it stays."""

    def __init__(self, schema: Schema, secret: Collection[str], source: Source) -> None:
        self._source, self._secret = source, secret if schema.entity.has_extra else ()
        self._named_by, self._noun = schema.entity.named_by, say(schema.entity.noun)
        self._former = {one.key: one for one in schema.fields if one.former}
        self._required = {one.key for one in schema.fields if one.required}
        self._keys = {one.key for one in schema.fields if not FIELD_TYPES[one.type].secret}

    def invert(
        self, one: Written, stored: Mapping[str, Any], later: Sequence[Later]
    ) -> tuple[Write | None, list[Kept]]:
        """Return the write that undoes what was written to a record, if anything goes back, and what is kept."""
        is_created = one.first == 1
        if is_created and (stored["deleted"] or self._source.takes(CREATED)):
            return (None, []) if stored["deleted"] else self._bin(one, stored, later)
        if stored["#erased"]:
            return None, [Kept(one.record_id, "", None, say(ERASED))]
        # What the panel filled in by itself stands in no cell.
        pairs = {key: [None, one.changes[key][1]] for key in one.cells} if is_created else one.changes
        gone_back = {key for entry in later if self._source.undid(entry) for key in entry.changes}
        pairs = {key: pair for key, pair in pairs.items() if self._source.takes(key) and key not in gone_back}
        is_away = self._source.import_id is not None and stored["deleted"] and "deleted" not in one.changes
        back: dict[str, tuple[Any, Any]] = {}
        kept: list[Kept] = []
        for key, pair in pairs.items():
            now, old, new = stored.get(key), *self._followed(key, pair)
            reason, by = self._reason(key, (now, old, new), later, is_created=is_created, is_away=bool(is_away))
            if reason:
                kept.append(_kept(one.record_id, key, None if key in self._secret else now, reason, by))
            elif now != old:
                back[key] = (now, old)
        write = Write(one.record_id, stored["#revision"] + 1, back, extra=stored["#extra"]) if back else None
        return write, kept

    def _followed(self, key: str, pair: Sequence[Any]) -> tuple[Any, Any]:
        old, new = map(self._former[key].follow, pair) if key in self._former else pair
        return old, new

    def _reason(
        self, key: str, versions: tuple[Any, Any, Any], later: Sequence[Later], *, is_created: bool, is_away: bool
    ) -> tuple[str, Later | None]:
        """Return why a value stays, and whose doing that is; nothing where it goes back or is back already."""
        now, old, new = versions
        if key in self._secret:
            return say(SECRET), None
        if now == old:
            return "", None
        if is_away:
            return say(IN_BIN, noun=self._noun), last_edit(later, self._source, "deleted")
        # A customer whom the import took out of the bin, and on whom somebody worked since, stays.
        if now != new or (key == "deleted" and old and last_edit(later, self._source)):
            return say(SINCE), last_edit(later, self._source, key if now != new else "")
        return (say(NEEDED, noun=self._noun) if is_created and key in self._required else ""), None

    def _bin(self, one: Written, stored: Mapping[str, Any], later: Sequence[Later]) -> tuple[Write | None, list[Kept]]:
        """Put a created customer into the bin, if it is what it was when it was created."""
        last = {key: pair[1] for key, pair in one.changes.items() if key in self._keys}
        created = {
            key: self._former[key].follow(value) if key in self._former else value for key, value in last.items()
        }
        for entry in later:
            if self._source.undid(entry):
                created |= {key: pair[1] for key, pair in entry.changes.items()}
        new_secret = any(key in self._secret for entry in edits(later, self._source) for key in entry.changes)
        if new_secret or any(stored.get(key) != created.get(key) for key in self._keys):
            by = last_edit(later, self._source)
            return None, [_kept(one.record_id, "", stored[self._named_by], say(CREATED_SINCE, noun=self._noun), by)]
        number = stored["#revision"] + 1
        return Write(one.record_id, number, {"deleted": (None, True)}, extra=stored["#extra"]), []


def _kept(record_id: int, key: str, now: Any, reason: str, by: Later | None) -> Kept:
    who, since = (by.by, by.at.isoformat()) if by else ("", "")
    return Kept(record_id, key, now, reason, who, since)
