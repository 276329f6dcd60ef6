"""Storing what a person chose: by one update over the lines, with the counts made right at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, update

from panel.entities import ENTITIES, Entity
from panel.imports.choices import OTHER, PANEL, WORKBOOK
from panel.imports.lines import ASKED, DECIDED
from panel.imports.options import Viewer
from panel.models import Import, ImportItem
from panel.schema import current_schema
from sync.errors import SyncError
from sync.fields import Bad
from sync.types import FIELD_TYPES
from sync.values import parse_value
from sync.words import say

SIDES = frozenset({"", PANEL, WORKBOOK})


def store_choice(
    connection: Connection, import_id: int, which: Sequence[ColumnElement[bool]], side: str, viewer: Viewer
) -> int:
    """Give an answer to all of an import's lines that meet these conditions, may be asked about and be seen.

    Return how many there were. `side` is ``panel``, ``workbook``, or blank for none yet.
    """
    if side not in SIDES:
        raise SyncError(say("Choose the panel's value or the workbook's."))
    return _store(connection, import_id, (*_asked(connection, import_id, viewer), *which), side, None)


def _store(
    connection: Connection, import_id: int, which: Sequence[ColumnElement[bool]], side: str, other: str | None
) -> int:
    """Write a choice, and make the counts that depend on it right until the import is planned again."""
    table = ImportItem.__table__.c
    query = select(table.group, table.field, table.choice, func.count()).where(*which)
    before = connection.execute(query.group_by(table.group, table.field, table.choice)).all()
    connection.execute(update(ImportItem).where(*which).values(choice=side, other=other))
    counts: dict[str, Any] = dict(connection.execute(select(Import.counts).where(Import.id == import_id)).scalar_one())
    tallies = Counter({(group, field, choice): number for group, field, choice, number in counts.get("tallies", ())})
    for group, field, choice, number in before:
        tallies[group, field, choice] -= number
        tallies[group, field, side] += number
    kept = [[*tally, number] for tally, number in tallies.items() if number]
    counts |= _totals(kept) | {"tallies": kept}
    connection.execute(update(Import).where(Import.id == import_id).values(counts=counts))
    return sum(number for *_tally, number in before)


def store_other(
    connection: Connection, import_id: int, which: Sequence[ColumnElement[bool]], text: str, viewer: Viewer
) -> None:
    """Take a typed value for the one cell that meets these conditions and waits for an answer, judged as everywhere.

    Raises `SyncError` with what is wrong with it.
    """
    mine = (*_asked(connection, import_id, viewer), *which, ImportItem.group.in_(ASKED))
    line = connection.execute(select(ImportItem.at, ImportItem.field).where(*mine)).one_or_none()
    schema = viewer.fields.narrow(current_schema(connection, _entity_of(connection, import_id)))
    field = next((one for one in schema.fields if line is not None and one.key == line.field), None)
    if line is None or field is None or field.read_only or FIELD_TYPES[field.type].secret:
        raise SyncError(say("Another value cannot be typed here. Choose the panel's value or the workbook's."))
    value = parse_value(text, field)
    missing = field.required and value is None
    if isinstance(value, Bad) or missing:
        wrong = value.message if isinstance(value, Bad) else say("%(label)s is needed.", label=field.name)
        raise SyncError(f"{line.at.rpartition('!')[2]}: {wrong}")
    _store(connection, import_id, mine, OTHER, text)


def _entity_of(connection: Connection, import_id: int) -> Entity:
    return ENTITIES[connection.execute(select(Import.entity).where(Import.id == import_id)).scalar_one()]


def _asked(connection: Connection, import_id: int, viewer: Viewer) -> tuple[ColumnElement[bool], ...]:
    unseen = viewer.fields.on(_entity_of(connection, import_id)).unseen
    seen = (ImportItem.field.not_in(unseen),) if unseen else ()
    # Certain damage is restored without asking.
    return (
        ImportItem.import_id == import_id,
        ImportItem.group.in_((*ASKED, *DECIDED)),
        ImportItem.outcome != "ignored",
        *seen,
    )


def _totals(tallies: Sequence[Sequence[Any]]) -> dict[str, int]:
    """Return what would be written, by what each of the lines says by itself."""

    def total(groups: tuple[str, ...], choices: tuple[str, ...]) -> int:
        return sum(tally[3] for tally in tallies if tally[0] in groups and tally[2] in choices)

    taken = total(ASKED, (WORKBOOK, OTHER))
    return {
        "cells_updated": total(("change", "clear"), ("", WORKBOOK)) + taken,
        "cleared": total(("clear",), ("", WORKBOOK)),
        "created": total(("new",), ("", WORKBOOK)),
        "deleted": total(("delete",), ("", WORKBOOK)),
        "undecided": total(ASKED, ("",)),
    }
