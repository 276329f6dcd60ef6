"""Rows as the markup of a sheet's part."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, cast

from sync.cells import Scalar, column_letters
from sync.workbook.frame import CellStyle
from sync.workbook.layout import Cells
from sync.workbook.serials import serial_of
from sync.workbook.shared_text import SharedText

EXACT_DIGITS = 15
"""Spreadsheet programs keep this many digits of a number."""
LARGEST_EXPONENT = 300


class Column(NamedTuple):
    """What the markup of a column's cells begins with, and what follows the number of the row."""

    start: str
    text: str
    marked_text: str
    number: str
    truth: str
    empty: str


class RowWriter:
    """Writes the rows of one sheet whose columns have these styles."""

    def __init__(self, styles: Sequence[CellStyle], strings: SharedText) -> None:
        self._strings = strings
        self._columns = tuple(_column(index, style) for index, style in enumerate(styles))

    def rows(self, first: int, rows: Sequence[Cells], attributes: str = "") -> str:
        """Return rows that follow one another; empty cells are left out, and show the style of their column.

        They are written column by column: what is decided once a column need not be decided for every cell.
        """
        numbers = [str(first + at) for at in range(len(rows))]
        columns = zip(*rows, strict=True)
        cells = [self._cells(column, numbers, values) for column, values in zip(self._columns, columns, strict=True)]
        joined = zip(numbers, map("".join, zip(*cells, strict=True)), strict=True)
        return "".join([f'<row r="{number}"{attributes}>{row}</row>' for number, row in joined])

    def blank_row(self, number: int, token: str) -> str:
        """Return a row of which only the first cell holds something; the others have their styles alone.

        Programs that take a new cell's style from no column find it in the cell.
        """
        first, *others = self._columns
        (reference,) = self._texts(first, [str(number)], [token])
        cells = "".join(f"{column.start}{number}{column.empty}" for column in others)
        return f'<row r="{number}">{reference}{cells}</row>'

    def _cells(self, column: Column, numbers: Sequence[str], values: Sequence[Scalar | None]) -> list[str]:
        if TEXTS.issuperset(map(type, values)):
            return self._texts(column, numbers, cast("Sequence[str | None]", values))
        start, between = column.start, column.number
        return [
            ""
            if value is None
            else f"{start}{number}{between}{stored}</v></c>"
            if (stored := STORED[type(value)](value))
            else self._otherwise(column, number, value)
            for number, value in zip(numbers, values, strict=True)
        ]

    def _texts(self, column: Column, numbers: Sequence[str], texts: Sequence[str | None]) -> list[str]:
        start, plain, marked = column.start, column.text, column.marked_text
        return [
            ""
            if at is None
            else f"{start}{number}{plain}{at}</v></c>"
            if at >= 0
            else f"{start}{number}{marked}{~at}</v></c>"
            for number, at in zip(numbers, self._strings.numbers(texts), strict=True)
        ]

    def _otherwise(self, column: Column, number: str, value: Scalar) -> str:
        """Return the cell of a value that no number stands for exactly."""
        if isinstance(value, bool):
            return f"{column.start}{number}{column.truth}{value:d}</v></c>"
        # What would be a number, and no cell holds as one, is marked as text.
        marked = column if isinstance(value, str) else column._replace(text=column.marked_text)
        (cell,) = self._texts(marked, [number], [plain_text(value)])
        return cell


def plain_text(value: Scalar) -> str:
    """Return a value as text, for a cell that cannot hold it otherwise and for CSV."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat(" ", "seconds")
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= LARGEST_EXPONENT:
        return format(value, "f")
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _column(index: int, style: CellStyle) -> Column:
    return Column(
        start=f'<c r="{column_letters(index)}',
        text=f'" s="{style.plain}" t="s"><v>',
        marked_text=f'" s="{style.quoted}" t="s"><v>',
        number=f'" s="{style.plain}"><v>',
        truth=f'" s="{style.plain}" t="b"><v>',
        empty=f'" s="{style.plain}"/>',
    )


def _whole(value: int) -> str | None:
    text = str(value)
    exact = len(text) <= EXACT_DIGITS or len(text.lstrip("-").rstrip("0")) <= EXACT_DIGITS
    return text if exact and len(text) <= LARGEST_EXPONENT else None


def _decimal(value: Decimal) -> str | None:
    if not value.is_finite() or abs(value.adjusted()) > LARGEST_EXPONENT:
        return None
    text = str(value)
    if len(text) <= EXACT_DIGITS and "E" not in text:
        return text
    text = format(value, "f")
    digits = text.lstrip("-").replace(".", "").strip("0")
    return text if len(digits) <= EXACT_DIGITS else None


def _float(value: float) -> str | None:
    return repr(value) if math.isfinite(value) else None


TEXTS = frozenset((str, type(None)))
STORED: dict[type, Callable[..., str | None]] = {
    str: lambda _value: None,
    bool: lambda _value: None,
    int: _whole,
    float: _float,
    Decimal: _decimal,
    dt.date: lru_cache(32_768)(serial_of),
    dt.datetime: serial_of,
}
"""By type: what a cell holds for a value, or None where no number is exact."""
