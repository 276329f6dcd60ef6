"""The bin: who is in it, and the way back, for which a login that another has by now has to be given up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Connection, select

from panel.authors import Author
from panel.changelog import Write, claims_back, owners_of, unique_key, write_in_bulk
from panel.models import Customer, Revision
from panel.records import BATCH, batches, records_by_id
from panel.schema import ENTITY, Schema, current_schema
from panel.views.customer_query import visible
from sync.errors import SyncError
from sync.fields import Field
from sync.types import FIELD_TYPES

MOST = 1_000


@dataclass(frozen=True, slots=True)
class Restored:
    """Which customers came back, and for each that could not: the key of a field, and who has its value now."""

    ids: tuple[int, ...]
    taken: Mapping[int, Mapping[str, int]]


def binned() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that leave the customers in the bin whom the signed-in user may see."""
    table = Customer.__table__.c
    _there, *scope = visible()
    return (table.deleted_at.is_not(None), table.erased_at.is_(None), *scope)


def restore(
    connection: Connection, record_ids: Sequence[int], author: Author, instead: Mapping[str, Any] | None = None
) -> Restored:
    """Take customers out of the bin in the caller's transaction, those whose unique values nobody has by now.

    `instead` holds canonical values that one customer gets in place of those that were taken. Raises `ValueTaken`.
    """
    if len(record_ids) > MOST:
        raise SyncError(_("At most %(most)s customers are restored at once.", most=f"{MOST:,}"))
    schema = current_schema(connection)
    fields = {field.key: field for field in schema.fields}
    writes = [_write(row, fields, instead or {}) for row in _locked(connection, record_ids)]
    taken = _taken(connection, schema, writes)
    back = [write for write in writes if write.record_id not in taken]
    write_in_bulk(connection, schema, current_app.extensions["keyring"], back, author)
    return Restored(tuple(write.record_id for write in back), taken)


def taken_values(connection: Connection, record_id: int) -> Mapping[str, int]:
    """Return the fields of a customer in the bin whose value another has by now, with who has it."""
    return _taken(connection, current_schema(connection), [Write(record_id, 2, {"deleted": (True, None)})]).get(
        record_id, {}
    )


def deletions(connection: Connection, record_ids: Sequence[int]) -> dict[int, str]:
    """Return who moved each of these customers to the bin."""
    columns = (Revision.record_id, Revision.number, Revision.by, Revision.changes)
    query = select(*columns).where(Revision.entity == ENTITY, Revision.record_id.in_(record_ids))
    rows = connection.execute(query.order_by(Revision.number))
    return {row.record_id: row.by for row in rows if (row.changes.get("deleted") or [None, None])[1]}


def _locked(connection: Connection, record_ids: Sequence[int]) -> list[Any]:
    table = Customer.__table__.c
    found: list[Any] = []
    for some in batches(sorted(set(record_ids)), BATCH):
        query = select(Customer.__table__).where(table.id.in_(some), *binned()).order_by(table.id)
        found += connection.execute(query.with_for_update()).mappings()
    return found


def _write(row: Any, fields: Mapping[str, Field], instead: Mapping[str, Any]) -> Write:
    changes: dict[str, tuple[Any, Any]] = {"deleted": (True, None)}
    for key, value in instead.items():
        to_json, extra = FIELD_TYPES[fields[key].type].to_json, row["extra"] or {}
        old = extra.get(key) if fields[key].additional else row[key]
        changes[key] = (old, None if value is None else to_json(value))
    return Write(row["id"], row["revision"] + 1, changes, extra=row["extra"] or {})


def _taken(connection: Connection, schema: Schema, writes: Sequence[Write]) -> dict[int, dict[str, int]]:
    fields = {field.key: field for field in schema.fields}
    wanted = claims_back(connection, schema, writes)
    wanted += [
        {"field": key, "value": unique_key(fields[key], pair[1]), "record_id": write.record_id}
        for write in writes
        for key, pair in write.changes.items()
        if key in fields and fields[key].unique and pair[1] is not None
    ]
    owners = owners_of(connection, wanted)
    taken: dict[int, dict[str, int]] = {}
    for one in wanted:
        # Of two in the bin that had the same value, the first gets it.
        owner = owners.setdefault((one["field"], one["value"]), one["record_id"])
        if owner != one["record_id"]:
            taken.setdefault(one["record_id"], {})[one["field"]] = owner
    return taken


def names_of(connection: Connection, record_ids: Sequence[int]) -> dict[int, str]:
    """Return what customers in the bin are called."""
    name = [field for field in current_schema(connection).fields if field.key == "full_name"]
    return {one.id: one.values["full_name"] for one in records_by_id(connection, name, record_ids).values()}
