"""Cells that name customers: logins looked up, labels read, and nobody pointed to who is out of reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from panel.entities import CUSTOMER
from panel.imports.ahead import Ahead
from panel.imports.newborn import with_customers
from panel.imports.options import Viewer
from panel.relations import NOBODY, Reach, members, named, points_to_customers, reachable
from sync.cells import Address, Problem
from sync.columns import Column
from sync.fields import Field
from sync.plan import Plan, RowPlan
from sync.rows import SheetRow
from sync.types.relations import unknown_names
from sync.words import say


@dataclass(frozen=True, slots=True)
class Pointing:
    """Makes the columns of a batch of rows know the records that their cells name, in one query for all rows."""

    connection: Connection
    reach: Reach
    ahead: Ahead

    def with_logins(self, columns: Sequence[Column], rows: Sequence[SheetRow]) -> Sequence[Column]:
        """Return the columns, those that point to customers with the logins that these rows' cells hold."""
        return [self._with_logins(one, rows) if points_to_customers(one.field) else one for one in columns]

    def _with_logins(self, column: Column, rows: Sequence[SheetRow]) -> Column:
        names = {name for row in rows for name in unknown_names(row.cell(column.index), column.field)}
        if not names:
            return column
        return replace(column, field=with_customers(self.connection, column.field, names, self.reach, self.ahead))

    def with_labels(self, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> Sequence[Column]:
        """Return the columns so that they know what the export showed for these values."""
        shown = [column.shown for column in columns if column.shown is not None]
        labelled = {field.key: field for field in named(self.connection, shown, rows, self.reach)}
        return [self._with_label(column, labelled) for column in columns]

    def _with_label(self, column: Column, labelled: Mapping[str, Field]) -> Column:
        shown = column.shown
        if shown is None or labelled[shown.key] == shown:
            return column
        return replace(column, shown=labelled[shown.key])


@dataclass(frozen=True, slots=True)
class _Pointer:
    """A row that is to point to customers whom it does not point to now."""

    row: int
    at: Address
    id: int | None
    field: str
    ids: frozenset[int]


def refuse_unreachable(
    connection: Connection, plan: Plan, columns: Sequence[Column], viewer: Viewer, ahead: Ahead
) -> None:
    """Refuse rows that would newly point to customers who are not there, in the bin or out of the viewer's scope."""
    by_key = {column.field.key: column for column in columns if points_to_customers(column.field)}
    if not by_key:
        return
    pointers = [one for row in plan.accepted for one in _pointers(row, by_key)]
    there = reachable(connection, {one for pointer in pointers for one in pointer.ids}, viewer.reach)
    there = {one for one in there if not ahead.of(CUSTOMER).is_away(one)}
    for pointer in pointers:
        if missing := sorted(pointer.ids - there):
            message = say(NOBODY, id=missing[0])
            problem = Problem(pointer.at, message, pointer.id, pointer.field, f"#{missing[0]}")
            plan.refuse(pointer.row, problem)


def _pointers(row: RowPlan, by_key: Mapping[str, Column]) -> Iterable[_Pointer]:
    for item in row.writes:
        if item.field in by_key:
            new = frozenset(members(item.value)) - frozenset(members(item.panel))
            yield _Pointer(row.row, item.at, row.id, item.field, new)
    new_one = row.creates
    for key, value in new_one.values.items() if new_one else ():
        if new_one and key in by_key:
            yield _Pointer(row.row, new_one.cells[key], None, key, frozenset(members(value)))
