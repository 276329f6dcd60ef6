"""Plans, services and payments that were deleted in the panel come back, where nothing stands in the way."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.database import writing
from panel.extensions import db
from panel.models import Account, Partner, Payment, Plan, Role, Service
from panel.words import today
from tests.builders import customer
from tests.panel.billing.made import payment, plan, service
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, sign_in

ACTIVE = 2
SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def furnished(app: Flask) -> int:
    """Add a customer with a service and a payment; each record has the ID 1."""
    with app.app_context():
        ann = customer("Ann Novak", status_id=ACTIVE)
        service(ann, plan())
        payment(ann, "20.00", dt.date(2024, 1, 1))
        return ann


@pytest.mark.parametrize(
    ("records", "model", "words"),
    [
        ("services", Service, "Fast"),
        ("payments", Payment, "Payment of 20.00 EUR on 2024-01-01"),
        ("plans", Plan, "Slow"),
    ],
)
def test_what_was_deleted_comes_back_with_a_click(
    app: Flask, client: FlaskClient, records: str, model: type[Plan], words: str
) -> None:
    ann = furnished(app)
    with app.app_context():
        number = plan("Slow") if model is Plan else 1
    page = sign_in(client).post(f"/{records}/delete/", data={"id": number}, follow_redirects=True).text
    assert f"{words} was deleted." in page
    assert f'action="/{records}/restore/?id={number}"' in page
    with app.app_context():
        assert db.session.get_one(model, number).deleted_at is not None
        assert db.session.get_one(Account, ann).balance == Decimal("0.00" if model is Payment else "20.00")
    assert f"{words} was restored." in client.post(f"/{records}/restore/?id={number}", follow_redirects=True).text
    assert client.post(f"/{records}/restore/?id={number}").status_code == 404
    with app.app_context():
        assert db.session.get_one(model, number).deleted_at is None
        assert db.session.get_one(Account, ann).balance == Decimal("20.00")


def test_what_comes_back_needs_its_plan_and_its_name(app: Flask, client: FlaskClient) -> None:
    furnished(app)
    sign_in(client)
    client.post("/services/delete/", data={"id": 1})
    client.post("/plans/delete/", data={"id": 1})
    assert "Fast is no plan any more" in client.post("/services/restore/?id=1", follow_redirects=True).text
    with app.app_context():
        plan("fast")
    assert "belongs to plan 2" in client.post("/plans/restore/?id=1", follow_redirects=True).text
    with app.app_context():
        assert db.session.scalars(select(Service).where(Service.deleted_at.is_(None))).all() == []
        assert db.session.scalars(select(Plan.name).where(Plan.deleted_at.is_(None))).all() == ["fast"]


@SQLITE
def test_only_who_may_delete_restores_and_only_what_they_see(app: Flask, client: FlaskClient) -> None:
    furnished(app)
    sign_in(client).post("/payments/delete/", data={"id": 1})
    with app.app_context():
        with writing():
            db.session.add(Partner(id=2, name="South"))
        add_user("eva@example.com", "manager")
        add_user("south@example.com", "admin", 2)
        assert "billing.delete" not in db.session.scalars(select(Role.permissions).where(Role.name == "manager")).one()
    for email, code in (("eva@example.com", 403), ("south@example.com", 404)):
        browser = sign_in(app.test_client(), email, STAFF_PASSWORD)
        assert browser.post("/payments/restore/?id=1").status_code == code
    with app.app_context():
        assert db.session.get_one(Payment, 1).deleted_at is not None


@SQLITE
@pytest.mark.parametrize(
    ("address", "typed", "sentence"),
    [
        ("/plans/edit/?id=1", {"billing_type": "Prepaid"}, "so its type of billing stays"),
        ("/services/edit/?id=1", {"ends": "2020-01-01"}, "It cannot end before it starts."),
        ("/services/new/?customer=1", {"plan": "Fast", "starts": "2031-02-02", "ends": "2031-02-01"}, "2031-02-02"),
        ("/payments/edit/?id=1", {"amount": "0"}, "A payment of nothing is none."),
    ],
)
def test_forms_ask_what_workbooks_are_asked(
    app: Flask, client: FlaskClient, address: str, typed: dict[str, str], sentence: str
) -> None:
    furnished(app)
    sign_in(client)
    first = next(iter(typed))
    answer = client.post(address, data=form_with(client.get(address).text, first) | typed)
    assert answer.status_code == 200
    assert sentence in answer.text
    with app.app_context():
        assert db.session.get_one(Plan, 1).billing_type == "recurring"
        assert [(one.starts, one.ends) for one in db.session.scalars(select(Service))] == [(today(), None)]
        assert db.session.get_one(Payment, 1).amount == 20


@SQLITE
def test_a_service_that_already_breaks_a_rule_is_saved_where_the_form_leaves_that_alone(
    app: Flask, client: FlaskClient
) -> None:
    ann = furnished(app)
    with app.app_context():
        plan("Ahead", "5.00", "prepaid")
        service(ann, 2)
    sign_in(client)
    form = form_with(client.get("/services/edit/?id=2").text, "price") | {"price": "7"}
    assert client.post("/services/edit/?id=2", data=form).status_code == 302
    with app.app_context():
        assert db.session.get_one(Service, 2).price == Decimal("7.00")
