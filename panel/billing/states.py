"""What a service is on a day: it follows from the customer's status of that day and from the service's own days."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Collection

from flask import current_app
from sqlalchemy import Connection, select

from panel.billing.days import ONE
from panel.lifecycle import is_pending
from panel.models import Customer, PlannedStatus, Revision, Status
from panel.records import batches
from panel.words import today

STOPPED = "stopped"
_BATCH = 1_000


def service_state(effect: str, starts: dt.date, ends: dt.date | None, day: dt.date) -> str:
    """Return ``active``, ``suspended`` or ``stopped``: the effect of the status, but stopped outside of its days."""
    return effect if starts <= day and (ends is None or day <= ends) else STOPPED


def status_on(connection: Connection, customer_ids: Collection[int], day: dt.date) -> dict[int, int]:
    """Return the status that each of these customers had at the end of a day, or will have as planned.

    Who was not there yet is left out. What the daily run may do until then is not foreseen here.
    """
    found: dict[int, int] = {}
    for some in batches(sorted(customer_ids), _BATCH):
        rows = connection.execute(select(Customer.id, Customer.status_id).where(Customer.id.in_(some)))
        found.update({row[0]: row[1] for row in rows})
        found.update(_planned(connection, some, day))
        for customer_id, status in _before(connection, some, day).items():
            if status is None:
                found.pop(customer_id, None)
            else:
                found[customer_id] = status
    return found


def _planned(connection: Connection, ids: Collection[int], day: dt.date) -> dict[int, int]:
    if day <= today():
        return {}
    due = (PlannedStatus.day <= day, *is_pending(), Status.merged_into.is_(None))
    query = select(PlannedStatus.customer_id, PlannedStatus.status_id).join(
        Status, Status.id == PlannedStatus.status_id
    )
    rows = connection.execute(
        query.where(PlannedStatus.customer_id.in_(ids), *due).order_by(PlannedStatus.day, PlannedStatus.id)
    )
    return {row[0]: row[1] for row in rows}


def _before(connection: Connection, ids: Collection[int], day: dt.date) -> dict[int, int | None]:
    """Return the status before the first change after a day, None before the first of all, for those that changed."""
    newer = (Revision.entity == "customer", Revision.record_id.in_(ids), Revision.at >= _midnight_after(day))
    query = select(Revision.record_id, Revision.changes).where(*newer).order_by(Revision.number.desc())
    found: dict[int, int | None] = {}
    for record_id, changes in connection.execute(query):
        if "status" in changes:
            found[record_id] = changes["status"][0]
    return found


def _midnight_after(day: dt.date) -> dt.datetime:
    """Return the instant at which a day ends where the provider is, in UTC as the database keeps it."""
    zone = zoneinfo.ZoneInfo(current_app.config["ROLLBOOK_TIME_ZONE"])
    if day == dt.date.max:
        return dt.datetime.max.replace(tzinfo=dt.UTC)
    return dt.datetime.combine(day + ONE, dt.time(), zone).astimezone(dt.UTC)
