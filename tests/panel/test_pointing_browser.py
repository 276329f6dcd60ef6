"""Choosing another customer by typing a name, and a file by dropping it, in a real Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import Flask
from sqlalchemy import select

from panel.extensions import db
from panel.models import Customer, StoredFile
from tests.builders import additional_field, customer, edit
from tests.databases import ADMIN, ADMIN_PASSWORD
from tests.panel.test_accessibility import AXE, RUN, SERIOUS

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]


@pytest.fixture
def ann(app: Flask) -> int:
    """Add Ann, whose payer and one friend is Eva (3), and Jan Novak (2)."""
    with app.app_context():
        additional_field("payer", "relation", label="Payer", target="customer")
        additional_field("friends", "multi_relation", label="Friends", target="customer")
        additional_field("contract", "file", label="Contract")
        record_id = customer("Ann", login="ann")
        customer("Novak, Jan", login="novak")
        customer("Eva", login="eva")
        edit(record_id, extra={"payer": 3, "friends": [3]})
        return record_id


@pytest.fixture
def page(browser_page: Page, live_server: str, ann: int) -> Page:
    """Sign in, and open Ann's form."""
    browser_page.goto(f"{live_server}/login/")
    browser_page.get_by_label("Email").fill(ADMIN)
    browser_page.get_by_label("Password", exact=True).fill(ADMIN_PASSWORD)
    browser_page.get_by_role("button", name="Sign in").click()
    browser_page.wait_for_url(f"{live_server}/")
    browser_page.goto(f"{live_server}/customers/edit/?id={ann}")
    return browser_page


def extra_of(app: Flask, record_id: int) -> dict[str, object]:
    with app.app_context():
        return dict(db.session.get_one(Customer, record_id, populate_existing=True).extra)


def findings_now(page: Page) -> list[str]:
    """Return what axe finds serious on the page as it is."""
    page.evaluate(AXE)
    return [one["id"] for one in page.evaluate(RUN) if one["impact"] in SERIOUS]


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/customers/details/**")


def test_a_customer_is_found_by_typing_a_name_and_pointed_to(app: Flask, page: Page, ann: int) -> None:
    page.get_by_role("combobox", name="Payer").focus()
    page.keyboard.type("nov")
    page.get_by_role("option", name="#2 Novak, Jan").click()
    page.get_by_role("combobox", name="Friends").focus()
    page.keyboard.type("nov")
    page.get_by_role("option", name="#2 Novak, Jan").wait_for()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert findings_now(page) == []
    save(page)
    assert page.get_by_role("link", name="#2 Novak, Jan").count() >= 2
    assert extra_of(app, ann) == {"payer": 2, "friends": [2, 3]}


def test_a_login_that_is_typed_and_left_counts_and_everything_can_be_taken_away(
    app: Flask, page: Page, ann: int
) -> None:
    page.get_by_role("combobox", name="Payer").focus()
    page.keyboard.type("novak")
    page.get_by_label("Full name").click()
    page.get_by_role("combobox", name="Friends").focus()
    page.keyboard.press("Backspace")
    save(page)
    assert extra_of(app, ann) == {"payer": 2}


def test_a_file_is_chosen_dropped_and_taken_away(app: Flask, page: Page, ann: int) -> None:
    large = {"name": "large.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-" + b" " * (10 << 20)}
    page.get_by_label("Contract").set_input_files(files=[large])
    page.get_by_text("This file is larger than 10 MB.").wait_for()
    assert page.get_by_label("Contract").input_value() == ""
    # As a file manager would: Chromium lets no script drop a real one.
    page.locator(".file-input").evaluate(
        """place => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["%PDF-1.7 dropped"], "dropped.pdf", { type: "application/pdf" }));
          place.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
        }"""
    )
    assert page.get_by_text("This file is larger than 10 MB.").count() == 0
    save(page)
    with app.app_context():
        assert db.session.scalars(select(StoredFile.name)).all() == ["dropped.pdf"]
    with page.expect_download() as started:
        page.get_by_role("link", name="dropped.pdf").first.click()
    assert started.value.suggested_filename == "dropped.pdf"
    page.get_by_role("link", name="Edit").first.click()
    page.get_by_role("checkbox", name="Remove").check()
    save(page)
    assert "contract" not in extra_of(app, ann)
