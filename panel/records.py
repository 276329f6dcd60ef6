"""Customers as sync sees them: a row of the database to canonical values and back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, select

from panel.models import Customer
from panel.schema import BUILT_IN_KEYS, column_of
from sync.fields import Field
from sync.records import Record
from sync.types import FIELD_TYPES

T = TypeVar("T")
BATCH = 500
_HEAD = ("id", "revision", "stamp", "deleted_at")


def select_records(fields: Sequence[Field]) -> Select[Any]:
    """Return the query whose rows `as_record` reads for these fields."""
    table = Customer.__table__.c
    built_in = [table[column_of(field.key)] for field in fields if field.key in BUILT_IN_KEYS]
    return select(*(table[name] for name in _HEAD), table.extra, *built_in)


class RecordReader:
    """Turns rows of `select_records` into canonical values, prepared once for a list of fields."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = tuple(fields)
        built_in = [field for field in fields if field.key in BUILT_IN_KEYS]
        self._columns = [(field.key, len(_HEAD) + 1 + at) for at, field in enumerate(built_in)]
        self._tuples = [field.key for field in built_in if FIELD_TYPES[field.type].many]
        self._extra = [(field.key, FIELD_TYPES[field.type].from_json) for field in fields if field.additional]

    def record(self, row: Row[*tuple[Any, ...]]) -> Record:
        """Return one customer with the values of the reader's fields."""
        values: dict[str, Any] = {key: row[at] for key, at in self._columns}
        for key in self._tuples:
            values[key] = tuple(values[key]) or None
        extra = row[len(_HEAD)] or {}
        for key, from_json in self._extra:
            stored = extra.get(key)
            values[key] = None if stored is None else from_json(stored)
        return Record(row[0], row[1], row[2], values, row[3] is not None)


def records_by_id(connection: Connection, fields: Sequence[Field], ids: Collection[int]) -> dict[int, Record]:
    """Return the customers with these IDs; one that is not there is absent from the answer."""
    reader, query = RecordReader(fields), select_records(fields)
    found: dict[int, Record] = {}
    for some in batches(sorted(ids), BATCH):
        rows = connection.execute(query.where(Customer.__table__.c.id.in_(some)))
        found.update((row[0], reader.record(row)) for row in rows)
    return found


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
