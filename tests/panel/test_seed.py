"""The page that the product was asked for after, "Adding a new customer", followed word by word in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.databases import Database
from tests.servers import first_start

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("engine", ["sqlite"], indirect=True),
]

FIELDS = (
    "Login",
    "Password",
    "Type of billing",
    "Full name",
    "Email",
    "Phone number",
    "Category",
    "Date of birth",
    "Passport",
    "Partner",
    "Location",
    "Date added",
    "Street",
    "ZIP code",
    "City",
    "Geo data",
)
NEW_PASSWORD = "seven ducks on a green pond"


def menu(page: Page, *names: str) -> None:
    """Click through the sidebar's menu; headings that only fold are no links."""
    with page.expect_navigation():
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=names[-1], exact=True).first.click()


def start_working(page: Page, server: str, said: str) -> None:
    """Sign in with the password that the first start printed, and choose one."""
    once = re.search(r"one-time password (\S+)", said)
    assert once
    page.goto(server)
    page.get_by_label("Email").fill("admin@example.com")
    page.get_by_label("Password").fill(once.group(1))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Current password").fill(once.group(1))
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("New password again").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    page.get_by_role("heading", name="Home").wait_for()


def test_a_customer_is_added_to_an_empty_instance_as_the_page_says(
    browser_page: Page, empty_database: Database
) -> None:
    page = browser_page
    page.on("dialog", lambda dialog: dialog.accept())
    with first_start(empty_database) as (server, said):
        start_working(page, server, said)
        statuses_are_as_described(page)
        characters_and_pattern_are_defined(page)
        an_additional_field_is_created(page)
        the_customer_is_added(page)
        deletion_comes_with_inactive(page)
        menu(page, "Customers", "Bin")
        assert "Anna Novak" in page.locator("main").inner_text()


def statuses_are_as_described(page: Page) -> None:
    menu(page, "Config", "Main", "Statuses")
    rows = page.locator("main .status-line")
    lines = [" ".join(row.inner_text().split()) for row in rows.all()]
    assert [next(name for name in ("New", "Active", "Blocked", "Inactive") if name in line) for line in lines] == [
        "New",
        "Active",
        "Blocked",
        "Inactive",
    ]
    assert "Not yet connected" in lines[0]
    assert "Doesn't use services" in lines[3]


def characters_and_pattern_are_defined(page: Page) -> None:
    menu(page, "Config", "Main", "Generator")
    page.locator("[name=login_pattern]").fill("RB{next|4}")
    page.get_by_text("RB0001").first.wait_for()
    page.locator("[name=password_characters]").fill("abcdefghjkmnpqrstuvwxyz23456789")
    page.locator("[name=password_length]").fill("14")
    page.get_by_role("button", name="Save").last.click()
    page.get_by_text("The generator was saved").wait_for()


def an_additional_field_is_created(page: Page) -> None:
    menu(page, "Config", "System", "Additional fields")
    page.get_by_role("link", name="Add").last.click()
    page.get_by_label("Label", exact=True).fill("Contract number")
    assert page.get_by_label("Add", exact=True).is_checked()
    page.get_by_role("button", name="Add field").click()
    page.get_by_text("Contract number was added").wait_for()


def the_customer_is_added(page: Page) -> None:
    menu(page, "Customers", "Add")
    page.wait_for_load_state("networkidle")
    shown = [" ".join(one.split()).removesuffix(" *") for one in page.locator("main .form-label").all_inner_texts()]
    assert tuple(shown[: len(FIELDS)]) == FIELDS
    assert "Contract number" in shown

    page.get_by_role("button", name="Generate a login").click()
    page.get_by_role("button", name="Generate a password").click()
    page.wait_for_function("() => ['login', 'password'].every(name => document.querySelector(`[name=${name}]`).value)")
    assert page.locator("[name=login]").input_value() == "RB0001"
    assert re.fullmatch("[a-hj-km-np-z2-9]{14}", page.locator("[name=password]").input_value())

    page.get_by_label("Type of billing").select_option(label="Prepaid")
    page.get_by_label("Full name").fill("Anna Novak")
    page.get_by_label("Email", exact=True).type("anna@example.com, office@example.com,")
    page.get_by_label("Phone number", exact=True).type("+420 603 123 456, +420 777 123 456,")
    assert page.get_by_label("Category").input_value() == "Private person"
    page.get_by_label("Date of birth").fill("1980-03-04")
    page.get_by_label("Passport").fill("00123456")
    assert [page.get_by_label(name, exact=True).input_value() for name in ("Partner", "Location")] == ["Main", "Main"]
    assert page.get_by_label("Date added").input_value()
    page.get_by_label("Street", exact=True).fill("Hlavni 1")
    page.get_by_label("ZIP code").fill("01234")
    page.get_by_label("City", exact=True).fill("Praha")
    page.get_by_label("Geo data", exact=True).fill("49.9902794, 36.2303893")
    page.get_by_label("Contract number").fill("007-2026")
    page.get_by_role("button", name="Add", exact=True).click()

    page.get_by_role("heading", level=1, name="Anna Novak").wait_for()
    told = " ".join(page.locator("main").inner_text().split())
    for value in (
        "RB0001",
        "Prepaid",
        "anna@example.com",
        "office@example.com",
        "+420 603 123 456",
        "+420 777 123 456",
        "00123456",
        "Hlavni 1",
        "01234",
        "Praha",
        "49.9902794, 36.2303893",
        "007-2026",
    ):
        assert value in told, value
    assert "New" in page.locator(".lead-line").inner_text()


def deletion_comes_with_inactive(page: Page) -> None:
    delete = page.get_by_role("button", name="Delete")
    assert delete.is_disabled()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Status", exact=True).select_option(label="Inactive")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("1 field was saved").wait_for()
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("was moved to the bin").wait_for()
