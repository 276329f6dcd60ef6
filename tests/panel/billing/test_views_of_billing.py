"""What pages, sheets and other programs ask of billing: statements, forecasts, and states of services on any day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import pytest
from flask import Flask

from panel import changelog
from panel.billing.forecast import ExpectedMove, expected_moves, forecast, next_move
from panel.billing.foreseeing import foresee
from panel.billing.run import run_until
from panel.billing.standing import BLOCK, CHARGE, DEACTIVATE
from panel.billing.statement import statement
from panel.billing.states import service_state, status_on
from panel.database import reading, writing
from panel.extensions import db
from panel.models import Partner, Payment, PlannedStatus
from panel.models.columns import now
from panel.words import today
from tests.builders import customer, edit
from tests.panel.billing.books import (
    ACTIVE,
    BLOCKED,
    INACTIVE,
    NEW,
    account,
    pay,
    service,
    subscriber,
)

SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.mark.parametrize(
    ("effect", "on", "state"),
    [
        ("active", "2026-12-01", "active"),
        ("suspended", "2026-12-31", "suspended"),
        ("stopped", "2026-12-15", "stopped"),
        ("active", "2026-11-30", "stopped"),
        ("suspended", "2027-01-01", "stopped"),
    ],
)
def test_a_service_is_what_the_status_makes_of_it_within_its_own_days(effect: str, on: str, state: str) -> None:
    assert service_state(effect, day("2026-12-01"), day("2026-12-31"), day(on)) == state
    assert service_state(effect, day("2026-12-01"), None, day("2999-01-01")) == effect


@pytest.mark.parametrize(
    ("zone", "changed_at", "before", "after"),
    [
        ("UTC", "2030-05-01T23:59:59", ACTIVE, BLOCKED),
        ("UTC", "2030-05-02T00:00:00", ACTIVE, ACTIVE),
        ("Europe/Prague", "2030-05-01T21:59:59", ACTIVE, BLOCKED),
        ("Europe/Prague", "2030-05-01T22:00:00", ACTIVE, ACTIVE),
        ("America/New_York", "2030-05-02T03:59:59", ACTIVE, BLOCKED),
    ],
)
def test_the_status_of_a_day_is_that_of_its_end_where_the_provider_is(
    context: Flask, monkeypatch: pytest.MonkeyPatch, zone: str, changed_at: str, before: int, after: int
) -> None:
    context.config["ROLLBOOK_TIME_ZONE"] = zone
    moments = iter(
        [dt.datetime(2030, 1, 1, tzinfo=dt.UTC), dt.datetime.fromisoformat(changed_at).replace(tzinfo=dt.UTC)]
    )
    monkeypatch.setattr(changelog, "now", lambda: at)
    at = next(moments)
    one = customer(status_id=ACTIVE)
    at = next(moments)
    edit(one, status_id=BLOCKED)
    edit(one, city="Brno")
    with reading() as connection:
        found = [
            status_on(connection, [one], day(on)).get(one)
            for on in ("2029-12-01", "2030-04-30", "2030-05-01", "2030-05-02")
        ]
    assert found == [None, before, after, BLOCKED]


@SQLITE
def test_the_status_of_a_day_to_come_is_the_one_that_is_planned(context: Flask) -> None:
    one, ahead = customer(status_id=NEW), today() + dt.timedelta(10)
    with writing():
        for status, days in ((BLOCKED, 1), (ACTIVE, 0)):
            db.session.add(PlannedStatus(customer_id=one, status_id=status, day=ahead + dt.timedelta(days), by="Eva"))
    with reading() as connection:
        found = [status_on(connection, [one], ahead + dt.timedelta(days))[one] for days in (-1, 0, 1, 9)]
    assert found == [NEW, ACTIVE, BLOCKED, BLOCKED]


def test_a_statement_opens_with_what_was_before_and_closes_with_the_balance(context: Flask) -> None:
    one = subscriber("19.99", blocking_period=-1)
    service(one, "0.01")
    for on in ("2026-12-01", "2027-01-01", "2027-02-01"):
        run_until(day(on))
        pay(one, "10.00", on)
    gone = pay(one, 500, "2027-01-02")
    with writing():
        db.session.get_one(Payment, gone).deleted_at = now()
    with reading() as connection:
        whole = statement(connection, one)
        part = statement(connection, one, day("2027-01-01"), day("2027-01-31"))
        empty = statement(connection, one, day("2027-01-03"), day("2027-01-31"))
    assert (whole.opening, whole.closing, len(whole.entries)) == (0, account(one).balance, 9)
    told = [(entry.kind, entry.amount, entry.balance, entry.plan, entry.method) for entry in part.entries]
    assert told == [
        ("charge", Decimal("-19.99"), Decimal("-29.99"), "Home", ""),
        ("charge", Decimal("-0.01"), Decimal("-30.00"), "Home", ""),
        ("payment", Decimal("10.00"), Decimal("-20.00"), "", "transfer"),
    ]
    assert (part.opening, part.closing) == (Decimal("-10.00"), Decimal("-20.00"))
    assert (empty.opening, empty.entries, empty.closing) == (Decimal("-20.00"), (), Decimal("-20.00"))


def test_the_forecast_says_who_is_blocked_and_deactivated_when_and_what_is_charged(context: Flask) -> None:
    debtor, payer, prepaid = subscriber(), subscriber(30), subscriber(5, billing_type="prepaid")
    subscriber(status_id=NEW)
    pay(prepaid, 5)
    run_until(day("2026-12-01"))
    pay(payer, 30)
    with reading() as connection:
        rows = forecast(connection, day("2026-12-02"))
        moves = list(expected_moves(connection, day("2026-12-02")))
        following = next_move(connection, debtor, day("2026-12-02"))
        nothing = next_move(connection, payer, day("2026-12-02"))
    assert [(row.day.isoformat(), row.kind, row.count, row.amount) for row in rows] == [
        ("2026-12-16", BLOCK, 1, 20),
        ("2026-12-26", DEACTIVATE, 1, 20),
        ("2027-01-01", BLOCK, 1, 5),
        ("2027-01-01", CHARGE, 2, 50),
        ("2027-01-11", DEACTIVATE, 1, 0),
    ]
    assert following == ExpectedMove(day("2026-12-16"), BLOCK, debtor, "Ann Novak", Decimal(20))
    assert nothing is None
    steps: list[object] = []
    foresee(day("2027-01-15"), lambda step: steps.append((step.kind, step.customer, step.day)))
    assert {(move.kind, move.customer, move.day.isoformat()) for move in moves} <= set(steps)


def test_the_forecast_goes_on_from_the_days_that_were_run(context: Flask) -> None:
    debtor = subscriber()
    prepaid = subscriber(5, billing_type="prepaid")
    pay(prepaid, 5)
    run_until(day("2026-11-30"))
    run_until(day("2026-12-16"))
    for on in ("2026-12-01", "2026-12-16", "2026-12-17"):
        with reading() as connection:
            rows = forecast(connection, day(on), 20)
            move = next_move(connection, debtor, day(on))
        first = (rows[0].day.isoformat(), rows[0].kind, rows[0].count, rows[0].amount)
        assert first == ("2026-12-26", DEACTIVATE, 1, 20)
        assert [row.day.isoformat() for row in rows if row.kind == CHARGE] == ["2027-01-01"]
        assert move == ExpectedMove(day("2026-12-26"), DEACTIVATE, debtor, "Ann Novak", Decimal(20))


def test_what_was_charged_today_is_expected_no_more(context: Flask) -> None:
    subscriber()
    run_until(day("2026-11-30"))
    seen = []
    for _before_and_after in range(2):
        with reading() as connection:
            seen.append([row.kind for row in forecast(connection, day("2026-12-01"), 10)])
        run_until(day("2026-12-01"))
    assert seen == [[CHARGE], []]


@SQLITE
def test_the_forecast_of_a_partner_is_of_its_customers_alone(context: Flask) -> None:
    with writing():
        db.session.add(Partner(name="North"))
    subscriber(20)
    mine = subscriber(30, partner_id=2)
    run_until(day("2026-12-01"))
    with reading() as connection:
        rows = forecast(connection, day("2026-12-02"), 20, 2)
        assert {move.customer for move in expected_moves(connection, day("2026-12-02"), 20, 2)} == {mine}
    assert [(row.kind, row.amount) for row in rows] == [(BLOCK, 30)]
    edit(mine, status_id=INACTIVE)


@SQLITE
def test_the_forecast_counts_a_service_while_it_runs(context: Flask) -> None:
    one = subscriber(billing_day=15, blocking_period=-1)
    service(one, 3, starts="2026-12-16", ends="2027-01-15")
    service(one, 4, starts="2026-01-01", ends="2026-12-14")
    with reading() as connection:
        rows = forecast(connection, day("2026-12-01"), 60)
    assert [(row.day.isoformat(), row.count, row.amount) for row in rows] == [
        ("2026-12-15", 1, 20),
        ("2027-01-15", 2, 23),
    ]
