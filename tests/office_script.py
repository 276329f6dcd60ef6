"""Edit a workbook in a LibreOffice of its own; run by tests/office.py with the system's Python.

Standard input is one JSON object: soffice (a command) and jobs, with path, out and operations each.
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
from com.sun.star.sheet import TableFilterField
from com.sun.star.sheet.FillDirection import TO_BOTTOM
from com.sun.star.sheet.FilterOperator import EQUAL
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

    def insert_column(self, column):
        self.controller.select(self.sheet.getCellRangeByName(f"{column}1").Columns.getByIndex(0))
        self._dispatch("InsertColumnsBefore")

    def copy_row(self, source, target):
        # Without a screen there is no clipboard; these do what it would.
        row = self.sheet.Rows.getByIndex(source - 1)
        self.sheet.copyRange(self.sheet.getCellRangeByName(f"A{target}").CellAddress, row.RangeAddress)

    def paste_values(self, source, target):
        values = self.sheet.getCellRangeByName(source).getDataArray()
        self.sheet.getCellRangeByName(target).setDataArray(values)

    def fill_down(self, cells):
        self.sheet.getCellRangeByName(cells).fillAuto(TO_BOTTOM, 1)

    def replace(self, text, by):
        wanted = self.sheet.createReplaceDescriptor()
        wanted.SearchString, wanted.ReplaceString = text, by
        self.sheet.replaceAll(wanted)

    def filter(self, column, text, header):
        rows = self._rows_from(header)
        wanted = rows.createFilterDescriptor(True)
        field = TableFilterField()
        field.Field = self.sheet.getCellRangeByName(f"{column}1").CellAddress.Column
        field.IsNumeric, field.Operator, field.StringValue = False, EQUAL, text
        wanted.ContainsHeader = True
        wanted.setFilterFields((field,))
        rows.filter(wanted)

    def formulas(self, cells):
        for address, formula in cells.items():
            self.sheet.getCellRangeByName(address).setFormula(formula)

    def note(self, cell, text):
        self.sheet.Annotations.insertNew(self.sheet.getCellRangeByName(cell).CellAddress, text)

    def hide_rows(self, rows):
        for row in rows:
            self.sheet.Rows.getByIndex(row - 1).IsVisible = False

    def add_sheet(self, name, cells, source):
        sheets = self.controller.Model.Sheets
        sheets.insertNewByName(name, sheets.Count)
        added = sheets.getByName(name)
        for address, formula in cells.items():
            added.getCellRangeByName(address).setFormula(formula)
        place = uno.createUnoStruct("com.sun.star.awt.Rectangle", 1000, 1000, 8000, 6000)
        added.Charts.addNewByName("Chart", place, (added.getCellRangeByName(source).RangeAddress,), False, True)

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


def edit_all(context, jobs):
    create = context.ServiceManager.createInstanceWithContext
    desktop = create("com.sun.star.frame.Desktop", context)
    try:
        for job in jobs:
            edit(desktop, create("com.sun.star.frame.DispatchHelper", context), job)
    finally:
        desktop.terminate()


def edit(desktop, dispatcher, job):
    document = desktop.loadComponentFromURL(Path(job["path"]).as_uri(), "_blank", 0, ())
    if document is None:
        raise ValueError(f"LibreOffice cannot open {job['path']}")
    sheet = Sheet(document, dispatcher)
    for operation in job["operations"]:
        getattr(sheet, operation.pop("do"))(**operation)
    document.storeToURL(Path(job["out"]).as_uri(), properties(FilterName=XLSX_FILTER))
    document.setModified(False)
    document.close(True)


def main():
    order = json.load(sys.stdin)
    pipe = f"rollbook{uuid.uuid4().hex}"
    options = ["--headless", "--norestore", "--nologo", "--nodefault", f"--accept=pipe,name={pipe};urp;"]
    with subprocess.Popen([*order["soffice"], *options], stdin=subprocess.DEVNULL) as soffice:
        edit_all(connect(pipe, soffice), order["jobs"])


if __name__ == "__main__":
    main()
