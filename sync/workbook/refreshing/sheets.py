"""A sheet's part with new values in some of its cells, and everything else byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.sax.saxutils import escape as escape_markup

from sync.cells import column_letters
from sync.workbook.limits import Limits
from sync.workbook.markup import Attributes, local
from sync.workbook.refreshing.formulas import moved
from sync.workbook.refreshing.orders import (
    BLANK,
    DATE,
    MARKED,
    TEXT,
    TRUTH,
    Cell,
    Cells,
    Patches,
    as_date,
)
from sync.workbook.refreshing.rules import Rules
from sync.workbook.refreshing.spans import Span, closing, opened, without_attribute
from sync.workbook.refreshing.styles import Styles
from sync.workbook.refreshing.texts import AddedTexts
from sync.workbook.row_cells import columns

_LETTERS = re.compile(r"[A-Za-z]{1,3}")
_EPOCH_1904 = 1_462


@dataclass(slots=True)
class Writing:
    """What new cells are made of: texts, styles, and the number format of each column."""

    texts: AddedTexts
    styles: Styles | None
    formats: dict[int, str]
    epoch_1904: bool = False

    def cell(self, prefix: str, place: tuple[int, int], style: str, cell: Cell) -> bytes:
        """Return the markup of a cell at a row and a column."""
        row, column = place
        kind, stored = self._stored(cell)
        if self.styles is not None:
            style = self.styles.fitting(style, kind, self.formats.get(column, ""))
        start = f'<{prefix}c r="{column_letters(column)}{row}"' + (f' s="{style}"' if style else "")
        if kind == BLANK:
            return f"{start}/>".encode()
        type_ = {TEXT: ' t="s"', MARKED: ' t="s"', TRUTH: ' t="b"'}.get(kind, "")
        return f"{start}{type_}><{prefix}v>{stored}</{prefix}v></{prefix}c>".encode()

    def _stored(self, cell: Cell) -> tuple[str, str]:
        kind, stored = cell
        if kind == DATE:
            days = float(stored) - (_EPOCH_1904 if self.epoch_1904 else 0)
            if self.styles is not None and days >= 1:
                return kind, repr(days) if days % 1 else str(int(days))
            moment = as_date(float(stored))
            kind, stored = TEXT, moment.isoformat(" ") if float(stored) % 1 else moment.date().isoformat()
        return kind, str(self.texts.number(stored)) if kind in {TEXT, MARKED} else stored


@dataclass(slots=True)
class _Row:
    """The row that is being copied: its number, its style, its new cells that have not come yet."""

    number: int
    style: str
    start: int
    cells: Cells | None
    column: int = -1
    is_empty: bool = True


@dataclass(slots=True)
class _Cell:
    """The cell that is being copied, and the formula in it."""

    column: int
    style: str
    start: int
    formula: Attributes | None = None
    formula_start: int = 0
    formula_end: int = 0
    text: list[str] = field(default_factory=list)


class SheetCopy:
    """Copies one sheet's part; afterwards `has_formulas` and `dropped_formulas` say what was met in it."""

    def __init__(
        self, out: IO[bytes], patches: Patches, writing: Writing, own: Iterable[int], rules: Rules | None = None
    ) -> None:
        self.has_formulas = self.dropped_formulas = False
        self._span = Span(out)
        self._patches, self._writing, self._own = patches, writing, frozenset(own)
        self._rules = rules
        self._column_styles: list[tuple[int, int, str]] = []
        self._previous, self._depth = 0, 0
        self._row: _Row | None = None
        self._cell: _Cell | None = None
        self._gone: dict[str, tuple[str, int, int]] = {}
        parser = self._span.parser
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end

    def copy(self, chunks: Iterable[bytes], limits: Limits) -> Iterator[None]:
        """Copy the part, pausing after each chunk."""
        return self._span.drive(chunks, limits)

    def _start(self, name: str, attributes: Attributes) -> None:
        prefix, _, short = name.rpartition(":")
        if short == "c" and self._row is not None:
            self._start_cell(f"{prefix}:" if prefix else "", attributes)
        elif short == "row" and self._row is None:
            self._start_row(attributes)
        elif self._cell is not None:
            if short == "f":
                self._start_formula(attributes)
        elif short == "col":
            plain = (attributes.get(key, "0") for key in ("min", "max", "style"))
            first, last, style = plain
            self._column_styles.append((int(first) - 1, int(last) - 1, style))
        elif self._rules is not None and self._row is None:
            self._rules.start(self._span, name, attributes)

    def _end(self, name: str) -> None:
        short = local(name)
        if short == "c" and self._cell is not None:
            self._end_cell(self._cell, name)
        elif short == "row" and self._row is not None:
            self._end_row(self._row, name)
        elif self._cell is not None:
            if short == "f":
                self._span.parser.CharacterDataHandler = None
                self._cell.formula_end = self._span.end_of(self._span.at, name)
        elif self._rules is not None and self._row is None:
            self._rules.end(self._span, name)

    # Rows

    def _start_row(self, attributes: Attributes) -> None:
        number = int(attributes["r"]) if attributes.get("r", "").isdecimal() else self._previous + 1
        self._previous = number
        style = attributes.get("s", "") if attributes.get("customFormat", "0") in {"1", "true"} else ""
        self._row = _Row(number, style, self._span.at, self._patches.at(number))
        self._span.pin = self._row.start

    def _end_row(self, row: _Row, name: str) -> None:
        self._row = None
        span, prefix = self._span, name[: -len("row")]
        if row.cells:
            tag = span.tag(row.start) if row.is_empty else b""
            if tag.endswith(b"/>"):
                span.keep_until(row.start)
                span.skip_until(row.start + len(tag))
                span.put(opened(tag))
            else:
                span.keep_until(span.at)
            self._put_missing(row, prefix, None)
            span.put(closing(tag) if tag.endswith(b"/>") else b"")
        span.pin = None

    def _put_missing(self, row: _Row, prefix: str, before: int | None) -> None:
        """Write the row's new cells for which the sheet has no markup, up to a column."""
        cells = row.cells or {}
        for column in sorted(column for column in cells if before is None or column < before):
            cell = cells.pop(column)
            if cell.kind != BLANK:
                style = row.style or self._column_style(column)
                self._span.put(self._writing.cell(prefix, (row.number, column), style, cell))

    def _column_style(self, column: int) -> str:
        return next((style for first, last, style in self._column_styles if first <= column <= last), "")

    # Cells

    def _start_cell(self, prefix: str, attributes: Attributes) -> None:
        row = self._row
        assert row is not None  # noqa: S101 (narrows the type)
        start = self._span.at
        column = self._column_of(attributes.get("r"), row)
        row.column = column
        if row.cells and min(row.cells) < column:
            self._span.keep_until(start)
            self._put_missing(row, prefix, column)
        row.is_empty = False
        self._cell = _Cell(column, attributes.get("s", ""), start)
        self._span.pin = start

    def _column_of(self, reference: str | None, row: _Row) -> int:
        if not reference:
            return row.column + 1
        known = columns().get(reference.removesuffix(str(row.number)))
        if known is not None:
            return known
        match = _LETTERS.search(reference)
        return columns().get(match[0].upper(), row.column + 1) if match else row.column + 1

    def _start_formula(self, attributes: Attributes) -> None:
        cell = self._cell
        if cell is not None:
            cell.formula, cell.formula_start = attributes, self._span.at
            self._span.parser.CharacterDataHandler = cell.text.append

    def _end_cell(self, cell: _Cell, name: str) -> None:
        row, span = self._row, self._span
        assert row is not None  # noqa: S101 (narrows the type)
        prefix = name[: -len("c")]
        new = row.cells.pop(cell.column, None) if row.cells else None
        markup = None
        if new is not None:
            self._forget_formula(cell, row)
            markup = self._writing.cell(prefix, (row.number, cell.column), cell.style, new)
        elif cell.formula is not None:
            self.has_formulas = True
            markup = self._with_formula(cell, row, prefix)
        if markup is not None:
            span.keep_until(cell.start)
            span.put(markup)
            span.skip_until(span.end_of(span.at, name))
        self._cell, span.pin = None, None

    def _forget_formula(self, cell: _Cell, row: _Row) -> None:
        """Take note of a formula that goes, for the cells that share it."""
        if cell.formula is None:
            return
        self.dropped_formulas = True
        text = "".join(cell.text)
        if cell.formula.get("t") == "shared" and text:
            self._gone[cell.formula.get("si", "")] = (text, row.number, cell.column)

    def _with_formula(self, cell: _Cell, row: _Row, prefix: str) -> bytes | None:
        """Return a cell with its formula, without a result that may be out of date; None where it stays as it is."""
        span, formula = self._span, cell.formula or {}
        shared = self._gone.get(formula.get("si", "")) if formula.get("t") == "shared" and not cell.text else None
        keeps = cell.column in self._own
        if keeps and shared is None:
            return None
        markup = span.raw(cell.formula_start, cell.formula_end)
        if shared is not None:
            text = moved(shared[0], row.number - shared[1], cell.column - shared[2])
            markup = f"<{prefix}f>{escape_markup(text)}</{prefix}f>".encode()
        tag = span.tag(cell.start)
        if keeps:
            end = span.end_of(span.at, f"{prefix}c")
            return tag + markup + span.raw(cell.formula_end, end)
        return without_attribute(tag, "t") + markup + closing(tag)
