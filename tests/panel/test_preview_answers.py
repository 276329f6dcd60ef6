"""Answers to what a preview asks: whole rows at once, and other values typed, wherever a person decides."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.extensions import db
from panel.models import Customer, ImportItem
from tests.browser import sign_in_by_form
from tests.builders import additional_field, customer, edit
from tests.panel.pages import sign_in
from tests.panel.test_preview import choose, lines
from tests.panel.test_views_imports import exported, uploaded, write

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
FOREIGN = "ID,City,Street\n1,Zlin,Nova 1\n2,Cheb,Nova 2\n"
GROUPS = ("conflict", "unknown", "repair")


def asked(app: Flask, client: FlaskClient, group: str) -> str:
    """Upload a file of which two rows of two cells each wait for an answer in one group; return its address."""
    with app.app_context():
        additional_field("serial"), additional_field("mac")
        for number in (1, 2):
            codes = {"serial": f"12E{number}", "mac": f"34E{number}"}
            customer(f"P{number}", city="Brno", street="Long", extra=codes)
    sign_in(client)
    if group == "unknown":
        return uploaded(client, FOREIGN, "back.csv")
    if group == "repair":
        fields = ["full_name", "serial", "mac"]
        text = client.post("/exports/new/", data={"format": "csv", "fields": fields}, buffered=True).text
        return uploaded(client, re.sub(r"(\d\d)E(\d)", lambda m: str(int(m[1]) * 10 ** int(m[2])), text), "back.csv")
    book = exported(client)
    for number in (1, 2):
        write(book, number, "city", "Zlin")
        write(book, number, "street", "Nova")
        with app.app_context():
            edit(number, city="Plzen", street="Short")
    return uploaded(client, book)


def chosen(app: Flask, group: str) -> dict[int, set[str]]:
    """Return the choices of a group's lines, by their rows on the sheet."""
    found: dict[int, set[str]] = {}
    for line in lines(app, group).values():
        found.setdefault(line.sheet_row, set()).add(line.choice)
    return found


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("side", ["panel", "workbook"])
def test_a_whole_row_is_answered_at_once(app: Flask, client: FlaskClient, group: str, side: str) -> None:
    address = asked(app, client, group)
    first, second = sorted(chosen(app, group))
    page = client.get(f"{address}?group={group}").text
    assert f'value="{first}:{side}"' in page
    choose(client, address, group=group, row=f"{first}:{side}")
    # Damage that is taken as it is counts as any other cell whose base nobody knows.
    moved = "unknown" if group == "repair" and side == "workbook" else group
    assert chosen(app, moved)[first] == {side}
    assert chosen(app, group)[second] == {""}


@pytest.mark.parametrize("group", GROUPS)
def test_another_value_is_typed_wherever_something_is_asked(app: Flask, client: FlaskClient, group: str) -> None:
    address = asked(app, client, group)
    line = next(one for one in lines(app, group).values() if one.field in {"city", "serial"})
    page = client.get(f"{address}?group={group}").text
    assert f'name="other.{line.number}"' in page
    typed = {f"choice.{line.number}": "other", f"at.{line.number}": line.at}
    refused = choose(client, address, group=group, **typed, **{f"other.{line.number}": "x" * 40_000})
    assert refused.status_code == 422
    assert line.at.rpartition("!")[2] in refused.get_json()["message"]
    assert choose(client, address, group=group, **typed, **{f"other.{line.number}": "Typed"}).status_code == 200
    for one in GROUPS:
        choose(client, address, group=one, all="panel", field="street" if line.field == "city" else "mac")
        for number in {*chosen(app, one)} - {line.sheet_row}:
            choose(client, address, group=one, row=f"{number}:panel")
    client.post(f"{address}apply/")
    with app.app_context():
        first, second = db.session.scalars(select(Customer).order_by(Customer.id))
        got = [first.extra["serial"] if group == "repair" else first.city, first.street, first.extra["mac"]]
        assert got == ["Typed", "Short" if group == "conflict" else "Long", "34E1"]
        assert second.revision == (2 if group == "conflict" else 1)


def test_a_typed_value_is_for_the_cell_that_was_on_screen(app: Flask, client: FlaskClient) -> None:
    address = asked(app, client, "unknown")
    line = next(iter(lines(app, "unknown").values()))
    other: dict[str, Any] = {f"choice.{line.number}": "other", f"other.{line.number}": "Typed"}
    assert choose(client, address, **other, **{f"at.{line.number}": "CSV!Z99"}).status_code == 422
    assert chosen(app, "unknown") == {2: {""}, 3: {""}}


@pytest.mark.browser
def test_the_keyboard_answers_rows_and_types_other_values(
    app: Flask, client: FlaskClient, browser_page: Page, live_server: str
) -> None:
    address = asked(app, client, "repair")
    sign_in_by_form(browser_page, live_server)
    page = browser_page
    page.goto(f"{live_server}{address}?group=repair")
    line = next(iter(lines(app, "repair").values()))
    page.locator(f"#choice-{line.number}-panel").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == f"other-{line.number}"
    page.keyboard.type("Typed")
    page.keyboard.press("Enter")
    page.locator(".tab-number.unknown").filter(has_text="1").wait_for()
    row = page.get_by_role("button", name="restore row 4").first
    row.focus()
    page.keyboard.press("Enter")
    page.locator("input[value=panel]:checked").nth(1).wait_for()
    with app.app_context():
        found = {(one.at, one.choice) for one in db.session.scalars(select(ImportItem).where(ImportItem.choice != ""))}
    assert {choice for _at, choice in found} == {"other", "panel"}
