"""Sheets of services, payments and plans in the panel: who may have them out, look at them and bring them back."""

from __future__ import annotations

import io
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner

from panel.database import writing
from panel.extensions import db
from panel.models import Partner, Payment, Plan, Role, Service
from panel.permissions import MANAGER
from tests.builders import customer
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, sign_in

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
EVA = "eva@example.com"
MODELS: dict[str, type[Any]] = {"services": Service, "payments": Payment, "plans": Plan}


@pytest.fixture
def served(app: Flask) -> Flask:
    """Add Ann of the first partner and Bob of the second, each with a service and a payment."""
    with app.app_context():
        with writing():
            db.session.add(Partner(name="South"))
            db.session.add(Plan(name="Fast", price=Decimal(20), note=None))
        for partner, name in enumerate(("Ann", "Bob"), 1):
            whose = customer(name, login=name.lower(), partner_id=partner)
            with writing():
                db.session.add_all(
                    [Service(customer_id=whose, plan_id=1), Payment(customer_id=whose, amount=Decimal(3))]
                )
    return app


def book_of(client: FlaskClient, of: str) -> Any:
    answer = client.post("/exports/new/", data={"of": of, "format": "xlsx"}, buffered=True)
    assert answer.status_code == 200, answer.text
    return openpyxl.load_workbook(io.BytesIO(answer.data))


def put(book: Any, row: int, key: str, value: Any) -> None:
    sheet = book.worksheets[0]
    sheet.cell(row, [cell.value for cell in sheet[1]].index(key) + 1).value = value


def uploaded(client: FlaskClient, book: Any) -> str:
    content = io.BytesIO()
    book.save(content)
    content.seek(0)
    answer = client.post("/imports/upload/", data={"file": (content, "back.xlsx")})
    assert answer.status_code == 302, answer.text
    return str(answer.location)


def without(app: Flask, *permissions: str, partner_id: int | None = None) -> None:
    """Add Eva, who may upload and apply, but lacks these permissions."""
    kept = [name for name in (*MANAGER, "import.apply", "billing.delete") if name not in permissions]
    with app.app_context():
        with writing():
            db.session.add(Role(name="some", permissions=kept))
        add_user(EVA, "some", partner_id)


@pytest.mark.parametrize(
    ("of", "key", "value"), [("services", "price", 15), ("payments", "note", "x"), ("plans", "price", 15)]
)
def test_a_sheet_goes_out_comes_back_is_looked_at_applied_and_undone(
    served: Flask, client: FlaskClient, of: str, key: str, value: Any
) -> None:
    book = book_of(sign_in(client), of)
    put(book, 3, key, value)
    address = uploaded(client, book)
    page = client.get(address).text
    assert ("Fast" if of == "plans" else "#1 Ann") in page
    assert f'href="/{of}/edit/?id=1"' in page
    approve(client, address, page)
    assert "was applied" in client.get(address).text
    before, model = {"price": Decimal(20), "note": None}[key], MODELS[of]
    assert value_of(served, model, key) == value
    undo = client.post("/undo/start/", data={"import": address.rstrip("/").rpartition("/")[2]}).location
    assert "1 change goes back" in words(client.get(undo).text)
    assert "1 value was put back." in words(client.post(f"{undo}apply/", follow_redirects=True).text)
    assert value_of(served, model, key) == before


def approve(client: FlaskClient, address: str, page: str) -> None:
    fingerprint = re.search(r'name="fingerprint"\s+value="([^"]+)"', page)
    assert fingerprint, page
    assert client.post(f"{address}apply/", data={"fingerprint": fingerprint[1]}).status_code == 302


def value_of(app: Flask, model: type[Any], key: str) -> Any:
    with app.app_context():
        return getattr(db.session.get_one(model, 1), key)


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.mark.parametrize(
    ("of", "lacks"), [("services", "service.edit"), ("payments", "payment.add"), ("plans", "config")]
)
def test_who_may_not_write_such_records_has_every_edited_row_refused(
    served: Flask, client: FlaskClient, of: str, lacks: str
) -> None:
    without(served, lacks)
    book = book_of(sign_in(client, EVA, STAFF_PASSWORD), of)
    put(book, 3, "note", "new")
    page = client.get(uploaded(client, book)).text
    assert f"You may not change {of.capitalize()}" in page


def test_who_may_not_see_billing_has_none_of_it_out_nor_back(served: Flask, client: FlaskClient) -> None:
    address = uploaded(sign_in(client), book := book_of(client, "services"))
    client.post("/sign-out/")
    client = served.test_client()
    without(served, "billing.view")
    sign_in(client, EVA, STAFF_PASSWORD)
    refused = client.post("/exports/new/", data={"of": "services"}, follow_redirects=True)
    assert "Services are not among what you may see" in refused.text
    assert "Services" not in client.get("/exports/").text.partition("<main")[2]
    assert client.get(address).status_code == 404
    assert "are not among what you may see" in client.get(uploaded(client, book)).text


def test_a_partners_user_has_out_and_brings_back_what_that_partners_customers_have(
    served: Flask, client: FlaskClient, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    whole = tmp_path / "whole.xlsx"
    assert runner.invoke(args=["export", str(whole), "--of", "services"]).exit_code == 0
    without(served, partner_id=2)
    assert [
        row[1].value
        for row in book_of(sign_in(client, EVA, STAFF_PASSWORD), "services")
        .worksheets[0]
        .iter_rows(min_row=3, max_row=4)
    ] == [2, None]
    book = openpyxl.load_workbook(whole)
    for row in (3, 4):
        put(book, row, "price", 1)
    put(book, 5, "customer", "#1")
    put(book, 5, "plan", "Fast")
    book.save(whole)
    answer = runner.invoke(args=["import", str(whole), "--json", "--skip-problems", "--as", EVA])
    plan = json.loads(answer.stdout)
    assert (plan["updated"], plan["refused"], plan["created"]) == (1, 2, 0), plan


@pytest.mark.parametrize(
    ("colleague", "says", "price"),
    [
        ({"note": "theirs"}, "was applied", 15),
        ({"price": Decimal(18)}, "Something changed since this plan was made", 18),
    ],
)
def test_what_a_colleague_writes_between_look_and_apply_stays(
    served: Flask, client: FlaskClient, colleague: dict[str, Any], says: str, price: int
) -> None:
    book = book_of(sign_in(client), "services")
    put(book, 3, "price", 15)
    address = uploaded(client, book)
    page = client.get(address).text
    with served.app_context(), writing():
        for key, value in colleague.items():
            setattr(db.session.get_one(Service, 1), key, value)
    approve(client, address, page)
    assert says in client.get(address).text
    (key, value), *_none = colleague.items()
    assert (value_of(served, Service, "price"), value_of(served, Service, key)) == (price, value)


@pytest.mark.parametrize(
    ("address", "ids"),
    [("/services/", [1, 2, 3]), ("/services/?plan=1", [1, 2]), ("/payments/", [1, 2]), ("/plans/", [1, 2])],
)
def test_the_button_of_a_list_exports_what_the_list_shows(
    served: Flask, client: FlaskClient, address: str, ids: list[int]
) -> None:
    with served.app_context(), writing():
        db.session.add(plan := Plan(name="1", price=Decimal(20)))
        db.session.flush()
        db.session.add(Service(customer_id=1, plan_id=plan.id))
    page = sign_in(client).get(address).text
    answer = client.post("/exports/new/", data=form_with(page, "of"), buffered=True)
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).worksheets[0]
    assert [row[1].value for row in sheet.iter_rows(min_row=3) if row[1].value] == ids
