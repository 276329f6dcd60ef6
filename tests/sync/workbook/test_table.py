"""Which sheet is meant, where its key row is, and what its rows are."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from sync.workbook import Limits, open_table
from tests.sync.workbook.workbooks import REF, read, save


def edited(path: Path) -> tuple[openpyxl.Workbook, Worksheet]:
    save(path, [("Ann", 1), ("Bob", 2)], "string", "integer")
    book = openpyxl.load_workbook(path)
    return book, book["Customers"]


def test_our_sheet_is_known_by_its_key_row(tmp_path: Path) -> None:
    table, rows = read(save(tmp_path / "a.xlsx", [("Ann", 1)], "string", "integer"))
    assert (table.sheet, table.ref, table.ref_column) == ("Customers", REF, 0)
    assert table.keys == (None, "id", "field_0", "field_1")
    assert table.labels == ("Row reference", "ID", "Field 0", "Field 1")
    assert table.sheets == ("Customers", "Guide", "_manifest")
    assert rows == [(3, ["R7.1.1.abc", 1, "Ann", 1])]


def test_rows_inserted_above_and_columns_before_change_nothing(tmp_path: Path) -> None:
    book, sheet = edited(tmp_path / "a.xlsx")
    sheet.insert_rows(1, 4)
    sheet.insert_cols(1, 2)
    sheet["A1"] = "Our customers"
    book.save(tmp_path / "b.xlsx")
    table, rows = read(tmp_path / "b.xlsx")
    assert (table.ref_column, table.keys[2:], table.labels[3]) == (2, (None, "id", "field_0", "field_1"), "ID")
    assert rows[0] == (7, [None, None, "R7.1.1.abc", 1, "Ann", 1])


def test_columns_may_be_reordered(tmp_path: Path) -> None:
    book, sheet = edited(tmp_path / "a.xlsx")
    sheet.move_range("A1:A4", cols=4)
    book.save(tmp_path / "b.xlsx")
    table, rows = read(tmp_path / "b.xlsx")
    assert (table.ref_column, table.keys) == (4, (None, "id", "field_0", "field_1", None))
    assert rows[1] == (4, [None, 2, "Bob", 2, "R7.2.1.abc"])


def test_a_deleted_label_row_takes_no_data_with_it(tmp_path: Path) -> None:
    book, sheet = edited(tmp_path / "a.xlsx")
    sheet.delete_rows(2)
    book.save(tmp_path / "b.xlsx")
    table, rows = read(tmp_path / "b.xlsx")
    assert (table.labels, [number for number, _ in rows]) == ((), [2, 3])


@pytest.mark.parametrize("csv", [False, True])
@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("tokens", [True, False])
def test_without_its_reference_a_sheet_is_read_as_a_foreign_one(
    tmp_path: Path, csv: bool, labels: bool, tokens: bool
) -> None:
    book, sheet = edited(tmp_path / "a.xlsx")
    sheet["A1"] = None
    if not labels:
        sheet.delete_rows(2)
    if not tokens:
        sheet.delete_cols(1)
    path = tmp_path / ("b.csv" if csv else "b.xlsx")
    book.save(tmp_path / "b.xlsx")
    if csv:
        lines = [",".join("" if cell is None else str(cell) for cell in row) for row in sheet.values]
        path.write_text("\n".join(lines))
    with open_table(path, Limits()) as table:
        rows = list(table.rows)
    keys = ("id", "field_0", "field_1")
    assert (table.ref, table.ref_column, table.keys) == (None, None, ())
    assert table.labels == ((None, *keys) if tokens else keys)
    assert len(rows) == (3 if labels else 2)


def test_a_row_with_a_token_above_the_key_row_is_data(tmp_path: Path) -> None:
    book, sheet = edited(tmp_path / "a.xlsx")
    sheet.insert_rows(1)
    sheet["A1"], sheet["C1"] = "R7.9.1.abc", "Zoe"
    book.save(tmp_path / "b.xlsx")
    _, rows = read(tmp_path / "b.xlsx")
    assert rows[0] == (1, ["R7.9.1.abc", None, "Zoe"])


def test_our_sheet_is_found_behind_others_and_under_another_name(tmp_path: Path) -> None:
    book, sheet = edited(tmp_path / "a.xlsx")
    sheet.title = "People"
    book.create_sheet("Notes", 0)["A1"] = "note"
    book.move_sheet("_manifest", -3)
    book["_manifest"]["A9"] = REF
    book.save(tmp_path / "b.xlsx")
    table, rows = read(tmp_path / "b.xlsx")
    assert (table.sheet, len(rows)) == ("People", 2)


def test_a_foreign_file_is_its_first_visible_sheet_with_values(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name in ("Empty", "Hidden", "Data"):
        sheet = book.create_sheet(name)
        if name != "Empty":
            sheet["B3"], sheet["C3"], sheet["B4"] = f"{name} name", 5, "Ann"
    book["Hidden"].sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")
    table, rows = read(tmp_path / "a.xlsx")
    assert (table.sheet, table.ref, table.ref_column, table.keys) == ("Data", None, None, ())
    assert (table.labels, rows) == ((None, "Data name", "5"), [(4, [None, "Ann"])])


def test_a_workbook_without_values_is_a_table_without_rows(tmp_path: Path) -> None:
    openpyxl.Workbook().save(tmp_path / "a.xlsx")
    table, rows = read(tmp_path / "a.xlsx")
    assert (table.sheet, table.labels, rows) == ("Sheet", (), [])
