"""Whose rows these are: lost rows of keys, rows of several exports in one sheet, and backups that were restored."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from panel.database import writing
from panel.extensions import db
from panel.models import AdditionalField, Customer
from tests.builders import customer, edit
from tests.databases import Backup, Database
from tests.panel.out import ANN, BOB, EVA, Out, one, outcomes, three_customers
from tests.sheets import read_keys

KEYLESS = "The hidden first row, which says what each column holds, is gone."
NAMES = {1: "Ann", 2: "Bob", 3: "Eva"}


@pytest.fixture
def out(app: Flask, runner: FlaskCliRunner, tmp_path: Path) -> Iterator[Out]:
    with app.app_context():
        three_customers()
        yield Out(runner, tmp_path / "out.xlsx")


def rename_city_and_tariff() -> None:
    """Give a field another label, and one of before to another field, while the workbook is out."""
    with writing():
        fields = {one.key: one for one in db.session.scalars(select(AdditionalField))}
        fields["serial"].label, fields["internal"].label = "Serial number", "Serial"


# The row of keys is gone


def delete_key_row(out: Out) -> None:
    out.sheet.delete_rows(1)


def delete_key_row_behind_another_sheet(out: Out) -> None:
    out.sheet.delete_rows(1)
    out.book.create_sheet("Mine", 0)["A1"] = "Full name"
    out.book["Mine"]["A2"] = "Nobody New"


def clear_first_cell(out: Out) -> None:
    out.sheet["A1"] = None


def title_over_the_labels(out: Out) -> None:
    out.sheet.delete_rows(1)
    out.sheet.insert_rows(1, 2)
    out.sheet["C1"] = "Customers of the north"


@pytest.mark.parametrize(
    "change", [delete_key_row, delete_key_row_behind_another_sheet, clear_first_cell, title_over_the_labels]
)
def test_without_the_row_of_keys_three_sides_are_compared_all_the_same(out: Out, change: Callable[[Out], None]) -> None:
    edit(1, street="Nova 1")
    edit(2, city="Praha")
    rename_city_and_tariff()
    out.put(ANN, city="Zlin", zip_code=None)
    out.put(BOB, city="Plzen")
    out.put(6, full_name="New")
    change(out)
    plan = out.plan()
    assert outcomes(plan) == [(1, "zip_code", "workbook", None), (1, "city", "workbook", "Zlin")]
    assert outcomes(plan, "conflicts") == [(2, "city", "conflict", "Plzen")]
    assert (plan["created"], plan["problems"], plan["new_fields"], plan["absent"]) == (1, [], [], 0)
    assert [note for note in plan["notes"] if note.startswith(KEYLESS)] != []
    assert not any("Two-way mode" in note for note in plan["notes"])


def test_a_csv_without_its_row_of_keys_is_compared_like_a_workbook(
    app: Flask, runner: FlaskCliRunner, out: Out, tmp_path: Path
) -> None:
    path = tmp_path / "out.csv"
    assert runner.invoke(args=["export", str(path)]).exit_code == 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        _keys, labels, *rows = csv.reader(file)
    rows[0][labels.index("City")] = "Zlin"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([labels, *rows])
    out.path = path
    plan = out.read("--dry-run")
    assert (outcomes(plan), plan["conflicts"]) == ([(1, "city", "workbook", "Zlin")], [])


def test_without_keys_and_labels_nobody_is_taken_for_a_header_or_changed(out: Out) -> None:
    out.put(ANN, city="Zlin")
    out.sheet.delete_rows(1, 2)
    plan = out.back()
    assert (plan["exit"], "No column's header is a field" in plan["error"]) == (1, True)
    assert one(1).city == "Brno"


def test_two_sheets_of_references_without_keys_are_a_question_and_no_guess(out: Out) -> None:
    out.sheet.delete_rows(1)
    out.book.copy_worksheet(out.sheet).title = "Again"
    (problem,) = out.back()["problems"]
    assert (problem["at"], "'Again' holds rows of an export, too" in problem["message"]) == ("Again!A2", True)


def test_a_reference_in_a_foreign_list_is_not_believed(out: Out) -> None:
    """Somebody who makes references up learns and writes nothing by them."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (["Row reference", "Full name", "City"], ["R1.1.1.0123456789ab", "Ann", "Zlin"]):
        sheet.append(row)
    out.book = book
    plan = out.back()
    assert (outcomes(plan, "conflicts"), plan["applied"]) == ([(1, "city", "base-unknown", "Zlin")], False)


def test_a_workbook_without_its_row_of_keys_is_not_refreshed_and_says_what_to_do(
    out: Out, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    out.sheet.delete_rows(1)
    out.book.save(out.path)
    done = runner.invoke(args=["refresh", str(out.path), str(tmp_path / "fresh.xlsx")])
    assert (done.exit_code, (tmp_path / "fresh.xlsx").exists()) == (1, False)
    assert "has lost its first cell, so it cannot be refreshed. Import it, and export again." in done.stderr


# Rows of several exports in one sheet


def export(runner: FlaskCliRunner, path: Path, *arguments: str) -> dict[str, Any]:
    """Export once more; return the rows of that workbook by customer."""
    assert runner.invoke(args=["export", str(path), *arguments]).exit_code == 0
    sheet = openpyxl.load_workbook(path)["Customers"]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=3)]
    return {str(row[1]): row for row in cells if row[1]}


def paste(out: Out, row: int, cells: list[Any]) -> None:
    for column, value in enumerate(cells, 1):
        out.sheet.cell(row, column).value = value


def test_rows_pasted_from_a_workbook_with_the_same_columns_have_their_own_base(
    out: Out, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    edit(2, city="Praha")
    edit(3, city="Praha")
    later = export(runner, tmp_path / "later.xlsx")
    edit(3, city="Kolin")
    out.sheet.delete_rows(BOB, 2)
    paste(out, BOB, later["2"])
    paste(out, EVA, later["3"])
    out.put(BOB, city="Zlin")
    out.put(EVA, street="Nova 1")
    plan = out.plan()
    assert outcomes(plan) == [(2, "city", "workbook", "Zlin"), (3, "street", "workbook", "Nova 1")]
    assert [(item["base"], item["panel"]) for item in plan["changes"]] == [("Praha", "Praha"), (None, None)]
    assert (plan["conflicts"], plan["problems"], plan["absent"]) == ([], [], 0)
    (note,) = plan["notes"]
    assert note.startswith("These rows were exported in another workbook with the same columns: 4, 5. Each is compared")
    assert out.back()["applied"] is True


def fewer_columns(out: Out) -> tuple[str, ...]:
    return ("--fields", "full_name,street,city")


def moved_columns(out: Out) -> tuple[str, ...]:
    rows = [[cell.value for cell in row] for row in out.sheet.iter_rows()]
    at = {key: openpyxl.utils.column_index_from_string(letters) - 1 for key, letters in read_keys(out.path).items()}
    for number, row in enumerate(rows, 1):
        row[at["city"]], row[at["street"]] = row[at["street"]], row[at["city"]]
        paste(out, number, row)
    return ()


def other_options(out: Out) -> tuple[str, ...]:
    with writing():
        field = db.session.scalars(select(AdditionalField).where(AdditionalField.key == "tariff")).one()
        field.options = [["basic", "Pro"], ["pro", "Max"]]
    return ()


@pytest.mark.parametrize("change", [fewer_columns, moved_columns, other_options])
def test_rows_pasted_from_a_workbook_with_other_columns_write_nothing_unasked(
    out: Out, runner: FlaskCliRunner, tmp_path: Path, change: Callable[[Out], tuple[str, ...]]
) -> None:
    edit(2, street="Long 1")
    other = export(runner, tmp_path / "other.xlsx", *change(out))
    out.sheet.delete_rows(BOB)
    out.sheet.insert_rows(BOB)
    paste(out, BOB, other["2"])
    before = {number: (one(number).city, one(number).full_name, one(number).extra) for number in NAMES}
    plan = out.back()
    assert plan["changes"] == []
    assert {item["outcome"] for item in plan["conflicts"]} <= {"base-unknown"}
    assert any("These rows are of another export" in note and ": 4." in note for note in plan["notes"])
    assert {number: (one(number).city, one(number).full_name, one(number).extra) for number in NAMES} == before


def test_what_was_taken_back_is_asked_about_in_a_pasted_row_too(
    out: Out, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    other = Out(runner, tmp_path / "other.xlsx")
    other.put(BOB, city="Zlin")
    assert other.back()["cells_updated"] == 1
    edit(2, city="Brno")
    cells = [cell.value for cell in other.sheet[BOB]]
    out.sheet.delete_rows(BOB)
    out.sheet.insert_rows(BOB)
    paste(out, BOB, cells)
    assert outcomes(out.plan(), "conflicts") == [(2, "city", "conflict", "Zlin")]


# A backup was restored


def test_a_workbook_from_after_a_restored_backup_writes_nothing_unasked(
    app: Flask, database: Database, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    with app.app_context():
        three_customers()
    backup = Backup(app, database, tmp_path / "kept")
    with app.app_context():
        edit(1, city="Praha")
        customer("Dan", login="dan", city="Praha")
        out = Out(runner, tmp_path / "out.xlsx")
        out.put(ANN, city="Zlin")
        out.put(BOB, city="Zlin")
        out.put(6, city="Zlin")
        out.put(7, full_name="New")
    backup.restore()
    with app.app_context():
        edit(1, city="Plzen")
        customer("Other", login="other", city="Plzen")
        plan = out.back()
        assert (plan["applied"], plan["changes"], plan["exit"]) == (False, [], 1)
        unknown = outcomes(plan, "conflicts")
        assert {(1, "city", "base-unknown", "Zlin"), (2, "city", "base-unknown", "Zlin")} <= set(unknown)
        assert {(4, "full_name", "base-unknown", "Dan"), (4, "city", "base-unknown", "Zlin")} <= set(unknown)
        assert {outcome for _id, _field, outcome, _workbook in unknown} == {"base-unknown"}
        assert any(note.startswith("Two-way mode for 4 of 5 rows") for note in plan["notes"])
        # An export of today has the number that the workbook's had.
        assert runner.invoke(args=["export", str(tmp_path / "new.xlsx")]).exit_code == 0
        plan = out.plan()
        assert outcomes(plan) == [(2, "city", "workbook", "Zlin")], "the row that is as it was has its base"
        assert {item["id"] for item in plan["conflicts"]} == {1, 4}
        assert {item["outcome"] for item in plan["conflicts"]} == {"base-unknown"}


def test_a_new_row_from_before_a_restored_backup_is_no_edit_of_another_new_one(
    app: Flask, database: Database, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    backup = Backup(app, database, tmp_path / "kept")
    with app.app_context():
        lost = Out(runner, tmp_path / "lost.xlsx")
        lost.put(3, full_name="Karel", city="Zlin")
    backup.restore()
    with app.app_context():
        mine = Out(runner, tmp_path / "mine.xlsx")
        mine.put(3, full_name="Lenka", city="Brno")
        assert mine.back()["created"] == 1
        lost.back()
        names = db.session.scalars(select(Customer.full_name).order_by(Customer.id)).all()
        assert "Lenka" in names
