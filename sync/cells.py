"""What a sheet's cell can hold, where it stands, and what can be wrong with it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal

CELL_LIMIT = 32_767
"""How much text a cell holds, in the UTF-16 units that the format counts."""
_NOT_HELD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

Scalar = str | bool | int | float | Decimal | dt.date | dt.datetime
"""A value that a cell can show; a `datetime` is naive, in the provider's own time."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A cell that shows no usable value: an error such as ``#N/A``, or a formula never calculated.

    `text` is what the cell shows, empty for a formula without a cached value.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Formula:
    """The value that a program calculated for a formula; `sums` of one that is made of many other cells."""

    value: Scalar
    sums: bool = False


RawCell = Scalar | Broken | Formula | None
"""A cell as read, before any field type has looked at it; `None` is an empty cell."""


def column_letters(index: int) -> str:
    """Return the letters of a column: 0 is A, 25 is Z, 26 is AA."""
    letters = ""
    number = index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


@dataclass(frozen=True, slots=True)
class Address:
    """A cell's place as its own program shows it: ``Customers!F14``."""

    sheet: str
    column: str
    row: int

    def __str__(self) -> str:
        return f"{self.sheet}!{self.column}{self.row}"


@dataclass(frozen=True, slots=True)
class Problem:
    """A cell or row that cannot be taken as it is, and what to do about it.

    `column` is empty in `at` where the whole row is meant; `at` then reads ``Customers!14``.
    `is_order` says that an answer about the order of the column's dates would settle it.
    """

    at: Address
    message: str
    id: int | None = None
    field: str | None = None
    value: object = None
    is_order: bool = False


LONG_TEXT_PLACEHOLDER = "(too long for a workbook)"
"""Stands in a cell for a text that no workbook can hold; an import takes no opinion from it."""


def clean_text(text: str) -> str:
    """Return text as a workbook can hold it: line ends are LF, and what XML forbids is gone.

    TAB stays: every program measured gives it back. Control characters, DEL, lone surrogates,
    U+FFFE and U+FFFF go: writers fail on them or readers refuse the whole file.
    """
    if text.isprintable():
        return text
    return _NOT_HELD.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
