"""Look into a workbook, and change it as a program would: openpyxl, which is no code of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet


def sheet_of(path: Path, name: str = "Customers") -> Worksheet:
    """Return a workbook's sheet of customers."""
    sheet = openpyxl.load_workbook(path)[name]
    assert isinstance(sheet, Worksheet)
    return sheet


def read_keys(path: Path, name: str = "Customers") -> dict[str, str]:
    """Return the letters of each field's column, by the hidden key row."""
    cells = next(sheet_of(path, name).iter_rows(min_row=1, max_row=1, values_only=True))
    return {str(key): get_column_letter(at) for at, key in enumerate(cells, 1) if key}


def cells_of(path: Path, column: str) -> dict[int, Any]:
    """Return the values of a column's data by row."""
    sheet = sheet_of(path)
    return {row: sheet[f"{column}{row}"].value for row in range(3, sheet.max_row + 1)}


def change(path: Path, out: Path, cells: dict[str, Any]) -> Path:
    """Write values into cells by address, and save."""
    book = openpyxl.load_workbook(path)
    for address, value in cells.items():
        book["Customers"][address] = value
    book.save(out)
    return out
