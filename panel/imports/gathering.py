"""Gather, for a batch of rows, what the database knows of them: records, what they were, what is remembered."""

from __future__ import annotations

import zlib
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, exists, or_, select

from panel.changelog import changes_since, value_then
from panel.entities import CUSTOMER, Entity
from panel.imports.ahead import Ahead, Newcomer
from panel.imports.derived import stirred
from panel.imports.files import StoredFile
from panel.imports.identity import Identified, prepared_content
from panel.imports.kin import Place, kin_of
from panel.imports.matching import members_of, nearly
from panel.imports.options import Viewer
from panel.keys import Keyring
from panel.models import Export, Import, ImportedRow, Revision, Status
from panel.models.columns import aware, now
from panel.records import BATCH, batches, records_by_id
from sync.columns import Column
from sync.fields import Field
from sync.plan import RowPlan
from sync.records import Change, Record
from sync.tokens import NewToken, RowToken
from sync.types import FIELD_TYPES
from sync.values import read_json


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known of a batch: records by ID, stamps and values by ID and revision, rows that came in before.

    `written` holds, by record and field, what earlier imports of the same workbook wrote, in JSON form; `untold` are by
    record the fields of which nobody knows any more what the export showed.
    """

    records: Mapping[int, Record]
    stamps: Mapping[tuple[int, int], str]
    values: Mapping[tuple[int, int], Mapping[str, Any]]
    remembered: Mapping[tuple[str, int], int]
    written: Mapping[int, Mapping[str, Sequence[Any]]]
    untold: Mapping[int, frozenset[str]]


def same_source(export_id: int | None, sha256: str, name: str) -> ColumnElement[bool]:
    """Return the condition that an import is of this export or, without one, of this file: its bytes or its name.

    An import of a review counts as one of the file that it is a review of.
    """
    same_file = or_(Import.sha256 == sha256, Import.file_name == name, Import.review_of == sha256)
    return same_file if export_id is None else Import.export_id == export_id


def applied_imports(
    connection: Connection, export_id: int | None, sha256: str, name: str, entity: Entity = CUSTOMER
) -> tuple[int, ...]:
    """Return the applied imports of an export, or of a foreign file of such records."""
    same = same_source(export_id, sha256, name) & (Import.entity == entity.key)
    query = select(Import.id).where(Import.state == "applied", same).order_by(Import.id)
    return tuple(connection.execute(query).scalars())


class Gatherer:
    """Reads the database for one file and one viewer."""

    def __init__(
        self,
        connection: Connection,
        file: StoredFile,
        export: int | None,
        viewer: Viewer,
        ahead: Ahead,
        entity: Entity,
    ) -> None:
        self.connection = self._connection = connection
        self.entity = entity
        self.viewer = viewer
        self._export = self._find_export(export)
        self._scanned: dict[Any, list[int]] | None = None
        self._near: dict[Any, tuple[int, str]] | None = None
        self._deletable: set[int] | None = None
        self._fields: list[Field] = []
        self._retyped: dict[str, Field] = {}
        self.export_id: int | None = self._export["id"] if self._export else None
        self._file, self._ahead = file, ahead
        self._before: tuple[int, ...] | None = None
        self._kin: dict[int, set[Place]] | None = None
        self._alike: dict[int, tuple[int, ...] | None] = {}

    def _find_export(self, export_id: int | None) -> RowMapping | None:
        if export_id is None:
            return None
        query = select(Export.__table__).where(Export.id == export_id, Export.entity == self.entity.key)
        return self._connection.execute(query).mappings().one_or_none()

    def shown_fields(self) -> dict[str, Field]:
        """Return the fields that the export showed, as they were then."""
        plain = self._export["fields"] if self._export else ()
        return {one["key"]: Field.from_json(one) for one in plain}

    def is_alike(self, export_id: int) -> bool:
        """Tell whether another export showed just what this one did: a row of it means here what it meant there."""
        return self._alike.get(export_id) is not None

    def _look_at_exports(self, exports: Collection[int]) -> None:
        new = sorted({one for one in exports if one != self.export_id and one not in self._alike})
        if not new or self._export is None:
            return
        query = select(Export.id).where(Export.id.in_(new), Export.entity == self.entity.key)
        shown = self._connection.execute(query.add_columns(Export.fields)).all()
        alike = {row.id for row in shown if row.fields == self._export["fields"]}
        source = (self._file.sha256, self._file.name, self.entity)
        self._alike |= {one: applied_imports(self._connection, one, *source) if one in alike else None for one in new}

    def days_out(self) -> int:
        """Return for how many days the workbook has been out; 0 for a foreign file."""
        return (now() - aware(self._export["at"])).days if self._export else 0

    def exported_ids(self) -> array[int]:
        """Return the IDs of the records that the export showed."""
        ids: array[int] = array("q")
        if self._export and self._export["record_ids"]:
            ids.frombytes(zlib.decompress(self._export["record_ids"]))
        return ids

    def read(self, fields: Mapping[str, Field]) -> None:
        """Name the fields whose values are to be gathered."""
        self._fields = list(fields.values())
        shown = self.shown_fields()
        self._retyped = {
            field.key: shown[field.key]
            for field in self._fields
            if field.key in shown and shown[field.key].type != field.type
        }
        self._secret = [field.key for field in self._fields if FIELD_TYPES[field.type].secret]
        self._derived = frozenset(field.key for field in self._fields if field.derived)

    def gather(self, rows: Sequence[Identified], drafts: Mapping[int, RowPlan]) -> Gathered:
        """Return what is known of a batch of rows; `drafts` are the new records that rows would be."""
        remembered = self._remembered(rows, drafts)
        ids = {one.id for one in rows if one.id is not None}
        ids |= set(remembered.values())
        records = self._records(ids)
        tokens = [one.token for one in rows if isinstance(one.token, RowToken) and one.token.id in records]
        self._look_at_exports({token.export for token in tokens})
        log = self._log_since(tokens, records)
        stamps, values = self._earlier(tokens, records, log)
        return Gathered(self._ahead.over(records), stamps, values, remembered, self._written(log), self._untold(tokens))

    def _untold(self, tokens: Sequence[RowToken]) -> dict[int, frozenset[str]]:
        if self._export is None or not self._derived:
            return {}
        others = {token.id for token in tokens if token.export != self.export_id}
        since, ids = aware(self._export["at"]), {token.id for token in tokens} - others
        return dict.fromkeys(others | stirred(self._connection, self.entity, ids, since), self._derived)

    def _records(self, ids: Collection[int]) -> dict[int, Record]:
        found = records_by_id(self._connection, self._fields, ids, self.entity, self.viewer.partner_id)
        return {one.id: self._in_clear(one) for one in found.values()}

    def _in_clear(self, record: Record) -> Record:
        if not self._secret:
            return record
        keyring: Keyring = current_app.extensions["keyring"]
        sealed = {key: record.values[key] for key in self._secret if record.values[key]}
        clear = {key: keyring.decrypt(text, self.entity.key, record.id, key) for key, text in sealed.items()}
        return replace(record, values={**record.values, **clear})

    def _log_since(self, tokens: Sequence[RowToken], records: Mapping[int, Record]) -> dict[int, list[Change]]:
        stale = {token.id: token.revision for token in tokens if records[token.id].revision != token.revision}
        return changes_since(self._connection, stale, self.entity.key)

    def _written(self, log: Mapping[int, Sequence[Change]]) -> dict[int, dict[str, list[Any]]]:
        written: dict[int, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        before = set(self.imports_before()).union(*(of_it or () for of_it in self._alike.values()))
        for record_id, entries in log.items():
            undone = {(entry.undo_of, key) for entry in entries if entry.undo_of is not None for key in entry.changes}
            for entry in entries:
                if entry.import_id is not None and entry.import_id in before:
                    for key, (_old, new) in entry.changes.items():
                        if (entry.import_id, key) not in undone:
                            written[record_id][key].append(new)
        return written

    def _earlier(
        self, tokens: Sequence[RowToken], records: Mapping[int, Record], log: Mapping[int, Sequence[Change]]
    ) -> tuple[dict[tuple[int, int], str], dict[tuple[int, int], Mapping[str, Any]]]:
        stamps = {(one.id, one.revision): one.stamp for one in records.values()}
        values: dict[tuple[int, int], Mapping[str, Any]] = {
            (one.id, one.revision): self._as_shown(one.values) for one in records.values()
        }
        stamps |= {(record_id, one.number): one.stamp for record_id, newer in log.items() for one in newer}
        for token in tokens:
            place = (token.id, token.revision)
            if place in stamps and place not in values:
                newer = [one for one in log[token.id] if one.number > token.revision]
                values[place] = self._then(records[token.id], newer)
        return stamps, values

    def _then(self, record: Record, newer: Iterable[Any]) -> dict[str, Any]:
        fields = [field for field in self._fields if not FIELD_TYPES[field.type].secret]
        return value_then(record, newer, fields, self._retyped)

    def _as_shown(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return values as those of the fields that the export showed: their JSON has been the same since."""
        if not self._retyped:
            return values
        to_json = {field.key: FIELD_TYPES[field.type].to_json for field in self._fields}
        plain = {key: to_json[key](values[key]) for key in self._retyped if values.get(key) is not None}
        return {**values, **{key: read_json(value, self._retyped[key]) for key, value in plain.items()}}

    def creation_base(self, record: Record, blank: Collection[str]) -> dict[str, Any]:
        """Return what a record was when its row created it; what the panel filled in was `blank` on the sheet."""
        newer = changes_since(self._connection, {record.id: 2}, self.entity.key).get(record.id, ())
        unset = self._derived.union(blank)
        return {key: None if key in unset else value for key, value in self._then(record, newer).items()}

    def creation_cells(self, record: Record) -> frozenset[str]:
        """Return the fields that a record's creation took from a file."""
        table = Revision.__table__.c
        first = (table.entity == self.entity.key, table.record_id == record.id, table.number == 1)
        return frozenset(self._connection.execute(select(table.cells).where(*first)).scalar() or ())

    # Who is meant

    def ids_by_key(self, column: Column | None, keys: Sequence[Any]) -> Mapping[Any, Sequence[int]]:
        """Return the records that have each of these values of the key field."""
        if column is None or not keys:
            return {}
        return self._ahead.ids_by_key(column.field, set(keys), self._ids_by_key(column.field, keys))

    def _ids_by_key(self, field: Field, keys: Sequence[Any]) -> Mapping[Any, Sequence[int]]:
        if FIELD_TYPES[field.type].many:
            found = self._ids_by_scan(field)
            return {key: _merged([found.get(member, ()) for member in key]) for key in set(keys)}
        if field.additional:
            return self._ids_by_scan(field)
        table, found = self.entity.table.c, defaultdict(list)
        stored = self.entity.value(field.key)
        for some in batches(sorted(set(keys)), BATCH):
            query = select(stored, table.id).where(stored.in_(some), table.deleted_at.is_(None))
            for value, record_id in self._connection.execute(self._in_scope(query)):
                found[value].append(record_id)
        return found

    def _ids_by_scan(self, field: Field) -> Mapping[Any, list[int]]:
        # Additional fields and sets have no column to look up; one scan serves every batch of the file.
        if self._scanned is None:
            self._scanned = defaultdict(list)
            table = self.entity.table.c
            ids = self._connection.execute(self._in_scope(select(table.id).where(table.deleted_at.is_(None))))
            for record in records_by_id(self._connection, [field], list(ids.scalars()), self.entity).values():
                value = record.values[field.key]
                for member in () if value is None else members_of(value):
                    self._scanned[member].append(record.id)
        return self._scanned

    def near(self, column: Column, key: Any) -> tuple[int, str] | None:
        """Return a customer whose value is nearly this key, and the value: letter case, spaces and zeros apart."""
        if self._near is None:
            # One walk over the table serves every row of the file whose key is nobody's.
            self._near = {nearly(value): (ids[0], str(value)) for value, ids in self._ids_by_scan(column.field).items()}
        return next((self._near[nearly(one)] for one in members_of(key) if nearly(one) in self._near), None)

    def _in_scope(self, query: Select[Any]) -> Select[Any]:
        mine = self.viewer.partner_id
        return query if mine is None else query.where(self.entity.within(mine))

    def _remembered(self, rows: Sequence[Identified], drafts: Mapping[int, RowPlan]) -> dict[tuple[str, int], int]:
        """Return the records that rows with these contents became in earlier imports."""
        prepared = {prepared_content(one.token) for one in rows if isinstance(one.token, NewToken)}
        contents = prepared | {
            content for draft in drafts.values() if draft.creates for content, _n in draft.creates.contents
        }
        query = select(ImportedRow.content, ImportedRow.occurrence, ImportedRow.record_id)
        query = query.join(Import, Import.id == ImportedRow.import_id)
        record = self.entity.table.c
        query = query.join(self.entity.table, record.id == ImportedRow.record_id)
        # What an import created counts as long as no undoing of it, or of its row, took the customer away.
        of_this_import = (Revision.record_id == record.id, Revision.undo_of == Import.id)
        away = record.deleted_at.is_not(None) & exists().where(Revision.entity == self.entity.key, *of_this_import)
        counts = (Import.state == "applied") & ~away | (Import.state == "undone") & record.deleted_at.is_(None)
        # A prepared row is one customer, whichever workbook it was copied to.
        same = same_source(self.export_id, self._file.sha256, self._file.name) | ImportedRow.content.in_(prepared)
        kin = self._kin_of()
        query = query.add_columns(Import.export_id).where(
            Import.entity == self.entity.key, same | Import.export_id.in_(kin), counts
        )
        found: dict[tuple[str, int], int] = {}
        for some in batches(sorted(contents), BATCH):
            rows_before = self._connection.execute(query.where(ImportedRow.content.in_(some)))
            for row in rows_before:
                place = (row.content, row.occurrence)
                if row.content in prepared or place in kin.get(row.export_id, (place,)):
                    found[place] = row.record_id
        return found

    def newcomer(self, places: Iterable[tuple[str, int]]) -> Newcomer | None:
        """Return whom a row with one of these contents creates in a file of the batch that comes before."""
        rest = (self._file.sha256, self._file.name)
        for place in places:
            same = [export_id for export_id, rows in self._kin_of().items() if place in rows]
            found = (self._ahead.newcomer(place, (export_id, *rest)) for export_id in (self.export_id, *same))
            if one := next(filter(None, found), None):
                return one
        return None

    def _kin_of(self) -> Mapping[int, set[Place]]:
        if self._kin is None:
            self._kin = kin_of(self._connection, self.export_id)
        return self._kin

    def imports_before(self) -> tuple[int, ...]:
        """Return the applied imports of the same export, or of the same foreign file."""
        if self._before is None:
            source = (self._file.sha256, self._file.name, self.entity)
            self._before = applied_imports(self._connection, self.export_id, *source)
        return self._before

    def is_erased(self, record: Record) -> bool:
        """Tell whether a record was erased for good."""
        table = self.entity.table.c
        if not record.deleted or "erased_at" not in table:
            return False
        erased = select(table.erased_at).where(table.id == record.id)
        return self._connection.execute(erased).scalar() is not None

    def deletable_statuses(self) -> set[int]:
        """Return the statuses in which a customer may be deleted."""
        if self._deletable is None:
            self._deletable = set(self._connection.execute(select(Status.id).where(Status.deletable)).scalars())
        return self._deletable


def _merged(several: Iterable[Sequence[int]]) -> Sequence[int]:
    """Return the records that any member of a set belongs to, each once."""
    return tuple(dict.fromkeys(one for ids in several for one in ids))
