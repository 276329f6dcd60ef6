"""Planned changes of status: made on a customer's page, and done on their day, once."""

from __future__ import annotations

import datetime as dt
import json
import threading
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select

from panel.authors import COMMAND_LINE
from panel.billing.daily import DailyRun
from panel.database import writing
from panel.extensions import db
from panel.lifecycle import run_day
from panel.models import Customer, Partner, PlannedStatus, Revision, Status
from panel.models.columns import now
from panel.statuses import merge_or_enqueue
from panel.words import today
from tests.builders import customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in

SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
NEW, ACTIVE, BLOCKED, INACTIVE = 1, 2, 3, 4
DAY = dt.date(2030, 5, 1)


def plan(customer_id: int, status_id: int, day: dt.date = DAY) -> int:
    with writing():
        one = PlannedStatus(customer_id=customer_id, status_id=status_id, day=day, by="Eva")
        db.session.add(one)
        db.session.flush()
        return one.id


def status_of(record_id: int) -> int:
    return db.session.execute(select(Customer.status_id).where(Customer.id == record_id)).scalar_one()


def planned(plan_id: int) -> PlannedStatus:
    return db.session.get_one(PlannedStatus, plan_id, populate_existing=True)


def send(client: FlaskClient, status: int = BLOCKED, days: int = 1, customer_id: int = 1) -> Any:
    data = {"customer": customer_id, "status": status, "day": _in_days(client, days)}
    return client.post("/planned/new/", data=data, follow_redirects=True)


def _in_days(client: FlaskClient, days: int) -> str:
    with client.application.app_context():
        return (today() + dt.timedelta(days)).isoformat()


# The daily run


def test_a_planned_change_is_made_on_its_day_and_only_once(app: Flask) -> None:
    with app.app_context():
        one = customer(status_id=ACTIVE)
        number = plan(one, INACTIVE)
        assert run_day(DAY - dt.timedelta(1)) == []
        assert [step.changed for step in run_day(DAY)] == [True]
        assert status_of(one) == INACTIVE
        assert run_day(DAY) == []
        last = db.session.scalars(select(Revision).order_by(Revision.number.desc())).first()
        assert last is not None
        assert (last.number, last.by, last.through) == (2, "system", "system")
        assert (last.changes, last.reason) == ({"status": [ACTIVE, INACTIVE]}, "Planned for 2030-05-01 by Eva.")
        assert planned(number).done_at is not None


def test_missed_days_are_caught_up_in_their_order(app: Flask) -> None:
    with app.app_context():
        one = customer(status_id=NEW)
        for status_id, days in ((INACTIVE, 2), (ACTIVE, 0), (BLOCKED, 1)):
            plan(one, status_id, DAY + dt.timedelta(days))
        foreseen = run_day(DAY + dt.timedelta(9), dry_run=True)
        assert status_of(one) == NEW
        steps = run_day(DAY + dt.timedelta(9))
        assert [(step.old, step.new) for step in steps] == [
            ("New", "Active"),
            ("Active", "Blocked"),
            ("Blocked", "Inactive"),
        ]
        assert foreseen == steps
        assert status_of(one) == INACTIVE


def test_what_cannot_be_done_is_skipped_and_says_why(app: Flask) -> None:
    with app.app_context():
        binned, same, gone = customer(status_id=NEW), customer(status_id=ACTIVE), customer(status_id=NEW)
        numbers = [plan(binned, ACTIVE), plan(same, ACTIVE), plan(gone, BLOCKED)]
        edit(binned, deleted_at=now())
        with writing():
            db.session.get_one(Status, BLOCKED).merged_into = ACTIVE
        assert [step.changed for step in run_day(DAY)] == [False, False, False]
        messages = [planned(number).message for number in numbers]
        for message, words in zip(messages, ("in the bin", "had this status", "was merged"), strict=True):
            assert words in message
        assert [status_of(one) for one in (binned, same, gone)] == [NEW, ACTIVE, NEW]


def test_a_plan_follows_a_merge(app: Flask) -> None:
    with app.app_context():
        one = customer(status_id=NEW)
        plan(one, BLOCKED)
        merge_or_enqueue(BLOCKED, INACTIVE, COMMAND_LINE)
        assert [step.changed for step in run_day(DAY)] == [True]
        assert status_of(one) == INACTIVE


def test_a_customer_written_with_a_merged_status_is_moved(app: Flask) -> None:
    with app.app_context():
        merge_or_enqueue(BLOCKED, ACTIVE, COMMAND_LINE)
        one = customer(status_id=BLOCKED)
        run_day(DAY)
        assert status_of(one) == ACTIVE


def test_several_runs_at_once_make_each_change_once(app: Flask) -> None:
    with app.app_context():
        ids = [customer(status_id=NEW) for _step in range(8)]
        for one in ids:
            plan(one, ACTIVE)
    made: list[int] = []

    def run() -> None:
        with app.app_context():
            made.extend(step.plan for step in run_day(DAY))

    threads = [threading.Thread(target=run) for _step in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == len(set(made)) == 8
    with app.app_context():
        assert set(db.session.scalars(select(Customer.revision))) == {2}


@SQLITE
def test_the_running_panel_makes_the_changes_by_itself(app: Flask) -> None:
    with app.app_context():
        one = customer(status_id=NEW)
        plan(one, ACTIVE, today())
    daily = DailyRun(app)
    daily.start()
    for _step in range(100):
        with app.app_context():
            if status_of(one) == ACTIVE:
                break
        threading.Event().wait(0.1)
    daily.stop()
    with app.app_context():
        assert status_of(one) == ACTIVE


@SQLITE
def test_the_command_says_what_it_did(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        plan(customer(status_id=NEW), ACTIVE)
    dry = runner.invoke(args=["lifecycle", "--date", "2030-05-01", "--dry-run", "--json"])
    told = json.loads(dry.output)
    assert (told["date"], told["dry_run"], told["steps"][0]["changed"]) == ("2030-05-01", True, True)
    done = runner.invoke(args=["lifecycle", "--date", "2030-05-01"])
    assert "Customer 1 Ann Novak: New → Active, planned for 2030-05-01." in done.output
    assert "2030-05-01: 1 of 1 planned changes changed." in done.output
    for command in (["lifecycle", "--date", "tomorrow"], ["import", "x.csv", "--confirm", "many"], ["undo", "last"]):
        refused = runner.invoke(args=[*command, "--json"])
        assert (refused.exit_code, list(json.loads(refused.stdout))) == (2, ["error"])
        assert json.loads(refused.stdout)["error"] in refused.stderr


# The pages


@SQLITE
def test_a_change_is_planned_shown_and_cancelled(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer("Ann Novak")
    answer = send(sign_in(client))
    day = _in_days(client, 1)
    assert f"Planned: Blocked on {day}, by Admin" in answer.text
    assert "Ann Novak" in client.get("/planned/").text
    assert "is planned for" in send(client, INACTIVE).text
    assert "was cancelled" in client.post("/planned/cancel/", data={"id": 1}, follow_redirects=True).text
    assert "already" in client.post("/planned/cancel/", data={"id": 1}, follow_redirects=True).text
    assert "Nothing is planned" in client.get("/planned/").text
    with app.app_context():
        assert run_day(today() + dt.timedelta(5)) == []


@SQLITE
@pytest.mark.parametrize(
    ("status", "days", "words"),
    [(BLOCKED, -1, "is over"), (99, 1, "Choose a status"), (BLOCKED, 0, "the status was changed now: Blocked")],
)
def test_the_day_and_status_are_checked_and_today_means_now(
    app: Flask, client: FlaskClient, status: int, days: int, words: str
) -> None:
    with app.app_context():
        customer()
    assert words in send(sign_in(client), status, days).text
    with app.app_context():
        assert db.session.scalars(select(PlannedStatus)).all() == []
        assert status_of(1) == (BLOCKED if days == 0 else NEW)


@SQLITE
def test_another_partners_customer_is_neither_planned_nor_cancelled_nor_listed(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        with writing():
            db.session.add(Partner(name="North"))
        customer("Ann Novak")
        add_user("eva@example.com", "staff", 2)
        number = plan(1, BLOCKED)
    sign_in(client, "eva@example.com", STAFF_PASSWORD)
    assert send(client).status_code == 404
    assert client.post("/planned/cancel/", data={"id": number}).status_code == 404
    assert "Ann Novak" not in client.get("/planned/").text
    with app.app_context():
        assert len(db.session.scalars(select(PlannedStatus)).all()) == 1
        assert planned(number).cancelled_at is None
