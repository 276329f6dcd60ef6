"""Records that files of a batch create: the files after them call them by login or name, until they have IDs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection

from panel.entities import CUSTOMER, PLAN, SERVICE, Entity
from panel.generator import read_config
from panel.imports.ahead import Ahead
from panel.relations import Reach, points_to_customers, with_logins
from panel.schema import Schema
from sync.fields import Field, Option
from sync.types.relations import RelationType


def _pointed_to(field: Field, entity: Entity) -> Entity | None:
    """Return what a field of such records points to, if a file before may create it; one of several has to be there."""
    if entity is SERVICE and field.key == PLAN.key:
        return PLAN
    return CUSTOMER if points_to_customers(field) and field.type == RelationType.key else None


def with_plans(schema: Schema, ahead: Ahead) -> Schema:
    """Return the schema so that services know the plans as the files before leave them."""
    plans = ahead.of(PLAN)
    if schema.entity is not SERVICE or plans.is_empty:
        return schema
    fields = (_with_plans(one, plans) if one.key == PLAN.key else one for one in schema.fields)
    return replace(schema, fields=tuple(fields))


def _with_plans(field: Field, plans: Ahead) -> Field:
    names = plans.values_of("name")
    there = [one for one in field.options if not plans.is_away(one.key)]
    new = [one.called for one in plans.newborn.values()]
    kept = (replace(one, label=names.get(one.key, one.label)) for one in there)
    return replace(field, options=(*kept, *(Option(name, name) for name in new)))


def with_customers(connection: Connection, field: Field, names: Collection[str], reach: Reach, ahead: Ahead) -> Field:
    """Return a field that points to customers so that it knows those of these logins, as the files before leave them.

    The value of a customer whom a file before creates is the login.
    """
    customers = ahead.of(CUSTOMER)
    known = with_logins(connection, field, names, reach, partial(customers.owners, connection))
    if field.type != RelationType.key or "login" in reach.unseen:
        return known
    new = (customers.newborn.get(name.casefold()) for name in names)
    mine = (one for one in new if one and reach.partner_id in {None, one.values.get("partner")})
    logins = sorted({one.called for one in mine})
    return replace(known, options=(*known.options, *(Option(name, name) for name in logins))) if logins else known


def billing_types(connection: Connection, ahead: Ahead) -> dict[str, dict[int | str, Any]]:
    """Return the types of billing that the files before give to customers and plans."""
    usual = {CUSTOMER: read_config(connection).default_billing_type, PLAN: "recurring"}
    return {entity.key: ahead.of(entity).said("billing_type", one) for entity, one in usual.items()}


def names_by_field(schema: Schema, ahead: Ahead) -> dict[str, Mapping[int, str]]:
    """Return, by field, what the records were called that files before created and wrote by now."""
    found = {one.key: _pointed_to(one, schema.entity) for one in schema.fields}
    return {key: ahead.of(entity).written for key, entity in found.items() if entity and ahead.of(entity).written}
