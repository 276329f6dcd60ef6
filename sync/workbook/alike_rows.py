"""Rows that are like those before them, each read by one match instead of cell by cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sync.cells import RawCell
from sync.workbook.row_cells import Markup, columns
from sync.workbook.table import Row

FIRST = 16
"""Rows that are read cell by cell before a pattern is made of them; for each further pattern, twice as many."""
MOST_LOOKS = 8
START = r'<row r="([1-9][0-9]{0,6})"(?: (?!r=)[A-Za-z0-9:]+="[^"<>&\x00-\x1f]*")*>'
NUMBER = "[0-9.eE+-]{1,40}"
Reading = Callable[[Sequence[str]], Sequence[RawCell]]
"""Returns the values of cells that are alike."""
Look = tuple[str, str]
"""A cell's style and type; what is missing is empty."""


class AlikeRows:
    """Learns what the cells of each column look like, and takes the rows that are just so.

    `reading` tells how cells of a look are read, and `width` is how many columns may be learned.
    """

    def __init__(self, reading: Callable[[str, str], Reading], width: int) -> None:
        self._reading, self._width = reading, width
        self._looks: dict[int, dict[Look, None]] = {}
        self._readings: dict[int, Reading] = {}
        self._learned, self._due = 0, FIRST
        self._pattern: re.Pattern[str] | None = None
        self._order: list[tuple[int, Reading]] = []
        self._taken: list[tuple[str, ...]] = []

    def takes(self, text: str) -> bool:
        """Take the markup of a row, if it is like those that were learned."""
        found = self._pattern.fullmatch(text) if self._pattern else None
        if found is None:
            return False
        self._taken.append(found.groups())
        return True

    def learn(self, row: int, marked: Sequence[Markup]) -> None:
        """Learn from a plain row that was read cell by cell; the rows that were taken have been read."""
        for address, style, kind, _text, _formula in marked:
            letters = address.removesuffix(str(row))
            index = columns().get(letters, self._width)
            reading = self._reading(style, kind)
            if index < self._width:
                # Headings are texts above numbers, too: what is read in another way begins anew.
                if self._readings.get(index) != reading:
                    self._readings[index], self._looks[index] = reading, {}
                self._looks[index][style, kind] = None
        self._learned += 1
        if self._learned >= self._due and self._readings:
            self._due *= 2
            self._order = sorted(self._readings.items())
            letters_of = {index: letters for letters, index in columns().items() if index in self._readings}
            cells = (_cell(letters_of[index], list(self._looks[index])[:MOST_LOOKS]) for index, _reading in self._order)
            self._pattern = re.compile(f"{START}{''.join(cells)}</row>")

    def read(self) -> list[Row]:
        """Return the rows that were taken since, column by column: what is alike in them need not be looked at."""
        if not self._taken:
            return []
        numbers, *texts = zip(*self._taken, strict=True)
        table: list[Sequence[RawCell]] = [(None,) * len(numbers)] * (self._order[-1][0] + 1)
        for (index, reading), column in zip(self._order, texts, strict=True):
            table[index] = _values(reading, column)
        self._taken = []
        return [
            (int(number), _trimmed(list(cells)))
            for number, cells in zip(numbers, zip(*table, strict=True), strict=True)
        ]


def _cell(letters: str, looks: Sequence[Look]) -> str:
    attributes = "|".join(_attributes(*look) for look in looks)
    # Nothing that was matched is tried again another way: each cell begins with its own address.
    return rf'(?:<c r="{letters}\1"(?:{attributes})(?:><v>({NUMBER}+)</v></c>|/>))?+'


def _attributes(style: str, kind: str) -> str:
    return (f' s="{style}"' if style else "") + (f' t="{kind}"' if kind else "")


def _values(reading: Reading, texts: Sequence[str | None]) -> Sequence[RawCell]:
    there = [text for text in texts if text is not None]
    if not there:
        return texts
    values = iter(reading(there))
    return list(values) if len(there) == len(texts) else [text and next(values) for text in texts]


def _trimmed(cells: list[RawCell]) -> list[RawCell]:
    while cells and cells[-1] is None:
        cells.pop()
    return cells
