"""Plans and services for tests, written as the change log wants it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import func, insert, select

from panel.database import writing
from panel.models import Base, Plan, Revision, Service
from panel.models.columns import now


def _add(connection: Any, model: type[Base], **values: Any) -> int:
    table = model.__table__
    number = (connection.execute(select(func.max(table.c.id))).scalar() or 0) + 1
    log = {"entity": table.name, "record_id": number, "number": 1, "stamp": "", "at": now(), "by": "test"}
    connection.execute(insert(Revision).values(**log, through="panel", changes={}))
    connection.execute(insert(table).values(id=number, revision=1, stamp="", **values))
    return int(number)


def service(customer_id: int, starts: dt.date, ends: dt.date | None = None, *, deleted: bool = False) -> int:
    """Give a customer a service from a day to another, both included."""
    with writing() as connection:
        plan_id = connection.execute(select(func.max(Plan.id))).scalar()
        if plan_id is None:
            plan_id = _add(connection, Plan, name="Fibre", price=Decimal("20.00"))
        values = {"customer_id": customer_id, "plan_id": plan_id, "price": Decimal("20.00"), "starts": starts}
        return _add(connection, Service, **values, ends=ends, deleted_at=now() if deleted else None)
