"""CSV files in the same layout as a workbook's sheet."""

from __future__ import annotations

import csv
from pathlib import Path

from sync.cells import Scalar
from sync.workbook.csv_table import guard
from sync.workbook.held import plain_text
from sync.workbook.layout import Rows, Sheet
from sync.workbook.shared_text import fitting
from sync.workbook.writer import replacing


def write_csv(path: Path, sheet: Sheet, rows: Rows) -> None:
    """Write a CSV file; each row is (token, id, a cell for each field).

    Text that a program could take for a formula gets an apostrophe, which reading takes off.
    """
    with replacing(path) as unfinished, unfinished.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file)
        out.writerow(map(csv_text, sheet.keys))
        out.writerow(map(csv_text, sheet.labels))
        out.writerows(map(csv_text, row) for row in rows)


def csv_text(value: Scalar | None) -> str:
    """Return a cell as a CSV file holds it."""
    if value is None:
        return ""
    return guard(fitting(value)) if isinstance(value, str) else plain_text(value)
