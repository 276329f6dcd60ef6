"""Additional fields over their lives: defined with a preview, ordered, renamed, changed, retired and restored."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.database import writing
from panel.extensions import db
from panel.fields_work import listing
from panel.fields_work.listing import fields_in_use
from panel.models import AdditionalField, UniqueValue
from panel.models.columns import now
from tests.builders import additional_field, customer
from tests.panel.pages import add_user, sign_in

SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
FIELD = {"label": "Code", "key": "code", "type": "string", "category": "all", "add": "y", "position": "0"}


# The preview


def preview(client: FlaskClient, **typed: Any) -> Any:
    answer = client.post("/fields/preview/", data=FIELD | typed)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


@SQLITE
@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ({}, ['name="sample"', ">Code</label>"]),
        ({"required": "y"}, ["form-label required"]),
        ({"label": "<b>"}, ["&lt;b&gt;"]),
        ({"default": "A1"}, ['value="A1"']),
        ({"type": "text"}, ["<textarea"]),
        ({"type": "select", "options": "Fibre\nRadio", "default": "Radio"}, ['value="Radio" selected']),
        ({"type": "relation", "target": "location"}, ['<option value="Main"']),
        ({"type": "phone"}, ['id="sample-hint">', "+420"]),
        ({"type": "integer", "default": "many"}, ["is no whole number"]),
        ({"type": "integer", "min": "wrong", "max": "nan"}, ['name="sample"']),
        ({"read_only": "y"}, ["For reading only.", 'disabled="True"']),
        ({}, ["It is seen in the add window, on the edit page, in workbooks."]),
        ({"add": "", "show_in_list": "y", "searchable": "y"}, ["on the edit page, in the list, by the search, in"]),
        ({"type": "password", "show_in_list": "y"}, ["It is seen in the add window, on the edit page."]),
        ({"hidden": "y"}, ["seen nowhere but in history"]),
        ({"category": "company"}, ["Only customers of the category Company have it."]),
    ],
)
def test_a_field_is_shown_as_it_will_look_while_it_is_defined(
    app: Flask, client: FlaskClient, typed: dict[str, str], seen: list[str]
) -> None:
    html = preview(sign_in(client), **typed)["html"]
    for words in seen:
        assert words in html


@SQLITE
@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"sample": "A1", "max": "1"}, "has 2 characters"),
        ({"sample": "", "required": "y"}, "Code is required."),
        ({"sample": "x", "type": "integer"}, "is no whole number"),
        ({"sample": "1", "type": "integer"}, ""),
    ],
)
def test_a_sample_is_judged_as_a_customers_value_would_be(
    app: Flask, client: FlaskClient, typed: dict[str, str], problem: str
) -> None:
    problems = preview(sign_in(client), **typed)["problems"]
    assert problem in " ".join(problems)
    assert bool(problems) == bool(problem)


@SQLITE
def test_a_preview_writes_nothing_and_is_for_those_who_configure(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), writing():
        db.session.add(AdditionalField(key="code", label="Code"))
    preview(sign_in(client))
    assert client.post("/fields/preview/?id=1", data={"label": "Other"}).status_code == 200
    assert client.post("/fields/preview/", data=FIELD | {"type": "secret"}).status_code == 400
    with app.app_context():
        assert [one.label for one in db.session.query(AdditionalField)] == ["Code"]
        add_user("eva@example.com", "manager")
    client.get("/sign-out/")
    eva = sign_in(app.test_client(), "eva@example.com", "four words and a comma")
    assert eva.post("/fields/preview/", data=FIELD).status_code == 403


# The list: order, use, retiring


def order() -> list[str]:
    return [one.key for one in fields_in_use()]


def three(app: Flask) -> None:
    with app.app_context():
        for place, key in enumerate(("a", "b", "c")):
            additional_field(key, position=place)


@pytest.mark.parametrize("data", [{"ids": "3,1,2"}, {"ids": "3,1"}, {"ids": "3,3,1,99,x"}])
def test_the_order_that_was_dragged_is_the_order_of_forms(
    app: Flask, client: FlaskClient, data: dict[str, str]
) -> None:
    three(app)
    assert sign_in(client).post("/fields/order/", data=data).status_code == 204
    with app.app_context():
        assert order() == ["c", "a", "b"]
    page = client.get("/customers/new/").text
    assert page.index('name="c"') < page.index('name="a"') < page.index('name="b"')


@SQLITE
def test_a_field_moves_by_its_buttons_and_a_new_one_is_the_last(app: Flask, client: FlaskClient) -> None:
    three(app)
    sign_in(client)
    for field_id, to in ((3, "up"), (1, "up"), (2, "down")):
        assert client.post("/fields/move/", data={"id": field_id, "to": to}).status_code == 302
    client.post("/fields/new/", data=FIELD)
    with app.app_context():
        assert order() == ["a", "c", "b", "code"]


@SQLITE
@pytest.mark.parametrize("address", ["/fields/order/", "/fields/move/", "/fields/restore/"])
def test_only_those_who_configure_order_and_restore(app: Flask, client: FlaskClient, address: str) -> None:
    three(app)
    with app.app_context():
        add_user("eva@example.com", "manager")
    sign_in(client, "eva@example.com", "four words and a comma")
    assert client.post(address, data={"ids": "3,2,1", "id": 3, "to": "up"}).status_code == 403
    with app.app_context():
        assert order() == ["a", "b", "c"]


def test_the_list_says_for_how_many_a_field_is_filled_in_and_leads_to_them(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    three(app)
    with app.app_context():
        additional_field("sets", "multi_select", options=[["x", "X"]])
        customer("Ann", extra={"a": "1", "b": "", "sets": []})
        customer("Bob", extra={"a": "2", "sets": ["x"]})
        customer("Gone", extra={"a": "3"}, deleted_at=now())
    page = sign_in(client).get("/fields/").text
    assert page.count("2 of 2<") == 1
    assert page.count("1 of 2<") == 1
    assert page.count("0 of 2<") == 2
    listed = client.get("/customers/?flt_a_empty=No").text
    assert 'href="/customers/?flt_a_empty=No"' in page
    assert ">Ann</a>" in listed
    assert ">Bob</a>" in listed
    monkeypatch.setattr(listing, "COUNTED", 1)
    assert "of 2<" not in client.get("/fields/").text
    assert "2 of 2<" in client.get("/fields/?counted=1").text


def test_a_restored_field_has_its_values_back_and_claims_them_anew(app: Flask, client: FlaskClient) -> None:
    sign_in(client).post("/fields/new/", data=FIELD | {"is_unique": "y"})
    with app.app_context():
        ann, bob = customer("Ann", extra={"code": "A1"}), customer("Bob", extra={"code": "B2"})
    held = select(UniqueValue.value, UniqueValue.record_id).where(UniqueValue.field == "code")
    client.post("/fields/delete/", data={"id": 1})
    with app.app_context():
        assert order() == []
        assert db.session.execute(held).all() == []
    client.post("/fields/restore/", data={"id": 1})
    assert "Code was restored." in client.get("/fields/").text
    with app.app_context():
        assert {(value, owner) for value, owner in db.session.execute(held)} == {("a1", ann), ("b2", bob)}
    assert "A1" in client.get(f"/customers/details/?id={ann}").text


def test_a_field_stays_retired_while_it_is_unique_and_its_values_are_not(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        additional_field("code")
        customer("Ann", extra={"code": "A1"})
        customer("Bob", extra={"code": "a1"})
        with writing():
            one = db.session.query(AdditionalField).one()
            one.retired = one.is_unique = True
    sign_in(client).post("/fields/restore/", data={"id": 1})
    page = client.get("/fields/").text
    assert "It stays retired. This cannot be unique yet" in page
    with app.app_context():
        assert order() == []


@SQLITE
def test_there_are_at_most_as_many_fields_as_the_setting_says(app: Flask, client: FlaskClient) -> None:
    three(app)
    app.config["ROLLBOOK_FIELDS"] = 3
    answer = sign_in(client).post("/fields/new/", data=FIELD)
    assert "There may be 3 additional fields." in answer.text
    client.post("/fields/delete/", data={"id": 3})
    assert client.post("/fields/new/", data=FIELD).status_code == 302
    client.post("/fields/restore/", data={"id": 3})
    assert "It stays retired. There may be 3" in client.get("/fields/").text
    with app.app_context():
        assert order() == ["a", "b", "code"]
