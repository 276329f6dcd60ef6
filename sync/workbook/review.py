"""Review workbooks: an uploaded sheet's cells at their own addresses, marked, with columns beside them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from sync.cells import Broken, Formula, RawCell, Scalar, column_letters
from sync.workbook.filling import nothing
from sync.workbook.held import plain_text
from sync.workbook.layout import CellStyle
from sync.workbook.review_frame import DAY, GENERAL, MOMENT, TEXT, Mark, ReviewFrame, ReviewSheet, build_review_frame
from sync.workbook.serials import serial_of
from sync.workbook.shared_text import SharedText
from sync.workbook.writer import write_frame

ERRORS = frozenset({"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"})
LINE_HEIGHT, HIGHEST = 15, 405
"""Points; the second is about the most that a row may have."""
NOT_CALCULATED = "#N/A"
"""Stands for a formula that nobody calculated, and for what is no error that programs know."""


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A row at its own number: its cells as read, and its marks and the cells of the columns beside by index."""

    number: int
    cells: Sequence[RawCell]
    marks: Mapping[int, Mark] = field(default_factory=lambda: MappingProxyType({}))
    beside: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))


def write_review(path: Path, sheet: ReviewSheet, rows: Iterable[ReviewRow]) -> None:
    """Write a review; its rows come in the order of their numbers and are walked once.

    Every cell is read back as the raw cell that it was: an error stays an error, a number in a column of text a
    number; but a formula is its value, which cannot change any more by itself.
    """

    write_frame(
        path,
        lambda empty: build_review_frame(sheet, empty),
        lambda frame, strings: (_RowWriter(frame, strings).rows(sheet, rows), nothing),
    )


class _RowWriter:
    """Writes rows as markup, each cell in the style of its column, its value and its mark."""

    def __init__(self, frame: ReviewFrame, strings: SharedText) -> None:
        self._frame, self._strings = frame, strings
        self._letters = [column_letters(index) for index in range(len(frame.formats))]
        self._widths = frame.widths
        self._columns = list(zip(self._letters, frame.formats, frame.marks, strict=True))

    def rows(self, sheet: ReviewSheet, rows: Iterable[ReviewRow]) -> Iterator[tuple[int, str]]:
        """Yield all rows, each with its number."""
        yield from self._head(sheet)
        for row in rows:
            yield row.number, self._data(row)

    def _head(self, sheet: ReviewSheet) -> Iterator[tuple[int, str]]:
        """Yield the rows above the data, the keys hidden."""
        for number, texts in sheet.head:
            last = number == sheet.label_row
            cells = []
            for index, at in enumerate(self._strings.numbers_or_none(texts)):
                mark = Mark.OWN_LABEL if index >= sheet.start else Mark.LABEL
                style = self._frame.styles[TEXT, mark if last else Mark.KEY]
                cells += [] if at is None else [_text(f"{self._letters[index]}{number}", style, at)]
            yield number, _row(number, cells, ' hidden="1"' if number == sheet.key_row else "")

    def _data(self, row: ReviewRow) -> str:
        """Return one row of the data."""
        shown = {index: _shown(raw) for index, raw in enumerate(row.cells) if raw is not None or index in row.marks}
        ordered = sorted({**dict.fromkeys(row.marks), **shown, **row.beside}.items())
        numbers = self._strings.numbers_or_none([raw if isinstance(raw, str) else None for _index, raw in ordered])
        cells = [self._cell(row, *cell, at) for cell, at in zip(ordered, numbers, strict=True)]
        return _row(row.number, cells, self._height(row))

    def _height(self, row: ReviewRow) -> str:
        """Return the height that shows what stands beside a row whole: not every program finds it itself."""
        lines = max((_lines(text, self._widths[index]) for index, text in row.beside.items()), default=1)
        return "" if lines == 1 else f' ht="{min(lines * LINE_HEIGHT, HIGHEST)}" customHeight="1"'

    def _cell(self, row: ReviewRow, index: int, raw: Scalar | Broken | None, text: int | None) -> str:
        letters, number_format, mark = self._columns[index]
        place, mark = f"{letters}{row.number}", row.marks.get(index, mark)
        style = self._frame.styles[number_format, mark]
        if text is not None:
            return _text(place, style, text)
        if raw is None:
            return f'<c r="{place}" s="{style.plain}"/>'
        if isinstance(raw, Broken):
            return f'<c r="{place}" s="{style.plain}" t="e"><v>{raw.text}</v></c>'
        return self._value(place, number_format, mark, raw)

    def _value(self, place: str, number_format: str, mark: Mark, raw: Scalar) -> str:
        # A number under a format of dates would be read back as a date, and the other way round.
        shows_dates = "y" in number_format
        if isinstance(raw, dt.date):
            usual = MOMENT if isinstance(raw, dt.datetime) else DAY
            style = self._frame.styles[number_format if shows_dates else usual, mark]
            serial = serial_of(raw)
            if serial is None:
                return _text(place, style, self._strings.numbers([plain_text(raw)])[0])
            return _number(place, style, str(serial))
        style = self._frame.styles[GENERAL if shows_dates else number_format, mark]
        if isinstance(raw, bool):
            return f'<c r="{place}" s="{style.plain}" t="b"><v>{raw:d}</v></c>'
        return _number(place, style, repr(raw) if isinstance(raw, float) else str(raw))


def _shown(raw: RawCell) -> Scalar | Broken | None:
    """Return what stands in a review for a raw cell."""
    if isinstance(raw, Formula):
        raw = raw.value
    if isinstance(raw, Broken):
        return raw if raw.text in ERRORS else Broken(NOT_CALCULATED)
    return None if raw == "" else raw


def _text(place: str, style: CellStyle, at: int) -> str:
    index, number = (style.plain, at) if at >= 0 else (style.quoted, ~at)
    return f'<c r="{place}" s="{index}" t="s"><v>{number}</v></c>'


def _lines(text: str, width: int) -> int:
    """Return how many lines a wrapped text takes, about; where it is not wrapped, one."""
    return sum(-(-len(line) // width) or 1 for line in text.split("\n")) if width else 1


def _number(place: str, style: CellStyle, text: str) -> str:
    return f'<c r="{place}" s="{style.plain}"><v>{text}</v></c>'


def _row(number: int, cells: Sequence[str], attributes: str = "") -> str:
    return f'<row r="{number}"{attributes}>{"".join(cells)}</row>'
