"""What round-trips: customers, plans, services and payments, each with its table, its sheet and its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, FromClause, case, select, true

from panel.models import Account, Customer, Payment, Plan, Service, Status
from panel.models.columns import Base
from panel.words import today
from sync.fields import Field, Option
from sync.types.choices import CUSTOMER as TO_CUSTOMER
from sync.words import later, say

BILLING_TYPES = (Option("recurring", later("Recurring payments")), Option("prepaid", later("Prepaid")))
CATEGORIES = (Option("person", later("Private person")), Option("company", later("Company")))
STATES = (
    Option("active", later("Active")),
    Option("suspended", later("Suspended")),
    Option("stopped", later("Stopped")),
)
METHODS = (
    Option("transfer", later("Bank transfer")),
    Option("card", later("Card")),
    Option("cash", later("Cash")),
    Option("debit", later("Direct debit")),
    Option("credit", later("Credit")),
)
BILLING = "billing"
"""The part of a customer that is on the billing tab, and in lists and workbooks where somebody asks for it."""

Derived = Callable[[], ColumnElement[Any]]


@dataclass(frozen=True, eq=False)
class Entity:
    """One kind of record that goes to a workbook and back.

    `fields` are the built-in ones, in the order of the form. Where a field's column has another name, `columns` names
    it; what no column holds is in `derived`. `named_by` is the field that says what a record is called, `noun` says
    what it is. `sees`, `edits` and `deletes` are the permissions for that, where more is needed than for customers.
    `whose` is the field of the customer that a record belongs to; `judged_by` are fields that are read with every
    record, because what may become of it depends on them.
    """

    key: str
    model: type[Base]
    sheet: str
    fields: tuple[Field, ...]
    named_by: str
    noun: str
    columns: Mapping[str, str] = field(default_factory=dict)
    derived: Mapping[str, Derived] = field(default_factory=dict)
    sees: str = ""
    edits: str = ""
    deletes: str = "billing.delete"
    whose: str = ""
    judged_by: tuple[str, ...] = ()

    @property
    def table(self) -> FromClause:
        """Return the table of the entity's records."""
        return self.model.__table__

    @cached_property
    def keys(self) -> frozenset[str]:
        """Return the keys of the built-in fields."""
        return frozenset(one.key for one in self.fields)

    @cached_property
    def has_extra(self) -> bool:
        """Tell whether its records may have additional fields."""
        return "extra" in self.table.c

    @property
    def title(self) -> str:
        """Return what the records are called, in the reader's language."""
        return say(self.sheet)

    def within(self, partner_id: int | None) -> ColumnElement[bool]:
        """Return the condition that leaves what somebody reaches who is bound to a partner, or to none."""
        if partner_id is None:
            return true()
        if self.whose:
            mine = select(Customer.id).where(Customer.partner_id == partner_id)
            return self.table.c[self.column_name(self.whose)].in_(mine)
        return self.table.c.partner_id == partner_id if "partner" in self.keys else true()

    def column_name(self, key: str) -> str:
        """Return the name of a built-in field's column."""
        return self.columns.get(key, key)

    def value(self, key: str) -> ColumnElement[Any]:
        """Return the SQL for a built-in field's value."""
        return self.derived[key]() if key in self.derived else self.table.c[self.column_name(key)]


def _days(key: str, label: str, most: int, least: int = 0, help_text: str = "") -> Field:
    return Field(key, label, "days", min=Decimal(least), max=Decimal(most), part=BILLING, help=help_text)


MOST_MONEY = Decimal("999999999.99")
"""No amount is larger, so that no sum of many is more than a database holds."""
_AS_EVERYBODY = later("Blank is as for everybody.")
_CUSTOMER_FIELDS = (
    Field(
        "login",
        later("Login"),
        "string",
        required=True,
        unique=True,
        generated=True,
        identifying=True,
        max=Decimal(128),
    ),
    Field("password", later("Password"), "secret", generated=True, max=Decimal(512)),
    Field("status", later("Status"), "reference", required=True, generated=True),
    Field("billing_type", later("Type of billing"), "select", BILLING_TYPES, required=True, generated=True),
    Field("full_name", later("Full name"), "string", required=True, identifying=True),
    Field("emails", later("Email"), "emails", identifying=True, help=later("Several are separated by a comma.")),
    Field("phones", later("Phone number"), "phones", identifying=True, help=later("Several are separated by a comma.")),
    Field("category", later("Category"), "select", CATEGORIES, required=True, generated=True),
    Field("date_of_birth", later("Date of birth"), "date", category="person"),
    Field("passport", later("Passport"), "string", identifying=True, category="person"),
    Field("partner", later("Partner"), "reference", required=True, generated=True),
    Field("location", later("Location"), "reference", required=True, generated=True),
    Field("date_added", later("Date added"), "date", required=True, generated=True),
    Field("street", later("Street"), "string"),
    Field("zip_code", later("ZIP code"), "string"),
    Field("city", later("City"), "string"),
    Field("geo", later("Geo data"), "geo", help=later("Latitude and longitude, as in 49.9902794, 36.2303893.")),
    Field(
        "billing_day",
        later("Billing day"),
        "integer",
        min=Decimal(1),
        max=Decimal(28),
        part=BILLING,
        help=_AS_EVERYBODY,
    ),
    Field(
        "payment_due",
        later("Payment due"),
        "integer",
        min=Decimal(1),
        max=Decimal(28),
        part=BILLING,
        help=_AS_EVERYBODY,
    ),
    _days("blocking_period", later("Blocking period"), 99, 0, _AS_EVERYBODY),
    _days("grace_period", later("Grace period"), 99, 1, _AS_EVERYBODY),
    Field(
        "minimum_balance",
        later("Minimum balance"),
        "money",
        min=-MOST_MONEY,
        max=MOST_MONEY,
        part=BILLING,
        help=_AS_EVERYBODY,
    ),
    Field("balance", later("Balance"), "money", read_only=True, derived=True, part=BILLING),
)


def _balance() -> ColumnElement[Any]:
    own = select(Account.balance).where(Account.customer_id == Customer.id).correlate(Customer)
    return own.scalar_subquery()


def _state() -> ColumnElement[Any]:
    """Return what a service is today: what its customer's status makes of it, within its own days."""
    day = today()
    effect = select(Status.services).join(Customer, Customer.status_id == Status.id)
    own = effect.where(Customer.id == Service.customer_id).correlate(Service).scalar_subquery()
    is_over = (Service.starts > day) | (Service.ends < day)
    return case((is_over, "stopped"), else_=own)


CUSTOMER = Entity(
    "customer",
    Customer,
    "Customers",
    _CUSTOMER_FIELDS,
    "full_name",
    later("customer"),
    {"status": "status_id", "partner": "partner_id", "location": "location_id"},
    {"balance": _balance},
    deletes="customer.delete",
    judged_by=("partner", "status"),
)
PLAN = Entity(
    "plan",
    Plan,
    "Plans",
    (
        Field("name", later("Name"), "string", required=True, unique=True, identifying=True, max=Decimal(255)),
        Field("price", later("Price a month"), "money", required=True, min=Decimal(0), max=MOST_MONEY),
        Field("billing_type", later("Type of billing"), "select", BILLING_TYPES, required=True, generated=True),
        Field("note", later("Note"), "text"),
    ),
    "name",
    later("plan"),
    sees="billing.view",
    edits="config",
    deletes="config",
)
_SERVICE_CUSTOMER = Field(
    "customer", later("Customer"), "relation", required=True, identifying=True, target=TO_CUSTOMER
)
SERVICE = Entity(
    "service",
    Service,
    "Services",
    (
        _SERVICE_CUSTOMER,
        Field("plan", later("Plan"), "reference", required=True, identifying=True),
        Field(
            "price",
            later("Price a month"),
            "money",
            required=True,
            generated=True,
            min=Decimal(0),
            max=MOST_MONEY,
        ),
        Field("starts", later("Start"), "date", required=True, generated=True),
        Field("ends", later("End"), "date"),
        Field("note", later("Note"), "text"),
        Field("state", later("State"), "select", STATES, read_only=True, derived=True),
    ),
    "plan",
    later("service"),
    {"customer": "customer_id", "plan": "plan_id"},
    {"state": _state},
    sees="billing.view",
    edits="service.edit",
    whose="customer",
)
PAYMENT = Entity(
    "payment",
    Payment,
    "Payments",
    (
        _SERVICE_CUSTOMER,
        Field(
            "amount",
            later("Amount"),
            "money",
            required=True,
            identifying=True,
            min=-MOST_MONEY,
            max=MOST_MONEY,
        ),
        Field("day", later("Date"), "date", required=True, generated=True, identifying=True),
        Field("method", later("Method"), "select", METHODS, required=True, generated=True),
        Field("note", later("Note"), "text"),
    ),
    "day",
    later("payment"),
    {"customer": "customer_id"},
    sees="billing.view",
    edits="payment.add",
    whose="customer",
)
ENTITIES = {one.key: one for one in (CUSTOMER, PLAN, SERVICE, PAYMENT)}
"""Every entity by its key."""
BY_NAME = {one.sheet.lower(): one for one in ENTITIES.values()}
"""Every entity by what commands and addresses call its records."""
