"""A person's answers to a preview: each stays good while the three values that it was given for stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from panel.imports.planning import Planned
from panel.imports.report import display
from panel.models import ImportItem
from sync.plan import Item, RowPlan


def apply_choices(connection: Connection, import_id: int, planned: Planned) -> None:
    """Carry the saved answers over into a new plan of the same file."""
    table = ImportItem.__table__.c
    columns = (table.at, table.field, table.base, table.panel, table.workbook, table.choice)
    rows = connection.execute(select(*columns).where(table.import_id == import_id, table.choice != ""))
    saved = {_key(*row[:5]): row[5] for row in rows}
    if not saved:
        return
    for number, row in list(planned.plan.kept.items()):
        planned.plan.kept[number] = _answered(row, saved, planned)


def _answered(row: RowPlan, saved: dict[Any, str], planned: Planned) -> RowPlan:
    items = tuple(_with_choice(item, saved, planned) for item in row.items)
    repairs = tuple(_with_choice(item, saved, planned) for item in row.repairs)
    return replace(row, items=items, repairs=repairs)


def _with_choice(item: Item, saved: dict[Any, str], planned: Planned) -> Item:
    if not item.is_open:
        return item
    field = next((field for field in planned.schema.fields if field.key == item.field), None)
    shown = [display(value, field) for value in (item.base, item.panel, item.workbook)]
    choice = saved.get(_key(str(item.at), item.field, *shown), "")
    return replace(item, choice=choice) if choice else item


def _key(*parts: Any) -> str:
    return repr([list(part) if isinstance(part, tuple) else part for part in parts])
