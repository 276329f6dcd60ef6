"""Three customers with what billing knows of them, for stories of its workbooks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import insert

from panel.database import reading, writing
from panel.extensions import db
from panel.models import Charge, Payment, Plan, Revision, Service
from panel.models.columns import now
from panel.signature import signature
from tests.builders import customer
from tests.panel.out import Out

FIRST, SECOND, NEW = 3, 4, 5
"""The rows of the first and second record of a sheet, and its first blank one."""
DAY, END = dt.date(2026, 1, 1), dt.date(2026, 12, 31)

Opened = Callable[..., Out]


def three_billed() -> None:
    """Add Ann and Bob with a service and a payment each, and Eva, who prepays, in the application's context."""
    ann, bob = customer("Ann", login="ann", status_id=2), customer("Bob", login="bob", status_id=2)
    customer("Eva", login="eva", billing_type="prepaid")
    with writing():
        plans = [Plan(name="Fast", price=Decimal(20), note="007"), Plan(name="Slow", price=Decimal(10))]
        db.session.add_all([*plans, Plan(name="Ahead", price=Decimal(5), billing_type="prepaid")])
        db.session.flush()
        mine = {"plan_id": plans[0].id, "starts": DAY, "note": "007"}
        db.session.add_all([Service(customer_id=ann, **mine), Service(customer_id=bob, **mine)])
        paid = {"amount": Decimal(30), "day": DAY, "note": "007"}
        db.session.add_all([Payment(customer_id=ann, **paid), Payment(customer_id=bob, **paid)])


def charge(service_id: int, customer_id: int = 1) -> None:
    """Add a charge of a service, as a run would."""
    with writing() as connection:
        log = {"entity": "charge", "record_id": service_id, "number": 1, "stamp": "", "at": now(), "by": "test"}
        connection.execute(insert(Revision).values(**log, through="system", changes={}))
        one = {"service_id": service_id, "customer_id": customer_id, "period": DAY, "day": DAY, "due_on": DAY}
        connection.execute(insert(Charge).values(id=service_id, revision=1, amount=Decimal(20), **one))


def one(model: Any, record_id: int) -> Any:
    """Return a record as it is stored."""
    db.session.rollback()
    return db.session.get_one(model, record_id)


def edit(model: Any, record_id: int, **values: Any) -> None:
    """Change a record as a colleague in the panel would."""
    with writing():
        record = db.session.get_one(model, record_id)
        for name, value in values.items():
            setattr(record, name, value)


def state() -> str:
    """Return the digest of all values."""
    db.session.rollback()
    with reading() as connection:
        return signature(connection)
