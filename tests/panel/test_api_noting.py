"""Events of the API while somebody else writes to SQLite: the answer does not wait, and no event is lost or doubled."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from panel.api import noting
from panel.api.noting import KEPT, bring_in, event, note
from panel.extensions import db
from panel.models import ApiToken, Event
from panel.setup import prepare
from tests.builders import customer
from tests.databases import Database, another_writer
from tests.panel.test_api_access import ask, token
from tests.servers import running

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def reveals(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Event).where(Event.name == "reveal")) or 0


@pytest.fixture
def waiting(database: Database) -> Path:
    """Return the file of the events that wait."""
    return database.instance / KEPT


@pytest.fixture
def text(app: Flask) -> str:
    """Return a token that may ask for the password of anna."""
    with app.app_context():
        customer(login="anna")
        return token(passwords=True)


def test_while_another_writes_the_password_comes_at_once_and_its_event_later_and_once(
    app: Flask, client: FlaskClient, database: Database, text: str, waiting: Path
) -> None:
    ask(client, "anna", text)
    with another_writer(database):
        began = time.perf_counter()
        answers = [ask(client, "anna", text) for _ in range(20)]
        took = time.perf_counter() - began
        with app.app_context():
            bring_in()
    assert [one.status_code for one in answers] == [200] * 20
    assert took < 4
    assert reveals(app) == 1
    assert waiting.stat().st_mode & 0o777 == 0o600
    with app.app_context():
        bring_in()
        bring_in()
    assert reveals(app) == 21
    assert waiting.read_bytes() == b""


def test_the_next_event_brings_in_those_that_wait_in_their_order(
    app: Flask, client: FlaskClient, database: Database, text: str
) -> None:
    with another_writer(database):
        ask(client, "anna", text)
        ask(client, "anna", f"{text}x")
    ask(client, "anna", text)
    with app.app_context():
        names = list(db.session.scalars(select(Event.name).where(Event.name != "token added").order_by(Event.id)))
    assert names == ["reveal", "failed token", "reveal"]


def test_a_start_brings_in_what_waits(app: Flask, client: FlaskClient, database: Database, text: str) -> None:
    with another_writer(database):
        ask(client, "anna", text)
    prepare(app)
    assert reveals(app) == 1


def test_a_server_that_is_killed_while_events_wait_has_them_once_when_it_is_back_and_then_by_itself(
    app: Flask, database: Database, text: str, waiting: Path
) -> None:
    def asked(server: str) -> str:
        request = urllib.request.Request(f"{server}/api/access/anna", headers={"Authorization": f"Bearer {text}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(json.load(answer)["password"])

    with ExitStack() as until_killed:
        with running(database) as servers:
            until_killed.enter_context(another_writer(database))
            assert asked(servers[0])
        assert (reveals(app), waiting.read_bytes().count(b"reveal")) == (0, 1)
    with running(database) as servers:
        assert reveals(app) == 1
        with another_writer(database):
            assert asked(servers[0])
            assert reveals(app) == 1
        end = time.monotonic() + 30
        while reveals(app) < 2 and time.monotonic() < end:
            time.sleep(0.2)
    assert (reveals(app), waiting.read_bytes()) == (2, b"")


def test_who_is_killed_after_the_commit_brings_nothing_in_twice(
    app: Flask, client: FlaskClient, database: Database, text: str, waiting: Path
) -> None:
    with another_writer(database):
        for _ in range(3):
            ask(client, "anna", text)
    kept = waiting.read_bytes()
    with app.app_context():
        bring_in()
    waiting.write_bytes(kept)  # as it is where the file could not be emptied any more
    with another_writer(database):
        ask(client, "anna", text)
    with app.app_context():
        bring_in()
    assert reveals(app) == 4


def test_who_is_killed_in_the_middle_of_a_line_spoils_no_other(
    app: Flask, client: FlaskClient, database: Database, text: str, waiting: Path
) -> None:
    with another_writer(database):
        ask(client, "anna", text)
        with waiting.open("ab") as file:
            file.write(b'\n{"at": "2026-11-2')
        ask(client, "anna", text)
    with app.app_context():
        bring_in()
    assert reveals(app) == 2


def test_where_the_file_cannot_be_written_either_there_is_no_password_and_half_a_line_is_taken_back(
    app: Flask,
    client: FlaskClient,
    database: Database,
    text: str,
    waiting: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    with another_writer(database):
        ask(client, "anna", text)
        before = waiting.read_bytes()
        with monkeypatch.context() as patched:
            patched.setattr(noting.os, "fsync", full)
            assert ask(client, "anna", text).status_code == 503
        assert waiting.read_bytes() == before
        assert ask(client, "anna", text).status_code == 200
    with app.app_context():
        bring_in()
    assert reveals(app) == 2


def test_a_use_that_cannot_be_noted_is_noted_the_next_time(app: Flask, client: FlaskClient, database: Database) -> None:
    with app.app_context():
        customer(login="anna")
        text = token()
    with another_writer(database):
        assert ask(client, "anna", text).status_code == 200
    with app.app_context():
        assert db.session.get_one(ApiToken, 1).used_on is None
        ask(client, "anna", text)
        assert db.session.get_one(ApiToken, 1, populate_existing=True).used_on is not None


def test_many_at_once_beside_a_writer_who_comes_and_goes_lose_none_and_double_none(
    app: Flask, database: Database, text: str
) -> None:
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            with another_writer(database):
                time.sleep(0.02)
            time.sleep(0.005)

    def hand_out(number: int) -> None:
        for turn in range(25):
            with app.app_context():
                note([event("reveal", "API token x", customer=number, turn=turn)])
                bring_in()

    writer = threading.Thread(target=write)
    others = [threading.Thread(target=hand_out, args=(number,)) for number in range(6)]
    for one in (writer, *others):
        one.start()
    for one in others:
        one.join()
    over.set()
    writer.join()
    with app.app_context():
        bring_in()
        found = [
            (one.detail["customer"], one.detail["turn"])
            for one in db.session.scalars(select(Event))
            if one.name == "reveal"
        ]
    assert sorted(found) == [(number, turn) for number in range(6) for turn in range(25)]
