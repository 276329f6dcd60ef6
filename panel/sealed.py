"""Which values of customers are ciphertext, fields that were retired included."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from panel.models import AdditionalField, Customer
from panel.schema import BUILT_IN, ENTITY
from sync.types import FIELD_TYPES

ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Sealed:
    """One ciphertext, and what it is bound to: `Keyring.decrypt` takes it with these."""

    record_id: int
    field: str
    text: str


def secret_keys(connection: Connection) -> frozenset[str]:
    """Return the keys of all fields that hold, or held, secrets."""
    types = [(field.key, field.type) for field in BUILT_IN]
    query = select(AdditionalField.key, AdditionalField.type).where(AdditionalField.entity == ENTITY)
    types += [(key, kind) for key, kind in connection.execute(query)]
    return frozenset(key for key, kind in types if FIELD_TYPES[kind].secret)


def sealed_values(connection: Connection) -> Iterator[Sealed]:
    """Yield every ciphertext, those of customers in the bin included: what a new key has to encrypt anew."""
    keys, table = secret_keys(connection), Customer.__table__.c
    query = select(table.id, table.password, table.extra).order_by(table.id)
    for record_id, password, extra in connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE}):
        yield from sealed_in(record_id, password, extra, keys)


def sealed_in(
    record_id: int, password: str | None, extra: Mapping[str, Any] | None, keys: Collection[str]
) -> Iterator[Sealed]:
    """Yield the ciphertexts of one customer's row; `keys` are the fields that hold secrets."""
    held = {**(extra or {}), "password": password}
    yield from (Sealed(record_id, key, str(held[key])) for key in sorted(keys) if held.get(key))
