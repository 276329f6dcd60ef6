"""A real Chromium, and the application served for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import flask
import pytest
from waitress.server import create_server
from waitress.wasyncore import close_all

from tests.databases import ADMIN, ADMIN_PASSWORD
from tests.resources import require

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM_OPTIONS = [
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Without these it looks for updates and components on the internet at every start.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium once for all tests of this process."""
    program = require("chromium")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (takes half a second)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def browser_page(chromium: Browser) -> Iterator[Page]:
    """Yield a page of a new browser session; at the end no script has failed and nothing was asked of the internet."""
    with session_of(chromium) as page:
        yield page


@contextmanager
def session_of(chromium: Browser) -> Iterator[Page]:
    """Yield a page of a new browser session; at the end no script has failed and nothing was asked of the internet."""
    context = chromium.new_context(viewport={"width": 1360, "height": 900})
    context.set_default_timeout(30_000)
    page = context.new_page()
    failures: list[str] = []
    foreign: list[str] = []
    context.on("weberror", lambda error: failures.append(str(error.error)))
    context.on("request", lambda request: None if _is_local(request.url) else foreign.append(request.url))
    yield page
    context.close()
    assert failures == [], failures
    assert foreign == [], foreign


@pytest.fixture
def live_server(app: flask.Flask) -> Iterator[str]:
    """Serve the application as `run.py` does, on a free port; yield its address without a slash at the end."""
    with served(app) as address:
        yield address


@contextmanager
def served(app: flask.Flask, port: int = 0) -> Iterator[str]:
    """Serve an application as `run.py` does, on a port or a free one; yield its address, no slash at the end."""
    sockets: dict[int, Any] = {}
    server = create_server(app, map=sockets, host="127.0.0.1", port=port, threads=4)
    thread = threading.Thread(target=server.run, name="live_server")
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    # Waitress stops when its map of sockets is empty, and only its own thread may close them.
    server.trigger.pull_trigger(lambda: close_all(sockets))
    thread.join(timeout=10)
    server.task_dispatcher.shutdown()
    assert not thread.is_alive()


def sign_in_by_form(page: Page, address: str, email: str = ADMIN, password: str = ADMIN_PASSWORD) -> None:
    """Sign in at a server as a person does, and wait for the first page."""
    page.goto(f"{address}/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login/" not in url)
    page.get_by_role("heading", level=1).wait_for()


def complaints_of(page: Page) -> list[str]:
    """Return a list to which every error and warning of the page's console is added from now on."""
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    return complaints


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "blob:", "about:"))
