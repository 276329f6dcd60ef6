"""Long work: run once at a time, never half, with its author's rights of then, and seen while it runs."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from flask_login import current_user
from sqlalchemy import Connection, select

from panel import jobs
from panel.authors import COMMAND_LINE, Author
from panel.changelog import LostRace, Write, write_in_bulk
from panel.database import writing
from panel.extensions import db
from panel.imports import applying
from panel.jobs import KINDS, LookAgain, LostLease, Work, enqueue, kind, run_next, run_pending
from panel.models import Customer, Job, Role, User
from panel.models.columns import now
from panel.schema import current_schema
from panel.undoing import undo_job
from sync.errors import SyncError
from tests.builders import customer, edit
from tests.databases import ADMIN, Database
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def kinds() -> Iterator[None]:
    before = dict(KINDS)
    kind("move", permission="customer.bulk_edit", label="Move", undoable=True)(move)
    kind("seen", permission="customer.list", label="Look")(lambda work: work.finish({"by": str(current_user)}))
    yield
    KINDS.clear()
    KINDS.update(before)


def move(work: Work) -> None:
    """Move customers to a city: a kind of work for these tests."""
    with work.writing() as connection:
        rows = connection.execute(select(Customer.id, Customer.revision, Customer.city))
        wanted = set(work.record_ids)
        writes = [
            Write(record_id, revision + 1, {"city": (city, work.options["city"])})
            for record_id, revision, city in rows
            if record_id in wanted and city != work.options["city"]
        ]
        keyring = jobs.current_app.extensions["keyring"]
        write_in_bulk(connection, current_schema(connection), keyring, writes, work.author)
        work.doing(len(writes), len(writes))
        work.finish({"moved": len(writes)})


def added(name: str, *ids: int, author: Author = COMMAND_LINE, **options: object) -> int:
    with writing():
        return enqueue(name, options, ids, author).id


def job(number: int) -> Job:
    db.session.rollback()
    return db.session.get_one(Job, number, populate_existing=True)


def cities() -> list[str | None]:
    db.session.rollback()
    return list(db.session.scalars(select(Customer.city).order_by(Customer.id)))


def author_of(email: str) -> Author:
    user = db.session.scalars(select(User).where(User.email == email)).one()
    return Author(str(user), "panel", user.id)


def test_a_job_runs_once_and_says_what_came_of_it(app: Flask) -> None:
    with app.app_context():
        number = added("move", customer(city="Zlin"), customer(), city="Brno")
        assert (job(number).state, job(number).total) == ("queued", 2)
        assert (run_pending(), run_pending()) == (1, 0)
        assert (job(number).state, job(number).result, job(number).done) == ("done", {"moved": 2}, 2)
        assert cities() == ["Brno", "Brno"]


@pytest.mark.asvs("R34")
def test_a_job_acts_with_its_authors_rights_of_the_moment_it_runs(app: Flask) -> None:
    with app.app_context():
        add_user("eva@example.com", "manager")
        eva = author_of("eva@example.com")
        allowed, refused = added("seen", author=eva), added("move", customer(), author=eva, city="Brno")
        run_next()
        assert job(allowed).result == {"by": "eva@example.com"}
        with writing():
            role = db.session.scalars(select(Role).where(Role.name == "manager")).one()
            role.permissions = [name for name in role.permissions if name != "customer.bulk_edit"]
        run_next()
        assert (job(refused).state, cities()) == ("failed", [None])
        assert "may not do this any more" in job(refused).message


@pytest.mark.asvs("R34")
def test_a_job_of_somebody_who_was_switched_off_is_refused(app: Flask) -> None:
    with app.app_context():
        add_user("eva@example.com", "manager")
        number = added("seen", author=author_of("eva@example.com"))
        with writing():
            db.session.scalars(select(User).where(User.email == "eva@example.com")).one().active = False
        run_pending()
        assert job(number).state == "failed"


def test_a_worker_that_lost_its_lease_writes_nothing(app: Flask) -> None:
    with app.app_context():
        number = added("move", customer(city="Zlin"), city="Brno")
        stale = jobs._take()
        assert stale is not None
        expire(number)
        assert run_pending() == 1
        with writing():
            db.session.get_one(Customer, 1).city = "Praha"
        with jobs.acting_as(COMMAND_LINE), pytest.raises(LostLease):
            move(stale)
        assert cities() == ["Praha"]
        with writing() as connection:
            assert not jobs.set_if_held(connection, replace(stale), {"state": "failed"})


def expire(number: int) -> None:
    with writing():
        db.session.get_one(Job, number).leased_until = now() - dt.timedelta(seconds=1)


def test_a_job_that_somebody_holds_is_left_alone(app: Flask) -> None:
    with app.app_context():
        added("seen")
        assert jobs._take() is not None
        assert run_pending() == 0


def test_a_job_that_never_ends_is_not_begun_forever(app: Flask) -> None:
    with app.app_context():
        number = added("seen")
        for _again in range(jobs.MOST_TAKES):
            assert jobs._take() is not None
            expire(number)
        run_pending()
        assert job(number).state == "failed"
        assert "never came to its end" in job(number).message


@pytest.mark.parametrize(
    ("error", "state", "message"),
    [
        (SyncError("The moon is full."), "failed", "The moon is full."),
        (LookAgain("Look again."), "planned", "Look again."),
        (ZeroDivisionError("secret detail"), "failed", "This is a fault of Rollbook's"),
    ],
)
def test_work_that_fails_leaves_nothing_and_says_why(app: Flask, error: Exception, state: str, message: str) -> None:
    def fail(work: Work) -> None:
        move_half(work, error)

    kind("fail", permission="customer.list", label="Fail")(fail)
    with app.app_context():
        number = added("fail", customer(city="Zlin"))
        run_pending()
        assert (job(number).state, cities()) == (state, ["Zlin"])
        assert message in job(number).message
        assert "secret detail" not in job(number).message


def move_half(work: Work, error: Exception) -> None:
    with work.writing() as connection:
        keyring = jobs.current_app.extensions["keyring"]
        write = Write(work.record_ids[0], 2, {"city": ("Zlin", "Brno")})
        write_in_bulk(connection, current_schema(connection), keyring, [write], work.author)
        raise error


def test_a_job_is_undone_where_nobody_edited_since(app: Flask) -> None:
    with app.app_context():
        number = added("move", customer(city="Zlin"), customer(city="Praha"), customer(city="Brno"), city="Brno")
        run_pending()
        edit(2, city="Ostrava")
        with writing():
            undoing = undo_job(number, COMMAND_LINE).id
        run_pending()
        assert cities() == ["Zlin", "Ostrava", "Brno"]
        assert job(number).state == "undone"
        assert job(undoing).result["kept"] == [[2, "city", "edited since"]]
        with pytest.raises(SyncError, match="undone already"):
            undo_job(number, COMMAND_LINE)


def test_undoing_a_job_that_came_too_late_once_writes_while_nobody_else_does(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []

    def hold_still(connection: Connection) -> None:
        applying.hold_still(connection)
        held.append(True)

    def late(*args: Any) -> None:
        if not held:
            raise LostRace("A customer changed a moment ago.")
        write_in_bulk(*args)

    monkeypatch.setattr("panel.undoing.hold_still", hold_still)
    monkeypatch.setattr("panel.imports.undoing.write_in_bulk", late)
    with app.app_context():
        number = added("move", customer(city="Zlin"), city="Brno")
        run_pending()
        with writing():
            undo_job(number, COMMAND_LINE)
        run_pending()
        assert (held, cities(), job(number).state) == ([True], ["Zlin"], "undone")


def test_undoing_needs_the_permission_of_what_is_undone(app: Flask) -> None:
    with app.app_context():
        add_user("eva@example.com", "staff")
        number = added("move", customer(city="Zlin"), city="Brno")
        run_pending()
        with writing():
            undo_job(number, author_of("eva@example.com"))
        run_pending()
        assert (job(number).state, cities()) == ("done", ["Brno"])


def test_the_page_shows_the_work_and_takes_it_back(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    with app.app_context():
        number = added("move", customer(city="Zlin"), author=author_of(ADMIN), city="Brno")
    assert "About to begin" in client.get(f"/jobs/{number}/").text
    assert client.get(f"/jobs/{number}/progress/").json == {
        "at_work": True,
        "done": 0,
        "sentence": "It begins in a moment.",
        "total": 1,
    }
    with app.app_context():
        run_pending()
    assert client.get(f"/jobs/{number}/progress/").json["at_work"] is False
    assert "<strong>1</strong> values are put back" in client.get(f"/jobs/{number}/undo/").text
    answer = client.post(f"/jobs/{number}/undo/")
    with app.app_context():
        run_pending()
        assert cities() == ["Zlin"]
    assert "1 value was put back" in client.get(answer.location).text
    assert "Undone" in client.get("/jobs/").text


def test_people_see_their_own_work_and_those_who_audit_all(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        add_user("eva@example.com", "staff")
        mine, other = added("seen", author=author_of("eva@example.com")), added("seen")
    sign_in(client, "eva@example.com", STAFF_PASSWORD)
    assert [client.get(f"/jobs/{number}/").status_code for number in (mine, other)] == [200, 404]
    assert f"/jobs/{other}/" not in client.get("/jobs/").text
    sign_in(app.test_client())
    assert sign_in(app.test_client()).get(f"/jobs/{mine}/").status_code == 200


def test_the_command_runs_what_waits(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        number = added("move", customer(), city="Brno")
        assert runner.invoke(args=["worker", "--once"]).stdout == "1 done.\n"
        assert job(number).state == "done"


def test_the_thread_of_a_web_process_runs_what_a_request_left(app: Flask) -> None:
    worker = app.extensions["worker"]
    app.testing = False
    try:
        with app.app_context():
            number = added("move", customer(), city="Brno")
            wait_for(number, "done")
            assert cities() == ["Brno"]
    finally:
        worker.stop()


def wait_for(number: int, *states: str) -> None:
    end = time.monotonic() + 60
    while job(number).state not in states:
        assert time.monotonic() < end
        time.sleep(0.05)


KILLED = """
import os, signal, sys
from panel import create_app
from panel.jobs import run_pending
import panel.changelog
import tests.panel.test_jobs as these
these.kind("move", permission="customer.bulk_edit", label="Move")(these.move)
place = sys.argv[1]
if place == "before":
    def die(*_arguments):
        os.kill(os.getpid(), signal.SIGKILL)
    these.jobs.Work._hold = die
else:
    hold = these.jobs.writing
    from contextlib import contextmanager
    @contextmanager
    def then_die():
        with hold() as connection:
            yield connection
            done = connection.exec_driver_sql("SELECT state FROM job").scalar() == "done"
        if done:
            os.kill(os.getpid(), signal.SIGKILL)
    these.jobs.writing = then_die
with create_app().app_context():
    run_pending()
"""


@pytest.mark.asvs("R20")
@pytest.mark.parametrize(("place", "left"), [("before", [None, None]), ("after", ["Brno", "Brno"])])
def test_killed_before_or_after_its_commit_a_job_is_old_or_new_and_is_run_to_its_end(
    app: Flask, database: Database, place: str, left: list[str | None]
) -> None:
    with app.app_context():
        number = added("move", customer(), customer(), city="Brno")
    environment = {
        **os.environ,
        "ROLLBOOK_INSTANCE": str(database.instance),
        "ROLLBOOK_DATABASE_URL": database.url,
    }
    killed = subprocess.run([sys.executable, "-c", KILLED, place], cwd=ROOT, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    with app.app_context():
        assert cities() == left
        if left == [None, None]:
            expire(number)
        assert run_pending() == (place == "before")
        assert (job(number).state, cities()) == ("done", ["Brno", "Brno"])
        assert [one.revision for one in db.session.scalars(select(Customer))] == [2, 2]
