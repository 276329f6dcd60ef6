"""One served panel and one browser for all journeys, and a panel on PostgreSQL; each story has a place of its own."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

import flask
import pytest

from tests.browser import served
from tests.databases import Database, dispose, new_app, placed
from tests.journeys.browsing import InBrowser, People
from tests.journeys.commands import Commands
from tests.journeys.story import Driver, Place

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser


_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def panels(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], flask.Flask]]:
    """Yield what gives the application on a database of an engine that all journeys share."""
    with ExitStack() as stack:

        @cache
        def panel(engine: str) -> flask.Flask:
            template: Database = request.getfixturevalue(f"{engine}_template")
            instance = tmp_path_factory.mktemp("journeys") / "instance"
            shutil.copytree(template.instance, instance)
            url = stack.enter_context(placed(engine, request, instance, template))
            app = new_app(Database(url, instance))
            stack.callback(dispose, app)
            stack.callback(app.extensions["worker"].stop)
            return app

        yield panel


@pytest.fixture(scope="package")
def panel(panels: Callable[[str], flask.Flask]) -> flask.Flask:
    """Return the application that is served."""
    return panels("sqlite")


@pytest.fixture(scope="package")
def people(panel: flask.Flask, chromium: Browser) -> Iterator[People]:
    """Yield the browsers of everybody who signs in to the served panel."""
    with served(panel) as address, ExitStack() as stack:
        yield People(chromium, address, stack)


DRIVERS = (
    "commands",
    pytest.param("commands on postgresql", marks=pytest.mark.postgres),
    pytest.param("browser", marks=pytest.mark.browser),
)


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest, panels: Callable[[str], flask.Flask], tmp_path: Path) -> Driver:
    """Return how the story is lived: by commands, on both engines, and in the browser."""
    way, _on, engine = str(request.param).partition(" on ")
    app = panels(engine or "sqlite")
    return Commands(app, tmp_path) if way == "commands" else InBrowser(app, request.getfixturevalue("people"), tmp_path)


@pytest.fixture
def place(driver: Driver, request: pytest.FixtureRequest) -> Place:
    """Return where the customers of this story are."""
    story = request.function.__name__.split("_")[1].upper()
    return Place(driver.app, f"{story} by {driver.name}, {next(_numbers)}")
