"""Planned changes of status, each made on its day and once, whoever runs the day and however often."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Connection, Select, select, update

from panel.authors import SYSTEM, Author
from panel.changelog import Write, write_in_bulk
from panel.database import reading, writing
from panel.keys import Keyring
from panel.merging import move_customers
from panel.models import Customer, Location, Partner, PlannedStatus, Status
from panel.models.columns import now
from panel.patience import patiently
from panel.schema import column_of, current_schema, forget_schema

BINNED = "The customer is in the bin, so nothing was changed."
GONE = "The status {label} was merged into another one, so nothing was changed."
SAME = "The customer had this status already."
REASON = "Planned for {day} by {by}."
BY_PLAN = REASON.partition("{")[0]
"""How the reasons of planned changes begin."""
PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Step:
    """One planned change that was due: what became of it, and why nothing did where nothing did."""

    plan: int
    customer: int
    name: str
    day: str
    old: str
    new: str
    changed: bool
    message: str = ""
    kind: str = PLANNED

    @property
    def told(self) -> dict[str, Any]:
        """Return the step as the command's JSON has it."""
        return asdict(self)

    @property
    def words(self) -> str:
        """Return the step as a sentence."""
        if self.changed:
            return f"Customer {self.customer} {self.name}: {self.old} → {self.new}, planned for {self.day}."
        return f"Customer {self.customer} {self.name}: left as {self.old}. {self.message}"


def is_pending() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on a planned change that it is neither done nor cancelled."""
    return (PlannedStatus.done_at.is_(None), PlannedStatus.cancelled_at.is_(None))


Counter = Callable[[Connection, Step], None]


def run_day(day: dt.date, count: Counter = lambda _connection, _step: None, *, dry_run: bool = False) -> list[Step]:
    """Make every planned change that is due on a day or was missed before, in order; return what was done.

    Each is a transaction of its own, in which `count` hears of it, and the database lets only one process do it.
    """
    due = select(PlannedStatus.id).where(PlannedStatus.day <= day, *is_pending())
    with reading() as connection:
        ids = connection.execute(due.order_by(PlannedStatus.day, PlannedStatus.id)).scalars().all()
    forget_schema()
    if dry_run:
        return _foreseen(ids)
    patiently(_move_stragglers)
    steps = (patiently(partial(_step, plan_id, count)) for plan_id in ids)
    return [step for step in steps if step is not None]


def _foreseen(ids: Any) -> list[Step]:
    """Return the steps that a run would take; a later change of a customer starts from the earlier one's status."""
    steps: list[Step] = []
    becomes: dict[int, str] = {}
    with reading() as connection:
        for plan_id in ids:
            row = _row(connection, plan_id)
            old = becomes.get(row["customer_id"], row["old"])
            step = judged(row, old)
            becomes[row["customer_id"]] = step.new if step.changed else old
            steps.append(step)
    return steps


def select_planned() -> Select[Any]:
    """Return the query for planned changes, with what is needed to judge them."""
    had = Status.__table__.alias("had")
    return (
        select(
            PlannedStatus.id,
            PlannedStatus.customer_id,
            PlannedStatus.status_id,
            PlannedStatus.day,
            PlannedStatus.by,
            Status.label.label("new"),
            Status.merged_into,
            had.c.label.label("old"),
            Customer.full_name,
            Customer.revision,
            Customer.deleted_at,
            Customer.status_id.label("has"),
        )
        .join(Status, Status.id == PlannedStatus.status_id)
        .join(Customer, Customer.id == PlannedStatus.customer_id)
        .join(had, had.c.id == Customer.status_id)
        .order_by(PlannedStatus.day, PlannedStatus.id)
    )


def _row(connection: Connection, plan_id: int) -> Any:
    query = select_planned().where(PlannedStatus.id == plan_id)
    return connection.execute(query.with_for_update(of=Customer)).mappings().one()


def judged(row: Any, old: str) -> Step:
    """Return what becomes of a planned change of a customer who has the status with this label."""
    message = ""
    if row["deleted_at"] is not None:
        message = BINNED
    elif row["merged_into"] is not None:
        message = GONE.format(label=row["new"])
    elif old == row["new"]:
        message = SAME
    day = row["day"].isoformat()
    name, new = row["full_name"], row["new"]
    return Step(row["id"], row["customer_id"], name, day, old, new, not message, message)


def _step(plan_id: int, count: Counter) -> Step | None:
    """Take one step, unless another process took it or somebody cancelled it meanwhile."""
    with writing() as connection:
        mine = update(PlannedStatus).where(PlannedStatus.id == plan_id, *is_pending()).values(done_at=now())
        if connection.execute(mine).rowcount != 1:
            return None
        row = _row(connection, plan_id)
        step = judged(row, row["old"])
        if step.changed:
            keyring: Keyring = current_app.extensions["keyring"]
            write = Write(step.customer, row["revision"] + 1, {"status": (row["has"], row["status_id"])})
            author = Author(SYSTEM.name, SYSTEM.through, reason=REASON.format(day=step.day, by=row["by"])[:255])
            write_in_bulk(connection, current_schema(connection), keyring, [write], author)
        else:
            connection.execute(update(PlannedStatus).where(PlannedStatus.id == plan_id).values(message=step.message))
        count(connection, step)
        return step


def _move_stragglers() -> None:
    """Move customers who got a status, partner or location at the very moment at which it was merged into another."""
    for key, label in (("status", Status.label), ("partner", Partner.name), ("location", Location.name)):
        table = label.class_.__table__.c
        former = select(table.id, table.merged_into, label).where(table.merged_into.is_not(None))
        with reading() as connection:
            has = Customer.__table__.c[column_of(key)] == table.id
            found = connection.execute(former.where(select(Customer.id).where(has).exists())).all()
        for source, target, name in found:
            with writing() as connection:
                author = Author(SYSTEM.name, SYSTEM.through, reason=f"{name} was merged into another {key}.")
                move_customers(connection, key, source, target, author)
