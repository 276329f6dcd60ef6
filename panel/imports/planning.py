"""Gather what a file and the database say, and let sync decide. Nothing here writes."""

from __future__ import annotations

import dataclasses
import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import current_app
from sqlalchemy import Connection, func, or_, select
from sync.cells import Address, Problem, RawCell
from sync.columns import Column, Headers, match_headers
from sync.errors import UnknownField
from sync.fields import Bad, Field
from sync.inference import infer_field
from sync.plan import Plan, RowPlan
from sync.records import Record
from sync.rows import GONE, Known, RowPlanner, SheetRow
from sync.tokens import NewToken, RowToken, TokenMaker, parse_ref, parse_token
from sync.types import FIELD_TYPES
from sync.values import parse_value
from sync.workbook import Table, open_table

from panel.changelog import changes_since, owners_of, value_then
from panel.imports.files import StoredFile, limits
from panel.imports.options import ImportOptions, Viewer
from panel.keys import Keyring
from panel.models import AdditionalField, Customer, Export, Import, ImportedRow, SettledConflict, Status
from panel.records import BATCH, batches, records_by_id
from panel.schema import BUILT_IN_KEYS, ENTITY, RESERVED_KEYS, Schema, column_of, current_schema

TOO_MANY_KEYS = "{label} '{value}' belongs to {count} customers. Use a key that only one has, or the ID column."


@dataclass(frozen=True, slots=True)
class NewField:
    """A header that no field has, with the field that its values suggest."""

    column: int
    header: str
    field: Field
    evidence: str
    accepted: bool

    def to_json(self) -> dict[str, Any]:
        """Return what the preview and the command's answer say of it."""
        plain = {"header": self.header, "key": self.field.key, "type": self.field.type}
        return plain | {"evidence": self.evidence, "accepted": self.accepted}


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with what it was made of: the schema (new fields included), the export, the source of new rows."""

    plan: Plan
    schema: Schema
    new_fields: tuple[NewField, ...]
    export_id: int | None
    sources: tuple[str, ...]

    @property
    def types(self) -> dict[str, str]:
        """Return each field's type by the field's key."""
        return {field.key: field.type for field in self.schema.fields}

    @property
    def fingerprint(self) -> str:
        """Return the digest of what would be written."""
        created = [item.field.key for item in self.new_fields if item.accepted]
        return self.plan.fingerprint(self.types) + (":" + ",".join(created) if created else "")


def plan_file(connection: Connection, file: StoredFile, options: ImportOptions, viewer: Viewer) -> Planned:
    """Return what importing a file would do. Raises `UnreadableWorkbook` or `UnknownField`."""
    return _FilePlanner(connection, file, options, viewer).run()


@dataclass(frozen=True, slots=True)
class _Identified:
    """A row with what it says of its identity."""

    row: SheetRow
    token: RowToken | NewToken | None = None
    id: int | None = None
    key: Any = None


class _FilePlanner:
    def __init__(
        self, connection: Connection, file: StoredFile, options: ImportOptions, viewer: Viewer
    ) -> None:
        self._connection, self._file, self._options, self._viewer = connection, file, options, viewer
        self._schema = current_schema(connection)
        self._keyring: Keyring = current_app.extensions["keyring"]
        self._tokens = TokenMaker(self._keyring.tokens, ENTITY)
        self._seen_ids: dict[int, list[int]] = defaultdict(list)
        self._seen_new: dict[str, list[int]] = defaultdict(list)
        self._seen_keys: dict[Any, list[int]] = defaultdict(list)
        self._occurrences: dict[str, int] = defaultdict(int)

    def run(self) -> Planned:
        with open_table(self._file.path, limits()) as table:
            self._export = self._find_export(table)
            headers = self._match(table)
            proposals = self._propose(headers)
            accepted = [one for one in proposals if one.accepted]
            columns = [*headers.columns, *(Column(one.column, one.field, is_new=True) for one in accepted)]
            self._prepare(table, headers, columns, accepted)
            self._plan = Plan(table.sheet)
            for some in batches(self._rows(table), BATCH):
                self._plan_batch(some)
        self._refuse_repeated()
        self._refuse_taken()
        self._apply_settled()
        self._list_absent()
        schema = replace(self._schema, fields=(*self._schema.fields, *(one.field for one in accepted)))
        return Planned(self._plan, schema, tuple(proposals), self._export and self._export["id"], self._sources())

    # What the file is

    def _find_export(self, table: Table) -> Mapping[str, Any] | None:
        export_id = parse_ref(table.ref)
        query = select(Export.__table__).where(Export.id == export_id, Export.entity == ENTITY)
        return None if export_id is None else self._connection.execute(query).mappings().one_or_none()

    def _match(self, table: Table) -> Headers:
        self._shown = {one["key"]: Field.from_json(one) for one in (self._export or {}).get("fields", ())}
        headers = match_headers(
            table.keys, table.labels, self._schema.fields, self._shown, self._options.mapping, self._schema.field
        )
        if not headers.columns:
            raise UnknownField(
                "No column's header is a field of customers. Name one with --map \"Header=field\", "
                "or send a workbook that was exported here."
            )
        return headers

    def _propose(self, headers: Headers) -> list[NewField]:
        wanted = [*headers.to_create, *headers.unknown]
        explicit = {index for index, _label in headers.to_create}
        if not wanted:
            return []
        texts = self._texts([index for index, _label in wanted])
        taken = self._taken_keys()
        labels = {field.label.casefold() for field in self._schema.fields}
        proposals = []
        for index, header in sorted(wanted):
            inferred = infer_field(header, texts[index], taken)
            field = replace(inferred.field, additional=True, label=_free_label(header, labels))
            taken.add(field.key)
            labels.add(field.label.casefold())
            accepted = index in explicit or self._options.create_fields
            proposals.append(NewField(index, header, field, inferred.evidence, accepted))
        return proposals

    def _taken_keys(self) -> set[str]:
        used = self._connection.execute(select(AdditionalField.key).where(AdditionalField.entity == ENTITY))
        return set(RESERVED_KEYS) | set(used.scalars())

    def _texts(self, indexes: Sequence[int]) -> dict[int, list[str]]:
        as_text, field = FIELD_TYPES["text"].parse, Field("text", "Text", "text")
        texts: dict[int, list[str]] = {index: [] for index in indexes}
        with open_table(self._file.path, limits()) as table:
            for _number, cells in table.rows:
                for index in indexes:
                    raw = cells[index] if index < len(cells) else None
                    value = raw if isinstance(raw, str) else as_text(raw, field)
                    if isinstance(value, str) and value.strip():
                        texts[index].append(value)
        return texts

    def _prepare(
        self, table: Table, headers: Headers, columns: Sequence[Column], accepted: Sequence[NewField]
    ) -> None:
        self._columns, self._headers, self._ref_column = columns, headers, table.ref_column
        self._by_key = {column.field.key: column for column in columns}
        self._key_column = self._find_key_column()
        fields = [*self._schema.fields, *(one.field for one in accepted)]
        required = [field for field in fields if field.required]
        self._planner = RowPlanner(columns, required, self._options.choices)
        read = {column.field.key: column.field for column in columns if not column.is_new}
        read |= {key: self._schema.field(key) for key in ("partner", "status")}
        self._fields = list(read.values())

    def _find_key_column(self) -> Column | None:
        if not self._options.key:
            return None
        field = self._schema.field(self._options.key)
        if field.key not in self._by_key:
            raise UnknownField(f"The key {field.label} is in no column. Name its column with --map \"Header={field.key}\".")
        return self._by_key[field.key]

    # Rows: who each is, then what it does

    def _rows(self, table: Table) -> Iterator[_Identified]:
        indexes = [column.index for column in self._columns]
        for number, cells in table.rows:
            row = SheetRow(table.sheet, number, cells)
            identified = self._identify(row)
            blank = all(row.cell(index) in (None, "") for index in indexes)
            nobody = identified.token is None and identified.id is None or isinstance(identified.token, NewToken)
            if not (blank and nobody):
                yield identified

    def _identify(self, row: SheetRow) -> _Identified:
        text = None if self._ref_column is None else row.cell(self._ref_column)
        token = parse_token(text.strip()) if isinstance(text, str) else None
        if isinstance(text, str) and text.strip() and token is None:
            self._plan.refuse(row.number, self._about(row, "The row's hidden reference was changed. Clear its ID and reference cells for a new customer, or restore them."))
            return _Identified(row, None, -1)
        if token is not None:
            return _Identified(row, token, token.id if isinstance(token, RowToken) else None)
        if self._headers.id_column is not None and row.cell(self._headers.id_column) not in (None, ""):
            record_id = parse_value(row.cell(self._headers.id_column), Field("id", "ID", "integer"))
            return _Identified(row, None, -1 if isinstance(record_id, Bad) else record_id)
        if self._key_column is not None:
            key = parse_value(row.cell(self._key_column.index), self._key_column.field)
            return _Identified(row, key=None if isinstance(key, Bad) else key)
        return _Identified(row)

    def _about(self, row: SheetRow, message: str, record_id: int | None = None) -> Problem:
        return Problem(row.address(), message, record_id)

    def _plan_batch(self, rows: Sequence[_Identified]) -> None:
        by_key = self._ids_by_key([one.key for one in rows if one.key is not None])
        rows = [self._with_key(one, by_key) for one in rows]
        ids = {one.id for one in rows if one.id is not None}
        remembered = self._remembered(rows)
        known = self._records(ids | {record for records in remembered.values() for record in records})
        bases = self._bases(rows, known)
        for one in rows:
            self._plan.add(self._plan_row(one, known, bases, remembered))

    def _with_key(self, one: _Identified, by_key: Mapping[Any, list[int]]) -> _Identified:
        if one.key is None or self._key_column is None:
            return one
        found = by_key.get(one.key, [])
        self._seen_keys[one.key].append(one.row.number)
        if len(found) > 1:
            message = TOO_MANY_KEYS.format(label=self._key_column.field.label, value=one.key, count=len(found))
            at = one.row.address(self._key_column)
            self._plan.refuse(one.row.number, Problem(at, message, None, self._key_column.field.key, one.key))
        return replace(one, id=found[0]) if len(found) == 1 else one

    def _ids_by_key(self, keys: Sequence[Any]) -> dict[Any, list[int]]:
        if self._key_column is None or not keys:
            return {}
        field, found = self._key_column.field, defaultdict(list)
        if field.key not in BUILT_IN_KEYS or FIELD_TYPES[field.type].many:
            return self._ids_by_scan(field, set(keys))
        table = Customer.__table__.c
        column = table[column_of(field.key)]
        for some in batches(sorted(set(keys)), BATCH):
            query = select(column, table.id).where(column.in_(some), table.deleted_at.is_(None))
            for value, record_id in self._connection.execute(self._in_scope(query)):
                found[value].append(record_id)
        return found

    def _ids_by_scan(self, field: Field, keys: set[Any]) -> dict[Any, list[int]]:
        # Additional fields and sets have no column to look up; one scan serves every batch of the file.
        if not hasattr(self, "_scanned"):
            self._scanned: dict[Any, list[int]] = defaultdict(list)
            everyone = self._connection.execute(self._in_scope(select(Customer.id).where(Customer.deleted_at.is_(None))))
            for record in records_by_id(self._connection, [field], list(everyone.scalars())).values():
                self._scanned[record.values[field.key]].append(record.id)
        return {key: self._scanned[key] for key in keys if key in self._scanned}

    def _in_scope(self, query: Any) -> Any:
        mine = self._viewer.partner_id
        return query if mine is None else query.where(Customer.__table__.c.partner_id == mine)

    def _records(self, ids: set[int]) -> dict[int, Record]:
        records = records_by_id(self._connection, self._fields, ids)
        mine = self._viewer.partner_id
        return {
            record.id: self._with_secrets(record)
            for record in records.values()
            if mine is None or record.values["partner"] == mine
        }

    def _with_secrets(self, record: Record) -> Record:
        clear = {}
        for column in self._columns:
            if FIELD_TYPES[column.field.type].secret and record.values.get(column.field.key):
                stored = record.values[column.field.key]
                clear[column.field.key] = self._keyring.decrypt(stored, ENTITY, record.id, column.field.key)
        return replace(record, values={**record.values, **clear}) if clear else record

    def _bases(
        self, rows: Sequence[_Identified], known: Mapping[int, Record]
    ) -> dict[int, tuple[dict[int, str], dict[int, Mapping[str, Any]]]]:
        """Return for each record: its revisions' stamps, and its values at the revisions that tokens name."""
        tokens = [one.token for one in rows if isinstance(one.token, RowToken)]
        older = {t.id: t.revision for t in tokens if t.id in known and known[t.id].revision != t.revision}
        log = changes_since(self._connection, older)
        found: dict[int, tuple[dict[int, str], dict[int, Mapping[str, Any]]]] = {}
        for token in tokens:
            record = known.get(token.id)
            if record is None:
                continue
            stamps = {record.revision: record.stamp} | {one.number: one.stamp for one in log.get(token.id, ())}
            values = {record.revision: record.values}
            if token.revision in stamps and token.revision not in values:
                newer = [one for one in log[token.id] if one.number > token.revision]
                values[token.revision] = {**record.values, **value_then(record, newer, self._fields)}
            found[token.id] = (stamps, values)
        return found

    def _plan_row(
        self,
        one: _Identified,
        known: Mapping[int, Record],
        bases: Mapping[int, tuple[dict[int, str], dict[int, Mapping[str, Any]]]],
        remembered: Mapping[str, list[int]],
    ) -> RowPlan | None:
        if one.row.number in self._plan.kept:
            return self._plan.kept[one.row.number]
        if one.id is None:
            return self._plan_new(one, known, remembered)
        self._seen_ids[one.id].append(one.row.number)
        record = known.get(one.id)
        if record is None:
            return RowPlan(one.row.number, one.id, problems=(self._about(one.row, GONE, one.id),))
        if self._disagrees(one):
            message = f"The row's hidden reference says customer {one.id}, the ID beside it says another. Restore one of them."
            return RowPlan(one.row.number, one.id, problems=(self._about(one.row, message, one.id),))
        return self._plan_known(one.row, record, self._base_of(one, bases))

    def _disagrees(self, one: _Identified) -> bool:
        if not isinstance(one.token, RowToken) or self._headers.id_column is None:
            return False
        raw = one.row.cell(self._headers.id_column)
        return raw not in (None, "") and parse_value(raw, Field("id", "ID", "integer")) != one.id

    def _base_of(
        self, one: _Identified, bases: Mapping[int, tuple[dict[int, str], dict[int, Mapping[str, Any]]]]
    ) -> Mapping[str, Any] | None:
        token = one.token
        if not isinstance(token, RowToken) or self._export is None or token.export != self._export["id"]:
            return None
        stamps, values = bases[token.id]
        holds = token.revision in stamps and self._tokens.holds(token, stamps[token.revision])
        return values.get(token.revision) if holds else None

    def _plan_known(self, row: SheetRow, record: Record, base: Mapping[str, Any] | None) -> RowPlan | None:
        plan = self._planner.existing(row, Known(record, base))
        if self._asks_deletion(row):
            return self._plan_deletion(row, record, base)
        if not record.deleted or plan is None:
            return plan
        gone = Problem(row.address(), "This customer was deleted after the export. Restore it first, or remove the row.", record.id)
        return replace(plan, items=(), problems=(gone,)) if plan.items else plan

    def _asks_deletion(self, row: SheetRow) -> bool:
        column = self._headers.action_column
        raw: RawCell = None if column is None else row.cell(column)
        return isinstance(raw, str) and raw.strip().casefold() == "delete"

    def _plan_deletion(self, row: SheetRow, record: Record, base: Mapping[str, Any] | None) -> RowPlan | None:
        if record.deleted:
            return None
        if base is None or dict(base) != dict(record.values):
            message = "This customer changed after the export, so it is not deleted. Export again, and look at it first."
        elif not self._viewer.may_delete:
            message = "You may not delete customers. Clear the Action cell, or ask an admin."
        elif record.values["status"] not in self._deletable():
            message = "A customer in this status cannot be deleted. Change the status first."
        else:
            return RowPlan(row.number, record.id, record.revision, deletes=True)
        return RowPlan(row.number, record.id, problems=(self._about(row, message, record.id),))

    def _deletable(self) -> set[int]:
        return set(self._connection.execute(select(Status.id).where(Status.deletable)).scalars())

    # New rows, and those that became customers earlier

    def _plan_new(
        self, one: _Identified, known: Mapping[int, Record], remembered: Mapping[str, list[int]]
    ) -> RowPlan | None:
        plan = self._planner.new(one.row)
        if isinstance(one.token, NewToken):
            return self._plan_prepared(one.row, one.token, plan, known, remembered)
        if plan.creates is None or plan.problems:
            return plan
        content = plan.creates.content
        occurrence = self._occurrences[content]
        self._occurrences[content] += 1
        earlier = remembered.get(content, [])
        if occurrence < len(earlier):
            self._seen_ids[earlier[occurrence]].append(one.row.number)
            return None
        return self._within_partner(one.row, replace(plan, creates=replace(plan.creates, occurrence=occurrence)))

    def _plan_prepared(
        self,
        row: SheetRow,
        token: NewToken,
        plan: RowPlan,
        known: Mapping[int, Record],
        remembered: Mapping[str, list[int]],
    ) -> RowPlan | None:
        content = f"N{token.number}"
        self._seen_new[content].append(row.number)
        if not self._tokens.holds_new(token):
            message = "The row's hidden reference was changed. Clear it to make a new customer of the row."
            return replace(plan, creates=None, problems=(self._about(row, message),))
        record = known.get((remembered.get(content) or [0])[0])
        if record is not None:
            return self._plan_known(row, record, self._creation_base(row, record))
        return self._within_partner(row, plan if plan.creates is None else replace(plan, creates=replace(plan.creates, content=content)))

    def _creation_base(self, row: SheetRow, record: Record) -> Mapping[str, Any]:
        newer = [one for one in changes_since(self._connection, {record.id: 2}).get(record.id, ())]
        then = value_then(record, newer, self._fields)
        # A blank cell of a value that the panel made is no opinion: it shows what the workbook showed.
        blank = {c.field.key for c in self._columns if row.cell(c.index) in (None, "") and c.field.generated}
        return {key: None if key in blank else value for key, value in then.items()}

    def _within_partner(self, row: SheetRow, plan: RowPlan) -> RowPlan:
        mine = self._viewer.partner_id
        if mine is None or plan.creates is None:
            return plan
        if plan.creates.values.get("partner", mine) != mine:
            message = "You may add customers of your own partner only. Clear the cell, or choose your partner."
            at = plan.creates.cells["partner"]
            return replace(plan, problems=(*plan.problems, Problem(at, message, field="partner")))
        return replace(plan, creates=replace(plan.creates, values={**plan.creates.values, "partner": mine}))

    def _sources(self) -> tuple[str, ...]:
        if self._export is not None:
            return (f"export:{self._export['id']}",)
        return (f"file:{self._file.sha256}", f"name:{self._file.name.casefold()}")

    def _remembered(self, rows: Sequence[_Identified]) -> dict[str, list[int]]:
        contents = {self._content_of(one) for one in rows if one.id is None} - {""}
        table, found = ImportedRow.__table__.c, defaultdict(dict)
        for some in batches(sorted(contents), BATCH):
            applied = select(Import.id).where(Import.state == "applied")
            query = select(table.content, table.occurrence, table.record_id).where(
                table.source.in_(self._sources()), table.content.in_(some), table.import_id.in_(applied)
            )
            for content, occurrence, record_id in self._connection.execute(query):
                found[content][occurrence] = record_id
        return {content: [by[n] for n in sorted(by)] for content, by in found.items()}

    def _content_of(self, one: _Identified) -> str:
        if isinstance(one.token, NewToken):
            return f"N{one.token.number}"
        creates = self._planner.new(one.row).creates
        return creates.content if creates else ""

    # What only the whole file shows

    def _refuse_repeated(self) -> None:
        for record_id, numbers in self._seen_ids.items():
            self._refuse_all(numbers, "The same customer is in rows {rows}. Keep one of them.", record_id)
        for numbers in self._seen_new.values():
            self._refuse_all(numbers, "Rows {rows} have the same hidden reference. Clear it in all but one.")
        for key, numbers in self._seen_keys.items():
            self._refuse_all(numbers, f"The key '{key}' is in rows {{rows}}. Keep one of them, or choose another key.")

    def _refuse_all(self, numbers: Sequence[int], message: str, record_id: int | None = None) -> None:
        if len(numbers) < 2:
            return
        text = message.format(rows=", ".join(str(number) for number in numbers))
        for number in numbers:
            if not (number in self._plan.kept and self._plan.kept[number].problems):
                self._plan.refuse(number, Problem(Address(self._plan.sheet, "", number), text, record_id))

    def _refuse_taken(self) -> None:
        for field in self._schema.fields:
            if field.unique and field.key in self._by_key:
                self._refuse_taken_values(field)

    def _refuse_taken_values(self, field: Field) -> None:
        key_of = FIELD_TYPES[field.type].key_of
        claims: dict[str, list[tuple[int, int | None, Any]]] = defaultdict(list)
        leaving = {row.id for row in self._plan.deletions}
        for row in self._plan.updates:
            for item in row.writes:
                if item.field == field.key:
                    leaving.add(row.id)
                    if item.value is not None:
                        claims[key_of(item.value)].append((row.row, row.id, item.value))
        for row in self._plan.creations:
            value = row.creates.values.get(field.key) if row.creates else None
            if value is not None:
                claims[key_of(value)].append((row.row, None, value))
        owners = owners_of(self._connection, ({"field": field.key, "value": value} for value in claims))
        for value, claimants in claims.items():
            owner = owners.get((field.key, value))
            taken = owner is not None and owner not in leaving
            if taken or len(claimants) > 1:
                self._refuse_claims(field, claimants, owner if taken else None)

    def _refuse_claims(
        self, field: Field, claimants: Iterable[tuple[int, int | None, Any]], owner: int | None
    ) -> None:
        column = self._by_key[field.key]
        for number, record_id, value in claimants:
            if owner is not None and owner == record_id:
                continue
            whose = f"belongs to customer {owner}" if owner is not None else "is in several rows"
            message = f"{field.label} '{value}' {whose}. Only one customer may have it; choose another."
            at = Address(self._plan.sheet, column.letters, number)
            self._plan.refuse(number, Problem(at, message, record_id, field.key, value))

    def _apply_settled(self) -> None:
        """Answer the conflicts that were answered before, with the same values on all sides."""
        if self._export is None or not self._plan.conflicts:
            return
        table = SettledConflict.__table__.c
        applied = select(Import.id).where(Import.state == "applied")
        query = select(table.record_id, table.field, table.panel, table.workbook)
        rows = self._connection.execute(query.where(table.export_id == self._export["id"], table.import_id.in_(applied)))
        settled = {(record_id, field, _frozen(panel), _frozen(workbook)) for record_id, field, panel, workbook in rows}
        for number, row in list(self._plan.kept.items()):
            items = tuple(item for item in row.items if self._asked(item) not in settled)
            if len(items) != len(row.items):
                self._plan.kept[number] = dataclasses.replace(row, items=items)

    def _asked(self, item: Any) -> tuple[Any, ...]:
        column = self._by_key.get(item.field)
        if column is None:
            return ()
        to_json = FIELD_TYPES[column.field.type].to_json
        both = (None if value is None else to_json(value) for value in (item.panel, item.workbook))
        return (item.id, item.field, *(_frozen(value) for value in both))

    def _list_absent(self) -> None:
        if self._export is None or not self._export["record_ids"]:
            return
        exported = array("q")
        exported.frombytes(zlib.decompress(self._export["record_ids"]))
        self._plan.absent = tuple(record_id for record_id in exported if record_id not in self._seen_ids)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _free_label(header: str, taken: set[str]) -> str:
    label, number = header.strip(), 2
    while label.casefold() in taken:
        label, number = f"{header.strip()} {number}", number + 1
    return label


def new_positions(connection: Connection) -> int:
    """Return the position after the last additional field's."""
    last = connection.execute(select(func.max(AdditionalField.position)).where(or_(AdditionalField.entity == ENTITY)))
    return int(last.scalar() or 0) + 1
