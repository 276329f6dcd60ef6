"""What a sheet's shape does to a plan: merged cells, rows that nobody sees, a second sheet, lost references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from panel.imports.identity import Identified, ref_column_of
from panel.imports.totals import is_calculated
from sync.actions import ACTION
from sync.cells import Address, Problem, column_letters
from sync.columns import Column, Headers
from sync.errors import UnseenField
from sync.plan import Plan, RowPlan
from sync.words import later, say
from sync.workbook import Table
from sync.workbook.shape import MergedCells

MERGED = later(
    "%(merge)s is one merged cell, and only the first cell of it keeps a value. Unmerge it, fill in each row, and try "
    "again."
)
MERGED_IDENTITY = later(
    "The cell that says whose row this is was merged away in %(merge)s. Take the row from the exported workbook again."
)
COPY = later(
    "The sheet '%(other)s' holds rows of an export, too, and only '%(sheet)s' was read. Delete the sheet that does not "
    "count, or clear this cell of it."
)
WITHHELD = later('The field "%(label)s" is kept out of workbooks. Its column was left out.')
UNSEEN = later('The field "%(label)s" is not among those that you may see. Its column was left out.')
HEADLESS = later("Column %(column)s has values but no header. It was left out; give it a header to bring it in.")
HIDDEN_ONE = later("1 hidden row contains edits. It counts like the others; unhide it to look at it.")
HIDDEN = later("%(count)s hidden rows contain edits. They count like the others; unhide them to look at them.")
HIDDEN_COLUMNS = later(
    "Hidden columns contain edits: %(columns)s. They count like the others; unhide the columns to look at them."
)
TOTALS = later("Rows that sum up others are no customers and were left out: %(rows)s.")
TWO_WAY = later(
    "Two-way mode for %(count)s of %(rows)s rows: they carry no reference that an export of this panel gave them, so "
    "nobody knows what they showed then. Cells that differ from the panel are written only when you say so, and blank "
    "cells say nothing."
)
PASTED = later(
    "These rows were exported in another workbook with the same columns: %(rows)s. Each is compared with what it "
    "showed there."
)
STRANGERS = later(
    "These rows are of another export, whose columns are not those of this sheet: %(rows)s. Import them in their own "
    "workbook; here, nobody can tell what they showed when they were exported."
)
MORE = later(" and %(count)s more")
FIRST_ROWS = 10


@dataclass(frozen=True, slots=True)
class Places:
    """Where a sheet has its fields, what says whose each row is, and by index what columns of edits are called."""

    columns: tuple[Column, ...]
    identity: tuple[int, ...]
    names: Mapping[int, str]

    @classmethod
    def of(cls, table: Table, headers: Headers, columns: Sequence[Column]) -> Places:
        """Return the places of a table."""
        found = (ref_column_of(table), headers.id_column)
        names = {column.index: column.field.name for column in columns}
        if headers.action_column is not None:
            names[headers.action_column] = ACTION.label
        return cls(tuple(columns), tuple(index for index in found if index is not None), names)


def look_at_shape(plan: Plan, table: Table, places: Places) -> None:
    """Add to a plan what the shape of its sheet makes of it; all rows have been walked."""
    for address in table.copies:
        plan.problems.append(Problem(address, say(COPY, other=address.sheet, sheet=table.sheet)))
    _refuse_merged(plan, table, places)
    edited = (number for number, row in plan.kept.items() if row.items or row.creates or row.deletes)
    plan.hidden = table.shape.hidden_of(edited)
    hidden = {column_letters(index): name for index, name in places.names.items() if table.shape.hides_column(index)}
    touched = {letters for row in plan.kept.values() for letters in _columns_edited(row)} if hidden else set()
    plan.hidden_columns = {letters: name for letters, name in hidden.items() if letters in touched}


def _columns_edited(row: RowPlan) -> Iterator[str]:
    yield from (item.at.column for item in (*row.items, *((row.fate,) if row.fate else ())))
    yield from (at.column for at in row.creates.cells.values()) if row.creates else ()


@dataclass(slots=True)
class Remarks:
    """What is to be said of a file as a whole, gathered while its rows are planned.

    `headless` are columns with values and no header, `totals` rows that sum up others, and `two_way` counts the rows
    whose values at export nobody knows. Among rows of other exports, `pasted` are those of which it is known, and
    `strangers` the rest.
    """

    headless: set[int] = field(default_factory=set)
    totals: list[int] = field(default_factory=list)
    two_way: int = 0
    pasted: list[int] = field(default_factory=list)
    strangers: list[int] = field(default_factory=list)

    def sums_up(self, one: Identified) -> bool:
        """Take note of a row of totals, if it is one."""
        is_total = is_calculated(one)
        self.totals += [one.row.number] if is_total else []
        return is_total

    def notes(self, plan: Plan, headers: Headers) -> Iterator[str]:
        """Yield a sentence for each remark."""
        for _index, withheld in headers.withheld:
            yield say(UNSEEN if isinstance(withheld, UnseenField) else WITHHELD, label=withheld)
        for index in sorted(self.headless):
            yield say(HEADLESS, column=column_letters(index))
        for message, rows in ((TOTALS, self.totals), (PASTED, self.pasted), (STRANGERS, self.strangers)):
            if rows:
                yield say(message, rows=_first(rows))
        if self.two_way:
            yield say(TWO_WAY, count=f"{self.two_way:,}", rows=f"{plan.rows:,}")
        if plan.hidden_columns:
            named = (f"{name} ({letters})" for letters, name in plan.hidden_columns.items())
            yield say(HIDDEN_COLUMNS, columns=", ".join(named))
        if plan.hidden:
            yield say(HIDDEN_ONE) if len(plan.hidden) == 1 else say(HIDDEN, count=f"{len(plan.hidden):,}")


def _first(rows: Sequence[int]) -> str:
    more = len(rows) - FIRST_ROWS
    return ", ".join(map(str, rows[:FIRST_ROWS])) + (say(MORE, count=f"{more:,}") if more > 0 else "")


def _refuse_merged(plan: Plan, table: Table, places: Places) -> None:
    if not table.shape.merges:
        return
    indexes = {column.index for column in places.columns}
    merged = MergedCells(table.shape.merges, indexes | set(places.identity))
    for number, row in plan.kept.items():
        found = list(_merged_in(row, plan.sheet, merged, places))
        if found:
            lost = {problem.at for problem in found}
            others = [problem for problem in row.problems if problem.at not in lost]
            plan.kept[number] = replace(row, problems=(*others, *found))


def _merged_in(row: RowPlan, sheet: str, merged: MergedCells, places: Places) -> Iterator[Problem]:
    """Yield the problems of a row's cells that lost their value to a merge; what they lost nothing by is left."""
    for index in places.identity:
        if merge := merged.swallowing(row.row, index):
            yield Problem(Address(sheet, "", row.row), say(MERGED_IDENTITY, merge=merge), row.id)
            return
    edited = {item.at.column for item in row.items} | {problem.at.column for problem in row.problems}
    for column in places.columns:
        merge = merged.swallowing(row.row, column.index)
        if merge and (row.creates or column.letters in edited):
            at = Address(sheet, column.letters, row.row)
            yield Problem(at, say(MERGED, merge=merge), row.id, column.field.key)
