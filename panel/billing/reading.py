"""Read what the rules need to know of some customers: one query a table, however many they are."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, select

from panel.billing.days import Calendar, month_before, month_of
from panel.billing.looking import Wants, wants
from panel.billing.rules import RULES, Effect, Given, Rules, Terms, merge_rules
from panel.billing.standing import Marks, Standing, Term
from panel.models import Account, BillingConfig, Charge, Customer, Service, Status
from panel.records import batches

ROWS = 5_000
Grouped = dict[int, list[Any]]


def read_terms(connection: Connection) -> Terms:
    """Return what holds for all customers at this moment."""
    columns = Status.__table__.c
    statuses = select(columns.id, columns.label, columns.services, columns.accounted, columns.merged_into)
    effects = {row[0]: Effect(row[1], row[2], bool(row[3]), row[4]) for row in connection.execute(statuses)}
    config = connection.execute(select(BillingConfig.__table__)).mappings().one_or_none()
    if config is None:
        return Terms((1, 15, None, None, Decimal(0)), effects, None, None)
    settings = given(config)
    terms = Terms(settings, effects, config["blocked_status_id"], config["inactive_status_id"], _calendar(config))
    blocked, inactive = (None if one is None else terms.final(one) for one in (terms.blocked, terms.inactive))
    return replace(terms, blocked=blocked, inactive=inactive)


def _calendar(config: RowMapping) -> Calendar:
    country = "" if config["blocks_on_holidays"] else config["holidays"].strip()
    return Calendar(config["blocks_on_weekends"], country)


def given(row: RowMapping) -> Given:
    """Return the rules that a row of a customer, or of the settings, holds."""
    day, due, blocking, grace, minimum = (row[name] for name in RULES)
    return day, due, blocking, grace, minimum


@lru_cache(maxsize=4096)
def _merged(own: Given, settings: Given) -> Rules:
    return merge_rules(own, settings)


@dataclass(frozen=True, slots=True)
class Found:
    """A customer as the rules see one, and what is needed to write it."""

    standing: Standing
    revision: int
    name: str


_ACCOUNT = Account.__table__.c
_CUSTOMER = Customer.__table__.c
_MARKS = ("balance", "billed_to", "unchecked", "moved_to", "moved_from", "moved_on", "blocked_on")
_OF_CUSTOMER = ("id", "revision", "status_id", "billing_type", "deleted_at", "full_name", *RULES)


def select_accounts() -> Select[Any]:
    """Return the query whose rows `found_of` reads, to be narrowed down."""
    columns = [*(_ACCOUNT[name] for name in _MARKS), *(_CUSTOMER[name] for name in _OF_CUSTOMER)]
    return select(*columns).join(Customer, Customer.id == Account.customer_id).order_by(_CUSTOMER.id)


def found_of(row: RowMapping, terms: Terms) -> Found:
    """Return a customer without services and charges."""
    marks = Marks(
        row["billed_to"],
        unchecked_days(row["unchecked"]),
        row["moved_to"],
        row["moved_from"],
        row["moved_on"],
        row["blocked_on"],
    )
    standing = Standing(
        row["id"],
        row["status_id"],
        _merged(given(row), terms.settings),
        row["balance"],
        marks,
        row["deleted_at"] is not None,
        row["billing_type"] == "prepaid",
    )
    return Found(standing, row["revision"], row["full_name"])


def unchecked_text(days: Iterable[dt.date]) -> str:
    """Return due days as an account keeps them."""
    return ",".join(day.isoformat() for day in days)


def unchecked_days(text: str) -> tuple[dt.date, ...]:
    """Return due days that an account keeps."""
    return tuple(map(dt.date.fromisoformat, text.split(","))) if text else ()


def read_found(
    connection: Connection,
    where: Sequence[ColumnElement[bool]],
    day: dt.date,
    terms: Terms,
    asks: Wants | None = None,
) -> list[Found]:
    """Return the customers that a condition names, each with all that a look on a day needs, or with what is asked."""
    rows = connection.execute(select_accounts().where(*where)).mappings()
    found = [found_of(row, terms) for row in rows]
    asked = [asks or wants(one.standing, day, terms) for one in found]
    with_terms = [one.standing.customer for one, want in zip(found, asked, strict=True) if want.terms]
    with_charges = [one.standing.customer for one, want in zip(found, asked, strict=True) if want.not_due]
    return _completed(connection, found, day, with_terms, with_charges)


def _completed(
    connection: Connection, found: list[Found], day: dt.date, with_terms: list[int], with_charges: list[int]
) -> list[Found]:
    if not with_terms and not with_charges:
        return found
    terms = _terms(connection, with_terms)
    charged = _charged(connection, terms, day)
    not_due = _not_due(connection, with_charges, day)
    asked = {*with_terms, *with_charges}
    return [
        replace(one, standing=_with(one.standing, terms, charged, not_due)) if one.standing.customer in asked else one
        for one in found
    ]


def _with(standing: Standing, terms: Grouped, charged: Mapping[int, list[dt.date]], not_due: Grouped) -> Standing:
    mine = tuple(terms.get(standing.customer, ()))
    return replace(
        standing,
        terms=mine,
        charged=frozenset((term.service, month) for term in mine for month in charged.get(term.service, ())),
        not_due=tuple(not_due.get(standing.customer, ())),
    )


def _terms(connection: Connection, customers: list[int]) -> Grouped:
    table, found = Service.__table__.c, defaultdict[int, list[Any]](list)
    query = select(table.customer_id, table.id, table.price, table.starts, table.ends)
    for some in batches(customers, ROWS):
        mine = query.where(table.customer_id.in_(some), table.deleted_at.is_(None))
        for row in connection.execute(mine.order_by(table.id)):
            found[row[0]].append(Term(*row[1:]))
    return found


def _charged(connection: Connection, terms: Grouped, day: dt.date) -> Grouped:
    """Return the months, from the one before a day's on, for which services are charged already."""
    table, found = Charge.__table__.c, defaultdict[int, list[Any]](list)
    since = month_before(month_of(day))
    for some in batches([term.service for mine in terms.values() for term in mine], ROWS):
        mine = select(table.service_id, table.period).where(table.service_id.in_(some), table.period >= since)
        for service, month in connection.execute(mine):
            found[service].append(month)
    return found


def _not_due(connection: Connection, customers: list[int], day: dt.date) -> Grouped:
    table, found = Charge.__table__.c, defaultdict[int, list[Any]](list)
    query = select(table.customer_id, table.due_on, table.amount)
    for some in batches(customers, ROWS):
        for customer, due_on, amount in connection.execute(
            query.where(table.customer_id.in_(some), table.due_on > day).order_by(table.id)
        ):
            found[customer].append((due_on, amount))
    return found
