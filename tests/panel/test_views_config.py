"""Config: statuses, partners, locations, the generator and additional fields."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.extensions import db
from panel.models import AdditionalField, Customer, GeneratorConfig, Location, Partner, Status, UniqueValue
from sync.types import FIELD_TYPES
from tests.builders import additional_field, customer
from tests.panel.pages import add_user, form_with, sign_in

ADDITIONAL_TYPES = sorted(key for key, one in FIELD_TYPES.items() if one.additional)
EXAMPLE = {
    "string": "text",
    "text": "two\r\nlines",
    "integer": "1234",
    "decimal": "1234.5",
    "money": "29.9",
    "date": "2024-12-31",
    "datetime": "2024-12-31T14:30:05",
    "boolean": "No",
    "select": "Beta, or 2",
    "multi_select": ["", "Alpha", "Beta, or 2"],
    "email": "anna@example.com",
    "phone": "+420 603 123 456",
    "url": "https://example.com/a",
    "ip": "192.0.2.10",
    "mac": "00:1a:2b:3c:4d:5e",
    "password": "four words and a comma",
    "relation": "Main",
    "multi_relation": ["", "1"],
}
STATUS = {"label": "Paused", "services": "suspended", "colour": "#112233"}
FIELD = {"label": "Code", "key": "code", "type": "string", "category": "all", "add": "y", "position": "0"}


def one_field(key: str = "code") -> AdditionalField:
    query = select(AdditionalField).where(AdditionalField.key == key)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def edited(client: FlaskClient, address: str, name: str, **typed: Any) -> Any:
    form = form_with(client.get(address).text, name)
    return client.post(address, data={key: value for key, value in (form | typed).items() if value is not None})


def defaults() -> list[str]:
    return [one.label for one in db.session.scalars(select(Status).where(Status.is_default))]


# Statuses


def test_a_status_is_added_with_its_effects(app: Flask, client: FlaskClient) -> None:
    answer = sign_in(client).post("/statuses/new/", data=STATUS | {"accounted": "y"})
    assert answer.status_code == 302
    with app.app_context():
        one = db.session.scalars(select(Status).where(Status.label == "Paused")).one()
        assert (one.services, one.accounted, one.deletable, one.is_default) == ("suspended", True, False, False)


def test_there_is_always_exactly_one_default(app: Flask, client: FlaskClient) -> None:
    sign_in(client).post("/statuses/new/", data=STATUS | {"is_default": "y"})
    with app.app_context():
        assert defaults() == ["Paused"]
        paused = db.session.scalars(select(Status.id).where(Status.is_default)).one()
    page = client.post(f"/statuses/edit/?id={paused}", data=STATUS).text
    assert "One status has to be the default." in page
    client.post("/statuses/delete/", data={"id": paused})
    assert "Make another one the default first." in client.get("/").text
    with app.app_context():
        assert defaults() == ["Paused"]


def test_a_status_that_customers_have_is_not_deleted(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer(status_id=2)
    sign_in(client).post("/statuses/new/", data=STATUS)
    with app.app_context():
        paused = db.session.scalars(select(Status.id).where(Status.label == "Paused")).one()
    for status_id in (2, paused):
        client.post("/statuses/delete/", data={"id": status_id})
    assert "Active is used by 1 customer, those in the bin included." in client.get("/").text
    with app.app_context():
        assert sorted(db.session.scalars(select(Status.label))) == ["Active", "Blocked", "Inactive", "New"]


@pytest.mark.parametrize("wrong", [{"label": ""}, {"services": "paused"}, {"colour": "red"}, {"label": "active"}])
def test_a_wrong_status_is_refused_beside_its_input(app: Flask, client: FlaskClient, wrong: dict[str, str]) -> None:
    answer = sign_in(client).post("/statuses/new/", data=STATUS | wrong)
    assert answer.status_code == 200
    assert "invalid-feedback" in answer.text
    with app.app_context():
        assert len(db.session.scalars(select(Status)).all()) == 4


def test_a_renamed_status_shows_everywhere_at_once(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer(status_id=2)
    edited(sign_in(client), "/statuses/edit/?id=2", "label", label="Running")
    assert "Running" in client.get("/customers/").text


# Partners and locations


@pytest.mark.parametrize(("address", "model"), [("/partners", Partner), ("/locations", Location)])
def test_one_in_use_stays_and_an_unused_one_goes(
    app: Flask, client: FlaskClient, address: str, model: type[Partner]
) -> None:
    with app.app_context():
        customer()
    sign_in(client).post(f"{address}/new/", data={"name": "  North "})
    with app.app_context():
        ids = {one.name: one.id for one in db.session.scalars(select(model))}
    assert set(ids) == {"Main", "North"}
    for record_id in ids.values():
        client.post(f"{address}/delete/", data={"id": record_id})
    assert "Main is used by 1 customer" in client.get("/").text
    with app.app_context():
        assert list(db.session.scalars(select(model.name))) == ["Main"]


def test_a_partner_that_a_user_is_bound_to_stays(app: Flask, client: FlaskClient) -> None:
    sign_in(client).post("/partners/new/", data={"name": "North"})
    with app.app_context():
        north = db.session.scalars(select(Partner.id).where(Partner.name == "North")).one()
        add_user("eva@example.com", "staff", north)
    client.post("/partners/delete/", data={"id": north})
    assert "North is used by 1 user" in client.get("/").text


def test_two_partners_do_not_have_one_name(app: Flask, client: FlaskClient) -> None:
    answer = sign_in(client).post("/partners/new/", data={"name": "Main"})
    assert "has the same name. Nothing was changed." in answer.text
    assert client.get("/partners/").status_code == 200


# Generator


def test_the_generator_saves_every_setting(app: Flask, client: FlaskClient) -> None:
    typed = {"login_pattern": "c{next|4}", "login_characters": "abc", "password_characters": "wxyz"}
    typed |= {"password_length": "12", "default_billing_type": "prepaid", "show_generate": "y"}
    assert sign_in(client).post("/generator/", data=typed).status_code == 302
    assert "It makes logins such as c0001, c0002, c0003." in client.get("/generator/").text
    with app.app_context():
        config = db.session.get_one(GeneratorConfig, 1)
        assert (config.login_change_on_add, config.login_change_on_edit, config.show_generate) == (False, False, True)
        assert (config.password_length, config.default_billing_type) == (12, "prepaid")
    assert set(client.post("/generate/password/").json["value"]) <= set("wxyz")


# Additional fields


@pytest.mark.parametrize("type_", ADDITIONAL_TYPES)
def test_a_field_of_every_type_goes_through_the_panel(app: Flask, client: FlaskClient, type_: str) -> None:
    sign_in(client)
    asked = FIELD | {"type": type_, "options": "Alpha\r\nBeta, or 2\r\n\r\n", "target": "location"}
    asked |= {} if FIELD_TYPES[type_].secret else {"show_in_list": "y"}
    assert client.post("/fields/new/", data=asked).status_code == 302
    typed = (io.BytesIO(b"one line"), "note.txt") if type_ == "file" else EXAMPLE[type_]
    answer = client.post("/customers/new/", data={"full_name": "Ann", "code": typed})
    assert answer.status_code == 302, answer.text
    with app.app_context():
        record = db.session.scalars(select(Customer)).one()
        assert record.extra["code"] not in (None, "", [])
        before = record.extra
    assert edited(client, f"/customers/edit/?id={record.id}", "full_name").status_code == 302
    with app.app_context():
        record = db.session.scalars(select(Customer)).one()
        assert (record.extra, record.revision) == (before, 1)
    narrowed = "" if FIELD_TYPES[type_].secret else "flt_code_empty=No&"
    for address in ("/customers/?sort=code", f"/customers/?{narrowed}search=Ann"):
        assert ">Ann</a>" in client.get(address).text


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"key": "Code"}, "Write a key of small letters"),
        ({"key": "1code"}, "Write a key of small letters"),
        ({"key": ""}, "Write a key of small letters"),
        ({"key": "x" * 41}, "Write a key of small letters"),
        ({"key": "full_name"}, "is a name of the panel"),
        ({"key": "id"}, "is a name of the panel"),
        ({"key": "status_id"}, "is a name of the panel"),
        ({"key": "csrf_token"}, "is a name of the panel"),
        ({"key": "old"}, "Keys are never used again."),
        ({"label": ""}, "Label is required."),
        ({"type": "secret"}, "Not a valid choice"),
        ({"type": "select"}, "Write at least one option."),
        ({"type": "select", "options": "a\nA"}, "Two options are called a, capital letters aside."),
        ({"type": "select", "options": "x" * 201}, "is too long. Write at most 200"),
        ({"type": "integer", "default": "many"}, "is no whole number"),
        ({"min": "5", "max": "4"}, "This is less than the minimum."),
        ({"type": "integer", "min": "5", "default": "4"}, "out of range"),
        ({"min": "1e999"}, "at most 14 digits"),
    ],
)
def test_a_wrong_field_is_refused_beside_its_input(
    app: Flask, client: FlaskClient, wrong: dict[str, str], sentence: str
) -> None:
    with app.app_context():
        additional_field("old", retired=True)
    answer = sign_in(client).post("/fields/new/", data=FIELD | wrong)
    assert answer.status_code == 200
    assert sentence in answer.text
    with app.app_context():
        assert list(db.session.scalars(select(AdditionalField.key))) == ["old"]


def test_key_and_type_stay_whatever_is_sent(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        additional_field("code", label="Code")
        number = one_field().id
    page = sign_in(client).get(f"/fields/edit/?id={number}").text
    assert "key" not in form_with(page, "label")
    client.post(f"/fields/edit/?id={number}", data=FIELD | {"key": "other", "type": "integer", "label": "New name"})
    with app.app_context():
        one = one_field()
        assert (one.key, one.type, one.label) == ("code", "string", "New name")


def test_a_field_becomes_unique_only_if_its_values_are(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        additional_field("code", label="Code")
        first, second = customer("Ann", extra={"code": "A1"}), customer("Bob", extra={"code": "a1"})
        number = one_field().id
    answer = edited(sign_in(client), f"/fields/edit/?id={number}", "label", is_unique="y")
    assert "several customers have the same value" in answer.text
    edited(client, f"/customers/edit/?id={second}", "full_name", code="B2")
    edited(client, f"/fields/edit/?id={number}", "label", is_unique="y")
    with app.app_context():
        assert one_field().is_unique
        held = select(UniqueValue.value, UniqueValue.record_id).where(UniqueValue.field == "code")
        assert {(value, owner) for value, owner in db.session.execute(held)} == {("a1", first), ("b2", second)}
    answer = edited(client, f"/customers/edit/?id={second}", "full_name", code="A1")
    assert "belongs to another customer" in answer.text
    edited(client, f"/fields/edit/?id={number}", "label", is_unique=None)
    assert edited(client, f"/customers/edit/?id={second}", "full_name", code="A1").status_code == 302


def test_a_default_is_in_the_add_form(client: FlaskClient) -> None:
    sign_in(client).post("/fields/new/", data=FIELD | {"type": "integer", "default": " 1 000 "})
    assert form_with(client.get("/customers/new/").text, "full_name")["code"] == ["1000"]


def test_a_field_not_placed_in_the_add_form_is_on_the_edit_page(app: Flask, client: FlaskClient) -> None:
    sign_in(client).post("/fields/new/", data={key: value for key, value in FIELD.items() if key != "add"})
    assert 'name="code"' not in client.get("/customers/new/").text
    with app.app_context():
        record_id = customer()
    assert 'name="code"' in client.get(f"/customers/edit/?id={record_id}").text
