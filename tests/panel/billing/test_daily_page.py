"""The page of the daily run: what it says, who may have it done, and what comes of payments."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.billing.run import run_until
from panel.database import writing
from panel.extensions import db
from panel.jobs import run_pending
from panel.models import Charge, Customer, Job, LifecycleDay, Partner
from panel.words import today
from tests.builders import customer
from tests.panel.billing.made import plan, service
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in

ACTIVE, BLOCKED = 2, 3
DAY = dt.date
PAGES = ("panel.views.daily", "panel.views.customer_billing", "panel.billing.settling", "panel.views.payments")


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> object:
    """Return what sets the day that it is."""

    def set_day(day: dt.date) -> None:
        for module in PAGES:
            monkeypatch.setattr(f"{module}.today", lambda: day)

    return set_day


def owing(app: Flask) -> int:
    """Add a customer who was charged in December 2030 and has not paid; the days up to the 2nd were run."""
    with app.app_context():
        ann = customer("Ann Novak", status_id=ACTIVE)
        service(ann, plan(), starts=DAY(2030, 11, 15))
        run_until(DAY(2030, 11, 30))
        run_until(DAY(2030, 12, 2))
        return ann


def test_the_page_says_what_was_done_and_who_will_be_blocked_when(app: Flask, client: FlaskClient, on: object) -> None:
    assert "There was none yet." in sign_in(client).get("/daily/").text
    ann = owing(app)
    on(DAY(2030, 12, 3))  # type: ignore[operator]  # a function of the fixture
    page = client.get("/daily/").text
    assert "2030-12-02" in page
    assert "1 charge of 20.00 EUR" in page
    assert "1 customer will be blocked" in page
    assert "2030-12-16" in page
    listed = client.get("/daily/customers/?day=2030-12-16&kind=block").text
    assert f"/customers/billing/?id={ann}" in listed
    assert "Ann Novak" in listed
    assert "Nobody any more" in client.get("/daily/customers/?day=2030-12-17&kind=block").text
    assert client.get("/daily/customers/?day=2030-12-17&kind=charge").status_code == 404
    tab = client.get(f"/customers/billing/?id={ann}").text
    assert "Will be blocked on 2030-12-16 unless 20.00 EUR are paid." in tab


def test_who_pays_what_is_owed_is_active_again_at_once_and_the_page_says_so(
    app: Flask, client: FlaskClient, on: object
) -> None:
    ann = owing(app)
    with app.app_context():
        run_until(DAY(2030, 12, 16))
        assert db.session.get_one(Customer, ann).status_id == BLOCKED
    on(DAY(2030, 12, 17))  # type: ignore[operator]  # a function of the fixture
    sign_in(client)
    paid = {"amount": "5", "day": "2030-12-17", "method": "Cash"}
    assert "Active again" not in client.post(f"/payments/new/?customer={ann}", data=paid, follow_redirects=True).text
    paid["amount"] = "15"
    answer = client.post(f"/payments/new/?customer={ann}", data=paid, follow_redirects=True).text
    assert "A payment of 15.00 EUR was recorded. Ann Novak is Active again." in answer
    with app.app_context():
        assert db.session.get_one(Customer, ann).status_id == ACTIVE


def test_the_run_and_its_preview_are_jobs(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        ann = customer("Ann Novak", status_id=ACTIVE)
        service(ann, plan(), starts=today())
        last = today() + dt.timedelta(40)
    sign_in(client)
    preview = client.post("/daily/preview/", data={"day": last.isoformat()}).location
    with app.app_context():
        run_pending()
    assert "nothing was done" in client.get(preview).text
    with app.app_context():
        assert db.session.scalars(select(LifecycleDay.day)).all() == []
        assert "charge" in str(db.session.scalars(select(Job.result)).one())
    client.post("/daily/run/")
    with app.app_context():
        run_pending()
        assert db.session.scalars(select(LifecycleDay.day)).all() == [today()]
        assert {one.state for one in db.session.scalars(select(Job))} == {"done"}
        assert len(db.session.scalars(select(Charge)).all()) <= 1


@pytest.mark.parametrize("day", ["", "x", "2020-01-01", "9999-12-31"])
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_preview_is_of_a_day_within_a_year(app: Flask, client: FlaskClient, day: str) -> None:
    answer = sign_in(client).post("/daily/preview/", data={"day": day}, follow_redirects=True)
    assert "Choose a day from today on" in answer.text


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_who_may_not_run_the_day_sees_their_own_customers_and_no_button(
    app: Flask, client: FlaskClient, on: object
) -> None:
    owing(app)
    on(DAY(2030, 12, 3))  # type: ignore[operator]  # a function of the fixture
    with app.app_context():
        with writing():
            db.session.add(Partner(id=2, name="South"))
        add_user("eva@example.com", "staff")
        add_user("south@example.com", "admin", 2)
        day = DAY(2030, 12, 10).isoformat()
    for email, sees in (("eva@example.com", True), ("south@example.com", False)):
        browser = sign_in(app.test_client(), email, STAFF_PASSWORD)
        page = browser.get("/daily/").text
        assert "Run now" not in page
        assert ("1 customer will be blocked" in page) == sees
        assert ("Ann Novak" in browser.get("/daily/customers/?day=2030-12-16&kind=block").text) == sees
        assert browser.post("/daily/run/").status_code == 403
        assert browser.post("/daily/preview/", data={"day": day}).status_code == 403
    with app.app_context():
        assert db.session.scalars(select(Job.id)).all() == []
