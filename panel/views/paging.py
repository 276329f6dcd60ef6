"""Pages by key: from a row on, never by counting the rows before it, so that the last page is as quick as the first.

A list has one order, and every row in it a `Place`. Where many rows match, an index is walked from the place on, part
by part: options each in their turn, values from least to most, at the end the rows without one. Where few match, or no
index gives the order, they are gathered and sorted. Both ways give the same pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, or_, select, union

from panel.database import is_sqlite
from panel.forms.ordering import Order
from panel.models import Customer
from sync.records import Record

_ID = Customer.__table__.c.id
_THERE = Customer.__table__.c.deleted_at.is_(None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands in a list: its key, and its ID among those with the same."""

    key: Any
    id: int


@dataclass(frozen=True, slots=True)
class Spot:
    """Which page: the one that follows a place, or with `back` the one before it; without a place first or last.

    `skip` counts rows from there that are passed over.
    """

    place: Place | None = None
    back: bool = False
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Sorting:
    """A list's order and direction, and the name of its field; without an order it is that of IDs."""

    name: str = "id"
    order: Order | None = None
    descending: bool = True

    @property
    def key(self) -> ColumnElement[Any]:
        """Return what a row's place is made of, beside its ID."""
        return _ID if self.order is None else self.order.key


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, with the places that the page before ends at and the page after begins at, if there are."""

    records: tuple[Record, ...] = ()
    before: Place | None = None
    after: Place | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a list: its condition, and whether all of its rows have the same key."""

    where: Sequence[ColumnElement[bool]] = ()
    same: bool = False


def walk(connection: Connection, query: Select[Any], sorting: Sorting, spot: Spot, size: int) -> list[Place]:
    """Return the places of up to `size` rows from a spot on, nearest first, in the order of an index."""
    down = sorting.descending != spot.back
    found: list[Place] = []
    for part in _parts(connection, sorting, spot):
        # By a key that is always the same SQLite would sort, and without it PostgreSQL might look through all IDs.
        order = (_ID,) if part.same and is_sqlite(connection) else (sorting.key, _ID)
        nearest = (_direct(column, down=down) for column in order)
        rows = query.add_columns(sorting.key, _ID).where(*part.where).order_by(*nearest).limit(size - len(found))
        found.extend(Place(key, record_id) for key, record_id in connection.execute(rows))
        if len(found) == size:
            break
    return found


def _direct(column: ColumnElement[Any], *, down: bool) -> ColumnElement[Any]:
    return column.desc() if down else column.asc()


def _after(column: ColumnElement[Any], value: Any, *, down: bool) -> ColumnElement[bool]:
    return column < value if down else column > value


def _parts(connection: Connection, sorting: Sorting, spot: Spot) -> Iterator[Part]:
    """Yield the parts of a list from a spot on, nearest first."""
    down, place = sorting.descending != spot.back, spot.place
    if sorting.order is None:
        yield Part() if place is None else Part((_after(_ID, place.id, down=down),))
        return
    empty = sorting.key.is_(None)
    if place is not None and place.key is None:
        yield Part((empty, _after(_ID, place.id, down=down)), same=True)
    elif spot.back and place is None:
        yield Part((empty,), same=True)
    if spot.back or place is None or place.key is not None:
        beyond = None if place is None or place.key is None else place
        yield from _filled(connection, sorting.order, beyond, down=down)
    if not spot.back and (place is None or place.key is not None):
        yield Part((empty,), same=True)


def _filled(connection: Connection, order: Order, place: Place | None, *, down: bool) -> Iterator[Part]:
    # The place's own key by itself: a condition on both key and ID uses no index on SQLite.
    if place is not None:
        yield Part((order.key == literal(place.key, order.key.type), _after(_ID, place.id, down=down)), same=True)
    if order.options:
        keys = _keys(connection, order, place, down=down)
        start = 0 if place is None else keys.index(place.key) + 1
        yield from (Part((order.key == literal(key, order.key.type),), same=True) for key in keys[start:])
    elif place is not None:
        yield Part((_after(order.key, literal(place.key, order.key.type), down=down),))
    else:
        yield Part((order.key.is_not(None),))


def _keys(connection: Connection, order: Order, place: Place | None, *, down: bool) -> list[Any]:
    """Return the keys that there are, and a place's own, in the options' order; each is one step through the index."""
    least = select(func.min(order.key).label("key")).where(_THERE).cte("there", recursive=True)
    next_one = select(func.min(order.key)).where(_THERE, order.key > least.c.key).scalar_subquery()
    there = least.union_all(select(next_one).where(least.c.key.is_not(None)))
    own = () if place is None else (select(literal(place.key, order.key.type)),)
    keys = union(select(there.c.key).where(there.c.key.is_not(None)), *own).subquery().c[0]
    return list(
        connection.scalars(select(keys).order_by(_direct(order.rank(keys), down=down), _direct(keys, down=down)))
    )


def gather(connection: Connection, query: Select[Any], sorting: Sorting, spot: Spot, size: int) -> list[Place]:
    """Return the places of up to `size` rows from a spot on, nearest first, of all that match, sorted."""
    order = sorting.order or Order(_ID)
    rows = query.add_columns(order.key.label("key"), _ID.label("id")).cte("matching").prefix_with("MATERIALIZED")
    down = sorting.descending != spot.back
    found = select(rows.c.key, rows.c.id)
    if spot.place is not None:
        found = found.where(_beyond(rows.c.key, rows.c.id, order, spot, spot.place, down=down))
    ranks = (order.rank(rows.c.key),) if order.options else ()
    columns = (_direct(one, down=down) for one in (*ranks, rows.c.key, rows.c.id))
    found = found.order_by(_direct(rows.c.key.is_(None), down=spot.back), *columns)
    return [Place(*row) for row in connection.execute(found.limit(size))]


def _beyond(
    key: ColumnElement[Any], record_id: ColumnElement[int], order: Order, spot: Spot, place: Place, *, down: bool
) -> ColumnElement[bool]:
    """Return the condition that gathered rows come beyond a place."""
    further = _after(record_id, place.id, down=down)
    if place.key is None:
        return or_(key.is_not(None), further) if spot.back else and_(key.is_(None), further)
    its_key = literal(place.key, order.key.type)
    later = or_(_after(key, its_key, down=down), and_(key == its_key, further))
    if order.options:
        rank, its_rank = order.rank(key), order.rank(its_key)
        later = or_(_after(rank, its_rank, down=down), and_(rank == its_rank, later))
    later = and_(key.is_not(None), later)
    return later if spot.back else or_(key.is_(None), later)
