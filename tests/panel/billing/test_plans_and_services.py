"""Plans in the settings and the services of a customer, through the pages."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.database import writing
from panel.extensions import db
from panel.models import Customer, Partner, Plan, Revision, Service
from panel.words import today
from tests.builders import customer
from tests.panel.billing.made import charge, plan, service
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, options_of, sign_in

FAST = {"name": "Fast", "price": "20", "billing_type": "Recurring payments", "note": ""}
ACTIVE, BLOCKED, INACTIVE = 2, 3, 4


def test_a_plan_is_added_changed_and_deleted_while_nobody_has_it(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    assert "Fast was added." in client.post("/plans/new/", data=FAST, follow_redirects=True).text
    page = client.get("/plans/edit/?id=1").text
    client.post("/plans/edit/?id=1", data=form_with(page, "price") | {"price": "25"})
    assert "25.00 EUR" in client.get("/plans/").text
    with app.app_context():
        service(customer("Ann"), 1)
    page = client.post("/plans/delete/", data={"id": "1"}, follow_redirects=True).text
    assert "Fast: Customers have services with this plan, so it stays." in page
    with app.app_context(), writing():
        db.session.get_one(Service, 1).deleted_at = dt.datetime.now(dt.UTC)
    client.post("/plans/delete/", data={"id": "1"})
    with app.app_context():
        assert db.session.get_one(Plan, 1).deleted_at is not None
        logged = select(Revision.number, Revision.by).where(Revision.entity == "plan").order_by(Revision.number)
        assert [tuple(row) for row in db.session.execute(logged)] == [(1, "Admin"), (2, "Admin"), (3, "Admin")]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"name": ""}, "Name is required."),
        ({"name": "fAST"}, "belongs to another plan."),
        ({"price": "-1"}, "Write at least 0"),
        ({"price": "twenty"}, "twenty"),
        ({"price": "1.001"}, "decimal places"),
        ({"price": ""}, "Price a month is required."),
    ],
)
def test_a_plan_that_is_none_is_refused_beside_its_input(
    app: Flask, client: FlaskClient, typed: dict[str, str], sentence: str
) -> None:
    with app.app_context():
        plan()
    page = sign_in(client).post("/plans/new/", data={**FAST, "name": "Slow", **typed})
    assert page.status_code == 200
    assert sentence in page.text
    with app.app_context():
        assert db.session.scalars(select(Plan.name)).all() == ["Fast"]


def test_two_who_edit_a_plan_at_once_are_merged_and_a_conflict_is_shown(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        plan()
    sign_in(client)
    opened = form_with(client.get("/plans/edit/?id=1").text, "price")
    client.post("/plans/edit/?id=1", data=opened | {"note": "For flats"})
    client.post("/plans/edit/?id=1", data=opened | {"price": "30"})
    shown = client.post("/plans/edit/?id=1", data=opened | {"price": "35"}).text
    assert "Changed meanwhile by" in shown
    with app.app_context():
        found = db.session.get_one(Plan, 1)
        assert (found.price, found.note) == (Decimal("30.00"), "For flats")


def test_a_service_gets_its_plans_price_and_today_where_nothing_is_typed(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        ann = customer("Ann Novak", status_id=ACTIVE)
        plan()
        plan("Ahead", "5.00", "prepaid")
    sign_in(client)
    page = client.get(f"/services/new/?customer={ann}").text
    assert options_of(page, "plan") == ["", "Fast"]
    client.post(f"/services/new/?customer={ann}", data={"plan": "Fast", "price": "", "starts": ""})
    shown = client.get(f"/customers/services/?id={ann}").text
    assert "The active ones cost 20.00 EUR a month." in shown
    with app.app_context():
        one = db.session.get_one(Service, 1)
        assert (one.price, one.starts, one.ends) == (Decimal("20.00"), today(), None)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (1, "Services are stopped while the status is New"),
        (ACTIVE, ""),
        (BLOCKED, "Services are suspended while the status is Blocked"),
        (INACTIVE, "Services are stopped while the status is Inactive"),
    ],
)
def test_the_tab_says_what_the_status_does_to_services(
    app: Flask, client: FlaskClient, status: int, sentence: str
) -> None:
    with app.app_context():
        ann = customer("Ann Novak", status_id=status)
        service(ann, plan())
    page = sign_in(client).get(f"/customers/services/?id={ann}").text
    assert sentence in page
    assert ("while the status is" in page) == bool(sentence)


def test_a_service_ends_on_a_day_and_never_before_it_starts(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        ann = customer("Ann Novak", status_id=ACTIVE)
        starts, one_day = today(), dt.timedelta(1)
        service(ann, plan(), starts=starts)
    sign_in(client)
    refused = client.post("/services/end/", data={"id": "1", "ends": starts - one_day}, follow_redirects=True).text
    assert "It cannot end before it starts." in refused
    assert "Choose the last day" in client.post("/services/end/", data={"id": "1"}, follow_redirects=True).text
    ends = starts + 9 * one_day
    client.post("/services/end/", data={"id": "1", "ends": ends})
    states = {}
    for day in (dt.date.min, starts - one_day, starts, ends, ends + one_day, dt.date.max):
        page = client.get(f"/customers/services/?id={ann}&on={day}").text
        states[day] = "service-active" in page
    assert list(states.values()) == [False, False, True, True, False, False]


def test_what_was_charged_for_keeps_its_plan_and_is_never_deleted(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        ann = customer("Ann Novak", status_id=ACTIVE)
        plan("Slow", "10.00")
        one = service(ann, plan())
        charge(ann, one, today())
    sign_in(client)
    page = client.post("/services/delete/", data={"id": one}, follow_redirects=True).text
    assert "Fast: This service was charged for, so it stays." in page
    client.post(f"/services/edit/?id={one}", data={"plan": "Slow", "price": "15", "starts": "", "_revision": "1"})
    with app.app_context():
        found = db.session.get_one(Service, one)
        assert (found.plan.name, found.price, found.deleted_at) == ("Fast", Decimal("20.00"), None)


def test_a_partners_user_reaches_the_services_of_their_customers_only(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        with writing():
            db.session.add(Partner(id=2, name="South"))
        add_user("eva@example.com", "admin", 2)
        ann, fast = customer("Ann Novak"), plan()
        one = service(ann, fast)
        mine = customer("Bob Maly", partner_id=2)
    sign_in(client, "eva@example.com", STAFF_PASSWORD)
    tried = [
        client.get(f"/customers/services/?id={ann}"),
        client.get(f"/services/edit/?id={one}"),
        client.get(f"/services/new/?customer={ann}"),
        client.post(f"/services/new/?customer={ann}", data={"plan": "Fast"}),
        client.post(f"/services/edit/?id={one}", data={"price": "1"}),
        client.post("/services/end/", data={"id": one, "ends": "2030-01-01"}),
        client.post("/services/delete/", data={"id": one}),
    ]
    assert {answer.status_code for answer in tried} == {404}
    assert "Ann Novak" not in client.get("/services/").text
    client.post(f"/services/new/?customer={mine}", data={"plan": "Fast"})
    assert "Bob Maly" in client.get("/services/").text
    with app.app_context():
        assert db.session.scalars(select(Customer.full_name).join(Service)).all() == ["Ann Novak", "Bob Maly"]
