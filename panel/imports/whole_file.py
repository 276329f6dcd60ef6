"""What only the whole file shows: rows that repeat one another, values taken twice, records left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from panel.entities import Entity
from panel.imports.choices import OTHER, PANEL, Answers
from panel.imports.identity import Seen
from panel.imports.options import Viewer
from panel.models import Import, SettledConflict
from sync.cells import Address, Problem
from sync.columns import Column
from sync.merge import Outcome
from sync.plan import DELETED, TAKEN, Item, Plan, RowPlan
from sync.types import FIELD_TYPES
from sync.words import later, say

Settled = tuple[int | None, str, Any, Any]
"""A conflict that somebody answered: record, field, and what panel and workbook said, in JSON form."""
_ENDED = {PANEL, OTHER}
SAME_CUSTOMER = later("The same %(noun)s is in rows %(rows)s. Keep one of them.")
SAME_REFERENCE = later("Rows %(rows)s have the same hidden reference. Clear it in all but one.")
SAME_KEY = later("The key '%(key)s' is in rows %(rows)s. Keep one of them, or choose another key.")
OTHER_PARTNER = later("You may work with customers of your own partner only. Clear the cell, or choose your partner.")
IN_SEVERAL = later("%(label)s '%(value)s' is in several rows. Only one %(noun)s may have it; choose another.")
BELONGS = later("%(label)s '%(value)s' belongs to %(noun)s %(id)s. Only one may have it; choose another.")
BELONGS_TO_ANOTHER = later("%(label)s '%(value)s' belongs to another %(noun)s. Only one may have it; choose another.")
BELONGS_TO_NEWCOMER = later(
    "%(label)s '%(value)s' belongs to a new %(noun)s in another of these files. Choose another."
)


def refuse_repeated(plan: Plan, seen: Seen, key_column: Column | None, entity: Entity) -> None:
    """Refuse all rows that speak of the same record, prepared row or key."""
    for record_id, numbers in seen.ids.repeated():
        _refuse_all(plan, numbers, say(SAME_CUSTOMER, rows=_first(numbers), noun=say(entity.noun)), record_id)
    for _number, numbers in seen.prepared.repeated():
        _refuse_all(plan, numbers, say(SAME_REFERENCE, rows=_first(numbers)))
    for key, numbers in seen.keys.repeated():
        message = say(SAME_KEY, key=seen.spelled[key], rows=_first(numbers))
        _refuse_all(plan, numbers, message, field=key_column.field.key if key_column else None)


def _first(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers[:10])


def _refuse_all(
    plan: Plan, numbers: Sequence[int], message: str, record_id: int | None = None, field: str | None = None
) -> None:
    for number in numbers:
        if not (number in plan.kept and plan.kept[number].problems):
            plan.refuse(number, Problem(Address(plan.sheet, "", number), message, record_id, field))


NEWCOMER = 0
"""Stands for the ID of a customer whom another file of the batch creates."""
Owners = Callable[[Collection[Mapping[str, Any]]], Mapping[tuple[str, str], int]]
"""Returns whose each of these unique values is, by field and value."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A row that wants a value which only one record may have."""

    row: int
    id: int | None
    value: Any


def refuse_moved(plan: Plan, viewer: Viewer) -> None:
    """Refuse to move a customer out of the partner that the viewer is bound to."""
    if viewer.partner_id is None:
        return
    for row in plan.updates:
        moved = [item for item in row.writes if item.field == "partner" and item.value != viewer.partner_id]
        if moved:
            plan.refuse(row.row, other_partner(moved[0].at, row.id))


def other_partner(at: Address, record_id: int | None = None) -> Problem:
    """Return the problem of a partner that is not the viewer's."""
    return Problem(at, say(OTHER_PARTNER), record_id, "partner")


def refuse_taken(plan: Plan, columns: Sequence[Column], viewer: Viewer, owners: Owners, entity: Entity) -> None:
    """Refuse values that another record keeps, judged on the whole plan, so that two may exchange theirs.

    A row that is refused keeps its value, which may be the one that another row was to take: judged until it holds.
    """
    unique = [column for column in columns if column.field.unique]
    while sum(_refuse_taken(plan, column, viewer, owners, entity) for column in unique):
        pass


def _refuse_taken(plan: Plan, column: Column, viewer: Viewer, owners: Owners, entity: Entity) -> bool:
    key, key_of = column.field.key, FIELD_TYPES[column.field.type].key_of
    claims: dict[str, list[_Claim]] = defaultdict(list)
    for claim in _claims(plan, key):
        claims[key_of(claim.value)].append(claim)
    leaving = {item.id for item in plan.changes if item.field == key}
    held = owners([{"field": key, "value": value} for value in claims])
    refused = False
    for value, claimants in claims.items():
        owner = held.get((key, value))
        kept_by = owner if owner is not None and owner not in leaving else None
        if kept_by is not None or len(claimants) > 1:
            told = partial(_taken, column, owner=kept_by, viewer=viewer, entity=entity)
            _refuse_claims(plan, column, claimants, told)
            refused = True
    return refused


def _taken(column: Column, claim: _Claim, *, owner: int | None, viewer: Viewer, entity: Entity) -> str:
    """Return why a claim is refused; whom a value belongs to may be outside of what the viewer sees."""
    said = {"label": column.field.name, "value": claim.value, "noun": say(entity.noun)}
    if owner is None:
        return say(IN_SEVERAL, **said)
    if owner == NEWCOMER:
        return say(BELONGS_TO_NEWCOMER, **said)
    return say(BELONGS, **said, id=owner) if viewer.partner_id is None else say(BELONGS_TO_ANOTHER, **said)


def _refuse_claims(plan: Plan, column: Column, claimants: Iterable[_Claim], told: Callable[[_Claim], str]) -> None:
    for claim in claimants:
        at = Address(plan.sheet, column.letters, claim.row)
        plan.refuse(claim.row, Problem(at, told(claim), claim.id, column.field.key, claim.value))


def _claims(plan: Plan, key: str) -> Iterator[_Claim]:
    for row in plan.updates:
        yield from (_Claim(row.row, row.id, i.value) for i in row.writes if i.field == key and i.value is not None)
    for row in plan.creations:
        value = row.creates.values.get(key) if row.creates else None
        if value is not None:
            yield _Claim(row.row, None, value)


def settle_again(
    connection: Connection,
    plan: Plan,
    columns: Sequence[Column],
    export_id: int | None,
    given: Answers,
    ahead: Collection[Settled],
) -> None:
    """Leave out the conflicts that were answered before, or in files `ahead`, with the same values on all sides.

    Whoever answers one otherwise in a review that is brought back, as `given` says, thought better of it.
    """
    if export_id is None or not plan.conflicts:
        return
    table = SettledConflict.__table__.c
    applied = select(Import.id).where(Import.state == "applied")
    query = select(table.record_id, table.field, table.panel, table.workbook)
    rows = connection.execute(query.where(table.export_id == export_id, table.import_id.in_(applied)))
    settled = {(record_id, field, _frozen(panel), _frozen(book)) for record_id, field, panel, book in rows}
    settled |= set(ahead)
    types = {column.field.key: column.field.type for column in columns}

    def is_settled(item: Item, row: RowPlan) -> bool:
        is_anew = item.choice in TAKEN and (str(item.at), item.field) in given
        return _asked(item, row, types) in settled and not is_anew

    for number, row in list(plan.kept.items()):
        if row.fate is not None and is_settled(row.fate, row):
            plan.kept[number] = RowPlan(number, row.id, row.revision)
            continue
        items = tuple(item for item in row.items if not is_settled(item, row))
        if len(items) != len(row.items):
            plan.kept[number] = replace(row, items=items)


def _asked(item: Item, row: RowPlan, types: Mapping[str, str]) -> Settled:
    panel, workbook = map(_frozen, plain_sides(item, row, types))
    return item.id, item.field, panel, workbook


def settled_by(plan: Plan, types: Mapping[str, str]) -> Iterator[Settled]:
    """Yield the conflicts that a person ended in a plan without taking the workbook's value."""
    for row in plan.accepted:
        for item in (row.fate, *row.cells):
            if item is not None and item.outcome is Outcome.CONFLICT and item.choice in _ENDED:
                # A value that was typed instead is what the panel holds from now on.
                yield _asked(replace(item, panel=item.value) if item.choice == OTHER else item, row, types)


def plain_sides(item: Item, row: RowPlan, types: Mapping[str, str]) -> tuple[Any, Any]:
    """Return what panel and workbook said where a conflict was asked about, in JSON form, by the types of fields.

    To drop the edits of a deleted customer was said of those edits, and of none that come later.
    """
    if item.field == DELETED:
        return item.panel, [item.workbook, *([one.field, _plain(one.value, types[one.field])] for one in row.items)]
    return _plain(item.panel, types[item.field]), _plain(item.workbook, types[item.field])


def _plain(value: Any, type_key: str) -> Any:
    return None if value is None else FIELD_TYPES[type_key].to_json(value)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def list_absent(plan: Plan, exported: Iterable[int], seen: Seen) -> None:
    """List the exported records that the file has no row for; nothing happens to them."""
    plan.absent = tuple(record_id for record_id in exported if record_id not in seen.ids)
