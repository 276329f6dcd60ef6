"""The daily run on a real database: whole or not done, once, in order, and as foreseen."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import func, select

from panel.authors import COMMAND_LINE
from panel.billing import run
from panel.billing.foreseeing import foresee
from panel.billing.run import run_until
from panel.database import writing
from panel.extensions import db
from panel.jobs import enqueue, run_pending
from panel.models import Charge, Customer, Job, LifecycleDay, Payment, PlannedStatus, Revision
from panel.models.columns import now
from panel.statuses import merge_or_enqueue
from panel.words import today
from sync.errors import SyncError
from tests.builders import customer, edit
from tests.panel.billing.books import (
    ACTIVE,
    BLOCKED,
    INACTIVE,
    NEW,
    account,
    assert_balances_are_sums,
    charges,
    configure,
    pay,
    reasons,
    service,
    status_of,
    subscriber,
)

ONE = dt.timedelta(1)
SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def lifecycle(runner: FlaskCliRunner, date: str, *options: str) -> dict[str, Any]:
    result = runner.invoke(args=["lifecycle", "--date", date, "--json", *options])
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def counts(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in {"date", "dry_run", "steps"} and value}


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


def test_the_worked_example_by_the_command(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        one = subscriber()
    nothing = {"days": 1, "charged": "0.00"}
    for date, expected, status in [
        ("2026-12-01", {"days": 1, "charges": 1, "charged": "20.00"}, ACTIVE),
        ("2026-12-02", nothing, ACTIVE),
        ("2026-12-15", {**nothing, "days": 13}, ACTIVE),
        ("2026-12-16", {**nothing, "blocked": 1}, BLOCKED),
        ("2026-12-25", {**nothing, "days": 9}, BLOCKED),
        ("2026-12-26", {**nothing, "deactivated": 1}, INACTIVE),
        ("2027-01-31", {**nothing, "days": 36}, INACTIVE),
        ("2027-01-31", {"charged": "0.00"}, INACTIVE),
        ("2026-12-01", {"charged": "0.00"}, INACTIVE),
    ]:
        foreseen = lifecycle(runner, date, "--dry-run")
        told = lifecycle(runner, date)
        assert (counts(told), told["steps"]) == (expected, foreseen["steps"])
        assert counts(foreseen) == expected
        with app.app_context():
            assert status_of(one) == status
    with app.app_context():
        pay(one)
        assert (status_of(one), account(one).balance, account(one).moved_to) == (ACTIVE, 0, None)
        assert reasons("customer", one) == [
            "Unpaid since 16 December 2026: −20.00.",
            "Still unpaid when the grace period ended, which began on 16 December 2026: −20.00.",
            "Nothing is overdue any more: 0.00.",
        ]
        assert reasons("charge", 1) == ["Charged for December 2026."]
        assert run_until(day("2027-02-01")).charges == 1
        assert_balances_are_sums()


@SQLITE
def test_each_step_is_a_revision_by_the_system(context: Flask) -> None:
    one = subscriber()
    run_until(day("2026-12-01"))
    run_until(day("2026-12-16"))
    rows = db.session.scalars(select(Revision).where(Revision.by == "system", Revision.reason != "")).all()
    assert {(row.entity, row.record_id, row.through) for row in rows} == {
        ("customer", one, "system"),
        ("charge", 1, "system"),
    }
    made = next(row for row in rows if row.entity == "charge")
    assert made.changes == {
        "customer": [None, one],
        "service": [None, 1],
        "period": [None, "2026-12-01"],
        "day": [None, "2026-12-01"],
        "due_on": [None, "2026-12-16"],
        "amount": [None, "20.00"],
    }
    assert next(row for row in rows if row.entity == "customer").changes == {"status": [ACTIVE, BLOCKED]}


@SQLITE
def test_the_steps_say_all_there_is_to_know(context: Flask, runner: FlaskCliRunner) -> None:
    subscriber("12.5")
    planned = customer("Bea Dvorak", status_id=NEW)
    with writing():
        db.session.add(PlannedStatus(customer_id=planned, status_id=ACTIVE, day=day("2026-12-16"), by="Eva"))
    charge = lifecycle(runner, "2026-12-01")["steps"]
    assert charge == [
        {
            "kind": "charge",
            "customer": 1,
            "name": "Ann Novak",
            "day": "2026-12-01",
            "service": 1,
            "period": "2026-12-01",
            "amount": "12.50",
            "changed": True,
            "message": "Charged for December 2026.",
        }
    ]
    change, block = lifecycle(runner, "2026-12-16")["steps"]
    assert change["kind"] == "planned"
    assert (change["plan"], change["customer"], change["old"], change["new"]) == (1, planned, "New", "Active")
    assert (block["kind"], block["old"], block["new"], block["amount"]) == ("block", "Active", "Blocked", "12.50")
    said = runner.invoke(args=["lifecycle", "--date", "2026-12-26"]).stdout
    assert "Customer 1 Ann Novak: Blocked → Inactive." in said
    assert "0 charges were made: 0.00; 0 blocked, 1 deactivated, 0 reactivated." in said


@SQLITE
@pytest.mark.parametrize("date", ["1969-12-31", "3000-01-01", "9999-12-31", "0001-01-01", "2026-02-30", "x"])
def test_a_day_that_makes_no_sense_is_refused_in_a_sentence(runner: FlaskCliRunner, date: str) -> None:
    result = runner.invoke(args=["lifecycle", "--date", date])
    assert result.exit_code in {1, 2}
    assert "Traceback" not in result.output
    assert result.stderr


@SQLITE
def test_a_day_far_ahead_is_no_ten_years_of_catching_up(context: Flask) -> None:
    run_until(day("2026-12-01"))
    with pytest.raises(SyncError, match="ten years"):
        run_until(day("2100-01-01"))


def test_missed_days_are_caught_up_in_order_and_any_split_of_them_ends_alike(context: Flask) -> None:
    debtor, payer, late = subscriber(), subscriber(), subscriber(billing_day=20)
    pay(payer, 100)
    run_until(day("2026-12-01"))
    sums = run_until(day("2027-01-31"))
    assert (sums.days, sums.blocked, sums.deactivated) == (61, 2, 2)
    assert charges(debtor) == [("2026-12-01", Decimal("20.00"))]
    assert [on for on, _amount in charges(payer)] == ["2026-12-01", "2027-01-01"]
    assert [on for on, _amount in charges(late)] == ["2026-12-20"]
    finished = select(func.count()).where(LifecycleDay.finished_at.is_not(None))
    assert db.session.scalar(finished) == 62
    assert_balances_are_sums()


def test_a_run_that_is_killed_between_batches_goes_on_where_it_was(
    context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [subscriber() for _step in range(7)]
    monkeypatch.setattr(run, "BATCH", 2)
    looks = iter(range(100))
    tried = run._look_at_some

    def killed(*arguments: Any) -> Any:
        if next(looks) == 2:
            raise KeyboardInterrupt
        return tried(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(run, "_look_at_some", killed)
        with pytest.raises(KeyboardInterrupt):
            run_until(day("2026-12-01"))
    assert [len(charges(one)) for one in ids] == [1, 1, 1, 1, 0, 0, 0]
    assert run_until(day("2026-12-02")).charges == 3
    assert [charges(one)[0][0] for one in ids] == ["2026-12-01"] * 7
    told = db.session.get_one(LifecycleDay, day("2026-12-01")).counts
    assert (told["charges"], told["charged"]) == (7, "140.00")


def test_a_customers_step_is_whole_or_not_done(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    one = subscriber()

    def fails(*_arguments: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr("panel.billing.writing._update", fails)
        with pytest.raises(RuntimeError):
            run_until(day("2026-12-01"))
    db.session.rollback()
    assert (charges(one), account(one).balance, reasons("charge", 1)) == ([], 0, [])
    assert run_until(day("2026-12-01")).charges == 1


def test_several_runs_at_once_charge_and_block_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BATCH", 3)
    with app.app_context():
        for _step in range(12):
            subscriber()
        run_until(day("2026-11-30"))
    made: list[Any] = []
    failures: list[BaseException] = []

    def go() -> None:
        try:
            with app.app_context():
                run_until(day("2026-12-16"), tell=made.append)
        except BaseException as error:  # noqa: BLE001 (whatever it is, the test has to fail for it)
            failures.append(error)

    threads = [threading.Thread(target=go) for _step in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with app.app_context():
        assert sorted(act.kind for act in made) == ["block"] * 12 + ["charge"] * 12
        assert db.session.scalar(select(func.count()).select_from(Charge)) == 12
        assert set(db.session.scalars(select(Customer.revision))) == {2}
        assert db.session.get_one(LifecycleDay, day("2026-12-16")).counts["blocked"] == 12
        assert_balances_are_sums()


def test_people_who_write_meanwhile_neither_wait_for_ever_nor_fail(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BATCH", 2)
    with app.app_context():
        ids = [subscriber() for _step in range(10)]
        run_until(day("2026-11-30"))
    failures: list[BaseException] = []
    over = threading.Event()

    def write(turn: int) -> None:
        try:
            with app.app_context():
                for one in ids * 3:
                    if over.is_set():
                        return
                    pay(one, 1) if turn else edit(one, city=f"{turn} {over} {one}")
        except BaseException as error:  # noqa: BLE001 (whatever it is, the test has to fail for it)
            failures.append(error)

    threads = [threading.Thread(target=write, args=(turn,)) for turn in range(2)]
    for thread in threads:
        thread.start()
    with app.app_context():
        run_until(day("2026-12-31"))
    over.set()
    for thread in threads:
        thread.join()
    assert failures == []
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Charge)) == 10
        assert_balances_are_sums()


@SQLITE
def test_a_run_outwaits_whoever_writes_for_longer_than_a_transaction_waits(
    context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = subscriber(status_id=NEW)
    with writing():
        db.session.add(PlannedStatus(customer_id=one, status_id=ACTIVE, day=day("2026-12-01"), by="Eva"))
    monkeypatch.setattr("panel.database.BUSY_MILLISECONDS", 20)
    db.engine.dispose()
    path = str(db.engine.url.database)
    over = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as other:
            while not over.is_set():
                other.execute("BEGIN IMMEDIATE")
                over.wait(0.5)
                other.execute("COMMIT")
                over.wait(0.2)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        sums = run_until(day("2026-12-01"))
    finally:
        over.set()
        thread.join()
    assert (sums.planned, sums.charges) == (1, 1)
    counts = db.session.get_one(LifecycleDay, day("2026-12-01")).counts
    assert (counts["planned"], counts["charges"]) == (1, 1)


@SQLITE
def test_a_day_that_is_over_is_not_charged_again_and_what_changed_since_is_looked_at(context: Flask) -> None:
    one = subscriber()
    run_until(day("2026-12-01"))
    run_until(day("2026-12-20"))
    assert status_of(one) == BLOCKED
    configure(minimum_balance=Decimal(-100))
    assert run_until(day("2026-12-05")).reactivated == 1
    assert (status_of(one), len(charges(one))) == (ACTIVE, 1)
    assert run_until(day("2026-12-20")).told == run_until(day("2026-12-05")).told


@SQLITE
def test_a_new_account_begins_with_the_next_billing_day(context: Flask) -> None:
    run_until(day("2026-12-05"))
    one = subscriber()
    run_until(day("2026-12-31"))
    assert charges(one) == []
    run_until(day("2027-01-01"))
    assert [on for on, _amount in charges(one)] == ["2027-01-01"]


@SQLITE
def test_a_service_that_moved_to_another_customer_is_charged_once_a_month(context: Flask) -> None:
    one, other = subscriber(), customer(status_id=ACTIVE, billing_day=15)
    run_until(day("2026-12-01"))
    with writing():
        from panel.models import Service  # noqa: PLC0415 (only here)

        db.session.get_one(Service, 1).customer_id = other
    run_until(day("2027-01-31"))
    assert (len(charges(one)), [on for on, _amount in charges(other)]) == (1, ["2027-01-15"])


def _deleted(payment: Payment) -> None:
    payment.deleted_at = now()


def _smaller(payment: Payment) -> None:
    payment.amount = Decimal("19.99")


def _of_another(payment: Payment) -> None:
    payment.customer_id = customer(status_id=ACTIVE)


def _refunded(payment: Payment) -> None:
    db.session.add(Payment(customer_id=payment.customer_id, amount=Decimal(-20), day=payment.day))


@pytest.mark.parametrize("take_back", [_deleted, _smaller, _of_another, _refunded])
@pytest.mark.parametrize(
    ("on", "rules", "blocked"),
    [
        ("2026-12-20", {}, "2026-12-20"),
        ("2026-12-22", {"blocking_period": 5}, "2026-12-27"),
        ("2026-12-19", {"blocking_period": 5}, "2026-12-21"),  # the day of blocking of December itself
        ("2026-12-10", {}, "2026-12-16"),
    ],
)
def test_money_that_is_taken_back_is_owed_from_that_day_on(
    context: Flask, take_back: Callable[[Payment], None], on: str, rules: dict[str, int], blocked: str
) -> None:
    one = subscriber(**rules)
    payment = pay(one)
    run_until(day("2026-12-01"))
    run_until(day(on))
    assert status_of(one) == ACTIVE
    with writing():
        take_back(db.session.get_one(Payment, payment))
    if blocked > on:
        run_until(day(blocked) - ONE)
        assert status_of(one) == ACTIVE
    run_until(day(blocked))
    assert status_of(one) == BLOCKED


@SQLITE
def test_part_of_a_debt_is_not_enough_and_a_payment_of_another_counts_when_it_is_moved(context: Flask) -> None:
    one, other = subscriber(), subscriber()
    run_until(day("2026-12-01"))
    run_until(day("2026-12-16"))
    pay(one, "19.99")
    assert status_of(one) == BLOCKED
    wrong = pay(other, "0.01")
    with writing():
        db.session.get_one(Payment, wrong).customer_id = one
    assert (status_of(one), status_of(other)) == (ACTIVE, BLOCKED)
    assert reasons("customer", one)[-1] == "Nothing is overdue any more: 0.00."


@SQLITE
def test_a_prepaid_customer_who_pays_is_charged_in_the_same_step(context: Flask) -> None:
    one = subscriber(billing_type="prepaid")
    run_until(day("2026-12-01"))
    assert (status_of(one), charges(one)) == (BLOCKED, [])
    run_until(day("2026-12-20"))
    assert status_of(one) == INACTIVE
    pay(one, 30)
    assert (status_of(one), charges(one), account(one).balance) == (ACTIVE, [("2026-12-20", Decimal(20))], 10)
    run_until(day("2027-01-01"))
    assert (status_of(one), account(one).balance) == (BLOCKED, 10)


@SQLITE
def test_planned_changes_come_first_on_their_day(context: Flask) -> None:
    one = subscriber(status_id=NEW)
    with writing():
        db.session.add(PlannedStatus(customer_id=one, status_id=ACTIVE, day=day("2026-12-01"), by="Eva"))
    foreseen: list[Any] = []
    foresee(day("2026-12-01"), foreseen.append)
    steps: list[Any] = []
    run_until(day("2026-12-01"), tell=steps.append)
    assert [step.kind for step in steps] == ["planned", "charge"]
    assert foreseen == steps


@SQLITE
def test_a_run_foreseen_over_many_days_is_the_run_that_is_made(context: Flask) -> None:
    ids = [subscriber(billing_day=billing_day, billing_type=kind)
           for billing_day in (1, 15, 28) for kind in ("recurring", "prepaid")]  # fmt: skip
    run_until(day("2026-11-30"))
    pay(ids[0], 20)
    pay(ids[1], 20)
    for one, status, on in [
        (ids[2], INACTIVE, "2026-12-20"),
        (ids[3], BLOCKED, "2026-12-20"),
        (ids[2], ACTIVE, "2027-01-20"),
    ]:
        with writing():
            db.session.add(PlannedStatus(customer_id=one, status_id=status, day=day(on), by="Eva"))
    merge_or_enqueue(BLOCKED, INACTIVE, COMMAND_LINE)
    edit(ids[4], status_id=BLOCKED)
    foreseen, made = [], []
    expected = foresee(day("2027-03-01"), foreseen.append)
    assert db.session.scalar(select(func.max(LifecycleDay.day))) == day("2026-11-30")
    assert run_until(day("2027-03-01"), tell=made.append).told == expected.told
    assert foreseen == made
    assert {step.kind for step in made} == {"planned", "charge", "block"}


@SQLITE
@pytest.mark.parametrize(("zone", "ahead"), [("Pacific/Kiritimati", 14), ("Pacific/Niue", -11), ("UTC", 0)])
def test_the_day_is_the_providers(app: Flask, runner: FlaskCliRunner, zone: str, ahead: int) -> None:
    app.config["ROLLBOOK_TIME_ZONE"] = zone
    there = (now() + dt.timedelta(hours=ahead)).date()
    told = json.loads(runner.invoke(args=["lifecycle", "--json"]).stdout)
    assert told["date"] == there.isoformat()
    with app.app_context():
        assert db.session.scalars(select(LifecycleDay.day)).all() == [there]


@SQLITE
def test_the_day_is_run_as_a_job_by_who_may(context: Flask) -> None:
    with writing():
        job = enqueue("lifecycle", {}, (), COMMAND_LINE)
        number = job.id
    run_pending()
    assert db.session.get_one(Job, number, populate_existing=True).state == "done"
    assert db.session.get_one(LifecycleDay, today()).finished_at is not None


@SQLITE
def test_a_move_is_forgotten_where_the_former_status_became_the_one_that_was_given(context: Flask) -> None:
    one = subscriber()
    run_until(day("2026-12-01"))
    run_until(day("2026-12-16"))
    merge_or_enqueue(ACTIVE, BLOCKED, COMMAND_LINE)
    assert account(one).moved_to == BLOCKED
    edit(one, minimum_balance=Decimal(-20))
    run_until(day("2026-12-17"))
    assert (account(one).moved_to, account(one).blocked_on) == (None, None)


@SQLITE
def test_weekends_that_are_left_out_move_the_block(context: Flask) -> None:
    configure(blocks_on_weekends=False, payment_due=4)  # 5 December 2026 is a Saturday
    one = subscriber()
    run_until(day("2026-12-01"))
    assert run_until(day("2026-12-06")).blocked == 0
    assert run_until(day("2026-12-07")).blocked == 1
    assert account(one).blocked_on == day("2026-12-07")


@SQLITE
def test_a_second_service_of_the_same_customer_is_a_charge_of_its_own(context: Flask) -> None:
    one = subscriber("19.99")
    service(one, "5.01", starts="2026-12-01", ends="2026-12-01")
    service(one, 7, starts="2026-12-02")
    run_until(day("2026-12-01"))
    assert [amount for _on, amount in charges(one)] == [Decimal("19.99"), Decimal("5.01")]
    assert account(one).balance == Decimal("-25.00")
