"""Workbooks of customers, plans, services and payments at once: each is read as if those before it were written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner

from panel.extensions import db
from panel.models import Customer, Payment, Plan, Service
from tests.panel.billed import FIRST, NEW, SECOND, Opened, edit, one, state, three_billed
from tests.panel.out import Out
from tests.panel.pages import sign_in
from tests.panel.test_together_pages import apply, upload, work

THIRD = NEW
FOURTH = NEW + 1
Typed = tuple[str, int, dict[str, Any]]
Sheets = tuple[Typed, ...]

NEW_CUSTOMER: Typed = ("Customers", FOURTH, {"full_name": "Joe", "login": "Joe1"})
NEW_PLAN: Typed = ("Plans", FOURTH, {"name": "Brand new", "price": 3})


@pytest.fixture
def opened(app: Flask, runner: FlaskCliRunner, tmp_path: Path) -> Iterator[Opened]:
    """Return what exports a sheet of three billed customers."""
    with app.app_context():
        three_billed()
        yield lambda name, *arguments: Out(runner, tmp_path / f"{name}.xlsx", name, *arguments)


def typed(opened: Opened, sheets: Sheets) -> list[Path]:
    """Return the workbooks of a story, in its order."""
    outs: dict[str, Out] = {}
    for name, row, values in sheets:
        out = outs.setdefault(name, opened(name))
        out.put(row, **values)
        out.book.save(out.path)
    return [out.path for out in outs.values()]


def brought(runner: FlaskCliRunner, files: list[Path]) -> tuple[int, list[dict[str, Any]]]:
    result = runner.invoke(args=["import", *map(str, files), "--json"])
    return result.exit_code, json.loads(result.stdout)["imports"]


WORKING: list[tuple[Sheets, dict[str, Any]]] = [
    (
        (
            NEW_CUSTOMER,
            ("Services", NEW, {"customer": "joe1", "plan": "Slow"}),
            ("Services", NEW + 1, {"customer": "JOE1", "plan": "Fast"}),
        ),
        {"customer_id": 4, "plan_id": 2, "price": 10},
    ),
    (
        (NEW_PLAN, ("Services", NEW, {"customer": "ann", "plan": "brand new"})),
        {"customer_id": 1, "plan_id": 4, "price": 3},
    ),
    (
        (NEW_PLAN, NEW_CUSTOMER, ("Services", NEW, {"customer": "Joe1", "plan": "Brand new"})),
        {"customer_id": 4, "plan_id": 4, "price": 3},
    ),
    (
        (("Plans", SECOND, {"name": "Slower"}), ("Services", NEW, {"customer": "ann", "plan": "Slower"})),
        {"customer_id": 1, "plan_id": 2},
    ),
    (
        (("Customers", FIRST, {"login": "anna"}), ("Services", NEW, {"customer": "anna", "plan": "Slow"})),
        {"customer_id": 1, "plan_id": 2},
    ),
    (
        (
            ("Customers", FIRST, {"billing_type": "Prepaid"}),
            ("Services", NEW, {"customer": "ann", "plan": "Ahead"}),
        ),
        {"customer_id": 1, "plan_id": 3},
    ),
]


@pytest.mark.parametrize(("sheets", "becomes"), WORKING)
def test_a_workbook_points_to_what_one_before_it_makes(
    opened: Opened, runner: FlaskCliRunner, sheets: Sheets, becomes: dict[str, Any]
) -> None:
    before, files = state(), typed(opened, sheets)
    code, imports = brought(runner, files)
    assert (code, [one["problems"] for one in imports]) == (0, [[]] * len(files))
    assert {key: getattr(one(Service, 3), key) for key in becomes} == becomes
    again = brought(runner, files)
    assert (again[0], [one["created"] + one["updated"] for one in again[1]]) == (0, [0] * len(files))
    for done in reversed(imports):
        assert runner.invoke(args=["undo", str(done["import"])]).exit_code == 0
    assert state() == before


REFUSED: list[tuple[Sheets, str]] = [
    ((("Customers", FIRST, {"action": "delete"}), ("Services", NEW, {"customer": "#1", "plan": "Slow"})), "customer"),
    ((("Customers", FIRST, {"action": "delete"}), ("Payments", NEW, {"customer": "ann", "amount": 1})), "customer"),
    ((("Customers", FIRST, {"login": "anna"}), ("Payments", NEW, {"customer": "ann", "amount": 1})), "customer"),
    ((("Plans", SECOND, {"action": "delete"}), ("Services", NEW, {"customer": "ann", "plan": "Slow"})), "plan"),
    (
        (
            ("Customers", FIRST, {"billing_type": "Prepaid"}),
            ("Services", NEW, {"customer": "ann", "plan": "Slow"}),
        ),
        "plan",
    ),
    ((NEW_CUSTOMER, ("Services", NEW, {"customer": "joe1", "plan": "Ahead"})), "plan"),
    ((("Services", NEW, {"customer": "Joe1", "plan": "Slow"}), NEW_CUSTOMER), "customer"),
]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("sheets", "field"), REFUSED)
def test_what_one_before_takes_away_or_one_after_makes_is_not_there(
    opened: Opened, runner: FlaskCliRunner, sheets: Sheets, field: str
) -> None:
    edit(Customer, 1, status_id=4)
    before, files = state(), typed(opened, sheets)
    code, imports = brought(runner, files)
    assert (code, [problem["field"] for one in imports for problem in one["problems"]]) == (1, [field])
    assert state() == before


def test_a_deletion_of_a_customer_beside_an_edit_of_the_service_is_both(opened: Opened, runner: FlaskCliRunner) -> None:
    edit(Customer, 1, status_id=4)
    files = typed(opened, (("Customers", FIRST, {"action": "delete"}), ("Services", FIRST, {"price": 1})))
    assert brought(runner, files)[0] == 0
    assert (one(Customer, 1).deleted_at is not None, one(Service, 1).price, one(Service, 1).deleted_at) == (
        True,
        1,
        None,
    )


def test_a_batch_is_looked_at_and_applied_in_the_panel_as_it_was_approved(
    app: Flask, opened: Opened, client: FlaskClient
) -> None:
    sheets = (
        NEW_CUSTOMER,
        NEW_PLAN,
        ("Services", NEW, {"customer": "joe1", "plan": "Brand new"}),
        ("Services", FIRST, {"plan": "Brand new"}),
        ("Payments", NEW, {"customer": "joe1", "amount": 5}),
    )
    address = upload(sign_in(client), *typed(opened, sheets))
    work(app)
    assert "All 4 workbooks were applied." in apply(client, address)
    services = [(number, one(Service, number).customer_id, one(Service, number).plan_id) for number in (1, 3)]
    assert services == [(1, 1, 4), (3, 4, 4)]
    assert (one(Payment, 3).customer_id, one(Customer, 4).login, one(Plan, 4).name) == (4, "Joe1", "Brand new")
    db.session.rollback()
