"""Pass over accounts at which nothing is to be done but to note that a day went by, many in one statement."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, or_, select, update

from panel.billing.looking import NOTHING, is_quiet, look
from panel.billing.reading import given, unchecked_days, unchecked_text
from panel.billing.rules import RULES, Terms, merge_rules
from panel.billing.standing import Marks, Standing
from panel.database import is_sqlite
from panel.models import Account, Customer

FEWEST, MOST_GROUPS = 50, 40
"""Customers alike who are worth a statement, and statements that are worth it: each goes through all of some IDs."""
_ACCOUNT, _CUSTOMER = Account.__table__.c, Customer.__table__.c
_IN_BIN = _CUSTOMER.deleted_at.is_not(None)
_ALIKE = {
    "billed_to": _ACCOUNT.billed_to,
    "unchecked": _ACCOUNT.unchecked,
    "status_id": _CUSTOMER.status_id,
    "billing_type": _CUSTOMER.billing_type,
    "in_bin": _IN_BIN,
    **{name: _CUSTOMER[name] for name in RULES},
}
"""All that a look at a quiet account follows from: it is the same for those in which these are the same."""


def pass_over(connection: Connection, first: int, last: int, day: dt.date, terms: Terms) -> int:
    """Do for quiet accounts, of customers from one ID to another, what a look on a day would do; return for how many.

    The rules look at one account of those that are alike, and what comes of it is written to all of them.
    """
    quiet = _quiet(first, last, day, terms)
    columns = [column.label(name) for name, column in _ALIKE.items()]
    alike = quiet.with_only_columns(*columns).group_by(*_ALIKE.values()).having(func.count() >= FEWEST)
    groups = connection.execute(alike.order_by(func.count().desc()).limit(MOST_GROUPS)).mappings().all()
    return sum(_pass(connection, quiet, group, day, terms) for group in groups)


def _quiet(first: int, last: int, day: dt.date, terms: Terms) -> Select[Any]:
    """Return the query for accounts that may be quiet: `is_quiet` says it of those that are alike."""
    accounted = [number for number, effect in terms.statuses.items() if effect.accounted]
    return (
        select(_ACCOUNT.customer_id)
        .join(Customer, _CUSTOMER.id == _ACCOUNT.customer_id)
        .where(
            _ACCOUNT.customer_id.between(first, last),
            _ACCOUNT.look_on <= day,
            _ACCOUNT.moved_to.is_(None),
            or_(_CUSTOMER.status_id.not_in(accounted), _IN_BIN, _ACCOUNT.balance >= NOTHING),
        )
    )


def _pass(connection: Connection, quiet: Select[Any], group: RowMapping, day: dt.date, terms: Terms) -> int:
    one = _standing(group, terms)
    looked = look(one, day, terms)
    if looked.done or not is_quiet(one, day, terms):
        return 0
    mine = quiet.where(*(column.is_not_distinct_from(group[name]) for name, column in _ALIKE.items()))
    if not is_sqlite(connection):  # both rows are held, so that no status changes at the same moment
        mine = mine.with_for_update(of=[Account, Customer], key_share=True, skip_locked=True)
    marks = looked.standing.marks
    new = {"billed_to": marks.billed_to, "unchecked": unchecked_text(marks.unchecked), "look_on": looked.look_on}
    passed = update(Account).where(_ACCOUNT.customer_id.in_(mine)).values(new)
    return connection.execute(passed).rowcount


def _standing(group: RowMapping, terms: Terms) -> Standing:
    """Return somebody out of a group, who neither owes nor has anything."""
    return Standing(
        0,
        group["status_id"],
        merge_rules(given(group), terms.settings),
        marks=Marks(group["billed_to"], unchecked_days(group["unchecked"])),
        in_bin=bool(group["in_bin"]),
        prepaid=group["billing_type"] == "prepaid",
    )
