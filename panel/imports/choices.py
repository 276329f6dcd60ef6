"""A person's answers to a preview: each stays good while the three values that it was given for stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from panel.imports.showing import display
from panel.models import ImportItem
from sync.columns import Column
from sync.fields import Field
from sync.plan import UNDECIDED, Item, Plan, RowPlan

Answers = Mapping[str, str]
"""What was asked, with its three values, to ``panel`` or ``workbook``."""


def saved_answers(connection: Connection, import_id: int) -> Answers:
    """Return the answers that were given to an import's preview."""
    table = ImportItem.__table__.c
    columns = (table.at, table.field, table.base, table.panel, table.workbook, table.choice)
    rows = connection.execute(select(*columns).where(table.import_id == import_id, table.choice != ""))
    return {_question(*row[:5]): row[5] for row in rows}


def answer(plan: Plan, columns: Sequence[Column], answers: Answers, *, over: bool = False) -> None:
    """Carry answers over into a plan of the same file; with `over` also where all cells alike were answered."""
    if not answers:
        return
    fields = {column.field.key: column.field for column in columns}
    for number, row in list(plan.kept.items()):
        plan.kept[number] = _answered(row, answers, fields, over=over)


def _answered(row: RowPlan, answers: Answers, fields: Mapping[str, Field], *, over: bool) -> RowPlan:
    def answered(item: Item) -> Item:
        return _with_choice(item, answers, fields) if item.is_open or (over and item.outcome in UNDECIDED) else item

    fate = row.fate and answered(row.fate)
    items, repairs = ([answered(item) for item in some] for some in (row.items, row.repairs))
    # Damage that a person takes as it is, is an edit like any other.
    meant = [item for item in repairs if item.choice == "workbook"]
    rest = tuple(item for item in repairs if item.choice != "workbook")
    return replace(row, items=(*items, *meant), repairs=rest, fate=fate)


def _with_choice(item: Item, answers: Answers, fields: Mapping[str, Field]) -> Item:
    choice = answers.get(question_of(item, fields), "")
    return replace(item, choice=choice) if choice else item


def question_of(item: Item, fields: Mapping[str, Field]) -> str:
    """Return what is asked about a cell, with its three values."""
    shown = [display(value, fields.get(item.field)) for value in (item.base, item.panel, item.workbook)]
    return _question(str(item.at), item.field, *shown)


def _question(*parts: Any) -> str:
    return repr([list(part) if isinstance(part, tuple) else part for part in parts])
