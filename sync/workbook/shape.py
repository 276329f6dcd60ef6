"""What a sheet looks like to people beside its values: rows and columns that they do not see, cells that are merged."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from sync.workbook.limits import GRID_COLUMNS

_MERGE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7}):\$?([A-Z]{1,3})\$?([0-9]{1,7})")
_FIRST_LETTER = ord("A") - 1


@dataclass(slots=True)
class Shape:
    """Complete when all rows of a sheet have been walked.

    `hidden` holds the first and last number of rows that are hidden, filtered out or folded away; `hidden_columns` the
    first and last index of such columns; `merges` the references of merged cells, such as ``C5:C9``.
    """

    hidden: list[tuple[int, int]] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    merges: list[str] = field(default_factory=list)

    def hide(self, row: int) -> None:
        """Take note of a row that people do not see."""
        if self.hidden and self.hidden[-1][1] == row - 1:
            self.hidden[-1] = self.hidden[-1][0], row
        else:
            self.hidden.append((row, row))

    def hide_columns(self, first: str, last: str) -> None:
        """Take note of columns that people do not see, by the numbers that the markup gives them, from 1."""
        if first.isdecimal() and last.isdecimal() and max(len(first), len(last)) < 6:
            # No column is described twice, so that a sheet needs no more spans than it has columns.
            self.hidden_columns += [(int(first) - 1, int(last) - 1)] * (len(self.hidden_columns) < GRID_COLUMNS)

    def hides_column(self, index: int) -> bool:
        """Tell whether people do not see a column."""
        return any(first <= index <= last for first, last in self.hidden_columns)

    def hidden_of(self, rows: Iterable[int]) -> tuple[int, ...]:
        """Return those of these rows that people do not see."""
        spans = sorted(self.hidden)
        starts = [first for first, _last in spans]
        return tuple(row for row in sorted(rows) if (at := bisect_right(starts, row)) and spans[at - 1][1] >= row)


class MergedCells:
    """The merged cells of some columns: of each merge only the first cell keeps a value."""

    def __init__(self, merges: Iterable[str], columns: Collection[int]) -> None:
        self._spans: dict[int, list[tuple[int, int, int, str]]] = defaultdict(list)
        for merge in merges:
            if match := _MERGE.fullmatch(merge):
                self._add(merge, match, columns)
        for spans in self._spans.values():
            spans.sort()

    def _add(self, merge: str, match: re.Match[str], columns: Collection[int]) -> None:
        left, right = (_index(match[group]) for group in (1, 3))
        top, bottom = int(match[2]), int(match[4])
        for column in columns:
            if left <= column <= right:
                # In the first column it is the cell at the top that keeps its value.
                self._spans[column].append((top + (column == left), bottom, column, merge))

    def swallowing(self, row: int, column: int) -> str | None:
        """Return the merge in which a cell lost its value."""
        spans = self._spans.get(column, ())
        at = bisect_right(spans, row, key=lambda span: span[0])
        return spans[at - 1][3] if at and spans[at - 1][1] >= row else None


def _index(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - _FIRST_LETTER
    return number - 1
