"""Which sheet and which row of headers a foreign file is read from, and what is to be said of that."""

from __future__ import annotations

from collections.abc import Iterator

from sync.errors import UnknownField
from sync.words import later, say
from sync.workbook import Asked, Table

NO_SHEET = later("There is no sheet %(name)s. The sheets are: %(sheets)s.")
NO_ROW = later("Row %(row)s of the sheet is empty, so it holds no headers. Name the row that does.")
BELOW = later("Row %(row)s was taken as the header, and the %(count)s filled rows above it were left out.")
BELOW_ONE = later("Row %(row)s was taken as the header, and the filled row above it was left out.")
OTHERS = later(
    "Of the %(count)s sheets, %(name)s was read. Name another one with --sheet, or choose it in the preview."
)


def check_asked(table: Table, asked: Asked) -> None:
    """Refuse a sheet or a row of headers that is not there. Raises `UnknownField`."""
    if asked.sheet and not table.is_csv and table.sheet.casefold() != asked.sheet.strip().casefold():
        raise UnknownField(say(NO_SHEET, name=repr(asked.sheet), sheets=", ".join(table.sheets)))
    if asked.header_row and table.ref is None and not table.header_row:
        raise UnknownField(say(NO_ROW, row=asked.header_row))


def notes_of_heading(table: Table, asked: Asked) -> Iterator[str]:
    """Yield what was decided about a file, and was not asked for."""
    if table.above and not asked.header_row:
        yield say(BELOW_ONE if table.above == 1 else BELOW, row=table.header_row, count=table.above)
    if table.looks and not asked.sheet:
        yield say(OTHERS, count=len(table.looks), name=table.sheet)
