"""What a review says of each row: marks on its cells, and what stands beside them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from panel.forms.registry import in_words
from panel.imports.choices import OTHER, PANEL
from panel.imports.planned import Planned
from panel.imports.reviewed import NEW, questions_of, seal_of_new, seals_of
from panel.imports.showing import as_json
from panel.models import Revision
from panel.records import BATCH, batches
from panel.words import instant_in_words
from sync.cells import Broken, Formula, RawCell, column_letters
from sync.fields import Field
from sync.merge import Outcome
from sync.plan import DELETED, WRITTEN, Item, RowPlan
from sync.types import FIELD_TYPES
from sync.types.secret import MASK
from sync.words import later, say
from sync.workbook import Row
from sync.workbook.review import ReviewRow
from sync.workbook.review_frame import Mark

LONGEST_VALUE, LONGEST_TEXT = 120, 8_000
KEEP, TAKE = later("Keep the panel"), later("Take the workbook")
PROBLEM, CONFLICT, QUESTION = later("problem"), later("conflict"), later("question")
VERSIONS = later("When exported: %(base)s · In the panel now: %(panel)s · In the workbook: %(workbook)s")
UNKNOWN = later("In the panel now: %(panel)s · In the workbook: %(workbook)s · When exported: nobody knows")
BY = later("%(value)s (%(name)s, %(when)s)")
DECLINED = later("Nothing is made of this row: that was chosen in the preview. Choose otherwise, or leave it.")
FORMULA = later("This cell held a formula. Its value stands here.")
NOT_CALCULATED = later("This cell held a formula that was never calculated. Type the value.")
PASSWORD = later("A password was typed here, which is not written into this file. To set it, type it again.")
_UNUSUAL = (Formula, Broken)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a review's own columns are: state, what is said, a column for each field asked about, notes, seals."""

    start: int
    asked: tuple[str, ...]

    @property
    def state(self) -> int:
        """Return the index of the column to filter by."""
        return self.start

    @property
    def told(self) -> int:
        """Return the index of what is said of problems and questions."""
        return self.start + 1

    def choice(self, key: str) -> int:
        """Return the index of the column in which a field is chosen about."""
        return self.start + 2 + self.asked.index(key)

    @property
    def noted(self) -> int:
        """Return the index of what needs nobody's hand."""
        return self.start + 2 + len(self.asked)

    @property
    def seals(self) -> int:
        """Return the index of the hidden column."""
        return self.noted + 1


Changed = Mapping[tuple[int | None, str], tuple[str, dt.datetime]]
"""By record and field: who changed it last in the panel, and when."""


class RowReviewer:
    """Turns the rows of one planned file into those of its review; `first` is the first row to look at, or 0."""

    def __init__(self, connection: Connection, planned: Planned, *, is_applied: bool) -> None:
        self._connection, self._planned, self._is_applied = connection, planned, is_applied
        self._fields = {field.key: field for field in planned.shown.fields}
        self._types = {column.field.key: column.field.type for column in planned.columns}
        self._indexes = {column_letters(index): index for index in range(planned.width)}
        self.unseen = frozenset(self._indexes[item.at.column] for item in planned.plan.left_out)
        secret = (column for column in planned.columns if FIELD_TYPES[column.field.type].secret)
        self._secret = frozenset(column.index for column in secret)
        self._guards: dict[int, list[str]] = defaultdict(list)
        for guard in planned.guards:
            if guard.at is not None:
                self._guards[guard.at.row].append(guard.message)
        self.layout = Layout(planned.width, tuple(self._asked_fields()))

    def asked(self, row: RowPlan) -> list[Item]:
        """Return what somebody has to decide about a row, or may still think better of.

        What was decided about a row that was applied is done with; a refused one was not applied.
        """
        is_done = self._is_applied and not row.problems
        return [
            item
            for item in questions_of(row)
            if not self._is_secret(item) and (item.is_open or item.outcome in WRITTEN or not is_done)
        ]

    def _is_secret(self, item: Item) -> bool:
        return item.field in self._types and FIELD_TYPES[self._types[item.field]].secret

    def _asked_fields(self) -> list[str]:
        rows = self._planned.plan.kept.values()
        keys = {item.field for row in rows for item in self.asked(row)}
        keys |= {NEW for row in rows if row.declined}
        order = [
            NEW,
            DELETED,
            *(column.field.key for column in sorted(self._planned.columns, key=lambda one: one.index)),
        ]
        return [key for key in order if key in keys]

    def looks_at(self, row: RowPlan | None) -> bool:
        """Tell whether there is something to do in a row."""
        return row is not None and bool(row.problems or row.declined or self.asked(row))

    def rows(self, rows: Iterable[Row]) -> Iterator[ReviewRow]:
        """Yield the review's rows in the order of the upload's."""
        kept = self._planned.plan.kept
        for some in batches(rows, BATCH):
            plans = [plan for plan in (kept.get(number) for number, _cells in some) if plan is not None]
            changed = self._changed(plans)
            for number, cells in some:
                yield self._row(number, cells, kept.get(number), changed)

    def _changed(self, plans: Sequence[RowPlan]) -> Changed:
        """Return who made the panel's side of the questions in these rows, and when."""
        asked = {(item.id, item.field) for plan in plans for item in questions_of(plan) if item.base_known}
        ids = {record_id for record_id, _field in asked if record_id is not None}
        if not ids:
            return {}
        table = Revision.__table__.c
        query = select(table.record_id, table.changes, table.by, table.at).order_by(table.number)
        rows = self._connection.execute(
            query.where(table.entity == self._planned.schema.entity.key, table.record_id.in_(ids))
        )
        return {(row.record_id, key): (row.by, row.at) for row in rows for key in row.changes}

    def _row(self, number: int, cells: Sequence[RawCell], plan: RowPlan | None, changed: Changed) -> ReviewRow:
        guards = self._guards.get(number, ())
        unusual = [at for at, cell in enumerate(cells) if type(cell) in _UNUSUAL or at in self._secret]
        if plan is None and not (guards or unusual or self.unseen):
            return ReviewRow(number, cells)
        told, marks = self._told(plan, changed) if plan is not None else ([], {})
        noted = [*self._noted(plan), *self._said_of_cells(number, cells, unusual), *guards]
        beside = {self.layout.told: told, self.layout.noted: noted}
        texts = {index: "\n".join(lines)[:LONGEST_TEXT] for index, lines in beside.items() if lines}
        if plan is not None:
            texts |= self._state(plan, marks) | self._choices(plan, marks)
        marks |= {index: mark for index, mark in self._looks().items() if index in texts}
        typed = {} if plan is None else self._typed(plan)
        shown = [None if at in self.unseen else self._masked(at, cell) for at, cell in enumerate(cells)]
        shown += [None] * (max(typed, default=0) + 1 - len(shown))
        return ReviewRow(number, [typed.get(at, cell) for at, cell in enumerate(shown)], marks, texts)

    def _typed(self, plan: RowPlan) -> dict[int, RawCell]:
        """Return the values that were typed in the preview instead of the cell's: typed here, they are answers."""
        other = [item for item in self.asked(plan) if item.choice == OTHER]
        fields = {item.field: self._fields[item.field] for item in other}
        return {
            self._indexes[item.at.column]: FIELD_TYPES[fields[item.field].type].render(item.value, fields[item.field])
            for item in other
        }

    def _looks(self) -> dict[int, Mark]:
        return {self.layout.told: Mark.TOLD, self.layout.noted: Mark.NOTED}

    def _masked(self, index: int, cell: RawCell) -> RawCell:
        return MASK if index in self._secret and cell not in (None, "") else cell

    def _told(self, plan: RowPlan, changed: Changed) -> tuple[list[str], dict[int, Mark]]:
        lines, marks = [], {}
        for item in self.asked(plan):
            marks[self._place(item.at.column)] = Mark.QUESTION
            lines.append(self._line(item.at.column, plan.row, item.field, self._question(item, changed)))
        for problem in plan.problems:
            marks[self._place(problem.at.column)] = Mark.PROBLEM
            lines.insert(0, self._line(problem.at.column, plan.row, problem.field or "", problem.message))
        if plan.declined:
            marks[self._place("")] = Mark.QUESTION
            lines.append(say(DECLINED))
        return lines, marks

    def _place(self, letters: str) -> int:
        """Return the index of a cell's column; what is said of a whole row is shown at its ID."""
        if letters in self._indexes:
            return self._indexes[letters]
        first = min((column.index for column in self._planned.columns), default=0)
        return first if self._planned.headers.id_column is None else self._planned.headers.id_column

    def _line(self, letters: str, row: int, key: str, text: str) -> str:
        name = self._fields[key].name if key in self._fields else ""
        cell = f"{letters}{row}" if letters else ""
        start = " ".join(part for part in (cell, name) if part and not (part == name and name in text))
        return f"{start}: {text}" if start else text

    def _question(self, item: Item, changed: Changed) -> str:
        if item.field == DELETED:
            return item.message
        base, panel, workbook = (self._shown(value, item) for value in (item.base, item.panel, item.workbook))
        by = changed.get((item.id, item.field)) if item.base_known and item.outcome is Outcome.CONFLICT else None
        if by is not None:
            panel = say(BY, value=panel, name=by[0], when=instant_in_words(by[1]))
        versions = say(VERSIONS if item.base_known else UNKNOWN, base=base, panel=panel, workbook=workbook)
        return " · ".join(part for part in (versions, item.message) if part)

    def _shown(self, value: Any, item: Item) -> str:
        field = self._fields.get(item.field)
        if value is None:
            return say(later("(blank)"))
        text = self._words_of(value, field) if field is not None else str(as_json(value))
        return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"

    def _words_of(self, value: Any, field: Field) -> str:
        try:
            return in_words(value, field)
        except (TypeError, ValueError, AttributeError, ArithmeticError):
            # A damaged cell's value is none of the field's.
            return str(as_json(value))

    def _noted(self, plan: RowPlan | None) -> Iterator[str]:
        if plan is None:
            return
        done = [item for item in plan.repairs if item.outcome is Outcome.IGNORED]
        for item in (*done, *plan.ignored):
            yield self._line(item.at.column, plan.row, item.field, item.message)

    def _said_of_cells(self, number: int, cells: Sequence[RawCell], unusual: Sequence[int]) -> Iterator[str]:
        for index in unusual:
            cell, key = cells[index], self._key_at(index)
            if index in self.unseen or cell in (None, "", MASK):
                continue
            if index in self._secret:
                yield self._line(column_letters(index), number, key, say(PASSWORD))
            elif isinstance(cell, Formula):
                yield self._line(column_letters(index), number, key, say(FORMULA))
            elif isinstance(cell, Broken) and not cell.text:
                yield self._line(column_letters(index), number, key, say(NOT_CALCULATED))

    def _key_at(self, index: int) -> str:
        return next((column.field.key for column in self._planned.columns if column.index == index), "")

    def _state(self, plan: RowPlan, marks: dict[int, Mark]) -> dict[int, str]:
        if not self.looks_at(plan):
            return {}
        conflict = any(item.outcome is Outcome.CONFLICT for item in self.asked(plan))
        word = PROBLEM if plan.problems else CONFLICT if conflict else QUESTION
        marks[self.layout.state] = Mark.PROBLEM if plan.problems else Mark.QUESTION
        return {self.layout.state: say(word)}

    def _choices(self, plan: RowPlan, marks: dict[int, Mark]) -> dict[int, str]:
        words = {"panel": say(KEEP), "workbook": say(TAKE)}
        seals: list[str] = []
        texts: dict[int, str] = {}
        for item in self.asked(plan):
            index = self.layout.choice(item.field)
            marks[index] = Mark.ANSWER
            texts |= {index: words[item.choice]} if item.choice in words else {}
            before, whole = seals_of(item, plan, self._types)
            seals.append(f"{item.field}={before}.{whole}")
        if plan.declined:
            index, seal = self.layout.choice(NEW), seal_of_new(plan)
            marks[index], texts[index] = Mark.ANSWER, words[PANEL]
            seals.append(f"{NEW}={seal}.{seal}")
        return texts | ({self.layout.seals: ";".join(seals)} if seals else {})
