"""A digest of all that records are, without the log: equal before an import and after its undoing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from flask import current_app
from sqlalchemy import Connection

from panel.entities import ENTITIES, Entity
from panel.keys import Keyring
from panel.records import RecordReader, select_records
from panel.schema import current_schema
from sync.types import FIELD_TYPES

ROWS_AT_ONCE = 1_000


def signature(connection: Connection) -> str:
    """Return the SHA-256 of every record's own values in ID order; those in the bin count as gone."""
    digest = hashlib.sha256()
    for entity in ENTITIES.values():
        for line in _lines(connection, entity):
            digest.update(line.encode())
    return digest.hexdigest()


def _lines(connection: Connection, entity: Entity) -> Iterator[str]:
    """Yield each record of an entity as JSON."""
    keyring: Keyring = current_app.extensions["keyring"]
    fields = [field for field in current_schema(connection, entity).fields if not field.derived]
    reader, table = RecordReader(fields), entity.table.c
    rows = connection.execute(
        select_records(fields, entity).where(table.deleted_at.is_(None)).order_by(table.id),
        execution_options={"yield_per": ROWS_AT_ONCE},
    )
    types = {field.key: FIELD_TYPES[field.type] for field in fields}
    for row in rows:
        record = reader.record(row)
        plain = {key: types[key].to_json(value) for key, value in record.values.items() if value is not None}
        # Encrypting the same secret again gives another text; its digest stays.
        secrets = {key: sealed for key, sealed in plain.items() if types[key].secret}
        clear = {key: keyring.decrypt(sealed, entity.key, record.id, key) for key, sealed in secrets.items()}
        plain |= {key: keyring.digest(text) for key, text in clear.items()}
        yield json.dumps([entity.key, record.id, plain], sort_keys=True)
