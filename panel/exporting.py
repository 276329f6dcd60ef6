"""Write records to a workbook: one snapshot, what the viewer may see, and a record of what went out."""

from __future__ import annotations

import hashlib
import secrets
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import Connection, Select, func, insert, select, update

from panel.audit import plain
from panel.database import reading, writing
from panel.entities import CUSTOMER, Entity
from panel.exports.guide import guide_of
from panel.exports.membership import save_blocks
from panel.imports.kinds import refuse_unseen
from panel.imports.options import Viewer
from panel.keys import Keyring
from panel.models import Event, Export
from panel.models.columns import now
from panel.records import RecordReader, select_records
from panel.relations import Reach, named, points_to_customers, with_logins
from panel.schema import Schema, current_schema
from sync.actions import ACTION
from sync.cells import Scalar
from sync.errors import SyncError
from sync.fields import Bad, Field
from sync.tokens import TokenMaker, make_ref
from sync.types import FIELD_TYPES
from sync.types.value import as_it_is
from sync.values import parse_value
from sync.workbook import Sheet, write_columns, write_csv
from sync.workbook.layout import MOST_ROWS, Cells, Columns

ROWS_AT_ONCE = 1_000
EVENTS_AT_ONCE = 1_000
PREPARED_FROM = 900_000_000
"""Below this, at random, begin the numbers of an export's blank rows."""
"""No more events are written between the beginning and the end of any transaction."""
Doing = Callable[[int, int], None]
"""Hears how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list shows: `narrow` leaves its customers in its order, `words` are its conditions.

    Each of the words comes with the key of the field that it is about, or none where it is about several.
    """

    narrow: Callable[[Select[Any]], Select[Any]]
    words: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """Which records and columns somebody wants: `fields` are keys or labels, all that workbooks take if None.

    `where` holds ``field=value`` each, all to hold, and so do the conditions of `listed`, which also says the order.
    Without `action` there is no column that asks what to do with a row.
    """

    fields: Sequence[str] | None = None
    where: Sequence[str] = ()
    listed: Listed | None = None
    action: bool = True
    entity: Entity = CUSTOMER

    @property
    def filters(self) -> list[str | dict[str, str]]:
        """Return the conditions as the export's row keeps them."""
        words = self.listed.words if self.listed else ()
        return [*self.where, *({"field": key, "words": said} for key, said in words)]


@dataclass(frozen=True, slots=True)
class Written:
    """A file that holds what was asked for, and what its export's row has to say of it."""

    fields: tuple[Field, ...]
    filters: list[str | dict[str, str]]
    schema_version: int
    ids: array[int]
    prepared: int
    sha256: str
    last_event: int | None = None
    entity: Entity = CUSTOMER


def export_workbook(
    path: Path,
    *,
    fields: Sequence[str] | None,
    where: Sequence[str],
    viewer: Viewer,
    name: str = "",
    listed: Listed | None = None,
    entity: Entity = CUSTOMER,
) -> int:
    """Write records to ``.xlsx`` or ``.csv`` here and now, and return the export's ID.

    Named `fields` are the only columns: the one of actions is among them where it is named too. Raises
    `UnknownField` or `SyncError`.
    """
    if path.suffix.lower() not in {".xlsx", ".csv"}:
        raise SyncError(_("%(name)s: name the file .xlsx or .csv.", name=path.name))
    with writing() as connection:
        export_id = register_export(connection, viewer, name or path.name, entity=entity)
    try:
        written = write_export(export_id, path, _asked(fields, where, listed, entity), viewer)
    except BaseException:  # an interrupted export is no workbook that is out
        with writing() as connection:
            connection.execute(update(Export).where(Export.id == export_id).values(state="failed", finished_at=now()))
        raise
    try:
        with writing() as connection:
            finish_export(connection, export_id, written, viewer)
    except SyncError:
        path.unlink(missing_ok=True)
        raise
    return export_id


def _asked(fields: Sequence[str] | None, where: Sequence[str], listed: Listed | None, entity: Entity) -> Asked:
    if fields is None:
        return Asked(None, where, listed, entity=entity)
    named = [name for name in fields if name.strip().casefold() != ACTION.key]
    return Asked(named, where, listed, action=len(named) < len(fields), entity=entity)


def register_export(
    connection: Connection,
    viewer: Viewer,
    name: str,
    note: str = "",
    state: str = "running",
    entity: Entity = CUSTOMER,
) -> int:
    """Add the row of an export that is about to be written, and return its ID. Raises `SyncError` without the right."""
    refuse_unseen(entity, viewer)
    values = {"entity": entity.key, "by": viewer.name, "user_id": viewer.user_id, "through": viewer.through}
    values |= {"name": name, "note": note, "state": state}
    return int(connection.execute(insert(Export).values(**values).returning(Export.id)).scalar_one())


def write_export(
    export_id: int,
    path: Path,
    asked: Asked,
    viewer: Viewer,
    doing: Doing | None = None,
) -> Written:
    """Write what a viewer asked for, from one snapshot; `doing` hears how many records are written, and of how many.

    Raises `UnknownField` or `SyncError`.
    """
    is_csv = path.suffix.lower() == ".csv"
    with reading() as connection:
        last_event = connection.execute(select(func.max(Event.id))).scalar() or 0
        schema = viewer.fields.narrow(current_schema(connection, asked.entity))
        chosen = _chosen(schema, asked.fields)
        query = _narrowed(select_records(chosen, asked.entity), connection, schema, asked, viewer)
        with_action = asked.action and viewer.may(asked.entity.deletes)
        sheet = _sheet(export_id, schema, chosen, is_csv=is_csv, with_action=with_action)
        rows = _Rows(connection, export_id, chosen, query, viewer.reach, sheet=sheet, doing=doing, entity=asked.entity)
        if is_csv:
            write_csv(path, sheet, rows)
        else:
            write_columns(path, sheet, rows.columns())
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    prepared = min(len(sheet.blank), MOST_ROWS - len(rows.ids))
    return Written(chosen, asked.filters, schema.version, rows.ids, prepared, digest, last_event, asked.entity)


def count_asked(connection: Connection, asked: Asked, viewer: Viewer, most: int) -> int:
    """Return how many records an export would hold, counting no further than `most`."""
    query = _ids(connection, asked, viewer).limit(most)
    return int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())


def ids_asked(connection: Connection, asked: Asked, viewer: Viewer) -> Iterator[int]:
    """Yield the IDs of the records that an export would hold."""
    query = _ids(connection, asked, viewer)
    yield from connection.execute(query.execution_options(yield_per=ROWS_AT_ONCE)).scalars()


def _ids(connection: Connection, asked: Asked, viewer: Viewer) -> Select[Any]:
    schema = viewer.fields.narrow(current_schema(connection, asked.entity))
    return _narrowed(select(asked.entity.table.c.id), connection, schema, asked, viewer).order_by(None)


def _chosen(schema: Schema, names: Sequence[str] | None) -> tuple[Field, ...]:
    if names is None:
        return schema.on_workbooks
    found = tuple(dict.fromkeys(schema.field(name) for name in names if name.strip().lower() != "id"))
    secret = [field.name for field in found if FIELD_TYPES[field.type].secret]
    if secret:
        raise SyncError(_("%(field)s is never exported. Leave it out of the fields.", field=secret[0]))
    return found


def _narrowed(query: Select[Any], connection: Connection, schema: Schema, asked: Asked, viewer: Viewer) -> Select[Any]:
    """Return a query narrowed to what was asked for and what the viewer reaches, in the order of the list."""
    table = asked.entity.table.c
    query = query.where(table.deleted_at.is_(None))
    if viewer.partner_id is not None:
        query = query.where(asked.entity.within(viewer.partner_id))
    for condition in asked.where:
        query = query.where(_condition(connection, schema, condition, viewer))
    return (asked.listed.narrow(query) if asked.listed else query).order_by(table.id)


def _condition(connection: Connection, schema: Schema, text: str, viewer: Viewer) -> Any:
    name, sign, wanted = text.partition("=")
    if not sign:
        raise SyncError(_("%(text)s is no condition. Write field=value.", text=repr(text)))
    field = schema.field(name)
    known = with_logins(connection, field, {wanted.strip()}, viewer.reach) if points_to_customers(field) else field
    value = parse_value(wanted, known)
    if isinstance(value, Bad):
        raise SyncError(f"{field.name}: {value.message}")
    if field.additional or FIELD_TYPES[field.type].many or FIELD_TYPES[field.type].secret:
        raise SyncError(_("%(field)s cannot be used as a condition here.", field=field.name))
    column = schema.entity.value(field.key)
    return column.is_(None) if value is None else column == value


def conditions_shown(conditions: Sequence[str | dict[str, str]], schema: Schema) -> list[str]:
    """Return an export's conditions in words, as far as they are about fields of a viewer's schema.

    What is about several fields, such as a search, is for those who see all of them.
    """
    seen = {"id", *(name.casefold() for field in schema.fields for name in (field.key, field.label))}
    seen |= set() if schema.unseen else {""}
    plain = (one if isinstance(one, dict) else {"field": one.partition("=")[0], "words": one} for one in conditions)
    return [one["words"] for one in plain if one["field"].strip().casefold() in seen]


def _sheet(export_id: int, schema: Schema, fields: tuple[Field, ...], *, is_csv: bool, with_action: bool) -> Sheet:
    """Return the sheet around the rows; who may not delete is not asked what to do with a row."""
    count = 0 if is_csv else current_app.config["ROLLBOOK_EXPORT_BLANK_ROWS"]
    # After a backup is restored, an export gets the ID of one that is out; their blank rows are still told apart.
    first = secrets.randbelow(PREPARED_FROM) + 1
    version = {"schema": str(schema.version)}
    return Sheet(
        name=schema.entity.sheet,
        ref=make_ref(export_id, schema.version),
        fields=(*fields, ACTION) if with_action else fields,
        guide=tuple(guide_of(schema.entity, with_action=with_action)),
        manifest={"format": "rollbook1", "entity": schema.entity.key, "export": str(export_id), **version},
        blank=tuple(_tokens(schema.entity).new(export_id, first + number) for number in range(count)),
    )


def _tokens(entity: Entity) -> TokenMaker:
    keyring: Keyring = current_app.extensions["keyring"]
    return TokenMaker(keyring.tokens, entity.key)


class _Rows:
    """The rows of an export, read while they are written; `ids` are those of the records so far.

    What the sheet has of columns beyond the fields is blank.
    """

    def __init__(
        self,
        connection: Connection,
        export_id: int,
        fields: tuple[Field, ...],
        query: Select[Any],
        reach: Reach,
        *,
        sheet: Sheet,
        doing: Doing | None,
        entity: Entity,
    ) -> None:
        self.ids: array[int] = array("q")
        self._connection, self._export_id, self._fields = connection, export_id, fields
        self._query, self._reach, self._doing, self._entity = query, reach, doing, entity
        self._blank = len(sheet.fields) - len(fields)

    def __iter__(self) -> Iterator[Cells]:
        for columns in self.columns():
            yield from zip(*columns, strict=True)

    def columns(self) -> Iterator[Columns]:
        """Yield some rows at a time, column by column."""
        total = self._count() if self._doing else 0
        reader, token_of = RecordReader(self._fields), _tokens(self._entity).row
        renderers = _renderers(self._fields)
        found = self._connection.execute(self._query.execution_options(yield_per=ROWS_AT_ONCE))
        for some in found.partitions():
            columns = reader.columns(some)
            records = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
            labelled = named(self._connection, self._fields, records, self._reach)
            if labelled != self._fields:
                renderers = _renderers(labelled)
            rendered = [
                columns[key] if render is as_it_is else list(map(render, columns[key])) for key, render in renderers
            ]
            ids, revisions, stamps = islice(zip(*some, strict=True), 3)
            tokens = list(map(token_of, repeat(self._export_id), ids, revisions, stamps))
            self.ids.extend(ids)
            yield [tokens, ids, *rendered, *repeat((None,) * len(ids), self._blank)]
            if self._doing:
                self._doing(len(self.ids), total)

    def _count(self) -> int:
        one = self._query.with_only_columns(self._entity.table.c.id).order_by(None)
        return int(self._connection.execute(select(func.count()).select_from(one.subquery())).scalar_one())


def _renderers(fields: Sequence[Field]) -> list[tuple[str, Callable[[Any], Scalar | None]]]:
    return [(field.key, FIELD_TYPES[field.type].renderer(field)) for field in fields]


def _refuse_erased(connection: Connection, written: Written) -> None:
    if written.last_event is None:
        return
    # On PostgreSQL a transaction that began earlier may write its events later.
    later = Event.id > written.last_event - EVENTS_AT_ONCE
    found = connection.execute(select(Event.detail).where(Event.name == "erasure", later)).scalars().all()
    erased = {detail.get("customer") for detail in found}
    # Which customers the records of others name was not kept.
    is_among = bool(erased) and (bool(written.entity.whose) or not erased.isdisjoint(written.ids))
    if is_among:
        raise SyncError(_("A customer was erased while this was written. Export it again."))


def finish_export(connection: Connection, export_id: int, written: Written, viewer: Viewer, **also: Any) -> None:
    """Record what went out, in the caller's transaction; `also` are further columns of the export's row.

    Raises `SyncError` where somebody was erased while it was written: the file has to go.
    """
    _refuse_erased(connection, written)
    fields = [field.to_json() for field in written.fields]
    values: dict[str, Any] = {"entity": written.entity.key, "state": "ready", "fields": fields}
    values |= {"filters": written.filters, "prepared": written.prepared, **also}
    values |= {"schema_version": written.schema_version, "rows": len(written.ids), "sha256": written.sha256}
    values |= {"record_ids": zlib.compress(written.ids.tobytes()), "finished_at": now()}
    detail: dict[str, Any] = {"export": export_id, "rows": len(written.ids)}
    detail |= {"fields": [field.key for field in written.fields], "file": written.sha256}
    detail["filters"] = [one if isinstance(one, str) else one["words"] for one in written.filters]
    connection.execute(update(Export).where(Export.id == export_id).values(**values))
    save_blocks(connection, export_id, written.ids)
    event = {"by": plain(viewer.name), "user_id": viewer.user_id, "name": "export", "detail": detail}
    connection.execute(insert(Event).values(**event))
