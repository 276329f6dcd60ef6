"""Days and amounts at the ends of what can be written: "for ever" is often written as the last day that there is."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient

from panel.billing.forecast import forecast, next_move
from panel.billing.foreseeing import foresee
from panel.billing.run import run_until
from panel.database import reading
from tests.builders import customer
from tests.panel.billing.books import ACTIVE, INACTIVE, account, pay, service, status_of
from tests.panel.pages import sign_in

FIRST, LAST, MOST = dt.date.min.isoformat(), dt.date.max.isoformat(), "999999999.99"
DAYS = [dt.date(2030, 12, 1), dt.date(2030, 12, 2), dt.date(2030, 12, 20), dt.date(2031, 1, 15)]


@pytest.mark.parametrize("billing_type", ["prepaid", "recurring"])
def test_the_daily_run_copes_with_services_for_ever_and_the_largest_amounts(app: Flask, billing_type: str) -> None:
    with app.app_context():
        ann = customer(status_id=ACTIVE, billing_type=billing_type)
        service(ann, 20, FIRST, LAST)
        service(ann, 20, LAST)
        for on, amount in ((FIRST, MOST), (LAST, f"-{MOST}")):
            pay(ann, amount, on)
        for day in DAYS:
            run_until(day)
        with reading() as connection:
            assert forecast(connection, DAYS[-1]) == []
            assert next_move(connection, ann, DAYS[-1]) is None
        foresee(dt.date(2031, 6, 1))
        assert status_of(ann) == INACTIVE
        assert account(ann).balance == Decimal(0 if billing_type == "prepaid" else -20)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("day", [FIRST, LAST, "10000-01-01", "2030-02-30", "x", "\u0663", ""])
def test_pages_and_forms_cope_with_any_day(app: Flask, client: FlaskClient, day: str) -> None:
    with app.app_context():
        ann = customer("Ann Novak", status_id=ACTIVE)
        service(ann, 20, FIRST, LAST)
        pay(ann, 5)
    sign_in(client)
    written = {
        "plan": "Home",
        "starts": day,
        "ends": day,
        "amount": "1",
        "day": day,
        "id": "1",
        "since": day,
        "until": day,
    }
    for address in (f"/services/new/?customer={ann}", f"/payments/new/?customer={ann}", "/services/edit/?id=1"):
        assert client.post(address, data=written).status_code in {200, 302}
    for address in ("/services/end/", "/daily/preview/", "/customers/statement/"):
        assert client.post(address, data=written).status_code in {200, 302}
    for address in ("services/?on=", "billing/?since=", "billing/?until="):
        assert client.get(f"/customers/{address}{day}&id={ann}").status_code == 200
    assert client.get("/daily/").status_code == 200
