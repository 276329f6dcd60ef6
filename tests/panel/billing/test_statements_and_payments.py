"""What a customer's billing tab shows and does: statement, payments, and rules of one's own."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.billing.statement import statement
from panel.database import writing
from panel.extensions import db
from panel.models import Account, Customer, Event, Partner, Payment, Revision, Role
from panel.words import today
from tests.builders import customer
from tests.panel.billing.made import charge, payment, plan, service
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, sign_in

ACTIVE = 2
DAY = dt.date


def billed(app: Flask) -> int:
    """Add a customer with a charge in each of three months, and two payments; one of them is noted like a formula."""
    with app.app_context():
        ann = customer("Ann Novak", status_id=ACTIVE)
        one = service(ann, plan(), starts=DAY(2024, 1, 1))
        for month in (1, 2, 3):
            charge(ann, one, DAY(2024, month, 1))
        payment(ann, "20.00", DAY(2024, 1, 1), note="=1+1")
        payment(ann, "15.50", DAY(2024, 2, 29))
        return ann


def test_a_statement_has_the_entries_of_its_days_in_order_between_two_balances(app: Flask) -> None:
    ann = billed(app)
    with app.app_context():
        found = statement(db.session.connection(), ann, DAY(2024, 1, 2), DAY(2024, 2, 29))
        whole = statement(db.session.connection(), ann)
        kept = db.session.scalars(select(Account.balance)).one()
    lines = [(one.kind, one.day, one.amount, one.balance) for one in found.entries]
    assert (found.opening, found.closing) == (Decimal("0.00"), Decimal("-4.50"))
    assert lines == [
        ("charge", DAY(2024, 2, 1), Decimal("-20.00"), Decimal("-20.00")),
        ("payment", DAY(2024, 2, 29), Decimal("15.50"), Decimal("-4.50")),
    ]
    assert whole.closing == kept == Decimal("-24.50")
    assert [one.kind for one in whole.entries[:2]] == ["charge", "payment"]


def test_the_tab_says_what_is_owed_and_shows_the_statement(app: Flask, client: FlaskClient) -> None:
    ann = billed(app)
    page = sign_in(client).get(f"/customers/billing/?id={ann}&since=2024-02-01&until=").text
    assert "Owes 24.50 EUR" in page
    assert "Fast, 2024-03" in page
    assert "due on 2024-03-16" in page
    assert "Fast, 2024-01" not in page


@pytest.mark.parametrize("format_", ["xlsx", "csv"])
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_an_exported_statement_holds_text_as_text_and_amounts_as_numbers(
    app: Flask, client: FlaskClient, format_: str
) -> None:
    ann = billed(app)
    sign_in(client)
    wanted = {"id": ann, "since": "2024-01-01", "until": "2024-01-31", "format": format_}
    answer = client.post("/customers/statement/", data=wanted)
    if format_ == "csv":
        rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
        assert rows[3][:5] == ["2024-01-01", "Payment: Bank transfer", "", "20.00", "0.00"]
        assert rows[3][6] == "'=1+1"
    else:
        sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).worksheets[0]
        cells = next(iter(sheet.iter_rows(min_row=4, max_row=4)))
        assert (cells[0].is_date, cells[0].value.date()) == (True, DAY(2024, 1, 1))
        assert [cell.value for cell in cells[1:5]] == ["Payment: Bank transfer", None, 20, 0]
        assert (cells[6].value, cells[6].data_type) == ("=1+1", "s")
    with app.app_context():
        told = db.session.scalars(select(Event.detail).where(Event.name == "statement exported")).one()
        assert told == {"customer": ann, "format": format_}


def test_a_payment_is_recorded_put_right_and_taken_back_and_the_balance_follows(
    app: Flask, client: FlaskClient
) -> None:
    ann = billed(app)
    sign_in(client)
    page = client.get(f"/payments/new/?customer={ann}").text
    form = form_with(page, "amount") | {"amount": "24,5"}
    added = client.post(f"/payments/new/?customer={ann}", data=form, follow_redirects=True).text
    assert "A payment of 24.50 EUR was recorded." in added
    assert "Owes nothing" in added
    with app.app_context():
        number = db.session.scalars(select(Payment.id).order_by(Payment.id.desc())).first()
        assert db.session.get_one(Payment, number).day == today()
    form = form_with(client.get(f"/payments/edit/?id={number}").text, "amount") | {"amount": "30"}
    assert "5.50 EUR ahead" in client.post(f"/payments/edit/?id={number}", data=form, follow_redirects=True).text
    assert "Owes 24.50 EUR" in client.post("/payments/delete/", data={"id": number}, follow_redirects=True).text
    with app.app_context():
        wanted = select(Revision.changes).where(Revision.entity == "payment", Revision.record_id == number)
        changes = db.session.scalars(wanted.order_by(Revision.number)).all()
        assert changes[1:] == [{"amount": ["24.50", "30.00"]}, {"deleted": [None, True]}]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("amount", ["", "0", "x", "1.001", "99999999999999999999"])
def test_a_payment_of_nothing_is_refused(app: Flask, client: FlaskClient, amount: str) -> None:
    ann = billed(app)
    answer = sign_in(client).post(f"/payments/new/?customer={ann}", data={"amount": amount, "day": "2024-01-01"})
    assert "Nothing was saved yet." in answer.text
    with app.app_context():
        assert len(db.session.scalars(select(Payment.id)).all()) == 2


def test_rules_of_ones_own_are_kept_beside_everybodys_and_merged_where_two_edit(
    app: Flask, client: FlaskClient
) -> None:
    ann = billed(app)
    sign_in(client)
    address = f"/customers/billing-settings/?id={ann}"
    opened = form_with(client.get(address).text, "billing_day")
    assert opened["billing_day"] == [""]
    client.post(address, data=opened | {"blocking_period": "never"})
    client.post(address, data=opened | {"billing_day": "28"})
    refused = client.post(address, data=opened | {"billing_day": "29"}).text
    assert "Write at most 28" in refused
    with app.app_context():
        one = db.session.get_one(Customer, ann)
        assert (one.billing_day, one.blocking_period, one.minimum_balance) == (28, -1, None)
    page = client.get(f"/customers/billing/?id={ann}").text
    assert "everybody: 1" in page
    assert "<strong>never</strong>" in page


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_who_may_not_see_the_billing_sees_none_of_it(app: Flask, client: FlaskClient) -> None:
    ann = billed(app)
    with app.app_context():
        add_user("eva@example.com", "staff")
        with writing():
            db.session.add(Partner(id=2, name="South"))
        add_user("south@example.com", "admin", 2)
        with writing():
            role = db.session.scalars(select(Role).where(Role.name == "staff")).one()
            role.permissions = [one for one in role.permissions if one != "billing.view"]
    sign_in(client, "eva@example.com", STAFF_PASSWORD)
    page = client.get(f"/customers/details/?id={ann}").text
    assert "Owes" not in page
    assert "/customers/billing/" not in page
    tried = ["/customers/billing/", "/customers/services/", "/customers/billing-settings/", "/payments/new/"]
    assert {client.get(f"{one}?id={ann}&customer={ann}").status_code for one in tried} == {403}
    assert client.post("/customers/statement/", data={"id": ann}).status_code == 403
    south = sign_in(app.test_client(), "south@example.com", STAFF_PASSWORD)
    tried += ["/payments/edit/", "/services/edit/"]
    assert {south.get(f"{one}?id={ann}&customer={ann}").status_code for one in tried} == {404}
    assert south.post("/customers/statement/", data={"id": ann}).status_code == 404
    assert south.post("/payments/delete/", data={"id": 1}).status_code == 404
