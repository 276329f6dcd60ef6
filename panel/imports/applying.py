"""Write what a plan says, in the caller's one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flask import current_app
from sqlalchemy import Connection, func, insert, select, text, update

from panel.authors import Author
from panel.changelog import LostRace, Write, write_in_bulk
from panel.database import is_sqlite
from panel.entities import CUSTOMER, Entity
from panel.fields_work.retiring import refuse_too_many
from panel.imports.gathering import applied_imports
from panel.imports.planned import Planned
from panel.imports.planning import Progress, quiet
from panel.imports.proposals import LONGEST_LABEL, NewField
from panel.imports.whole_file import settled_by
from panel.keys import Keyring
from panel.models import AdditionalField, ImportedRow, SchemaVersion, SettledConflict
from panel.newcomers import complete
from panel.records import BATCH, batches
from panel.schema import ENTITY, Schema, forget_schema
from sync.fields import Field
from sync.plan import DELETED, Item, RowPlan
from sync.types import FIELD_TYPES
from sync.words import say

ADVISORY_LOCK = 7_265_626_612  # any number that no other program on the same server uses


def write_plan(connection: Connection, planned: Planned, author: Author, progress: Progress = quiet) -> None:
    """Write a plan: new fields, new records, changed cells, deletions, and what is to be remembered of them.

    `author.import_id` is the import's. Raises `LostRace` or `ValueTaken` where the plan no longer fits the
    database; the caller rolls back and plans anew.
    """
    keyring: Keyring = current_app.extensions["keyring"]
    one_at_a_time(connection)
    refuse_newer_schema(connection, planned.schema)
    _refuse_newer_imports(connection, planned)
    create_fields(connection, [one for one in planned.new_fields if one.accepted])
    writes = [*_updates(connection, planned, keyring), *_deletions(planned.plan.deletions)]
    created = _creations(connection, planned)
    writes += [write for _row, write in created]
    write_in_bulk(connection, planned.schema, keyring, writes, author, progress)
    _remember(connection, planned, created, author)
    forget_schema()  # what was written may be an option of a field


def one_at_a_time(connection: Connection) -> None:
    """Let one import write at a time; SQLite has one writer anyway."""
    if not is_sqlite(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": ADVISORY_LOCK})


def hold_still(connection: Connection, entities: Iterable[Entity] = (CUSTOMER,)) -> None:
    """Let nobody write such records until this transaction ends, so that a plan made in it can be written.

    Whoever is writing one is waited for, and readers go on. SQLite has one writer anyway. The schema is read anew: who
    wrote meanwhile may have made a field.
    """
    forget_schema()
    one_at_a_time(connection)
    if not is_sqlite(connection):
        names = ", ".join(sorted({one.key for one in entities}))
        connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))


def _refuse_newer_imports(connection: Connection, planned: Planned) -> None:
    """Refuse to create what another import of the same file created since the plan was made."""
    source = (planned.source.sha256, planned.source.name, planned.schema.entity)
    before = applied_imports(connection, planned.export_id, *source)
    if before != planned.imports_before:
        raise LostRace(say("The same file was imported a moment ago. Look at the new plan."))


def refuse_newer_schema(connection: Connection, schema: Schema) -> None:
    """Refuse to write where a field or an option changed since the plan was made."""
    query = select(SchemaVersion.version).where(SchemaVersion.entity == schema.entity.key)
    if connection.execute(query).scalar_one() != schema.version:
        raise LostRace(say("A field or one of its options changed a moment ago. Look at the new plan."))


def create_fields(connection: Connection, new_fields: Sequence[NewField]) -> None:
    """Add the additional fields that an import brings along."""
    if not new_fields:
        return
    refuse_too_many(connection, len(new_fields))
    last = connection.execute(select(func.max(AdditionalField.position))).scalar() or 0
    rows = [_field_row(one, last + at) for at, one in enumerate(new_fields, 1)]
    connection.execute(insert(AdditionalField), rows)
    table = SchemaVersion.__table__
    connection.execute(update(SchemaVersion).where(table.c.entity == ENTITY).values(version=table.c.version + 1))
    forget_schema()


def _field_row(new: NewField, position: int) -> dict[str, Any]:
    field = new.field
    return {
        "entity": ENTITY,
        "key": field.key,
        "label": field.label,
        "type": field.type,
        "options": [[option.key, option.label] for option in field.options],
        "scale": field.scale,
        "position": position,
        "made_from": new.header.strip().casefold()[:LONGEST_LABEL],
    }


def as_made(new: NewField) -> dict[str, Any]:
    """Return what an import's row says of a field that it makes; `made` tells whether somebody changed it since."""
    made = _field_row(new, 0)
    return new.to_json() | {"made": {name: made[name] for name in ("label", "type", "options", "scale")}}


def _updates(connection: Connection, planned: Planned, keyring: Keyring) -> Iterator[Write]:
    fields = {field.key: field for field in planned.schema.fields}
    for some in batches(planned.plan.updates, BATCH):
        stored = _lock(connection, planned.schema, [row.id for row in some if row.id is not None])
        for row in some:
            if row.id not in stored or stored[row.id]["revision"] != row.revision:
                raise LostRace(say("A row's record changed a moment ago. Look at the new plan."))
            changes = {item.field: _pair(fields[item.field], item, stored[row.id], keyring) for item in row.writes}
            changes |= {DELETED: (True, None)} if row.restores else {}
            cells = {item.field: str(item.at) for item in row.writes}
            yield Write(row.id, row.revision + 1, changes, cells, stored[row.id].get("extra") or {})


def _lock(connection: Connection, schema: Schema, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    table = schema.entity.table.c
    sealed = (one.key for one in schema.fields if FIELD_TYPES[one.type].secret and not one.additional)
    names = ("id", "revision", *(("extra",) if schema.entity.has_extra else ()), *sealed)
    query = select(*(table[name] for name in names)).where(table.id.in_(ids))
    rows = connection.execute(query.order_by(table.id).with_for_update()).mappings()
    return {row["id"]: dict(row) for row in rows}


def _pair(field: Field, item: Item, stored: Mapping[str, Any], keyring: Keyring) -> tuple[Any, Any]:
    field_type = FIELD_TYPES[field.type]
    if field_type.secret:
        sealed = (stored["extra"] or {}).get(field.key) if field.additional else stored[field.key]
        old = keyring.decrypt(sealed, ENTITY, stored["id"], field.key) if sealed else None
        return (old and keyring.digest(old), item.value)
    both = (None if value is None else field_type.to_json(value) for value in (item.panel, item.value))
    old, new = both
    return (old, new)


def _deletions(rows: Sequence[RowPlan]) -> Iterator[Write]:
    for row in rows:
        if row.id is not None:
            yield Write(row.id, row.revision + 1, {DELETED: (None, True)})


def _creations(connection: Connection, planned: Planned) -> list[tuple[RowPlan, Write]]:
    rows = [row for row in planned.plan.creations if row.creates]
    values = [dict(row.creates.values) for row in rows if row.creates]
    completed = complete(connection, planned.schema, values)
    fields = {field.key: field for field in planned.schema.fields}
    made = []
    for row, (record_id, filled) in zip(rows, completed, strict=True):
        changes = {key: (None, FIELD_TYPES[fields[key].type].to_json(value)) for key, value in filled.items()}
        cells = {key: str(at) for key, at in row.creates.cells.items()} if row.creates else {}
        made.append((row, Write(record_id, 1, changes, cells)))
    return made


def _remember(
    connection: Connection, planned: Planned, created: Sequence[tuple[RowPlan, Write]], author: Author
) -> None:
    rows = [
        {
            "import_id": author.import_id,
            "content": content,
            "occurrence": occurrence,
            "record_id": write.record_id,
        }
        for row, write in created
        if row.creates
        for content, occurrence in row.creates.contents
    ]
    if rows:
        connection.execute(insert(ImportedRow), rows)
    kept = [] if planned.export_id is None else [*settled_by(planned.plan, planned.types)]
    if kept:
        whose = {"import_id": author.import_id, "export_id": planned.export_id}
        names = ("record_id", "field", "panel", "workbook")
        connection.execute(insert(SettledConflict), [whose | dict(zip(names, one, strict=True)) for one in kept])
