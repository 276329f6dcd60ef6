"""Exports in a real browser: a large one comes by itself, and who has the same customers is said before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from panel.exporting import export_workbook
from panel.exports import running
from panel.imports.options import Viewer
from panel.jobs import run_pending
from tests.browser import sign_in_by_form
from tests.builders import customer
from tests.sheets import cells_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]


@pytest.fixture
def page(app: Flask, live_server: str, browser_page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    """Return a signed-in browser; three customers are many, and Ana has a workbook with one of them."""
    monkeypatch.setattr(running, "AT_ONCE", 2)
    with app.app_context():
        for name in ("Ann", "Bob", "Cyd"):
            customer(full_name=name, city="Brno" if name == "Ann" else "Praha")
        viewer = Viewer("Ana", "panel")
        export_workbook(tmp_path / "March.xlsx", fields=None, where=["city=Brno"], viewer=viewer)
    sign_in_by_form(browser_page, live_server)
    return browser_page


def test_a_large_export_shows_how_far_it_is_and_is_then_sent_once(
    app: Flask, live_server: str, page: Page, tmp_path: Path
) -> None:
    page.goto(f"{live_server}/exports/")
    page.get_by_label("Name of the file").fill("All of them")
    page.get_by_label("Note").first.fill("For Bob")
    page.get_by_role("button", name="Export customers").click()
    page.get_by_text("It begins in a moment.").wait_for()
    assert page.get_by_role("progressbar").is_visible()
    with page.expect_download() as download:
        with app.app_context():
            run_pending()
        page.get_by_role("button", name="Download").wait_for()
    path = tmp_path / "got.xlsx"
    download.value.save_as(path)
    assert [name for name in cells_of(path, "F").values() if name] == ["Ann", "Bob", "Cyd"]
    assert download.value.suggested_filename.startswith("All of them ")
    sent: list[object] = []
    page.on("download", lambda one: sent.append(one))  # noqa: PLW0108 (Playwright marks what it is given)
    page.reload()
    page.get_by_text("For Bob").wait_for()
    page.wait_for_load_state("networkidle")
    assert sent == []


def test_who_has_the_same_customers_is_said_while_one_chooses(live_server: str, page: Page) -> None:
    page.goto(f"{live_server}/exports/")
    said = page.get_by_role("status").filter(has_text="1 workbook is out with some of these customers")
    said.wait_for()
    is_said = {}
    for status, state in (("Active", "detached"), ("New", "visible")):
        page.locator("#only-status").select_option(status)
        said.wait_for(state=state)
        is_said[status] = said.is_visible()
    assert is_said == {"Active": False, "New": True}


@pytest.mark.parametrize(("query", "is_said"), [("flt_city_is=Brno", True), ("flt_city_is=Praha", False)])
def test_the_menu_of_a_list_says_it_too_and_takes_a_name_and_a_note(
    live_server: str, page: Page, tmp_path: Path, query: str, is_said: bool
) -> None:
    page.goto(f"{live_server}/customers/?{query}")
    with page.expect_response("**/exports/overlap/"):
        page.get_by_role("button", name="Export view").click()
    page.wait_for_load_state("networkidle")
    assert page.get_by_text("is out with some of these customers").is_visible() is is_said
    page.get_by_label("Name of the file").fill("Some")
    page.get_by_label("Note", exact=True).fill("By street")
    with page.expect_download() as download:
        page.get_by_role("button", name="Excel workbook").locator("visible=true").click()
    assert download.value.suggested_filename.startswith("Some ")
    page.goto(f"{live_server}/exports/")
    assert page.get_by_text("By street").is_visible()
