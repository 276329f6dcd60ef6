"""Real kills at random moments of the daily run, several runs at once, and an import meanwhile."""

from __future__ import annotations

import datetime as dt
import os
import random
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from panel.billing.foreseeing import foresee
from panel.billing.run import run_until
from panel.billing.standing import CHARGE
from panel.extensions import db
from panel.models import Account, Charge, Customer, LifecycleDay, Revision, Status
from tests.benchmarks.year import furnish
from tests.databases import Database
from tests.panel.billing.books import assert_balances_are_sums
from tests.panel.killing import killer

pytestmark = pytest.mark.timeout(600)
CUSTOMERS, KILLS, FEWEST = 2_500, 16, 3
LATEST = 0.5  # seconds after the first write
LAST = "2027-01-27"
SEED = int(os.environ.get("KILLS_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)


@pytest.fixture
def furnished(app: Flask) -> Flask:
    with app.app_context():
        furnish(CUSTOMERS)
        run_until(dt.date(2026, 11, 30))
    return app


def test_a_run_killed_again_and_again_leaves_whole_customers_and_ends_as_foreseen(
    furnished: Flask, database: Database
) -> None:
    draw, run = random.Random(SEED), ("lifecycle", "--date", LAST)
    foreseen: list[Any] = []
    with furnished.app_context():
        sums = foresee(dt.date.fromisoformat(LAST), foreseen.append)
        db.session.remove()
    with killer(database) as process:
        kills = 0
        while kills < KILLS and "d" not in process.run(*run, wait_for_writes=True, delay=draw.uniform(0.0, LATEST)):
            kills += 1
            with furnished.app_context():
                _assert_whole()
        assert kills >= FEWEST, SEED
        process.run(*run)
    with furnished.app_context():
        _assert_whole()
        _assert_ended(foreseen)
        days = db.session.scalars(select(LifecycleDay.counts).where(LifecycleDay.finished_at.is_not(None))).all()
        assert len(days) == sums.days + 1, SEED
        assert sum(day.get("charges", 0) for day in days) == sums.charges, SEED
        assert sum(Decimal(day.get("charged", 0)) for day in days) == sums.charged, SEED


def _assert_whole() -> None:
    """Check that a customer has both charges of a month or none, each with its revision, and what they come to."""
    by_month = select(Charge.customer_id, func.count()).group_by(Charge.customer_id, Charge.period)
    assert db.session.execute(by_month.having(func.count() != 2)).all() == [], SEED
    logged = select(func.count()).where(Revision.entity == "charge")
    assert db.session.scalar(logged) == db.session.scalar(select(func.count()).select_from(Charge)), SEED
    stands = Account.moved_to.is_not(None) & (Account.moved_to != Customer.status_id)
    where = select(Account.customer_id).join(Customer, Customer.id == Account.customer_id).where(stands)
    assert db.session.execute(where).all() == [], SEED
    assert_balances_are_sums()


def _assert_ended(foreseen: list[Any]) -> None:
    expected = sorted((one.customer, one.service, one.period, one.day) for one in foreseen if one.kind == CHARGE)
    columns = (Charge.customer_id, Charge.service_id, Charge.period, Charge.day)
    made = sorted((*row[:2], row[2].isoformat(), row[3].isoformat()) for row in db.session.execute(select(*columns)))
    assert made == expected, SEED
    moved = {one.customer: one.new for one in foreseen if one.kind != CHARGE}
    having = select(Customer.id, Status.label).join(Status, Status.id == Customer.status_id)
    labels = {row[0]: row[1] for row in db.session.execute(having)}
    assert labels == dict.fromkeys(labels, "Active") | moved, SEED
