"""Pictures of every page, for looking at: ``python -m tests.screenshots FOLDER``.

Each page at 1360 and 390 pixels, light and dark, of an instance with made-up customers and workbooks.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, sync_playwright
from waitress.server import create_server

from panel import create_app
from panel.setup import prepare
from tests.browser import CHROMIUM_OPTIONS
from tests.databases import ADMIN, ADMIN_PASSWORD
from tests.panel.furnished import every_page, furnish, name_of
from tests.resources import require

LOOKS = ((1360, "light"), (1360, "dark"), (390, "light"), (390, "dark"))


def main(folder: Path) -> None:
    """Take all the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as instance:
        app = create_app(instance=Path(instance))
        prepare(app, admin_password=ADMIN_PASSWORD)
        app.config["WTF_CSRF_ENABLED"] = False  # for the client that works and looks which pages there are
        furnish(app)
        pages = every_page(app)
        app.config["WTF_CSRF_ENABLED"] = True
        server = create_server(app, host="127.0.0.1", port=0, threads=4)
        threading.Thread(target=server.run, daemon=True).start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=require("chromium"), args=CHROMIUM_OPTIONS)
            for width, theme in LOOKS:
                context: Any = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
                _shoot(context, f"http://127.0.0.1:{server.effective_port}", pages, folder, f"{width}-{theme}")
                context.close()
            browser.close()


def _shoot(context: BrowserContext, server: str, pages: list[str], folder: Path, look: str) -> None:
    page = context.new_page()
    page.goto(f"{server}/login/")
    page.screenshot(path=folder / f"login-{look}.png")
    page.get_by_label("Email").fill(ADMIN)
    page.get_by_label("Password").fill(ADMIN_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", level=1).wait_for()
    for address in pages:
        page.goto(server + address)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=folder / f"{name_of(address)}-{look}.png", full_page=True)
        print(f"{name_of(address)}-{look}")  # noqa: T201 - a script says what it does


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots"))
