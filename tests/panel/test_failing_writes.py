"""A database that fails at any write or commit: nothing is half done, a sentence says so, trying again works."""

from __future__ import annotations

import io
import re
import resource
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from panel import jobs
from panel.database import reading
from panel.exports.keeping import folder
from panel.extensions import db
from panel.imports.files import uploads
from panel.imports.undo_preview import UNDO
from panel.jobs import run_pending
from panel.models import Event, Export, Import, ImportItem, Job, Revision
from panel.signature import signature
from tests.panel.edited import edited_workbook
from tests.panel.pages import sign_in
from tests.sheets import change, read_keys

pytestmark = [pytest.mark.asvs("R20"), pytest.mark.timeout(300)]
SENTENCE = "The database failed in the middle of this"
CUSTOMERS = 6
MOST = 200
"""More writes than anything here takes: a loop that ends there has found no end."""


@contextmanager
def failing(what: str, nth: int) -> Iterator[list[str]]:
    """Let the n-th write or commit fail; yield those that there were."""
    seen: list[str] = []

    def count(one: str) -> None:
        seen.append(one)
        if len(seen) == nth:
            raise OperationalError(one, {}, sqlite3.OperationalError("disk I/O error"))

    def write(_connection: Any, _cursor: Any, sql: str, *_rest: Any) -> None:
        if sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
            count(sql)

    def commit(_connection: Any) -> None:
        count("COMMIT")

    name, listener = {"write": ("before_cursor_execute", write), "commit": ("commit", commit)}[what]
    event.listen(db.engine, name, listener)
    try:
        yield seen
    finally:
        event.remove(db.engine, name, listener)


@dataclass
class World:
    """A panel with a workbook that came back, and an admin's browser."""

    app: Flask
    client: FlaskClient
    path: Path

    @property
    def state(self) -> tuple[Any, ...]:
        """Return all that a failure must leave alone; what was begun and failed may be remembered as such."""
        with self.app.app_context(), reading() as connection:
            counts = [connection.execute(select(func.count()).select_from(one)).scalar() for one in (Revision, Event)]
            items = connection.execute(select(ImportItem.import_id, func.count()).group_by(ImportItem.import_id)).all()
            imports = connection.execute(select(Import.id, Import.state, Import.fingerprint).order_by(Import.id)).all()
            exports = connection.execute(select(Export.id).where(Export.state == "ready").order_by(Export.id)).all()
            files = sorted(one.name for place in (uploads(), folder()) for one in place.iterdir())
            return signature(connection), counts, sorted(items), imports, exports, files

    @property
    def states(self) -> list[str]:
        with self.app.app_context():
            return list(db.session.scalars(select(Import.state).order_by(Import.id)))

    def post(self, address: str, **form: Any) -> str:
        answer = self.client.post(address, data=form, follow_redirects=True)
        assert answer.status_code in {200, 503, 507}, answer.text
        return answer.text

    def upload(self) -> str:
        content = (io.BytesIO(self.path.read_bytes()), self.path.name)
        return self.post("/imports/upload/", file=content)

    def together(self) -> str:
        """Upload the workbook and a copy in which somebody else changed a street, to be applied together."""
        cell = f"{read_keys(self.path)['street']}{CUSTOMERS + 2}"
        copy = change(self.path, self.path.with_name("copy.xlsx"), {cell: "Elsewhere 1"})
        files = [(io.BytesIO(one.read_bytes()), one.name) for one in (self.path, copy)]
        self.post("/imports/upload/", file=files)
        run_pending()
        return "".join(self.post(f"/imports/{one}/options/", _only="options", create_fields="y") for one in (1, 2))

    def command(self, *arguments: str) -> str:
        result = self.app.test_cli_runner().invoke(args=list(arguments))
        assert isinstance(result.exception, (SystemExit, type(None))), result.exception
        assert result.exit_code == (1 if SENTENCE in result.stderr else 0), result.output
        return result.stderr + result.stdout

    def accept(self) -> str:
        return self.post("/imports/1/options/", _only="options", create_fields="y")

    def apply(self) -> str:
        return self.post("/imports/1/apply/", group="change")

    def undo(self) -> str:
        """Undo on the page: look, and have it done."""
        said = self.post("/undo/start/", **{"import": 1})
        with self.app.app_context():
            job = db.session.scalars(select(Job.id).where(Job.kind == UNDO).order_by(Job.id.desc())).first()
        return said if SENTENCE in said else said + self.post(f"/undo/{job}/apply/")

    def apply_together(self) -> str:
        page = self.client.get("/together/1/").text
        return self.post("/together/1/apply/", **dict(re.findall(r'name="(fingerprint-\d+)" value="([^"]*)"', page)))

    def export(self) -> str:
        return self.downloaded("/exports/new/", format="xlsx")

    def downloaded(self, address: str, **form: str) -> str:
        """Return what is said instead of a file."""
        with self.client.post(address, data=form, follow_redirects=True) as answer:
            assert answer.status_code in {200, 503, 507}, answer.text
            return "" if answer.mimetype.endswith("sheet") else answer.text


@pytest.fixture
def world(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(jobs, "HEARTBEAT_SECONDS", 600)  # its write may fail without a word
    path = edited_workbook(app, tmp_path / "out.xlsx", CUSTOMERS)
    with app.app_context():
        yield World(app, sign_in(app.test_client()), path)


def fails_at_each(world: World, what: str, act: Callable[[], str]) -> int:
    """Let an act fail at every write or commit in turn, until it goes through; return how often it failed.

    What follows once all is done, as an index for a new field, may fail without a word.
    """
    before = world.state
    for nth in range(1, MOST):
        with failing(what, nth) as seen:
            said = act()
        if SENTENCE not in said:
            return nth - 1
        assert world.state == before, (nth, seen[nth - 1 :])
    raise AssertionError(f"it failed {MOST} times")


ACTS: dict[str, tuple[tuple[str, ...], Callable[[World], str], list[str], int]] = {
    "choosing": (("upload",), World.accept, ["planned"], 5),
    "applying": (("upload", "accept"), World.apply, ["applied"], 12),
    "applying together": (
        ("together",),
        World.apply_together,
        ["applied", "applied"],
        18,
    ),
    "undoing": (("upload", "accept", "apply"), lambda world: world.command("undo", "1"), ["undone"], 6),
    "undoing on its page": (("upload", "accept", "apply"), World.undo, ["undone"], 10),
    "exporting": ((), World.export, [], 4),
    "importing by the command": (
        (),
        lambda world: world.command("import", str(world.path), "--create-fields"),
        ["applied"],
        10,
    ),
    "exporting by the command": ((), lambda world: world.command("export", str(world.path) + ".csv"), [], 4),
}
"""What is to be done before, what fails, the states of imports once it did not, and in how many writes it is done."""


@pytest.mark.parametrize("what", ["write", "commit"])
@pytest.mark.parametrize("name", ACTS)
def test_a_failure_at_any_write_changes_nothing_and_trying_again_works(world: World, name: str, what: str) -> None:
    first, act, states, writes = ACTS[name]
    for one in first:
        getattr(world, one)()
    assert fails_at_each(world, what, lambda: act(world)) >= (1 if what == "commit" else writes)
    assert world.states == states


@pytest.mark.parametrize("what", ["write", "commit"])
def test_a_file_whose_plan_failed_at_any_write_is_planned_when_asked_again(world: World, what: str) -> None:
    before, uploaded = world.state[0], 0
    for nth in range(1, MOST):
        with failing(what, nth) as seen:
            said = world.upload()
        uploaded = len(world.states)
        assert world.state[0] == before
        if len(seen) < nth:
            break
        assert SENTENCE in said, (nth, seen)
        db.session.rollback()
        for number in list(db.session.scalars(select(Import.id))):
            world.post(f"/imports/{number}/again/")
        run_pending()
        assert set(world.states) <= {"planned"}
    assert uploaded > 1
    assert len(list(uploads().iterdir())) == uploaded


FULL = ("The server&#39;s disk is full", "could not be written", "database has no more room", SENTENCE)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size: the system refuses as a full disk does."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@pytest.mark.parametrize("size", [1_000, 40_000, 1_000_000])
@pytest.mark.parametrize("name", ["uploading", "exporting", "reviewing"])
def test_a_full_disk_is_told_and_leaves_nothing_behind(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, size: int
) -> None:
    world.app.jinja_env.bytecode_cache = None  # the tests' own, which is a file
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    wrong = "Full name,Email\n" + "".join(f"Ann {number},{'x' * 4_000}\n" for number in range(70))
    world.post("/imports/upload/", file=(io.BytesIO(wrong.encode()), "wrong.csv"))
    acts: dict[str, Callable[[], str]] = {
        "uploading": lambda: world.post("/imports/upload/", file=(io.BytesIO(wrong.encode()), "again.csv")),
        "exporting": world.export,
        "reviewing": lambda: world.downloaded("/imports/1/review/"),
    }
    before = world.state
    with room_for(size):
        said = acts[name]()
    went_through = not any(sentence in said for sentence in FULL)
    assert went_through <= (size > 1_000), said
    if not went_through:
        assert world.state == before
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not any(sentence in acts[name]() for sentence in FULL)
