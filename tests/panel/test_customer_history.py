"""A customer's page: each value with its origin, each revision as a line, and a value restored from one."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.authors import Author
from panel.changelog import Write, write_in_bulk
from panel.database import writing
from panel.extensions import db
from panel.forms.showing import ago
from panel.models import Customer, Import, Revision, Role
from panel.models.columns import now
from panel.schema import current_schema
from panel.views.history import LINES
from tests.builders import additional_field, customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, sign_in
from tests.panel.test_views_imports import add_row, exported, uploaded, write


def words_of(html: str) -> str:
    """Return what a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", "", html).split()).replace(" ,", ",")


def details(client: FlaskClient, record_id: int, query: str = "") -> str:
    return client.get(f"/customers/details/?id={record_id}{query}").text


def history(client: FlaskClient, record_id: int, query: str = "") -> str:
    return words_of(details(client, record_id, query).partition('<ol class="history">')[2])


def put_back(client: FlaskClient, record_id: int, number: int, key: str, revision: int) -> Any:
    sent = {"id": record_id, "number": number, "field": key, "_revision": revision}
    return client.post("/customers/put-back/", data=sent)


def values_of(record_id: int) -> tuple[Any, ...]:
    one = db.session.get_one(Customer, record_id, populate_existing=True)
    return one.city, one.emails, one.extra, one.revision


def from_workbook(record_id: int, number: int, key: str, pair: tuple[Any, Any], cell: str) -> None:
    """Write one change as an import of "March.xlsx" that Eva uploaded and Admin approved."""
    with writing() as connection:
        source = Import(entity="customer", by="Eva", through="panel", file_name="March.xlsx", sha256="")
        source.state, source.applied_by = "applied", "Admin"
        db.session.add(source)
        db.session.flush()
        write = Write(record_id, number, {key: pair}, {key: cell})
        author = Author("Eva", "import", import_id=source.id)
        keyring: Any = None  # no secret is written
        write_in_bulk(connection, current_schema(connection), keyring, [write], author)


def test_a_change_is_a_sentence_that_says_who_what_when_and_from_which_cell(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(city="Praha")
        from_workbook(record_id, 2, "city", ("Praha", "Brno"), "Customers!F14")
    page = sign_in(client).get(f"/customers/details/?id={record_id}").text
    time = re.search(r'<time title="[-0-9]{10} [0-9:]{5}">today ([0-9:]{5})</time>', page)
    assert time is not None
    sentence = f"Eva changed City from Praha to Brno · today {time[1]} · March.xlsx, Customers!F14, approved by Admin"
    assert sentence in history(client, record_id)
    assert f"Set by Eva · today {time[1]} · March.xlsx, Customers!F14, approved by Admin" in words_of(page)
    assert 'href="/imports/1/"' in page


def test_an_import_that_the_user_may_not_open_is_named_without_a_link(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        add_user("eva@example.com", "staff")
        record_id = customer(city="Praha")
        from_workbook(record_id, 2, "city", ("Praha", "Brno"), "Customers!F14")
    page = details(sign_in(client, "eva@example.com", STAFF_PASSWORD), record_id)
    assert "March.xlsx" in page
    assert "/imports/1/" not in page


def test_a_revision_of_several_fields_lists_each_and_a_blank_is_said(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(city="Praha", street="Old 1")
        edit(record_id, city=None, street="New 2", zip_code="100")
    words = history(sign_in(client), record_id)
    assert "system changed 3 fields" in words
    for change in ("City from Praha to blank", "Street from Old 1 to New 2", "ZIP code to 100"):
        assert change in words


def test_history_is_narrowed_to_a_field_and_to_a_person(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        additional_field("router")
        record_id = customer(city="Praha")
        edit(record_id, city="Brno")
        edit(record_id, street="New 2", extra={"router": "R7"})
        from_workbook(record_id, 4, "city", ("Brno", "Zlin"), "F2")
    sign_in(client)
    of_city = history(client, record_id, "&field=city")
    assert "Brno to Zlin" in of_city
    assert "Praha to Brno" in of_city
    assert "New 2" not in of_city
    assert "R7" in history(client, record_id, "&field=router")
    assert "Praha to Brno" not in history(client, record_id, "&field=router")
    by_eva = history(client, record_id, "&by=Eva")
    assert "Brno to Zlin" in by_eva
    assert "Praha to Brno" not in by_eva
    assert "New 2" in history(client, record_id, "&field=no'such\"field")


def test_a_long_history_goes_on_where_the_page_ends(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(city="0")
        for number in range(LINES + 2):
            edit(record_id, city=str(number + 1))
    page = details(sign_in(client), record_id)
    older = re.search(r'href="([^"]+before=[^"]+)"', page)
    assert older is not None
    assert "added this customer" not in words_of(page)
    rest = words_of(client.get(older[1].replace("&amp;", "&").partition("#")[0]).text)
    assert "City from 1 to 2" in rest
    assert "added this customer" in rest
    assert "City from 3 to 4" not in rest


@pytest.mark.parametrize(("days", "words"), [(0, "today"), (1, "yesterday"), (2, "20")])
def test_what_was_lately_is_named_by_its_day(app: Flask, days: int, words: str) -> None:
    with app.test_request_context():
        assert ago(now() - dt.timedelta(days=days)).startswith(words)


# Restoring


def test_a_value_is_restored_from_a_line_as_an_edit_of_its_own(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        additional_field("tags", "multi_select", options=[["a", "A, B"], ["c", "C"]])
        additional_field("when", "datetime")
        extra = {"tags": ["a", "c"], "when": "2024-02-03T04:05:06"}
        record_id = customer(city="Praha", emails=["a@example.com", "b@example.com"], extra=extra)
        edit(record_id, city="Brno", emails=["c@example.com"], extra={"tags": ["c"], "when": None})
    sign_in(client)
    for revision, key in enumerate(("city", "emails", "tags", "when"), 2):
        assert put_back(client, record_id, 2, key, revision).location == f"/customers/details/?id={record_id}"
    with app.app_context():
        assert values_of(record_id) == ("Praha", ["a@example.com", "b@example.com"], extra, 6)
        last = db.session.scalars(select(Revision).order_by(Revision.number.desc())).first()
        assert last is not None
        assert (last.by, last.through) == ("Admin", "panel")


def test_restoring_a_value_that_changed_again_since_the_page_was_opened_is_asked_about(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        record_id = customer(city="Praha")
        edit(record_id, city="Brno")
        edit(record_id, city="Zlin")
    page = put_back(sign_in(client), record_id, 2, "city", 2).text
    assert "In the panel now" in page
    assert form_with(page, "full_name")["city"] == ["Praha"]
    with app.app_context():
        assert values_of(record_id)[0] == "Zlin"


def test_a_value_that_is_no_longer_allowed_is_shown_in_the_form_and_not_written(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        additional_field("code", max=3)
        record_id = customer(extra={"code": "far too long"})
        edit(record_id, extra={"code": "abc"})
    page = put_back(sign_in(client), record_id, 2, "code", 2).text
    assert "Write at most 3" in page
    assert 'action="/customers/edit/?id=' in page
    with app.app_context():
        assert values_of(record_id)[2] == {"code": "abc"}


@pytest.mark.parametrize(
    ("number", "key"), [(2, "password"), (2, "locked"), (2, "nothing"), (2, "deleted"), (9, "city")]
)
def test_what_cannot_be_restored_says_so(app: Flask, client: FlaskClient, number: int, key: str) -> None:
    with app.app_context():
        additional_field("locked", read_only=True)
        record_id = customer(city="Praha", extra={"locked": "x"})
        one = db.session.get_one(Customer, record_id)
        one.set_password("something new")
        one.extra = {"locked": "y"}
        db.session.commit()
    page = details(sign_in(client), record_id)
    assert "cannot be restored" in page
    assert 'name="field" value="locked"' not in page
    put_back(client, record_id, number, key, 2)
    assert "cannot be put back" in client.get("/").text
    with app.app_context():
        assert values_of(record_id)[3] == 2


def test_who_may_only_look_restores_nothing(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        add_user("eva@example.com", "staff")
        record_id = customer(city="Praha")
        edit(record_id, city="Brno")
        staff = db.session.scalars(select(Role).where(Role.name == "staff")).one()
        staff.permissions = ["customer.list", "customer.view"]
        db.session.commit()
    sign_in(client, "eva@example.com", STAFF_PASSWORD)
    assert "put-back" not in details(client, record_id)
    assert put_back(client, record_id, 2, "city", 2).status_code == 403


# The page


def test_contacts_and_places_are_links_and_nothing_is_asked_of_another_host(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(emails=["a+b@example.com"], phones=["+420 603 123 456"], geo="49.5, 17.2")
    page = details(sign_in(client), record_id)
    for link in ('href="mailto:a%2Bb@example.com"', 'href="tel:+420603123456"', 'href="geo:49.5,17.2"'):
        assert link in page
    assert "data-map-here" not in page


def test_fields_of_another_category_are_on_no_page(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        additional_field("vat", category="company")
        person, company = customer(passport="P1"), customer(category="company", passport="P2")
    sign_in(client)
    assert ("<dt>Vat</dt>" in details(client, person), "<dt>Vat</dt>" in details(client, company)) == (False, True)
    of_company = details(client, company)
    assert ("<dt>Passport</dt>" in details(client, person), "<dt>Passport</dt>" in of_company) == (True, False)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_cell_leads_to_its_line_in_the_import(app: Flask, client: FlaskClient) -> None:
    def where_links_lead(record_id: int) -> set[tuple[str, ...]]:
        shown = (
            client.get(unescape(link)).text
            for link in re.findall(r'"(/imports/1/\?q=[^"]+)"', details(client, record_id))
        )
        groups = ((page, re.findall(r'group=(\w+)"\s+aria-current="true"', page)) for page in shown)
        return {(*group, *re.findall(r'data-head="Cell">(\w+)<', page)) for page, group in groups}

    with app.app_context():
        customer("Ann", city="Praha", street="Long 1", zip_code="60200")
    book = exported(sign_in(client))
    letters = {cell.value: cell.column_letter for cell in book["Customers"][1]}
    for key, value in (("city", "Brno"), ("street", "Short 1"), ("zip_code", None)):
        write(book, 1, key, value)
    add_row(book, full_name="New One", city="Cheb")
    row = book["Customers"].max_row
    address = uploaded(client, book)
    client.post(f"{address}apply/")
    cells = {
        ("change", f"{letters['city']}3"),
        ("change", f"{letters['street']}3"),
        ("clear", f"{letters['zip_code']}3"),
    }
    assert where_links_lead(1) == cells
    assert where_links_lead(2) == {("new", str(row))}
