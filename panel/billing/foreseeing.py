"""What the daily run would do: the same rules over what is stored now, evolved in memory and written nowhere."""

from __future__ import annotations

import datetime as dt
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, func, or_, select

from panel.billing.days import ONE
from panel.billing.looking import EVERYTHING, look
from panel.billing.reading import Found, read_found, read_terms
from panel.billing.rules import Terms
from panel.billing.run import BATCH, Progress, open_days
from panel.billing.standing import Marks, Standing
from panel.billing.steps import Done, Sums, Teller, acts_of
from panel.database import reading
from panel.lifecycle import is_pending, judged, select_planned
from panel.models import Account, Customer, LifecycleDay, PlannedStatus, Status
from panel.records import batches

_Key = tuple[dt.date, int, dt.date, int, int]


@dataclass(frozen=True, slots=True)
class Span:
    """The days of a run, from the first to the last."""

    first: dt.date
    last: dt.date


def foresee(day: dt.date, tell: Teller = lambda _done: None, progress: Progress = lambda *_so_far: None) -> Sums:
    """Return what `panel.billing.run.run_until` would do up to a day; `tell` hears each step, in the same order."""
    sums = Sums()
    with reading() as connection:
        days = open_days(connection, day)
        sums.days = len(days)
        last = connection.execute(select(func.max(LifecycleDay.__table__.c.day))).scalar()
        span = Span(days[0], days[-1]) if days else Span(last or day, last or day)
        found = sorted(_everything(connection, span, progress), key=lambda pair: pair[0])
    for _key, done in found:
        sums.add(done)
        tell(done)
    return sums


def _everything(connection: Connection, span: Span, progress: Progress) -> Iterator[tuple[_Key, Done]]:
    terms, planned = read_terms(connection), _planned(connection, span.last)
    account, customer, status = Account.__table__.c, Customer.__table__.c, Status.__table__.c
    touched = (
        account.look_on <= span.last,
        account.customer_id.in_(select(PlannedStatus.customer_id).where(*_due(span.last))),
        customer.status_id.in_(select(status.id).where(status.merged_into.is_not(None))),
    )
    query = select(account.customer_id).join(Customer, customer.id == account.customer_id).where(or_(*touched))
    ids, done = array("q", connection.execute(query.order_by(account.customer_id)).scalars()), 0
    for some in batches(ids, BATCH):
        looks = dict(
            iter(connection.execute(select(account.customer_id, account.look_on).where(account.customer_id.in_(some))))
        )
        for found in read_found(connection, [account.customer_id.in_(some)], span.first, terms, EVERYTHING):
            customer_id = found.standing.customer
            look_on = looks[customer_id]
            yield from evolve(found, look_on or dt.date.max, planned.get(customer_id, ()), span, terms)
        done += len(some)
        progress(span.last, done, len(ids))


def _due(last: dt.date) -> tuple[Any, ...]:
    return (PlannedStatus.day <= last, *is_pending())


def _planned(connection: Connection, last: dt.date) -> dict[int, list[Any]]:
    found = defaultdict[int, list[Any]](list)
    for row in connection.execute(select_planned().where(*_due(last))).mappings():
        found[row["customer_id"]].append(row)
    return found


def evolve(
    found: Found, look_on: dt.date, planned: Sequence[Any], span: Span, terms: Terms
) -> Iterator[tuple[_Key, Done]]:
    """Yield what happens to one customer in a span of days, each step with its place among all others."""
    standing, on, waiting = found.standing, span.first, list(planned)
    if (status := terms.final(standing.status)) != standing.status:
        standing, look_on = given(standing, status), dt.date.min
    while on <= span.last:
        while waiting and waiting[0]["day"] <= on:
            row = waiting.pop(0)
            step = judged(row, terms.statuses[standing.status].label)
            if step.changed:
                standing, look_on = given(standing, row["status_id"]), dt.date.min
            yield (on, 0, row["day"], row["id"], 0), step
        if look_on <= on:
            looked = look(standing, on, terms)
            standing, look_on = looked.standing, looked.look_on
            for place, act in enumerate(acts_of(looked, found.name, on, terms.statuses)):
                yield (on, 1, on, standing.customer, place), act
        on = _next(on, look_on, (row["day"] for row in waiting))


def _next(on: dt.date, look_on: dt.date, planned: Iterable[dt.date]) -> dt.date:
    return max(on + ONE, min([look_on, *planned]))


def given(standing: Standing, status: int) -> Standing:
    """Return a customer whom somebody gave a status: that is no move of the daily run's."""
    if status == standing.status:
        return standing
    return replace(standing, status=status, marks=Marks(standing.marks.billed_to, standing.marks.unchecked))
