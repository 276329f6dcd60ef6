"""Giving one's password again in a dialog, in a real Chromium, and a customer's password that hides itself."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from panel.models.columns import now
from tests.builders import customer
from tests.databases import ADMIN, ADMIN_PASSWORD
from tests.panel.authenticator import age_sessions

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]


@pytest.fixture
def page(app: Flask, browser_page: Page, live_server: str) -> Page:
    """Return a customer's page, opened by somebody who gave the password a while ago."""
    app.config["WTF_CSRF_ENABLED"] = True
    with app.app_context():
        record_id = customer(new_password="secret words")
    browser_page.clock.install()
    browser_page.goto(f"{live_server}/login/")
    browser_page.get_by_label("Email").fill(ADMIN)
    browser_page.get_by_label("Password").fill(ADMIN_PASSWORD)
    browser_page.get_by_role("button", name="Sign in").click()
    browser_page.get_by_role("heading", level=1).wait_for()
    age_sessions(app, confirmed_at=now() - dt.timedelta(minutes=6))
    browser_page.goto(f"{live_server}/customers/details/?id={record_id}")
    return browser_page


def test_a_password_is_shown_after_ones_own_and_hides_itself(page: Page) -> None:
    page.get_by_role("button", name="Show").click()
    dialog = page.get_by_role("dialog", name="Is it still you?")
    typed = dialog.get_by_label("Your password")
    typed.fill("not this one")
    page.keyboard.press("Enter")
    dialog.get_by_text("This is not your password.").wait_for()
    typed.fill(ADMIN_PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_text("secret words").wait_for()
    assert dialog.count() == 0
    page.clock.fast_forward(31_000)
    page.get_by_text("secret words").wait_for(state="detached")
    page.get_by_role("button", name="Show").click()  # within five minutes nothing is asked again
    page.get_by_text("secret words").wait_for()


def test_without_ones_own_password_nothing_is_shown(page: Page) -> None:
    page.get_by_role("button", name="Show").click()
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("Give your password first.").wait_for()
    assert "secret words" not in page.content()
