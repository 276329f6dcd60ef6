"""The cells of one row, from what their markup says to raw cells in the order of columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from string import ascii_uppercase

from sync.cells import Broken, Formula, RawCell, column_letters
from sync.workbook.cell_values import READERS, constant, date_1900, date_1904, number
from sync.workbook.limits import GRID_COLUMNS, Limits
from sync.workbook.refusals import damaged, over_limit
from sync.workbook.strings import SharedStrings

Markup = tuple[str, str, str, str, str]
"""A cell as its markup has it: address, style, type, text, formula behind an ``=``; what is missing is empty."""

# Over a range such as C3:C99, or a column of a table, as in [Fee].
_SUMS = re.compile(r"=(?:SUBTOTAL|AGGREGATE|SUM|AVERAGE|COUNTA?|MIN|MAX)\([^()]*[:\[]", re.IGNORECASE)
NUMBERS = ("", "n")
TEXTS = ("str", "s", "inlineStr")


@dataclass(frozen=True, slots=True)
class Book:
    """What a sheet's cells refer to: shared strings, the styles that show dates, and how dates count."""

    strings: SharedStrings
    date_styles: frozenset[str]
    epoch_1904: bool


class RowCells:
    """Reads the rows of one sheet, and counts what it has read against the limits."""

    def __init__(self, book: Book, limits: Limits) -> None:
        self._shared, self._all_shared = book.strings.at, book.strings.all_at
        # A cell that names no style has the first one.
        self._dates = book.date_styles | {""} if "0" in book.date_styles else book.date_styles
        self._date = date_1904 if book.epoch_1904 else date_1900
        self._limits = limits
        self._columns = columns()
        self._filled = 0

    def read(self, row: int, marked: list[Markup]) -> list[RawCell]:  # noqa: C901 (calls for millions of cells are dear)
        """Return the cells of a row up to the last one that has a value."""
        cells: list[RawCell] = []
        column, row_text, letters = -1, str(row), self._columns
        shared, date, dates = self._shared, self._date, self._dates
        for reference, style, kind, text, formula in marked:
            known = letters.get(reference.removesuffix(row_text))
            column = known if known is not None else _unusual(reference, row_text, column)
            if formula:
                value = self._calculated(style, kind, text, formula)
            elif not text:
                continue
            elif kind == "s":
                value = shared(text) or None
            elif not kind:
                value = date(text) if style in dates else number(text)
            else:
                value = self._stored(style, kind, text)
            if value is None:
                continue
            if column == len(cells):
                cells.append(value)
            else:
                _place(cells, column, value, row)
        if cells:
            self.count(row, cells)
        return cells

    def reading(self, style: str, kind: str) -> Callable[[Sequence[str]], Sequence[RawCell]]:
        """Return what reads the texts of cells with this style and type, which holds a number, all at once."""
        if kind == "s":
            return self._all_texts
        return self._all_dates if style in self._dates else self._all_numbers

    def _all_texts(self, texts: Sequence[str]) -> Sequence[RawCell]:
        return [text or None for text in self._all_shared(texts)]

    def _all_dates(self, texts: Sequence[str]) -> Sequence[RawCell]:
        return list(map(self._date, texts))

    def _all_numbers(self, texts: Sequence[str]) -> Sequence[RawCell]:
        return list(map(number, texts))

    def _stored(self, style: str, kind: str, text: str) -> RawCell:
        if kind == "s":
            return self._shared(text) or None
        if kind in NUMBERS:
            return self._date(text) if style in self._dates else number(text)
        value = READERS.get(kind, Broken)(text)
        if isinstance(value, str) and len(value) > self._limits.text:
            raise over_limit("characters in one cell", self._limits.text)
        return value

    def _calculated(self, style: str, kind: str, text: str, formula: str) -> RawCell:
        fixed = constant(formula)
        if fixed is not None:
            return fixed
        value = self._stored(style, kind, text) if text else None
        if value is None:
            # Only for a text is an empty cached value the result; otherwise nobody calculated.
            return Formula("") if kind in TEXTS else Broken("")
        return value if isinstance(value, Broken | Formula) else Formula(value, bool(_SUMS.match(formula)))

    def count(self, row: int, cells: Sequence[RawCell]) -> None:
        """Count the cells of a row against the limits."""
        limits = self._limits
        if len(cells) > limits.columns:
            raise over_limit(f"columns (see {column_letters(len(cells) - 1)}{row})", limits.columns)
        self._filled += len(cells) - cells.count(None)
        if self._filled > limits.cells:
            raise over_limit("cells", limits.cells)


@cache
def columns() -> dict[str, int]:
    """Return the index of each column by its letters."""
    names = ("".join(letters) for size in (1, 2, 3) for letters in product(ascii_uppercase, repeat=size))
    return {name: index for index, name in zip(range(GRID_COLUMNS), names, strict=False)}


def _unusual(reference: str, row_text: str, previous: int) -> int:
    """Return the column of a cell without an address, which follows the previous one, or with an odd one."""
    if not reference:
        return previous + 1
    column = columns().get(reference.upper().replace("$", "").removesuffix(row_text))
    if column is None:
        raise damaged(f"A cell's address in row {row_text}")
    return column


def _place(cells: list[RawCell], column: int, value: RawCell, row: int) -> None:
    """Put a value where it belongs in a row that is not written from left to right without gaps."""
    cells.extend([None] * (column + 1 - len(cells)))
    if cells[column] is not None:
        raise damaged(f"Cell {column_letters(column)}{row}, which is there twice,")
    cells[column] = value
