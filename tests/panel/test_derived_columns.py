"""What follows from other values is shown in workbooks and never taken from them; whoever types there is told."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner

from panel.database import writing
from panel.extensions import db
from panel.models import Account, Customer, Payment, Service
from panel.words import today
from tests.builders import customer, edit
from tests.panel.billing.made import lasting
from tests.panel.out import Out
from tests.panel.pages import sign_in

ACTIVE, BLOCKED = 2, 3
FIRST, SECOND, NEW = 3, 4, 5
"""The rows of the first and second record of a sheet, and its first blank one."""


@pytest.fixture
def out(app: Flask, runner: FlaskCliRunner, tmp_path: Path) -> Iterator[Callable[..., Out]]:
    """Return what exports a sheet: Ann and Bob have a service that ends today, and paid nothing."""
    with app.app_context():
        for name in ("Ann", "Bob"):
            lasting(customer(name, login=name.lower(), status_id=ACTIVE), today(), today())
        yield lambda name, *arguments: Out(runner, tmp_path / f"{name}.xlsx", name, *arguments)


def paid(customer_id: int) -> None:
    with writing():
        db.session.add(Payment(customer_id=customer_id, amount=Decimal(7), day=today()))


def ignored(plan: dict[str, Any]) -> list[tuple[str, Any]]:
    assert (plan["changes"], plan["problems"], plan["updated"]) == ([], [], 0)
    return [(item["at"], item["workbook"]) for item in plan["ignored"]]


@pytest.mark.parametrize(
    ("sheet", "key", "typed", "fields"),
    [("Customers", "balance", 100, ("--fields", "full_name,balance")), ("Services", "state", "Stopped", ())],
)
def test_what_is_typed_there_is_told_and_not_taken(
    out: Callable[..., Out], sheet: str, key: str, typed: Any, fields: tuple[str, ...]
) -> None:
    back = out(sheet, *fields)
    assert ignored(back.plan()) == []
    back.put(FIRST, **{key: typed})
    back.put(SECOND, **{key: None})
    at = [f"{sheet}!{back.columns[key]}{row}" for row in (FIRST, SECOND)]
    done = back.back()
    assert (done["exit"], done["applied"], done["unchanged"]) == (0, True, 2)
    assert ignored(done) == [(at[0], typed), (at[1], None)]
    assert "for reading only" in done["said"]
    assert [one.balance for one in db.session.query(Account).all()] == [0, 0]


def test_what_followed_from_a_payment_since_the_export_is_nobodys_edit(out: Callable[..., Out]) -> None:
    back = out("Customers", "--fields", "full_name,balance")
    paid(1)
    assert ignored(back.plan()) == []
    back.put(FIRST, balance=1)
    back.put(SECOND, balance=1)
    assert ignored(back.plan()) == [(f"Customers!{back.columns['balance']}{SECOND}", 1)]


def test_what_followed_from_a_status_or_an_edit_since_the_export_is_nobodys_edit(out: Callable[..., Out]) -> None:
    back = out("Services")
    edit(1, status_id=BLOCKED)
    with writing():
        db.session.get_one(Service, 2).starts = today() + dt.timedelta(1)
        db.session.get_one(Service, 2).ends = None
    assert ignored(back.plan()) == []


def test_what_followed_from_the_day_is_nobodys_edit(out: Callable[..., Out], monkeypatch: pytest.MonkeyPatch) -> None:
    back, tomorrow = out("Services"), today() + dt.timedelta(1)
    for module in ("panel.entities", "panel.imports.derived"):
        monkeypatch.setattr(f"{module}.today", lambda: tomorrow)
    assert ignored(back.plan()) == []


def test_a_new_row_is_no_edit_of_what_follows_from_it(out: Callable[..., Out]) -> None:
    back = out("Customers", "--fields", "full_name,balance")
    back.put(NEW, full_name="Eva", balance=5)
    told = [(f"Customers!{back.columns['balance']}{NEW}", 5)]
    done = back.back()
    assert (done["created"], ignored(done)) == (1, told)
    assert db.session.query(Customer).count() == 3
    back.put(NEW, balance=None)
    again = back.back()
    assert (again["created"], again["unchanged"], ignored(again)) == (0, 3, [])


def test_a_preview_of_other_records_speaks_of_no_customers(out: Callable[..., Out], client: FlaskClient) -> None:
    back = out("Services")
    back.put(NEW, customer="ann", plan="Fast")
    back.put(FIRST, note="x")
    back.book.save(back.path)
    sent = {"file": (io.BytesIO(back.path.read_bytes()), "Services.xlsx")}
    page = sign_in(client).post("/imports/upload/", data=sent, follow_redirects=True).text
    assert "Apply 1 change and 1 new record" in page
    assert "Records are known by" in page
    assert ">Customer</th>" not in page
    assert "new customer" not in page
    assert 'value="state"' not in page
