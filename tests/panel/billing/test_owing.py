"""Balances in the list of customers and on the first page, for those who may see the billing."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.database import writing
from panel.extensions import db
from panel.models import Partner, Role
from panel.words import today
from tests.builders import customer
from tests.panel.billing.made import charge, payment, plan, service
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in


def three(app: Flask) -> None:
    """Add Ann who owes 20, Bob who is 5 ahead, and Cid of another partner who owes 20."""
    with app.app_context():
        with writing():
            db.session.add(Partner(id=2, name="South"))
        fast = plan()
        for name, partner, paid in (("Ann Novak", 1, None), ("Bob Maly", 1, "25"), ("Cid Dlouhy", 2, None)):
            one = customer(name, partner_id=partner)
            charge(one, service(one, fast), today())
            if paid:
                payment(one, paid, today())


@pytest.mark.parametrize(
    ("narrowed", "names"),
    [
        ("flt_balance_to=-0.01", {"Ann Novak", "Cid Dlouhy"}),
        ("flt_balance_from=0", {"Bob Maly"}),
        ("flt_balance_is=-20", {"Ann Novak", "Cid Dlouhy"}),
        ("flt_balance_is=5.00", {"Bob Maly"}),
        ("flt_balance_to=-1000000", set()),
    ],
)
def test_the_list_shows_balances_and_is_narrowed_by_them(
    app: Flask, client: FlaskClient, narrowed: str, names: set[str]
) -> None:
    three(app)
    page = sign_in(client).get(f"/customers/?columns=full_name,balance&{narrowed}").text
    assert {name for name in ("Ann Novak", "Bob Maly", "Cid Dlouhy") if name in page} == names
    assert ("-20.00" in page) == ("Ann Novak" in names)


def test_the_first_page_says_how_many_owe_how_much(app: Flask, client: FlaskClient) -> None:
    three(app)
    with app.app_context():
        add_user("south@example.com", "admin", 2)
    page = sign_in(client).get("/").text
    assert "40.00 EUR</small>" in page
    assert "flt_balance_to=-0.01" in page
    assert "20.00 EUR</small>" in sign_in(app.test_client(), "south@example.com", STAFF_PASSWORD).get("/").text


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_who_may_not_see_the_billing_is_told_no_balance_anywhere(app: Flask, client: FlaskClient) -> None:
    three(app)
    with app.app_context():
        with writing():
            staff = db.session.scalars(select(Role).where(Role.name == "manager")).one()
            staff.permissions = [one for one in staff.permissions if one != "billing.view"]
        add_user("eva@example.com", "manager")
    sign_in(client, "eva@example.com", STAFF_PASSWORD)
    pages = ("/", "/customers/?columns=full_name,balance", "/customers/details/?id=1", "/exports/")
    for address in pages:
        page = client.get(address).text
        assert "20.00" not in page
        assert "Balance" not in page
    narrowed = client.get("/customers/?flt_balance_to=-0.01").text
    assert "Ann Novak" not in narrowed
    assert "is no filter here" in narrowed
    refused = client.post("/exports/new/", data={"fields": "full_name,balance", "format": "csv"}, follow_redirects=True)
    assert b"20.00" not in refused.data


def test_balances_go_out_with_a_list_that_shows_them_and_where_they_are_ticked(app: Flask, client: FlaskClient) -> None:
    three(app)
    sign_in(client)
    assert re.search(r'value="balance"\s*>', client.get("/exports/").text)  # there, and not ticked
    orders = (
        ("/exports/new/", {"fields": ["full_name", "balance"]}),
        ("/exports/view/", {"list": "columns=full_name,balance", "id": ["1", "2", "3"]}),
    )
    for address, sent in orders:
        lines = (
            client.post(address, data={**sent, "format": "csv"}, buffered=True).data.decode("utf-8-sig").splitlines()
        )
        assert sorted(line.split(",")[2:4] for line in lines[2:5]) == [
            ["Ann Novak", "-20.00"],
            ["Bob Maly", "5.00"],
            ["Cid Dlouhy", "-20.00"],
        ]
