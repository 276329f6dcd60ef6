"""Measure a year of the daily run, with payments in bulk as a bank's file brings them: `year [CUSTOMERS] [DAYS]`.

Each customer has two services. Four in five pay in time, three in twenty late, so that they are blocked and come back,
and one in twenty never. At the end every balance has to be the sum of its entries.
"""

from __future__ import annotations

import datetime as dt
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from flask import current_app
from sqlalchemy import Connection, func, select

from panel import create_app
from panel.authors import COMMAND_LINE
from panel.billing.run import run_until
from panel.billing.steps import Sums
from panel.changelog import Write, allocate_ids, write_in_bulk
from panel.database import reading, writing
from panel.demo import add_demo
from panel.entities import CUSTOMER, ENTITIES, PAYMENT, PLAN, SERVICE
from panel.extensions import db
from panel.models import Account, Charge, Customer, Payment, Status
from panel.records import batches
from panel.schema import current_schema
from panel.setup import prepare

CUSTOMERS, DAYS, BATCH = 100_000, 365, 5_000
FIRST = dt.date(2026, 12, 1)
PRICES = (Decimal("19.90"), Decimal("5.10"))
LATE, NEVER, GROUPS = 16, 19, 20  # of twenty, from where on
MOST_MINUTES = 15


@dataclass
class Measured:
    """What took how long, and how much memory at the most until which day."""

    running: float = 0.0
    paying: float = 0.0
    payments: int = 0
    sums: Sums = field(default_factory=Sums)
    peaks: dict[int, float] = field(default_factory=dict)


def main(arguments: Sequence[str]) -> None:
    """Make the customers, live the year, and say how long it took."""
    given = [int(one) for one in arguments]
    customers, days = (*given, *(CUSTOMERS, DAYS)[len(given) :])
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(instance=Path(folder))
        prepare(app, admin_password="one horse, one battery")
        with app.app_context():
            furnish(customers)
            measured = _live(days)
            _check()
    _say(customers, days, measured)


def furnish(count: int) -> None:
    """Add active customers, each with two services."""
    add_demo(count, lambda done: print(f"{done:,} customers", end="\r", flush=True))
    with reading() as connection:
        active = connection.execute(select(Status.id).where(Status.label == "Active")).scalar_one()
        found = connection.execute(select(Customer.id, Customer.revision, Customer.status_id)).all()
    moves = [Write(row[0], row[1] + 1, {"status": (row[2], active)}) for row in found if row[2] != active]
    _write(CUSTOMER.key, moves)
    with writing() as connection:
        plans = [{"name": f"Plan {price}", "price": str(price), "billing_type": "recurring"} for price in PRICES]
        _write_all(connection, PLAN.key, plans)
    for some in batches((row[0] for row in found), BATCH):
        with writing() as connection:
            services = [
                {"customer": one, "plan": number, "price": str(price), "starts": "2026-01-01"}
                for one in some
                for number, price in enumerate(PRICES, 1)
            ]
            _write_all(connection, SERVICE.key, services)


def _write(entity: str, writes: Sequence[Write]) -> None:
    for some in batches(writes, BATCH):
        with writing() as connection:
            schema = current_schema(connection, ENTITIES[entity])
            write_in_bulk(connection, schema, current_app.extensions["keyring"], some, COMMAND_LINE)


def _write_all(connection: Connection, entity: str, records: Sequence[dict[str, object]]) -> None:
    """Add records as an import does: in bulk, with their revisions and all that follows."""
    ids = allocate_ids(connection, len(records), entity=entity)
    writes = [
        Write(number, 1, {key: (None, value) for key, value in record.items()})
        for number, record in zip(ids, records, strict=True)
    ]
    schema = current_schema(connection, ENTITIES[entity])
    write_in_bulk(connection, schema, current_app.extensions["keyring"], writes, COMMAND_LINE)


def _live(days: int) -> Measured:
    measured = Measured()
    for step in range(days):
        on = FIRST + dt.timedelta(step)
        started = time.perf_counter()
        sums = run_until(on)
        ran = time.perf_counter()
        measured.payments += _pay(on)
        measured.running += ran - started
        measured.paying += time.perf_counter() - ran
        for name in ("days", "charges", "charged", "blocked", "deactivated", "reactivated"):
            setattr(measured.sums, name, getattr(measured.sums, name) + getattr(sums, name))
        measured.peaks[step + 1] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if step % 30 == 0:
            print(f"{on}: {measured.running + measured.paying:,.0f} s, {measured.peaks[step + 1]:,.0f} MB", flush=True)
    return measured


def _pay(on: dt.date) -> int:
    """Let everybody pay whose day it is: those in time on the 2nd to 13th, late ones on the 18th to 25th."""
    with reading() as connection:
        query = select(Account.customer_id, Account.balance).where(Account.balance < Decimal(0))
        owing = connection.execute(query).all()
    paying = [(one, balance) for one, balance in owing if on.day == _pays_on(one)]
    for some in batches(paying, BATCH):
        with writing() as connection:
            records = [
                {"customer": one, "amount": str(-balance), "day": on.isoformat(), "method": "transfer"}
                for one, balance in some
            ]
            _write_all(connection, PAYMENT.key, records)
    return len(paying)


def _pays_on(customer: int) -> int:
    group, turn = customer % GROUPS, customer // GROUPS
    if group >= NEVER:
        return 0
    return 18 + turn % 8 if group >= LATE else 2 + turn % 12


def _check() -> None:
    charged = select(func.coalesce(func.sum(Charge.amount), 0)).where(Charge.customer_id == Account.customer_id)
    paid = select(func.coalesce(func.sum(Payment.amount), 0)).where(Payment.customer_id == Account.customer_id)
    total = paid.scalar_subquery() - charged.scalar_subquery()
    wrong = db.session.scalar(select(func.count()).select_from(Account).where(Account.balance != total))
    assert wrong == 0, f"{wrong} balances are not the sum of their entries"


def _say(customers: int, days: int, measured: Measured) -> None:
    sums, minutes = measured.sums, (measured.running + measured.paying) / 60
    print(f"{days} daily runs over {customers:,} customers: {minutes:.1f} minutes")
    print(f"  the runs {measured.running / 60:.1f}, {measured.payments:,} payments {measured.paying / 60:.1f}")
    print(f"  {sums.charges:,} charges ({sums.charged:,.2f}), {sums.charges / measured.running:,.0f} a second")
    print(f"  {sums.blocked:,} blocked, {sums.deactivated:,} deactivated")
    month = min(30, days)
    peaks = (f"{measured.peaks[day]:,.0f} MB by day {day}" for day in (month, days))
    print(f"  memory at the most: {', '.join(peaks)}")
    assert minutes <= MOST_MINUTES, f"{minutes:.1f} minutes are more than {MOST_MINUTES}"
