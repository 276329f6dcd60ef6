"""A customer's form: what is left blank, what belongs to a category, what somebody else changed meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.extensions import db
from panel.models import Customer, Revision
from tests.builders import additional_field, customer, edit
from tests.panel.pages import form_with, sign_in


def newest() -> Customer:
    return db.session.scalars(select(Customer).order_by(Customer.id.desc())).first() or pytest.fail("no customer")


def add(client: FlaskClient, **typed: Any) -> Any:
    form = form_with(client.get("/customers/new/").text, "full_name")
    return client.post("/customers/new/", data=form | {"full_name": "Ann Novak"} | typed)


def open_form(client: FlaskClient, record_id: int) -> dict[str, list[str]]:
    return form_with(client.get(f"/customers/edit/?id={record_id}").text, "full_name")


def save(client: FlaskClient, record_id: int, form: dict[str, list[str]], **typed: Any) -> Any:
    return client.post(f"/customers/edit/?id={record_id}", data=form | typed)


@pytest.mark.parametrize(
    ("typed", "extra"),
    [
        ({}, {"router": "yes"}),
        ({"router": ""}, {}),
        ({"router": "no"}, {"router": "no"}),
        ({"category": "Company"}, {"router": "yes", "vat": "CZ"}),
        ({"category": "Company", "vat": ""}, {"router": "yes"}),
    ],
)
def test_a_default_is_kept_emptied_or_replaced_and_only_given_where_its_field_belongs(
    app: Flask, client: FlaskClient, typed: dict[str, str], extra: dict[str, str]
) -> None:
    with app.app_context():
        additional_field("router", default="yes", add=True)
        additional_field("vat", default="CZ", add=True, category="company")
    assert add(sign_in(client), **typed).status_code == 302
    with app.app_context():
        assert newest().extra == extra


def test_what_the_generator_and_the_status_make_is_made_where_it_was_emptied(app: Flask, client: FlaskClient) -> None:
    add(sign_in(client), login="", password="", date_added="", category="", partner="", location="", billing_type="")
    with app.app_context():
        one = newest()
        assert one.login == f"{one.id:06d}"
        assert all((one.password, one.date_added, one.category, one.partner_id, one.location_id, one.billing_type))
        assert one.status.is_default


def test_birthday_and_passport_are_a_private_persons(app: Flask, client: FlaskClient) -> None:
    both = {"date_of_birth": "1990-01-01", "passport": "123"}
    add(sign_in(client), category="Company", **both)
    with app.app_context():
        assert (newest().date_of_birth, newest().passport) == (None, None)
    add(client, full_name="Eva Malá", category="Private person", **both)
    with app.app_context():
        assert newest().passport == "123"


# Two people


def test_what_others_changed_and_saving_kept_is_told_with_its_author(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(city="Brno", phones=["112"])
    form = open_form(sign_in(client), record_id)
    with app.app_context():
        edit(record_id, city="Olomouc", geo="49.5, 17.2")
    save(client, record_id, form, street="New 2")
    page = client.get("/customers/").text
    assert "Changed meanwhile by system, " in page
    assert "and kept: City, Geo data." in page


def test_a_password_that_was_changed_meanwhile_is_not_overwritten_unseen(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer()
    form = open_form(sign_in(client), record_id)
    with app.app_context():
        one = db.session.get_one(Customer, record_id)
        one.set_password("theirs and long")
        db.session.commit()
    shown = save(client, record_id, form, password="mine and long")
    assert "In the panel now" in shown.text
    assert "theirs and long" not in shown.text
    assert client.post("/customers/reveal/", data={"id": record_id}).json == {"password": "theirs and long"}
    save(client, record_id, form_with(shown.text, "full_name"))
    assert client.post("/customers/reveal/", data={"id": record_id}).json == {"password": "mine and long"}


def test_what_was_typed_for_a_category_that_somebody_changed_is_asked_about(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer()
    form = open_form(sign_in(client), record_id)
    with app.app_context():
        edit(record_id, category="company")
    shown = save(client, record_id, form, passport="123", city="Brno")
    assert shown.status_code == 200
    assert "In the panel now" in shown.text
    again = form_with(shown.text, "full_name")
    assert (again["passport"], again["category"], again["city"]) == (["123"], ["Private person"], ["Brno"])
    assert save(client, record_id, again).status_code == 302
    with app.app_context():
        last = db.session.scalars(select(Revision).order_by(Revision.number.desc())).first()
        assert last is not None
        assert last.changes == {
            "category": ["company", "person"],
            "passport": [None, "123"],
            "city": [None, "Brno"],
        }


def test_a_category_that_somebody_changed_stays_where_nothing_of_the_old_one_was_typed(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        record_id = customer()
    form = open_form(sign_in(client), record_id)
    with app.app_context():
        edit(record_id, category="company")
    assert save(client, record_id, form, city="Brno").status_code == 302
    with app.app_context():
        assert (newest().category, newest().city) == ("company", "Brno")
