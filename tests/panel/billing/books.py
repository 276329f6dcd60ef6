"""Customers with services, payments and an account, in a real database."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from panel.database import writing
from panel.extensions import db
from panel.models import Account, BillingConfig, Charge, Customer, Payment, Plan, Revision, Service
from tests.builders import customer

NEW, ACTIVE, BLOCKED, INACTIVE = 1, 2, 3, 4


def plan(price: object = 20) -> int:
    """Add a plan, or return the one that is there."""
    found = db.session.scalar(select(Plan.id).limit(1))
    if found is not None:
        return found
    with writing():
        one = Plan(name="Home", price=Decimal(str(price)))
        db.session.add(one)
        db.session.flush()
        return one.id


def service(customer_id: int, price: object = 20, starts: str = "2020-01-01", ends: str | None = None) -> int:
    """Give a customer a service."""
    plan_id = plan()
    with writing():
        one = Service(
            customer_id=customer_id,
            plan_id=plan_id,
            price=Decimal(str(price)),
            starts=dt.date.fromisoformat(starts),
            ends=dt.date.fromisoformat(ends) if ends else None,
        )
        db.session.add(one)
        db.session.flush()
        return one.id


def subscriber(price: object = 20, status_id: int = ACTIVE, **values: Any) -> int:
    """Add a customer with one service."""
    one = customer(status_id=status_id, **values)
    service(one, price)
    return one


def pay(customer_id: int, amount: object = 20, on: str = "2026-11-23") -> int:
    """Record a payment, as a colleague in the panel does."""
    with writing():
        one = Payment(customer_id=customer_id, amount=Decimal(str(amount)), day=dt.date.fromisoformat(on))
        db.session.add(one)
        db.session.flush()
        return one.id


def configure(**values: Any) -> None:
    """Change the billing's rules that hold for all."""
    from panel.billing.run import look_at_all  # noqa: PLC0415 (imported late: tests without a database import this)

    with writing() as connection:
        config = db.session.get_one(BillingConfig, 1)
        for name, value in values.items():
            setattr(config, name, value)
        look_at_all(connection)


def status_of(customer_id: int) -> int:
    """Return a customer's status as it is stored."""
    return db.session.execute(select(Customer.status_id).where(Customer.id == customer_id)).scalar_one()


def account(customer_id: int) -> Account:
    """Return a customer's account as it is stored."""
    return db.session.get_one(Account, customer_id, populate_existing=True)


def charges(customer_id: int) -> list[tuple[str, Decimal]]:
    """Return a customer's charges: the day and the amount of each."""
    query = select(Charge.day, Charge.amount).where(Charge.customer_id == customer_id).order_by(Charge.id)
    return [(day.isoformat(), amount) for day, amount in db.session.execute(query)]


def reasons(entity: str, record_id: int) -> list[str]:
    """Return why each of a record's revisions was made, where nobody typed it."""
    query = select(Revision.reason).where(Revision.entity == entity, Revision.record_id == record_id)
    return [reason for reason in db.session.scalars(query.order_by(Revision.number)) if reason]


def assert_balances_are_sums() -> None:
    """Check every account against the entries that its triggers saw."""
    charged = select(func.coalesce(func.sum(Charge.amount), 0)).where(Charge.customer_id == Account.customer_id)
    mine = (Payment.customer_id == Account.customer_id, Payment.deleted_at.is_(None))
    paid = select(func.coalesce(func.sum(Payment.amount), 0)).where(*mine)
    total = paid.scalar_subquery() - charged.scalar_subquery()
    assert db.session.execute(select(Account.customer_id).where(Account.balance != total)).all() == []
