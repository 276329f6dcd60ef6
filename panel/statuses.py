"""Statuses: what they do in words, their order, and merging one into another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy import Connection, bindparam, func, select, update

from panel.authors import Author
from panel.database import writing
from panel.extensions import db
from panel.jobs import Work, enqueue, kind
from panel.merging import MOST_IN_A_REQUEST, move_customers, note_new_choices, told
from panel.models import Account, BillingConfig, Customer, Event, Job, PlannedStatus, Status
from sync.errors import SyncError

PALETTE = (
    (lazy_gettext("Blue"), "#3b82d9"),
    (lazy_gettext("Cyan"), "#2f8fc4"),
    (lazy_gettext("Teal"), "#12948a"),
    (lazy_gettext("Green"), "#2b9a3f"),
    (lazy_gettext("Olive"), "#7a8b1c"),
    (lazy_gettext("Amber"), "#b57a0a"),
    (lazy_gettext("Orange"), "#d9661a"),
    (lazy_gettext("Red"), "#e04848"),
    (lazy_gettext("Pink"), "#d6508f"),
    (lazy_gettext("Purple"), "#a05fd6"),
    (lazy_gettext("Grey"), "#75849a"),
)
"""Colours that stand out by 3:1 at least on the light and on the dark page (WCAG 2.2, 1.4.11)."""

_SERVICES = {
    ("active", True): lazy_gettext("Services run, and the billing accounts for them."),
    ("active", False): lazy_gettext("Services run, and nothing is charged for them."),
    ("suspended", True): lazy_gettext("Services are suspended, and the billing still accounts for them."),
    ("suspended", False): lazy_gettext("Services are suspended, and nothing is charged for them."),
    ("stopped", True): lazy_gettext("There are no services, but the billing still accounts for them."),
    ("stopped", False): lazy_gettext("There are no services, and nothing is charged."),
}
_DELETABLE = {
    True: lazy_gettext("Customers may be deleted."),
    False: lazy_gettext("Customers cannot be deleted."),
}


def effects_in_words(services: str, accounted: bool, deletable: bool) -> str:
    """Return what follows for customers with such a status."""
    return f"{_SERVICES[services, bool(accounted)]} {_DELETABLE[bool(deletable)]}"


def all_effects() -> dict[str, str]:
    """Return the words of every combination, by ``services-accounted-deletable`` with 1 and 0."""
    return {
        f"{services}-{accounted:d}-{deletable:d}": effects_in_words(services, accounted, deletable)
        for services, accounted in _SERVICES
        for deletable in (True, False)
    }


def statuses_in_use() -> list[Status]:
    """Return the statuses that a customer may have, in their order."""
    query = select(Status).where(Status.merged_into.is_(None)).order_by(Status.position, Status.id)
    return list(db.session.scalars(query))


def put_in_order(ids: list[int]) -> None:
    """Give statuses their places in the caller's transaction; those that are not named follow as they were."""
    known = {one.id: one for one in statuses_in_use()}
    wanted = [known.pop(one) for one in dict.fromkeys(ids) if one in known]
    for place, one in enumerate([*wanted, *known.values()], 1):
        one.position = place


def move(status_id: int, steps: int) -> None:
    """Move a status up or down by some places, in the caller's transaction."""
    ids = [one.id for one in statuses_in_use()]
    if status_id in ids:
        place = ids.index(status_id)
        ids.remove(status_id)
        ids.insert(max(0, place + steps), status_id)
        put_in_order(ids)


# Merging


@dataclass(frozen=True, slots=True)
class Merge:
    """What merging one status into another does: customers, those in the bin, planned changes, effects."""

    source: Status
    target: Status
    customers: int
    in_bin: int
    planned: int

    @property
    def differences(self) -> Iterator[str]:
        """Yield what changes for the customers who are moved."""
        source, target = self.source, self.target
        was, will = _SERVICES[source.services, source.accounted], _SERVICES[target.services, target.accounted]
        if was is not will:
            yield _("Before: %(was)s From then on: %(will)s", was=was, will=will)
        if source.deletable != target.deletable:
            yield _("From then on: %(will)s", will=_DELETABLE[target.deletable])


def plan_merge(source_id: int, target_id: int) -> Merge:
    """Return what a merge would do; raise `SyncError` where it is not possible."""
    source, target = db.session.get(Status, source_id), db.session.get(Status, target_id)
    if source is None or target is None or source.merged_into or target.merged_into:
        raise SyncError(_("One of the two statuses is not there any more."))
    if source is target:
        raise SyncError(_("Choose another status to merge %(label)s into.", label=source.label))
    if source.is_default:
        raise SyncError(
            _("%(label)s is the status of new customers. Make another one the default first.", label=source.label)
        )
    count = select(func.count()).select_from(Customer).where(Customer.status_id == source_id)
    in_bin = db.session.scalar(count.where(Customer.deleted_at.is_not(None))) or 0
    pending = select(func.count()).select_from(PlannedStatus).where(*_pending(source_id))
    customers = (db.session.scalar(count) or 0) - in_bin
    return Merge(source, target, customers, in_bin, db.session.scalar(pending) or 0)


def _pending(status_id: int) -> tuple[Any, ...]:
    table = PlannedStatus.__table__.c
    return (table.status_id == status_id, table.done_at.is_(None), table.cancelled_at.is_(None))


def merge_or_enqueue(source_id: int, target_id: int, author: Author) -> Job | None:
    """Merge at once, or have it done as a job where many customers move; return the job."""
    with writing() as connection:
        plan = _locked_plan(connection, source_id, target_id)
        if plan.customers + plan.in_bin > MOST_IN_A_REQUEST:
            return enqueue("merge_status", {"source": source_id, "target": target_id}, (), author)
        _merge(connection, plan, author, None)
    return None


@kind("merge_status", permission="config", label=lazy_gettext("Merge a status into another"), tell=told)
def _run(work: Work) -> None:
    with work.writing() as connection:
        plan = _locked_plan(connection, int(work.options["source"]), int(work.options["target"]))
        work.finish({"moved": _merge(connection, plan, work.author, work)})


def _locked_plan(connection: Connection, source_id: int, target_id: int) -> Merge:
    """Plan a merge that nothing comes between: neither another merge of the two, nor a new default."""
    # Whoever writes the old status waits here; what they write after this is moved by the daily run.
    both = select(Status.id).where(Status.id.in_([source_id, target_id])).order_by(Status.id)
    connection.execute(both.with_for_update())
    return plan_merge(source_id, target_id)


def _moved_automatically(connection: Connection, status_id: int) -> list[dict[str, Any]]:
    """Return what is remembered of customers whom the daily run gave a status: another status would forget it."""
    table = Account.__table__.c
    columns = (table.customer_id.label("the_id"), table.moved_from, table.moved_on, table.blocked_on)
    return [dict(row) for row in connection.execute(select(*columns).where(table.moved_to == status_id)).mappings()]


def _remember_moves(connection: Connection, status_id: int, remembered: Sequence[Mapping[str, Any]]) -> None:
    if remembered:
        names = ("moved_from", "moved_on", "blocked_on")
        values = {"moved_to": status_id, **{name: bindparam(name) for name in names}}
        mine = Account.__table__.c.customer_id == bindparam("the_id")
        connection.execute(update(Account).where(mine).values(values), list(remembered))


def follow_targets(connection: Connection, source_id: int, target_id: int) -> None:
    """Let the daily run move customers to the status that one was merged into, or nowhere where services would run."""
    services = connection.execute(select(Status.services).where(Status.id == target_id)).scalar_one()
    for column in (BillingConfig.blocked_status_id, BillingConfig.inactive_status_id):
        instead = None if services == "active" else target_id
        connection.execute(update(BillingConfig).where(column == source_id).values({column.key: instead}))


def _merge(connection: Connection, plan: Merge, author: Author, work: Work | None) -> int:
    source, target = plan.source, plan.target
    why = _("%(source)s was merged into %(target)s.", source=source.label, target=target.label)
    automatic = _moved_automatically(connection, source.id)
    moved = move_customers(connection, "status", source.id, target.id, replace(author, reason=why), work)
    _remember_moves(connection, target.id, automatic)
    follow_targets(connection, source.id, target.id)
    detail = {"status": source.id, "name": source.label, "into": target.label, "customers": moved}
    db.session.add(Event(by=author.name, user_id=author.user_id, name="status merged", detail=detail))
    connection.execute(update(PlannedStatus).where(*_pending(source.id)).values(status_id=target.id, message=why))
    connection.execute(update(Status).where(Status.merged_into == source.id).values(merged_into=target.id))
    connection.execute(update(Status).where(Status.id == source.id).values(merged_into=target.id, position=0))
    note_new_choices(connection)
    return moved
