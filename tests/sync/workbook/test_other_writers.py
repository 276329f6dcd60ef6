"""Files that other libraries write read as openpyxl, the oracle, reads them."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from sync.cells import Broken, Formula, RawCell
from tests.sync.workbook.workbooks import read

NOON = dt.datetime.combine(dt.date(2024, 1, 5), dt.time(12, 30, 1))
VALUES = (
    "text",
    " outer ",
    "a\nb",
    "ř😀",
    "=1+1",
    0,
    -5,
    2**40,
    29.85,
    1e-7,
    1e20,
    True,
    False,
    NOON,
    NOON.date(),
    None,
)


HEADERS = [f"Header {number}" for number in range(40)]


def table(seed: int) -> list[list[Any]]:
    choice = random.Random(seed)
    return [HEADERS, *([choice.choice(VALUES) for _ in range(choice.randrange(1, 40))] for _ in range(60))]


def by_xlsxwriter(path: Path, values: list[list[Any]], options: dict[str, Any]) -> None:
    with xlsxwriter.Workbook(path, {"default_date_format": "d mmm yyyy h:mm", **options}) as book:
        sheet = book.add_worksheet("Data")
        for at, row in enumerate(values):
            for column, value in enumerate(row):
                write = sheet.write_boolean if isinstance(value, bool) else sheet.write
                write(at, column, value)


def by_openpyxl(path: Path, values: list[list[Any]], options: dict[str, Any]) -> None:
    book = openpyxl.Workbook(**options)
    sheet = book.create_sheet("Data")
    for row in values:
        sheet.append(row)
    book.save(path)


def plain(cell: object) -> object:
    """Return a cell as openpyxl shows it: formulas by their value, dates with a time."""
    if isinstance(cell, Formula):
        cell = cell.value
    if isinstance(cell, Broken):
        return cell.text or None
    if isinstance(cell, dt.date) and not isinstance(cell, dt.datetime):
        return dt.datetime.combine(cell, dt.time())
    return cell


@pytest.mark.asvs("R11")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("write", "options"),
    [
        (by_xlsxwriter, {}),
        (by_xlsxwriter, {"constant_memory": True}),
        (by_xlsxwriter, {"date_1904": True}),
        (by_openpyxl, {}),
        (by_openpyxl, {"write_only": True}),
    ],
)
def test_what_other_libraries_write_reads_alike(tmp_path: Path, write: Any, options: dict[str, Any], seed: int) -> None:
    path = tmp_path / "a.xlsx"
    write(path, table(seed), options)
    ours, rows = read(path)
    sheet = openpyxl.load_workbook(path, data_only=True)["Data"]
    oracle = {number: list(cells) for number, cells in enumerate(sheet.iter_rows(values_only=True), 1) if number > 1}
    assert (ours.sheet, ours.labels) == ("Data", tuple(HEADERS))
    assert dict(filled(rows)) == {number: trimmed(cells) for number, cells in oracle.items() if trimmed(cells)}


def filled(rows: list[tuple[int, list[RawCell]]]) -> list[tuple[int, list[object]]]:
    """Return rows without formulas that nobody calculated, which openpyxl shows as blank."""
    return [(number, cells) for number, row in rows if (cells := trimmed([plain(cell) for cell in row]))]


def trimmed(cells: list[Any]) -> list[object]:
    while cells and cells[-1] is None:
        cells.pop()
    return cells
