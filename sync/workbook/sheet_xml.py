"""Rows as the markup of a sheet's part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from operator import invert
from typing import NamedTuple, cast

from sync.cells import column_letters
from sync.workbook.layout import CellStyle, Held, HeldColumns
from sync.workbook.shared_text import SharedText

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

    def rows(self, first: int, columns: HeldColumns, attributes: str = "") -> str:
        """Return rows that follow one another; empty cells are left out, and show the style of their column.

        They are decided column by column, and all of them are written from one template.
        """
        numbers = list(map(str, range(first, first + len(columns[0]))))  # they stand in each cell
        cells = [self._filled(*each) for each in zip(self._columns, repeat(numbers), columns, strict=False)]
        template = f'<row r="%s"{attributes}>{"".join(markup for markup, _filling in cells)}</row>'
        filling = chain.from_iterable(several for _markup, several in cells)
        return "".join(map(template.__mod__, zip(numbers, *filling, strict=True)))

    def blank_row(self, number: int, token: str) -> str:
        """Return a row of which only the first cell holds something; the others have their styles alone.

        Programs that take a new cell's style from no column find it in the cell.
        """
        first, *others = self._columns
        reference = self._cell(first, str(number), token)
        cells = "".join(f"{column.start}{number}{column.empty}" for column in others)
        return f'<row r="{number}">{reference}{cells}</row>'

    def _filled(self, column: Column, numbers: Sequence[str], values: Sequence[Held | None]) -> Filled:
        """Return the cells of a column; empty ones are nothing."""
        types = set(map(type, values))
        if types == TEXT:
            return self._texts(column, numbers, cast("Sequence[str]", values))
        if types <= NUMBERS:
            return f"{column.start}%s{column.number}%s</v></c>", (numbers, values)
        if NOTHING not in types:
            return self._mixed(column, numbers, cast("Sequence[Held]", values))
        there = [(number, value) for number, value in zip(numbers, values, strict=True) if value is not None]
        if not there:
            return "", ()
        markup, filling = self._filled(column, *zip(*there, strict=True))
        cells = map(markup.__mod__, zip(*filling, strict=True))
        return "%s", (["" if value is None else next(cells) for value in values],)

    def _texts(self, column: Column, numbers: Sequence[str], texts: Sequence[str]) -> Filled:
        at = self._strings.numbers(texts)
        if min(at) >= 0:
            return f"{column.start}%s{column.text}%s</v></c>", (numbers, at)
        if max(at) < 0:
            return f"{column.start}%s{column.marked_text}%s</v></c>", (numbers, map(invert, at))
        between = [column.text if one >= 0 else column.marked_text for one in at]
        return f"{column.start}%s%s%s</v></c>", (numbers, between, [max(one, ~one) for one in at])

    def _mixed(self, column: Column, numbers: Sequence[str], values: Sequence[Held]) -> Filled:
        return "%s", (list(map(self._cell, repeat(column), numbers, values)),)

    def _cell(self, column: Column, number: str, value: Held) -> str:
        if isinstance(value, str):
            markup, filling = self._texts(column, [number], [value])
            return markup % next(zip(*filling, strict=True))
        if isinstance(value, bool):
            return f"{column.start}{number}{column.truth}{value:d}</v></c>"
        return f"{column.start}{number}{column.number}{value}</v></c>"


def _column(index: int, style: CellStyle) -> Column:
    return Column(
        start=f'<c r="{column_letters(index)}',
        text=f'" s="{style.plain}" t="s"><v>',
        marked_text=f'" s="{style.quoted}" t="s"><v>',
        number=f'" s="{style.plain}"><v>',
        truth=f'" s="{style.plain}" t="b"><v>',
        empty=f'" s="{style.plain}"/>',
    )


TEXT, NOTHING = {str}, type(None)
NUMBERS = frozenset((int, float))
