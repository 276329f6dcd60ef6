"""The list of customers as somebody works in it all day: by keyboard and mouse, in a real Chromium."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from sqlalchemy import func, select

from panel.database import writing
from panel.extensions import db
from panel.models import Customer, SavedView, Status
from tests.browser import sign_in_by_form
from tests.panel.pages import STAFF_PASSWORD, add_user
from tests.sheets import cells_of, read_keys, sheet_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

TOWNS = ("Brno", "Praha", "Zlin")
NUMBER = 45


@pytest.fixture
def page(app: Flask, browser_page: Page, live_server: str) -> Iterator[Page]:
    """Yield the list of 45 customers, 20 to a page, in three towns; then look for complaints."""
    with app.app_context(), writing():
        inactive = db.session.scalars(select(Status).where(Status.deletable)).one()
        for n in range(NUMBER):
            one = Customer(full_name=f"Customer {n + 1:02}", city=TOWNS[n % 3])
            one.status_id = inactive.id if n >= NUMBER - 2 else one.status_id
            db.session.add(one)
            db.session.flush()
    complaints: list[str] = []
    browser_page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    app.extensions["worker"].start()
    sign_in_by_form(browser_page, live_server)
    browser_page.goto(f"{live_server}/customers/?page_size=20")
    yield browser_page
    app.extensions["worker"].stop()
    assert complaints == []


def names(page: Page) -> list[str]:
    return page.locator("[data-open]").all_inner_texts()


def numbered(*numbers: int) -> list[str]:
    return [f"Customer {n:02}" for n in numbers]


def heads(page: Page) -> list[str]:
    return page.locator("thead [id^=sort-]").all_inner_texts()


def swapped(page: Page, sentence: str) -> None:
    """Wait until the pager says something, which it does once the list is there."""
    page.locator(".pager").get_by_text(sentence).wait_for()


def selected(page: Page) -> str:
    return page.locator("[data-selected-count]").inner_text()


def tick(page: Page, row: int, **more: object) -> None:
    page.locator("[data-tick]").nth(row).click(**more)


def add_filter(page: Page, field: str, comparison: str, value: str) -> None:
    """Add a filter with keys alone: the field is found by typing."""
    page.keyboard.press("f")
    page.locator(".filter-form .dropdown-input:focus").fill(field)
    page.keyboard.press("Enter")
    page.get_by_label("Comparison").select_option(comparison)
    page.locator("#filter-value").fill(value)
    page.locator("#filter-value").press("Enter")


def test_columns_are_chosen_and_ordered_by_keyboard_and_stay(page: Page, live_server: str) -> None:
    assert "Login" in heads(page)
    page.get_by_role("button", name="Columns").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Login", exact=True).focus()
    page.keyboard.press("Space")
    up = page.get_by_role("button", name="Move City up")
    up.focus()
    for _ in range(6):
        page.keyboard.press("Enter")
        assert up.evaluate("one => one === document.activeElement")
    page.get_by_role("button", name="Show these columns").press("Enter")
    page.wait_for_url("**/customers/?*view=0*")
    page.goto(f"{live_server}/customers/")
    assert heads(page)[0] == "City"
    assert "Login" not in heads(page)


def test_a_filter_is_added_changed_by_its_chip_and_taken_away(page: Page) -> None:
    add_filter(page, "City", "is", "Brno")
    swapped(page, "1–15 of 15")
    assert "flt_city_is=Brno" in page.url
    chip = page.get_by_role("button", name="City is Brno")
    chip.click()
    assert page.locator("#filter-value").input_value() == "Brno"
    page.locator("#filter-value").fill("Praha")
    page.get_by_role("button", name="Change this filter").last.click()
    page.get_by_role("button", name="City is Praha").wait_for()
    assert "Brno" not in page.url
    assert chip.count() == 0
    page.go_back()
    chip.wait_for()
    page.get_by_role("link", name="Take this filter away: City is Brno").click()
    swapped(page, "1–20 of 45")
    assert "flt_" not in page.url


def test_a_choice_of_several_is_a_filter(page: Page) -> None:
    page.keyboard.press("f")
    page.locator(".filter-form .dropdown-input:focus").fill("Status")
    page.keyboard.press("Enter")
    page.get_by_label("Comparison").select_option("is any of")
    several = page.locator("#filter-value-ts-control")
    several.fill("Inact")
    several.press("Enter")
    page.get_by_role("button", name="Add this filter").click()
    swapped(page, "1–2 of 2")
    assert names(page) == numbered(45, 44)


def test_a_view_is_saved_opened_again_and_shared(app: Flask, page: Page, chromium: Browser, live_server: str) -> None:
    add_filter(page, "City", "is", "Zlin")
    swapped(page, "1–15 of 15")
    page.get_by_role("button", name="Saved views").click()
    page.get_by_label("Save this list as").fill("People of Zlin")
    page.get_by_label("Share with everybody").check()
    page.get_by_role("button", name="Save view").click()
    page.get_by_text("The view People of Zlin was saved.").wait_for()
    page.goto(f"{live_server}/customers/?view=0")
    page.get_by_role("button", name="Saved views").click()
    page.get_by_role("link", name="People of Zlin").click()
    swapped(page, "1–15 of 15")
    assert page.get_by_role("button", name="People of Zlin").is_visible()

    with app.app_context():
        add_user("eva@example.com", "staff")
        assert db.session.scalars(select(SavedView)).one().shared
    colleague = chromium.new_context().new_page()
    sign_in_by_form(colleague, live_server, "eva@example.com", STAFF_PASSWORD)
    colleague.goto(f"{live_server}/customers/")
    colleague.get_by_role("button", name="Saved views").click()
    colleague.get_by_role("link", name="People of Zlin").click()
    swapped(colleague, "1–15 of 15")
    colleague.context.close()


def test_the_list_is_sorted_and_paged_without_loading_the_page_and_back_works(page: Page) -> None:
    page.evaluate("window.stays = true")
    page.locator("#sort-full_name").click()
    page.locator("th[aria-sort=ascending] #sort-full_name").wait_for()
    assert names(page) == numbered(*range(1, 21))
    page.get_by_role("link", name="Next page").click()
    swapped(page, "21–40 of 45")
    assert names(page) == numbered(*range(21, 41))
    page.get_by_role("link", name="Last page").click()
    swapped(page, "41–45 of 45")
    assert names(page) == numbered(*range(41, 46))
    page.get_by_role("link", name="Previous page").click()
    swapped(page, "21–40 of 45")
    page.get_by_role("link", name="First page").click()
    swapped(page, "1–20 of 45")
    page.locator("#sort-full_name").click()
    page.locator("th[aria-sort=descending] #sort-full_name").wait_for()
    assert names(page)[0] == "Customer 45"
    assert page.evaluate("window.stays"), "the list alone was swapped"
    page.go_back()
    page.locator("th[aria-sort=ascending] #sort-full_name").wait_for()
    page.go_back()
    swapped(page, "21–40 of 45")
    assert names(page) == numbered(*range(21, 41))
    page.get_by_label("Rows").select_option("50")
    swapped(page, "1–45 of 45")


def test_rows_are_ticked_in_ranges_and_across_pages_and_all_of_a_filter(page: Page) -> None:
    tick(page, 1)
    tick(page, 5, modifiers=["Shift"])
    assert selected(page) == "5 selected"
    page.get_by_role("link", name="Next page").click()
    swapped(page, "21–40 of 45")
    assert selected(page) == "5 selected"
    page.get_by_label("Select all customers on this page").check()
    assert selected(page) == "25 selected"
    page.get_by_role("link", name="Previous page").click()
    swapped(page, "1–20 of 45")
    assert page.locator("[data-tick]:checked").count() == 5
    page.get_by_role("button", name="Select all 45").click()
    assert selected(page) == "All 45 selected"
    page.get_by_role("button", name="Select none").click()
    assert page.locator("[data-selected]").is_hidden()
    add_filter(page, "City", "is", "Brno")
    swapped(page, "1–15 of 15")
    tick(page, 0)
    page.get_by_role("button", name="Select all 15 in this filter").click()
    assert selected(page) == "All 15 selected"


def towns(app: Flask, town: str) -> int:
    with app.app_context():
        query = select(func.count()).select_from(Customer).where(Customer.city == town, Customer.deleted_at.is_(None))
        return db.session.scalar(query) or 0


def test_all_of_a_filter_are_edited_from_the_bar_and_put_back(app: Flask, page: Page) -> None:
    add_filter(page, "City", "is", "Brno")
    swapped(page, "1–15 of 15")
    tick(page, 0)
    page.get_by_role("button", name="Select all 15 in this filter").click()
    page.get_by_role("button", name="Bulk edit").click()
    page.get_by_role("heading", name="Edit 15 customers").wait_for()
    page.get_by_label("City", exact=True).first.select_option("Set to")
    page.locator("[name=city]").fill("Ostrava")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Change 15 customers").click()
    page.get_by_text("15 customers were changed.").wait_for(timeout=20_000)
    assert (towns(app, "Brno"), towns(app, "Ostrava")) == (0, 15)
    page.get_by_role("link", name="Undo…").click()
    page.get_by_role("button", name="Put back").click()
    page.get_by_text("15 values were put back.").wait_for(timeout=20_000)
    assert (towns(app, "Brno"), towns(app, "Ostrava")) == (15, 0)


def test_only_those_whose_status_allows_it_are_deleted_from_the_bar_and_restored(app: Flask, page: Page) -> None:
    def left() -> int:
        with app.app_context():
            return db.session.scalar(select(func.count()).where(Customer.deleted_at.is_(None))) or 0

    tick(page, 0)
    tick(page, 3, modifiers=["Shift"])
    page.locator("[data-selected]").get_by_role("button", name="Delete").click()
    page.get_by_role("heading", name="Delete 4 customers").wait_for()
    page.get_by_role("button", name="Delete 2 customers").click()
    page.get_by_text("2 customers were moved to the bin.").wait_for(timeout=20_000)
    assert left() == NUMBER - 2
    page.get_by_role("link", name="Undo…").click()
    page.get_by_role("button", name="Put back").click()
    page.get_by_text("were restored").wait_for(timeout=20_000)
    assert left() == NUMBER


def test_the_bar_exports_exactly_the_ticked_and_the_page_exactly_the_view(page: Page, tmp_path: Path) -> None:
    page.locator("#sort-full_name").click()
    page.locator("th[aria-sort=ascending] #sort-full_name").wait_for()
    add_filter(page, "City", "is", "Praha")
    swapped(page, "1–15 of 15")
    view = numbered(*range(2, NUMBER + 1, 3))
    assert names(page) == view

    book = tmp_path / "view.xlsx"
    page.get_by_role("button", name="Export view").click()
    with page.expect_download() as download:
        page.locator("#list-actions").get_by_role("button", name="Excel workbook").click()
    download.value.save_as(book)
    letters = read_keys(book)
    shown = {"status", "login", "full_name", "phones", "city"}
    assert shown <= set(letters)
    assert not {"street", "date_of_birth", "emails"} & set(letters)
    assert list(cells_of(book, letters["full_name"]).values())[: len(view)] == view
    assert sheet_of(book).max_row >= 2 + len(view)

    text = tmp_path / "ticked.csv"
    tick(page, 2)
    tick(page, 4)
    page.locator("[data-selected]").get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.locator("[data-selected]").get_by_role("button", name="Text (.csv)").click()
    download.value.save_as(text)
    lines = list(csv.reader(text.read_text("utf-8-sig").splitlines()))
    assert sorted(cell for line in lines for cell in line if cell.startswith("Customer ")) == [view[2], view[4]]


def test_the_list_is_used_by_keys_alone(page: Page) -> None:
    focused = "document.activeElement.textContent.trim()"
    page.keyboard.press("j")
    assert page.evaluate(focused) == "Customer 45"
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("k")
    assert page.evaluate(focused) == "Customer 44"
    page.keyboard.press("x")
    assert selected(page) == "1 selected"
    assert page.locator("tr.table-active").get_attribute("data-row") == "44"
    page.keyboard.press("x")
    assert page.locator("[data-selected]").is_hidden()
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys in this list").is_visible()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Customer 45").wait_for()
