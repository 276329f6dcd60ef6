"""What an import would do, as data: every cell's outcome, every row's disposition, every problem."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from sync.cells import Address, Problem
from sync.merge import Outcome
from sync.types import FIELD_TYPES


@dataclass(frozen=True, slots=True)
class Item:
    """One cell that is to be looked at: its three versions, the verdict, and the value to write."""

    at: Address
    id: int | None
    field: str
    base: Any
    base_known: bool
    panel: Any
    workbook: Any
    outcome: Outcome
    value: Any = None
    choice: str = ""
    message: str = ""

    @property
    def writes(self) -> bool:
        """Tell whether applying the plan writes this cell."""
        return self.choice in TAKEN or (self.outcome in WRITTEN and not self.choice)

    @property
    def takes_away(self) -> bool:
        """Tell whether writing this cell would leave nothing where there is a value."""
        return self.value is None and self.panel is not None

    @property
    def clears(self) -> bool:
        """Tell whether a value is taken away."""
        return self.writes and self.takes_away

    @property
    def is_open(self) -> bool:
        """Tell whether a person still has to decide."""
        return self.outcome in UNDECIDED and not self.choice


DELETED = "deleted"
"""Stands for the record as a whole among an item's fields: true in the bin, false outside of it."""
TAKEN = {"workbook", "other"}
"""The choices that write a cell: what the workbook holds, or what a person typed instead."""
WRITTEN = {Outcome.WORKBOOK, Outcome.MERGED}
Called = Mapping[str, Mapping[Any, str]]
NOBODY_NEW: Called = MappingProxyType({})
UNDECIDED = {Outcome.CONFLICT, Outcome.BASE_UNKNOWN}


@dataclass(frozen=True, slots=True)
class RowPlan:
    """What becomes of one row that is not simply unchanged.

    `fate` is the item of `DELETED`: the row asks for its record's deletion, or has edits of one that was deleted
    meanwhile. Those edits count only where a person chose to restore it. `newer` are cells that the panel changed since
    the export and the workbook did not. A new record may be `declined` by a person.
    """

    row: int
    id: int | None
    revision: int = 0
    items: tuple[Item, ...] = ()
    problems: tuple[Problem, ...] = ()
    repairs: tuple[Item, ...] = ()
    ignored: tuple[Item, ...] = ()
    creates: Creation | None = None
    fate: Item | None = None
    newer: tuple[Item, ...] = ()
    declined: bool = False

    @property
    def deletes(self) -> bool:
        """Tell whether applying moves the record to the bin."""
        return self.fate is not None and self.fate.writes and bool(self.fate.value)

    @property
    def restores(self) -> bool:
        """Tell whether applying takes the record out of the bin."""
        return self.fate is not None and self.fate.writes and not self.fate.value

    @property
    def cells(self) -> tuple[Item, ...]:
        """Return the cells that count as long as the record's fate is what it is."""
        return self.items if self.fate is None or self.restores else ()

    @property
    def writes(self) -> tuple[Item, ...]:
        """Return the cells that applying writes into an existing record."""
        return tuple(item for item in self.cells if item.writes)


@dataclass(frozen=True, slots=True)
class Creation:
    """A new record: its canonical values and the cells that they came from.

    `contents` are what the row is remembered by, each with its number among equal rows of the file: a digest of
    its values, one of its cells where they may be mapped otherwise next time, or its prepared row.
    """

    values: Mapping[str, Any]
    cells: Mapping[str, Address]
    contents: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Every row in exactly one disposition: rows = unchanged + created + updated + deleted + refused."""

    rows: int
    unchanged: int
    created: int
    updated: int
    deleted: int
    refused: int
    cells_updated: int
    cleared: int
    absent: int


@dataclass(slots=True)
class Plan:
    """All that an import would do. Rows that would change nothing are counted and not kept.

    `left_out` are the heads of columns of which not a single cell counts, `hidden` the rows with edits that people do
    not see on the sheet, `hidden_columns` the names of such columns by their letters. `orders` ask once for a field
    what the order of its dates is, in place of every cell's own problem.
    """

    sheet: str
    rows: int = 0
    kept: dict[int, RowPlan] = field(default_factory=dict)
    absent: tuple[int, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    orders: dict[str, Problem] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    left_out: list[Item] = field(default_factory=list)
    hidden: tuple[int, ...] = ()
    hidden_columns: dict[str, str] = field(default_factory=dict)

    def add(self, row_plan: RowPlan | None) -> None:
        """Count a row, and keep what is to be said of it."""
        self.rows += 1
        if row_plan is not None:
            self.kept[row_plan.row] = row_plan

    def refuse(self, row: int, problem: Problem) -> None:
        """Refuse a row for a reason that only the whole file, or the whole plan, shows."""
        known = self.kept.get(row) or RowPlan(row, problem.id)
        self.kept[row] = replace(known, problems=(*known.problems, problem))

    @property
    def accepted(self) -> Iterator[RowPlan]:
        """Yield the rows without a problem, in the file's order."""
        return (row for row in self.kept.values() if not row.problems)

    @property
    def all_problems(self) -> list[Problem]:
        """Return every problem, in the file's order."""
        in_rows = [problem for _row, kept in sorted(self.kept.items()) for problem in kept.problems]
        asked = [problem for problem in in_rows if not (problem.is_order and problem.field in self.orders)]
        return [*self.problems, *self.orders.values(), *asked]

    def items(self) -> Iterator[Item]:
        """Yield every cell with an outcome, of accepted rows."""
        return (item for row in self.accepted for item in row.cells)

    @property
    def fates(self) -> Iterator[Item]:
        """Yield what is to become of whole records that the panel or the workbook deleted."""
        return (row.fate for row in self.accepted if row.fate is not None)

    @property
    def changes(self) -> list[Item]:
        """Return the cells that would be written into existing records."""
        return [item for item in self.items() if item.writes]

    @property
    def conflicts(self) -> list[Item]:
        """Return what both sides changed, decided or not: whole records first, then cells."""
        return [item for item in (*self.fates, *self.items()) if item.outcome is Outcome.CONFLICT]

    @property
    def unknown(self) -> list[Item]:
        """Return the cells that differ from the panel and whose base nobody knows."""
        return [item for item in self.items() if item.outcome is Outcome.BASE_UNKNOWN]

    @property
    def undecided(self) -> list[Item]:
        """Return what still waits for a person's decision, offered repairs included."""
        return [item for item in (*self.fates, *self.items(), *self.repairs) if item.is_open]

    @property
    def repairs(self) -> list[Item]:
        """Return the cells that a spreadsheet program damaged."""
        return [item for row in self.accepted if row.fate is None or row.restores for item in row.repairs]

    @property
    def newer(self) -> list[Item]:
        """Return the cells that keep what the panel made of them since the export."""
        return [item for row in self.accepted for item in row.newer]

    @property
    def ignored(self) -> list[Item]:
        """Return the cells that count for nothing, each with the reason, after the heads of whole columns that do."""
        return [*self.left_out, *(item for row in self.accepted for item in row.ignored)]

    @property
    def drafts(self) -> list[RowPlan]:
        """Return the rows that belong to no record yet, declined or not."""
        return [row for row in self.accepted if row.creates]

    @property
    def creations(self) -> list[RowPlan]:
        """Return the rows that become new records."""
        return [row for row in self.drafts if not row.declined]

    @property
    def updates(self) -> list[RowPlan]:
        """Return the rows that write into an existing record, or take it out of the bin."""
        return [row for row in self.accepted if row.writes or row.restores]

    @property
    def deletions(self) -> list[RowPlan]:
        """Return the rows that delete their record."""
        return [row for row in self.accepted if row.deletes]

    def counts(self) -> Counts:
        """Return how many rows and cells there are of each kind."""
        created, updated, deleted = len(self.creations), len(self.updates), len(self.deletions)
        refused = sum(1 for row in self.kept.values() if row.problems)
        changes = [item for row in self.updates for item in row.writes]
        return Counts(
            rows=self.rows,
            unchanged=self.rows - created - updated - deleted - refused,
            created=created,
            updated=updated,
            deleted=deleted,
            refused=refused,
            cells_updated=len(changes),
            cleared=sum(item.clears for item in changes),
            absent=len(self.absent),
        )

    def fingerprint(self, types: Mapping[str, str], called: Called = NOBODY_NEW) -> str:
        """Return a digest of every write and of the panel value that it replaces.

        `types` gives the field type's key of each field's key, `called` by field what stands for some of its values.
        """
        digest = hashlib.sha256()
        for line in sorted(self._write_lines(types, called)):
            digest.update(line.encode() + b"\n")
        return digest.hexdigest()

    def _write_lines(self, types: Mapping[str, str], called: Called) -> Iterable[str]:
        def plain_of(key: str, value: Any) -> Any:
            return _plain(called[key].get(value, value) if key in called else value, types.get(key))

        for row in self.updates:
            for item in row.writes:
                both = [plain_of(item.field, value) for value in (item.panel, item.value)]
                yield json.dumps(["write", row.id, item.field, *both])
            if row.restores:
                yield json.dumps(["restore", row.id])
        for row in self.creations:
            if row.creates:
                plain = {key: plain_of(key, value) for key, value in sorted(row.creates.values.items())}
                yield json.dumps(["create", row.row, plain])
        yield from (json.dumps(["delete", row.id]) for row in self.deletions)


def _plain(value: Any, type_key: str | None) -> Any:
    return value if value is None or type_key is None else FIELD_TYPES[type_key].to_json(value)
