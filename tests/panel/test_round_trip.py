"""The main job, whole: customers out to a real LibreOffice, edited there and in the panel, and back."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import func, select

from panel.database import reading, writing
from panel.extensions import db
from panel.models import AdditionalField, Customer, Location, Partner, StoredFile
from panel.signature import signature
from tests import office
from tests.builders import additional_field, customer, edit
from tests.sheets import cells_of, read_keys

Run = Callable[..., dict[str, Any]]

TELCO = ("--map", "customerID=full_name", "--map", "Partner=+", "--create-fields")
CUSTOMERS = 7_043


@pytest.fixture
def run(runner: FlaskCliRunner) -> Run:
    """Return what runs a command with ``--json`` and gives its answer, its exit status among it."""

    def call(*arguments: str | Path) -> dict[str, Any]:
        result = runner.invoke(args=[*map(str, arguments), "--json"])
        answer: dict[str, Any] = json.loads(result.stdout)
        return {**answer, "exit": result.exit_code, "said": result.stderr}

    return call


def state(app: Flask) -> str:
    with app.app_context(), reading() as connection:
        return signature(connection)


def test_real_customers_come_in_with_fields_of_sensible_types(app: Flask, run: Run, shared_data: Path) -> None:
    source = shared_data / "telco-customer-churn.csv"
    refused = run("import", source, "--map", "customerID=full_name", "--create-fields")
    assert (refused["exit"], refused["applied"], refused["refused"]) == (1, False, CUSTOMERS)
    assert '--map "Partner=+"' in refused["said"]
    assert len(refused["said"].splitlines()) < 10

    done = run("import", source, *TELCO)
    assert (done["exit"], done["created"], done["rows"]) == (0, CUSTOMERS, CUSTOMERS)
    types = {one["header"]: one["type"] for one in done["new_fields"]}
    assert len(types) == 20
    assert types["tenure"] == types["SeniorCitizen"] == "integer"
    assert types["MonthlyCharges"] == types["TotalCharges"] == "decimal"
    yes_or_no = ("Partner", "Dependents", "PhoneService", "PaperlessBilling", "Churn")
    few_values = ("gender", "Contract", "PaymentMethod", "InternetService")
    assert {types[name] for name in yes_or_no} == {"boolean"}
    assert {types[name] for name in few_values} == {"select"}
    with app.app_context():
        rows = db.session.scalars(select(Customer)).all()
        assert len({one.login for one in rows}) == len({one.password for one in rows}) == CUSTOMERS
        assert sum("total_charges" not in one.extra for one in rows) == 11
        assert len(db.session.scalars(select(AdditionalField)).all()) == 20

    before = state(app)
    again = run("import", source, "--key", "full_name", "--map", "customerID=full_name", "--map", "Partner=-")
    assert (again["exit"], again["unchanged"], again["cells_updated"], again["created"]) == (0, CUSTOMERS, 0, 0)
    assert run("import", source, *TELCO[:2], "--map", "Partner=-")["unchanged"] == CUSTOMERS
    assert state(app) == before


@pytest.mark.office
@pytest.mark.parametrize("via", ["xlsx", "ods"])
def test_opened_and_saved_by_libreoffice_nothing_has_changed(
    app: Flask, run: Run, runner: FlaskCliRunner, shared_data: Path, tmp_path: Path, via: Any
) -> None:
    run("import", shared_data / "telco-customer-churn.csv", *TELCO)
    assert runner.invoke(args=["export", str(tmp_path / "all.xlsx")]).exit_code == 0
    saved = office.resave(tmp_path / "all.xlsx", tmp_path / "saved.xlsx", via)
    before = state(app)
    answer = run("import", saved)
    assert (answer["exit"], answer["unchanged"], answer["rows"]) == (0, CUSTOMERS, CUSTOMERS)
    assert answer["changes"] == answer["problems"] == answer["conflicts"] == answer["ignored"] == []
    assert state(app) == before


@pytest.mark.office
@pytest.mark.parametrize("via", ["xlsx", "ods"])
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_what_points_to_others_comes_back_from_libreoffice_as_it_was(
    app: Flask, run: Run, runner: FlaskCliRunner, tmp_path: Path, via: Any
) -> None:
    with app.app_context():
        for key, kind, target in (
            ("payer", "relation", "customer"),
            ("friends", "multi_relation", "customer"),
            ("depot", "relation", "location"),
            ("resellers", "multi_relation", "partner"),
            ("contract", "file", ""),
        ):
            additional_field(key, kind, target=target)
        with writing():
            db.session.add_all([Partner(name="2"), Location(name='Brno, "east"')])
            db.session.add(StoredFile(name="007.pdf", size=1, sha256="", stored_as="a", by="", field="contract"))
        for name in ("1-2", "Novak, Jan", "=Eva"):
            customer(name, extra={"payer": 2, "friends": [1, 2, 3], "depot": 2, "resellers": [1, 2], "contract": 1})
    assert runner.invoke(args=["export", str(tmp_path / "all.xlsx")]).exit_code == 0
    saved = office.resave(tmp_path / "all.xlsx", tmp_path / "saved.xlsx", via)
    before = state(app)
    answer = run("import", saved)
    assert (answer["exit"], answer["unchanged"], answer["rows"]) == (0, 3, 3)
    assert answer["changes"] == answer["problems"] == answer["conflicts"] == answer["ignored"] == []
    assert state(app) == before


class Both:
    """A workbook edited in LibreOffice while colleagues edit the same customers in the panel."""

    VALUES: ClassVar = {
        "city": "Nymburk",
        "street": "Nova {n}",
        "zip_code": "00{n}",
        "note": "=1+{n}",
        "monthly_fee": "{n}.5",
    }

    def __init__(self, runner: FlaskCliRunner, folder: Path) -> None:
        runner.invoke(args=["demo", "1000"])
        out = folder / "all.xlsx"
        assert runner.invoke(args=["export", str(out)]).exit_code == 0
        columns, keys = read_keys(out), list(self.VALUES)
        rows = [3 + n * 3 for n in range(300)]
        cells = {
            f"{columns[keys[n % 5]]}{row}": self.VALUES[keys[n % 5]].format(n=n + 100) for n, row in enumerate(rows)
        }
        new = [office.inserted(10 + n, {columns["full_name"]: f"New {n}", columns["city"]: "Beroun"}) for n in range(5)]
        steps = (office.typed(cells), *new, office.sorted_by(columns["city"]))
        self.saved = office.edit(out, folder / "back.xlsx", *steps)
        ids = cells_of(out, "B")
        self.same_cells = [ids[row] for row in rows[::5][:10]]
        self.other_cells = [ids[row] for row in range(3, 1003) if (row - 3) % 3][:50]

    def edit_in_the_panel(self) -> None:
        for record_id in self.same_cells:
            edit(record_id, city="Kolin")
        for record_id in self.other_cells:
            edit(record_id, passport="P-1")


@pytest.mark.office
def test_edits_of_both_sides_meet_and_none_is_lost(
    app: Flask, run: Run, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    both = Both(runner, tmp_path)
    with app.app_context():
        both.edit_in_the_panel()
    meanwhile = state(app)

    plan = run("import", both.saved, "--dry-run")
    assert (plan["cells_updated"], plan["created"], len(plan["conflicts"]), plan["problems"]) == (290, 5, 10, [])
    assert {item["id"] for item in plan["conflicts"]} == set(both.same_cells)
    assert {(item["panel"], item["workbook"]) for item in plan["conflicts"]} == {("Kolin", "Nymburk")}
    assert not {item["id"] for item in plan["changes"]} & set(both.other_cells)
    assert run("import", both.saved)["applied"] is False
    assert state(app) == meanwhile

    done = run("import", both.saved, "--prefer", "panel")
    assert (done["exit"], done["cells_updated"], done["created"]) == (0, 290, 5)
    with app.app_context():
        check_applied(both)
    applied = state(app)

    again = run("import", both.saved)
    assert (again["exit"], again["cells_updated"], again["created"], again["conflicts"]) == (0, 0, 0, [])
    assert state(app) == applied

    undone = run("undo", str(done["import"]))
    assert (undone["exit"], undone["reverted"], undone["removed"], undone["kept"]) == (0, 290, 5, [])
    assert state(app) == meanwhile


def check_applied(both: Both) -> None:
    values = db.session.scalars
    assert set(values(select(Customer.passport).where(Customer.id.in_(both.other_cells)))) == {"P-1"}
    assert set(values(select(Customer.city).where(Customer.id.in_(both.same_cells)))) == {"Kolin"}
    assert len(values(select(Customer.zip_code).where(Customer.zip_code.like("00%"))).all()) == 60
    assert "=1+103" in values(select(Customer.extra["note"].as_string())).all()
    assert len(values(select(Customer.id).where(Customer.city == "Beroun")).all()) == 5


def test_what_was_edited_since_an_import_survives_its_undoing(app: Flask, run: Run, tmp_path: Path) -> None:
    source = tmp_path / "new.csv"
    source.write_text("Full name,City\nAnn,Brno\nBob,Brno\n", encoding="utf-8")
    run("import", source)
    change = tmp_path / "change.csv"
    change.write_text("ID,City\n1,Praha\n2,Praha\n", encoding="utf-8")
    done = run("import", change, "--accept-unknown")
    with app.app_context():
        edit(1, city="Zlin")
    undone = run("undo", str(done["import"]))
    assert (undone["reverted"], [one["id"] for one in undone["kept"]]) == (1, [1])
    with app.app_context():
        cities = {row.id: row.city for row in db.session.execute(select(Customer.id, Customer.city))}
        assert cities == {1: "Zlin", 2: "Brno"}


def test_rows_without_identity_become_customers_once_and_equal_rows_count(app: Flask, run: Run, tmp_path: Path) -> None:
    source = tmp_path / "new.csv"
    source.write_text("Full name,City\nAnn,Brno\nAnn,Brno\n", encoding="utf-8")
    assert run("import", source)["created"] == 2
    assert run("import", source)["created"] == 0
    source.write_text("Full name,City\nAnn,Brno\nAnn,Brno\nAnn,Brno\nEva,Brno\n", encoding="utf-8")
    assert run("import", source)["created"] == 2
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Customer)) == 4


def test_a_removed_creation_is_made_anew_by_the_same_file(app: Flask, run: Run, tmp_path: Path) -> None:
    source = tmp_path / "new.csv"
    source.write_text("Full name\nAnn\n", encoding="utf-8")
    run("undo", str(run("import", source)["import"]))
    assert run("import", source)["created"] == 1
    with app.app_context():
        alive = db.session.scalars(select(Customer).where(Customer.deleted_at.is_(None))).all()
        assert [one.full_name for one in alive] == ["Ann"]
        assert alive[0].date_added == dt.datetime.now(dt.UTC).date()
