"""Fixtures that all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import flask
import pytest
from flask.testing import FlaskClient, FlaskCliRunner
from hypothesis import settings
from jinja2 import BytecodeCache, FileSystemBytecodeCache

from tests.browser import browser_page, chromium, live_server
from tests.databases import (
    Database,
    database,
    database_url,
    dispose,
    empty_database,
    engine,
    new_app,
    postgres_url,
    postgresql_template,
    sqlite_template,
)
from tests.resources import shared

__all__ = [
    "browser_page",
    "chromium",
    "database",
    "database_url",
    "empty_database",
    "engine",
    "live_server",
    "postgres_url",
    "postgresql_template",
    "sqlite_template",
]

# Two workers share two cores with LibreOffice and Chromium: how long an example takes says nothing there.
settings.register_profile("rollbook", deadline=None)
settings.load_profile("rollbook")


def pytest_configure() -> None:
    """Make the environment the same for everybody, before any module reads it."""
    # openpyxl is the oracle, and lxml, which only the benchmarks want, would change how it writes.
    os.environ["OPENPYXL_LXML"] = "False"
    for name in [name for name in os.environ if name.startswith("ROLLBOOK_")]:
        del os.environ[name]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data that lies beside the project."""
    return shared("data")


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> BytecodeCache:
    """Return where templates are kept once compiled: every test's application would compile them again."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(database: Database, compiled_templates: BytecodeCache) -> Iterator[flask.Flask]:
    """Yield the application on a prepared database of its own, on SQLite and on PostgreSQL in turn."""
    app = new_app(database)
    # A form's token is tested where it matters, by switching it on again.
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    app.jinja_env.bytecode_cache = compiled_templates
    yield app
    dispose(app)


@pytest.fixture
def client(app: flask.Flask) -> FlaskClient:
    """Return an anonymous visitor's browser."""
    return app.test_client()


@pytest.fixture
def runner(app: flask.Flask) -> FlaskCliRunner:
    """Return what runs `flask` commands in this process."""
    return app.test_cli_runner()
