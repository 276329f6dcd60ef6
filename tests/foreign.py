"""Files that the panel did not export, written by libraries that are none of ours."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xlsxwriter


def write_foreign(out: Path, labels: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    """Write a header and rows of text as .xlsx or .csv, whichever the name says."""
    if out.suffix == ".csv":
        with out.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([labels, *rows])
        return out
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate([labels, *rows]):
            for column, value in enumerate(cells):
                sheet.write_string(row, column, "" if value is None else str(value))
    return out
