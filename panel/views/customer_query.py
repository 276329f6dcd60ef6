"""Which customers a user sees, and which of them a list shows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import ColumnElement, Select, and_, func, literal, select

from panel.database import TooSlow, within
from panel.extensions import db
from panel.forms.conditions import IS, FieldFilter
from panel.forms.ordering import ByRow, Order
from panel.forms.registry import sorts_by
from panel.models import Customer, Service
from panel.records import RecordReader, records_by_id, select_records
from panel.rights import NONE, name_of, rights_of
from panel.schema import Schema
from panel.search import condition
from panel.views.paging import Page, Place, Sorting, Spot, gather, walk
from sync.fields import Field
from sync.records import Record
from sync.types import FIELD_TYPES

COUNTED = 10_000
"""Lists count exactly up to here, so that a million matches are as quick as a few."""
COUNT_SECONDS, WALK_SECONDS, GATHER_SECONDS = 0.1, 0.25, 8.0
"""How long a list may count, walk through an index, and sort what matches, before it does without."""

_TABLE = Customer.__table__


def id_of(text: str | None) -> int:
    """Return the ID that an address or a form names; anything else is not here."""
    if text is None or not (text.isascii() and text.isdecimal()) or len(text) > 18:
        abort(404)
    return int(text)


def number_of(text: str | None) -> int:
    """Return the number of a record that a form names; 0, which none has, where it names none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 18 else 0


def visible() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that leave the customers whom the signed-in user may see."""
    there: ColumnElement[bool] = _TABLE.c.deleted_at.is_(None)
    partner_id = current_user.partner_id
    return (there,) if partner_id is None else (there, _TABLE.c.partner_id == partner_id)


def visible_services(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Return a query of services without those of customers whom the signed-in user may not see."""
    mine = (Service.deleted_at.is_(None), _TABLE.c.id == Service.customer_id)
    return query.join(Customer, and_(*mine)).where(*visible())


def called(customer: Customer, schema: Schema) -> str:
    """Return what to call a customer to the schema's viewer."""
    seen = {field.key for field in schema.fields}
    named: dict[str, str] = {"full_name": customer.full_name, "login": customer.login}
    return name_of(customer.id, {key: text for key, text in named.items() if key in seen})


def name_column() -> ColumnElement[str]:
    """Return what customers are called as far as the signed-in user sees it; the ID is to stand beside it."""
    rights = rights_of(current_user)
    seen = next((key for key in ("full_name", "login") if rights.of(key) != NONE), "")
    column: ColumnElement[str] = _TABLE.c[seen] if seen else literal("")
    return column


def names_of_customers(ids: Collection[int]) -> dict[int, str]:
    """Return the names of customers, of the bin too, as far as the signed-in user may see them."""
    _there, *scope = visible()
    query = select(_TABLE.c.id, name_column()).where(_TABLE.c.id.in_(ids), *scope)
    return dict(db.session.execute(query).all()) if ids else {}


def labels_of_all(schema: Schema) -> dict[str, str]:
    """Return what to call each field, also where the signed-in user may not know which it is."""
    unseen = {field.key: str(_("a field that you may not see")) for field in schema.unseen}
    return unseen | {field.key: field.name for field in schema.fields}


def find_record(fields: Sequence[Field], record_id: int) -> Record | None:
    """Return one customer, if the signed-in user may see it."""
    query = select_records(fields).where(_TABLE.c.id == record_id, *visible())
    row = db.session.connection().execute(query).one_or_none()
    return None if row is None else RecordReader(fields).record(row)


def find_open(fields: Sequence[Field], record_id: int) -> Record | None:
    """Return one customer without its secrets, if the signed-in user may see it."""
    return find_record([field for field in fields if not FIELD_TYPES[field.type].secret], record_id)


def lock_customer(record_id: int) -> Customer | None:
    """Return one customer to be written, if the signed-in user may see it; nobody else writes it meanwhile."""
    query = select(Customer).where(_TABLE.c.id == record_id, *visible()).with_for_update()
    return db.session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def matches(schema: Schema, search: str) -> list[ColumnElement[bool]]:
    """Return the conditions that a search is found in the ID or in a searched field of the schema."""
    found = condition(db.session.connection(), schema, search)
    return [] if found is None else [found]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list shows of the visible customers, and in which order: newest first where no field is named."""

    conditions: Sequence[ColumnElement[bool]] = ()
    filters: Sequence[tuple[FieldFilter, Any]] = ()
    sort: Field | None = None
    descending: bool = False

    def narrow(self, query: Select[Any]) -> Select[Any]:
        """Return the query with everything that the list leaves out."""
        query = query.where(*visible(), *self.conditions)
        for one, value in self.filters:
            query = one.apply(query, value)
        return query

    def listed(self, query: Select[Any]) -> Select[Any]:
        """Return the query with the list's customers in the list's order, for all of them at once."""
        down = self.descending if self.sort else not self.descending
        order = sorts_by(self.sort) if self.sort else Order(_TABLE.c.id)
        ranks = (order.rank(order.key),) if order.options else ()
        columns = (one.desc() if down else one.asc() for one in (*ranks, order.key, _TABLE.c.id))
        return self.narrow(query).order_by(order.key.is_(None), *columns)

    @property
    def sorting(self) -> Sorting:
        """Return the list's order."""
        if self.sort is None:
            return Sorting(descending=not self.descending)
        return Sorting(self.sort.key, sorts_by(self.sort), self.descending)

    def count(self) -> int | None:
        """Return how many there are, one more than `COUNTED` for any more, or None where counting takes too long."""
        some = self.narrow(select(_TABLE.c.id)).limit(COUNTED + 1).subquery()
        connection = db.session.connection()
        try:
            with within(connection, COUNT_SECONDS):
                return connection.execute(select(func.count()).select_from(some)).scalar_one()
        except TooSlow:
            return None

    def page(self, fields: Sequence[Field], spot: Spot, size: int, count: int | None) -> Page:
        """Return the page at a spot; `count` is what `count` said. Raises `TooSlow`."""
        if spot.skip > COUNTED:
            return Page()
        places = self._places(spot, spot.skip + size + 1, count)[spot.skip :]
        if spot.back and spot.place is not None and len(places) < size:
            # So near its beginning that a page before would be cut: the first one instead.
            return self.page(fields, Spot(), size, count)
        more, shown = len(places) > size, places[:size]
        records = records_by_id(db.session.connection(), fields, [place.id for place in shown])
        in_order = shown[::-1] if spot.back else shown
        return Page(
            tuple(records[place.id] for place in in_order if place.id in records),
            before=in_order[0] if in_order and (more if spot.back else spot != Spot()) else None,
            after=in_order[-1] if in_order and (spot.place is not None if spot.back else more) else None,
        )

    def _places(self, spot: Spot, size: int, count: int | None) -> list[Place]:
        connection, narrowed = db.session.connection(), len(visible()) > 1 or self.conditions or self.filters
        if not narrowed or count is None or count > COUNTED:
            try:
                with within(connection, WALK_SECONDS):
                    return walk(connection, self._as_walked(select()), self.sorting, spot, size)
            except TooSlow:
                pass  # what matches lies far from where the order begins
        with within(connection, GATHER_SECONDS):
            return gather(connection, self.narrow(select()), self.sorting, spot, size)

    def _as_walked(self, query: Select[Any]) -> Select[Any]:
        """Return the query narrowed so that the order's index is used, and no other one that would need sorting."""
        there, *bound = visible()
        alone = self.sort is None
        query = query.where(there, *self.conditions, *(one if alone else ByRow(one) for one in bound))
        for one, value in self.filters:
            ordered = one.field == self.sort or (alone and one.compared is IS)
            query = query.where(one.condition(value) if ordered else ByRow(one.condition(value)))
        return query
