"""Rows as the markup of a sheet's part."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import chain, repeat
from operator import invert
from typing import Any, NamedTuple, cast

from sync.cells import Scalar, column_letters
from sync.workbook.frame import CellStyle
from sync.workbook.layout import Columns
from sync.workbook.serials import serial_of
from sync.workbook.shared_text import SharedText

EXACT_DIGITS = 15
"""Spreadsheet programs keep this many digits of a number."""
EXACT = 10**EXACT_DIGITS
LARGEST_EXPONENT = 300


Filled = tuple[str, tuple[Iterable[object], ...]]
"""What is alike in the cells of a column, with ``%s`` for what is not, and what stands there in each."""


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

    def rows(self, first: int, columns: Columns, attributes: str = "") -> str:
        """Return rows that follow one another; empty cells are left out, and show the style of their column.

        They are decided column by column, and all of them are written from one template.
        """
        numbers = range(first, first + len(columns[0]))
        cells = [self._filled(*each) for each in zip(self._columns, repeat(numbers), columns, strict=False)]
        template = f'<row r="%s"{attributes}>{"".join(markup for markup, _filling in cells)}</row>'
        filling = chain.from_iterable(several for _markup, several in cells)
        return "".join(map(template.__mod__, zip(numbers, *filling, strict=True)))

    def blank_row(self, number: int, token: str) -> str:
        """Return a row of which only the first cell holds something; the others have their styles alone.

        Programs that take a new cell's style from no column find it in the cell.
        """
        first, *others = self._columns
        reference = self._text(first, number, token)
        cells = "".join(f"{column.start}{number}{column.empty}" for column in others)
        return f'<row r="{number}">{reference}{cells}</row>'

    def _filled(self, column: Column, numbers: Sequence[int], values: Sequence[Scalar | None]) -> Filled:
        """Return the cells of a column; empty ones are nothing."""
        types = set(map(type, values))
        if types == TEXT:
            return self._texts(column, numbers, cast("Sequence[str]", values))
        if NOTHING not in types:
            return self._numbers(column, numbers, cast("Sequence[Scalar]", values), types)
        there = [(number, value) for number, value in zip(numbers, values, strict=True) if value is not None]
        if not there:
            return "", ()
        markup, filling = self._filled(column, *zip(*there, strict=True))
        cells = map(markup.__mod__, zip(*filling, strict=True))
        return "%s", (["" if value is None else next(cells) for value in values],)

    def _texts(self, column: Column, numbers: Sequence[int], texts: Sequence[str]) -> Filled:
        at = self._strings.numbers(texts)
        if min(at) >= 0:
            return f"{column.start}%s{column.text}%s</v></c>", (numbers, at)
        if max(at) < 0:
            return f"{column.start}%s{column.marked_text}%s</v></c>", (numbers, map(invert, at))
        between = [column.text if one >= 0 else column.marked_text for one in at]
        return f"{column.start}%s%s%s</v></c>", (numbers, between, [max(one, ~one) for one in at])

    def _numbers(
        self, column: Column, numbers: Sequence[int], values: Sequence[Scalar], types: Collection[type]
    ) -> Filled:
        stored = [STORED[type(value)](value) for value in values] if len(types) > 1 else _stored(values, *types)
        if None not in stored:
            return f"{column.start}%s{column.number}%s</v></c>", (numbers, stored)
        cells = [
            f"{column.start}{number}{column.number}{text}</v></c>" if text else self._otherwise(column, number, value)
            for number, text, value in zip(numbers, stored, values, strict=True)
        ]
        return "%s", (cells,)

    def _otherwise(self, column: Column, number: int, value: Scalar) -> str:
        """Return the cell of a value that no number stands for exactly."""
        if isinstance(value, bool):
            return f"{column.start}{number}{column.truth}{value:d}</v></c>"
        # What would be a number, and no cell holds as one, is marked as text.
        marked = column if isinstance(value, str) else column._replace(text=column.marked_text)
        return self._text(marked, number, plain_text(value))

    def _text(self, column: Column, number: int, text: str) -> str:
        markup, filling = self._texts(column, [number], [text])
        return markup % next(zip(*filling, strict=True))


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


def _stored(values: Sequence[Any], of_type: type) -> Sequence[object]:
    """Return what cells hold for values of one type, as `STORED` says, sooner for the usual ones."""
    if of_type is int and -EXACT < min(values) <= max(values) < EXACT:
        return values
    if of_type is Decimal:
        texts = list(map(str, values))
        if len(max(texts, key=len)) <= EXACT_DIGITS and not "".join(texts).strip("-.0123456789"):
            return texts
    return list(map(STORED[of_type], values))


TEXT, NOTHING = {str}, type(None)
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
