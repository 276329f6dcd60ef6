"""What is to be written into a workbook, on its way to the process that writes it: lines of JSON.

The first line is the order, each other one a row with its new cells, in the order in which the sheet was read.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import IO, NamedTuple

from sync.cells import Scalar

BLANK, TEXT, MARKED, NUMBER, DATE, TRUTH = "", "t", "q", "n", "d", "b"
"""Kinds of cells; a marked text looks like something else, and a date is a number that counts days from 1900."""

RefreshedRow = tuple[int, Mapping[int, Scalar | None]]
"""A row's number on the sheet, and its new values by column index; a cell that is not among them stays as it is."""


class Cell(NamedTuple):
    """A cell as it is written: its kind, and what it stores."""

    kind: str
    stored: str = ""


BLANK_CELL = Cell(BLANK)
Cells = dict[int, Cell]


@dataclass(frozen=True, slots=True)
class Choice:
    """The dropdown of a column whose options changed.

    `was` and `inline` are the rules that hold the options of then and of now, None where they are too long for a rule.
    """

    column: int
    was: str | None
    inline: str | None
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to become of a workbook beside its rows.

    `sheet` is the name of the sheet with our rows, `own` the columns of ours in it, `formats` the number format of
    each; `ref` is the text of the cell at `key_row` and `ref_column`; `manifest` replaces what the workbook says.
    """

    sheet: str
    key_row: int
    ref_column: int
    ref: str
    own: tuple[int, ...]
    formats: Mapping[int, str]
    choices: tuple[Choice, ...] = ()
    manifest: tuple[tuple[str, str], ...] = ()

    def to_line(self) -> bytes:
        """Return the order as a line."""
        return json.dumps(asdict(self) | {"formats": dict(self.formats)}).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Order:
        """Return the order that `to_line` wrote."""
        plain = json.loads(line)
        formats = {int(column): code for column, code in plain.pop("formats").items()}
        choices = tuple(Choice(**{**one, "options": tuple(one["options"])}) for one in plain.pop("choices"))
        manifest = tuple((key, value) for key, value in plain.pop("manifest"))
        own = tuple(plain.pop("own"))
        return cls(**plain, own=own, formats=formats, choices=choices, manifest=manifest)


def row_line(number: int, cells: Mapping[int, Cell]) -> bytes:
    """Return a row as a line."""
    return json.dumps([number, [[column, *cell] for column, cell in sorted(cells.items())]]).encode() + b"\n"


def row_of(line: bytes) -> tuple[int, Cells]:
    """Return the row that `row_line` wrote."""
    number, cells = json.loads(line)
    return number, {column: Cell(kind, stored) for column, kind, stored in cells}


class Patches:
    """The rows of an order, taken one after the other as the sheet has them.

    The rows of the sheet's top come first, in the order of their numbers, however the sheet has them.
    """

    def __init__(self, lines: IO[bytes] | Iterator[bytes], top: int) -> None:
        self._lines = iter(lines)
        self._top: dict[int, Cells] = {}
        self._next: tuple[int, Cells] | None = None
        for line in self._lines:
            number, cells = row_of(line)
            if number > top:
                self._next = (number, cells)
                break
            self._top[number] = cells

    def at(self, number: int) -> Cells | None:
        """Return the new cells of a row, or None where it stays as it is."""
        if self._next is not None and self._next[0] == number:
            cells = self._next[1]
            line = next(self._lines, None)
            self._next = None if line is None else row_of(line)
            return cells
        return self._top.pop(number, None)

    @property
    def is_used_up(self) -> bool:
        """Tell whether every row was there."""
        return self._next is None and not self._top


def as_date(days: float) -> dt.datetime:
    """Return the moment of a number of days from 1900 on."""
    return dt.datetime(1899, 12, 30) + dt.timedelta(seconds=round(days * 86_400))  # noqa: DTZ001 (a cell has no zone)
