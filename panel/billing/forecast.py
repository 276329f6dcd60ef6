"""What the daily run will do if nobody pays and nobody changes anything: who is blocked when, and what is charged."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, case, func, literal, or_, select

from panel.billing.days import ONE, month_after, month_of
from panel.billing.foreseeing import Span, evolve
from panel.billing.looking import Wants
from panel.billing.reading import Found, read_found, read_terms
from panel.billing.rules import RULES, Terms
from panel.billing.standing import CHARGE, REACTIVATE
from panel.billing.steps import Act
from panel.models import Account, Customer, LifecycleDay, Service, Status
from panel.models.columns import Money

DAYS = 45
_ACCOUNT, _CUSTOMER, _SERVICE = Account.__table__.c, Customer.__table__.c, Service.__table__.c
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of one day: how many customers are blocked or deactivated, or services charged; the sum."""

    day: dt.date
    kind: str
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class ExpectedMove:
    """A customer who is expected to be blocked or deactivated on a day, for a debt of an amount."""

    day: dt.date
    kind: str
    customer: int
    name: str
    amount: Decimal


def forecast(connection: Connection, day: dt.date, days: int = DAYS, partner_id: int | None = None) -> list[Expected]:
    """Return what is expected from a day on, in the order of days: of a partner's customers, or of all.

    What was run already is expected no more. Debts are those of now, and what prepaid customers cannot pay. What is
    charged is what accounted customers of now have as services then.
    """
    sums: dict[tuple[dt.date, str], list[Any]] = defaultdict(lambda: [0, NOTHING])
    for move in expected_moves(connection, day, days, partner_id):
        one = sums[move.day, move.kind]
        one[0] += 1
        one[1] += move.amount
    for on, count, amount in _charges(connection, _uncharged(connection, day, days), partner_id):
        one = sums[on, CHARGE]
        one[0] += count
        one[1] += amount
    return [Expected(*key, *value) for key, value in sorted(sums.items())]


def expected_moves(
    connection: Connection, day: dt.date, days: int = DAYS, partner_id: int | None = None
) -> Iterator[ExpectedMove]:
    """Yield who is expected to be blocked or deactivated from a day on, by customer."""
    terms, span = read_terms(connection), _span(connection, day, days)
    scope: list[ColumnElement[bool]] = [_CUSTOMER.deleted_at.is_(None)]
    if partner_id is not None:
        scope.append(_CUSTOMER.partner_id == partner_id)
    for found in _debtors(connection, scope, span, terms):
        yield from _moves(found, span, terms)


def next_move(connection: Connection, customer_id: int, day: dt.date, days: int = DAYS) -> ExpectedMove | None:
    """Return the next block or deactivation of one customer, unless something is paid before."""
    terms, span = read_terms(connection), _span(connection, day, days)
    mine: list[ColumnElement[bool]] = [_CUSTOMER.id == customer_id, _CUSTOMER.deleted_at.is_(None)]
    moves = (move for found in _debtors(connection, mine, span, terms) for move in _moves(found, span, terms))
    return next(moves, None)


def _span(connection: Connection, day: dt.date, days: int) -> Span:
    """Return the days from one on, or from the last one of the daily run: nobody is looked at before that."""
    last = connection.execute(select(func.max(LifecycleDay.__table__.c.day))).scalar()
    first = max(day, last or day)
    return Span(first, first + dt.timedelta(days))


def _uncharged(connection: Connection, day: dt.date, days: int) -> Span:
    """Return the days on which services are still to be charged: the first one no more where its run has ended."""
    span, table = _span(connection, day, days), LifecycleDay.__table__.c
    ended = select(table.day).where(table.day == span.first, table.finished_at.is_not(None))
    return span if connection.execute(ended).first() is None else replace(span, first=span.first + ONE)


def _moves(found: Found, span: Span, terms: Terms) -> Iterator[ExpectedMove]:
    for (on, *_place), done in evolve(found, dt.date.min, (), span, terms):
        if isinstance(done, Act) and done.kind not in (CHARGE, REACTIVATE):
            yield ExpectedMove(on, done.kind, done.customer, done.name, done.amount)


def _debtors(connection: Connection, scope: Sequence[ColumnElement[bool]], span: Span, terms: Terms) -> Iterator[Found]:
    """Yield those of whom something is overdue in the span, and prepaid ones whose balance does not last."""
    checked = or_(_ACCOUNT.unchecked != "", _ACCOUNT.blocked_on.is_not(None))
    owing = (*scope, _CUSTOMER.billing_type != "prepaid", _ACCOUNT.balance < NOTHING, checked)
    for found in read_found(connection, owing, span.first, terms, asks=Wants(terms=False, not_due=True)):
        yield found  # without services, so that nothing more is charged
    minimum = func.coalesce(_CUSTOMER.minimum_balance, literal(terms.settings[-1], Money))
    for found in read_found(
        connection,
        (*scope, _CUSTOMER.billing_type == "prepaid", _ACCOUNT.balance - _most(span) < minimum),
        span.first,
        terms,
        asks=Wants(terms=True, not_due=False),
    ):
        yield found


def _most(span: Span) -> ColumnElement[Decimal]:
    """Return the SQL for the most that a customer may be charged in a span."""
    price = select(func.coalesce(func.sum(_SERVICE.price), literal(NOTHING, Money)))
    mine = price.where(_SERVICE.customer_id == _CUSTOMER.id, _SERVICE.deleted_at.is_(None)).scalar_subquery()
    return mine * literal(2 + (span.last - span.first).days // 28, Integer)


def _charges(connection: Connection, span: Span, partner_id: int | None) -> Iterator[tuple[dt.date, int, Decimal]]:
    """Yield what is charged on each billing day; most services are summed up by the database."""
    terms = read_terms(connection)
    day = func.coalesce(_CUSTOMER.billing_day, terms.settings[RULES.index("billing_day")])
    whole = (_SERVICE.starts <= span.first) & (_SERVICE.ends.is_(None) | (_SERVICE.ends >= span.last))
    starts, ends = (case((whole, None), else_=one) for one in (_SERVICE.starts, _SERVICE.ends))
    counted = (func.count(), func.sum(_SERVICE.price))
    where = [_SERVICE.deleted_at.is_(None), _CUSTOMER.deleted_at.is_(None), _SERVICE.price > NOTHING]
    where += [Status.__table__.c.accounted, _CUSTOMER.billing_type != "prepaid"]
    if partner_id is not None:
        where.append(_CUSTOMER.partner_id == partner_id)
    query = select(day, starts, ends, *counted).join(Customer, _CUSTOMER.id == _SERVICE.customer_id)
    query = query.join(Status, Status.id == _CUSTOMER.status_id).where(*where).group_by(day, starts, ends)
    for billing_day, first, last, count, amount in connection.execute(query):
        for on in _billing_days(span, billing_day):
            if (first is None or first <= on) and (last is None or on <= last):
                yield on, count, amount


def _billing_days(span: Span, billing_day: int) -> Iterator[dt.date]:
    month = month_of(span.first)
    while (on := month.replace(day=billing_day)) <= span.last:
        if on >= span.first:
            yield on
        month = month_after(month)
