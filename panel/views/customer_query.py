"""Which customers a user sees, and which of them a list shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import ColumnElement, Select, false, func, literal, or_, select

from panel.extensions import db
from panel.forms.conditions import FieldFilter
from panel.forms.registry import finds, sorts_by
from panel.models import Customer
from panel.records import RecordReader, select_records
from panel.rights import NONE, rights_of
from panel.schema import Schema
from sync.fields import Field
from sync.records import Record

COUNTED = 10_000
"""Lists count exactly up to here, so that a million matches are as quick as a few."""

_SEARCHED = frozenset({"login", "full_name", "phones", "emails", "city"})
_TABLE = Customer.__table__


def visible() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that leave the customers whom the signed-in user may see."""
    there: ColumnElement[bool] = _TABLE.c.deleted_at.is_(None)
    partner_id = current_user.partner_id
    return (there,) if partner_id is None else (there, _TABLE.c.partner_id == partner_id)


def name_column() -> ColumnElement[str]:
    """Return what customers are called as far as the signed-in user sees it; the ID is to stand beside it."""
    rights = rights_of(current_user)
    seen = next((key for key in ("full_name", "login") if rights.of(key) != NONE), "")
    column: ColumnElement[str] = _TABLE.c[seen] if seen else literal("")
    return column


def labels_of_all(schema: Schema) -> dict[str, str]:
    """Return what to call each field, also where the signed-in user may not know which it is."""
    unseen = {field.key: str(_("a field that you may not see")) for field in schema.unseen}
    return unseen | {field.key: field.label for field in schema.fields}


def find_record(fields: Sequence[Field], record_id: int) -> Record | None:
    """Return one customer, if the signed-in user may see it."""
    query = select_records(fields).where(_TABLE.c.id == record_id, *visible())
    row = db.session.connection().execute(query).one_or_none()
    return None if row is None else RecordReader(fields).record(row)


def lock_customer(record_id: int) -> Customer | None:
    """Return one customer to be written, if the signed-in user may see it; nobody else writes it meanwhile."""
    query = select(Customer).where(_TABLE.c.id == record_id, *visible()).with_for_update()
    return db.session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def matches(schema: Schema, search: str) -> list[ColumnElement[bool]]:
    """Return one condition for each word: found in the ID or in any searched field."""
    searched = [field for field in schema.fields if _is_searched(schema, field)]
    return [_matches(searched, word) for word in search.split()]


def _is_searched(schema: Schema, field: Field) -> bool:
    placement = schema.placements.get(field.key)
    return field.key in _SEARCHED if placement is None else placement.searchable and not placement.hidden


def _matches(searched: Iterable[Field], word: str) -> ColumnElement[bool]:
    number = word.removeprefix("#")
    by_id = _TABLE.c.id == int(number) if number.isascii() and number.isdecimal() and len(number) < 18 else false()
    found = (finds(field, word) for field in searched)
    return or_(by_id, *(condition for condition in found if condition is not None))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list shows of the visible customers, and in which order."""

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

    def count(self) -> int:
        """Return how many there are, or one more than `COUNTED` for any more."""
        some = self.narrow(select(_TABLE.c.id)).limit(COUNTED + 1).subquery()
        return db.session.execute(select(func.count()).select_from(some)).scalar_one()

    def page(self, fields: Sequence[Field], number: int, size: int) -> list[Record]:
        """Return one page of them; pages count from 0."""
        query = self.narrow(select_records(fields)).order_by(*self._order()).limit(size).offset(number * size)
        reader = RecordReader(fields)
        return [reader.record(row) for row in db.session.connection().execute(query)]

    def _order(self) -> list[ColumnElement[Any]]:
        by_id: ColumnElement[Any] = _TABLE.c.id
        if self.sort is None:
            return [by_id.asc() if self.descending else by_id.desc()]
        value = sorts_by(self.sort)
        last: ColumnElement[Any] = value.is_(None)
        return [last, value.desc() if self.descending else value.asc(), by_id]
