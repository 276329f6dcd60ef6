"""What payments do at once: whom the daily run moved for a debt that is paid goes back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, func, select

from panel.billing.looking import EVERYTHING
from panel.billing.looking import settle as settle_one
from panel.billing.reading import read_found, read_terms
from panel.billing.writing import Result, write_settled
from panel.changelog import Write, follows
from panel.models import Account, Customer, LifecycleDay, Payment
from panel.records import batches
from panel.words import today

BATCH = 1_000


@follows("payment")
def follow_payments(connection: Connection, writes: Sequence[Write]) -> None:
    """Settle the debts of everybody whose payments were written, and of those who had them before."""
    table = Payment.__table__.c
    customers = {old for write in writes if (old := write.changes.get("customer", (None,))[0]) is not None}
    for some in batches([write.record_id for write in writes], BATCH):
        customers.update(connection.execute(select(table.customer_id).where(table.id.in_(some))).scalars())
    settle(connection, customers, today())


def settle(connection: Connection, customer_ids: Iterable[int], day: dt.date) -> int:
    """Give these customers the status back that the run took, where nothing is owed any more; return how many.

    It happens in the caller's transaction, which wrote the payments. A day that is before the last one of the daily
    run counts as that one.
    """
    account, customer = Account.__table__.c, Customer.__table__.c
    last = connection.execute(select(func.max(LifecycleDay.__table__.c.day))).scalar()
    on, count = max(day, last or day), 0
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
