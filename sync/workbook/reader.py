"""A file of any kind that is taken, as a table, read in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from sync.cells import Address
from sync.errors import UnreadableWorkbook
from sync.workbook.archive import Archive, open_archive
from sync.workbook.csv_table import read_csv
from sync.workbook.kinds import Kind, kind_of
from sync.workbook.limits import Limits
from sync.workbook.parts import Contents, SheetPart, read_contents, read_date_styles
from sync.workbook.refusals import refused
from sync.workbook.row_cells import Book
from sync.workbook.shape import Shape
from sync.workbook.sheet import sheet_rows
from sync.workbook.strings import SharedStrings, read_strings
from sync.workbook.table import ANY, COUNTED, Asked, Look, Table, Top, at_most

OWN_SHEETS = ("_manifest", "_lists")
"""Sheets that a workbook of ours has beside its data."""


@contextmanager
def read_table(path: Path, limits: Limits, asked: Asked = ANY) -> Iterator[Table]:
    """Read a workbook or CSV file; `UnreadableWorkbook` may come while its rows are walked, too.

    `asked` may name the sheet and the row of its headers; a sheet that is not there is nobody's choice.

    An upload is for `open_table`, which does the same in a process that may come to harm.
    """
    kind = kind_of(path, limits)
    if kind is Kind.TEXT:
        with read_csv(path, limits, asked.header_row) as top:
            yield top.table("CSV", ("CSV",), is_csv=True)
    else:
        with open_archive(path, limits) as archive:
            contents = read_contents(archive, limits)
            if kind is Kind.UNNAMED:
                raise refused("The file's name does not end in .xlsx.")
            yield from _workbook_table(archive, contents, limits, asked)


def _workbook_table(archive: Archive, contents: Contents, limits: Limits, asked: Asked) -> Iterator[Table]:
    strings = SharedStrings()
    try:
        if contents.strings is not None:
            read_strings(strings, archive.chunks(contents.strings), limits)
        styles = read_date_styles(archive, contents.styles, limits)
        reading = _Workbook(archive, contents, Book(strings, styles, contents.epoch_1904), limits, asked)
        sheet, top, looks = reading.choose()
        table = top.table(sheet.name, tuple(sheet.name for sheet in contents.sheets), is_csv=False, looks=looks)
        yield replace(table, copies=() if table.is_foreign else tuple(reading.copies(sheet, top)))
    finally:
        strings.close()


class _Workbook:
    """The sheets of one workbook, and which of them is meant."""

    def __init__(self, archive: Archive, contents: Contents, book: Book, limits: Limits, asked: Asked) -> None:
        self._archive, self._contents, self._book, self._limits = archive, contents, book, limits
        self._asked = asked
        self._named = next((one for one in contents.sheets if asked.sheet and _same(one.name, asked.sheet)), None)

    def choose(self) -> tuple[SheetPart, Top, tuple[Look, ...]]:
        """Return the sheet that a person named, the one with our key row or rows, or else the first seen with values.

        Where that is a foreign one, all that people see and that have values are there to choose from.
        """
        filled: list[tuple[SheetPart, Top]] = []
        for sheet in self._contents.sheets:
            if sheet.name in OWN_SHEETS:
                continue
            top = self._top(sheet)
            if top.ours and self._named in {None, sheet}:
                return sheet, top, ()
            if (sheet.visible or sheet is self._named) and not top.empty:
                filled.append((sheet, top))
        keyless = next((sheet for sheet, top in filled if top.keyless), None)
        chosen = self._named or keyless or (filled[0][0] if filled else self._contents.sheets[0])
        if chosen is keyless:
            return chosen, self._top(chosen), ()
        looks = tuple(_look(sheet, top) for sheet, top in filled) if len(filled) > 1 else ()
        return chosen, self._top(chosen), looks

    def _top(self, sheet: SheetPart) -> Top:
        shape = Shape()
        rows = sheet_rows(self._archive.chunks(sheet.part), self._book, self._limits, shape)
        return Top(at_most(rows, self._limits.rows), self._asked.header_row, shape)

    def copies(self, chosen: SheetPart, top: Top) -> Iterator[Address]:
        """Yield the cell by which each other sheet is known as ours, too, unless a person named the one that counts."""
        for sheet in () if self._named else self._contents.sheets:
            if sheet.name not in OWN_SHEETS and sheet is not chosen:
                # A sheet that nobody asks for may be damaged.
                with suppress(UnreadableWorkbook):
                    other = self._top(sheet)
                    address = other.ref_address(sheet.name) if other.ours or top.keyless else None
                    yield from () if address is None else (address,)


def _same(name: str, asked: str) -> bool:
    # As programs have it: no two sheets of a workbook differ in case alone.
    return name.strip().casefold() == asked.strip().casefold()


def _look(sheet: SheetPart, top: Top) -> Look:
    try:
        return top.look(sheet.name)
    except UnreadableWorkbook:
        # Only the chosen sheet has to keep the limits.
        return Look(sheet.name, COUNTED, ())
