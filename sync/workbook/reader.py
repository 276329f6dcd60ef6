"""A file of any kind that is taken, as a table, read in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sync.workbook.archive import Archive, open_archive
from sync.workbook.csv_table import read_csv
from sync.workbook.kinds import Kind, kind_of
from sync.workbook.limits import Limits
from sync.workbook.parts import Contents, SheetPart, read_contents, read_date_styles
from sync.workbook.refusals import refused
from sync.workbook.row_cells import Book
from sync.workbook.sheet import sheet_rows
from sync.workbook.strings import SharedStrings, read_strings
from sync.workbook.table import Row, Table, Top, at_most

OWN_SHEETS = ("_manifest", "_lists")
"""Sheets that a workbook of ours has beside its data."""


@contextmanager
def read_table(path: Path, limits: Limits) -> Iterator[Table]:
    """Read a workbook or CSV file; `UnreadableWorkbook` may come while its rows are walked, too.

    An upload is for `open_table`, which does the same in a process that may come to harm.
    """
    kind = kind_of(path, limits)
    if kind is Kind.TEXT:
        with read_csv(path, limits) as top:
            yield top.table("CSV", ("CSV",), is_csv=True)
    else:
        with open_archive(path, limits) as archive:
            contents = read_contents(archive, limits)
            if kind is Kind.UNNAMED:
                raise refused("The file's name does not end in .xlsx.")
            yield from _workbook_table(archive, contents, limits)


def _workbook_table(archive: Archive, contents: Contents, limits: Limits) -> Iterator[Table]:
    strings = SharedStrings()
    try:
        if contents.strings is not None:
            read_strings(strings, archive.chunks(contents.strings), limits)
        styles = read_date_styles(archive, contents.styles, limits)
        reading = _Workbook(archive, contents, Book(strings, styles, contents.epoch_1904), limits)
        sheet, top = reading.choose()
        yield top.table(sheet.name, tuple(sheet.name for sheet in contents.sheets), is_csv=False)
    finally:
        strings.close()


class _Workbook:
    """The sheets of one workbook, and which of them is meant."""

    def __init__(self, archive: Archive, contents: Contents, book: Book, limits: Limits) -> None:
        self._archive, self._contents, self._book, self._limits = archive, contents, book, limits

    def choose(self) -> tuple[SheetPart, Top]:
        """Return the sheet with our key row, or else the first that people see and that has values."""
        first: SheetPart | None = None
        for sheet in self._contents.sheets:
            if sheet.name in OWN_SHEETS:
                continue
            top = Top(self._rows(sheet))
            if top.ours:
                return sheet, top
            if first is None and sheet.visible and not top.empty:
                first = sheet
        sheet = first or self._contents.sheets[0]
        return sheet, Top(self._rows(sheet))

    def _rows(self, sheet: SheetPart) -> Iterator[Row]:
        rows = sheet_rows(self._archive.chunks(sheet.part), self._book, self._limits)
        return at_most(rows, self._limits.rows)
