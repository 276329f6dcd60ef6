"""A field as an admin defines it: in a real browser, by keyboard where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import Flask
from sqlalchemy import select

from panel.extensions import db
from panel.models import AdditionalField
from tests.builders import additional_field, customer, edit
from tests.databases import ADMIN, ADMIN_PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]


@pytest.fixture
def page(browser_page: Page, live_server: str) -> Page:
    """Return the first page after signing in."""
    browser_page.goto(f"{live_server}/")
    browser_page.get_by_label("Email").fill(ADMIN)
    browser_page.get_by_label("Password").fill(ADMIN_PASSWORD)
    browser_page.get_by_role("button", name="Sign in").click()
    browser_page.get_by_role("heading", level=1).wait_for()
    return browser_page


def define(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/fields/new/")
    page.get_by_label("Label", exact=True).fill("Line")
    page.get_by_label("Type", exact=True).select_option("Select")
    page.get_by_label("Option", exact=True).last.fill("Fibre")
    page.keyboard.press("Enter")
    page.keyboard.type("Radio")
    page.locator("[data-field-preview] select").get_by_text("Radio").wait_for(state="attached")
    page.get_by_label("Required").check()
    page.locator("[data-field-preview] label.required").wait_for()
    page.locator("[name=sample]").select_option("Radio")
    page.locator("[name=sample]").select_option("")
    page.get_by_text("Line is required. Fill it in.").wait_for()
    page.get_by_role("button", name="Add field").click()


def test_a_select_is_defined_with_a_preview_an_option_renamed_and_fields_ordered_by_keyboard(
    app: Flask, page: Page, live_server: str
) -> None:
    with app.app_context():
        additional_field("router", position=1)
        customer()
    define(page, live_server)
    page.get_by_role("button", name="Move Line up").press("Enter")
    page.get_by_text("The order was saved.").wait_for(state="attached")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Move Line down"

    page.get_by_role("link", name="Line", exact=True).click()
    page.get_by_label("Option", exact=True).first.fill("Optic")
    page.get_by_role("button", name="Down").first.press("Enter")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Line was saved.").wait_for()
    with app.app_context():
        fields = db.session.scalars(select(AdditionalField).order_by(AdditionalField.position)).all()
        assert [one.key for one in fields] == ["line", "router"]
        assert fields[0].options == [["Radio", "Radio"], ["Fibre", "Optic"]]
        edit(1, extra={"line": "Fibre"})
    page.goto(f"{live_server}/customers/details/?id=1")
    page.get_by_text("Optic").first.wait_for()
