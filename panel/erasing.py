"""Erasure for good: nothing that a customer was is left, but that there was one."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Connection, RowMapping, Text, and_, cast, delete, insert, or_, select, update

from panel.authors import Author
from panel.changelog import let_go, remember
from panel.database import is_sqlite
from panel.exports.keeping import forget_customer
from panel.extensions import db
from panel.files.storing import forget
from panel.imports.files import uploads
from panel.jobs import unpack
from panel.likeness import follow_names
from panel.models import (
    Base,
    Customer,
    Event,
    Export,
    Import,
    ImportedRow,
    ImportItem,
    Job,
    PlannedStatus,
    RememberedMapping,
    Revision,
    SavedView,
    SettledConflict,
    UndoLine,
)
from panel.models.columns import now
from panel.schema import ENTITY, current_schema
from sync.errors import SyncError

SHORTEST_TRACE = 4
"""Shorter texts stand in too many places that have nothing to do with a customer."""
ERASED = "erased"
# Where people or programs may have written who a customer is.
_LOOSE: tuple[tuple[type[Base], tuple[str, ...]], ...] = (
    (Event, ("detail",)),
    (Export, ("filters", "name", "note")),
    (Import, ("message", "file_name", "new_fields", "options", "reading")),
    (ImportItem, ("base", "panel", "workbook", "other", "message")),
    (Job, ("options", "result", "message")),
    (RememberedMapping, ("name", "options")),
    (SavedView, ("query", "name")),
    (UndoLine, ("panel", "before")),
)
_ROW = re.compile(r"![A-Z]*(?=\d)")


def erase(connection: Connection, record_id: int, author: Author) -> list[Path]:
    """Erase a customer that is in the bin, in the caller's transaction; return the files to remove after it.

    The row, its ID and its revision numbers stay, so that references and tokens of old workbooks still mean
    somebody, and that somebody was erased. Raises `SyncError` where the customer is not in the bin.
    """
    table = Customer.__table__
    query = select(table).where(table.c.id == record_id, table.c.deleted_at.is_not(None), table.c.erased_at.is_(None))
    found = connection.execute(query.with_for_update()).mappings().one_or_none()
    if found is None:
        raise SyncError(_("Only a customer in the bin can be erased."))
    row = _plain(found)
    log = [_plain(one) for one in connection.execute(_log(record_id)).mappings()]
    traces = _traces(connection, row, log)
    _blank_row(connection, row, author)
    follow_names(connection, {record_id: None})
    _blank_log(connection, record_id, log)
    _keep_logins_as_digests(connection, record_id, row, log)
    files = [*_forget_imports(connection, record_id, log), *forget(connection, record_id)]
    files += forget_customer(connection, record_id)
    connection.execute(delete(PlannedStatus).where(PlannedStatus.customer_id == record_id))
    _forget_jobs(connection, record_id)
    _scrub(connection, traces)
    event = {"by": author.name, "user_id": author.user_id, "name": "erasure", "detail": {"customer": record_id}}
    connection.execute(insert(Event).values(**event))
    return files


def remove_files(paths: Iterable[Path]) -> None:
    """Remove what an erasure left on the disk, once it is committed."""
    for path in paths:
        path.unlink(missing_ok=True)
    if is_sqlite(db.engine):
        # The write-ahead log still holds the pages as they were.
        with db.engine.connect() as connection:
            connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _plain(row: RowMapping) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def _log(record_id: int) -> Any:
    mine = (Revision.entity == ENTITY, Revision.record_id == record_id)
    return select(Revision.__table__).where(*mine).order_by(Revision.number)


def _traces(connection: Connection, row: Mapping[str, Any], log: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the texts that tell who a customer is or was, the longest first."""
    fields = current_schema(connection).fields
    telling = {field.key for field in fields if field.identifying or field.unique}
    values = [row[key] for key in telling if key in row]
    values += [(row["extra"] or {}).get(key) for key in telling]
    values += [value for one in log for key, pair in one["changes"].items() if key in telling for value in pair]
    found = {text for value in values for text in (value if isinstance(value, list) else [value])}
    texts = {text for text in found if isinstance(text, str) and len(text) >= SHORTEST_TRACE}
    return sorted(texts, key=len, reverse=True)


def _blank_row(connection: Connection, row: Mapping[str, Any], author: Author) -> None:
    number, stamp = row["revision"] + 1, secrets.token_hex(4)
    revision = {"entity": ENTITY, "record_id": row["id"], "number": number, "stamp": stamp, "at": now()}
    revision |= {"by": author.name, "user_id": author.user_id, "through": author.through}
    connection.execute(insert(Revision).values(**revision, changes={ERASED: [None, True]}))
    blank = {
        "revision": number,
        "stamp": stamp,
        "erased_at": now(),
        "login": "",
        "password": None,
        "full_name": "",
        "emails": [],
        "phones": [],
        "extra": {},
        **dict.fromkeys(("date_of_birth", "passport", "date_added", "street", "zip_code", "city", "geo")),
    }
    connection.execute(update(Customer).where(Customer.id == row["id"]).values(**blank))


def _blank_log(connection: Connection, record_id: int, log: Iterable[Mapping[str, Any]]) -> None:
    for one in log:
        blank = {key: pair if key == "deleted" else [None, None] for key, pair in one["changes"].items()}
        mine = (Revision.entity == ENTITY, Revision.record_id == record_id, Revision.number == one["number"])
        connection.execute(update(Revision).where(*mine).values(changes=blank, cells=None))


def _keep_logins_as_digests(
    connection: Connection, record_id: int, row: Mapping[str, Any], log: Iterable[Mapping[str, Any]]
) -> None:
    keyring = current_app.extensions["keyring"]
    let_go(connection, [record_id], keyring)
    pairs = (one["changes"].get("login") or [None, None] for one in log)
    logins = {row["login"], *(value for pair in pairs for value in pair)} - {None, ""}
    remember(connection, {login.casefold(): record_id for login in logins}, keyring)


def _forget_imports(connection: Connection, record_id: int, log: Iterable[Mapping[str, Any]]) -> list[Path]:
    """Blank what imports keep of a customer, and return the uploaded files that hold its row."""
    for one in log:
        if one["import_id"] and one["cells"]:
            _blank_items(connection, _of_rows(connection, one["import_id"], one["cells"].values()))
    _blank_items(connection, [ImportItem.record_id == record_id])
    connection.execute(delete(SettledConflict).where(SettledConflict.record_id == record_id))
    holding = {one["import_id"] for one in log if one["import_id"]} | _imports_with(connection, record_id)
    files = []
    for import_id, state, stored_as in connection.execute(
        select(Import.id, Import.state, Import.stored_as).where(Import.id.in_(holding))
    ).all():
        files += [uploads() / stored_as] if stored_as else []
        values: dict[str, Any] = {"stored_as": "", "reading": None}
        if state in {"uploaded", "planned"}:
            values |= {"state": "rejected", "message": _("A customer in this file was erased. Upload it again.")}
            connection.execute(delete(ImportItem).where(ImportItem.import_id == import_id))
        connection.execute(update(Import).where(Import.id == import_id).values(**values))
    return files


def _of_rows(connection: Connection, import_id: int, cells: Iterable[str]) -> list[Any]:
    """Return the conditions for the lines about the same rows of a sheet as these cells."""
    rows = {_ROW.sub("!", cell) for cell in cells}
    mine = select(ImportItem.number, ImportItem.at).where(ImportItem.import_id == import_id)
    numbers = [number for number, at in connection.execute(mine) if _ROW.sub("!", at) in rows]
    return [and_(ImportItem.import_id == import_id, ImportItem.number.in_(numbers))]


def _blank_items(connection: Connection, conditions: list[Any]) -> None:
    blank: dict[str, Any] = {"base": None, "panel": None, "workbook": None, "other": None, "message": ""}
    connection.execute(update(ImportItem).where(*conditions).values(**blank))


def _imports_with(connection: Connection, record_id: int) -> set[int]:
    """Return the imports whose file holds a customer's row: of an export that showed it, or in which it was found."""
    exports = select(Export.id, Export.record_ids).where(Export.id.in_(select(Import.export_id)))
    showing = [number for number, ids in connection.execute(exports) if record_id in unpack(ids)]
    found = (
        select(Import.id).where(Import.export_id.in_(showing)),
        select(ImportItem.import_id).where(ImportItem.record_id == record_id),
        select(ImportedRow.import_id).where(ImportedRow.record_id == record_id),
    )
    return {import_id for query in found for import_id in connection.execute(query).scalars()}


def _forget_jobs(connection: Connection, record_id: int) -> None:
    """Blank the values that jobs have written to a customer; undoing them asks the log, not the job."""
    connection.execute(delete(UndoLine).where(UndoLine.record_id == record_id))
    query = select(Job.id, Job.options, Job.record_ids).where(Job.state.in_(("done", "failed", "undone")))
    for job_id, options, ids in connection.execute(query).all():
        if "edits" in options and record_id in unpack(ids):
            edits = [{**edit, "value": None} for edit in options["edits"]]
            connection.execute(update(Job).where(Job.id == job_id).values(options={**options, "edits": edits}))


def _scrub(connection: Connection, traces: Collection[str]) -> None:
    """Replace texts that tell who somebody is wherever people or programs wrote them down."""
    spellings = {spelling: None for trace in traces for spelling in (trace, quote_plus(trace), quote(trace))}
    for model, names in _LOOSE:
        for name in names if spellings else ():
            _scrub_column(connection, model, name, list(spellings))


def _scrub_column(connection: Connection, model: type[Base], name: str, texts: list[str]) -> None:
    table = model.__table__
    column, key = table.c[name], list(table.primary_key)
    holding = or_(*(cast(column, Text).contains(_in_json(text), autoescape=True) for text in texts))
    for *place, value in connection.execute(select(*key, column).where(holding)).all():
        mine = _at(key, place)
        connection.execute(update(model).where(mine).values({name: _without(value, texts)}))


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _at(key: Sequence[ColumnElement[Any]], place: Sequence[Any]) -> Any:
    return and_(*(column == value for column, value in zip(key, place, strict=True)))


def _without(value: Any, texts: list[str]) -> Any:
    if isinstance(value, str):
        for text in texts:
            value = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", ERASED, value)
        return value
    if isinstance(value, list):
        return [_without(one, texts) for one in value]
    if isinstance(value, dict):
        return dict(_pairs_without(value, texts))
    return value


def _pairs_without(value: Mapping[str, Any], texts: list[str]) -> Iterator[tuple[str, Any]]:
    for key, one in value.items():
        yield _without(key, texts), _without(one, texts)
