"""A manager's workbook brought up to date: today's values in it, its extras kept, and nothing typed lost."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from panel.database import reading, writing
from panel.extensions import db
from panel.models import AdditionalField, Customer, Export, ExportedBlock
from panel.models.columns import now
from panel.signature import signature
from tests.builders import additional_field, customer, edit
from tests.panel.pages import add_user
from tests.sheets import cells_of, change, read_keys, sheet_of

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(runner: FlaskCliRunner) -> Run:
    """Return what runs a command with ``--json`` and gives its answer, its exit status among it."""

    def call(*arguments: str | Path) -> dict[str, Any]:
        result = runner.invoke(args=[*map(str, arguments), "--json"])
        if not result.stdout.startswith("{"):
            return {"exit": result.exit_code, "said": result.stderr}
        return {**json.loads(result.stdout), "exit": result.exit_code, "said": result.stderr}

    return call


class Office:
    """A manager with a workbook of three customers, and colleagues in the panel."""

    def __init__(self, app: Flask, runner: FlaskCliRunner, run: Run, folder: Path, ending: str = "xlsx") -> None:
        self.app, self.run, self.runner, self.folder = app, run, runner, folder
        with app.app_context():
            for name, city in (("Ann", "Praha"), ("Bob", "Brno"), ("Eva", "Plzen")):
                customer(name, city=city, emails=[f"{name.lower()}@example.com", "office@example.com"])
        self.out = folder / f"own.{ending}"
        self.fresh = folder / f"fresh.{ending}"
        assert runner.invoke(args=["export", str(self.out)]).exit_code == 0
        if ending == "xlsx":
            self.letters = read_keys(self.out)

    def type(self, cells: dict[str, Any], path: Path | None = None) -> Path:
        named = {f"{self.letters[key.split('.')[0]]}{key.split('.')[1]}": value for key, value in cells.items()}
        return change(path or self.out, self.folder / "typed.xlsx", named)

    def refresh(self, path: Path, *more: str) -> dict[str, Any]:
        return self.run("refresh", path, self.fresh, *more)

    def colleague(self, record_id: int, **values: Any) -> None:
        with self.app.app_context():
            edit(record_id, **values)

    def shown(self, key: str, path: Path | None = None) -> list[Any]:
        return [value for value in cells_of(path or self.fresh, self.letters[key]).values() if value is not None]


@pytest.fixture
def office(app: Flask, runner: FlaskCliRunner, run: Run, tmp_path: Path) -> Office:
    return Office(app, runner, run, tmp_path)


def is_clean(answer: dict[str, Any]) -> bool:
    lists = ("changes", "conflicts", "problems", "ignored", "repairs")
    return answer["exit"] == 0 and not any(answer[name] for name in lists) and answer["unchanged"] == answer["rows"]


def test_what_was_imported_comes_back_with_the_values_of_today(office: Office) -> None:
    typed = office.type({"city.3": "Kolin", "street.5": "Nova 1"})
    assert office.run("import", typed)["cells_updated"] == 2
    office.colleague(2, city="Telc")
    done = office.refresh(typed)
    assert (done["exit"], done["rows"], done["cells"], done["kept"], done["left"]) == (0, 3, 1, 0, 0)
    assert office.shown("city") == ["Kolin", "Telc", "Plzen"]
    answer = office.run("import", office.fresh)
    assert is_clean(answer), answer
    again = office.type({"city.4": "Slany"}, office.fresh)
    (found,) = office.run("import", again)["changes"]
    assert (found["base"], found["panel"], found["workbook"]) == ("Telc", "Telc", "Slany")


def test_the_new_export_is_recorded_as_any_other(office: Office) -> None:
    done = office.refresh(office.out)
    with office.app.app_context():
        first, second = db.session.scalars(select(Export).order_by(Export.id)).all()
        assert second.id == done["export"]
        assert (second.name, second.state, second.rows, second.prepared) == (
            "own refreshed.xlsx", "ready", first.rows, first.prepared,
        )  # fmt: skip
        assert (first.closed_at is None, second.closed_at is None) == (False, True)
        assert (second.fields, second.record_ids) == (first.fields, first.record_ids)
        assert len(db.session.scalars(select(ExportedBlock)).all()) == 2
        assert (first.closed_at is None, second.closed_at) == (False, None)  # one file is out, and it is the new one
    ref, token, *_rest = (office.fresh and sheet_of(office.fresh)["A"])[0], sheet_of(office.fresh)["A"][2]
    assert ref.value.split("|")[2] == str(done["export"])
    assert token.value.startswith(f"R{done['export']}.1.")


def test_what_was_never_imported_stops_a_refresh_and_is_counted(office: Office) -> None:
    cells = {"city.3": "Kolin", "city.4": "Kolin", "status.5": "Nobody", "full_name.6": "Zoe"}
    done = office.refresh(office.type(cells))
    assert done["exit"] == 1
    assert "2 edited cells, 1 new row, 1 row with a problem" in done["error"]
    assert not office.fresh.exists()


def test_kept_edits_are_what_they_were_to_the_next_import(office: Office) -> None:
    cells = {"city.3": "Kolin", "street.4": "Nova 1", "emails.5": "eva@example.com, new@example.com"}
    cells |= {"full_name.6": "Zoe", "city.4": "Tabor"}
    typed = office.type(cells)
    office.colleague(1, city="Telc", street="Stara 2")
    office.colleague(3, emails=["eva@example.com", "office@example.com", "third@example.com"])
    before = office.run("import", typed, "--dry-run")
    done = office.refresh(typed, "--keep-edits")
    assert (done["exit"], done["kept"]) == (0, 5)
    assert office.shown("city") == ["Kolin", "Tabor", "Plzen"]
    assert office.shown("street") == ["Stara 2", "Nova 1"]
    after = office.run("import", office.fresh, "--dry-run")
    for group in ("changes", "conflicts", "problems", "created", "cells_updated"):
        assert after[group] == before[group], group
    assert len(before["conflicts"]) == 1


def test_an_answered_conflict_shows_the_panels_value(office: Office) -> None:
    typed = office.type({"city.3": "Kolin"})
    office.colleague(1, city="Telc")
    assert office.run("import", typed, "--prefer", "panel")["exit"] == 0
    assert office.refresh(typed)["exit"] == 0
    assert office.shown("city")[0] == "Telc"
    assert is_clean(office.run("import", office.fresh))


def test_new_rows_that_became_customers_get_their_id(office: Office) -> None:
    typed = office.type({"full_name.6": "Zoe", "city.6": "Kolin", f"full_name.{LOOSE}": "Max"})
    assert office.run("import", typed)["created"] == 2
    assert office.refresh(typed)["rows"] == 5
    sheet = sheet_of(office.fresh)
    assert [(sheet[f"B{row}"].value, sheet[f"A{row}"].value[0]) for row in (6, LOOSE)] == [(4, "R"), (5, "R")]
    assert sheet["A7"].value.startswith("N2.")
    assert office.shown("login")[3:] == ["000004", "000005"]
    assert is_clean(office.run("import", office.fresh))
    again = office.type({"full_name.7": "Ida"}, office.fresh)
    assert office.run("import", again)["created"] == 1


LOOSE = 3 + 3 + 20 + 2
"""A row without a reference, below the blank ones."""


@pytest.mark.parametrize("row", [6, LOOSE], ids=["prepared", "loose"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_new_row_that_was_kept_is_one_customer_whichever_file_comes_back_first(
    office: Office, row: int, order: tuple[int, ...]
) -> None:
    first = office.type({f"full_name.{row}": "Zoe", f"city.{row}": "Kolin", "full_name.9": "Max"})
    files = [first]
    for number in (1, 2):
        out = office.fresh.with_name(f"fresh {number}.xlsx")
        assert office.run("refresh", files[-1], out, "--keep-edits")["kept"] == 2
        files.append(out)
    assert [office.run("import", files[at])["created"] for at in order] == [2, 0, 0]
    with office.app.app_context():
        assert sorted(db.session.scalars(select(Customer.full_name)))[-2:] == ["Max", "Zoe"]
    # Somebody of the same name who is typed later is somebody else.
    again = office.type({f"full_name.{LOOSE + 1}": "Zoe", f"city.{LOOSE + 1}": "Kolin"}, files[order[0]])
    assert office.run("import", again)["created"] == 1


@pytest.mark.parametrize("row", [6, LOOSE], ids=["prepared", "loose"])
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_new_row_that_was_kept_is_one_customer_where_both_files_come_back_at_once(office: Office, row: int) -> None:
    first = office.type({f"full_name.{row}": "Zoe"})
    assert office.refresh(first, "--keep-edits")["kept"] == 1
    assert office.run("import", first, office.fresh)["exit"] == 0
    with office.app.app_context():
        assert len(db.session.scalars(select(Customer)).all()) == 4


def test_rows_of_customers_who_are_gone_stay_as_they_are(office: Office) -> None:
    with office.app.app_context():
        edit(2, deleted_at=now())
    was = [cell.value for cell in sheet_of(office.out)[4]]
    done = office.refresh(office.out)
    assert (done["exit"], done["rows"], done["left"]) == (0, 2, 1)
    assert [cell.value for cell in sheet_of(office.fresh)[4]] == was
    assert office.run("import", office.fresh)["cells_updated"] == 0


def test_the_rights_of_now_count(office: Office) -> None:
    with office.app.app_context():
        add_user("eva@example.com", "staff")
    done = office.refresh(office.out, "--as", "eva@example.com")
    assert done["exit"] == 1
    assert not office.fresh.exists()


def test_a_workbook_from_elsewhere_is_not_refreshed(office: Office, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Full name", "City"])
    book.active.append(["Ann", "Praha"])
    book.save(tmp_path / "foreign.xlsx")
    done = office.refresh(tmp_path / "foreign.xlsx")
    assert (done["exit"], office.fresh.exists()) == (1, False)
    assert "was not exported here" in done["error"]


def test_options_of_today_are_offered(office: Office) -> None:
    with office.app.app_context():
        additional_field("plan", "select", options=[["a", "Alpha"], ["b", "Beta"]])
    office.runner.invoke(args=["export", str(office.out)])
    with office.app.app_context(), writing():
        one = db.session.scalars(select(AdditionalField)).one()
        one.options = [["a", "Alpha"], ["b", "Better"], ["c", "Gamma"]]
    assert office.refresh(office.out)["exit"] == 0
    letters = read_keys(office.fresh)["plan"]
    rules = sheet_of(office.fresh).data_validations.dataValidation
    assert next(one.formula1 for one in rules if str(one.sqref).startswith(letters)) == '"Alpha,Better,Gamma"'


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_csv_file_keeps_its_extra_columns(app: Flask, runner: FlaskCliRunner, run: Run, tmp_path: Path) -> None:
    office = Office(app, runner, run, tmp_path, "csv")
    with office.out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    city = rows[0].index("city")
    rows = [[*row, extra] for row, extra in zip(rows, ["", "Mine", "=x", "y", "z"], strict=True)]
    rows[2][city] = "Kolin"
    with office.out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    assert office.refresh(office.out)["exit"] == 1
    assert run("import", office.out)["cells_updated"] == 1
    office.colleague(2, city="Telc")
    assert office.refresh(office.out)["exit"] == 0
    with office.fresh.open(encoding="utf-8-sig", newline="") as file:
        fresh = list(csv.reader(file))
    assert [row[city] for row in fresh[2:]] == ["Kolin", "Telc", "Plzen"]
    assert [row[-1].lstrip("'") for row in fresh] == ["", "Mine", "=x", "y", "z"]
    assert is_clean(run("import", office.fresh))


def test_refreshing_writes_nothing_into_customers(office: Office) -> None:
    with office.app.app_context(), reading() as connection:
        before = signature(connection)
    office.refresh(office.out)
    with office.app.app_context(), reading() as connection:
        assert signature(connection) == before
    with office.app.app_context():
        assert len(db.session.scalars(select(Customer)).all()) == 3
