"""The pages as a person uses them, in a real Chromium that may not reach the internet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from sqlalchemy import select

from panel.extensions import db
from panel.models import Customer
from tests.builders import customer, edit
from tests.databases import ADMIN, ADMIN_PASSWORD
from tests.sheets import change, read_keys

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
    assert "/login/" not in browser_page.url
    return browser_page


def test_a_field_is_defined_and_a_customer_added_with_it_and_with_generated_access(app: Flask, page: Page) -> None:
    page.get_by_role("link", name="Additional fields").click()
    page.get_by_role("link", name="Add").last.click()
    page.get_by_label("Label").fill("Contract number")
    page.get_by_role("button", name="Add", exact=False).first.click()
    page.get_by_text("Contract number").first.wait_for()

    page.locator("nav, aside").get_by_role("link", name="Add", exact=True).first.click()
    page.get_by_role("button", name="Generate a login").click()
    page.get_by_role("button", name="Generate a password").click()
    page.wait_for_function(
        "() => document.querySelector('[name=login]').value && document.querySelector('[name=password]').value"
    )
    login, password = (page.locator(f"[name={name}]").input_value() for name in ("login", "password"))
    page.get_by_label("Full name").fill("Ann Novak")
    page.get_by_label("Email", exact=True).fill("ann@example.com, office@example.com")
    page.get_by_label("Contract number").fill("007-2026")
    page.get_by_role("button", name="Add").last.click()
    page.get_by_role("heading", name="Ann Novak").wait_for()
    assert "007-2026" in page.locator("main").inner_text()

    with app.app_context():
        one = db.session.scalars(select(Customer)).one()
        assert (one.login, one.full_name, one.emails) == (login, "Ann Novak", ["ann@example.com", "office@example.com"])
        assert one.extra == {"contract_number": "007-2026"}
        assert app.extensions["keyring"].decrypt(one.password, "customer", one.id, "password") == password


def test_a_workbook_goes_out_and_back_through_the_pages(
    app: Flask, page: Page, live_server: str, tmp_path: Path
) -> None:
    with app.app_context():
        for name in ("Ann", "Bob", "Eva"):
            customer(full_name=name, city="Brno")
    page.goto(f"{live_server}/exports/")
    with page.expect_download() as download:
        page.locator("main form button[type=submit]").first.click()
    out = tmp_path / "out.xlsx"
    download.value.save_as(out)

    letters = read_keys(out)
    back = change(out, tmp_path / "back.xlsx", {f"{letters['city']}3": "Zlin", f"{letters['city']}4": "Praha"})
    with app.app_context():
        edit(1, city="Kolin")
    page.goto(f"{live_server}/imports/")
    page.locator("input[type=file]").set_input_files(back)
    page.get_by_role("button", name="Upload and preview").click()
    page.get_by_text("In the panel now").wait_for()
    row = page.locator("tbody tr").first.inner_text()
    assert all(value in row for value in ("Brno", "Kolin", "Zlin"))
    assert page.get_by_role("button", name="Apply").is_disabled()

    page.get_by_label("workbook", exact=True).first.check()
    page.get_by_role("button", name="Apply 2 changes").click()
    page.get_by_text("The import was applied").wait_for()
    with app.app_context():
        assert db.session.scalars(select(Customer.city).order_by(Customer.id)).all() == ["Zlin", "Praha", "Brno"]

    page.get_by_role("button", name="Undo…").click()
    page.get_by_role("button", name="Undo 2 changes").click()
    page.wait_for_url("**/jobs/**")
    with app.app_context():
        assert db.session.scalars(select(Customer.city).order_by(Customer.id)).all() == ["Kolin", "Brno", "Brno"]


def test_no_page_scrolls_sideways_on_a_phone(app: Flask, page: Page, live_server: str) -> None:
    with app.app_context():
        customer(full_name="Ann Novak", city="Brno")
    page.set_viewport_size({"width": 390, "height": 844})
    for path in (
        "/",
        "/customers/",
        "/customers/new/",
        "/customers/details/?id=1",
        "/imports/",
        "/exports/",
        "/fields/new/",
    ):
        page.goto(live_server + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
