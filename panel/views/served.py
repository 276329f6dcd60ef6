"""What a customer is charged for, as the page shows it on a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import exists, select

from panel.billing.states import service_state
from panel.extensions import db
from panel.models import Account, Charge, Plan, Service


@dataclass(frozen=True, slots=True)
class Served:
    """One service with its plan's name; `state` is the one of the day that was asked for."""

    service: Service
    plan: str
    state: str
    is_charged: bool


@dataclass(frozen=True, slots=True)
class ServicesOf:
    """A customer's services on a day, the current ones first, and what the active ones cost a month."""

    lines: Sequence[Served]
    effect: str

    @property
    def monthly(self) -> Decimal:
        """Return the sum of the prices of the active ones."""
        return sum((one.service.price for one in self.lines if one.state == "active"), Decimal("0.00"))


def services_of(customer_id: int, day: dt.date, effect: str) -> ServicesOf:
    """Return a customer's services on a day on which the status does `effect`."""
    charged = exists().where(Charge.service_id == Service.id)
    query = select(Service, Plan.name, charged).join(Plan, Plan.id == Service.plan_id)
    query = query.where(Service.customer_id == customer_id, Service.deleted_at.is_(None))
    rows = db.session.execute(query.order_by(Service.starts.desc(), Service.id.desc())).all()
    lines = [
        Served(one, plan, service_state(effect, one.starts, one.ends, day), is_charged)
        for one, plan, is_charged in rows
    ]
    return ServicesOf(sorted(lines, key=lambda line: line.service.ends is not None), effect)


def balance_of(customer_id: int) -> Decimal:
    """Return what a customer has paid less what was charged."""
    found = db.session.scalar(select(Account.balance).where(Account.customer_id == customer_id))
    return Decimal("0.00") if found is None else found
