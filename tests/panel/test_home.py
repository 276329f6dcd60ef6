"""The first page: what it counts, and that each number leads to exactly what it counts."""

from __future__ import annotations

import datetime as dt
import html
import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from panel.database import writing
from panel.extensions import db
from panel.forms.boxes import Box, parse_box
from panel.models import Partner
from panel.words import today
from tests.builders import customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in
from tests.panel.plans import plans


def bars(page: str) -> dict[str, list[object]]:
    """Return the chart of new customers as the page's script gets it."""
    found = re.search(r'data-bars="([^"]*)"', page)
    assert found
    return json.loads(html.unescape(found.group(1)))


def names(page: str) -> set[str]:
    """Return the full names that a list shows."""
    return set(re.findall(r">\s*(Ann|Bob|Eva|Jan)\s*<", page))


def test_each_week_counts_the_customers_who_were_added_in_it_and_leads_to_them(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        day = today()
        customer(full_name="Ann", date_added=day)
        customer(full_name="Bob", date_added=day - dt.timedelta(weeks=3))
        customer(full_name="Eva", date_added=day - dt.timedelta(weeks=3))
        customer(full_name="Jan", date_added=day - dt.timedelta(weeks=60))
    chart = bars(sign_in(client).get("/").text)
    assert [number for number in chart["values"] if number] == [2, 1]
    assert chart["values"][-1] == 1
    assert names(client.get(str(chart["urls"][-4])).text) == {"Bob", "Eva"}


def test_each_square_of_the_map_leads_to_the_customers_in_it(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        for name, geo in (("Ann", "49.19, 16.6"), ("Bob", "49.195, 16.61"), ("Eva", "-33.81, -151.01"), ("Jan", None)):
            customer(full_name=name, geo=geo)
    cells = sign_in(client).get("/places.json").get_json()["cells"]
    assert sorted(cell["customers"] for cell in cells) == [1, 2]
    found = [names(client.get(cell["url"]).text) for cell in sorted(cells, key=lambda cell: cell["customers"])]
    assert found == [{"Eva"}, {"Ann", "Bob"}]


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,x", "2,0,1,1", "0,0,91,1", "nan,0,1,1", "0,0,1,181"])
def test_what_is_no_part_of_the_map_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"convert|unpack|^[\d,.nan]*$"):
        parse_box(text)


def test_a_part_of_the_map_is_four_numbers() -> None:
    assert parse_box("49.1,16.5,49.2,16.6") == Box(49.1, 16.5, 49.2, 16.6)


def test_recent_changes_say_who_did_what_to_whom(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        edit(customer(full_name="Ann"), city="Brno")
    page = " ".join(sign_in(client).get("/").text.split())
    assert re.search(r"changed City of <a [^>]*>Ann</a>", page)
    assert re.search(r"added <a [^>]*>Ann</a>", page)


def test_recent_changes_are_found_by_an_index_of_those_that_people_make_one_by_one(
    app: Flask, client: FlaskClient
) -> None:
    sign_in(client)
    with app.app_context():
        with plans(db.session.connection()) as found:
            assert client.get("/").status_code == 200
        assert any(re.search("ix_revision_alone", plan) and not re.search("TEMP B-TREE|Sort", plan) for plan in found)


def test_the_first_page_tells_a_partners_user_of_nobody_elses_customers(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer(full_name="Ann", geo="49.19, 16.6", date_added=today())
        add_user("eva@example.com", "admin", partner_id=_other_partner())
    page = sign_in(client, "eva@example.com", STAFF_PASSWORD).get("/").text
    assert "Ann" not in page
    assert "data-bars" not in page
    assert client.get("/places.json").get_json()["cells"] == []


def _other_partner() -> int:
    with writing():
        other = Partner(name="Other")
        db.session.add(other)
        db.session.flush()
        return other.id
