"""What an import is stopped for: the number has to be typed, by the command and on the page, and nothing is written."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select, update

from panel.extensions import db
from panel.models import Customer, Event, Export
from panel.models.columns import now
from tests.builders import customer
from tests.panel.pages import sign_in
from tests.panel.test_views_imports import exported, uploaded, write
from tests.sheets import change, read_keys

COUNT = 12


@pytest.fixture(autouse=True)
def customers(app: Flask) -> None:
    with app.app_context():
        for at in range(COUNT):
            customer(f"Customer {at}", city=f"City {at}", street=f"Street {at}")


@pytest.fixture
def workbook(runner: FlaskCliRunner, tmp_path: Path) -> Path:
    out = tmp_path / "out.xlsx"
    assert runner.invoke(args=["export", str(out)]).exit_code == 0
    return out


def run(runner: FlaskCliRunner, path: Path, *options: str) -> dict[str, Any]:
    result = runner.invoke(args=["import", str(path), "--json", *options])
    answer: dict[str, Any] = json.loads(result.stdout)
    return {**answer, "exit": result.exit_code, "said": result.stderr}


def cities(app: Flask) -> list[str | None]:
    with app.app_context():
        return [one.city for one in db.session.scalars(select(Customer).order_by(Customer.id))]


def edited(workbook: Path, key: str, values: list[Any]) -> Path:
    letters = read_keys(workbook)[key]
    return change(workbook, workbook.with_name("back.xlsx"), {f"{letters}{at}": v for at, v in enumerate(values, 3)})


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None] * COUNT, "cleared"),
        (["Praha"] * COUNT, "alike"),
        ([f"City {at}" for at in reversed(range(COUNT))], "moved"),
    ],
)
def test_the_command_asks_for_the_number_and_writes_nothing_without_it(
    app: Flask, runner: FlaskCliRunner, workbook: Path, values: list[Any], kind: str
) -> None:
    before = cities(app)
    back = edited(workbook, "city", values)
    for options in ([], ["--dry-run"], ["--confirm", "11"]):
        refused = run(runner, back, *options)
        assert (refused["exit"], refused["applied"], cities(app)) == (1, False, before)
        assert [(one["kind"], one["field"], one["count"]) for one in refused["guards"]] == [(kind, "city", COUNT)]
        assert f"add --confirm {COUNT}." in refused["said"]
    done = run(runner, back, "--confirm", str(COUNT))
    assert (done["exit"], done["applied"], done["cells_updated"]) == (0, True, COUNT)
    assert cities(app) == values
    with app.app_context():
        event = db.session.scalars(select(Event).where(Event.name == "import")).one()
        assert event.detail["guards"] == [kind]
    assert run(runner, back)["guards"] == []


def test_two_signs_want_two_numbers(app: Flask, runner: FlaskCliRunner, workbook: Path) -> None:
    before = cities(app)
    edited(workbook, "city", [None] * COUNT)
    back = edited(workbook.with_name("back.xlsx"), "street", ["Long street"] * (COUNT - 1))
    numbers = ["--confirm", str(COUNT), "--confirm", str(COUNT - 1)]
    assert (run(runner, back, *numbers[:2])["exit"], cities(app)) == (1, before)
    assert run(runner, back, *numbers)["exit"] == 0


def test_how_many_are_asked_about_is_a_setting(app: Flask, runner: FlaskCliRunner, workbook: Path) -> None:
    back = edited(workbook, "city", [None] * 3)
    assert run(runner, back, "--dry-run")["exit"] == 0
    app.config.update(ROLLBOOK_GUARD_ROWS=3)
    assert run(runner, back, "--dry-run")["exit"] == 1
    app.config.update(ROLLBOOK_GUARD_PERCENT=25)
    assert run(runner, back, "--dry-run")["exit"] == 0


def test_the_page_shows_the_sign_and_takes_the_number(app: Flask, client: FlaskClient) -> None:
    book = exported(sign_in(client))
    for at in range(COUNT):
        write(book, at + 1, "city", "Praha")
    address = uploaded(client, book)
    page = client.get(address).text
    assert f"City becomes &#39;Praha&#39; in {COUNT} of {COUNT} rows." in page
    assert f"To apply it all the same, type {COUNT}" in page
    for typed in ({}, {"confirm": "11"}, {"confirm": "twelve"}):
        answer = client.post(f"{address}apply/", data=typed, follow_redirects=True)
        assert f"To apply it all the same, type {COUNT}." in answer.text
        assert "Praha" not in cities(app)
    client.post(f"{address}apply/", data={"confirm": f" {COUNT} "})
    assert cities(app) == ["Praha"] * COUNT
    assert "type 12" not in client.get(address).text


def test_an_old_workbook_says_so_and_so_does_a_column_that_was_left_out(app: Flask, client: FlaskClient) -> None:
    book = exported(sign_in(client))
    book["Customers"].cell(3, 60).value = "lost"
    with app.app_context():
        db.session.execute(update(Export).values(at=now() - dt.timedelta(days=31, minutes=1)))
        db.session.commit()
    page = client.get(uploaded(client, book)).text
    assert "This workbook was exported 31 days ago." in page
    assert "has values but no header" in page
    app.config.update(ROLLBOOK_WORKBOOK_DAYS=31)
    assert "days ago." not in client.get(uploaded(client, book)).text
