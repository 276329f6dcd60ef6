"""Pass over accounts at which there is nothing to do but to note that a billing day went by, many in one statement."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, Select, case, func, literal, not_, null, or_, select, update

from panel.billing.days import month_after, period_of
from panel.billing.rules import Terms, billing_day_of
from panel.database import is_sqlite
from panel.models import Account, Customer, Status

_ACCOUNT, _CUSTOMER, _STATUS = Account.__table__.c, Customer.__table__.c, Status.__table__.c


def pass_over(connection: Connection, first: int, last: int, day: dt.date, terms: Terms) -> int:
    """Do for idle accounts, of customers from one ID to another, what a look on a day would do; return for how many.

    An account is idle whose customer is not charged, was not moved by the run, and has no billing that is unchecked.
    """
    own = func.coalesce(_CUSTOMER.billing_day, literal(billing_day_of(terms.settings[0])))
    idle = _idle(first, last, day)
    days = connection.execute(idle.with_only_columns(own).distinct()).scalars().all()
    return sum(_pass(connection, idle.where(own == billing_day), day, billing_day) for billing_day in days)


def _idle(first: int, last: int, day: dt.date) -> Select[tuple[int]]:
    return (
        select(_ACCOUNT.customer_id)
        .join(Customer, _CUSTOMER.id == _ACCOUNT.customer_id)
        .join(Status, _STATUS.id == _CUSTOMER.status_id)
        .where(
            _ACCOUNT.customer_id.between(first, last),
            _ACCOUNT.look_on <= day,
            _ACCOUNT.moved_to.is_(None),
            _ACCOUNT.unchecked == "",
            or_(not_(_STATUS.accounted), _CUSTOMER.deleted_at.is_not(None)),
        )
    )


def _pass(connection: Connection, idle: Select[tuple[int]], day: dt.date, stored: int) -> int:
    billing_day = billing_day_of(stored)
    period = period_of(day, billing_day)
    seen = or_(_ACCOUNT.billed_to.is_(None), _ACCOUNT.billed_to <= period)
    mine = idle.where(seen)
    if not is_sqlite(connection):  # both rows are held, so that no status changes at the same moment
        mine = mine.with_for_update(of=[Account, Customer], key_share=True, skip_locked=True)
    has_come = day.day >= billing_day
    billed_to = case((_ACCOUNT.billed_to.is_(None), literal(period) if has_come else null()), else_=literal(period))
    following = month_after(period).replace(day=billing_day)
    passed = update(Account).where(_ACCOUNT.customer_id.in_(mine)).values(billed_to=billed_to, look_on=following)
    return connection.execute(passed).rowcount
