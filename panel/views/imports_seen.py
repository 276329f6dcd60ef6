"""Which imports somebody may look at, and what their records are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from flask import url_for
from flask_login import current_user
from sqlalchemy import ColumnElement, select

from panel.entities import CUSTOMER, ENTITIES, Entity
from panel.extensions import db
from panel.forms.registry import in_words
from panel.models import Import
from panel.records import records_by_id
from panel.relations import named
from panel.rights import reach_of, rights_of
from panel.schema import Schema, current_schema
from panel.views.customer_query import names_of_customers

_PAGES = {"customer": "customers.details_view"}


def seen_imports() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of the imports that the signed-in user may see; bound to a partner, that is their own."""
    kinds = [one.key for one in ENTITIES.values() if not one.sees or current_user.may(one.sees)]
    own = () if current_user.partner_id is None else (Import.user_id == current_user.id,)
    return (Import.entity.in_(kinds), *own)


def find_import(number: int) -> Import | None:
    """Return an import that the signed-in user may see."""
    query = select(Import).where(Import.id == number, *seen_imports())
    return db.session.scalars(query).one_or_none() if number < 2**62 else None


def entity_of(import_id: int) -> Entity:
    """Return what an import is of."""
    return ENTITIES[db.session.scalar(select(Import.entity).where(Import.id == import_id)) or CUSTOMER.key]


def schema_of(entity: Entity) -> Schema:
    """Return an entity's fields of this moment as the signed-in user may see and edit them."""
    return rights_of(current_user).narrow(current_schema(db.session.connection(), entity))


def names_of(ids: Iterable[int | None], entity: Entity) -> dict[int, str]:
    """Return what records are called, as far as the signed-in user may see them."""
    wanted = {one for one in ids if one}
    return _names(wanted, entity) if wanted and entity is not CUSTOMER else names_of_customers(wanted)


def _names(ids: set[int], entity: Entity) -> dict[int, str]:
    """Return whose each record is, and what it is called."""
    connection, keys = db.session.connection(), (entity.whose, entity.named_by)
    fields = [field for field in current_schema(connection, entity).fields if field.key in keys]
    found = records_by_id(connection, fields, ids, entity, current_user.partner_id)
    labelled = named(connection, fields, [one.values for one in found.values()], reach_of(current_user))
    return {one.id: " · ".join(in_words(one.values[field.key], field) for field in labelled) for one in found.values()}


def address_of_records(entity: Entity) -> Callable[[int], str]:
    """Return what gives the address of a record's page."""
    return partial(_address, _PAGES.get(entity.key, f"{entity.sheet.lower()}.edit_view"))


def _address(endpoint: str, record_id: int) -> str:
    return url_for(endpoint, id=record_id)
