"""What the files of a batch that come before one would leave behind: the panel as that file is planned against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, select

from panel.changelog import owners_of
from panel.entities import CUSTOMER, PLAN, Entity
from panel.imports.matching import members_of
from panel.imports.planned import Planned
from panel.imports.whole_file import NEWCOMER, Settled, settled_by
from panel.likeness import likeness
from panel.models import Revision
from panel.schema import Placement, Schema
from sync.columns import Column
from sync.fields import Field
from sync.plan import DELETED, Plan, RowPlan
from sync.records import Record
from sync.types import FIELD_TYPES
from sync.words import later, say

ALSO_NEW = later(
    "%(name)s is new in row %(row)s of %(file)s, too, with other values. Make both rows alike, or remove one."
)
ALIKE = 0.6
"""Names less alike than this are two people's, where nothing else is the same."""
NAME = "full_name"
CALLED_BY = {CUSTOMER.key: "login", PLAN.key: "name"}
"""The field by which files after call a record that has no ID yet."""


Source = tuple[int | None, str, str]
"""Where a file is from: its export's ID, or none, its digest and its name."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A customer whom a file before would create: by which row, of what cells."""

    file: str
    row: int
    values: Mapping[str, Any]
    called: str = ""

    @property
    def problem(self) -> str:
        """Return why a row with other values cannot be the same customer yet."""
        return say(ALSO_NEW, name=self.values.get(NAME, ""), row=self.row, file=self.file)

    def is_like(self, values: Mapping[str, Any], blank: Collection[str]) -> bool:
        """Tell whether these are the same values, but for those that are made for `blank` cells."""
        return {**self.values, **dict.fromkeys(blank)} == {**values, **dict.fromkeys(blank)}


@dataclass(slots=True)
class Ahead:
    """The writes of the files before, which are planned and not written yet.

    `made` are the keys of the fields that files of the batch make: no export can have shown them. Of a batch that is
    being written, that is all there is to know: the rest is in the database by then.
    """

    made: set[str] = field(default_factory=set)
    written: dict[int, str] = field(default_factory=dict)
    _values: dict[int, dict[str, Any]] = field(default_factory=dict)
    _wrote: dict[tuple[int, str], int] = field(default_factory=dict)
    _claims: dict[tuple[str, str], int] = field(default_factory=dict)
    _fields: list[tuple[Field, str]] = field(default_factory=list)
    _newcomers: list[tuple[Source, dict[tuple[str, int], Newcomer]]] = field(default_factory=list)
    _by_key: dict[str, dict[Any, Newcomer]] = field(default_factory=dict)
    _settled: dict[int, set[Settled]] = field(default_factory=lambda: defaultdict(set))
    _newborn: dict[str, Newcomer] = field(default_factory=dict)
    _customers: Ahead | None = None
    _others: dict[str, Ahead] = field(default_factory=dict)

    def of(self, entity: Entity) -> Ahead:
        """Return what files of such records leave behind."""
        first = self._customers or self
        return first if entity is CUSTOMER else first._others.setdefault(entity.key, Ahead(_customers=first))

    def wrote(self, connection: Connection, import_id: int, planned: Planned) -> None:
        """Take note of what a file made that is written: its fields, and what its new records were called before."""
        self.made |= planned.made_fields
        entity = planned.schema.entity
        if entity.key in CALLED_BY and planned.plan.creations:
            table = entity.table.c
            new = (Revision.entity == entity.key, Revision.import_id == import_id, Revision.number == 1)
            query = select(table.id, table[CALLED_BY[entity.key]]).where(table.id == Revision.record_id, *new)
            self.of(entity).written.update({row[0]: row[1] for row in connection.execute(query)})

    def add(self, import_id: int, planned: Planned) -> None:
        """Take a file's plan as done."""
        self.of(planned.schema.entity)._take(import_id, planned)

    def _take(self, import_id: int, planned: Planned) -> None:
        for new in planned.new_fields:
            if new.accepted:
                self.made.add(new.field.key)
                self._fields.append((new.field, new.header))
        unique = {one.key: one for one in planned.schema.fields if one.unique}
        for row in planned.plan.updates:
            self._update(import_id, row, unique)
        for row in planned.plan.deletions:
            self._write(import_id, row, DELETED, True)
            self._claims = {place: owner for place, owner in self._claims.items() if owner != row.id}
        self._create(planned, unique)
        if planned.export_id is not None:
            self._settled[planned.export_id] |= {*settled_by(planned.plan, planned.types)}

    def _update(self, import_id: int, row: RowPlan, unique: Mapping[str, Field]) -> None:
        if row.restores:
            self._write(import_id, row, DELETED, False)
        for item in row.writes:
            self._write(import_id, row, item.field, item.value)
            if item.field in unique and item.value is not None:
                self._claims[_place(unique[item.field], item.value)] = row.id or NEWCOMER

    def _write(self, import_id: int, row: RowPlan, key: str, value: Any) -> None:
        if row.id is not None:
            self._values.setdefault(row.id, {})[key] = value
            # What becomes of a record as a whole is a matter between all who write it.
            self._wrote[row.id, key] = self._wrote[row.id, DELETED] = import_id

    def _create(self, planned: Planned, unique: Mapping[str, Field]) -> None:
        found: dict[tuple[str, int], Newcomer] = {}
        self._by_key.clear()
        called_by = CALLED_BY.get(planned.schema.entity.key, "")
        for row in planned.plan.creations:
            if row.creates:
                values = row.creates.values
                one = Newcomer(planned.file.name, row.row, values, values.get(called_by) or "")
                found.update(dict.fromkeys(row.creates.contents, one))
                self._newborn |= {one.called.casefold(): one} if one.called else {}
                taken = {_place(unique[key], values[key]): NEWCOMER for key in unique.keys() & values.keys()}
                self._claims |= taken
        self._newcomers.append(((planned.export_id, planned.source.sha256, planned.source.name), found))

    def schema(self, schema: Schema) -> Schema:
        """Return the schema with the fields that files before make."""
        if not self._fields:
            return schema
        there = {one.key for one in schema.fields}
        new = [(one, header) for one, header in self._fields if one.key not in there]
        made = {one.key: _placement(header) for one, header in new}
        fields = (*schema.fields, *(one for one, _header in new))
        return replace(schema, fields=fields, placements={**schema.placements, **made})

    def columns(self, columns: Iterable[Column]) -> list[Column]:
        """Return the columns, those of fields that the batch makes as new ones: their base is known to be nothing."""
        return [replace(one, is_new=True) if one.field.key in self.made else one for one in columns]

    def over(self, records: Mapping[int, Record]) -> dict[int, Record]:
        """Return records as the files before leave them."""
        return {record_id: self._over(record) for record_id, record in records.items()}

    def _over(self, record: Record) -> Record:
        mine = self._values.get(record.id)
        if mine is None:
            return record
        values = {**record.values, **{key: mine[key] for key in mine.keys() & record.values.keys()}}
        return replace(record, values=values, deleted=mine.get(DELETED, record.deleted))

    def touches(self, record_id: int) -> bool:
        """Tell whether a file before writes a record."""
        return record_id in self._values

    @property
    def is_empty(self) -> bool:
        """Tell whether no file before writes such a record."""
        return not (self._values or self._newborn)

    @property
    def newborn(self) -> Mapping[str, Newcomer]:
        """Return the new records by what files after call them, in small letters."""
        return self._newborn

    def is_away(self, record_id: int | str) -> bool:
        """Tell whether a file before moves a record to the bin."""
        return isinstance(record_id, int) and bool(self._values.get(record_id, {}).get(DELETED))

    def values_of(self, key: str) -> dict[int | str, Any]:
        """Return what files before make of a field, by record."""
        return {record_id: mine[key] for record_id, mine in self._values.items() if key in mine}

    def said(self, key: str, otherwise: Any) -> dict[int | str, Any]:
        """Return what files before make of a field, by record and by what new ones are called."""
        new = {one.called: one.values.get(key, otherwise) for one in self._newborn.values()}
        return self.values_of(key) | new

    def ids_by_key(
        self, field: Field, keys: Collection[Any], found: Mapping[Any, Sequence[int]]
    ) -> dict[Any, list[int]]:
        """Return which records have each of these values of a field, `found` so in the database."""
        now = {key: [one for one in found.get(key, ()) if not self._left(one, field.key)] for key in keys}
        wanted: dict[Any, set[Any]] = defaultdict(set)
        for key in now:
            for member in members_of(key):
                wanted[member].add(key)
        for record_id, mine in self._values.items():
            value = None if mine.get(DELETED) else mine.get(field.key)
            for key in {key for member in members_of(value) for key in wanted.get(member, ())}:
                now[key].append(record_id)
        return now

    def owners(
        self, connection: Connection, wanted: Collection[Mapping[str, Any]], entity: str = CUSTOMER.key
    ) -> dict[tuple[str, str], int]:
        """Return whose each of these unique values is by then; `NEWCOMER`'s where a file before creates the owner."""
        found = owners_of(connection, wanted, entity)
        kept = {place: owner for place, owner in found.items() if not self._left(owner, place[0])}
        places = {(one["field"], one["value"]) for one in wanted}
        return kept | {place: self._claims[place] for place in places & self._claims.keys()}

    def _left(self, record_id: int, key: str) -> bool:
        mine = self._values.get(record_id, {})
        return key in mine or bool(mine.get(DELETED))

    def newcomer(self, place: tuple[str, int], source: Source) -> Newcomer | None:
        """Return whom a row with this content is in a file before: one of the same export, or a copy of the file."""
        found = (
            rows[place] for other, rows in self._newcomers if place in rows and _is_remembered(place, source, other)
        )
        return next(found, None)

    def newcomer_by(self, key: str, value: Any) -> Newcomer | None:
        """Return whom a file before would create with a value of a field, or with one of several."""
        if key not in self._by_key:
            everybody = [one for _source, rows in self._newcomers for one in rows.values()]
            self._by_key[key] = {member: one for one in everybody for member in members_of(one.values.get(key))}
        found = self._by_key[key]
        return next((found[member] for member in members_of(value) if member in found), None)

    def settled(self, export_id: int | None) -> Collection[Settled]:
        """Return the conflicts that were answered in files before."""
        return () if export_id is None else self._settled.get(export_id, ())

    def against(self, plan: Plan) -> dict[tuple[int, str], int]:
        """Return which import stands in the panel's place in each of a plan's cells: the file before that wrote it."""
        if not self._wrote:
            return {}
        items = [*plan.items(), *plan.fates, *plan.newer]
        places = {(item.id, item.field) for item in items if item.id is not None}
        return {place: self._wrote[place] for place in places & self._wrote.keys()}


NOTHING = Ahead()
"""No file comes before."""


def _is_remembered(place: tuple[str, int], source: Source, other: Source) -> bool:
    """Tell whether a row of one file is known by its content in another; a prepared row is, wherever it was copied."""
    (export_id, *file), (other_id, *other_file) = source, other
    same_file = any(one == another for one, another in zip(file, other_file, strict=True))
    return place[0].startswith("N") or (same_file if export_id is None else export_id == other_id)


def is_somebody_else(one: Mapping[str, Any], other: Mapping[str, Any], schema: Schema) -> bool:
    """Tell whether values are of two people: their names are not alike, and no identifying value is the same.

    What belongs to a customer is another if it is another one's, or if nothing else that identifies it is the same.
    """
    entity, fields = schema.entity, schema.fields
    if entity.whose:
        keys = [field.key for field in fields if field.identifying and field.key != entity.whose]
        return one.get(entity.whose) != other.get(entity.whose) or all(one.get(key) != other.get(key) for key in keys)
    names = [str(values.get(NAME) or "") for values in (one, other)]
    if not all(names) or likeness(*names) >= ALIKE:
        return False
    keys = [one.key for one in fields if one.identifying]
    return not any({*members_of(one.get(key))} & {*members_of(other.get(key))} - {None} for key in keys)


def _place(field: Field, value: Any) -> tuple[str, str]:
    return field.key, FIELD_TYPES[field.type].key_of(value)


def _placement(header: str) -> Placement:
    return Placement(
        add=False,
        show_in_list=False,
        searchable=False,
        disabled=False,
        hidden=False,
        made_from=header.strip().casefold(),
    )
