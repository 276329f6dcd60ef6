"""What payments do at once: whom the daily run moved for a debt that is paid goes back.

Money that is taken back is owed from that day on: the next day of blocking is that day's, not the next billing's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal

from sqlalchemy import Connection, func, select

from panel.billing.looking import EVERYTHING, NOTHING_MORE, take_back
from panel.billing.looking import settle as settle_one
from panel.billing.reading import read_found, read_terms
from panel.billing.standing import Looked
from panel.billing.writing import Result, write_billed, write_settled
from panel.changelog import Write, follows
from panel.models import Account, Customer, LifecycleDay, Payment
from panel.records import batches
from panel.words import today

BATCH = 1_000


@follows("payment")
def follow_payments(connection: Connection, writes: Sequence[Write]) -> None:
    """Settle the debts of everybody whose payments were written, and of those who had them before."""
    table = Payment.__table__.c
    lost = {old for write in writes if (old := write.changes.get("customer", (None,))[0]) is not None}
    lowered = {write.record_id for write in writes if _is_lowered(write)}
    customers = set(lost)
    for some in batches([write.record_id for write in writes], BATCH):
        for payment, customer in connection.execute(select(table.id, table.customer_id).where(table.id.in_(some))):
            customers.add(customer)
            if payment in lowered:
                lost.add(customer)
    on = _as_of(connection, today())
    _take_back(connection, lost, on)
    settle(connection, customers, on)


def _is_lowered(write: Write) -> bool:
    """Tell whether less is paid than before: a payment was deleted, became smaller, or is money that went back."""
    if "deleted" in write.changes:
        return bool(write.changes["deleted"][1])
    old, new = write.changes.get("amount", (None, None))
    return Decimal(new or 0) < Decimal(old or 0)


def _as_of(connection: Connection, day: dt.date) -> dt.date:
    """Return a day, or the last one of the daily run where that is later."""
    last = connection.execute(select(func.max(LifecycleDay.__table__.c.day))).scalar()
    return max(day, last or day)


def _take_back(connection: Connection, customer_ids: Iterable[int], day: dt.date) -> None:
    account = Account.__table__.c
    for some in batches(sorted(customer_ids), BATCH):
        mine = select(account.customer_id).where(account.customer_id.in_(some)).order_by(account.customer_id)
        held = connection.execute(mine.with_for_update()).scalars().all()
        found = read_found(connection, [account.customer_id.in_(held)], day, read_terms(connection), NOTHING_MORE)
        write_billed(connection, [Result(one, Looked(take_back(one.standing, day), (), day)) for one in found])


def settle(connection: Connection, customer_ids: Iterable[int], day: dt.date) -> int:
    """Give these customers the status back that the run took, where nothing is owed any more; return how many.

    It happens in the caller's transaction, which wrote the payments. A day that is before the last one of the daily
    run counts as that one.
    """
    account, customer = Account.__table__.c, Customer.__table__.c
    on, count = _as_of(connection, day), 0
    for some in batches(sorted(set(customer_ids)), BATCH):
        moved = (account.customer_id.in_(some), account.moved_to == customer.status_id, customer.deleted_at.is_(None))
        ids = select(account.customer_id).join(Customer, customer.id == account.customer_id).where(*moved)
        held = connection.execute(ids.order_by(account.customer_id).with_for_update()).scalars().all()
        if not held:
            continue
        terms = read_terms(connection)
        found = read_found(connection, [account.customer_id.in_(held)], on, terms, EVERYTHING)
        results = [Result(one, settle_one(one.standing, on, terms)) for one in found]
        changed = [one for one in results if one.looked.done]
        write_settled(connection, changed, on)
        count += len(changed)
    return count
