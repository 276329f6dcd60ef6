"""A table that goes out and does not come back: a workbook or a CSV file with headings and rows, and nothing hidden."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from sync.cells import Scalar, column_letters
from sync.workbook.csv_writer import csv_text
from sync.workbook.frame import CREATOR, WIDEST
from sync.workbook.held import held_by
from sync.workbook.shared_text import fitting
from sync.workbook.writer import replacing

Cells = Sequence[Scalar | None]
_FORMATS: dict[type, str] = {Decimal: "#,##0.00", str: "@"}
_DAY = "yyyy-mm-dd"
_LEAST = 12


def write_plain_csv(path: Path, rows: Iterable[Cells]) -> None:
    """Write a CSV file; text that a program could take for a formula gets an apostrophe."""
    with replacing(path) as unfinished, unfinished.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([csv_text(value) for value in row] for row in rows)


def write_plain_workbook(path: Path, name: str, rows: Sequence[Cells]) -> None:
    """Write a workbook of one sheet, whose first row holds the headings; text stays text, whatever it looks like."""
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.title, workbook.properties.creator = name, CREATOR
    for number, row in enumerate(rows, 1):
        for index, value in enumerate(row, 1):
            _put(sheet, number, index, value)
    for index in range(len(rows[0]) if rows else 0):
        longest = max(len(str(row[index] or "")) for row in rows) + 2
        sheet.column_dimensions[column_letters(index)].width = min(max(longest, _LEAST), WIDEST)
    sheet.freeze_panes = "A2"
    with replacing(path) as unfinished:
        workbook.save(unfinished)


def _put(sheet: Worksheet, number: int, index: int, value: Scalar | None) -> None:
    kept = held_by(fitting(value) if isinstance(value, str) else value)
    cell = sheet.cell(number, index)
    cell.value = kept
    if isinstance(kept, str):
        cell.data_type, cell.quotePrefix = "s", True  # or openpyxl makes a formula of what begins with =
    cell.number_format = _FORMATS.get(type(value), _DAY if not isinstance(kept, str) and kept is not None else "@")
    cell.font = Font(bold=number == 1)
