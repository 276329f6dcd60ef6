"""The additional fields as their list shows them: in their order, and for how many customers each is filled in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, case, func, not_, select

from panel.database import within
from panel.extensions import db
from panel.forms.expressions import AdditionalValue
from panel.forms.ordering import is_empty
from panel.forms.registry import ENTRIES
from panel.models import AdditionalField, Customer
from panel.views.customer_query import visible

COUNTED = 20_000
"""More customers than these are counted on request: it reads each of them."""
_SECONDS = 20


def fields_in_use() -> list[AdditionalField]:
    """Return the fields that customers have, in their order."""
    query = select(AdditionalField).where(AdditionalField.retired.is_(False))
    return list(db.session.scalars(query.order_by(AdditionalField.position, AdditionalField.id)))


def retired_fields() -> list[AdditionalField]:
    """Return the fields that were retired, the newest first."""
    query = select(AdditionalField).where(AdditionalField.retired.is_(True))
    return sorted(db.session.scalars(query), key=lambda one: (one.retired_at is not None, one.retired_at), reverse=True)


def put_in_order(ids: Sequence[int]) -> None:
    """Give fields their places in the caller's transaction; those that are not named follow as they were."""
    known = {one.id: one for one in fields_in_use()}
    wanted = [known.pop(one) for one in dict.fromkeys(ids) if one in known]
    for place, one in enumerate([*wanted, *known.values()], 1):
        one.position = place


def move(field_id: int, steps: int) -> None:
    """Move a field up or down by some places, in the caller's transaction."""
    ids = [one.id for one in fields_in_use()]
    if field_id in ids:
        place = ids.index(field_id)
        ids.remove(field_id)
        ids.insert(max(0, place + steps), field_id)
        put_in_order(ids)


def are_many(connection: Connection) -> bool:
    """Tell whether there are too many customers to be counted unasked."""
    some = select(Customer.__table__.c.id).limit(COUNTED + 1).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() > COUNTED


def usage(connection: Connection, fields: Iterable[AdditionalField]) -> tuple[int, dict[str, int]]:
    """Return how many customers the signed-in user sees, and for how many each field is filled in, by its key.

    Raises `TooSlow`.
    """
    named = list(fields)
    values = [AdditionalValue(one.key, ENTRIES[one.type].storage) for one in named]
    filled = (func.coalesce(func.sum(case((not_(is_empty(value)), 1), else_=0)), 0) for value in values)
    with within(connection, _SECONDS):
        total, *counts = connection.execute(select(func.count(), *filled).where(*visible())).one()
    return total, {one.key: int(count) for one, count in zip(named, counts, strict=True)}
