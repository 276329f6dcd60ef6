"""A hundred kills at random moments of an apply: the database is what it was or what it should be, never between."""

from __future__ import annotations

import logging
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select, text, update
from sqlalchemy.engine import make_url

from panel.database import is_sqlite, reading
from panel.exports import running
from panel.exports.keeping import folder
from panel.extensions import db
from panel.imports import waiting
from panel.imports.files import ABANDONED_SECONDS, uploads
from panel.models import Customer, Export, Import, Job, Revision
from panel.models.columns import now
from panel.setup import prepare
from panel.signature import signature
from sync.workbook.writer import UNFINISHED
from tests.databases import Database, dispose
from tests.panel.edited import edited_workbook
from tests.panel.killing import killer
from tests.panel.pages import sign_in

pytestmark = [pytest.mark.asvs("R20"), pytest.mark.timeout(600)]
KILLS = {"sqlite": 35, "postgresql": 15}
"""Of each of two ways to apply: a hundred in all."""
FEW_KILLS = 5
CUSTOMERS = 300
SEED = int(os.environ.get("KILLS_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
OLD, NEW = "old", "new"
CHILDREN = (b"sync.workbook.child", b"sync.workbook.writing_child")
LATER, EARLIER = 1.1, 0.8
"""The next kill, after one that came before the commit, or after it: about a third come late, however busy it is."""
logger = logging.getLogger(__name__)


class Attempts:
    """A database that is put back before each attempt to apply the same import."""

    def __init__(self, app: Flask, database: Database, folder: Path) -> None:
        self._app, self._database, self._saved = app, database, folder / "saved"
        self._url = make_url(database.url)

    def save(self) -> None:
        """Keep the database and the instance folder as they are."""
        dispose(self._app)
        shutil.copytree(self._database.instance, self._saved)
        self._on_server(f"CREATE DATABASE saved_{self._url.database} TEMPLATE {self._url.database}")

    def put_back(self) -> None:
        """Make database and instance folder what they were when they were saved."""
        dispose(self._app)
        shutil.rmtree(self._database.instance)
        shutil.copytree(self._saved, self._database.instance)
        name = self._url.database
        self._on_server(f"DROP DATABASE {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE saved_{name}")

    def forget(self) -> None:
        dispose(self._app)
        self._on_server(f"DROP DATABASE saved_{self._url.database}")

    def _on_server(self, *statements: str) -> None:
        if self._url.get_backend_name() == "sqlite":
            return
        server = self._url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
        with psycopg.connect(server, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


@pytest.fixture
def attempts(app: Flask, database: Database, tmp_path: Path) -> Iterator[Attempts]:
    one = Attempts(app, database, tmp_path)
    yield one
    one.forget()


def planned(app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Upload a workbook, accept its new field, and have it applied by a job, which waits."""
    client = sign_in(app.test_client())
    with path.open("rb") as file:
        client.post("/imports/upload/", data={"file": (file, path.name)})
    client.post("/imports/1/options/", data={"_only": "options", "create_fields": "y"})
    monkeypatch.setattr(waiting, "SMALL_ROWS", 0)
    client.post("/imports/1/apply/")


def look(app: Flask) -> tuple[str, list[str]]:
    """Return the signature and the states of imports, once nobody writes any more, of a database that is whole."""
    with app.app_context():
        _wait_for_silence()
        with reading() as connection:
            if is_sqlite(connection):
                assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
            logged = select(func.count()).where(Revision.record_id == Customer.id, Revision.entity == "customer")
            torn = select(Customer.id).where(Customer.revision != logged.scalar_subquery())
            assert connection.execute(torn).scalars().all() == []
            states = list(connection.execute(select(Import.state)).scalars())
            return signature(connection), states


def _wait_for_silence() -> None:
    """Wait until the server noticed that whom it served is gone; SQLite has no server."""
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    while not is_sqlite(db.engine) and db.session.execute(others).scalar():
        db.session.rollback()
        time.sleep(0.01)
    db.session.rollback()


def is_at_work(instance: Path) -> bool:
    """Tell whether a process parses an upload of an instance, or writes an export."""
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = one.read_bytes()
        except OSError:
            continue
        if any(child in words for child in CHILDREN) and str(instance).encode() in words:
            return True
    return False


@pytest.mark.parametrize("way", ["job", "command"])
def test_a_kill_at_any_moment_of_an_apply_leaves_old_or_new(
    app: Flask,
    database: Database,
    engine: str,
    attempts: Attempts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    path = edited_workbook(app, tmp_path / "out.xlsx", CUSTOMERS)
    arguments = ["import", str(path), "--create-fields"] if way == "command" else []
    if way == "job":
        planned(app, path, monkeypatch)
    attempts.save()
    before = look(app)
    draw, came, reach = random.Random(SEED), Counter[str](), 1.2
    with killer(database) as process:
        for _warm in range(2):  # the first one reads what the others find read
            attempts.put_back()
            marks = process.run(*arguments)
        after = look(app)
        assert (before[1], after[1]) == (["planned"] if way == "job" else [], ["applied"])
        for number in range(KILLS[engine]):
            attempts.put_back()
            is_late = number % 3 > 0
            longest = marks["d"] - marks["w"] if is_late else marks["d"]
            delay = draw.uniform(0, reach * longest)
            process.run(*arguments, wait_for_writes=is_late, delay=delay)
            said = f"seed {SEED}, kill {number}: {delay:.3f} s {'of writing' if is_late else ''} of {marks}"
            found = look(app)
            assert found in (before, after), said
            came[OLD if found == before else NEW] += 1
            reach *= LATER if found == before else EARLIER
            go_on(app)
            process.run(*arguments)
            refuse_other(look(app), before, after, engine, said)
    assert set(came) == {OLD, NEW}, (SEED, came)
    logger.warning("%s, %s: %s, seed %s, seconds %s", engine, way, dict(came), SEED, marks)
    refuse_leftovers(app, database)


def refuse_other(found: tuple[str, list[str]], before: Any, after: Any, engine: str, said: str) -> None:
    """See that what was begun is done; PostgreSQL's sequences do not go back, so that new customers have other IDs."""
    assert set(found[1]) == {"applied"}, said
    assert found[0] != before[0], said
    assert engine == "postgresql" or found[0] == after[0], said


def go_on(app: Flask) -> None:
    """Let the lease of whoever was killed be over."""
    with app.app_context():
        db.session.execute(update(Job).where(Job.state == "running").values(leased_until=now()))
        db.session.commit()


def refuse_leftovers(app: Flask, database: Database) -> None:
    """See that no process parses or writes any more, and that the next start removes the files that nobody knows."""
    end = time.monotonic() + 10
    while is_at_work(database.instance) and time.monotonic() < end:
        time.sleep(0.1)
    assert not is_at_work(database.instance)
    temporary = database.instance.parent
    with app.app_context(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(temporary))
        places = uploads(), folder()
        for one in (*places[0].iterdir(), *places[1].iterdir(), *temporary.glob(f"{UNFINISHED}*")):
            os.utime(one, (0, time.time() - 2 * ABANDONED_SECONDS))
        prepare(app)
        known = {*db.session.scalars(select(Import.stored_as)), *db.session.scalars(select(Export.stored_as))}
        assert {one.name for place in places for one in place.iterdir()} <= known
        assert list(temporary.glob(f"{UNFINISHED}*")) == []


@pytest.mark.parametrize("kind", ["plan", "export"])
def test_a_plan_and_an_export_whose_worker_was_killed_are_made_by_another(
    app: Flask,
    database: Database,
    attempts: Attempts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    path = edited_workbook(app, tmp_path / "out.xlsx", CUSTOMERS)
    monkeypatch.setattr(waiting, "SMALL_BYTES", 0)
    monkeypatch.setattr(running, "AT_ONCE", 0)
    client, draw = sign_in(app.test_client()), random.Random(SEED)
    if kind == "plan":
        with path.open("rb") as file:
            client.post("/imports/upload/", data={"file": (file, path.name)})
    else:
        client.post("/exports/new/", data={"format": "xlsx"})
    attempts.save()
    with killer(database) as process:
        for _warm in range(2):
            attempts.put_back()
            marks = process.run()
        for _kill in range(FEW_KILLS):
            attempts.put_back()
            process.run(delay=draw.uniform(0, 1.1 * marks["d"]))
            go_on(app)
            process.run()
            with app.app_context():
                ended = db.session.execute(select(Import.state) if kind == "plan" else select(Export.state)).all()
            assert ended[-1] == ("planned" if kind == "plan" else "ready",), SEED
            refuse_leftovers(app, database)
