"""Records as sync sees them: a row of the database to canonical values and back."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeVar

from sqlalchemy import JSON, ColumnElement, Connection, Row, Select, Text, null, select, type_coerce

from panel.entities import CUSTOMER, Entity
from sync.fields import Field
from sync.records import Record
from sync.types import FIELD_TYPES

T = TypeVar("T")
BATCH = 500
DENSE = 1.2
_HEAD = ("id", "revision", "stamp", "deleted_at")
_TEXTS = frozenset((str, type(None)))


def select_records(fields: Sequence[Field], entity: Entity = CUSTOMER) -> Select[Any]:
    """Return the query whose rows a `RecordReader` reads for these fields."""
    table = entity.table.c
    built_in = [entity.value(field.key) for field in fields if not field.additional]
    extra = table.extra if entity.has_extra else null()
    return select(*(table[name] for name in _HEAD), *map(_undecoded, (extra, *built_in)))


def _undecoded(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return type_coerce(column, Text) if isinstance(column.type, JSON) else column


class RecordReader:
    """Turns rows of `select_records` into canonical values, prepared once for a list of fields."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = tuple(fields)
        self._built_in = [field for field in fields if not field.additional]
        self._additional = [field for field in fields if field.additional]

    def columns(self, rows: Sequence[Row[*tuple[Any, ...]]]) -> dict[str, Sequence[Any]]:
        """Return the values of each field, by its key, in the order of the rows: many at once take less time."""
        if not rows:
            return {field.key: () for field in self.fields}
        extra, *stored = list(zip(*rows, strict=True))[len(_HEAD) :]
        columns = {
            field.key: self._values(field, column) for field, column in zip(self._built_in, stored, strict=False)
        }
        documents = [document or {} for document in _decoded(extra)] if self._additional else ()
        return columns | {field.key: _additional(field, documents) for field in self._additional}

    def _values(self, field: Field, stored: Sequence[Any]) -> Sequence[Any]:
        return [tuple(some or ()) or None for some in _decoded(stored)] if FIELD_TYPES[field.type].many else stored

    def records(self, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Record]:
        """Return records with the values of the reader's fields."""
        columns = self.columns(rows)
        each = zip(*columns.values(), strict=True) if columns else repeat(())
        return [
            Record(row[0], row[1], row[2], dict(zip(columns, values, strict=True)), row[3] is not None)
            for row, values in zip(rows, each, strict=False)
        ]

    def record(self, row: Row[*tuple[Any, ...]]) -> Record:
        """Return one record."""
        return self.records([row])[0]


def _additional(field: Field, documents: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
    key, from_json = field.key, FIELD_TYPES[field.type].from_json
    return [None if (stored := document.get(key)) is None else from_json(stored) for document in documents]


def _decoded(documents: Sequence[Any]) -> Sequence[Any]:
    """Return JSON documents decoded, all of them in one go: SQLite gives text, PostgreSQL's driver has done it."""
    if not _TEXTS.issuperset(map(type, documents)):
        return documents
    decoded: list[Any] = json.loads(f"[{','.join(document or 'null' for document in documents)}]")
    return decoded


def records_by_id(
    connection: Connection,
    fields: Sequence[Field],
    ids: Collection[int],
    entity: Entity = CUSTOMER,
    partner_id: int | None = None,
) -> dict[int, Record]:
    """Return the records with these IDs; one that is not there, or not a partner's, is absent from the answer."""
    reader, query, column = RecordReader(fields), select_records(fields, entity), entity.table.c.id
    query = query if partner_id is None else query.where(entity.within(partner_id))
    found: dict[int, Record] = {}
    for some in batches(sorted(ids), BATCH):
        # Where hardly any is missing between them, databases find a range sooner than each of many.
        is_range = some[-1] - some[0] < len(some) * DENSE
        named = column.between(some[0], some[-1]) if is_range else column.in_(some)
        wanted, records = set(some), reader.records(connection.execute(query.where(named)).all())
        found.update((one.id, one) for one in records if one.id in wanted)
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
