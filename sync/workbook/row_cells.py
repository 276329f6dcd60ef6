"""The cells of one row, from what their markup says to raw cells in the order of columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from string import ascii_uppercase

from sync.cells import Broken, Formula, RawCell, column_letters
from sync.workbook.cell_values import READERS, constant, date_1900, date_1904, number
from sync.workbook.limits import GRID_COLUMNS, Limits
from sync.workbook.markup import Attributes
from sync.workbook.refusals import damaged, over_limit
from sync.workbook.strings import SharedStrings

Markup = tuple[Attributes, str | None, str | None]
"""A cell's attributes, the text of its value, the text of its formula."""


@dataclass(frozen=True, slots=True)
class Book:
    """What a sheet's cells refer to: shared strings, the styles that show dates, and how dates count."""

    strings: SharedStrings
    date_styles: frozenset[str]
    epoch_1904: bool


class RowCells:
    """Reads the rows of one sheet, and counts what it has read against the limits."""

    def __init__(self, book: Book, limits: Limits) -> None:
        self._shared, self._dates = book.strings.at, book.date_styles
        self._date = date_1904 if book.epoch_1904 else date_1900
        self._limits = limits
        self._columns = columns()
        self._filled = 0

    def read(self, row: int, marked: list[Markup]) -> list[RawCell]:  # noqa: C901 (calls for millions of cells are dear)
        """Return the cells of a row up to the last one that has a value."""
        cells: list[RawCell] = []
        column, row_text, letters = -1, str(row), self._columns
        shared, date, dates = self._shared, self._date, self._dates
        for attributes, text, formula in marked:
            reference = attributes.get("r")
            if reference is None:
                column += 1
            else:
                known = letters.get(reference.removesuffix(row_text))
                column = _unusual(reference, row_text) if known is None else known
            if formula is not None:
                value = self._calculated(attributes, text, formula)
            elif text is None:
                continue
            elif (kind := attributes.get("t")) == "s":
                value = shared(text) or None
            elif kind is None:
                value = date(text) if attributes.get("s", "0") in dates else number(text)
            else:
                value = self._stored(attributes, text)
            if value is None:
                continue
            if column == len(cells):
                cells.append(value)
            else:
                _place(cells, column, value, row)
        if cells:
            self._count(row, cells)
        return cells

    def _stored(self, attributes: Attributes, text: str) -> RawCell:
        kind = attributes.get("t", "n")
        if kind == "s":
            return self._shared(text) or None
        if kind == "n":
            return self._date(text) if attributes.get("s", "0") in self._dates else number(text)
        value = READERS.get(kind, Broken)(text)
        if isinstance(value, str) and len(value) > self._limits.text:
            raise over_limit("characters in one cell", self._limits.text)
        return value

    def _calculated(self, attributes: Attributes, text: str | None, formula: str) -> RawCell:
        fixed = constant(formula)
        if fixed is not None:
            return fixed
        if text is None:
            return Broken("")
        value = self._stored(attributes, text)
        if value is None:
            # Only for a text is an empty cached value the result; otherwise nobody calculated.
            return Formula("") if attributes.get("t") in ("str", "s", "inlineStr") else Broken("")
        return value if isinstance(value, Broken | Formula) else Formula(value)

    def _count(self, row: int, cells: list[RawCell]) -> None:
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


def _unusual(reference: str, row_text: str) -> int:
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
