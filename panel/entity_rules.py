"""What has to hold of plans, services and payments, however they are written: by a form, a workbook or a program."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from panel.entities import CUSTOMER, PAYMENT, PLAN, SERVICE, Entity
from panel.models import Charge, Customer, Plan, Service
from panel.records import BATCH, batches
from panel.words import today
from sync.words import later, say

CHARGED = later("It was charged for, so this stays as it is. End this service, and add another.")
OTHER_BILLING = later("The customer's type of billing is another than this plan's. Choose a plan of the same type.")
BEFORE_START = later("It cannot end before it starts. Write %(day)s or a later day, or leave it blank.")
NOTHING_PAID = later("A payment of nothing is none. Write what was paid; what went back is less than nothing.")
IN_USE = later("Customers have services with this plan, so its type of billing stays. Add another plan.")
CHARGED_STAYS = later("This service was charged for, so it stays. Write the day on which it ends instead.")
PLAN_STAYS = later("Customers have services with this plan, so it stays.")


@dataclass(frozen=True, slots=True)
class Draft:
    """A record as it is going to be: its values, and, where it is there already, its ID and the values before."""

    values: Mapping[str, Any]
    id: int | None = None
    before: Mapping[str, Any] = field(default_factory=dict)

    def sets(self, *keys: str) -> bool:
        """Tell whether one of these values is new."""
        return self.id is None or any(self.values.get(key) != self.before.get(key) for key in keys)


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a record may not be as it is going to be, and by which of its fields."""

    field: str
    message: str


Judge = Callable[[Draft], Wrong | None]
Ahead = Mapping[str, Mapping[int | str, str]]
"""The types of billing that are going to be, by entity and record, where they are others than in the database."""
Rule = Callable[[Connection, Sequence[Draft], Ahead], Judge]
"""Reads at once what judging all of these drafts needs."""


def check(
    connection: Connection, entity: Entity, drafts: Sequence[Draft], ahead: Ahead = MappingProxyType({})
) -> list[Wrong | None]:
    """Return what is wrong with each of these records, the first of it, or nothing."""
    judges = [rule(connection, drafts, ahead) for rule in _RULES.get(entity.key, ())] if drafts else []
    return [next(filter(None, (judge(draft) for judge in judges)), None) for draft in drafts]


def has_rules(entity: Entity) -> bool:
    """Tell whether anything is asked of such records here; what is asked of customers their fields and statuses say."""
    return entity.key in _RULES


def staying(connection: Connection, entity: Entity, ids: Collection[int]) -> dict[int, str]:
    """Return those of these records that may not be deleted, each with the reason; of customers a status says it."""
    if entity.key not in _STAYING:
        return {}
    column, message = _STAYING[entity.key]
    return dict.fromkeys(_held(connection, column, ids), say(message))


def _held(connection: Connection, column: ColumnElement[int], ids: Collection[int | None]) -> set[int]:
    """Return those of the IDs that stand in a column, of rows that are not in the bin."""
    table, found = column.table.c, set[int]()
    query = select(column).distinct()
    query = query.where(table.deleted_at.is_(None)) if "deleted_at" in table else query
    for some in batches(sorted(one for one in ids if one is not None), BATCH):
        found.update(connection.execute(query.where(column.in_(some))).scalars())
    return found


def _kinds(
    connection: Connection, query: Select[Any], column: ColumnElement[int], ids: set[Any]
) -> dict[int | str, str]:
    found: dict[int | str, str] = {}
    for some in batches(sorted(one for one in ids if isinstance(one, int)), BATCH):
        found.update({row[0]: row[1] for row in connection.execute(query.where(column.in_(some)))})
    return found


def _charged_stays(connection: Connection, drafts: Sequence[Draft], _ahead: Ahead) -> Judge:
    moved = [one for one in drafts if one.id is not None and one.sets("customer", "plan")]
    charged = _held(connection, Charge.__table__.c.service_id, [one.id for one in moved])

    def judge(draft: Draft) -> Wrong | None:
        if draft.id not in charged or not draft.sets("customer", "plan"):
            return None
        return Wrong("plan" if draft.sets("plan") else "customer", say(CHARGED))

    return judge


def _same_billing(connection: Connection, drafts: Sequence[Draft], ahead: Ahead) -> Judge:
    new = [one for one in drafts if one.sets("customer", "plan")]
    customer, plan = Customer.__table__.c, Plan.__table__.c
    whose, what = ({one.values.get(key) for one in new} for key in ("customer", "plan"))
    customers = _kinds(connection, select(customer.id, customer.billing_type), customer.id, whose)
    customers.update(ahead.get(CUSTOMER.key, {}))
    plans = _kinds(connection, select(plan.id, plan.billing_type), plan.id, what)
    plans.update(ahead.get(PLAN.key, {}))

    def judge(draft: Draft) -> Wrong | None:
        has, wants = customers.get(draft.values.get("customer", 0)), plans.get(draft.values.get("plan", 0))
        is_other = draft.sets("customer", "plan") and has and wants and has != wants
        return Wrong("plan", say(OTHER_BILLING)) if is_other else None

    return judge


def _ends_after_start(_connection: Connection, _drafts: Sequence[Draft], _ahead: Ahead) -> Judge:
    def judge(draft: Draft) -> Wrong | None:
        starts, ends = draft.values.get("starts") or today(), draft.values.get("ends")
        if ends is None or ends >= starts or not draft.sets("starts", "ends"):
            return None
        return Wrong("ends" if draft.sets("ends") else "starts", say(BEFORE_START, day=starts.isoformat()))

    return judge


def _is_paid(_connection: Connection, _drafts: Sequence[Draft], _ahead: Ahead) -> Judge:
    return lambda draft: Wrong("amount", say(NOTHING_PAID)) if draft.values.get("amount") == 0 else None


def _plan_keeps_type(connection: Connection, drafts: Sequence[Draft], _ahead: Ahead) -> Judge:
    moved = [one.id for one in drafts if one.id is not None and one.sets("billing_type")]
    used = _held(connection, Service.__table__.c.plan_id, moved)
    return lambda draft: Wrong("billing_type", say(IN_USE)) if draft.id in used else None


_RULES: dict[str, tuple[Rule, ...]] = {
    SERVICE.key: (_charged_stays, _same_billing, _ends_after_start),
    PAYMENT.key: (_is_paid,),
    PLAN.key: (_plan_keeps_type,),
}
"""What is asked of the records of each entity."""
_STAYING: dict[str, tuple[ColumnElement[int], str]] = {
    SERVICE.key: (Charge.__table__.c.service_id, CHARGED_STAYS),
    PLAN.key: (Service.__table__.c.plan_id, PLAN_STAYS),
}
"""Where the records of an entity are held by others, so that they stay, and why."""
