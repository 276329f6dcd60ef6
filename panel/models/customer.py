"""A customer, the entity that people take to a workbook and back."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.models.columns import Base, Document, Instant, Key, Long, Money, Number, Short, now
from panel.models.config import Location, Partner, Status

# Compared by its bytes, so that a beginning is a range of the key.
Bytewise = String(255).with_variant(String(255, collation="C"), "postgresql")


class Customer(Base):
    """Somebody who is served.

    `revision` is the number of the row's newest entry in the change log, `stamp` that entry's random mark.
    `password` holds ciphertext; a password to be set waits in `new_password` until the flush, when the ID is known.
    `left_blank` names the fields of a new customer that were emptied, and so get no default. Of the billing's rules,
    from `billing_day` on, each that is empty is everybody's; a period of `NEVER` never ends.
    """

    __tablename__ = "customer"
    __table_args__ = (
        # The log's entry may be written after the row, but has to be there at the commit.
        ForeignKeyConstraint(
            ["entity", "id", "revision"],
            ["revision.entity", "revision.record_id", "revision.number"],
            name="fk_customer_revision",
            deferrable=True,
            initially="DEFERRED",
        ),
        CheckConstraint("entity = 'customer'", name="entity"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    entity: Mapped[Short] = mapped_column(default="customer", server_default="customer")
    revision: Mapped[int] = mapped_column(default=0)
    stamp: Mapped[Short] = mapped_column(default="")
    deleted_at: Mapped[Instant | None]
    erased_at: Mapped[Instant | None]
    login: Mapped[Short]
    password: Mapped[Long | None]
    status_id: Mapped[Number] = mapped_column(ForeignKey("status.id"), index=True)
    billing_type: Mapped[Short] = mapped_column(default="recurring")
    full_name: Mapped[Long]
    emails: Mapped[Document] = mapped_column(default=list)
    phones: Mapped[Document] = mapped_column(default=list)
    category: Mapped[Short] = mapped_column(default="person")
    date_of_birth: Mapped[dt.date | None]
    passport: Mapped[Long | None]
    partner_id: Mapped[Number] = mapped_column(ForeignKey("partner.id"), index=True)
    location_id: Mapped[Number] = mapped_column(ForeignKey("location.id"), index=True)
    date_added: Mapped[dt.date | None]
    street: Mapped[Long | None]
    zip_code: Mapped[Long | None]
    city: Mapped[Long | None]
    geo: Mapped[Short | None]
    billing_day: Mapped[int | None]
    payment_due: Mapped[int | None]
    blocking_period: Mapped[int | None]
    grace_period: Mapped[int | None]
    minimum_balance: Mapped[Decimal | None] = mapped_column(Money)
    extra: Mapped[Document] = mapped_column(default=dict)

    status: Mapped[Status] = relationship()
    partner: Mapped[Partner] = relationship()
    location: Mapped[Location] = relationship()

    __allow_unmapped__ = True
    new_password: str | None = None
    left_blank: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.full_name

    def set_password(self, text: str) -> None:
        """Take a password in the clear; the flush encrypts it, bound to the ID."""
        self.new_password = text
        self.password = "pending"  # marks the row as changed; never stored


class CustomerContact(Base):
    """An email address or phone number of a customer as people type it; triggers keep it (`panel.contacts`)."""

    __tablename__ = "customer_contact"
    __table_args__ = ({"sqlite_with_rowid": False},)

    field: Mapped[Short] = mapped_column(primary_key=True)
    term: Mapped[str] = mapped_column(Bytewise, primary_key=True)
    customer_id: Mapped[Number] = mapped_column(primary_key=True, index=True, autoincrement=False)


class CustomerLikeness(Base):
    """A mark of a customer's name, which similar names share (`panel.likeness`)."""

    __tablename__ = "customer_likeness"
    __table_args__ = ({"sqlite_with_rowid": False},)

    mark: Mapped[str] = mapped_column(Bytewise, primary_key=True)
    customer_id: Mapped[Number] = mapped_column(primary_key=True, index=True, autoincrement=False)


class PlannedStatus(Base):
    """A status that a customer is to have from a day on."""

    __tablename__ = "planned_status"

    id: Mapped[Key]
    customer_id: Mapped[Number] = mapped_column(ForeignKey("customer.id"), index=True)
    status_id: Mapped[Number] = mapped_column(ForeignKey("status.id"))
    day: Mapped[dt.date] = mapped_column(index=True)
    at: Mapped[Instant] = mapped_column(default=now)
    by: Mapped[Short]
    user_id: Mapped[Number | None]
    done_at: Mapped[Instant | None]
    cancelled_at: Mapped[Instant | None]
    message: Mapped[Short] = mapped_column(default="")

    status: Mapped[Status] = relationship()


class StoredFile(Base):
    """A file that a customer's field holds or held; its bytes lie in the instance folder under `stored_as`.

    It belongs to one customer and one field for good. Until the form that it came with is saved, `customer_id` is
    empty, and the file is its uploader's alone.
    """

    __tablename__ = "stored_file"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[Key]
    customer_id: Mapped[Number | None] = mapped_column(ForeignKey("customer.id"), index=True)
    field: Mapped[Short]
    name: Mapped[Short]
    size: Mapped[Number]
    sha256: Mapped[Short]
    stored_as: Mapped[Short] = mapped_column(unique=True)
    at: Mapped[Instant] = mapped_column(default=now)
    by: Mapped[Short]
    user_id: Mapped[Number | None]
