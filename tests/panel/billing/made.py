"""Plans, services, charges and payments for tests."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import func, insert, select

from panel.authors import SYSTEM
from panel.changelog import Write, append_revisions
from panel.database import writing
from panel.extensions import db
from panel.models import Charge, Payment, Plan, Service
from panel.models.columns import now


def plan(name: str = "Fast", price: str = "20.00", billing_type: str = "recurring") -> int:
    """Add a plan and return its ID."""
    with writing():
        one = Plan(name=name, price=Decimal(price), billing_type=billing_type)
        db.session.add(one)
        db.session.flush()
        return one.id


def service(customer_id: int, plan_id: int, **values: object) -> int:
    """Add a service and return its ID."""
    with writing():
        one = Service(customer_id=customer_id, plan_id=plan_id, **values)
        db.session.add(one)
        db.session.flush()
        return one.id


def lasting(customer_id: int, starts: dt.date, ends: dt.date | None = None, *, deleted: bool = False) -> int:
    """Give a customer a service of any plan, from a day to another, both included; return its ID."""
    plan_id = db.session.scalar(select(Plan.id).limit(1)) or plan()
    return service(customer_id, plan_id, starts=starts, ends=ends, deleted_at=now() if deleted else None)


def payment(customer_id: int, amount: str, day: dt.date, note: str | None = None) -> int:
    """Record a payment and return its ID."""
    with writing():
        one = Payment(customer_id=customer_id, amount=Decimal(amount), day=day, note=note)
        db.session.add(one)
        db.session.flush()
        return one.id


def charge(customer_id: int, service_id: int, day: dt.date, amount: str = "20.00") -> int:
    """Charge a service for a day's month, as the daily run does; it is due after 15 days. Return its ID."""
    with writing() as connection:
        number = 1 + (connection.execute(select(func.max(Charge.id))).scalar() or 0)
        write = Write(number, 1, {"amount": (None, amount)})
        append_revisions(connection, [write], SYSTEM, "charge")
        row = {"id": number, "revision": 1, "stamp": write.stamp, "customer_id": customer_id, "service_id": service_id}
        when = {"period": day.replace(day=1), "day": day, "due_on": day + dt.timedelta(15)}
        connection.execute(insert(Charge).values(**row, **when, amount=Decimal(amount)))
        return number
