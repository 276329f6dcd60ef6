"""Every page as somebody with a screen reader, a keyboard or weak eyes needs it: axe finds nothing serious."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask

from tests.databases import ADMIN, ADMIN_PASSWORD
from tests.panel.furnished import DELETED, every_page, furnish

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
RUN = "axe.run({resultTypes: ['violations']}).then(found => found.violations)"
SERIOUS = {"serious", "critical"}


def findings(page: Page, address: str) -> list[str]:
    """Return what axe finds serious on the page at an address, and whether it scrolls sideways."""
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.evaluate(AXE)
    violations: list[dict[str, Any]] = page.evaluate(RUN)
    found = [
        f"{address}: {one['id']} at {' '.join(map(str, one['nodes'][0]['target']))} (+{len(one['nodes']) - 1})"
        for one in violations
        if one["impact"] in SERIOUS
    ]
    width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*found, f"{address}: is {width} pixels too wide"] if width > 0 else found


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("width", "theme"), [(1360, "light"), (390, "dark")])
def test_axe_finds_nothing_serious_on_any_page(
    app: Flask, chromium: Browser, live_server: str, width: int, theme: str
) -> None:
    furnish(app)
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    page = context.new_page()
    found = findings(page, f"{live_server}/login/")
    page.get_by_label("Email").fill(ADMIN)
    page.get_by_label("Password").fill(ADMIN_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", level=1).wait_for()
    pages = every_page(app)
    assert {"/bulk/2/", "/bulk/2/fields/", "/jobs/1/", f"/bin/{DELETED}/", "/imports/1/"} <= set(pages)
    for address in [*pages, "/nothing-here"]:
        found += findings(page, live_server + address)
    context.close()
    assert not found, "\n".join(found)
