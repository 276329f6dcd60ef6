"""Records that fields name by ID: their labels as of now, and the customers that somebody may point to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Connection, select

from panel.changelog import owners_of
from panel.models import Customer, StoredFile
from panel.records import BATCH, batches
from sync.fields import Field, Option
from sync.types.choices import CUSTOMER, FILE
from sync.words import later

OwnersNow = Callable[[Collection[Mapping[str, Any]]], Mapping[tuple[str, str], int]]
"""Returns whose each of these unique values is, by field and value."""
LABEL_LENGTH = 80
NOBODY = later("There is no customer #%(id)s that you may point to. Write the ID or the login of another.")
"""One wording for customers who were never there, are in the bin or belong to another partner."""

_TABLE = Customer.__table__.c


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom somebody may point to, and how: the customers of one partner or all; `unseen` holds keys of fields."""

    partner_id: int | None = None
    unseen: frozenset[str] = frozenset()

    def covers(self, partner_id: int) -> bool:
        """Tell whether a partner's customers are within reach."""
        return self.partner_id in {None, partner_id}


def members(value: Any) -> tuple[int, ...]:
    """Return the IDs that a field's value names: none, one or several; what is no ID is of an earlier type."""
    several = value if isinstance(value, (tuple, list)) else (value,)
    return tuple(one for one in several if type(one) is int)


def points_to_customers(field: Field) -> bool:
    """Tell whether a field's values are customers."""
    return field.target == CUSTOMER


def customer_labels(connection: Connection, ids: Collection[int], reach: Reach) -> dict[int, str]:
    """Return ``#1042 Anna Novak`` for each ID; no name of a customer out of reach."""
    columns = select(_TABLE.id, _TABLE.full_name, _TABLE.partner_id, _TABLE.deleted_at, _TABLE.erased_at)
    labels = {record_id: f"#{record_id}" for record_id in ids}
    for some in batches(sorted(ids), BATCH):
        for row in connection.execute(columns.where(_TABLE.id.in_(some))):
            name = _("(erased)") if row.erased_at else " ".join(row.full_name.split())[:LABEL_LENGTH]
            where = " " + _("(in the bin)") if row.deleted_at and not row.erased_at else ""
            if reach.covers(row.partner_id) and not ("full_name" in reach.unseen and not row.erased_at):
                labels[row.id] = f"#{row.id} {name}{where}"
    return labels


def file_names(connection: Connection, ids: Collection[int], _reach: Reach) -> dict[int, str]:
    """Return the name of each file; who sees a customer's value sees the name of the file that it is."""
    columns, names = select(StoredFile.id, StoredFile.name), {}
    for some in batches(sorted(ids), BATCH):
        names.update({row.id: row.name for row in connection.execute(columns.where(StoredFile.id.in_(some)))})
    return names


_LABELS: dict[str, Callable[[Connection, Collection[int], Reach], dict[int, str]]] = {
    CUSTOMER: customer_labels,
    FILE: file_names,
}
"""Whose labels are read for the values at hand, by what the field points to; all others are options of the schema."""


def named(
    connection: Connection, fields: Sequence[Field], rows: Iterable[Mapping[str, Any]], reach: Reach
) -> tuple[Field, ...]:
    """Return the fields with the labels of everything that these rows' values name: one query a kind of record."""
    wanted: dict[str, set[int]] = {field.target: set() for field in fields if field.target in _LABELS}
    if not wanted:
        return tuple(fields)
    pointing = [field for field in fields if field.target in wanted]
    for values in rows:
        for field in pointing:
            wanted[field.target].update(members(values.get(field.key)))
    labels = {target: _LABELS[target](connection, ids, reach) for target, ids in wanted.items()}
    options = {target: tuple(Option(*pair) for pair in some.items()) for target, some in labels.items()}
    return tuple(replace(field, options=options.get(field.target, field.options)) for field in fields)


def reachable(connection: Connection, ids: Collection[int], reach: Reach) -> set[int]:
    """Return those of the IDs whose customers are there and within reach."""
    query = select(_TABLE.id).where(_TABLE.deleted_at.is_(None), _TABLE.erased_at.is_(None))
    if reach.partner_id is not None:
        query = query.where(_TABLE.partner_id == reach.partner_id)
    found: set[int] = set()
    for some in batches(sorted(ids), BATCH):
        found.update(connection.execute(query.where(_TABLE.id.in_(some))).scalars())
    return found


def with_logins(
    connection: Connection, field: Field, names: Collection[str], reach: Reach, owners_now: OwnersNow | None = None
) -> Field:
    """Return a field that points to customers so that it knows those of these names that are reachable logins.

    `owners_now` says whose logins are, where that is not what the database says.
    """
    wanted = {name.casefold(): name for name in names if "login" not in reach.unseen}
    logins_wanted = [{"field": "login", "value": value} for value in sorted(wanted)]
    owners = owners_now(logins_wanted) if owners_now else owners_of(connection, logins_wanted)
    there = reachable(connection, set(owners.values()), reach)
    logins = [Option(owner, wanted[value]) for (_field, value), owner in owners.items() if owner in there]
    labels = customer_labels(connection, {int(option.key) for option in logins}, reach)
    # A label comes last: of two options with one key, the last is what is shown.
    more = tuple(Option(*pair) for pair in labels.items())
    return replace(field, options=(*logins, *field.options, *more)) if logins else field
