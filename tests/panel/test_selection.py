"""Which customers a selection is: exactly those that its list shows, and never more."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from panel.authors import Author
from panel.database import writing
from panel.extensions import db
from panel.jobs import acting_as
from panel.models import Partner, User
from panel.schema import current_schema
from panel.views import selection
from panel.views.filters import BrokenFilter
from panel.views.selection import Selection
from sync.errors import SyncError
from tests.builders import customer, edit
from tests.panel.pages import add_user, sign_in


@pytest.fixture
def three(app: Flask) -> Flask:
    with app.app_context():
        customer("Ann", city="Brno", emails=["ann@x.cz"])
        customer("Bob", city="Brno")
        customer("Cyd", city="Zlin")
    return app


def chosen(form: list[tuple[str, str]], user_id: int = 1) -> list[int]:
    with acting_as(Author("", "panel", user_id)):
        return Selection.of(MultiDict(form)).freeze(current_schema(db.session.connection()))


@pytest.mark.parametrize(
    ("form", "ids"),
    [
        ([("id", "3"), ("id", "1"), ("id", "1"), ("id", "99"), ("id", "x")], [1, 3]),
        ([("query", "")], [1, 2, 3]),
        ([("query", "?flt_city_is=Brno&sort=full_name&desc=1&page=7")], [1, 2]),
        ([("query", "flt_city_is=Brno&flt1_emails_empty=Yes")], [2]),
        ([("query", "search=cyd")], [3]),
        ([("query", "flt_city_is=Brno&flt_city_contains=r&flt_full_name_is=Bob")], [2]),
    ],
)
def test_a_selection_is_what_was_ticked_or_what_the_list_shows(
    three: Flask, form: list[tuple[str, str]], ids: list[int]
) -> None:
    with three.app_context():
        assert chosen(form) == ids


@pytest.mark.parametrize(
    "query", ["flt_nothing_is=1", "flt_date_of_birth_from=soon", "flt_city_is", "fltcity=x", "flt_password_is=x"]
)
def test_a_filter_that_there_is_not_is_refused_and_never_means_everybody(
    three: Flask, client: FlaskClient, query: str
) -> None:
    with three.app_context(), pytest.raises(BrokenFilter):
        chosen([("query", query + "=" * ("=" not in query))])
    assert "Ann" not in sign_in(client).get(f"/customers/?{query}{'=' * ('=' not in query)}").text


def test_a_selection_stays_within_what_its_user_sees(three: Flask) -> None:
    with three.app_context():
        with writing():
            db.session.add(Partner(name="Other"))
        edit(2, partner_id=2)
        add_user("eva@example.com", "manager", partner_id=2)
        eva = db.session.query(User).filter_by(email="eva@example.com").one().id
        assert chosen([("query", "")], eva) == [2]
        assert chosen([("id", "1"), ("id", "2")], eva) == [2]
        with pytest.raises(SyncError, match="any more"):
            chosen([("id", "1")], eva)


def test_nothing_ticked_is_nothing_and_too_many_are_refused(three: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with three.app_context():
        with pytest.raises(SyncError, match="Tick"):
            chosen([("id", "")])
        monkeypatch.setattr(selection, "LARGEST", 2)
        with pytest.raises(SyncError, match="At most 2"):
            chosen([("query", "")])
