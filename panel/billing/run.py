"""The daily run: days in their order, each whole once and for all, however often it is run or killed in between.

A day is: planned changes of status, then every account that is to be looked at by then, in batches by customer, each a
transaction. A run that was killed goes on with the accounts that are left; several at once share them.
"""

from __future__ import annotations

import datetime as dt
import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from panel.billing.days import ONE
from panel.billing.looking import look
from panel.billing.passing import pass_over
from panel.billing.reading import read_found, read_terms
from panel.billing.steps import Done, Sums, Teller, acts_of
from panel.billing.writing import Result, write
from panel.database import is_sqlite, reading, writing
from panel.lifecycle import run_day
from panel.models import Account, Customer, LifecycleDay
from panel.models.columns import now
from panel.patience import BREATH, MOST_TRIES, busy, patiently
from panel.records import batches
from panel.schema import forget_schema
from sync.errors import SyncError

BATCH, PASSED, MANY = 1_000, 20_000, 1_000
LONGEST_AHEAD = dt.timedelta(3_660)
FIRST, LAST = dt.date(1970, 1, 1), dt.date(2999, 12, 31)
_DAY = LifecycleDay.__table__.c

Progress = Callable[[dt.date, int, int], None]


def _quiet(_day: dt.date, _done: int, _total: int) -> None:
    pass


def run_until(day: dt.date, by: str = "system", tell: Teller = lambda _done: None, progress: Progress = _quiet) -> Sums:
    """Run every day that was not run yet, up to this one; return what was done, each step of which `tell` hears.

    Where the day is over already, what people changed since is looked at as of the last day that was run: nothing is
    charged or blocked as of a day in the past. Raises `SyncError`.
    """
    with reading() as connection:
        days = open_days(connection, day)
        last = connection.execute(select(func.max(_DAY.day))).scalar()
    sums = Sums()

    def heard(done: Done) -> None:
        sums.add(done)
        tell(done)

    for on in days:
        _run_day(on, by, heard, progress)
        sums.days += 1
    if not days and last is not None:
        _do_what_is_left(last, heard, progress)
    return sums


def open_days(connection: Connection, day: dt.date) -> list[dt.date]:
    """Return the days that a run up to this one has to do: from where the last one ended, or only this one."""
    if not FIRST <= day <= LAST:
        raise SyncError(_("The daily run goes from %(first)s to %(last)s.", first=FIRST, last=LAST))
    first = _first_open(connection) or day
    if day - first > LONGEST_AHEAD:
        raise SyncError(_("%(day)s is more than ten years after the last daily run. Choose an earlier day.", day=day))
    return [first + ONE * step for step in range((day - first).days + 1)]


def _first_open(connection: Connection) -> dt.date | None:
    finished = connection.execute(select(func.max(_DAY.day)).where(_DAY.finished_at.is_not(None))).scalar()
    if finished is not None:
        return finished + ONE
    return connection.execute(select(func.min(_DAY.day))).scalar()


def _run_day(day: dt.date, by: str, tell: Teller, progress: Progress) -> None:
    patiently(lambda: _begin(day, by))
    _do_what_is_left(day, tell, progress)
    patiently(lambda: _finish(day))


def _begin(day: dt.date, by: str) -> None:
    with writing() as connection:
        build = sqlite_insert if is_sqlite(connection) else postgresql_insert
        begun = build(LifecycleDay).values(day=day, by=by, started_at=now(), counts={})
        connection.execute(begun.on_conflict_do_nothing())


def _finish(day: dt.date) -> None:
    with writing() as connection:
        mine = (_DAY.day == day, _DAY.finished_at.is_(None))
        connection.execute(update(LifecycleDay).where(*mine).values(finished_at=now()))


def _do_what_is_left(day: dt.date, tell: Teller, progress: Progress) -> None:
    """Make the planned changes that are due, and look at every account that is to be looked at by a day."""
    for step in run_day(day, lambda connection, step: _count(connection, day, [step])):
        tell(step)
    for _try in range(MOST_TRIES):
        ids = _pass_over(_waiting(day), day)
        if not ids or not _look_at(ids, day, tell, progress):
            return
    raise busy()


def _waiting(day: dt.date) -> array[int]:
    table = Account.__table__.c
    due = select(table.customer_id).where(table.look_on <= day).order_by(table.customer_id)
    with reading() as connection:
        return array("q", connection.execute(due).scalars())


def _pass_over(ids: array[int], day: dt.date) -> array[int]:
    """Pass over the quiet accounts of many; return those that are to be looked at one by one."""
    if len(ids) <= MANY:
        return ids
    for some in batches(ids, PASSED):
        patiently(partial(_pass_some, some[0], some[-1], day))
    return _waiting(day)


def _pass_some(first: int, last: int, day: dt.date) -> None:
    with writing() as connection:
        if not _is_over(connection, day):
            pass_over(connection, first, last, day, read_terms(connection))


def _look_at(ids: array[int], day: dt.date, tell: Teller, progress: Progress) -> bool:
    """Look at these accounts; tell whether the day is still the one to run."""
    done = looked = 0
    for some in batches(ids, BATCH):
        count = patiently(partial(_look_at_some, list(some), day, tell))
        if count is None:
            return False
        done, looked = done + len(some), looked + count
        progress(day, done, len(ids))
    if not looked:
        time.sleep(BREATH)  # others hold all that is left
    return True


def _look_at_some(ids: Sequence[int], day: dt.date, tell: Teller) -> int | None:
    """Look at some accounts in one transaction; return how many, or None where a later day was begun."""
    acts: list[Done] = []
    with writing() as connection:
        forget_schema()
        if _is_over(connection, day):
            return None
        where = _hold(connection, ids, day)
        terms = read_terms(connection)
        results = [
            Result(found, look(found.standing, day, terms)) for found in read_found(connection, where, day, terms)
        ]
        write(connection, results, day)
        for one in results:
            acts.extend(acts_of(one.looked, one.found.name, day, terms.statuses))
        _count(connection, day, acts)
    for act in acts:
        tell(act)
    return len(results)


def _is_over(connection: Connection, day: dt.date) -> bool:
    """Tell whether a later day was begun: nothing more is done as of this one."""
    return connection.execute(select(_DAY.day).where(_DAY.day > day).limit(1)).first() is not None


def _hold(connection: Connection, ids: Sequence[int], day: dt.date) -> list[ColumnElement[bool]]:
    """Return the condition for those accounts that are still to be looked at, and keep others from writing them.

    Where somebody else is writing one, it is left out: who waits for nothing while holding locks is in no circle.
    """
    account, customer = Account.__table__.c, Customer.__table__.c
    due = account.look_on <= day
    if is_sqlite(connection):
        return [account.customer_id.in_(ids), due]
    free = select(customer.id).where(customer.id.in_(ids)).order_by(customer.id)
    mine = connection.execute(free.with_for_update(key_share=True, skip_locked=True)).scalars().all()
    held = select(account.customer_id).where(account.customer_id.in_(mine), due).order_by(account.customer_id)
    ours = connection.execute(held.with_for_update(skip_locked=True)).scalars().all()
    return [account.customer_id.in_(ours)]


def _count(connection: Connection, day: dt.date, done: Iterable[Done]) -> None:
    """Add what was done to the day's counts, in the transaction that did it."""
    sums = Sums()
    for one in done:
        sums.add(one)
    if not any((sums.planned, sums.charges, sums.blocked, sums.deactivated, sums.reactivated)):
        return
    row = select(_DAY.counts).where(_DAY.day == day).with_for_update()
    counts = sums.plus(connection.execute(row).scalar() or {})
    connection.execute(update(LifecycleDay).where(_DAY.day == day).values(counts=counts))


def look_at_all(connection: Connection) -> None:
    """Have the next run look at every account, because rules changed that hold for all, in the caller's transaction."""
    connection.execute(update(Account).values(look_on=dt.date.min))
