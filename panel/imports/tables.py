"""Which sheet and which row of headers a foreign file is read from, and what is to be said of that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from flask import current_app

from panel.imports.shape import UNSEEN
from panel.schema import Schema
from sync.cells import Address, column_letters
from sync.errors import UnknownField, WithheldField
from sync.fields import Field
from sync.merge import Outcome
from sync.plan import Item
from sync.words import later, say
from sync.workbook import Asked, Table
from sync.workbook.table import HEADER_ROWS

NO_SHEET = later("There is no sheet %(name)s. The sheets are: %(sheets)s.")
NO_ROW = later("Row %(row)s of the sheet is empty, so it holds no headers. Name the row that does.")
BELOW = later("Row %(row)s was taken as the header, and the %(count)s filled rows above it were left out.")
BELOW_ONE = later("Row %(row)s was taken as the header, and the filled row above it was left out.")
OTHERS = later(
    "Of the %(count)s sheets, %(name)s was read. Name another one with --sheet, or choose it in the preview."
)
OLD = later("This workbook was exported %(days)s days ago. What changed in the panel since then stays as it is.")
KEYLESS = later(
    "The hidden first row, which says what each column holds, is gone. Rows were known by their references, and "
    "columns by their headers, as the export showed them."
)
NO_COLUMN = later(
    "No column's header is a field of %(what)s. "
    'Name one with --map "Header=field", or send a workbook that was exported here.'
)


def check_asked(table: Table, asked: Asked) -> None:
    """Refuse a sheet or a row of headers that is not there. Raises `UnknownField`."""
    if asked.sheet and not table.is_csv and table.sheet.casefold() != asked.sheet.strip().casefold():
        raise UnknownField(say(NO_SHEET, name=repr(asked.sheet), sheets=", ".join(table.sheets)))
    if asked.header_row and table.ref is None and not table.header_row:
        raise UnknownField(say(NO_ROW, row=asked.header_row))


def notes_of_table(table: Table, asked: Asked, days_out: int) -> Iterator[str]:
    """Yield what is to be said of a file as a whole."""
    if days_out > current_app.config["ROLLBOOK_WORKBOOK_DAYS"]:
        yield say(OLD, days=days_out)
    if table.rows_of is not None:
        yield say(KEYLESS)
    if table.above and not asked.header_row:
        yield say(BELOW_ONE if table.above == 1 else BELOW, row=table.header_row, count=table.above)
    if table.looks and not asked.sheet:
        yield say(OTHERS, count=len(table.looks), name=table.sheet)


def keys_by_label(table: Table, shown: Mapping[str, Field]) -> tuple[str | None, ...]:
    """Return the keys of columns whose headers are labels of an export's fields, where the row of keys is gone."""
    often = Counter(field.label for field in shown.values())
    keys = {field.label: key for key, field in shown.items() if often[field.label] == 1}
    return tuple(keys.get((label or "").strip()) for label in table.labels) if table.rows_of is not None else ()


def left_out(table: Table, schema: Schema, index: int, withheld: WithheldField) -> Item:
    """Return the head of a column that does not count, without a value: comparing one would tell the panel's."""
    at = Address(table.sheet, column_letters(index), HEADER_ROWS if table.keys else table.header_row)
    key = next(field.key for field in schema.unseen if field.label == str(withheld))
    return Item(at, None, key, None, False, None, None, Outcome.IGNORED, message=say(UNSEEN, label=withheld))
