"""Rows as the markup of a sheet's part."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

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

    def row(self, number: int, cells: Cells, attributes: str = "") -> str:
        """Return a row; empty cells are left out, and show the style of their column."""
        parts = []
        shared = self._strings.number
        for column, value in zip(self._columns, cells, strict=True):
            if value is None:
                continue
            if type(value) is not str:
                stored = STORED[type(value)](value)
                parts.append(
                    f"{column[0]}{number}{column[3]}{stored}</v></c>"
                    if stored
                    else self._otherwise(column, number, value)
                )
            elif (at := shared(value)) >= 0:
                parts.append(f"{column[0]}{number}{column[1]}{at}</v></c>")
            else:
                parts.append(f"{column[0]}{number}{column[2]}{~at}</v></c>")
        return f'<row r="{number}"{attributes}>{"".join(parts)}</row>'

    def blank_row(self, number: int, token: str) -> str:
        """Return a row of which only the first cell holds something; the others have their styles alone.

        Programs that take a new cell's style from no column find it in the cell.
        """
        at = self._strings.number(token)
        first, *others = self._columns
        cells = "".join(f"{column.start}{number}{column.empty}" for column in others)
        return f'<row r="{number}">{first.start}{number}{first.text}{at if at >= 0 else ~at}</v></c>{cells}</row>'

    def _otherwise(self, column: Column, number: int, value: Scalar) -> str:
        """Return the cell of a value that no number stands for exactly."""
        if isinstance(value, bool):
            return f"{column.start}{number}{column.truth}{value:d}</v></c>"
        at = self._strings.number(plain_text(value))
        return f"{column.start}{number}{column.marked_text}{at if at >= 0 else ~at}</v></c>"


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
    text = format(value, "f")
    digits = text.lstrip("-").replace(".", "").strip("0")
    return text if len(digits) <= EXACT_DIGITS else None


def _float(value: float) -> str | None:
    return repr(value) if math.isfinite(value) else None


STORED: dict[type, Callable[..., str | None]] = {
    bool: lambda _value: None,
    int: _whole,
    float: _float,
    Decimal: _decimal,
    dt.date: serial_of,
    dt.datetime: serial_of,
}
"""By type: what a cell holds for a value, or None where no number is exact."""
