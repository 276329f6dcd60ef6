"""Making an additional field unique after customers have values in it, and letting it go again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Connection, delete

from panel.changelog import ValueTaken, claim
from panel.forms.showing import shown
from panel.models import Customer, UniqueValue
from panel.records import BATCH, RecordReader, batches, select_records
from panel.schema import ENTITY
from panel.views.customer_query import visible
from sync.errors import SyncError
from sync.fields import Field
from sync.types import FIELD_TYPES

NAMED = 5
"""How many values that several customers have are named, and how many of the customers of each."""


class NotUnique(SyncError):
    """Several customers have the same value in a field that is to be unique: `examples` are some, with their IDs."""

    def __init__(self, examples: Mapping[str, Sequence[int]]) -> None:
        named = "; ".join(f"{text}: {', '.join(f'#{one}' for one in ids)}" for text, ids in examples.items())
        words = _("This cannot be unique yet: several customers have the same value. %(examples)s", examples=named)
        super().__init__(str(words))
        self.examples = examples


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
    except ValueTaken:
        raise NotUnique(_examples(connection, field)) from None


def _examples(connection: Connection, field: Field) -> dict[str, list[int]]:
    """Return some values that several customers have whom the signed-in user sees, with some of their IDs."""
    reader, key_of = RecordReader([field]), FIELD_TYPES[field.type].key_of
    table = Customer.__table__.c
    rows = connection.execute(select_records([field]).where(*visible()).order_by(table.id))
    first: dict[str, str] = {}
    owners: dict[str, list[int]] = defaultdict(list)
    for record in map(reader.record, rows):
        value = record.values[field.key]
        if value is not None:
            first.setdefault(key_of(value), shown(value, field))
            owners[key_of(value)].append(record.id)
    alike = [key for key, ids in owners.items() if len(ids) > 1][:NAMED]
    return {first[key]: owners[key][:NAMED] for key in alike}


def release_all(connection: Connection, key: str) -> None:
    """Let go every value of a field."""
    table = UniqueValue.__table__
    connection.execute(delete(UniqueValue).where(table.c.entity == ENTITY, table.c.field == key))
