"""One step of a benchmark: `python -m tests.benchmarks.steps NAME ARGUMENT…` prints its seconds as JSON.

`processor` are those that processors worked for it, children included: others on the machine change them little.
Libraries are imported before the clock starts.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any

from tests.benchmarks import panel_steps
from tests.benchmarks.cells import FIELDS, SHEET, rows

# ruff: noqa: PLC0415 (each step loads its own library and no other, because memory is measured)

KEYS = ("_ref", "id", *(field.key for field in FIELDS))
LABELS = ("Reference", "ID", *(field.label for field in FIELDS))
DATE_FORMAT = "yyyy-mm-dd"

Work = Callable[[], object]


def generate(count: str) -> Work:
    """Only make the rows, which every writer has to wait for."""
    return lambda: _drain(rows(int(count)))


def write_rollbook(count: str, path: str) -> Work:
    """Write with our own writer: styles, dropdowns, hints and the other sheets included."""
    from sync.workbook import Sheet, write_workbook

    sheet = Sheet(
        name=SHEET,
        ref="_ref|rollbook1|1|1",
        fields=FIELDS,
        guide=("How to edit this workbook.",),
        manifest={"format": "rollbook1"},
    )
    return lambda: write_workbook(Path(path), sheet, rows(int(count)))


def write_openpyxl(count: str, path: str) -> Work:
    """Write with openpyxl's write-only mode."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    def work() -> None:
        book = Workbook(write_only=True)
        sheet = book.create_sheet(SHEET)
        sheet.append(KEYS)
        sheet.append(LABELS)

        def cell(value: Any) -> Any:
            if not isinstance(value, dt.date):
                return value
            dated = WriteOnlyCell(sheet, value)
            dated.number_format = DATE_FORMAT
            return dated

        for row in rows(int(count)):
            sheet.append([cell(value) for value in row])
        book.save(path)

    return work


def write_xlsxwriter(count: str, path: str) -> Work:
    """Write with XlsxWriter's mode of constant memory."""
    from xlsxwriter import Workbook

    def work() -> None:
        with Workbook(path, {"constant_memory": True, "default_date_format": DATE_FORMAT}) as book:
            sheet = book.add_worksheet(SHEET)
            for number, row in enumerate(chain((KEYS, LABELS), rows(int(count)))):
                sheet.write_row(number, 0, row)

    return work


def write_rustpy(count: str, path: str) -> Work:
    """Write with rust_xlsxwriter behind its Python binding."""
    from rustpy_xlsxwriter import FastExcel

    def work() -> None:
        records = (dict(zip(KEYS, row, strict=True)) for row in chain([LABELS], rows(int(count))))
        FastExcel(path).sheet(SHEET, records).save()

    return work


def read_rollbook(path: str) -> Work:
    """Read with our own reader: limits, cell types, formulas and errors included."""
    from sync.workbook import Limits, open_table

    def work() -> None:
        with open_table(Path(path), Limits()) as table:
            _drain(table.rows)

    return work


def read_openpyxl(path: str) -> Work:
    """Read with openpyxl's read-only mode."""
    from openpyxl import load_workbook

    def work() -> None:
        book = load_workbook(path, read_only=True, data_only=True)
        _drain(book[SHEET].iter_rows(values_only=True))
        book.close()

    return work


def read_calamine(path: str) -> Work:
    """Read with calamine behind its Python binding."""
    from python_calamine import CalamineWorkbook

    return lambda: _drain(CalamineWorkbook.from_path(path).get_sheet_by_name(SHEET).iter_rows())


STEPS: dict[str, Callable[..., Work]] = {
    step.__name__: step
    for step in (
        panel_steps.export_customers,
        panel_steps.plan_customers,
        panel_steps.apply_customers,
        panel_steps.preview_changes,
        panel_steps.write_rustpy_same,
        panel_steps.change_every,
        generate,
        write_rollbook,
        write_openpyxl,
        write_xlsxwriter,
        write_rustpy,
        read_rollbook,
        read_openpyxl,
        read_calamine,
    )
}


def _drain(items: Iterable[object]) -> None:
    deque(items, maxlen=0)


def main() -> None:
    """Run the step that the command line names."""
    name, *arguments = sys.argv[1:]
    work = STEPS[name](*arguments)
    started, worked = time.perf_counter(), _processor_seconds()
    work()
    print(json.dumps({"seconds": time.perf_counter() - started, "processor": _processor_seconds() - worked}))


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main()
