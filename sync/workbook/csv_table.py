"""A CSV file as the first rows and the rest of a table."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO

from sync.cells import RawCell
from sync.errors import UnreadableWorkbook
from sync.workbook.csv_text import SAMPLE, delimiter_of, encoding_of
from sync.workbook.limits import GRID_ROWS, Limits
from sync.workbook.refusals import open_quote, over_limit, refused
from sync.workbook.table import Row, Top, at_most

_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_DANGEROUS = re.compile(r"'*[=+\-@\t\r]")


def guard(text: str) -> str:
    """Return text that no program takes for a formula; `unguard` gives it back exactly."""
    return f"'{text}" if _DANGEROUS.match(text) else text


def unguard(text: str) -> str:
    """Return the text that `guard` was given."""
    return text[1:] if _GUARDED.match(text) else text


@contextmanager
def read_csv(path: Path, limits: Limits, header_row: int = 0) -> Iterator[Top]:
    """Open a CSV file; its cells are texts, empty ones None, and rows count as a program shows them."""
    with path.open(encoding=encoding_of(path), newline="") as file:
        try:
            sample = file.read(SAMPLE)
        except UnicodeError as failure:
            raise _no_text() from failure
        separator = _SEPARATOR_LINE.match(sample)
        reading = _Reading(file, separator[1] if separator else delimiter_of(sample), bool(separator), limits)
        ours = Top(reading.rows()).ours
        yield Top(at_most(reading.rows(unguard if ours else str), limits.rows), header_row)


class _Reading:
    """One file, which can be read from its beginning more than once."""

    def __init__(self, file: IO[str], delimiter: str, skip_first: bool, limits: Limits) -> None:
        self._file, self._delimiter, self._skip_first, self._limits = file, delimiter, skip_first, limits
        self._record: list[str] = []
        self._ended = False

    def rows(self, unguarded: Callable[[str], str] = str) -> Iterator[Row]:
        """Yield the records that have a value, under the limits."""
        filled = 0
        for number, record in self._records():
            row: list[RawCell] = [unguarded(text) if text else None for text in record]
            filled += len(row) - row.count(None)
            self._check(row, number, filled)
            if any(record):
                yield number, row

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        self._file.seek(0)
        self._record.clear()
        self._ended = False
        if self._skip_first:
            self._file.readline()
        number = 0
        try:
            for number, record in enumerate(csv.reader(self._lines(), delimiter=self._delimiter), 1):
                # The reader asks for a line after the last one only inside a quoted text.
                if self._ended or (len(self._record) > 1 and self._is_ambiguous()):
                    raise open_quote(number)
                self._record.clear()
                yield number, record
        except UnicodeError as failure:
            raise _no_text() from failure
        except csv.Error as failure:  # a field beyond all limits
            raise open_quote(number + 1) if len(self._record) > 1 else _no_text() from failure

    def _lines(self) -> Iterator[str]:
        for line in self._file:
            if "\0" in line:
                raise _no_text()
            self._record.append(line)
            yield line
        self._ended = True

    def _is_ambiguous(self) -> bool:
        """Tell whether text follows a quoted text over several lines: its end may be another text's beginning."""
        fields = _fields(self._delimiter).finditer("".join(self._record))
        return any(field[2] and ("\n" in field[1] or "\r" in field[1]) for field in fields)

    def _check(self, row: list[RawCell], number: int, filled: int) -> None:
        limits = self._limits
        if number > GRID_ROWS:
            raise over_limit("rows", GRID_ROWS)
        if len(row) > limits.columns and any(row[limits.columns :]):
            raise over_limit("columns", limits.columns)
        if filled > limits.cells:
            raise over_limit("cells", limits.cells)
        if any(len(str(cell)) > limits.text for cell in row if cell is not None):
            raise over_limit("characters in one cell", limits.text)


@cache
def _fields(delimiter: str) -> re.Pattern[str]:
    """Return what a field is to the csv module: if it was quoted, what was, and what follows that."""
    plain = rf"[^{re.escape(delimiter)}\r\n]*"
    return re.compile(rf'(?:"([^"]*(?:""[^"]*)*)"({plain})|{plain})(?:{re.escape(delimiter)}|\r\n?|\n|\Z)')


def _no_text() -> UnreadableWorkbook:
    return refused("The file is not a CSV file.")
