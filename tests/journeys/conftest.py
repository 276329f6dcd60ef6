"""One served panel and one browser for all journeys; each has a place of its own in it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import flask
import pytest

from tests.browser import served
from tests.databases import Database, dispose, new_app
from tests.journeys.browsing import InBrowser, People
from tests.journeys.commands import Commands
from tests.journeys.story import Driver, Place

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser


_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def panel(sqlite_template: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[flask.Flask]:
    """Yield the application on a database that all journeys share."""
    instance = tmp_path_factory.mktemp("journeys") / "instance"
    shutil.copytree(sqlite_template.instance, instance)
    app = new_app(replace(sqlite_template, url=f"sqlite:///{instance / 'rollbook.db'}", instance=instance))
    yield app
    app.extensions["worker"].stop()
    dispose(app)


@pytest.fixture(scope="package")
def people(panel: flask.Flask, chromium: Browser) -> Iterator[People]:
    """Yield the browsers of everybody who signs in to the served panel."""
    with served(panel) as address, ExitStack() as stack:
        yield People(chromium, address, stack)


@pytest.fixture(params=["commands", pytest.param("browser", marks=pytest.mark.browser)])
def driver(request: pytest.FixtureRequest, panel: flask.Flask, tmp_path: Path) -> Driver:
    """Return how the story is lived: by commands, and in the browser."""
    if request.param == "commands":
        return Commands(panel, tmp_path)
    return InBrowser(request.getfixturevalue("people"), tmp_path)


@pytest.fixture
def place(panel: flask.Flask, driver: Driver, request: pytest.FixtureRequest) -> Place:
    """Return where the customers of this story are."""
    story = request.function.__name__.split("_")[1].upper()
    return Place(panel, f"{story} by {driver.name}, {next(_numbers)}")
