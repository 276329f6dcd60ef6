"""A digest of all that customers are, without the log: equal before an import and after its undoing."""

from __future__ import annotations

import hashlib
import json

from flask import current_app
from sqlalchemy import Connection

from panel.keys import Keyring
from panel.models import Customer
from panel.records import RecordReader, select_records
from panel.schema import ENTITY, current_schema
from sync.types import FIELD_TYPES

ROWS_AT_ONCE = 1_000


def signature(connection: Connection) -> str:
    """Return the SHA-256 of every customer's values in ID order; those in the bin count as gone."""
    keyring: Keyring = current_app.extensions["keyring"]
    schema = current_schema(connection)
    reader, table, digest = RecordReader(schema.fields), Customer.__table__.c, hashlib.sha256()
    rows = connection.execute(
        select_records(schema.fields).where(table.deleted_at.is_(None)).order_by(table.id),
        execution_options={"yield_per": ROWS_AT_ONCE},
    )
    types = {field.key: FIELD_TYPES[field.type] for field in schema.fields}
    for row in rows:
        record = reader.record(row)
        plain = {key: types[key].to_json(value) for key, value in record.values.items() if value is not None}
        # Encrypting the same secret again gives another text; its digest stays.
        secrets = {key: sealed for key, sealed in plain.items() if types[key].secret}
        plain |= {key: keyring.digest(keyring.decrypt(s, ENTITY, record.id, key)) for key, s in secrets.items()}
        digest.update(json.dumps([record.id, plain], sort_keys=True).encode())
    return digest.hexdigest()
