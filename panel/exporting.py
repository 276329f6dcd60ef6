"""Write customers to a workbook: one snapshot, what the viewer may see, and a record of what went out."""

from __future__ import annotations

import hashlib
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import Connection, Select, insert, update

from panel.audit import plain
from panel.database import reading, writing
from panel.imports.options import Viewer
from panel.keys import Keyring
from panel.models import Customer, Event, Export
from panel.models.columns import now
from panel.records import RecordReader, select_records
from panel.relations import Reach, named
from panel.schema import BUILT_IN_KEYS, ENTITY, Schema, column_of, current_schema
from sync.cells import Scalar
from sync.errors import SyncError
from sync.fields import Bad, Field
from sync.tokens import TokenMaker, make_ref
from sync.types import FIELD_TYPES
from sync.values import parse_value
from sync.workbook import Sheet, write_csv, write_workbook

ROWS_AT_ONCE = 1_000
GUIDE = (
    "Change any cell, sort, filter, add columns of your own, and send this workbook back.",
    "Only the cells that you change are written. What a colleague changes in the panel meanwhile is kept.",
    "A blank cell clears a value that was there. A row that you delete here stays as it is in the panel.",
    "A new row without an ID becomes a new customer. Its login and password are made for it.",
    "Column B shows the ID, and the hidden column A holds each row's reference. Leave both as they are.",
    "A column with a new header is proposed as an additional field.",
)


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list shows: `narrow` leaves its customers in its order, `words` are its conditions.

    Each of the words comes with the key of the field that it is about, or none where it is about several.
    """

    narrow: Callable[[Select[Any]], Select[Any]]
    words: tuple[tuple[str, str], ...] = ()


def export_workbook(
    path: Path,
    *,
    fields: Sequence[str] | None,
    where: Sequence[str],
    viewer: Viewer,
    name: str = "",
    listed: Listed | None = None,
) -> int:
    """Write customers to ``.xlsx`` or ``.csv`` and return the export's ID.

    `fields` are keys or labels, all that workbooks take if None; `where` holds ``field=value`` each, all to hold,
    and so do the conditions of `listed`, which also says the order. Raises `UnknownField` or `SyncError`.
    """
    if path.suffix.lower() not in {".xlsx", ".csv"}:
        raise SyncError(_("%(name)s: name the file .xlsx or .csv.", name=path.name))
    export_id = _register(viewer, name or path.name)
    with reading() as connection:
        schema = viewer.fields.narrow(current_schema(connection))
        chosen = _chosen(schema, fields)
        query = _scoped(select_records(chosen), schema, where, viewer)
        query = (listed.narrow(query) if listed else query).order_by(Customer.__table__.c.id)
        ids = _write(connection, path, export_id, schema, chosen, query, viewer.reach)
    words = listed.words if listed else ()
    filters: list[str | dict[str, str]] = [*where, *({"field": key, "words": said} for key, said in words)]
    _finish(export_id, path, schema, chosen, filters, ids, viewer)
    return export_id


def _register(viewer: Viewer, name: str) -> int:
    values = {"entity": ENTITY, "by": viewer.name, "user_id": viewer.user_id, "through": viewer.through, "name": name}
    with writing() as connection:
        return int(connection.execute(insert(Export).values(**values).returning(Export.id)).scalar_one())


def _chosen(schema: Schema, names: Sequence[str] | None) -> tuple[Field, ...]:
    if names is None:
        return schema.on_workbooks
    found = tuple(dict.fromkeys(schema.field(name) for name in names if name.strip().lower() != "id"))
    secret = [field.name for field in found if FIELD_TYPES[field.type].secret]
    if secret:
        raise SyncError(_("%(field)s is never exported. Leave it out of the fields.", field=secret[0]))
    return found


def _scoped(query: Select[Any], schema: Schema, where: Sequence[str], viewer: Viewer) -> Select[Any]:
    table = Customer.__table__.c
    query = query.where(table.deleted_at.is_(None))
    if viewer.partner_id is not None:
        query = query.where(table.partner_id == viewer.partner_id)
    for condition in where:
        query = query.where(_condition(schema, condition))
    return query


def _condition(schema: Schema, text: str) -> Any:
    name, sign, wanted = text.partition("=")
    if not sign:
        raise SyncError(_("%(text)s is no condition. Write field=value.", text=repr(text)))
    field = schema.field(name)
    value = parse_value(wanted, field)
    if isinstance(value, Bad):
        raise SyncError(f"{field.name}: {value.message}")
    if field.key not in BUILT_IN_KEYS or FIELD_TYPES[field.type].many or FIELD_TYPES[field.type].secret:
        raise SyncError(_("%(field)s cannot be used as a condition here.", field=field.name))
    column = Customer.__table__.c[column_of(field.key)]
    return column.is_(None) if value is None else column == value


def conditions_shown(conditions: Sequence[str | dict[str, str]], schema: Schema) -> list[str]:
    """Return an export's conditions in words, as far as they are about fields of a viewer's schema.

    What is about several fields, such as a search, is for those who see all of them.
    """
    seen = {"id", *(name.casefold() for field in schema.fields for name in (field.key, field.label))}
    seen |= set() if schema.unseen else {""}
    plain = (one if isinstance(one, dict) else {"field": one.partition("=")[0], "words": one} for one in conditions)
    return [one["words"] for one in plain if one["field"].strip().casefold() in seen]


def _write(
    connection: Connection,
    path: Path,
    export_id: int,
    schema: Schema,
    fields: tuple[Field, ...],
    query: Select[Any],
    reach: Reach,
) -> array[int]:
    keyring: Keyring = current_app.extensions["keyring"]
    ids: array[int] = array("q")
    rows = _rows(connection, TokenMaker(keyring.tokens, ENTITY), export_id, fields, query, ids, reach)
    sheet = Sheet(
        name="Customers",
        ref=make_ref(export_id, schema.version),
        fields=fields,
        guide=GUIDE,
        manifest={"format": "rollbook1", "entity": ENTITY, "export": str(export_id), "schema": str(schema.version)},
    )
    writer = write_csv if path.suffix.lower() == ".csv" else write_workbook
    writer(path, sheet, rows)
    return ids


def _rows(
    connection: Connection,
    tokens: TokenMaker,
    export_id: int,
    fields: tuple[Field, ...],
    query: Select[Any],
    ids: array[int],
    reach: Reach,
) -> Iterator[Sequence[Scalar | None]]:
    reader = RecordReader(fields)
    renderers = _renderers(fields)
    for some in connection.execute(query.execution_options(yield_per=ROWS_AT_ONCE)).partitions():
        records = [reader.record(row) for row in some]
        labelled = named(connection, fields, (record.values for record in records), reach)
        if labelled != fields:
            renderers = _renderers(labelled)
        for record in records:
            values = record.values
            ids.append(record.id)
            token = tokens.row(export_id, record.id, record.revision, record.stamp)
            yield (token, record.id, *[render(values[key]) for key, render in renderers])


def _renderers(fields: Sequence[Field]) -> list[tuple[str, Callable[[Any], Scalar | None]]]:
    return [(field.key, FIELD_TYPES[field.type].renderer(field)) for field in fields]


def _finish(
    export_id: int,
    path: Path,
    schema: Schema,
    fields: Sequence[Field],
    filters: Sequence[str | dict[str, str]],
    ids: array[int],
    viewer: Viewer,
) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    values = {
        "fields": [field.to_json() for field in fields],
        "filters": list(filters),
        "schema_version": schema.version,
        "rows": len(ids),
        "sha256": digest,
        "record_ids": zlib.compress(ids.tobytes()),
        "finished_at": now(),
    }
    detail = {"export": export_id, "rows": len(ids), "fields": [field.key for field in fields]}
    words = [one if isinstance(one, str) else one["words"] for one in filters]
    detail |= {"filters": words, "file": digest}
    with writing() as connection:
        connection.execute(update(Export).where(Export.id == export_id).values(**values))
        event = {"by": plain(viewer.name), "user_id": viewer.user_id, "name": "export", "detail": detail}
        connection.execute(insert(Event).values(**event))
