"""Let the ORM's own writes of records append their revisions, in the same flush."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import current_app
from sqlalchemy import event
from sqlalchemy.orm import Session

from panel.authors import current_author
from panel.changelog import LostRace, Write, append_revisions, new_names, release_and_claim, tell_followers
from panel.entities import CUSTOMER, ENTITIES, Entity
from panel.extensions import db
from panel.keys import Keyring
from panel.likeness import follow_names
from panel.newcomers import complete
from panel.records import RecordReader, select_records
from panel.schema import Schema, current_schema
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.words import later, say

MEANWHILE = later("%(name)s was changed by somebody else a moment ago. Open it again.")
_WRITTEN = "records that were written"


def log_the_orm() -> None:
    """Start listening to the application's session; once a process."""
    if not event.contains(db.session, "before_flush", _before_flush):
        event.listen(db.session, "before_flush", _before_flush)
        event.listen(db.session, "after_flush", _after_flush)


def _before_flush(session: Session, _context: object, _instances: object) -> None:
    for entity in ENTITIES.values():
        created = [thing for thing in session.new if isinstance(thing, entity.model)]
        changed = [thing for thing in session.dirty if isinstance(thing, entity.model)]
        if created or changed:
            writes = _log(session, entity, created, changed)
            session.info.setdefault(_WRITTEN, []).append((entity.key, writes))


def _log(session: Session, entity: Entity, created: list[Any], changed: list[Any]) -> list[Write]:
    connection = session.connection()
    schema = current_schema(connection, entity)
    with session.no_autoflush:
        writes = [*_creations(session, schema, created), *_updates(session, schema, changed)]
    release_and_claim(connection, schema, writes, _keyring())
    if entity is CUSTOMER:
        follow_names(connection, new_names(writes))
    append_revisions(connection, writes, current_author(), entity.key)
    return writes


def _after_flush(session: Session, _context: object) -> None:
    for entity, writes in session.info.pop(_WRITTEN, ()):
        tell_followers(session.connection(), entity, writes)


def _creations(session: Session, schema: Schema, records: list[Any]) -> Iterable[Write]:
    given = [_values(record, schema) for record in records]
    emptied: list[frozenset[str]] = [getattr(record, "left_blank", frozenset()) for record in records]
    completed = complete(session.connection(), schema, given, emptied)
    for record, (record_id, values) in zip(records, completed, strict=True):
        record.id, record.entity = record_id, schema.entity.key
        if "password" in values:
            record.new_password = record.new_password or values["password"]
        given_secrets = {field.key: _secret_of(record, field, None) for field in _secrets(schema)}
        _assign(record, schema, values)
        sealed = {field.key: _seal(record, field, given_secrets[field.key], schema) for field in _secrets(schema)}
        new = _plain(record, schema) | sealed
        changes = {key: (None, value) for key, value in new.items() if value is not None}
        yield _numbered(record, 0, changes)


def _updates(session: Session, schema: Schema, records: list[Any]) -> Iterable[Write]:
    entity = schema.entity
    fields = [field for field in schema.fields if not FIELD_TYPES[field.type].secret and not field.derived]
    read = [field for field in schema.fields if not field.derived]
    reader = RecordReader(read)
    for record in records:
        query = select_records(read, entity).where(entity.table.c.id == record.id)
        stored = reader.record(session.connection().execute(query.with_for_update(of=entity.table)).one())
        if stored.revision != record.revision:
            raise LostRace(say(MEANWHILE, name=str(record)))
        before = {field.key: _to_json(field, stored.values[field.key]) for field in fields}
        after = _plain(record, schema)
        changes = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
        changes |= _secret_changes(record, schema, stored.values) | _deletion(record, stored.deleted)
        if changes:
            yield _numbered(record, stored.revision, changes)
        else:
            session.expire(record)


def _numbered(record: Any, revision: int, changes: dict[str, tuple[Any, Any]]) -> Write:
    write = Write(record.id, revision + 1, changes)
    record.revision, record.stamp = write.number, write.stamp
    return write


def _deletion(record: Any, was: bool) -> dict[str, tuple[Any, Any]]:
    is_now = record.deleted_at is not None
    return {} if is_now == was else {"deleted": (was or None, is_now or None)}


def _secret_changes(record: Any, schema: Schema, stored: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Encrypt the secrets that were set, and return their digests; one that is as before keeps its ciphertext."""
    changes = {}
    for field in _secrets(schema):
        sealed = stored[field.key]
        text = _secret_of(record, field, sealed)
        if text == sealed:
            continue
        old = _keyring().decrypt(sealed, schema.entity.key, record.id, field.key) if sealed else None
        if text == old:
            _put(record, field, sealed)
        else:
            changes[field.key] = (old and _keyring().digest(old), _seal(record, field, text, schema))
    return changes


def _secrets(schema: Schema) -> list[Field]:
    return [field for field in schema.fields if FIELD_TYPES[field.type].secret]


def _secret_of(record: Any, field: Field, sealed: str | None) -> str | None:
    """Return what a secret is to be: in the clear where somebody set it, else the ciphertext that is stored.

    An additional field's is set in `extra`: whatever stands there and is not the stored ciphertext.
    """
    found: str | None = (record.extra or {}).get(field.key) if field.additional else record.new_password or sealed
    return found


def _seal(record: Any, field: Field, text: str | None, schema: Schema) -> str | None:
    """Put a secret's ciphertext where it is stored, and return its digest."""
    _put(record, field, text and _keyring().encrypt(text, schema.entity.key, record.id, field.key))
    return text and _keyring().digest(text)


def _put(record: Any, field: Field, sealed: str | None) -> None:
    if field.additional:
        kept = {key: value for key, value in (record.extra or {}).items() if key != field.key}
        record.extra = kept if sealed is None else {**kept, field.key: sealed}
    else:
        record.password, record.new_password = sealed, None


def _keyring() -> Keyring:
    keyring: Keyring = current_app.extensions["keyring"]
    return keyring


def _values(record: Any, schema: Schema) -> dict[str, Any]:
    types = {field.key: FIELD_TYPES[field.type] for field in schema.fields}
    plain = _plain(record, schema).items()
    return {key: None if value is None else types[key].from_json(value) for key, value in plain}


def _plain(record: Any, schema: Schema) -> dict[str, Any]:
    """Return what a record holds in JSON form, without its secrets and what follows from others."""
    kept = (field for field in schema.fields if not FIELD_TYPES[field.type].secret and not field.derived)
    return {field.key: _stored_plain(record, field, schema.entity) for field in kept}


def _stored_plain(record: Any, field: Field, entity: Entity) -> Any:
    if field.additional:
        return (record.extra or {}).get(field.key)
    value = getattr(record, entity.column_name(field.key))
    if FIELD_TYPES[field.type].many:
        return list(value) if value else None
    return None if value in (None, "") else FIELD_TYPES[field.type].to_json(value)


def _to_json(field: Field, value: Any) -> Any:
    return None if value is None else FIELD_TYPES[field.type].to_json(value)


def _assign(record: Any, schema: Schema, values: dict[str, Any]) -> None:
    extra = {}
    for field in schema.fields:
        value = values.get(field.key)
        if field.additional:
            extra[field.key] = _to_json(field, value)
        elif not FIELD_TYPES[field.type].secret and not field.derived:
            many = FIELD_TYPES[field.type].many
            setattr(record, schema.entity.column_name(field.key), list(value or ()) if many else value)
    if schema.entity.has_extra:
        record.extra = {key: value for key, value in extra.items() if value is not None}
