"""A person's answers to a preview: each stays good while the three values that it was given for stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from panel.imports.showing import display
from panel.models import ImportItem
from sync.cells import Address
from sync.columns import Column
from sync.fields import Bad, Field
from sync.merge import Outcome
from sync.plan import WRITTEN, Item, Plan, RowPlan
from sync.types import FIELD_TYPES
from sync.values import parse_value

PANEL, WORKBOOK, OTHER = "panel", "workbook", "other"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked about a line, by its three values, and the choice; `other` is what was typed instead."""

    sides: tuple[Any, Any, Any]
    choice: str
    other: Any = None


Answers = Mapping[tuple[str, str], Answer]
"""The answers by the address and field of their lines; a new record's field is blank."""


def saved_answers(connection: Connection, import_id: int) -> Answers:
    """Return the answers that were given to an import's preview."""
    table = ImportItem.__table__.c
    columns = (table.at, table.field, table.base, table.panel, table.workbook, table.choice, table.other)
    rows = connection.execute(select(*columns).where(table.import_id == import_id, table.choice != ""))
    return {(row[0], row[1]): Answer((row[2], row[3], row[4]), row[5], row[6]) for row in rows}


def sides_of(item: Item, field: Field | None) -> tuple[Any, Any, Any]:
    """Return a cell's three values as its line shows them."""
    workbook = item.value if item.outcome is Outcome.MERGED else item.workbook
    return display(item.base, field), display(item.panel, field), display(workbook, field)


def new_sides(row: RowPlan, fields: Mapping[str, Field]) -> tuple[Any, Any, Any]:
    """Return what the line of a new record shows: its values, without secrets."""
    values = row.creates.values if row.creates else {}
    shown = {key: display(value, fields[key]) for key, value in values.items() if key in fields}
    return None, None, {key: value for key, value in shown.items() if not FIELD_TYPES[fields[key].type].secret}


def answer(plan: Plan, columns: Sequence[Column], answers: Answers) -> None:
    """Carry answers over into a plan of the same file: each counts for more than what all cells alike were answered."""
    if not answers:
        return
    fields = {column.field.key: column.field for column in columns}
    for number, row in list(plan.kept.items()):
        plan.kept[number] = _answered(row, plan.sheet, answers, fields)


def _answered(row: RowPlan, sheet: str, answers: Answers, fields: Mapping[str, Field]) -> RowPlan:
    fate = row.fate and _with_choice(row.fate, answers, fields)
    items = [_with_choice(item, answers, fields) for item in row.items]
    repairs = [_with_choice(item, answers, fields) for item in row.repairs]
    # Damage that a person takes as it is, or puts right by hand, is an edit like any other.
    meant = [item for item in repairs if item.writes]
    rest = tuple(item for item in repairs if not item.writes)
    answered = replace(row, items=(*items, *meant), repairs=rest, fate=fate)
    asked = answers.get((str(Address(sheet, "", row.row)), "")) if row.creates else None
    if asked is None or asked.choice != PANEL or asked.sides != new_sides(row, fields):
        return answered
    return replace(answered, declined=True)


def _with_choice(item: Item, answers: Answers, fields: Mapping[str, Field]) -> Item:
    found = answers.get((str(item.at), item.field))
    field = fields.get(item.field)
    if found is None or not is_asked(item) or found.sides != sides_of(item, field):
        return item
    if found.choice != OTHER or field is None:
        return replace(item, choice=found.choice)
    value = parse_value(found.other, field)
    # What was typed is judged by today's rules, and asked for again where they refuse it.
    return item if isinstance(value, Bad) else replace(item, choice=OTHER, value=value)


def is_asked(item: Item) -> bool:
    """Tell whether a person may say what becomes of a cell."""
    return item.outcome in WRITTEN or item.outcome in {Outcome.CONFLICT, Outcome.BASE_UNKNOWN}
