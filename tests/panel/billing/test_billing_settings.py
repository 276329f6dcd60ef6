"""Config → Finance → Billing: what is kept, what is refused, what it comes to, and the statuses it names."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from panel.authors import SYSTEM
from panel.billing.run import run_until
from panel.database import writing
from panel.extensions import db
from panel.forms.billing import BillingForm, example_of
from panel.models import Account, BillingConfig, Event, Status
from panel.statuses import merge_or_enqueue, statuses_in_use
from tests.builders import customer
from tests.panel.billing.books import ACTIVE, pay, status_of, subscriber
from tests.panel.pages import form_with, sign_in

BLOCKED, INACTIVE = 3, 4
WORKDAYS = {"blocks_on_holidays": False, "blocks_on_weekends": False}
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def opened(client: FlaskClient) -> dict[str, list[str]]:
    """Return what a browser sends where nothing is touched."""
    return form_with(client.get("/billing/").text, "billing_day")


def test_what_is_saved_is_kept_recorded_and_has_every_account_looked_at(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer("Ann")
        with writing() as connection:
            connection.execute(update(Account).values(look_on=dt.date(2030, 1, 1)))
    sign_in(client)
    sent = opened(client) | {"billing_day": "5", "grace_period": "never", "minimum_balance": "-10,5", "country": "DE"}
    sent |= {"part": "by"}
    del sent["blocks_on_weekends"]
    assert "The rules of billing were saved." in client.post("/billing/", data=sent, follow_redirects=True).text
    with app.app_context():
        config = db.session.get_one(BillingConfig, 1)
        assert (config.billing_day, config.grace_period, config.minimum_balance) == (5, None, Decimal("-10.50"))
        assert (config.blocks_on_weekends, config.blocks_on_holidays, config.holidays) == (False, True, "DE-BY")
        assert db.session.scalars(select(Account.look_on)).all() == [dt.date.min]
        detail = db.session.scalars(select(Event.detail).where(Event.name == "billing changed")).one()
        assert detail["changes"]["billing_day"] == [1, 5]
    assert opened(client)["grace_period"] == ["never"]
    assert "Changed the rules of billing" in client.get("/audit/").text


@on_sqlite
@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"billing_day": "29"}, "Write at most 28"),
        ({"billing_day": "0"}, "Write at least 1"),
        ({"billing_day": ""}, "Billing day is required."),
        ({"billing_day": "never"}, "no whole number"),
        ({"payment_due": "29"}, "Write at most 28"),
        ({"blocking_period": "100"}, "Write at most 99"),
        ({"grace_period": "0"}, "Write at least 1"),
        ({"minimum_balance": "x"}, "is no amount"),
        ({"country": "XX"}, "Not a valid choice"),
        ({"country": "DE", "part": "ZZ"}, "No holidays are known"),
        ({"blocked_status_id": "2"}, "With this status services run on."),
        ({"inactive_status_id": "3"}, "The blocked have this status already."),
        ({"blocked_status_id": "99"}, "Not a valid choice"),
    ],
)
def test_what_makes_no_sense_is_refused(app: Flask, client: FlaskClient, typed: dict[str, str], sentence: str) -> None:
    sign_in(client)
    page = client.post("/billing/", data=opened(client) | typed)
    assert page.status_code == 200
    assert sentence in page.text
    assert client.post("/billing/example/", data=opened(client) | typed).json == {"words": ""}
    with app.app_context():
        config = db.session.get_one(BillingConfig, 1)
        assert (config.billing_day, config.payment_due, config.blocked_status_id) == (1, 15, BLOCKED)


@on_sqlite
@pytest.mark.parametrize(
    ("changes", "example"),
    [
        ({}, "Billed on 2026-12-01, due on 2026-12-16, Blocked on 2026-12-16, Inactive on 2026-12-26."),
        ({"grace_period": None}, "Billed on 2026-12-01, due on 2026-12-16, Blocked on 2026-12-16."),
        ({"blocking_period": None}, "Billed on 2026-12-01, due on 2026-12-16, and never blocked."),
        (
            {
                "billing_day": 10,
                "payment_due": 15,
                "blocks_on_holidays": False,
                "blocks_on_weekends": False,
                "holidays": "CZ",
            },
            "Billed on 2026-12-10, due on 2026-12-25, Blocked on 2026-12-28, Inactive on 2027-01-07.",
        ),
        ({"blocked_status_id": None}, "Billed on 2026-12-01, due on 2026-12-16, and never blocked."),
    ],
)
def test_an_example_says_what_the_rules_come_to(app: Flask, changes: dict[str, object], example: str) -> None:
    with app.test_request_context():
        config = db.session.get_one(BillingConfig, 1)
        for name, value in changes.items():
            setattr(config, name, value)
        form = BillingForm(None, config, statuses_in_use())
        assert form.validate(), form.errors
        labels = {one.id: one.label for one in statuses_in_use()}
        assert example_of(form, labels, dt.date(2026, 11, 23)) == example
        db.session.rollback()


def test_the_statuses_of_automatic_moves_are_not_deleted_and_follow_a_merge(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    refused = client.post("/statuses/delete/", data={"id": str(BLOCKED)}, follow_redirects=True).text
    assert "The daily run moves customers to Blocked." in refused
    with app.app_context():
        with writing():
            db.session.add(Status(id=9, label="Suspended", services="suspended", accounted=True, position=9))
        ann = customer("Ann", status_id=BLOCKED)
        with writing() as connection:
            moved = {"moved_to": BLOCKED, "moved_from": 2, "moved_on": dt.date(2026, 1, 1)}
            connection.execute(update(Account).values(**moved, blocked_on=dt.date(2026, 1, 1)))
        merge_or_enqueue(BLOCKED, 9, SYSTEM)
        config = db.session.get_one(BillingConfig, 1)
        assert (config.blocked_status_id, config.inactive_status_id) == (9, INACTIVE)
        account = db.session.get_one(Account, ann)
        assert (account.moved_to, account.moved_from, account.blocked_on) == (9, 2, dt.date(2026, 1, 1))


def test_a_status_that_debtors_go_back_to_is_merged_and_not_deleted(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        with writing():
            db.session.add(Status(id=9, label="Gold", services="active", accounted=True, position=9))
        debtor = subscriber(status_id=9)
        run_until(dt.date(2026, 12, 1))
        run_until(dt.date(2026, 12, 16))
    sign_in(client)
    refused = client.post("/statuses/delete/", data={"id": "9"}, follow_redirects=True).text
    assert "1 customer gets Gold back once the debt is paid." in refused
    with app.app_context():
        with pytest.raises(IntegrityError), writing() as connection:
            connection.execute(delete(Status).where(Status.id == 9))
        merge_or_enqueue(9, ACTIVE, SYSTEM)
        pay(debtor)
        assert status_of(debtor) == ACTIVE


@pytest.mark.parametrize("target", [BLOCKED, INACTIVE])
def test_a_status_of_automatic_moves_never_lets_services_run(app: Flask, client: FlaskClient, target: int) -> None:
    sign_in(client)
    sent = form_with(client.get(f"/statuses/edit/?id={target}").text, "label")
    page = client.post(f"/statuses/edit/?id={target}", data=sent | {"services": "active"}).text
    assert "their services would run on" in page
    client.post(f"/statuses/edit/?id={target}", data=sent | {"services": "stopped", "label": "Off"})
    with app.app_context():
        assert db.session.get_one(Status, target).services == "stopped"
        assert merge_or_enqueue(target, 2, SYSTEM) is None
        config = db.session.get_one(BillingConfig, 1)
        assert [config.blocked_status_id, config.inactive_status_id][target - BLOCKED] is None


def test_a_status_that_gets_another_effect_has_every_account_looked_at(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer("Ann")
        with writing() as connection:
            connection.execute(update(Account).values(look_on=dt.date(2030, 1, 1)))
    sign_in(client)
    sent = form_with(client.get("/statuses/edit/?id=2").text, "label")
    client.post("/statuses/edit/?id=2", data=sent | {"description": "Served"})
    with app.app_context():
        assert db.session.scalars(select(Account.look_on)).all() == [dt.date(2030, 1, 1)]
    del sent["accounted"]
    client.post("/statuses/edit/?id=2", data=sent)
    with app.app_context():
        assert db.session.scalars(select(Account.look_on)).all() == [dt.date.min]
