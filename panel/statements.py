"""What a customer was charged and paid in a span of days, in order, with the balance after each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from panel.models import Charge, Payment, Plan, Service

NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Entry:
    """A charge, whose amount is negative, or a payment; `balance` is the one after it."""

    kind: str
    id: int
    day: dt.date
    amount: Decimal
    plan: str = ""
    period: dt.date | None = None
    due_on: dt.date | None = None
    method: str = ""
    note: str = ""
    balance: Decimal = NOTHING


@dataclass(frozen=True, slots=True)
class Statement:
    """The entries of a span of days between two balances."""

    opening: Decimal
    entries: Sequence[Entry]
    closing: Decimal


def statement(
    connection: Connection, customer_id: int, since: dt.date | None = None, until: dt.date | None = None
) -> Statement:
    """Return what was charged and paid between two days, both included; without one of them from or to the end."""
    opening = _sum_before(connection, customer_id, since) if since else NOTHING
    both = [*_charges(connection, customer_id, since, until), *_payments(connection, customer_id, since, until)]
    in_order = sorted(both, key=lambda one: (one.day, one.kind, one.id))
    entries = list(_balanced(opening, in_order))
    return Statement(opening, entries, entries[-1].balance if entries else opening)


def _balanced(opening: Decimal, entries: Sequence[Entry]) -> Iterator[Entry]:
    balance = opening
    for one in entries:
        balance += one.amount
        yield replace(one, balance=balance)


def _within(day: Any, since: dt.date | None, until: dt.date | None) -> list[ColumnElement[bool]]:
    return [*([day >= since] if since else []), *([day <= until] if until else [])]


def _sum_before(connection: Connection, customer_id: int, day: dt.date) -> Decimal:
    paid = select(func.sum(Payment.amount)).where(Payment.customer_id == customer_id, Payment.day < day)
    charged = select(func.sum(Charge.amount)).where(Charge.customer_id == customer_id, Charge.day < day)
    sums = [connection.execute(one).scalar() for one in (paid.where(Payment.deleted_at.is_(None)), charged)]
    return (sums[0] or NOTHING) - (sums[1] or NOTHING)


def _charges(connection: Connection, customer_id: int, since: dt.date | None, until: dt.date | None) -> Iterator[Entry]:
    query = select(Charge.id, Charge.day, Charge.amount, Charge.period, Charge.due_on, Plan.name)
    query = query.join(Service, Service.id == Charge.service_id).join(Plan, Plan.id == Service.plan_id)
    for row in connection.execute(query.where(Charge.customer_id == customer_id, *_within(Charge.day, since, until))):
        yield Entry("charge", row.id, row.day, -row.amount, row.name, row.period, row.due_on)


def _payments(
    connection: Connection, customer_id: int, since: dt.date | None, until: dt.date | None
) -> Iterator[Entry]:
    query = select(Payment.id, Payment.day, Payment.amount, Payment.method, Payment.note)
    mine = (Payment.customer_id == customer_id, Payment.deleted_at.is_(None))
    for row in connection.execute(query.where(*mine, *_within(Payment.day, since, until))):
        yield Entry("payment", row.id, row.day, row.amount, method=row.method, note=row.note or "")
