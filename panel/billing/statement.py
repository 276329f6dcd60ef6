"""A customer's statement: what was charged and what was paid, with the balance after each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select

from panel.models import Charge, Payment, Plan, Service

CHARGE, PAYMENT = "charge", "payment"
NOTHING = Decimal(0).scaleb(-2)


@dataclass(frozen=True, slots=True)
class Entry:
    """A charge, whose amount is below zero, or a payment; `balance` is what is left after it.

    A charge has a service, the name of its plan, a month and a due day; a payment has a method and a note.
    """

    day: dt.date
    kind: str
    id: int
    amount: Decimal
    balance: Decimal = NOTHING
    service: int | None = None
    plan: str = ""
    period: dt.date | None = None
    due_on: dt.date | None = None
    method: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """The entries of some days, in the order of their days, with the balance before and after them."""

    opening: Decimal
    entries: tuple[Entry, ...]
    closing: Decimal


def statement(
    connection: Connection, customer_id: int, since: dt.date | None = None, until: dt.date | None = None
) -> Statement:
    """Return what happened from one day to another, both included; without one of them, from the first or to the last.

    On the same day charges come before payments, each in the order of their IDs.
    """
    opening = _before(connection, customer_id, since) if since else NOTHING
    found = [*_charges(connection, customer_id, since, until), *_payments(connection, customer_id, since, until)]
    balance, entries = opening, []
    for entry in sorted(found, key=lambda one: (one.day, one.kind, one.id)):
        balance += entry.amount
        entries.append(replace(entry, balance=balance))
    return Statement(opening, tuple(entries), balance)


def _before(connection: Connection, customer_id: int, day: dt.date) -> Decimal:
    charged = select(func.sum(Charge.amount)).where(Charge.customer_id == customer_id, Charge.day < day)
    mine = (Payment.customer_id == customer_id, Payment.deleted_at.is_(None), Payment.day < day)
    paid = select(func.sum(Payment.amount)).where(*mine)
    return (connection.execute(paid).scalar() or NOTHING) - (connection.execute(charged).scalar() or NOTHING)


def _within(column: Any, since: dt.date | None, until: dt.date | None) -> Iterator[Any]:
    if since is not None:
        yield column >= since
    if until is not None:
        yield column <= until


def _charges(connection: Connection, customer_id: int, since: dt.date | None, until: dt.date | None) -> Iterator[Entry]:
    columns = (Charge.id, Charge.day, Charge.amount, Charge.service_id, Charge.period, Charge.due_on, Plan.name)
    query = select(*columns).join(Service, Service.id == Charge.service_id).join(Plan, Plan.id == Service.plan_id)
    where = (Charge.customer_id == customer_id, *_within(Charge.day, since, until))
    for row in connection.execute(query.where(*where)).mappings():
        made = Entry(row["day"], CHARGE, row["id"], -row["amount"], service=row["service_id"], plan=row["name"])
        yield replace(made, period=row["period"], due_on=row["due_on"])


def _payments(
    connection: Connection, customer_id: int, since: dt.date | None, until: dt.date | None
) -> Iterator[Entry]:
    columns = (Payment.id, Payment.day, Payment.amount, Payment.method, Payment.note)
    where = (Payment.customer_id == customer_id, Payment.deleted_at.is_(None), *_within(Payment.day, since, until))
    for row in connection.execute(select(*columns).where(*where)).mappings():
        yield Entry(row["day"], PAYMENT, row["id"], row["amount"], method=row["method"], note=row["note"] or "")
