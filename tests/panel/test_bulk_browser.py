"""A bulk edit as somebody does it: in a real browser, run by the thread of a real server, and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from sqlalchemy import select

from panel.authors import Author
from panel.bulk.planning import EDIT, start
from panel.database import writing
from panel.extensions import db
from panel.models import Customer
from tests.builders import customer
from tests.databases import ADMIN, ADMIN_PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]


@pytest.fixture
def page(app: Flask, browser_page: Page, live_server: str) -> Iterator[Page]:
    """Yield the first page after signing in, with the server's worker running."""
    browser_page.goto(f"{live_server}/")
    browser_page.get_by_label("Email").fill(ADMIN)
    browser_page.get_by_label("Password").fill(ADMIN_PASSWORD)
    browser_page.get_by_role("button", name="Sign in").click()
    browser_page.get_by_role("heading", level=1).wait_for()
    app.extensions["worker"].start()
    yield browser_page
    app.extensions["worker"].stop()


def cities(app: Flask) -> list[str | None]:
    with app.app_context():
        return list(db.session.scalars(select(Customer.city).order_by(Customer.id)))


def test_fields_are_chosen_looked_at_applied_while_one_watches_and_undone(
    app: Flask, page: Page, live_server: str
) -> None:
    with app.app_context():
        ids = [customer(f"P{n}", city="Brno" if n else "Praha") for n in range(5)]
        with writing():
            number = start(EDIT, ids, Author("Admin", "panel", 1))
    page.goto(f"{live_server}/bulk/{number}/")
    assert not page.locator("[name=city]").is_visible()
    page.get_by_label("City", exact=True).first.select_option("Set to")
    page.locator("[name=city]").fill("Praha")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Change 4 customers").click()
    page.get_by_text("4 customers were changed.").wait_for(timeout=20_000)
    assert cities(app) == ["Praha"] * 5
    page.get_by_role("link", name="Undo…").click()
    page.get_by_role("button", name="Put back").click()
    page.get_by_text("4 values were put back.").wait_for(timeout=20_000)
    assert cities(app) == ["Praha", *["Brno"] * 4]
