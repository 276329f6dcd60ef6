"""The rules of an entity, asked of all that a plan would write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from panel.entities import Entity
from panel.entity_rules import Draft, check, has_rules, staying
from panel.imports.ahead import Ahead
from panel.imports.newborn import billing_types
from panel.records import records_by_id
from panel.schema import Schema
from sync.cells import Address, Problem
from sync.columns import Column
from sync.plan import Plan, RowPlan


def refuse_wrong(connection: Connection, plan: Plan, schema: Schema, columns: Sequence[Column], ahead: Ahead) -> None:
    """Refuse rows whose records would break a rule, each at the cell that does, and deletions of what has to stay."""
    if not has_rules(schema.entity):
        return
    _refuse_staying(connection, plan, schema.entity)
    rows = [row for row in plan.accepted if row.writes or row.creates]
    at = {column.field.key: column.letters for column in columns}
    drafts = _drafts(connection, schema, rows, ahead)
    found = check(connection, schema.entity, drafts, billing_types(connection, ahead))
    for row, wrong in zip(rows, found, strict=True):
        if wrong is not None:
            place = Address(plan.sheet, at.get(wrong.field, ""), row.row)
            plan.refuse(row.row, Problem(place, wrong.message, row.id, wrong.field))


def _drafts(connection: Connection, schema: Schema, rows: Sequence[RowPlan], ahead: Ahead) -> list[Draft]:
    fields = [field for field in schema.fields if not field.derived]
    ids = [row.id for row in rows if row.id is not None]
    there = ahead.over(records_by_id(connection, fields, ids, schema.entity))
    return [_draft(row, {} if row.id is None else there[row.id].values) for row in rows]


def _draft(row: RowPlan, before: Mapping[str, Any]) -> Draft:
    if row.creates:
        return Draft(row.creates.values)
    return Draft({**before, **{item.field: item.value for item in row.writes}}, row.id, before)


def _refuse_staying(connection: Connection, plan: Plan, entity: Entity) -> None:
    wishes = {row.id: row for row in plan.accepted if row.id is not None and row.fate is not None and row.fate.value}
    for record_id, message in staying(connection, entity, wishes.keys()).items():
        row = wishes[record_id]
        if row.fate is not None:
            plan.refuse(row.row, Problem(row.fate.at, message, record_id))
