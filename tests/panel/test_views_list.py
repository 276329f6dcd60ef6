"""The list of customers as each user left it: columns, order, saved views, the selection and the export of a view."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.extensions import db
from panel.models import AdditionalField, Export, SavedView, User
from tests.builders import additional_field, customer
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in

USUAL = ["Status", "ID", "Login", "Full name", "Phone number", "City", "Speed"]


@pytest.fixture
def three(app: Flask, client: FlaskClient) -> FlaskClient:
    """Add three customers and two additional fields, and return a signed-in admin's browser."""
    with app.app_context():
        additional_field("speed", "integer", show_in_list=True)
        additional_field("router")
        customer("Ann", city="Brno", extra={"speed": 9, "router": "R1"})
        customer("Bob", city="Praha", extra={"speed": 100, "router": "R2"})
        customer("Cyd", city="Brno", extra={"speed": 20})
    return sign_in(client)


def heads(client: FlaskClient, query: str = "") -> list[str]:
    page = client.get(f"/customers/?{query or 'view=0'}").text
    return [unescape(text).strip() for text in re.findall(r'id="sort-[^"]*">([^<]*)', page)]


def names(client: FlaskClient, query: str = "") -> list[str]:
    page = client.get(f"/customers/?{query or 'view=0'}").text
    return re.findall(r"data-open>\s*([^<]*?)\s*</a>", page)


def colleague(app: Flask, role: str = "staff") -> FlaskClient:
    with app.app_context():
        add_user(f"{role}@example.com", role)
    return sign_in(app.test_client(), f"{role}@example.com", STAFF_PASSWORD)


def save_view(client: FlaskClient, name: str, query: str, **more: str) -> int:
    answer = client.post("/views/save/", data={"name": name, "query": query, **more})
    return int(answer.location.rpartition("view=")[2])


def test_columns_are_chosen_ordered_and_remembered_for_each_user(app: Flask, three: FlaskClient) -> None:
    assert heads(three) == USUAL
    sent = {"columns": ["router", "id", "full_name", "password", "nothing"], "query": "flt_city_is=Brno&columns=id"}
    answer = three.post("/views/columns/", data=sent)
    assert "flt_city_is=Brno" in answer.location
    assert "columns=" not in answer.location
    assert heads(three) == ["Router", "ID", "Full name"]
    assert heads(three, "columns=status,id") == ["Status", "ID"], "an address comes first"
    assert heads(colleague(app)) == USUAL
    three.post("/views/columns/", data={"reset": "1", "columns": ["router"]})
    assert heads(three) == USUAL


@pytest.mark.parametrize("change", [{"retired": True}, {"hidden": True}])
def test_a_column_whose_field_is_gone_drops_out(app: Flask, three: FlaskClient, change: dict[str, bool]) -> None:
    three.post("/views/columns/", data={"columns": ["router", "full_name"]})
    with app.app_context():
        field = db.session.scalars(select(AdditionalField).where(AdditionalField.key == "router")).one()
        for name, value in change.items():
            setattr(field, name, value)
        db.session.commit()
    assert heads(three) == ["Full name"]
    assert heads(three, "columns=router") == USUAL


@pytest.mark.parametrize("columns", ["id,city", "router,login"])
def test_the_first_column_leads_to_the_customer_where_the_name_is_no_column(three: FlaskClient, columns: str) -> None:
    assert "/customers/details/?id=1" in three.get(f"/customers/?columns={columns}").text
    assert len(names(three, f"columns={columns}")) == 3


def test_order_and_page_size_are_remembered(three: FlaskClient) -> None:
    three.post("/views/remember/", data={"sort": "speed", "desc": "1", "page_size": "20"})
    assert names(three) == ["Bob", "Cyd", "Ann"]
    assert names(three, "sort=speed") == ["Ann", "Cyd", "Bob"], "an address comes first"
    assert re.search(r"<option[^>]* selected>20<", three.get("/customers/?view=0").text)
    three.post("/views/remember/", data={"sort": "nothing", "page_size": "7"})
    assert names(three) == ["Bob", "Cyd", "Ann"]
    three.post("/views/remember/", data={"sort": "id"})
    assert names(three) == ["Ann", "Bob", "Cyd"]


def test_a_saved_view_brings_back_filters_order_and_columns(three: FlaskClient) -> None:
    query = "flt_city_contains=b&flt_city_contains=r&search=ann&sort=speed&desc=1&columns=id,full_name&page=3&evil=1"
    view = save_view(three, "Brno people", query)
    page = three.get("/customers/?view=0").text
    address = unescape(re.findall(rf'href="(/customers/\?[^"]*view={view})"', page)[0])
    assert "page=3" not in address
    assert "evil" not in address
    shown = address.partition("?")[2]
    assert (heads(three, shown), names(three, shown)) == (["ID", "Full name"], ["Ann"])
    assert "(changed)" not in three.get(address).text
    assert "(changed)" in three.get(address.replace("search=ann", "search=a")).text


def test_a_view_of_the_same_name_is_replaced(app: Flask, three: FlaskClient) -> None:
    assert save_view(three, "Mine", "flt_city_is=Brno") == save_view(three, "mine", "flt_city_is=Praha")
    with app.app_context():
        assert list(db.session.scalars(select(SavedView.query))) == ["flt_city_is=Praha"]


def test_a_shared_view_is_for_everybody_and_changed_by_its_owner_only(app: Flask, three: FlaskClient) -> None:
    mine, ours = save_view(three, "Mine", "search=a"), save_view(three, "Ours", "search=b", shared="y")
    eva = colleague(app)
    page = eva.get("/customers/?view=0").text
    assert f"view={ours}" in page
    assert f"view={mine}" not in page
    for address in ("change", "delete"):
        assert eva.post(f"/views/{address}/", data={"id": ours, "name": "Stolen"}).status_code == 404
    three.post("/views/change/", data={"id": ours, "name": "Ours, kept"})
    assert f"view={ours}" not in eva.get("/customers/?view=0").text
    three.post("/views/delete/", data={"id": mine})
    with app.app_context():
        assert list(db.session.scalars(select(SavedView.name))) == ["Ours, kept"]


@pytest.mark.parametrize(
    ("query", "seen"),
    [("flt_router_is=R1", False), ("sort=router&columns=id,router", True), ("flt_city_is=Brno", True)],
)
def test_a_shared_view_shows_no_field_that_is_not_for_the_viewer(
    app: Flask, three: FlaskClient, query: str, seen: bool
) -> None:
    view = save_view(three, "Ours", query, shared="y")
    with app.app_context():
        db.session.scalars(select(AdditionalField).where(AdditionalField.key == "router")).one().hidden = True
        db.session.commit()
    page = colleague(app).get("/customers/?view=0").text
    assert (f"view={view}" in page) == seen
    assert "router" not in page.partition('class="views-lines"')[2].partition("</div>")[0]


def test_the_list_opens_with_the_chosen_view(app: Flask, three: FlaskClient) -> None:
    view = save_view(three, "Brno", "flt_city_is=Brno")
    three.post("/views/default/", data={"id": view})
    opened = three.get("/customers/")
    assert opened.status_code == 302
    assert names(three, opened.location.partition("?")[2]) == ["Cyd", "Ann"]
    assert names(three, "search=bob") == ["Bob"]
    assert colleague(app).get("/customers/").status_code == 200
    three.post("/views/delete/", data={"id": view})
    assert three.get("/customers/").status_code == 200


def exported(client: FlaskClient, **sent: Any) -> list[list[str]]:
    """Return the export's rows of customers, each without its token and the blank action."""
    answer = client.post("/exports/view/", data={"format": "csv", **sent})
    assert answer.status_code == 200, answer.location
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    answer.close()
    return [row[1:-1] for row in rows if len(row) > 2 and row[1].isdecimal() and not row[-1]]


def test_an_export_holds_exactly_what_the_list_shows(app: Flask, three: FlaskClient) -> None:
    query = "flt_city_is=Brno&search=ann&sort=speed&desc=1&columns=speed,id,full_name"
    assert exported(three, query=query, list=query) == [["1", "9", "Ann"]]
    query = "flt_speed_from=10&sort=speed&desc=1&columns=full_name,speed"
    assert exported(three, query=query, list=query) == [["2", "Bob", "100"], ["3", "Cyd", "20"]]
    with app.app_context():
        said = [[one["words"] for one in filters] for filters in db.session.scalars(select(Export.filters))]
    assert said == [["Search: ann", "City is Brno"], ["Speed is at least 10"]]
    assert "Speed is at least 10" in three.get("/exports/").text


def test_an_export_of_ticked_customers_keeps_the_lists_order_and_columns(three: FlaskClient) -> None:
    shows = "sort=speed&desc=1&columns=city"
    assert exported(three, id=["1", "2", "999"], list=shows) == [["2", "Praha"], ["1", "Brno"]]


@pytest.mark.parametrize("sent", [{}, {"query": "flt_gone_is=1"}, {"id": "x"}])
def test_an_export_of_nothing_or_of_a_broken_filter_sends_nothing(
    app: Flask, three: FlaskClient, sent: dict[str, str]
) -> None:
    assert three.post("/exports/view/", data={"format": "csv", **sent}).status_code == 302
    with app.app_context():
        assert db.session.scalars(select(Export)).all() == []


def test_an_export_is_for_whoever_may_export(app: Flask, three: FlaskClient) -> None:
    staff = colleague(app)
    assert staff.post("/exports/view/", data={"query": "", "format": "csv"}).status_code == 403
    assert "/exports/view/" not in staff.get("/customers/?view=0").text


def test_an_export_of_a_saved_view_has_a_name_that_files_may_have(app: Flask, three: FlaskClient) -> None:
    view = save_view(three, "Brno", "flt_city_is=Brno")
    answer = three.post("/exports/new/", data={"format": "csv", "view": view, "name": 'a/b: "c"', "fields": ["city"]})
    assert answer.data.count(b"Brno") == 2
    assert b"Praha" not in answer.data
    answer.close()
    with app.app_context():
        assert re.fullmatch(r"a b c \d{4}-\d\d-\d\d\.csv", db.session.scalars(select(Export.name)).one())


def test_preferences_belong_to_the_user(app: Flask, three: FlaskClient) -> None:
    three.post("/views/remember/", data={"sort": "city"})
    with app.app_context():
        kept = db.session.scalars(select(User.preferences)).one()
    assert kept == {"customers": {"sort": "city", "desc": False}}
