"""Statuses, the generator and additional fields as an admin sets them: by keyboard and mouse, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from sqlalchemy import select

from panel.extensions import db
from panel.models import AdditionalField, Customer, GeneratorConfig, Status
from panel.statuses import statuses_in_use
from tests.browser import complaints_of, sign_in_by_form
from tests.builders import additional_field, customer

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]


@pytest.fixture
def page(browser_page: Page, live_server: str) -> Iterator[Page]:
    """Yield the first page after signing in; then look for complaints."""
    complaints = complaints_of(browser_page)
    sign_in_by_form(browser_page, live_server)
    yield browser_page
    browser_page.wait_for_load_state()  # the server goes before the page does, and scripts may be on their way
    assert complaints == []


def statuses(app: Flask) -> list[str]:
    with app.app_context():
        return [one.label for one in statuses_in_use()]


def order_saved(page: Page) -> None:
    page.get_by_text("The order was saved.").wait_for(state="attached")


def drag(line: Locator, below: Locator) -> None:
    """Drag a line by its handle to just below another."""
    box = below.bounding_box()
    assert box
    line.locator(".drag").drag_to(below, target_position={"x": box["width"] / 2, "y": box["height"] - 3})


def test_statuses_are_ordered_by_dragging_and_by_keys(app: Flask, page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/statuses/")
    lines = page.locator(".status-line")
    drag(lines.filter(has_text="Not yet connected"), lines.filter(has_text="Blocked"))
    order_saved(page)
    assert statuses(app) == ["Active", "Blocked", "New", "Inactive"]
    page.reload()
    down = page.get_by_role("button", name="Move Active down")
    down.focus()
    for _ in range(3):
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Move Active up").and_(page.locator(":focus")).wait_for()
    order_saved(page)
    page.reload()
    assert lines.locator("strong").all_inner_texts() == ["Blocked", "New", "Inactive", "Active"]


def test_a_status_says_what_its_effects_mean_and_has_the_colour_that_was_chosen(
    app: Flask, page: Page, live_server: str
) -> None:
    page.goto(f"{live_server}/statuses/")
    page.get_by_role("link", name="Blocked", exact=True).click()
    means = page.locator("[data-effects-here]")
    before = means.inner_text()
    page.get_by_label("Services").select_option("Stopped: no services")
    assert means.inner_text() not in {before, ""}
    page.get_by_label("Teal").check()
    page.get_by_label("Another colour").fill("#112233")
    assert page.get_by_label("Another", exact=True).is_checked(), "choosing a colour of one's own takes it"
    page.get_by_label("Another", exact=True).press("ArrowLeft")
    assert page.get_by_label("Grey").is_checked()
    page.keyboard.press("Control+Enter")
    page.get_by_text("Blocked was saved").wait_for()
    with app.app_context():
        one = db.session.scalars(select(Status).where(Status.label == "Blocked")).one()
        assert (one.services, one.colour) == ("stopped", "#75849a")


def test_a_status_is_merged_after_a_look_at_what_changes(app: Flask, page: Page, live_server: str) -> None:
    def status() -> str:
        with app.app_context():
            return db.session.scalars(select(Customer)).one().status.label

    with app.app_context():
        customer(status_id=db.session.scalars(select(Status.id).where(Status.label == "Blocked")).one())
    page.goto(f"{live_server}/statuses/")
    page.get_by_role("link", name="Merge Blocked into another status").click()
    page.get_by_label("Into").select_option("Active")
    page.get_by_role("button", name="Show what changes").click()
    page.get_by_text("1 customer get").or_(page.get_by_text("1 customer")).first.wait_for()
    assert (status(), "Blocked" in statuses(app)) == ("Blocked", True)
    page.get_by_role("button", name="Merge Blocked into Active").click()
    page.get_by_role("heading", name="Statuses", exact=True).wait_for()
    assert (status(), "Blocked" in statuses(app)) == ("Active", False)


def test_the_generator_shows_three_logins_while_it_is_typed_and_a_mistake_at_its_place(
    app: Flask, page: Page, live_server: str
) -> None:
    page.goto(f"{live_server}/generator/")
    pattern = page.get_by_label("Login pattern")
    examples = page.locator("[data-examples-here] td")
    pattern.fill("RB-{next|4}")
    examples.get_by_text("RB-0001", exact=True).wait_for()
    assert examples.all_inner_texts() == ["RB-0001", "RB-0002", "RB-0003"]
    pattern.press_sequentially("{nxt}")
    page.get_by_text("Did you mean {next}?").wait_for()
    assert page.locator("[data-mistake-place] mark").inner_text() == "nxt"
    line, arrows = page.locator("[data-mistake-place]").inner_text().rstrip().split("\n")
    assert line[arrows.index("^") : arrows.rindex("^") + 1] == "nxt"
    assert examples.first.is_hidden()
    page.keyboard.press("Control+Enter")
    page.get_by_text("Nothing was saved").wait_for()
    pattern.and_(page.locator(":focus")).wait_for()
    pattern.fill("RB-{next|3}")
    examples.get_by_text("RB-001", exact=True).wait_for()
    assert page.locator("[data-mistake]").is_hidden()

    page.get_by_label("Password length").fill("4")
    page.locator("[data-strength][data-level=refused], [data-strength][data-level=weak]").wait_for()
    page.get_by_label("Password length").fill("20")
    page.locator("[data-strength][data-level=good]").wait_for()
    page.keyboard.press("Control+Enter")
    page.get_by_text("The generator was saved").wait_for()
    with app.app_context():
        config = db.session.scalars(select(GeneratorConfig)).one()
        assert (config.login_pattern, config.password_length) == ("RB-{next|3}", 20)


def test_the_preview_of_a_field_follows_what_is_typed(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/fields/new/")
    preview = page.locator("[data-field-preview]")
    page.get_by_label("Label", exact=True).press_sequentially("Installed on")
    preview.get_by_text("Installed on").wait_for()
    assert page.get_by_label("Key").input_value() == "installed_on"
    page.get_by_label("Type", exact=True).select_option("Whole number")
    page.get_by_label("Default value", exact=True).fill("seven")
    preview.get_by_text("Default value: 'seven'").wait_for()
    page.get_by_label("Type", exact=True).select_option("Date")
    page.get_by_label("Default value", exact=True).fill("2026-02-28")
    preview.locator("input[type=date]").wait_for()
    assert preview.locator("input[type=date]").input_value() == "2026-02-28"
    page.get_by_label("Hidden", exact=True).check()
    preview.get_by_text("history").wait_for()


def test_options_are_dragged_and_one_in_use_is_taken_away_only_with_an_answer(
    app: Flask, page: Page, live_server: str
) -> None:
    options = [["fibre", "Fibre"], ["radio", "Radio"], ["cable", "Cable"]]
    with app.app_context():
        additional_field("line", "select", options=options)
        customer(extra={"line": "radio"})
    page.goto(f"{live_server}/fields/")
    page.get_by_role("link", name="Edit Line").click()
    lines = page.locator("[data-option]")
    drag(lines.nth(0), lines.nth(2))
    assert [one.input_value() for one in lines.get_by_label("Option", exact=True).all()[:3]] == [
        "Radio",
        "Cable",
        "Fibre",
    ]
    lines.nth(0).get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Save").click()
    answer = page.get_by_label("Radio is taken away.")
    answer.and_(page.locator(":focus")).wait_for()
    answer.select_option("Cable")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Line was saved").wait_for()
    with app.app_context():
        assert db.session.scalars(select(AdditionalField.options)).one() == [["cable", "Cable"], ["fibre", "Fibre"]]
        assert db.session.scalars(select(Customer)).one().extra == {"line": "cable"}


def test_fields_are_ordered_by_dragging_and_forms_follow(app: Flask, page: Page, live_server: str) -> None:
    with app.app_context():
        for place, key in enumerate(("first", "second", "third")):
            additional_field(key, position=place, add=True)
    page.goto(f"{live_server}/fields/")
    lines = page.locator("[data-order] > [data-id]")
    drag(lines.nth(0), lines.nth(2))
    order_saved(page)
    page.goto(f"{live_server}/customers/new/")
    assert page.locator(".form-grid").last.locator(".form-label").all_inner_texts() == ["Second", "Third", "First"]
