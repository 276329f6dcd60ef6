"""From a plan to a paid debt: a month of billing, lived through the pages alone."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import pytest
from flask import Flask

from panel import words
from tests import office
from tests.browser import sign_in_by_form
from tests.builders import customer

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]
ACTIVE = 2


class Calendar:
    """What day it is for the whole panel."""

    day = dt.date(2030, 12, 1)

    def today(self) -> dt.date:
        return self.day


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    made, real = Calendar(), words.today
    for name, module in list(sys.modules.items()):
        if name.startswith("panel.") and getattr(module, "today", None) is real:
            monkeypatch.setattr(module, "today", made.today)
    return made


@pytest.fixture
def page(app: Flask, browser_page: Page, live_server: str) -> Iterator[Page]:
    """Yield the admin's browser; forms need their tokens, and the worker runs."""
    app.config["WTF_CSRF_ENABLED"] = True
    browser_page.on("dialog", lambda dialog: dialog.accept())
    sign_in_by_form(browser_page, live_server)
    app.extensions["worker"].start()
    yield browser_page
    app.extensions["worker"].stop()


def has(page: Page, text: str) -> None:
    page.get_by_text(text).first.wait_for()


def add_plan(page: Page, address: str) -> None:
    page.goto(f"{address}/plans/")
    page.get_by_role("link", name="Add the first plan").click()
    page.get_by_role("textbox", name="Name").fill("Fast 100")
    page.get_by_label("Price a month").fill("24.9")
    page.get_by_role("button", name="Add plan").click()
    has(page, "Fast 100 was added.")


def add_service(page: Page, link: str, price: str = "") -> None:
    page.get_by_role("link", name=link).click()
    page.get_by_label("Plan").select_option(label="Fast 100")
    assert page.get_by_label("Price a month").input_value() == "24.90"
    if price:
        page.get_by_label("Price a month").fill(price)
    page.get_by_role("button", name="Add service").click()
    has(page, "Fast 100 was added.")


def run_the_day(page: Page, address: str, sentence: str) -> None:
    page.goto(f"{address}/daily/")
    page.get_by_role("button", name="Run now").click()
    page.wait_for_url("**/jobs/*/")
    has(page, sentence)


def pay(page: Page, amount: str) -> None:
    page.get_by_role("link", name="Add payment").click()
    page.get_by_label("Amount").fill(amount)
    page.get_by_label("Method").select_option(label="Cash")
    page.get_by_role("button", name="Add payment").click()


def export_statement(page: Page, folder: Path) -> list[tuple[object, ...]]:
    """Return what, charged, paid and balance of each row, once LibreOffice has saved the file; days are days."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Export the statement as a workbook").click()
    out = folder / "statement.xlsx"
    download.value.save_as(out)
    again = office.resave(out, folder / "again.xlsx")
    rows = list(openpyxl.load_workbook(again).worksheets[0].iter_rows(min_row=2, max_col=5))
    assert all(row[0].is_date for row in rows[1:-1])
    return [tuple(cell.value for cell in row[1:]) for row in rows]


def test_a_month_of_billing_from_a_plan_to_a_statement(
    app: Flask, page: Page, live_server: str, calendar: Calendar, tmp_path: Path
) -> None:
    with app.app_context():
        ann = customer("Ann Novak", status_id=ACTIVE)
    billing = f"{live_server}/customers/billing/?id={ann}"
    add_plan(page, live_server)
    page.goto(f"{live_server}/customers/services/?id={ann}")
    add_service(page, "Add the first service")
    add_service(page, "Add service", "10,10")
    has(page, "The active ones cost 35.00 EUR a month.")

    run_the_day(page, live_server, "2 charges of 35.00 EUR together.")
    page.goto(billing)
    has(page, "Owes 35.00 EUR")
    has(page, "Will be blocked on Dec 16, 2030 unless 35.00 EUR are paid.")
    page.goto(f"{live_server}/daily/")
    page.get_by_role("link", name="1 customer will be blocked").click()
    has(page, "Ann Novak")

    calendar.day = dt.date(2030, 12, 16)
    run_the_day(page, live_server, "1 customer blocked.")
    calendar.day = dt.date(2030, 12, 26)
    run_the_day(page, live_server, "1 customer deactivated.")
    page.goto(f"{live_server}/customers/details/?id={ann}")
    has(page, "Unpaid since 16 December 2030")
    has(page, "Still unpaid when the grace period ended, which began on 16 December 2030")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0

    page.goto(billing)
    pay(page, "35")
    has(page, "A payment of 35.00 EUR was recorded. Ann Novak is Active again.")
    has(page, "Owes nothing")
    assert export_statement(page, tmp_path) == [
        ("Opening balance", None, None, 0),
        ("Fast 100, December 2030", 24.9, None, -24.9),
        ("Fast 100, December 2030", 10.1, None, -35),
        ("Payment: Cash", None, 35, 0),
        ("Closing balance", None, None, 0),
    ]
