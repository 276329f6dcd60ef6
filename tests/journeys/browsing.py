"""A story lived in a real browser, through the pages alone."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask

from tests.browser import session_of, sign_in_by_form
from tests.databases import ADMIN, ADMIN_PASSWORD
from tests.journeys.story import Line, Upload
from tests.panel.pages import STAFF_PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# What a tab says → the kind of lines; these are not counted by the commands, or by another name.
TABS = {"new customer": "new", "deletion": "delete", "repaired": "repair", "not in the file": "absent"}
ONLY_ON_PAGES = ("kept", "column", "moved")
BUTTONS = {
    ("conflict", "panel"): "All: keep the panel",
    ("conflict", "workbook"): "All: take the workbook",
    ("unknown", "workbook"): "All: take the workbook",
    ("repair", "panel"): re.compile("^Restore"),
}
TICKS = {"create_fields": "Make every unknown column a new field", "skip_problems": "Skip rows with problems"}
ORDERS = {"dmy": "day first", "mdy": "month first"}
KINDS = "What the import would do"
TO_TYPE = "To apply it all the same, type"
# Of every row the texts of its cells by their heads, without who set the panel's value.
READ_ROWS = """rows => rows.map(row => {
  const copy = row.cloneNode(true);
  copy.querySelectorAll(".by").forEach(one => one.remove());
  copy.querySelectorAll(".blank").forEach(one => { one.textContent = ""; });
  const words = cell => cell.textContent.replace(/\\s+/g, " ").trim();
  const heads = [...row.closest("table").tHead.rows[0].cells].map(words);
  return Object.fromEntries([...copy.cells].map((cell, at) => [heads[at], words(cell)]));
})"""


class People:
    """The browsers of everybody who is signed in, each a session of its own."""

    def __init__(self, chromium: Browser, address: str, stack: ExitStack) -> None:
        self._chromium, self.address, self._stack = chromium, address, stack
        self._pages: dict[str, Page] = {}

    def page(self, email: str = ADMIN) -> Page:
        """Return somebody's browser, signed in."""
        if email not in self._pages:
            page = self._pages[email] = self._stack.enter_context(session_of(self._chromium))
            page.on("dialog", lambda dialog: dialog.accept())
            sign_in_by_form(page, self.address, email, ADMIN_PASSWORD if email == ADMIN else STAFF_PASSWORD)
        return self._pages[email]


class InBrowser:
    """Somebody in front of a browser. What others upload is applied by the first admin."""

    name = "browser"

    def __init__(self, app: Flask, people: People, folder: Path) -> None:
        self.app, self.people, self.folder = app, people, folder
        self._numbers = itertools.count(1)

    def open(self, path: str, by: str = "") -> Page:
        """Go to a page."""
        page = self.people.page(by or ADMIN)
        page.goto(f"{self.people.address}{path}")
        return page

    def save(self, page: Page, button: str) -> Path:
        """Click a button that sends a file, and keep that."""
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        out = self.folder / f"file {next(self._numbers)}.xlsx"
        download.value.save_as(out)
        return out

    def export(self, place: str, by: str = "") -> Path:
        page = self.open("/exports/", by)
        page.get_by_role("combobox", name="Location").select_option(label=place)
        return self.save(page, "Export customers")

    def upload(self, path: Path, by: str = "") -> PageUpload:
        page = self._send(path, by)
        page.get_by_role("list", name=KINDS).wait_for(state="attached")
        return PageUpload(self, page.url)

    def _send(self, path: Path, by: str = "") -> Page:
        page = self.open("/imports/", by)
        page.get_by_label("Drop workbooks here").set_input_files(path)
        page.get_by_role("button", name="Upload and preview").click()
        return page

    def refused(self, path: Path) -> str:
        return self._send(path).locator("[role=alert], [data-part=obstacle]").first.inner_text()

    def colleague_edits(self, record_id: int, label: str, key: str, value: str) -> None:
        page = self.open(f"/customers/edit/?id={record_id}")
        page.get_by_label(label, exact=True).fill(value)
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("1 field was saved").wait_for()

    def apply_at_once(self, uploads: Sequence[Upload]) -> list[bool]:
        """Have the admin click in several windows without waiting in between."""
        mine = [one for one in uploads if isinstance(one, PageUpload)]
        pages = [one.open_window() for one in mine]
        for page in pages:
            page.evaluate("setTimeout(() => document.getElementById('apply').requestSubmit(), 50)")
        for page in pages:
            page.locator(".alert-success, .alert-danger").first.wait_for()
        done = [page.get_by_text("The import was applied").count() > 0 for page in pages]
        for page in pages:
            page.close()
        return done


class PageUpload:
    """The preview of an import, as the admin sees it."""

    def __init__(self, driver: InBrowser, url: str) -> None:
        self._driver = driver
        self._path = re.sub(r"^https?://[^/]+|\?.*$", "", url)
        self._numbers: list[int] = []

    def _open(self, group: str = "") -> Page:
        return self._driver.open(f"{self._path}?group={group}" if group else self._path)

    def open_window(self) -> Page:
        """Open the preview in a window of its own."""
        page = self._driver.people.page().context.new_page()
        page.goto(f"{self._driver.people.address}{self._path}")
        return page

    def counts(self) -> dict[str, int]:
        links = self._open().get_by_role("list", name=KINDS).get_by_role("link")
        found: dict[str, int] = {}
        for text in links.all_inner_texts():
            number, words = " ".join(text.split()).split(" ", 1)
            if not words.startswith(ONLY_ON_PAGES):
                found[TABS.get(words, TABS.get(words.removesuffix("s"), words.removesuffix("s")))] = int(number)
        return found

    def lines(self, group: str) -> list[Line]:
        page = self._open(group)
        if group != "problem":
            return _lines(page)
        kinds = [link.get_attribute("href") for link in page.locator("main tbody a[href*='kind=']").all()]
        return [line for kind in kinds for line in _lines(self._driver.open(str(kind)))]

    def said(self) -> str:
        return "\n".join(self._open().locator("main .alert").all_inner_texts())

    def guards(self) -> list[int]:
        asked = self._open().locator("main label", has_text=TO_TYPE).all_inner_texts()
        return [int(re.findall(r"type (\d+)", text)[0]) for text in asked]

    def answer(self, group: str, side: str) -> None:
        page = self._open(group)
        with page.expect_response("**/choose/"):
            page.get_by_role("button", name=BUTTONS[group, side]).first.click()

    def order(self, field: str, label: str, order: str) -> None:
        page = self._open()
        question = page.locator("form", has_text=label).filter(has=page.get_by_role("button", name=ORDERS[order]))
        assert question.count() == 1
        with page.expect_navigation():
            question.get_by_role("button", name=ORDERS[order]).click()

    def tick(self, option: str) -> None:
        page = self._open()
        page.get_by_label(TICKS[option]).check()
        with page.expect_navigation():
            page.get_by_role("button", name="Plan again").click()

    def confirm(self, number: int) -> None:
        self._numbers.append(number)

    def apply(self) -> bool:
        page = self._open()
        button = page.get_by_role("button", name=re.compile("^Apply "))
        for number in self._numbers:
            page.get_by_label(f"{TO_TYPE} {number}").fill(str(number))
        if not button.count() or button.is_disabled() or page.locator("input[name=confirm]:invalid").count():
            return False
        with page.expect_navigation():
            button.click()
        return page.get_by_text("The import was applied").count() > 0

    def undo(self) -> list[int]:
        page = self._open()
        page.get_by_role("button", name="Undo…").click()
        tabs = page.get_by_role("list", name="What undoing would do")
        tabs.wait_for()
        kept = tabs.get_by_role("link", name="kept")
        if kept.count():
            kept.click()
        found = [line.customer or 0 for line in _lines(page)] if kept.count() else []
        page.get_by_role("button", name=re.compile(r"^Undo \d+ change")).click()
        page.wait_for_url("**/jobs/**")
        return found

    def review(self) -> Path:
        return self._driver.save(self._open(), "Review workbook")


def _lines(page: Page) -> list[Line]:
    rows: list[dict[str, str]] = page.locator("main table tbody tr").evaluate_all(READ_ROWS)
    return [_line(row) for row in rows]


def _line(row: dict[str, Any]) -> Line:
    before, _arrow, after = (text.strip() for text in row.get("Change", "").partition("→"))
    who = row.get("Customer", "").split()
    return Line(
        at=row["Cell"].strip("–"),
        customer=int(who[0]) if who else None,
        base=row.get("When exported", ""),
        panel=row.get("In the panel now", before),
        workbook=row.get("In the workbook", row.get("Value", after)),
        message=row.get("Problem", row.get("Choice", row.get("", ""))),
    )
