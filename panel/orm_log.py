"""Let the ORM's own writes of customers append their revisions, in the same flush."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import current_app
from sqlalchemy import event
from sqlalchemy.orm import Session

from panel.authors import current_author
from panel.changelog import LostRace, Write, append_revisions, new_names, release_and_claim
from panel.extensions import db
from panel.keys import Keyring
from panel.likeness import follow_names
from panel.models import Customer
from panel.newcomers import complete
from panel.records import RecordReader, select_records
from panel.schema import ENTITY, Schema, column_of, current_schema
from sync.fields import Field
from sync.types import FIELD_TYPES


def log_the_orm() -> None:
    """Start listening to the application's session; once a process."""
    if not event.contains(db.session, "before_flush", _before_flush):
        event.listen(db.session, "before_flush", _before_flush)


def _before_flush(session: Session, _context: object, _instances: object) -> None:
    created = [thing for thing in session.new if isinstance(thing, Customer)]
    changed = [thing for thing in session.dirty if isinstance(thing, Customer)]
    if not created and not changed:
        return
    connection = session.connection()
    schema = current_schema(connection)
    with session.no_autoflush:
        writes = [*_creations(session, schema, created), *_updates(session, schema, changed)]
    release_and_claim(connection, {field.key: field for field in schema.fields}, writes, _keyring())
    follow_names(connection, new_names(writes))
    append_revisions(connection, writes, current_author())


def _creations(session: Session, schema: Schema, customers: list[Customer]) -> Iterable[Write]:
    given = [_values(customer, schema.fields) for customer in customers]
    completed = complete(session.connection(), schema, given, [one.left_blank for one in customers])
    for customer, (record_id, values) in zip(customers, completed, strict=True):
        customer.id, customer.entity = record_id, ENTITY
        customer.new_password = customer.new_password or values["password"]
        given_secrets = {field.key: _secret_of(customer, field, None) for field in _secrets(schema)}
        _assign(customer, schema, values)
        sealed = {field.key: _seal(customer, field, given_secrets[field.key]) for field in _secrets(schema)}
        new = _plain(customer, schema.fields) | sealed
        changes = {key: (None, value) for key, value in new.items() if value is not None}
        yield _numbered(customer, 0, changes)


def _updates(session: Session, schema: Schema, customers: list[Customer]) -> Iterable[Write]:
    fields = [field for field in schema.fields if not FIELD_TYPES[field.type].secret]
    reader = RecordReader(schema.fields)
    for customer in customers:
        query = select_records(schema.fields).where(Customer.__table__.c.id == customer.id).with_for_update()
        stored = reader.record(session.connection().execute(query).one())
        if stored.revision != customer.revision:
            raise LostRace(f"{customer.full_name} was changed by somebody else a moment ago. Open it again.")
        before = {key: _to_json(field, stored.values[key]) for key, field in _by_key(fields).items()}
        after = _plain(customer, fields)
        changes = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
        changes |= _secret_changes(customer, schema, stored.values) | _deletion(customer, stored.deleted)
        if changes:
            yield _numbered(customer, stored.revision, changes)
        else:
            session.expire(customer)


def _numbered(customer: Customer, revision: int, changes: dict[str, tuple[Any, Any]]) -> Write:
    write = Write(customer.id, revision + 1, changes)
    customer.revision, customer.stamp = write.number, write.stamp
    return write


def _deletion(customer: Customer, was: bool) -> dict[str, tuple[Any, Any]]:
    is_now = customer.deleted_at is not None
    return {} if is_now == was else {"deleted": (was or None, is_now or None)}


def _secret_changes(customer: Customer, schema: Schema, stored: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Encrypt the secrets that were set, and return their digests; one that is as before keeps its ciphertext."""
    changes = {}
    for field in _secrets(schema):
        sealed = stored[field.key]
        text = _secret_of(customer, field, sealed)
        if text == sealed:
            continue
        old = _keyring().decrypt(sealed, ENTITY, customer.id, field.key) if sealed else None
        if text == old:
            _put(customer, field, sealed)
        else:
            changes[field.key] = (old and _keyring().digest(old), _seal(customer, field, text))
    return changes


def _secrets(schema: Schema) -> list[Field]:
    return [field for field in schema.fields if FIELD_TYPES[field.type].secret]


def _secret_of(customer: Customer, field: Field, sealed: str | None) -> str | None:
    """Return what a secret is to be: in the clear where somebody set it, else the ciphertext that is stored.

    An additional field's is set in `extra`: whatever stands there and is not the stored ciphertext.
    """
    found: str | None = (customer.extra or {}).get(field.key) if field.additional else customer.new_password or sealed
    return found


def _seal(customer: Customer, field: Field, text: str | None) -> str | None:
    """Put a secret's ciphertext where it is stored, and return its digest."""
    _put(customer, field, text and _keyring().encrypt(text, ENTITY, customer.id, field.key))
    return text and _keyring().digest(text)


def _put(customer: Customer, field: Field, sealed: str | None) -> None:
    if field.additional:
        kept = {key: value for key, value in (customer.extra or {}).items() if key != field.key}
        customer.extra = kept if sealed is None else {**kept, field.key: sealed}
    else:
        customer.password, customer.new_password = sealed, None


def _keyring() -> Keyring:
    keyring: Keyring = current_app.extensions["keyring"]
    return keyring


def _by_key(fields: Iterable[Field]) -> dict[str, Field]:
    return {field.key: field for field in fields}


def _values(customer: Customer, fields: Iterable[Field]) -> dict[str, Any]:
    plain = _plain(customer, fields)
    types = {field.key: FIELD_TYPES[field.type] for field in fields}
    return {key: None if value is None else types[key].from_json(value) for key, value in plain.items()}


def _plain(customer: Customer, fields: Iterable[Field]) -> dict[str, Any]:
    return {field.key: _stored_plain(customer, field) for field in fields if not FIELD_TYPES[field.type].secret}


def _stored_plain(customer: Customer, field: Field) -> Any:
    if field.additional:
        return (customer.extra or {}).get(field.key)
    value = getattr(customer, column_of(field.key))
    if FIELD_TYPES[field.type].many:
        return list(value) if value else None
    return None if value in (None, "") else FIELD_TYPES[field.type].to_json(value)


def _to_json(field: Field, value: Any) -> Any:
    return None if value is None else FIELD_TYPES[field.type].to_json(value)


def _assign(customer: Customer, schema: Schema, values: dict[str, Any]) -> None:
    extra = {}
    for field in schema.fields:
        value = values.get(field.key)
        if field.additional:
            extra[field.key] = _to_json(field, value)
        elif not FIELD_TYPES[field.type].secret:
            many = FIELD_TYPES[field.type].many
            setattr(customer, column_of(field.key), list(value or ()) if many else value)
    customer.extra = {key: value for key, value in extra.items() if value is not None}
