"""The whole round with a real LibreOffice: out, enriched and edited, in, refreshed, opened, and in again."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from sync.cells import Scalar
from tests import office
from tests.builders import additional_field, customer, edit
from tests.fidelity.programs import LIBRARIES
from tests.panel.test_refreshing import Run, is_clean, run
from tests.sheets import read_keys

__all__ = ["run"]
pytestmark = [pytest.mark.office, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def only_ours_changed(enriched: Path, fresh: Path) -> None:
    was, now = parts(enriched), parts(fresh)
    changed = {part for part in was if was[part] != now.get(part)}
    ours = {"xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "docProps/core.xml"}
    ours |= {"docProps/custom.xml", *_sheets(enriched, "Totals", "_manifest")}
    assert changed <= ours
    assert any("chart" in part for part in was.keys() - changed)


def all_is_there(book: openpyxl.Workbook, name: str, city: str) -> None:
    sheet: Any = book["Customers"]
    assert [sheet[f"{name}{row}"].value for row in range(3, 11)] == [f"Name {number}" for number in range(1, 9)]
    shown = [sheet[f"{city}{row}"].value for row in range(3, 11)]
    assert "A much longer city" in shown
    assert [sheet[f"K{row}"].value for row in range(3, 11)] == [len(one) for one in shown]
    assert book["Totals"]["B1"].value == sum(map(len, shown))
    assert {sheet[f"J{row}"].value for row in range(3, 11)} == {f"mine {row}" for row in range(3, 11)}
    notes = [cell.comment.text for row in sheet for cell in row if cell.comment]
    assert notes == ["ask again"]
    assert [row for row in range(3, 11) if sheet.row_dimensions[row].hidden]
    assert sheet.column_dimensions["A"].hidden


def test_a_workbook_lives_on_with_all_that_its_manager_added(
    app: Flask, runner: FlaskCliRunner, run: Run, tmp_path: Path
) -> None:
    with app.app_context():
        for number in range(1, 9):
            customer(f"Name {9 - number}", city=f"City {number}", street=f"Old {number}")
    out = tmp_path / "own.xlsx"
    assert runner.invoke(args=["export", str(out), "--fields", "full_name,city,street,date_added"]).exit_code == 0
    letters = read_keys(out)
    name, city, street = (letters[key] for key in ("full_name", "city", "street"))
    extras = {"J2": "Mine", "K2": "Length"} | {f"J{row}": f"mine {row}" for row in range(3, 11)}
    enriched = office.edit(
        out,
        tmp_path / "enriched.xlsx",
        office.typed(extras),
        office.formulas({f"K{row}": f"=LEN({city}{row})" for row in range(3, 11)}),
        office.noted(f"{city}4", "ask again"),
        office.hidden_rows([5]),
        office.charted("Totals", {"A1": "Sum", "B1": "=SUM($Customers.K3:K10)"}, "A1:B1"),
        office.typed({f"{city}3": "Kolin", f"{street}6": "Nova 6"}),
        office.sorted_by(name),
    )
    answer = run("import", enriched)
    assert (answer["exit"], answer["cells_updated"]) == (0, 2), answer
    with app.app_context():
        edit(5, city="A much longer city")
    fresh = tmp_path / "fresh.xlsx"
    done = run("refresh", enriched, fresh)
    assert (done["exit"], done["rows"], done["cells"]) == (0, 8, 1)
    only_ours_changed(enriched, fresh)
    assert is_clean(run("import", fresh))

    opened = office.resave(fresh, tmp_path / "opened.xlsx")
    assert is_clean(run("import", opened))
    book = openpyxl.load_workbook(opened, data_only=True)
    all_is_there(book, name, city)


def _sheets(path: Path, *names: str) -> list[str]:
    book = openpyxl.load_workbook(path)
    return [f"xl/worksheets/sheet{book.sheetnames.index(name) + 1}.xml" for name in names]


def test_kept_edits_are_found_again_after_libreoffice_saved_the_file(
    app: Flask, runner: FlaskCliRunner, run: Run, tmp_path: Path
) -> None:
    with app.app_context():
        for number in range(1, 4):
            customer(f"Name {number}", city=f"City {number}")
    out, fresh = tmp_path / "own.xlsx", tmp_path / "fresh.xlsx"
    assert runner.invoke(args=["export", str(out)]).exit_code == 0
    city = read_keys(out)["city"]
    typed = office.edit(out, tmp_path / "typed.xlsx", office.typed({f"{city}3": "Kolin", f"{city}4": "Telc"}))
    with app.app_context():
        edit(1, city="Brno")
        edit(3, city="Slany")
    assert run("refresh", typed, fresh, "--keep-edits")["kept"] == 2
    answer = run("import", office.resave(fresh, tmp_path / "opened.xlsx"), "--dry-run")
    assert [(one["id"], one["base"], one["panel"], one["workbook"]) for one in answer["conflicts"]] == [
        (1, "City 1", "Brno", "Kolin")
    ]
    assert [(one["id"], one["workbook"]) for one in answer["changes"]] == [(2, "Telc")]
    assert json.dumps(answer["problems"]) == "[]"


@pytest.mark.parametrize("program", sorted(LIBRARIES))
def test_what_other_programs_saved_is_refreshed_too(
    app: Flask, runner: FlaskCliRunner, run: Run, tmp_path: Path, program: str
) -> None:
    with app.app_context():
        additional_field("since", "date")
        additional_field("plan", "select", options=[["a", "Alpha"], ["b", "Beta 😀"]])
        additional_field("fee", "money")
        for number in range(1, 5):
            extra = {"since": f"2024-01-0{number}", "plan": "a", "fee": "12.50"}
            customer(f"Name {number} 😀", city=f"0{number}", date_of_birth=dt.date(1980, 1, number), extra=extra)
    out, fresh = tmp_path / "own.xlsx", tmp_path / "fresh.xlsx"
    assert runner.invoke(args=["export", str(out)]).exit_code == 0
    letters = read_keys(out)
    cells: dict[str, Scalar] = {f"{letters['city']}3": "007", "BA2": "Mine", "BA3": "kept 😀"}
    saved = LIBRARIES[program](out, tmp_path / "saved.xlsx", cells)
    assert run("import", saved)["cells_updated"] == 1
    with app.app_context():
        edit(2, city="=1+1", date_of_birth=dt.date(1999, 2, 3), extra={"since": "2025-06-07", "fee": "0.10"})
        edit(3, city=None, extra={"plan": "b", "since": None})
    done = run("refresh", saved, fresh)
    assert done["exit"] == 0, done
    answer = run("import", fresh)
    assert is_clean(answer), answer
    sheet: Any = openpyxl.load_workbook(fresh)["Customers"]
    assert [sheet[f"{letters['city']}{row}"].value for row in (3, 4, 5, 6)] == ["007", "=1+1", None, "04"]
    assert sheet[f"{letters['city']}4"].data_type == "s"
    assert sheet[f"{letters['date_of_birth']}4"].is_date
    assert (sheet["BA2"].value, sheet["BA3"].value) == ("Mine", "kept 😀")
    assert is_clean(run("import", office.resave(fresh, tmp_path / "opened.xlsx")))
