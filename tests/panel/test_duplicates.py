"""Customers who may be there already: who is found, what is not told, what saving asks, and by which indexes."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Select, func, select

from panel.authors import Author
from panel.database import writing
from panel.erasing import erase
from panel.extensions import db
from panel.forms.duplicates import Scope, _queries, duplicates_of
from panel.likeness import likeness, mark_all, marks_of
from panel.models import Customer, CustomerLikeness, Partner, Role
from panel.models.columns import now
from panel.schema import current_schema
from tests.builders import customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, sign_in

WARNING = "may be there already"
THERE = Customer.__table__.c.deleted_at.is_(None)


def add(client: FlaskClient, full_name: str, **typed: Any) -> Any:
    form = form_with(client.get("/customers/new/").text, "full_name")
    return client.post("/customers/new/", data=form | {"full_name": full_name} | typed)


def check(client: FlaskClient, **typed: Any) -> Any:
    answer = client.post("/customers/check/", data=typed)
    assert answer.status_code == 200, answer.text
    return answer.json


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Anna Novak", "Novák Anna", True),
        ("Ing. Šárka Šimková, Ph.D.", "Simkova Sarka", True),
        ("Søren Łuczak", "Soren Luczak", True),
        ("Bob O'Neil", "Bob ONeil", True),
        ("Acme Networks s.r.o.", "ACME Networks Ltd", True),
        ("Katerina Dvorakova", "Katerina Dvorakva", True),
        ("Katerina Dvorakova", "Katherina Dvorakova", True),
        ("Katerina Dvorakova", "Katerina Dvoarkova", False),
        ("Новак Анна", "Анна Новак", True),
        ("Anna Novak", "Anna Novy", False),
        ("Anna Novak", "Eva Novak", False),
        ("Anna Novak", "", False),
    ],
)
def test_names_are_alike_whatever_their_order_accents_titles_and_small_mistakes(
    one: str, other: str, alike: bool
) -> None:
    assert (bool(marks_of(one) & marks_of(other)) and likeness(one, other) >= 0.95) is alike


ANN = {
    "emails": ["Ann@example.com"],
    "phones": ["+420 603 123 456"],
    "passport": "AB 123",
    "city": "Brno",
    "street": "Long 1",
}


@pytest.mark.parametrize(
    ("typed", "because"),
    [
        ({"full_name": "Bob", "emails": "x@example.com, ann@EXAMPLE.com"}, "same email ann@example.com"),
        ({"full_name": "Bob", "emails": "ann@example.co"}, ""),
        ({"full_name": "Bob", "phones": "00420603123456"}, "same phone +420 603 123 456"),
        ({"full_name": "Bob", "phones": "0603 123 456"}, "same phone 0603 123 456"),
        ({"full_name": "Bob", "phones": "+44 603123456"}, ""),
        ({"full_name": "Bob", "phones": "603 123 45"}, ""),
        ({"full_name": "Bob", "passport": "ab 123"}, "same passport"),
        ({"full_name": "Nowak Ján"}, ""),
        ({"full_name": "Nováková Jana"}, "similar name"),
        ({"full_name": "Jean Novakova"}, ""),
        ({"full_name": "Jean Novakova", "street": "long 1"}, "similar name"),
        ({"full_name": "Jana Novakova", "date_of_birth": "1990-01-02"}, "similar name"),
        ({"full_name": "Jana Novakova", "date_of_birth": "1961-01-02"}, ""),
    ],
)
def test_the_same_email_phone_or_passport_or_a_similar_name_is_told_before_a_customer_is_added(
    app: Flask, client: FlaskClient, typed: dict[str, str], because: str
) -> None:
    with app.app_context():
        record_id = customer("Jana Nováková", date_of_birth=now().date().replace(1990, 1, 2), **ANN)
    page = add(sign_in(client), **typed)
    assert page.status_code == (200 if because else 302)
    if because:
        assert WARNING in page.text
        assert f"· {because}" in page.text
        assert f'href="/customers/details/?id={record_id}" target="_blank"' in page.text
        assert "Add anyway" in page.text
    with app.app_context():
        assert db.session.scalar(select(func.count(Customer.id))) == (1 if because else 2)


def test_what_was_looked_at_is_saved_anyway_and_what_turned_up_since_is_shown_again(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        first = customer("Ann Novak", emails=["a@example.com"])
    page = add(sign_in(client), "Ann Novak")
    with app.app_context():
        second = customer("Novak Ann")
    again = client.post("/customers/new/", data=form_with(page.text, "full_name"))
    assert (again.status_code, f"#{first}" in again.text, f"#{second}" in again.text) == (200, True, True)
    form = form_with(again.text, "full_name")
    other = client.post("/customers/new/", data=form | {"emails": "a@example.com"})
    assert (other.status_code, "same email" in other.text) == (200, True)
    assert client.post("/customers/new/", data=form_with(other.text, "full_name")).status_code == 302


def test_only_what_was_changed_is_compared_when_a_customer_is_edited(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        mine = customer("Ann Novak", emails=["a@example.com"], phones=["112"])
        customer("Ann Novak", emails=["a@example.com", "b@example.com"], phones=["112"])

    def save(**typed: str) -> Any:
        form = form_with(client.get(f"/customers/edit/?id={mine}").text, "full_name")
        return client.post(f"/customers/edit/?id={mine}", data=form | typed)

    sign_in(client)
    assert save(city="Brno", emails="a@example.com, mine@example.com").status_code == 302
    shown = save(emails="a@example.com, b@example.com")
    assert (shown.status_code, "same email b@example.com" in shown.text) == (200, True)
    assert "similar name" not in shown.text
    assert "Save anyway" in shown.text
    again = client.post(f"/customers/edit/?id={mine}", data=form_with(shown.text, "full_name"))
    assert again.status_code == 302


def test_nobody_learns_of_another_partners_customers_of_the_bin_or_of_hidden_fields(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        with writing():
            db.session.add(Partner(name="North"))
            role = db.session.scalars(select(Role).where(Role.name == "staff")).one()
            role.field_rights = {"passport": "none", "city": "none"}
        add_user("north@example.com", "staff", partner_id=2)
        customer("Ann Novak", partner_id=1, **ANN)
        customer("Ann Novak", partner_id=2, deleted_at=now(), **ANN)
        edit(2, deleted_at=now())
    sign_in(client, "north@example.com", STAFF_PASSWORD)
    same = {"full_name": "Ann Novak", "emails": "ann@example.com", "passport": "AB 123"}
    assert check(client, **same)["duplicates"] == ""
    assert add(client, **same).status_code == 302
    with app.app_context():
        edit(3, passport="AB 123", city="Olomouc", emails=[])
    assert check(client, full_name="Bob", passport="AB 123")["duplicates"] == ""
    told = check(client, full_name="Ann Novak")["duplicates"]
    assert "#3" in told
    assert "Olomouc" not in told


def test_whoever_types_hears_what_is_wrong_with_single_members_and_nothing_is_written(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        customer("Ann Novak", emails=["a@example.com"])
    sign_in(client)
    answer = check(client, full_name="", emails="a@example.com, b@, c", phones="112")
    assert list(answer["refused"]["emails"]) == ["b@", "c"]
    assert answer["refused"]["phones"] == {}
    assert check(client, emails="A@example.com, 112")["duplicates"] == ""
    assert "same email" in check(client, emails="A@example.com")["duplicates"]
    assert check(client, _id="1", emails="a@example.com")["duplicates"] == ""
    assert client.post("/customers/check/", data={"_id": "9"}).status_code == 404


def marks() -> dict[int, int]:
    table = CustomerLikeness.__table__.c
    query = select(table.customer_id, func.count()).group_by(table.customer_id)
    return {row[0]: row[1] for row in db.session.execute(query)}


def test_marks_follow_names_and_an_erasure_and_are_made_for_older_customers(app: Flask) -> None:
    with app.app_context():
        customer("Ann Novak")
        customer("Bob")
        assert marks() == {1: 2, 2: 1}
        edit(1, full_name="Ann Mary Novak")
        edit(2, deleted_at=now())
        with writing() as connection:
            erase(connection, 2, Author("Admin", "panel", 1))
        assert marks() == {1: 3}
        with writing() as connection:
            connection.execute(CustomerLikeness.__table__.delete())
            mark_all(connection)
        assert marks() == {1: 3}


def plan_of(query: Select[Any]) -> str:
    """Return how the database would answer a query, if there were very many customers."""
    connection = db.session.connection()
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    sql = query.compile(connection, compile_kwargs={"literal_binds": True})
    return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + str(sql).replace("%", "%%")))


@pytest.mark.parametrize(
    ("entered", "index"),
    [
        ({"emails": ("a@example.com",)}, "customer_contact"),
        ({"phones": ("+420 603 123 456",)}, "customer_contact"),
        ({"passport": "AB 123"}, "ix_customer_by_passport_"),
        ({"full_name": "Ann Novak"}, "customer_likeness"),
    ],
)
def test_nobody_is_looked_for_row_by_row(app: Flask, entered: dict[str, Any], index: str) -> None:
    with app.app_context():
        scope = Scope(current_schema(db.session.connection()).fields, [THERE])
        for plan in map(plan_of, list(_queries(scope, entered))):
            assert index in plan
            assert "SCAN customer" not in plan
            assert "Seq Scan" not in plan


def test_the_likeliest_come_first_and_only_some_of_many(app: Flask) -> None:
    with app.app_context():
        ids = [customer("Ann Novak", city="Brno" if n == 3 else None) for n in range(12)]
        mail = customer("Eva", emails=["a@example.com"])
        connection = db.session.connection()
        entered = {"full_name": "Novak Ann", "emails": ("a@example.com",)}
        scope = Scope(current_schema(connection).fields, [THERE])
        found = [one.id for one in duplicates_of(connection, scope, entered, entered | {"city": "brno"})]
        assert found == [mail, ids[3], *sorted(set(ids) - {ids[3]}, reverse=True)[:8]]
