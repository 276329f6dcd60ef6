"""Making an additional field unique after customers have values in it, and letting it go again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete

from panel.changelog import ValueTaken, claim
from panel.models import Customer, UniqueValue
from panel.records import BATCH, RecordReader, batches, select_records
from panel.schema import ENTITY
from sync.errors import SyncError
from sync.fields import Field
from sync.types import FIELD_TYPES


class NotUnique(SyncError):
    """Several customers have the same value in a field that is to be unique."""


def claim_existing(connection: Connection, field: Field) -> None:
    """Claim every customer's value of a field; raise `NotUnique` where two have the same."""
    reader = RecordReader([field])
    table = Customer.__table__.c
    rows = connection.execute(select_records([field]).where(table.deleted_at.is_(None)).order_by(table.id))
    field_type = FIELD_TYPES[field.type]
    held = ((record.id, record.values[field.key]) for record in map(reader.record, rows))
    claims: Any = (
        {"entity": ENTITY, "field": field.key, "value": field_type.key_of(value), "record_id": record_id}
        for record_id, value in held
        if value is not None
    )
    try:
        for some in batches(list(claims), BATCH):
            claim(connection, some)
    except ValueTaken as taken:
        raise NotUnique(f"This cannot be unique yet: several customers have the same value. {taken}") from None


def release_all(connection: Connection, key: str) -> None:
    """Let go every value of a field."""
    table = UniqueValue.__table__
    connection.execute(delete(UniqueValue).where(table.c.entity == ENTITY, table.c.field == key))
