"""What customers are charged for, what they paid, and where the daily run stands with each of them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, false, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.models.columns import Base, Document, Instant, Key, Long, Money, Number, Short, now
from panel.models.config import Status
from panel.models.customer import Customer

AT_ONCE = dt.date.min
"""A day to look at an account that has come already."""


def _logged(entity: str) -> tuple[ForeignKeyConstraint, CheckConstraint]:
    """Return the constraints of a table whose every write has its revision, which is there at the commit."""
    newest = ForeignKeyConstraint(
        ["entity", "id", "revision"],
        ["revision.entity", "revision.record_id", "revision.number"],
        name=f"fk_{entity}_revision",
        deferrable=True,
        initially="DEFERRED",
    )
    return newest, CheckConstraint(f"entity = '{entity}'", name="entity")


class Plan(Base):
    """Something that customers subscribe to: its price is a month's, `billing_type` says who may have it."""

    __tablename__ = "plan"
    __table_args__ = (
        *_logged("plan"),
        CheckConstraint("billing_type IN ('recurring', 'prepaid')", name="billing_type"),
        CheckConstraint("price >= 0", name="price"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    entity: Mapped[Short] = mapped_column(default="plan", server_default="plan")
    revision: Mapped[int] = mapped_column(default=0)
    stamp: Mapped[Short] = mapped_column(default="")
    deleted_at: Mapped[Instant | None]
    name: Mapped[Short]
    price: Mapped[Decimal] = mapped_column(Money)
    billing_type: Mapped[Short] = mapped_column(default="recurring")
    note: Mapped[Long | None]

    def __str__(self) -> str:
        return self.name


class Service(Base):
    """A plan that a customer has, at a price of its own, from `starts` to `ends`, both included.

    Whether it is active, suspended or stopped is nowhere stored: it follows from the customer's status and these days.
    """

    __tablename__ = "service"
    __table_args__ = (
        *_logged("service"),
        CheckConstraint("price >= 0", name="price"),
        Index("ix_service_customer_id", "customer_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    entity: Mapped[Short] = mapped_column(default="service", server_default="service")
    revision: Mapped[int] = mapped_column(default=0)
    stamp: Mapped[Short] = mapped_column(default="")
    deleted_at: Mapped[Instant | None]
    customer_id: Mapped[Number] = mapped_column(ForeignKey("customer.id"))
    plan_id: Mapped[Number] = mapped_column(ForeignKey("plan.id"), index=True)
    price: Mapped[Decimal] = mapped_column(Money)
    starts: Mapped[dt.date]
    ends: Mapped[dt.date | None]
    note: Mapped[Long | None]

    customer: Mapped[Customer] = relationship()
    plan: Mapped[Plan] = relationship()

    def __str__(self) -> str:
        return str(self.plan)


class Payment(Base):
    """Money that came from a customer on a day, or went back where the amount is negative."""

    __tablename__ = "payment"
    __table_args__ = (
        *_logged("payment"),
        Index("ix_payment_customer_id", "customer_id", "day"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    entity: Mapped[Short] = mapped_column(default="payment", server_default="payment")
    revision: Mapped[int] = mapped_column(default=0)
    stamp: Mapped[Short] = mapped_column(default="")
    deleted_at: Mapped[Instant | None]
    customer_id: Mapped[Number] = mapped_column(ForeignKey("customer.id"))
    amount: Mapped[Decimal] = mapped_column(Money)
    day: Mapped[dt.date] = mapped_column(index=True)
    method: Mapped[Short] = mapped_column(default="transfer")
    note: Mapped[Long | None]

    customer: Mapped[Customer] = relationship()

    def __str__(self) -> str:
        return f"{self.amount} {self.day}"


class Charge(Base):
    """What a service cost in a month, `period` being the first day of it: one a service and month, and final.

    It was made on `day`, and is past due from `due_on` on.
    """

    __tablename__ = "charge"
    __table_args__ = (
        *_logged("charge"),
        UniqueConstraint("service_id", "period"),
        Index("ix_charge_customer_id", "customer_id", "day"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    entity: Mapped[Short] = mapped_column(default="charge", server_default="charge")
    revision: Mapped[int] = mapped_column(default=0)
    stamp: Mapped[Short] = mapped_column(default="")
    customer_id: Mapped[Number] = mapped_column(ForeignKey("customer.id"))
    service_id: Mapped[Number] = mapped_column(ForeignKey("service.id"))
    period: Mapped[dt.date]
    day: Mapped[dt.date]
    due_on: Mapped[dt.date]
    amount: Mapped[Decimal] = mapped_column(Money)

    service: Mapped[Service] = relationship()


class Account(Base):
    """Where a customer's billing stands; triggers keep it beside the customer, the charges and the payments.

    `balance` is what was paid less what was charged. The daily run looks at the account on `look_on`, or never where
    that is empty; whatever matters for it sets that to `AT_ONCE`. `billed_to` is the first day of the last month whose
    billing day it saw, `unchecked` the due days, in ISO form with commas between, of billings whose day of blocking is
    still to come. Where the run moved the customer, `moved_to` and `moved_from` are statuses, `moved_on` the day; a
    status that somebody else sets empties them. `blocked_on` is the day from which the grace period counts.
    """

    __tablename__ = "account"

    customer_id: Mapped[Number] = mapped_column(ForeignKey("customer.id"), primary_key=True, autoincrement=False)
    balance: Mapped[Decimal] = mapped_column(Money, default=Decimal(0), server_default="0")
    look_on: Mapped[dt.date | None] = mapped_column(index=True)
    billed_to: Mapped[dt.date | None]
    unchecked: Mapped[Short] = mapped_column(default="", server_default="")
    moved_to: Mapped[Number | None] = mapped_column(ForeignKey("status.id"))
    moved_from: Mapped[Number | None] = mapped_column(ForeignKey("status.id"))
    moved_on: Mapped[dt.date | None]
    blocked_on: Mapped[dt.date | None]


class BillingConfig(Base):
    """The rules of billing where a customer has none of its own, and the targets of automatic moves; one row.

    Periods are days; a blocking or grace period that is empty never ends. `holidays` is the country, and after a
    hyphen the part of it, whose holidays count, such as ``CZ`` or ``DE-BY``.
    """

    __tablename__ = "billing_config"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[Key]
    billing_day: Mapped[int] = mapped_column(default=1, server_default="1")
    payment_due: Mapped[int] = mapped_column(default=15, server_default="15")
    blocking_period: Mapped[int | None] = mapped_column(default=0)
    grace_period: Mapped[int | None] = mapped_column(default=10)
    minimum_balance: Mapped[Decimal] = mapped_column(Money, default=Decimal(0), server_default="0")
    blocks_on_weekends: Mapped[bool] = mapped_column(default=True, server_default=true())
    blocks_on_holidays: Mapped[bool] = mapped_column(default=True, server_default=true())
    holidays: Mapped[Short] = mapped_column(default="", server_default="")
    blocked_status_id: Mapped[Number | None] = mapped_column(ForeignKey("status.id"))
    inactive_status_id: Mapped[Number | None] = mapped_column(ForeignKey("status.id"))

    blocked_status: Mapped[Status | None] = relationship(foreign_keys=[blocked_status_id])
    inactive_status: Mapped[Status | None] = relationship(foreign_keys=[inactive_status_id])


class LifecycleDay(Base):
    """One day of the daily run: done once `finished_at` is there, and what was done in it by then."""

    __tablename__ = "lifecycle_day"

    day: Mapped[dt.date] = mapped_column(primary_key=True)
    started_at: Mapped[Instant] = mapped_column(default=now)
    finished_at: Mapped[Instant | None]
    by: Mapped[Short]
    counts: Mapped[Document] = mapped_column(default=dict)


class ApiToken(Base):
    """What another program signs in with; known by the digest of its secret part.

    With `passwords` it may ask for customers' passwords. One with a partner answers for that partner's customers only.
    """

    __tablename__ = "api_token"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[Key]
    name: Mapped[Short] = mapped_column(unique=True)
    digest: Mapped[Short] = mapped_column(unique=True)
    passwords: Mapped[bool] = mapped_column(default=False, server_default=false())
    partner_id: Mapped[Number | None] = mapped_column(ForeignKey("partner.id"))
    at: Mapped[Instant] = mapped_column(default=now)
    by: Mapped[Short]
    used_on: Mapped[dt.date | None]
    revoked_at: Mapped[Instant | None]

    def __str__(self) -> str:
        return self.name
