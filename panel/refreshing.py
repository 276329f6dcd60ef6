"""Bring a workbook up to date: today's values in its own cells, and all that somebody added to it kept.

Each row of a customer who is there and within the viewer's reach gets today's values in the columns that the viewer
may see, and a reference of the new export. Rows of others, rows that no customer came of yet, columns that are no
field and whatever else is in the file stay as they are; customers whom the workbook did not hold are not added.

What was typed and never imported is not lost: such a file is refused with what waits in it, unless it is to be kept.
A cell that is kept stays as it was typed, and its row keeps the revision that it was exported at, so that an import
finds in it what it would have found before: an edit, a conflict or a problem.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import Connection, select, update

from panel.audit import plain
from panel.changelog import changes_since
from panel.database import reading, writing
from panel.entities import Entity
from panel.exporting import Written, finish_export, register_export
from panel.exports.closing import close
from panel.exports.keeping import kept
from panel.imports.files import StoredFile, limits
from panel.imports.kin import new_rows_of
from panel.imports.never_imported import Waiting, waiting_in
from panel.imports.options import ImportOptions, Viewer
from panel.imports.planned import Planned
from panel.imports.planning import Progress, Steps, plan_file, silent
from panel.jobs import READ, WRITE
from panel.keys import Keyring
from panel.models import Export
from panel.models.columns import now
from panel.records import BATCH, batches, records_by_id
from panel.relations import named
from sync.cells import Formula, RawCell, Scalar
from sync.columns import Column, is_writable
from sync.errors import SyncError
from sync.fields import Field
from sync.records import Record
from sync.tokens import NewToken, RowToken, TokenMaker, make_ref, parse_token
from sync.types import FIELD_TYPES
from sync.workbook import Table, open_table
from sync.workbook.dropdowns import inline_rule
from sync.workbook.refreshing.orders import Choice, Order, RefreshedRow
from sync.workbook.refreshing.running import refresh_csv, refresh_workbook
from sync.workbook.shared_text import fitting
from sync.workbook.table import Row

LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Run:
    """How a refresh is run: the row of its export where there is one already, and who hears how far it is.

    `begin` starts the transaction that ends it, in which `done` is told what became of the workbook.
    """

    export_id: int | None = None
    begin: Callable[[], AbstractContextManager[Connection]] = writing
    done: Callable[[Refreshed], None] = lambda _done: None
    telling: Steps = silent


class NeverImported(SyncError):
    """The workbook holds what was never imported, and nobody said to keep it."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What became of a workbook: the new export, and how many rows and cells of each kind there were.

    `rows` show customers of today, in `cells` of them other values than before; `kept` cells and rows wait for an
    import as they did; `left` are rows of customers who are gone or out of reach.
    """

    export: int
    name: str
    rows: int
    cells: int
    kept: int
    left: int


def refresh_file(
    path: Path,
    out: Path,
    viewer: Viewer,
    *,
    name: str = "",
    options: ImportOptions | None = None,
    keep_edits: bool = False,
    is_kept: bool = False,
    run: Run | None = None,
) -> Refreshed:
    """Write the workbook at `path`, which was exported here, to `out` with today's values; return what became of it.

    `name` is what people call the file, `options` say how an import of it was read, `is_kept` that `out` is among the
    exports that can be downloaded. Raises `NeverImported`, `UnreadableWorkbook` or `SyncError`; there is no file then.
    """
    run = run or Run()
    with path.open("rb") as content:
        file = StoredFile(path, name or path.name, hashlib.file_digest(content, "sha256").hexdigest())
    asked = replace(
        options or ImportOptions(),
        prefer="",
        accept_unknown=False,
        repair=False,
        create_fields=False,
        skip_problems=False,
    )
    with reading() as connection:
        planned = plan_file(connection, file, asked, viewer, progress=run.telling(READ))
        rows = {row: record_id for record_id, numbers in planned.seen.ids.items() for row in numbers}
        refused = {rows[number] for number, row in planned.plan.kept.items() if row.problems and number in rows}
        gone = refused - _there(connection, planned.schema.entity, refused, viewer).keys()
    if planned.export_id is None or planned.source != file:
        raise SyncError(_("%(file)s was not exported here, so it cannot be refreshed. Import it.", file=file.name))
    planned.headers.refuse_doubles()
    waiting = waiting_in(planned.plan, {row: one for row, one in rows.items() if one not in gone})
    if not (waiting.is_empty or keep_edits):
        sentence = _("%(file)s holds what was never imported: %(what)s.", file=file.name, what=waiting.sentence)
        raise NeverImported(f"{sentence} {_('Import it first, or refresh it and keep that as it is.')}")
    with _registered(run.export_id, viewer, refreshed_name(file.name), planned.schema.entity) as export_id:
        work = _Work(planned, rows, waiting, viewer, export_id, run.telling(WRITE))
        with reading() as connection:
            written = work.write(connection, file, out)
    counted, name = work.counted, refreshed_name(file.name)
    done = Refreshed(export_id, name, len(written.ids), counted.cells, waiting.count, counted.left)
    also = {"refreshes": planned.export_id, "carried": new_rows_of(planned.plan), **(kept(out) if is_kept else {})}
    with run.begin() as connection:
        finish_export(connection, export_id, written, viewer, **also)
        close(connection, planned.export_id)
        run.done(done)
    return done


def _there(
    connection: Connection, entity: Entity, ids: Collection[int], viewer: Viewer, fields: Sequence[Field] = ()
) -> dict[int, Record]:
    """Return the records with these IDs that are there, and the viewer's to see."""
    found = records_by_id(connection, fields, ids, entity, viewer.partner_id)
    return {one.id: one for one in found.values() if not one.deleted}


@contextmanager
def _registered(export_id: int | None, viewer: Viewer, name: str, entity: Entity) -> Iterator[int]:
    """Run a block with the row of its export; one made for it says so where the block fails: no workbook is out."""
    if export_id is not None:
        yield export_id
        return
    with writing() as connection:
        number = register_export(connection, viewer, name, entity=entity)
    try:
        yield number
    except BaseException:  # an interrupted refresh is no workbook that is out
        with writing() as connection:
            connection.execute(update(Export).where(Export.id == number).values(state="failed", finished_at=now()))
        raise


def refreshed_name(name: str) -> str:
    """Return what a workbook is called that was brought up to date."""
    path, suffix = Path(name), _("refreshed")
    stem = plain(path.stem).removesuffix(f" {suffix}")[:LONGEST_NAME]
    return f"{stem} {suffix}{path.suffix}"


@dataclass(slots=True)
class _Counted:
    """What a refresh came by: records, prepared rows, cells with other values, rows that were left as they are."""

    ids: array[int] = field(default_factory=lambda: array("q"))
    prepared: int = 0
    cells: int = 0
    left: int = 0


class _Work:
    """One refresh: reads the file a second time, and says of each row what it shows today."""

    def __init__(
        self,
        planned: Planned,
        rows: Mapping[int, int],
        waiting: Waiting,
        viewer: Viewer,
        export_id: int,
        progress: Progress,
    ) -> None:
        self.counted, self._progress = _Counted(), progress
        self._new = {number for number, row in planned.plan.kept.items() if row.creates}
        self._planned, self._known, self._waiting, self._viewer = planned, rows, waiting, viewer
        self._export_id = export_id
        keyring: Keyring = current_app.extensions["keyring"]
        self._entity = planned.schema.entity
        self._tokens = TokenMaker(keyring.tokens, self._entity.key)
        self._columns = [one for one in planned.headers.columns if not FIELD_TYPES[one.field.type].secret]
        self._fields = tuple({one.field.key: one.field for one in self._columns}.values())

    def write(self, connection: Connection, file: StoredFile, out: Path) -> Written:
        """Write the file anew, from one snapshot."""
        ref = make_ref(self._export_id, self._planned.schema.version)
        with open_table(file.path, limits(), self._planned.asked) as table:
            if table.ref is None or table.ref_column is None:
                raise SyncError(
                    _(
                        "%(file)s has lost its first cell, so it cannot be refreshed. Import it, and export again.",
                        file=file.name,
                    )
                )
            rows = self._rows(connection, table, table.ref_column)
            if table.is_csv:
                refresh_csv(out, self._whole_rows(table, table.ref_column, ref, rows))
            else:
                head = [(table.key_row, {table.ref_column: ref})]
                changed = ((number, cells) for number, _raw, cells in rows if cells)
                order = self._order(table, table.ref_column, ref)
                refresh_workbook(file.path, out, order, _chained(head, changed), limits())
        with out.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        fields = tuple(column.field for column in self._columns)
        filters = connection.execute(select(Export.filters).where(Export.id == self._planned.export_id)).scalar_one()
        version, counted = self._planned.schema.version, self.counted
        return Written(fields, filters, version, counted.ids, counted.prepared, digest, entity=self._entity)

    def _order(self, table: Table, ref_column: int, ref: str) -> Order:
        headers = self._planned.headers
        special = [one for one in (ref_column, headers.id_column, headers.action_column) if one is not None]
        formats = {one.index: FIELD_TYPES[one.field.type].cell_format for one in self._columns} | {ref_column: "@"}
        schema = str(self._planned.schema.version)
        manifest = {"format": "rollbook1", "entity": self._entity.key, "export": str(self._export_id)}
        manifest |= {"schema": schema}
        return Order(
            sheet=table.sheet,
            key_row=table.key_row,
            ref_column=ref_column,
            ref=ref,
            own=(*special, *(column.index for column in headers.columns)),
            formats=formats,
            choices=tuple(_changed_choices(self._columns)),
            manifest=tuple(manifest.items()),
        )

    def _whole_rows(
        self, table: Table, ref_column: int, ref: str, rows: Iterable[tuple[int, list[RawCell], dict[int, Any]]]
    ) -> Iterator[Sequence[RawCell]]:
        """Yield all rows of a CSV file, the two of its header first."""
        keys: list[RawCell] = list(table.keys)
        keys[ref_column] = ref
        yield keys
        if table.labels:
            yield list(table.labels)
        for _number, raw, cells in rows:
            wide = raw + [None] * (max(cells, default=-1) + 1 - len(raw))
            yield [cells.get(column, cell) for column, cell in enumerate(wide)]

    def _rows(
        self, connection: Connection, table: Table, ref_column: int
    ) -> Iterator[tuple[int, list[RawCell], dict[int, Any]]]:
        """Yield each row of the file with its new cells."""
        done = 0
        for some in batches(table.rows, BATCH):
            ids = {number: self._known[number] for number, _raw in some if number in self._known}
            records = _there(connection, self._entity, set(ids.values()), self._viewer, self._fields)
            renderers = self._renderers(connection, records.values())
            stamps = self._earlier_stamps(connection, some, records, ref_column)
            for number, raw in some:
                record = records.get(ids.get(number, 0))
                if record is None:
                    yield number, raw, self._without_record(number, raw, ref_column)
                else:
                    cells = self._values(number, raw, record, renderers)
                    self.counted.cells += len(cells)
                    self.counted.ids.append(record.id)
                    yield number, raw, cells | self._identity(number, raw, record, ref_column, stamps)
            done += len(some)
            self._progress(done, max(done, self._planned.plan.rows))

    def _renderers(self, connection: Connection, records: Iterable[Record]) -> list[tuple[Column, Any]]:
        fields = [column.field for column in self._columns]
        labelled = named(connection, fields, (record.values for record in records), self._viewer.reach)
        return [
            (column, FIELD_TYPES[one.type].renderer(one)) for column, one in zip(self._columns, labelled, strict=True)
        ]

    def _values(
        self, number: int, raw: list[RawCell], record: Record, renderers: list[tuple[Column, Any]]
    ) -> dict[int, Scalar | None]:
        """Return the cells of a row that show something else today."""
        kept = self._waiting.cells.get(number, frozenset())
        if kept is None:
            return {}
        cells = {}
        for column, render in renderers:
            value, at = render(record.values[column.field.key]), column.index
            if column.field.key not in kept and not _is_same(raw[at] if at < len(raw) else None, value):
                cells[at] = value
        return cells

    def _identity(
        self, number: int, raw: list[RawCell], record: Record, ref_column: int, stamps: Mapping[tuple[int, int], str]
    ) -> dict[int, Scalar | None]:
        """Return the row's reference and ID; a row in which something is kept keeps its revision."""
        revision, stamp = record.revision, record.stamp
        if number in self._waiting.cells:
            token = _token(raw, ref_column)
            known = stamps.get((token.id, token.revision)) if isinstance(token, RowToken) else None
            if not isinstance(token, RowToken) or known is None:
                return {}  # nobody knows its base, and it stays so
            revision, stamp = token.revision, known
        cells: dict[int, Scalar | None] = {ref_column: self._tokens.row(self._export_id, record.id, revision, stamp)}
        at = self._planned.headers.id_column
        if at is not None and not _is_same(raw[at] if at < len(raw) else None, record.id):
            cells[at] = record.id
        return cells

    def _earlier_stamps(
        self, connection: Connection, rows: Sequence[Row], records: Mapping[int, Record], ref_column: int
    ) -> dict[tuple[int, int], str]:
        """Return the stamps of the revisions at which rows were exported that keep something, where they hold."""
        tokens = [_token(raw, ref_column) for number, raw in rows if number in self._waiting.cells]
        held = [
            one
            for one in tokens
            if isinstance(one, RowToken) and one.export == self._planned.export_id and one.id in records
        ]
        log = changes_since(connection, {one.id: one.revision for one in held}, self._entity.key)
        stamps = {(one.id, one.revision): one.stamp for one in records.values()}
        stamps |= {(record_id, one.number): one.stamp for record_id, newer in log.items() for one in newer}
        places = ((one, (one.id, one.revision)) for one in held)
        return {at: stamps[at] for one, at in places if at in stamps and self._tokens.holds(one, stamps[at])}

    def _without_record(self, number: int, raw: list[RawCell], ref_column: int) -> dict[int, Scalar | None]:
        """Return the new reference of a row that is still blank for a new customer; other rows stay as they are.

        One that was filled in and not imported is the same new customer in the file of before and in this one.
        """
        token = _token(raw, ref_column)
        if number in self._new:
            return {}
        if isinstance(token, NewToken) and token.export == self._planned.export_id and self._tokens.holds_new(token):
            self.counted.prepared += 1
            return {ref_column: self._tokens.new(self._export_id, token.number)}
        self.counted.left += isinstance(token, RowToken)
        return {}


def _chained(head: Iterable[RefreshedRow], rest: Iterable[RefreshedRow]) -> Iterator[RefreshedRow]:
    yield from head
    yield from rest


def _token(raw: list[RawCell], ref_column: int) -> RowToken | NewToken | None:
    text = raw[ref_column] if ref_column < len(raw) else None
    return parse_token(text.strip()) if isinstance(text, str) else None


def _is_same(raw: RawCell, value: Scalar | None) -> bool:
    """Tell whether a cell holds exactly what it is to show; the result of a formula will do."""
    shown = raw.value if isinstance(raw, Formula) else raw
    if isinstance(value, str):
        return shown == fitting(value)
    if isinstance(shown, bool) or isinstance(value, bool) or type(shown) is str:
        return shown is value
    if shown is None or value is None:
        return shown is value
    is_number = isinstance(shown, int | float) and not hasattr(value, "year")
    return float(shown) == float(value) if is_number else (type(shown), shown) == (type(value), value)  # type: ignore[arg-type]


def _changed_choices(columns: Iterable[Column]) -> Iterator[Choice]:
    """Yield the columns whose options are others than those that the export had."""
    for column in columns:
        was, now_ = _options(column.shown), _options(column.field)
        if was and now_ and was != now_:
            yield Choice(column.index, inline_rule(was), inline_rule(now_), now_)


def _options(one: Field | None) -> tuple[str, ...]:
    return FIELD_TYPES[one.type].allowed(one) if one is not None and is_writable(one) else ()
