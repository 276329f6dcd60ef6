"""Edit a workbook in a LibreOffice of its own; run by tests/office.py with the system's Python.

Standard input is one JSON object: soffice (a command), path, out and operations.
"""

import json
import subprocess
import sys
import time
import uuid
from pathlib import Path

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException
from com.sun.star.table import TableSortField

START_SECONDS = 90
XLSX_FILTER = "Calc MS Excel 2007 XML"
# com.sun.star.sheet.CellFlags: VALUE, DATETIME, STRING and FORMULA, what the Delete key empties.
CONTENTS = 1 | 2 | 4 | 16


class Sheet:
    """The sheet that is open in a document's window, edited as by its user."""

    def __init__(self, document, dispatcher):
        self.controller = document.CurrentController
        self.sheet = self.controller.ActiveSheet
        self.dispatcher = dispatcher

    def type(self, cells):
        for address, text in cells.items():
            self.controller.select(self.sheet.getCellRangeByName(address))
            self._dispatch("EnterString", StringName=text)

    def clear(self, cells):
        for address in cells:
            self.sheet.getCellRangeByName(address).clearContents(CONTENTS)

    def insert(self, row, cells):
        self._select_row(row)
        self._dispatch("InsertRowsBefore")
        self.type({f"{column}{row}": text for column, text in cells.items()})

    def delete(self, rows):
        for row in sorted(rows, reverse=True):
            self._select_row(row)
            self._dispatch("DeleteRows")

    def sort(self, column, first, ascending):
        by = TableSortField()
        by.Field = self.sheet.getCellRangeByName(f"{column}1").CellAddress.Column
        by.IsAscending = ascending
        self._rows_from(first).sort(
            properties(
                SortFields=uno.Any("[]com.sun.star.table.TableSortField", (by,)),
                ContainsHeader=False,
                BindFormatsToContent=True,
            )
        )

    def _rows_from(self, first):
        cursor = self.sheet.createCursor()
        cursor.gotoEndOfUsedArea(False)
        end = cursor.RangeAddress
        return self.sheet.getCellRangeByPosition(0, first - 1, end.EndColumn, end.EndRow)

    def _select_row(self, row):
        self.controller.select(self.sheet.Rows.getByIndex(row - 1))

    def _dispatch(self, command, **arguments):
        self.dispatcher.executeDispatch(self.controller.Frame, f".uno:{command}", "", 0, properties(**arguments))


def properties(**values):
    return tuple(PropertyValue(Name=name, Value=value) for name, value in values.items())


def connect(pipe, soffice):
    """Return the context of the LibreOffice that listens on `pipe`, as soon as it does."""
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
        except NoConnectException:
            if soffice.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def edit(context, order):
    create = context.ServiceManager.createInstanceWithContext
    desktop = create("com.sun.star.frame.Desktop", context)
    try:
        document = desktop.loadComponentFromURL(Path(order["path"]).as_uri(), "_blank", 0, ())
        if document is None:
            raise ValueError(f"LibreOffice cannot open {order['path']}")
        sheet = Sheet(document, create("com.sun.star.frame.DispatchHelper", context))
        for operation in order["operations"]:
            getattr(sheet, operation.pop("do"))(**operation)
        document.storeToURL(Path(order["out"]).as_uri(), properties(FilterName=XLSX_FILTER))
        document.setModified(False)
        document.close(True)
    finally:
        desktop.terminate()


def main():
    order = json.load(sys.stdin)
    pipe = f"rollbook{uuid.uuid4().hex}"
    options = ["--headless", "--norestore", "--nologo", "--nodefault", f"--accept=pipe,name={pipe};urp;"]
    with subprocess.Popen([*order["soffice"], *options], stdin=subprocess.DEVNULL) as soffice:
        edit(connect(pipe, soffice), order)


if __name__ == "__main__":
    main()
