"""The preview of an import: what it shows, how its lines are narrowed down, and what a choice does at once."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.database import writing
from panel.extensions import db
from panel.imports import together, waiting
from panel.imports.files import uploads
from panel.jobs import run_pending
from panel.models import Customer, Import, ImportItem, Job, Role
from tests.browser import sign_in_by_form
from tests.builders import additional_field, customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in
from tests.panel.test_views_imports import add_row, exported, tabs, uploaded, write

if TYPE_CHECKING:
    from playwright.sync_api import Page

ANN, BOB, CYD, DAN = 1, 2, 3, 4
SCRIPT = {"X-Requested-With": "fetch"}


@pytest.fixture
def march(app: Flask, client: FlaskClient) -> str:
    """Upload a workbook with changes, clears, a new row and a conflict, some customers edited meanwhile."""
    with app.app_context():
        for name in ("Ann", "Bob", "Cyd", "Dan"):
            customer(name, city="Brno", street="Long 1", zip_code="60200")
        customer("Eli", status_id=4)
    book = exported(sign_in(client))
    write(book, ANN, "city", "Olomouc")
    write(book, ANN, "street", None)
    write(book, BOB, "city", "Zlin")
    write(book, BOB, "zip_code", "76001")
    write(book, CYD, "city", "Cheb")
    add_row(book, full_name="New One", city="Cheb")
    add_row(book, full_name="New Two", city="Aš")
    with app.app_context():
        edit(CYD, city="Plzen")
        edit(DAN, street="Short 2")
    return uploaded(client, book)


def lines(app: Flask, group: str) -> dict[str, ImportItem]:
    """Return a group's lines by their cells, without the sheet's name."""
    with app.app_context():
        query = select(ImportItem).where(ImportItem.group == group).order_by(ImportItem.number)
        return {line.at.rpartition("!")[2]: line for line in db.session.scalars(query)}


def choose(client: FlaskClient, address: str, **data: Any) -> Any:
    return client.post(f"{address}choose/", data=data, headers=SCRIPT)


def written(app: Flask, client: FlaskClient, address: str) -> dict[str, Any]:
    """Apply, and return what the customers are after it."""
    client.post(f"{address}apply/")
    with app.app_context():
        rows = db.session.scalars(select(Customer).where(Customer.status_id != 4).order_by(Customer.id))
        return {one.full_name: (one.city, one.street, one.zip_code) for one in rows}


def test_changes_clears_and_what_colleagues_changed_are_told_apart(client: FlaskClient, march: str) -> None:
    assert tabs(client.get(march).text) == {"conflict": 1, "change": 3, "clear": 1, "new": 2, "kept": 1}
    kept = client.get(f"{march}?group=kept").text
    assert "Long 1" in kept
    assert re.search(r"Short 2\s*<span class=\"by\">[^<]+, today", kept)
    conflict = client.get(f"{march}?group=conflict").text
    assert re.search(r"Plzen\s*<span class=\"by\">[^<]+, today", conflict)


@pytest.mark.parametrize(
    ("chosen", "after"),
    [
        ({}, ("Olomouc", None, "60200")),
        ({"group": "change", "all": "panel"}, ("Brno", None, "60200")),
        ({"group": "change", "column": "city:panel"}, ("Brno", None, "60200")),
        ({"group": "change", "column": "zip_code:panel"}, ("Olomouc", None, "60200")),
        ({"group": "change", "row": "3:panel"}, ("Brno", "Long 1", "60200")),
        ({"group": "clear", "all": "panel"}, ("Olomouc", "Long 1", "60200")),
        ({"group": "change", "all": "panel", "q": "Bob"}, ("Olomouc", None, "60200")),
        ({"group": "change", "all": "panel", "q": "ann"}, ("Brno", None, "60200")),
    ],
)
def test_what_is_rejected_is_not_written(
    app: Flask, client: FlaskClient, march: str, chosen: dict[str, str], after: tuple[Any, ...]
) -> None:
    choose(client, march, group="conflict", all="panel")
    if chosen:
        assert choose(client, march, **chosen).status_code == 200
    rejected_bob = chosen.get("column") == "zip_code:panel" or (
        chosen.get("all") == "panel" and chosen["group"] == "change" and chosen.get("q") != "ann"
    )
    found = written(app, client, march)
    assert found["Ann"] == after
    assert found["Bob"][2] == ("60200" if rejected_bob else "76001")


def test_cells_and_new_rows_are_rejected_one_by_one_and_taken_again(
    app: Flask, client: FlaskClient, march: str
) -> None:
    choose(client, march, group="conflict", all="workbook")
    change, new = lines(app, "change"), lines(app, "new")
    (first, *_rest), (one, two) = change.items(), new.items()
    for at, line in (first, one, two):
        assert (
            choose(client, march, **{f"choice.{line.number}": "panel", f"at.{line.number}": line.at}).status_code == 200
        )
        assert lines(app, line.group)[at].choice == "panel"
    page = client.get(f"{march}?group=new").text
    assert "Apply 4 changes" in page
    again = lines(app, "new")[two[0]]
    choose(client, march, **{f"choice.{again.number}": "", f"at.{again.number}": again.at})
    found = written(app, client, march)
    assert (found["Ann"][0], found["Cyd"][0], "New One" in found, "New Two" in found) == ("Brno", "Cheb", False, True)


def test_a_deletion_is_rejected(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        leaving = customer("Eli", status_id=4)
    book = exported(sign_in(client))
    sheet = book["Customers"]
    action = next(cell.column for cell in sheet[2] if cell.value == "Action")
    sheet.cell(3, action).value = "delete"
    address = uploaded(client, book)
    assert "Apply 1 deletion" in client.get(address).text
    parts = choose(client, address, group="delete", all="panel").get_json()
    assert "everything was rejected" in parts["obstacle"]
    client.post(f"{address}apply/")
    with app.app_context():
        assert db.session.get_one(Customer, leaving).deleted_at is None


def test_without_a_script_the_ticks_of_a_page_are_saved_by_its_button(
    app: Flask, client: FlaskClient, march: str
) -> None:
    numbers = [line.number for line in lines(app, "change").values()]
    data = {"group": "change", "line": numbers, "take": numbers[1:]}
    assert client.post(f"{march}choose/", data=data).location == f"{march}?group=change"
    assert [line.choice for line in lines(app, "change").values()] == ["panel", "", ""]


@pytest.mark.parametrize(
    ("text", "city"), [("Tabor", "Tabor"), ("  Tabor ", "Tabor"), ("x" * 40_000, None)], ids=["typed", "spaces", "long"]
)
def test_another_value_is_typed_into_a_conflict_and_judged_as_everywhere(
    app: Flask, client: FlaskClient, march: str, text: str, city: str | None
) -> None:
    (line,) = lines(app, "conflict").values()
    answer = choose(client, march, **{f"choice.{line.number}": "other", f"other.{line.number}": text})
    assert answer.status_code == (200 if city else 422)
    if city is None:
        assert line.at.rpartition("!")[2] in answer.get_json()["message"]
        assert [one.choice for one in lines(app, "conflict").values()] == [""]
        return
    shown = f'value="{city}"' in client.get(f"{march}?group=conflict").text
    with app.app_context():
        stored_as = db.session.scalars(select(Import.stored_as)).one()
        book = (uploads() / stored_as).read_bytes()
    assert (shown, written(app, client, march)["Cyd"][0]) == (True, city)
    again = client.post("/imports/upload/", data={"file": (io.BytesIO(book), "again.xlsx")}).location
    assert "Nothing would change" in client.get(again).text


def test_a_line_that_is_another_by_now_takes_no_choice(app: Flask, client: FlaskClient, march: str) -> None:
    line = next(iter(lines(app, "change").values()))
    answer = choose(client, march, **{f"choice.{line.number}": "panel", f"at.{line.number}": "Customers!B99"})
    assert (answer.status_code, "Look again" in answer.get_json()["message"]) == (422, True)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("Bob", {"Bob"}),
        ("bo", {"Bob"}),
        ("2", {"Bob"}),
        ("4", {"Bob"}),
        ("%", set()),
        ("nobody", set()),
    ],
)
def test_lines_are_found_by_name_id_row_and_cell(
    app: Flask, client: FlaskClient, march: str, words: str, found: set[str]
) -> None:
    page = client.get(march, query_string={"group": "change", "q": words}).text
    names = set(re.findall(r"/customers/details/\?id=\d+\">\d+ (\w+)</a>", page))
    assert names == found
    cells = lines(app, "change")
    cell = next(at for at, line in cells.items() if line.record_id == ANN)
    for text in (cell, cell.lower(), f"Customers!{cell}"):
        page = client.get(march, query_string={"group": "change", "q": text}).text
        assert set(re.findall(r"(\w+)</a>\s*</td>\s*<td data-head=\"Field\"", page)) == {"Ann"}, text


def test_a_field_that_is_not_to_be_seen_is_in_no_count_and_takes_no_choice(
    app: Flask, client: FlaskClient, march: str
) -> None:
    with app.app_context():
        add_user("eva@example.com", "manager")
        with writing():
            role = db.session.scalars(select(Role).where(Role.name == "manager")).one()
            role.field_rights = {"city": "none"}
    eva = sign_in(app.test_client(), "eva@example.com", STAFF_PASSWORD)
    page = eva.get(f"{march}?group=change").text
    assert tabs(page) == {"change": 1, "clear": 1, "new": 2, "kept": 1}
    assert "Olomouc" not in page
    choose(eva, march, group="change", all="panel")
    with app.app_context():
        choices = db.session.execute(select(ImportItem.field, ImportItem.choice).where(ImportItem.group == "change"))
        assert {field: choice for field, choice in choices if field == "city"} in ({}, {"city": ""})


def test_pages_go_on_by_key_and_back(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        for number in range(205):
            customer(f"P{number}", city="Brno")
    book = exported(sign_in(client), fields=["full_name", "city"])
    for number in range(205):
        write(book, number + 1, "city", f"City {number}")
    address = uploaded(client, book)
    seen: list[str] = []
    url = address
    while url:
        page = client.get(url).text
        seen += re.findall(r"<span class=\"new\">(City \d+)</span>", page)
        after = re.search(r'href="([^"]+)" aria-label="Next page"', page)
        before = re.search(r'href="([^"]+)" aria-label="Previous page"', page)
        url = after[1].replace("&amp;", "&") if after else ""
    assert seen == [f"City {number}" for number in range(205)]
    assert before is not None
    back = client.get(before[1].replace("&amp;", "&")).text
    assert re.findall(r"<span class=\"new\">(City \d+)</span>", back) == seen[100:200]


def test_problems_are_shown_by_kind_with_their_rows_and_looked_into(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        additional_field("speed", "integer")
        for number in range(6):
            customer(f"P{number}", extra={"speed": number})
    book = exported(sign_in(client), fields=["full_name", "speed", "emails"])
    for number in (1, 2, 3, 5):
        write(book, number, "speed", "fast")
    write(book, 6, "emails", "no mail")
    address = uploaded(client, book)
    page = client.get(address).text
    assert tabs(page)["problem"] == 5
    column = next(cell.column_letter for cell in book["Customers"][1] if cell.value == "speed")
    assert f"{column}3–{column}5, {column}7" in page
    assert re.findall(r">(\d rows?)</a>", page) == ["4 rows", "1 row"]
    (kind, _other) = re.findall(r"kind=(\d+)", page)
    inside = client.get(f"{address}?group=problem&kind={kind}").text
    assert (inside.count("fast"), "no mail" in inside) == (8, False)


def test_damage_is_restored_with_one_button(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        additional_field("serial")
        for number in range(3):
            customer(f"P{number}", extra={"serial": f"12E{number + 3}"}, city="Brno")
    sign_in(client)
    text = client.post("/exports/new/", data={"format": "csv", "fields": ["full_name", "serial"]}, buffered=True).text
    back = re.sub(r"12E(\d)", lambda found: str(12 * 10 ** int(found[1])), text)
    assert back != text
    address = uploaded(client, back, "back.csv")
    page = client.get(address).text
    assert "Restore 3 cells" in page
    choose(client, address, group="repair", all="panel")
    assert "Nothing would change" in client.get(address).text
    with app.app_context():
        assert [line.choice for line in db.session.scalars(select(ImportItem).where(ImportItem.group == "repair"))] == [
            "panel"
        ] * 3


@pytest.fixture
def all_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SMALL_ROWS", 0)


@pytest.mark.usefixtures("all_is_large")
def test_choices_of_a_large_plan_count_at_once_and_are_worked_in_by_one_job(
    app: Flask, client: FlaskClient, march: str
) -> None:
    choose(client, march, group="conflict", all="panel")
    choose(client, march, group="change", column="city:panel")
    page = client.get(march).text
    assert "Apply 2 changes and 2 new customers" in page
    assert "What was asked for is being worked in." in page
    refused = client.post(f"{march}apply/", follow_redirects=True).text
    assert "What was chosen is still being worked in." in refused
    with app.app_context():
        assert db.session.scalars(select(Job.kind).where(Job.state == "queued")).all() == ["plan"]
        assert run_pending() == 1
    assert "Apply 2 changes and 2 new customers" in client.get(march).text
    client.post(f"{march}apply/")
    assert "is being worked in" in client.get(march).text
    with app.app_context():
        assert run_pending() == 1
        assert db.session.scalars(select(Import.state)).one() == "applied"
        assert [one.city for one in db.session.scalars(select(Customer).order_by(Customer.id).limit(3))] == [
            "Brno",
            "Brno",
            "Plzen",
        ]


@pytest.mark.usefixtures("all_is_large")
def test_a_choice_made_while_its_plan_is_made_is_not_lost(
    app: Flask, client: FlaskClient, march: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(client, march, group="conflict", all="panel")
    plan = together.plan_again

    def slow(*arguments: Any) -> Any:
        planned = plan(*arguments)
        monkeypatch.setattr(together, "plan_again", plan)
        db.session.rollback()
        with app.test_client() as other:
            choose(sign_in(other), march, group="change", all="panel")
        return planned

    monkeypatch.setattr(together, "plan_again", slow)
    with app.app_context():
        run_pending()
    assert {line.choice for line in lines(app, "change").values()} == {"panel"}
    assert {line.choice for line in lines(app, "conflict").values()} == {"panel"}


@pytest.fixture
def page(app: Flask, browser_page: Page, live_server: str) -> Iterator[Page]:
    """Yield a browser after signing in, with the server's worker running."""
    sign_in_by_form(browser_page, live_server)
    app.extensions["worker"].start()
    yield browser_page
    app.extensions["worker"].stop()


@pytest.mark.browser
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("large", [False, True])
def test_one_chooses_by_keyboard_and_applies(
    app: Flask, page: Page, live_server: str, march: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(waiting, "SMALL_ROWS", 0)
    page.goto(f"{live_server}{march}")
    apply = page.locator("#apply button")
    assert apply.is_disabled()
    page.get_by_role("radio", name="panel", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.locator("#apply button:enabled").wait_for(timeout=20_000)
    assert page.evaluate("document.activeElement.id").endswith("-workbook")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("Tabor")
    page.keyboard.press("Enter")
    page.locator(".other[value=Tabor]").wait_for()
    page.goto(f"{live_server}{march}?group=change")
    page.locator("#apply button:enabled").wait_for(timeout=20_000)
    place = page.locator("table.preview").bounding_box()
    page.get_by_role("checkbox").first.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Apply 4 changes and 2 new customers").wait_for()
    page.locator("#apply button:enabled").wait_for(timeout=20_000)
    assert page.locator("table.preview").bounding_box() == place
    apply.press("Enter")
    page.get_by_text("Applied").first.wait_for(timeout=20_000)
    with app.app_context():
        assert [one.city for one in db.session.scalars(select(Customer).order_by(Customer.id).limit(3))] == [
            "Brno",
            "Zlin",
            "Tabor",
        ]


@pytest.mark.browser
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_phone_shows_conflicts_without_scrolling_sideways(page: Page, live_server: str, march: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for group in ("conflict", "change", "new", "kept"):
        page.goto(f"{live_server}{march}?group={group}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate("(t => t.scrollWidth - t.clientWidth)(document.querySelector('.table-responsive'))") <= 0
