"""How dates and numbers are written: as the user's locale does, or as ISO 8601 where nobody chose one."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_login import login_user
from sqlalchemy import select

from panel.extensions import db
from panel.forms.registry import in_words
from panel.models import User
from panel.words import chosen_locale, count_in_words, first_weekday, locale_of_words, moment_in_words
from sync.fields import Field
from tests.builders import customer
from tests.panel.pages import sign_in

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
DAY = dt.date(2026, 3, 1)


@pytest.mark.parametrize(
    ("accepted", "day", "moment", "money", "count", "first"),
    [
        ("", "2026-03-01", "2026-03-01 14:05", "1204.50", "1,204", 0),
        ("en-GB,en;q=0.8", "1 Mar 2026", "1 Mar 2026, 14:05", "1,204.50", "1,204", 0),
        ("en-US", "Mar 1, 2026", "Mar 1, 2026, 2:05\u202fPM", "1,204.50", "1,204", 6),
        ("cs", "1. 3. 2026", "1. 3. 2026, 14:05", "1\xa0204,50", "1\xa0204", 0),
        ("de-DE", "01.03.2026", "01.03.2026, 14:05", "1.204,50", "1.204", 0),
        ("nonsense, cs;q=0.5", "1. 3. 2026", "1. 3. 2026, 14:05", "1\xa0204,50", "1\xa0204", 0),
    ],
)
def test_dates_and_numbers_are_written_as_the_browser_asks(
    app: Flask, accepted: str, day: str, moment: str, money: str, count: str, first: int
) -> None:
    with app.test_request_context(headers={"Accept-Language": accepted} if accepted else {}):
        assert in_words(DAY, Field("day", "Day", "date")) == day
        assert moment_in_words(dt.datetime(2026, 3, 1, 14, 5)) == moment  # noqa: DTZ001 - a moment of the provider's
        assert in_words(Decimal("1204.5"), Field("fee", "Fee", "money", scale=2)) == money
        assert in_words(2026, Field("year", "Year", "integer")) == "2026"
        assert count_in_words(1204) == count
        assert first_weekday() == first


def test_the_locale_of_the_account_comes_before_the_browsers(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "en-US"}):
        user = db.session.scalars(select(User)).one()
        user.locale = "cs"
        login_user(user)
        assert str(chosen_locale()) == "cs"
        assert locale_of_words() == "en"  # there is no catalogue of Czech words


def test_a_list_shows_dates_in_the_users_way_and_forms_take_them_in_one(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer(date_of_birth=DAY)
    sign_in(client)
    german = {"Accept-Language": "de"}
    assert "01.03.2026" in client.get("/customers/details/?id=1", headers=german).text
    assert 'value="2026-03-01"' in client.get("/customers/edit/?id=1", headers=german).text
