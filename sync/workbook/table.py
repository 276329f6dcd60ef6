"""A sheet as a table: where its key row is, what its columns are called, and the rows that follow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple

from sync.cells import Address, Broken, Formula, RawCell, column_letters
from sync.tokens import export_of, parse_ref
from sync.workbook.heading import find_heading, header_text
from sync.workbook.refusals import damaged, over_limit
from sync.workbook.shape import Shape

Row = tuple[int, list[RawCell]]
HEADER_ROWS = 2
REF = "_ref|"
REVIEW = "_review|"
"""What the hidden heading of a review's last column begins with."""
SEARCHED = 20
"""Rows from the top in which the key row is looked for."""
COUNTED = 10_000
"""How far the rows of a sheet are counted that was not chosen."""
_LINES, _LINE_CELLS, _CELL_LENGTH = 12, 8, 30
_TOKEN = re.compile(r"[RN]\d+\.\d+\.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person says of a file that was not exported here: the sheet's name and the row of its headers."""

    sheet: str = ""
    header_row: int = 0


ANY = Asked()
"""Whatever is found."""


class Line(NamedTuple):
    """A row as people choose it by: its number, and the first of its cells in short."""

    number: int
    texts: tuple[str, ...]


class Look(NamedTuple):
    """A sheet as people choose it by: its name, how many rows have a value, the first of them."""

    sheet: str
    rows: int
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Table:
    """A sheet as read. `rows` can be walked once, while the file is open.

    `ref` is the text of the cell that begins with ``_ref|`` and `ref_column` its column, under
    which the rows' tokens stand; both are None for a file that the panel did not export, and
    `keys` is then empty, `key_row` 0. `keys` and `labels` go by column index. A row is its number on the sheet
    and its cells by column index; rows without a value are left out, short ones not filled up.
    `head` holds the rows above the data as texts by their numbers, the last of them the one with the labels.
    Of a foreign file, `header_row` is the number of the headers' row, 0 where there is none, and `above` how many
    filled rows stand above it; `lines` are the sheet's first, and `looks` its sheets, where there are several.
    `copies` are the cells by which other sheets, too, are known as ours; `shape` is complete after the last row.
    Where the key row is gone, `rows_of` is the export that the first row's token names, and `ref_column` its column.
    """

    sheet: str
    ref: str | None
    ref_column: int | None
    keys: tuple[str | None, ...]
    labels: tuple[str | None, ...]
    sheets: tuple[str, ...]
    rows: Iterator[Row]
    is_csv: bool
    head: tuple[tuple[int, tuple[str | None, ...]], ...] = ()
    header_row: int = 0
    above: int = 0
    lines: tuple[Line, ...] = ()
    looks: tuple[Look, ...] = ()
    copies: tuple[Address, ...] = ()
    shape: Shape = field(default_factory=Shape, compare=False)
    key_row: int = 0
    rows_of: int | None = None

    @property
    def export(self) -> int | None:
        """Return the export that the table says it is of."""
        return self.rows_of if self.ref is None else parse_ref(self.ref)

    @property
    def is_foreign(self) -> bool:
        """Tell whether the panel did not export the table."""
        return self.ref is None and self.rows_of is None


class Top:
    """The first rows of a sheet, looked at before the others are read.

    `header_row` is the one that a person named; `shape` is filled while the rows are walked.
    """

    def __init__(self, rows: Iterator[Row], header_row: int = 0, shape: Shape | None = None) -> None:
        self._shape = Shape() if shape is None else shape
        self._head: list[Row] = []
        self._rest = rows
        self._header_row, self._searched = header_row, max(SEARCHED, header_row)
        for row in rows:
            if row[0] > self._searched:
                self._rest = chain([row], rows)
                self.empty = False
                break
            self._head.append(row)
        else:
            self.empty = not self._head
        self._head.sort(key=lambda row: row[0])
        found = _find(self._head, REF)
        self._key_row: Row | None = found and found[0]
        self._ref_column = found and found[1]
        self._token = None if found else _find_token(self._head)

    @property
    def ours(self) -> bool:
        """Tell whether there is a key row."""
        return self._key_row is not None

    @property
    def keyless(self) -> bool:
        """Tell whether there is no key row, and yet tokens that say whose rows these are."""
        return self._token is not None

    def ref_address(self, sheet: str) -> Address | None:
        """Return the cell by which a sheet is known as ours."""
        if self._token is not None:
            return Address(sheet, column_letters(self._token[1]), self._token[0])
        if self._key_row is None or self._ref_column is None:
            return None
        return Address(sheet, column_letters(self._ref_column), self._key_row[0])

    def look(self, sheet: str) -> Look:
        """Return what people know the sheet by; its rows are walked, as far as they are counted."""
        return Look(sheet, len(self._head) + sum(1 for _row in islice(self._rest, COUNTED)), self._lines())

    def _lines(self) -> tuple[Line, ...]:
        return tuple(
            Line(number, tuple((header_text(cell) or "")[:_CELL_LENGTH] for cell in cells[:_LINE_CELLS]))
            for number, cells in self._head[:_LINES]
        )

    def table(self, sheet: str, sheets: tuple[str, ...], *, is_csv: bool, looks: tuple[Look, ...] = ()) -> Table:
        """Return the table that begins with these rows."""
        if self._key_row is None or self._ref_column is None:
            return self._foreign(sheet, sheets, looks, is_csv=is_csv)
        number, keys = self._key_row
        ref = str(keys[self._ref_column])
        labels, data = self._below(number, self._ref_column)
        return Table(
            sheet=sheet,
            ref=ref,
            ref_column=self._ref_column,
            keys=tuple(None if cell == ref else _text(cell) for cell in keys),
            labels=labels,
            sheets=sheets,
            rows=self._following(data),
            is_csv=is_csv,
            head=self._above(data),
            shape=self._shape,
            key_row=number,
        )

    def _foreign(self, sheet: str, sheets: tuple[str, ...], looks: tuple[Look, ...], *, is_csv: bool) -> Table:
        marked = _find(self._head, REVIEW)
        heading = find_heading(self._head, self._header_row or (marked[0][0] if marked else 0))
        token_row, ref_column, rows_of = self._token or (0, None, None)
        if heading and token_row and heading.row >= token_row:
            heading = None  # a row of data, where the labels were deleted, too
        labels, row, above = (heading.labels, heading.row, heading.above) if heading else ((), 0, 0)
        if marked and marked[0][0] == row:
            # A text as long as this one is no header that people write.
            labels = (*labels[: marked[1]], *[None] * (marked[1] - len(labels)), _text(marked[0][1][marked[1]]))
        below = [one for one in self._head if (row and one[0] > row) or (token_row and one[0] >= token_row)]
        return Table(
            sheet=sheet,
            ref=None,
            ref_column=ref_column,
            keys=(),
            labels=labels,
            sheets=sheets,
            rows=self._following(below),
            is_csv=is_csv,
            head=self._above(below),
            header_row=row,
            above=above,
            lines=self._lines(),
            looks=looks,
            shape=self._shape,
            rows_of=rows_of,
        )

    def _below(self, key_row: int, ref_column: int) -> tuple[tuple[str | None, ...], list[Row]]:
        """Return the labels, which a person may have deleted, and the data among the first rows."""
        data = [row for row in self._head if row[0] > key_row or _has_token(row, ref_column)]
        if data and data[0][0] > key_row and not _has_token(data[0], ref_column):
            return tuple(map(_text, data[0][1])), data[1:]
        return (), data

    def _above(self, data: list[Row]) -> tuple[tuple[int, tuple[str | None, ...]], ...]:
        """Return the first rows that are no data, as texts."""
        numbers = {row[0] for row in data}
        return tuple((number, tuple(map(_text, cells))) for number, cells in self._head if number not in numbers)

    def _following(self, data: list[Row]) -> Iterator[Row]:
        yield from data
        for row in self._rest:
            if row[0] <= self._searched:
                raise damaged("The order of the sheet's rows")
            yield row


def at_most(rows: Iterable[Row], limit: int) -> Iterator[Row]:
    """Yield rows, and refuse the file when there are more than `limit` beside the two of the header."""
    for count, row in enumerate(rows, 1 - HEADER_ROWS):
        if count > limit:
            raise over_limit("rows", limit)
        yield row


def _find(head: list[Row], start: str) -> tuple[Row, int] | None:
    """Return the first row with a text that begins so, and the text's column."""
    for row in head:
        for column, cell in enumerate(row[1]):
            if isinstance(cell, str) and cell.startswith(start):
                return row, column
    return None


def _find_token(head: list[Row]) -> tuple[int, int, int] | None:
    """Return where the first token is, by row and column, and the export that it names."""
    for number, cells in head:
        for column, cell in enumerate(cells):
            if (export := export_of(cell)) is not None:
                return number, column, export
    return None


def _has_token(row: Row, column: int) -> bool:
    cells = row[1]
    return column < len(cells) and isinstance(cells[column], str) and bool(_TOKEN.match(str(cells[column])))


def _text(cell: RawCell) -> str | None:
    if isinstance(cell, Formula):
        cell = cell.value
    if isinstance(cell, Broken):
        cell = cell.text
    return None if cell is None else str(cell)
