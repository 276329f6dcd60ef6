"""Customers in the panel: found, added, edited by several people at once, deleted, revealed."""

from __future__ import annotations

import datetime as dt
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel import create_app
from panel.database import writing
from panel.extensions import db
from panel.models import AdditionalField, Customer, Event, GeneratorConfig, Partner, Revision, Status
from tests.builders import additional_field, customer, edit
from tests.databases import Database, dispose
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, options_of, sign_in


def values_of(record_id: int) -> dict[str, Any]:
    one = db.session.get_one(Customer, record_id, populate_existing=True)
    return {"city": one.city, "street": one.street, "emails": one.emails, **one.extra, "revision": one.revision}


def open_form(client: FlaskClient, record_id: int) -> dict[str, list[str]]:
    return form_with(client.get(f"/customers/edit/?id={record_id}").text, "full_name")


def save(client: FlaskClient, record_id: int, form: dict[str, list[str]], **typed: Any) -> Any:
    return client.post(f"/customers/edit/?id={record_id}", data=form | typed)


def set_generator(**switches: Any) -> None:
    with writing():
        config = db.session.get_one(GeneratorConfig, 1)
        for name, value in switches.items():
            setattr(config, name, value)


def newest() -> Customer:
    return db.session.scalars(select(Customer).order_by(Customer.id.desc())).first() or pytest.fail("no customer")


def listed(client: FlaskClient, query: str = "") -> list[str]:
    """Return the names on the list's page, from the top."""
    page = client.get(f"/customers/?{query}").text
    return [part.partition("<")[0].strip() for part in page.split(" data-open>")[1:]]


# Adding


def test_a_name_is_enough_to_add_a_customer(app: Flask, client: FlaskClient) -> None:
    form = form_with(sign_in(client).get("/customers/new/").text, "full_name")
    answer = client.post("/customers/new/", data=form | {"full_name": "Ann Novak"})
    with app.app_context():
        one = newest()
        assert answer.location == f"/customers/details/?id={one.id}"
        assert (one.full_name, one.login, one.status.label) == ("Ann Novak", f"{one.id:06d}", "New")
        assert one.password is not None


def test_the_add_form_shows_the_fields_of_the_original_in_its_order(client: FlaskClient) -> None:
    form = form_with(sign_in(client).get("/customers/new/").text, "full_name")
    names = [name for name in form if name != "csrf_token"]
    assert (
        names
        == (
            "login password billing_type full_name emails phones category date_of_birth passport partner location "
            "date_added street zip_code city geo"
        ).split()
    )
    assert form["date_added"] == [dt.datetime.now(dt.UTC).date().isoformat()]


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_saved(app: Flask, client: FlaskClient) -> None:
    typed = {"full_name": "", "emails": "ann@example", "geo": "nowhere", "city": "Brno"}
    page = sign_in(client).post("/customers/new/", data=typed).text
    assert "Full name is required. Fill it in." in page
    assert "&#39;ann@example&#39; is no email address" in page
    assert 'value="Brno"' in page
    with app.app_context():
        assert db.session.scalars(select(Customer)).all() == []


def test_a_login_that_is_taken_is_refused_beside_its_field(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer(login="ann")
    page = sign_in(client).post("/customers/new/", data={"full_name": "Other", "login": "ANN"}).text
    assert "belongs to another customer. Choose another." in page


def test_the_generate_buttons_offer_what_saving_takes(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer()
    login = sign_in(client).post("/generate/login/", data={"phones": "bad"}).json["value"]
    password = client.post("/generate/password/").json["value"]
    assert len(password) == 8
    client.post("/customers/new/", data={"full_name": "Ann", "login": login, "password": password})
    with app.app_context():
        one = newest()
        assert (one.login, one.login) == (login, f"{one.id:06d}")


def test_the_generate_button_follows_the_pattern_and_passes_over_taken_logins(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        set_generator(login_pattern="{email|3}-{next|3}")
        customer(login="ann-001")
    answer = sign_in(client).post("/generate/login/", data={"emails": "ann@example.com"})
    assert answer.json["value"] == "ann-002"


def test_a_pattern_that_makes_nothing_says_so_instead_of_failing(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        set_generator(login_pattern="fixed")
        customer(login="fixed")
    answer = sign_in(client).post("/generate/login/")
    assert answer.status_code == 409
    assert "made no free login" in answer.json["message"]


def test_a_login_is_not_typed_where_the_generator_forbids_it(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        set_generator(login_change_on_add=False, login_change_on_edit=False, show_generate=False)
    page = sign_in(client).get("/customers/new/").text
    assert 'data-generate="/generate/login/"' not in page
    client.post("/customers/new/", data={"full_name": "Ann", "login": "mine"})
    with app.app_context():
        one = newest()
        assert one.login == f"{one.id:06d}"
        record_id, login = one.id, one.login
    save(client, record_id, open_form(client, record_id), login="mine")
    with app.app_context():
        assert newest().login == login


# Editing


def naughty() -> dict[str, Any]:
    return {
        "full_name": " Ann\tNovak ",
        "street": "Line one\nline two",
        "city": "_x000D_ 'quoted' <b>& \"more\"",
        "emails": ["a@example.com", "b@example.com"],
        "phones": ["+420 603 123 456"],
        "extra": {
            "moment": "2024-02-03T00:00:00",
            "price": "10.50",
            "note": "a\r\nb",
            "tags": ["A, B", "C"],
            "gone": "no longer an option",
            "sure": False,
        },
    }


def define_fields() -> None:
    additional_field("moment", "datetime")
    additional_field("price", "money")
    additional_field("note", "text")
    additional_field("tags", "multi_select", options=[["A, B", "A, B"], ["C", "C"]])
    additional_field("gone", "select", options=[["one", "one"]])
    additional_field("sure", "boolean")
    additional_field("must", "string", required=True)


def test_opening_a_form_and_saving_it_makes_no_revision(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        define_fields()
        record_id = customer(**naughty())
        before = values_of(record_id)
    form = open_form(sign_in(client), record_id)
    answer = save(client, record_id, form)
    assert answer.status_code == 302, answer.text
    with app.app_context():
        assert values_of(record_id) == before


def test_what_browsers_and_programs_do_to_a_text_is_no_edit(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(street="  Old 1\x0b ", city="a\ufffdb")
    save(sign_in(client), record_id, open_form(client, record_id), street="Old 1", city="ab")
    with app.app_context():
        assert values_of(record_id)["revision"] == 1


def test_saving_writes_only_what_was_typed(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        define_fields()
        record_id = customer(**naughty())
    save(sign_in(client), record_id, open_form(client, record_id), tags=["", "C"], price="11", sure="Yes")
    with app.app_context():
        revision = db.session.scalars(select(Revision).order_by(Revision.number.desc())).first()
        assert revision is not None
        assert set(revision.changes) == {"tags", "price", "sure"}
        assert revision.changes["tags"] == [["A, B", "C"], ["C"]]
        assert (revision.through, revision.by) == ("panel", "Admin")


def test_two_people_edit_different_fields_of_one_customer(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(city="Brno", street="Old 1")
    form = open_form(sign_in(client), record_id)
    with app.app_context():
        edit(record_id, city="Olomouc")
    answer = save(client, record_id, form, street="New 2")
    assert answer.status_code == 302
    with app.app_context():
        assert values_of(record_id) == {"city": "Olomouc", "street": "New 2", "emails": [], "revision": 3}
    assert "and kept: City." in client.get("/").text


def test_two_people_add_an_email_each(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(emails=["a@example.com"])
    form = open_form(sign_in(client), record_id)
    with app.app_context():
        edit(record_id, emails=["a@example.com", "b@example.com"])
    save(client, record_id, form, emails="a@example.com, c@example.com")
    with app.app_context():
        assert set(values_of(record_id)["emails"]) == {"a@example.com", "b@example.com", "c@example.com"}


def test_two_people_edit_the_same_field_and_nothing_is_overwritten_unseen(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(city="Brno", street="Old 1", zip_code="1")
    form = open_form(sign_in(client), record_id)
    with app.app_context():
        edit(record_id, city="Olomouc", street="Theirs 1")
    shown = save(client, record_id, form, city="Praha", zip_code="2")
    assert shown.status_code == 200
    for words in ("When opened", "In the panel now", "Yours", "Olomouc", "Praha"):
        assert words in shown.text
    with app.app_context():
        assert values_of(record_id)["revision"] == 2
    again = form_with(shown.text, "full_name")
    assert (again["street"], again["zip_code"], again["city"]) == (["Theirs 1"], ["2"], ["Praha"])
    assert save(client, record_id, again).status_code == 302
    with app.app_context():
        assert values_of(record_id) == {"city": "Praha", "street": "Theirs 1", "emails": [], "revision": 3}


def test_a_bad_value_in_a_field_that_changed_meanwhile_shows_both(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(date_of_birth=dt.date(1990, 1, 1))
    form = open_form(sign_in(client), record_id)
    with app.app_context():
        edit(record_id, date_of_birth=dt.date(1991, 1, 1))
    page = save(client, record_id, form, date_of_birth="soon").text
    assert "is no date" in page
    assert "1991-01-01" in page


def test_an_untouched_value_that_newer_rules_would_refuse_blocks_nothing(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(extra={"code": "far too long"})
        additional_field("code", max=3, required=True)
        additional_field("must", required=True)
    form = open_form(sign_in(client), record_id)
    assert save(client, record_id, form, city="Brno").status_code == 302
    assert "Write at most 3" in save(client, record_id, open_form(client, record_id), code="long too").text


def test_an_empty_password_stays_and_a_typed_one_is_set(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer()
        before = db.session.get_one(Customer, record_id).password
    form = open_form(sign_in(client), record_id)
    assert form["password"] == [""]
    save(client, record_id, form)
    with app.app_context():
        assert db.session.get_one(Customer, record_id).password == before
    save(client, record_id, form, password="secret words")
    assert client.post("/customers/reveal/", data={"id": record_id}).json == {"password": "secret words"}
    assert "secret words" not in client.get(f"/customers/details/?id={record_id}").text


@pytest.mark.parametrize("flag", ["read_only", "disabled", "hidden"])
def test_a_locked_field_is_not_written(app: Flask, client: FlaskClient, flag: str) -> None:
    with app.app_context():
        additional_field("code", **{flag: True})
        record_id = customer(extra={"code": "old"})
    page = sign_in(client).get(f"/customers/edit/?id={record_id}").text
    assert ('name="code"' in page) == (flag != "hidden")
    save(client, record_id, form_with(page, "full_name"), code="new", id="99", revision="7", stamp="x")
    with app.app_context():
        assert values_of(record_id)["code"] == "old"
        assert values_of(record_id)["revision"] == 1


def test_a_field_of_another_category_is_neither_required_nor_written(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        additional_field("vat", category="company", required=True)
    sign_in(client).post("/customers/new/", data={"full_name": "Ann", "category": "Private person", "vat": "CZ1"})
    with app.app_context():
        assert newest().extra == {}
    page = client.post("/customers/new/", data={"full_name": "Firm", "category": "Company", "vat": ""}).text
    assert "Vat is required. Fill it in." in page


# Details, deletion, passwords


def test_the_history_says_who_changed_what_from_which_value(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(city="Brno")
    save(sign_in(client), record_id, open_form(client, record_id), city="Praha", status="Active")
    page = " ".join(client.get(f"/customers/details/?id={record_id}").text.split())
    assert "<strong>Admin</strong> changed 2 fields" in page
    assert 'from <span class="old">Brno</span> to <span class="new">Praha</span>' in page
    assert 'from <span class="old">New</span> to <span class="new">Active</span>' in page


def test_only_a_customer_whose_status_allows_it_is_deleted(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        inactive = db.session.scalars(select(Status.id).where(Status.deletable)).one()
        stays, goes = customer("Stays"), customer("Goes", status_id=inactive)
    sign_in(client)
    for record_id in (stays, goes):
        client.post("/customers/delete/", data={"id": record_id})
    assert "are not deleted. Change the status first." in client.get("/").text
    assert listed(client) == ["Stays"]
    assert client.get(f"/customers/details/?id={goes}").status_code == 404
    assert client.get(f"/customers/edit/?id={goes}").status_code == 404


def test_a_revealed_password_is_recorded(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer()
    answer = sign_in(client).post("/customers/reveal/", data={"id": record_id})
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(answer.json["password"]) == 8
    with app.app_context():
        event = db.session.scalars(select(Event).where(Event.name == "reveal")).one()
        assert event.detail["customer"] == record_id


def test_staff_may_not_reveal_delete_or_open_the_buttons_for_it(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        add_user("eva@example.com", "staff")
        record_id = customer()
    sign_in(client, "eva@example.com", STAFF_PASSWORD)
    for action in ("reveal", "delete"):
        assert client.post(f"/customers/{action}/", data={"id": record_id}).status_code == 403
        assert f"/customers/{action}/" not in client.get(f"/customers/details/?id={record_id}").text


# Whose customers


@pytest.fixture
def two_partners(app: Flask) -> tuple[int, int, int]:
    """Add a customer of each of two partners, and a manager bound to the second; return it and both customers."""
    with app.app_context():
        with writing():
            db.session.add(Partner(name="North"))
        north = db.session.scalars(select(Partner.id).where(Partner.name == "North")).one()
        add_user("eva@example.com", "manager", north)
        return north, customer("Ours", partner_id=north), customer("Theirs")


@pytest.mark.asvs("R33")
def test_a_user_bound_to_a_partner_sees_that_partners_customers_only(
    client: FlaskClient, two_partners: tuple[int, int, int]
) -> None:
    _north, ours, theirs = two_partners
    sign_in(client, "eva@example.com", STAFF_PASSWORD)
    assert listed(client) == ["Ours"]
    assert listed(client, "search=Theirs") == []
    assert client.get(f"/customers/details/?id={ours}").status_code == 200
    for address in (f"/customers/details/?id={theirs}", f"/customers/edit/?id={theirs}"):
        assert client.get(address).status_code == 404
    assert client.post(f"/customers/edit/?id={theirs}", data={"full_name": "X"}).status_code == 404


def test_a_bound_users_new_customers_get_the_partner_and_stay_there(
    app: Flask, client: FlaskClient, two_partners: tuple[int, int, int]
) -> None:
    north, ours, _theirs = two_partners
    sign_in(client, "eva@example.com", STAFF_PASSWORD)
    client.post("/customers/new/", data={"full_name": "Fresh", "partner": "Main"})
    save(client, ours, open_form(client, ours), partner="Main", city="Brno")
    with app.app_context():
        assert {one.partner_id for one in db.session.scalars(select(Customer).where(Customer.id != _theirs))} == {north}


# The list


@pytest.fixture
def three(app: Flask, client: FlaskClient) -> FlaskClient:
    """Add three customers with additional fields and return a signed-in browser."""
    with app.app_context():
        additional_field("speed", "integer", show_in_list=True)
        additional_field("fee", "money")
        additional_field("since", "date")
        additional_field("sure", "boolean")
        additional_field("serial", "string", searchable=True)
        additional_field("tags", "multi_select", options=[["tv", "TV"], ["né", "Né 100%"]])
        additional_field("kind", "select", options=[["a", "Alpha"], ["b", "Beta"]], searchable=True)
        one = {"speed": 9, "fee": "9.50", "since": "2024-01-01", "sure": True, "tags": ["tv"], "kind": "b"}
        two = {"speed": 100, "fee": "100", "since": "2023-05-05", "sure": False, "tags": ["tv", "né"], "kind": "a"}
        customer("Ann", city="Brno", phones=["+420 603 123 456"], extra=one, date_of_birth=dt.date(1990, 1, 1))
        customer("Bob", city="100%", emails=["bob@example.com"], extra={**two, "serial": "SN_77"}, status_id=2)
        customer("Cyd", date_of_birth=dt.date(2000, 1, 1))
    return sign_in(client)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "Cyd Bob Ann"),
        ("sort=full_name", "Ann Bob Cyd"),
        ("sort=full_name&desc=1", "Cyd Bob Ann"),
        ("sort=speed", "Ann Bob Cyd"),
        ("sort=speed&desc=1", "Bob Ann Cyd"),
        ("sort=status", "Ann Cyd Bob"),
        ("sort=city;drop", "Cyd Bob Ann"),
        ("flt_city_contains=br", "Ann"),
        ("flt_city_contains=%25", "Bob"),
        ("flt_city_empty=Yes", "Cyd"),
        ("flt_city_empty=No", "Bob Ann"),
        ("flt_city_not=Brno", "Cyd Bob"),
        ("flt_emails_empty=Yes", "Cyd Ann"),
        ("flt_emails_contains=BOB@", "Bob"),
        ("flt_status_is=2", "Bob"),
        ("flt_status_is=active", "Bob"),
        ("flt_status_not=2", "Cyd Ann"),
        ("flt_billing_type_is=prepaid", ""),
        ("flt_date_of_birth_from=1995-01-01", "Cyd"),
        ("flt_date_of_birth_to=1995-01-01", "Ann"),
        ("flt_speed_from=10", "Bob"),
        ("flt_speed_is=9", "Ann"),
        ("flt_speed_empty=Yes", "Cyd"),
        ("flt_fee_to=10", "Ann"),
        ("flt_fee_is=100.00", "Bob"),
        ("flt_since_from=2024-01-01", "Ann"),
        ("flt_sure_is=Yes", "Ann"),
        ("flt_sure_is=No", "Bob"),
        ("flt_sure_not=Yes", "Cyd Bob"),
        ("flt_sure_empty=Yes", "Cyd"),
        ("flt_tags_has=tv", "Bob Ann"),
        ("flt_tags_has=n%C3%A9", "Bob"),
        ("flt_kind_is=b", "Ann"),
        ("flt_kind_is=Beta", "Ann"),
        ("flt_speed_from=5&flt1_speed_to=50", "Ann"),
        ("flt_city_contains=b&flt_city_contains=r", "Ann"),
        ("flt_city_lacks=r", "Cyd Bob"),
        ("flt_status_in=2&flt_status_in=active", "Bob"),
        ("flt_status_in=1&flt_status_in=2", "Cyd Bob Ann"),
        ("flt_status_notin=2", "Cyd Ann"),
        ("flt_kind_in=Beta", "Ann"),
        ("flt_kind_notin=b", "Cyd Bob"),
        ("flt_tags_hasany=n%C3%A9&flt_tags_hasany=tv", "Bob Ann"),
        ("flt_date_added_last=1", "Cyd Bob Ann"),
        ("flt_date_of_birth_last=1", ""),
        ("flt_since_last=36500", "Bob Ann"),
        ("flt_since_next=3", ""),
        ("search=ann", "Ann"),
        ("search=603123", "Ann"),
        ("search=%2B420+603+123", "Ann"),
        ("search=bob%40", "Bob"),
        ("search=sn_77", "Bob"),
        ("search=beta", "Ann"),
        ("search=%25", "Bob"),
        ("search=a_n", ""),
        ("search=%233", "Cyd"),
        ("search=000002", "Bob"),
        ("search=Ann+Bob", ""),
        ("search=%00", "Cyd Bob Ann"),
        ("search=b&flt_city_contains=brno", "Ann"),
        ("page_size=20&page=999999999999999999999", ""),
    ],
)
def test_lists_filter_search_and_sort_by_every_kind_of_field(three: FlaskClient, query: str, names: str) -> None:
    assert listed(three, query) == names.split()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("flt_speed_from=many", "The filter 'Speed is at least many' cannot be used"),
        ("flt_speed_from=", "it has no value"),
        ("flt_city_contains=", "it has no value"),
        ("flt_nothing_is=1", "'nothing_is' is no filter here"),
        ("flt_password_is=x", "'password_is' is no filter here"),
        ("flt_status_in=99", "there is no choice '99' any more"),
        ("flt_status_in=2&flt_status_in=99", "there is no choice '99' any more"),
        ("flt_since_last=-3", "'-3' is no number of days"),
        ("fltcity=x", "no filter here"),
        ("flt_city_contains=b&flt_gone_is=1", "'gone_is' is no filter here"),
    ],
)
def test_a_filter_that_means_nothing_says_so_and_shows_nobody(three: FlaskClient, query: str, sentence: str) -> None:
    assert listed(three, query) == []
    page = unescape(three.get(f"/customers/?{query}").text)
    assert sentence in page
    assert f'name="{query.partition("=")[0]}"' in page, "the search keeps what it does not understand"


def test_a_filter_is_shown_in_words_and_can_be_taken_away(three: FlaskClient) -> None:
    page = three.get("/customers/?flt_status_is=2&flt_speed_from=10&search=b").text
    assert "Status is Active" in page
    assert "Speed is at least 10" in page
    assert 'href="/customers/?flt_speed_from=10&amp;search=b"' in page


def test_a_list_counts_up_to_a_limit(three: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "1–3 of 3" in three.get("/customers/").text
    for module in ("panel.views.customer_query", "panel.views.customers"):
        monkeypatch.setattr(f"{module}.COUNTED", 2)
    assert "1–3 of 2+" in three.get("/customers/").text


def test_a_new_field_is_at_once_in_every_process(app: Flask, client: FlaskClient, database: Database) -> None:
    other = create_app(instance=database.instance, database_url=database.url)
    other.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    there = sign_in(other.test_client())
    assert "Router" not in there.get("/customers/new/").text
    asked = {"label": "Router", "key": "router", "type": "string", "category": "all"}
    flags = {"add": "y", "show_in_list": "y", "searchable": "y"}
    assert sign_in(client).post("/fields/new/", data=asked | flags).status_code == 302
    there.post("/customers/new/", data={"full_name": "Ann", "router": "RB-7"})
    assert listed(there, "search=rb-7") == ["Ann"]
    assert listed(client, "flt_router_is=RB-7") == ["Ann"]
    assert "Router" in there.get("/customers/").text
    assert "Router" in there.get("/exports/").text
    dispose(other)


def test_a_retired_field_is_gone_everywhere_but_in_history(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        additional_field("router", show_in_list=True)
        record_id = customer(extra={"router": "RB-7"})
        field_id = db.session.scalars(select(AdditionalField.id)).one()
    sign_in(client).post("/fields/delete/", data={"id": field_id})
    assert "Router was retired." in client.get("/").text
    assert "Router" not in client.get("/customers/").text
    page = client.get(f"/customers/details/?id={record_id}").text
    assert page.count("RB-7") == 1


def test_drop_downs_offer_the_labels_of_this_moment(app: Flask, client: FlaskClient) -> None:
    sign_in(client).post("/locations/new/", data={"name": "Hill"})
    assert options_of(client.get("/customers/new/").text, "location") == ["Hill", "Main"]
