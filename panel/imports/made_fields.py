"""The additional fields that an import made: retired by its undoing where nobody else has use for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from panel.changelog import Write
from panel.extensions import db
from panel.fields_work.retiring import retire
from panel.imports.aftermath import Source
from panel.imports.options import Viewer
from panel.imports.standing import Kept
from panel.models import AdditionalField, Customer, Import, Revision
from panel.schema import ENTITY, forget_schema
from sync.words import later, say

FILLED = later("customer %(owner)s has a value in this field; it stays")
FILLED_BY_ANOTHER = later("a customer has a value in this field; it stays")
CHANGED = later("somebody changed what this field is; retire it by hand")
NOT_YOURS = later("you may not retire fields")
_PLAIN = {"category": "all", "required": False, "is_unique": False, "default": None, "min": None, "max": None}
"""What a field that an import made is, beside what the file says: where one differs, somebody worked on it since."""


def fields_to_retire(
    connection: Connection, source: Source, writes: Sequence[Write], viewer: Viewer
) -> tuple[list[str], list[Kept]]:
    """Return the keys of the fields that go with an import, and those that stay, each with the reason."""
    if source.import_id is None or source.record_id is not None:
        return [], []
    made = connection.execute(select(Import.new_fields).where(Import.id == source.import_id)).scalar() or ()
    by_key = {one["key"]: one for one in made if one["accepted"] and source.takes(one["key"])}
    rows = select(AdditionalField.__table__).where(
        AdditionalField.entity == ENTITY, AdditionalField.key.in_(by_key), AdditionalField.retired.is_(False)
    )
    going, stay = [], []
    for row in connection.execute(rows.order_by(AdditionalField.id)).mappings():
        reason = _reason(connection, row, by_key[row["key"]], source, writes, viewer)
        if not reason:
            going.append(row["key"])
        elif row["key"] not in viewer.fields.unseen:
            stay.append(Kept(0, row["key"], None, reason))
    return going, stay


def retire_fields(connection: Connection, keys: Iterable[str]) -> None:
    """Retire fields in the caller's transaction: their history stays."""
    wanted = list(keys)
    if not wanted:
        return
    for one in db.session.scalars(select(AdditionalField).where(AdditionalField.key.in_(wanted))).all():
        retire(connection, one)
    db.session.flush()
    forget_schema()


def _reason(
    connection: Connection,
    row: Mapping[Any, Any],
    made: Mapping[str, Any],
    source: Source,
    writes: Sequence[Write],
    viewer: Viewer,
) -> str:
    """Return why a field stays, or nothing."""
    if not viewer.may_config:
        return say(NOT_YOURS)
    if (owner := _holder(connection, row["key"], source, writes)) is not None:
        return say(FILLED_BY_ANOTHER) if viewer.partner_id is not None else say(FILLED, owner=owner)
    looks = {**_PLAIN, **made.get("made", {})}
    return say(CHANGED) if any(row[name] != look for name, look in looks.items()) else ""


def _holder(connection: Connection, key: str, source: Source, writes: Sequence[Write]) -> int | None:
    """Return a customer who will still have a value in a field, those apart whom the import made and who are gone."""
    table = Customer.__table__.c
    held = select(table.id, table.deleted_at).where(table.extra[key].as_string().is_not(None))
    first = select(Revision.record_id).where(source.written, Revision.entity == ENTITY, Revision.number == 1)
    created = set(connection.execute(first).scalars())
    leaving = {one.record_id for one in writes if key in one.changes and one.changes[key][1] is None}
    leaving |= {one.record_id for one in writes if one.bins and one.record_id in created}
    rows = connection.execute(held.order_by(table.id))
    gone = ((record_id, record_id in leaving or (away and record_id in created)) for record_id, away in rows)
    return next((record_id for record_id, is_gone in gone if not is_gone), None)
