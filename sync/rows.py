"""Decide one row: each cell against its base and the panel, and what becomes of the whole."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from types import MappingProxyType
from typing import Any

from sync.cells import LONG_TEXT_PLACEHOLDER, Address, Formula, Problem, RawCell, Scalar
from sync.columns import Column
from sync.comparing import touched
from sync.fields import Bad, Damage, Field, FieldType
from sync.merge import Merged, Outcome, Versions, merge, merge_sets, merge_unknown
from sync.plan import Creation, Item, RowPlan
from sync.records import Record
from sync.types import FIELD_TYPES
from sync.types.dates import AmbiguousDate
from sync.types.secret import MASK
from sync.types.text import as_text, folded
from sync.values import check_required, parse_value
from sync.words import later, say

Meanings = Mapping[int, Mapping[str, str]]
"""What people said that texts mean, by column index and folded text."""
NO_MEANINGS: Meanings = MappingProxyType({})
REPAIR = "repair: "
READ_ONLY = later("This column is for reading only.")
TAKEN_BACK = later("An earlier import of this workbook wrote this, and it was changed back in the panel.")
CALCULATED = later("The value was calculated by a formula.")
GONE = later("This row's %(noun)s is not there, or not yours to change. Remove the row, or export again.")


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person decided beforehand, for all cells alike."""

    prefer: str = ""
    accept_unknown: bool = False
    repair: bool = False
    date_order: str | None = None
    date_orders: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def order_of(self, field: Field) -> str | None:
        """Return how to read the dates of a field, as far as a person said."""
        return self.date_orders.get(field.key, self.date_order)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row as read: its number on the sheet and its cells by column index."""

    sheet: str
    number: int
    cells: Sequence[RawCell]

    def cell(self, index: int) -> RawCell:
        """Return the cell of a column; a row may be shorter than the sheet is wide."""
        return self.cells[index] if index < len(self.cells) else None

    def address(self, column: Column | None = None) -> Address:
        """Return the address of a cell, or of the row."""
        return Address(self.sheet, column.letters if column else "", self.number)


@dataclass(frozen=True, slots=True)
class Known:
    """An existing record that a row is about: as it is in the panel, and as its export showed it.

    A value of `base` is one of the field as the export showed it, whatever type the field has today. It is None where
    nobody knows what the row was exported with. `only` limits the row to some fields, whose base is known though no
    export showed them. `untold` are fields whose cells say nothing: nobody can tell any more what they showed.
    `written` holds what earlier imports of the same workbook wrote. The record is `newer` than its row where it was
    written since the export.
    """

    record: Record
    base: Mapping[str, Any] | None
    only: frozenset[str] | None = None
    untold: frozenset[str] = frozenset()
    written: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    newer: bool = False

    def knows_base_of(self, column: Column) -> bool:
        """Tell whether the base of a column's cells is known."""
        return column.is_new or (self.base is not None and (column.shown is not None or self.only is not None))


class RowPlanner:
    """Decides rows of one sheet, prepared once for its columns."""

    def __init__(
        self, columns: Sequence[Column], required: Sequence[Field], choices: Choices, meanings: Meanings = NO_MEANINGS
    ) -> None:
        self.columns = tuple(columns)
        self._meanings = meanings
        # The renderer makes what the export's cell showed; where the type is another today, no shortcut holds.
        self._prepared = [(c, c.index, c.field.key, c.renderer() if c.is_as_shown else None) for c in columns]
        self._required = tuple(required)
        self._choices = choices

    def existing(self, rows: Sequence[SheetRow], known: Sequence[Known]) -> list[RowPlan | None]:
        """Return what each row does to its record, or None where it changes nothing and has nothing to report.

        Rows are looked at column by column: nearly every cell of a returned workbook is what was exported, and most
        columns of many rows are decided by one comparison.
        """
        found: list[list[Item | Problem]] = [[] for _row in rows]
        cells = list(zip_longest(*(row.cells for row in rows)))
        bases = [one.base for one in known]
        for column, index, key, render in self._prepared:
            raws = cells[index] if index < len(cells) else (None,) * len(rows)
            for at in touched(raws, bases, key, render):
                row, one = rows[at], known[at]
                if key in one.untold or (one.only is not None and key not in one.only):
                    continue
                raw = self._meant(index, raws[at])
                verdict = self._cell(row, column, raw, one, one.record.values.get(key))
                if verdict is not None:
                    found[at].append(verdict)
        return [self._decided(*each) for each in zip(rows, known, found, strict=True)]

    def _decided(self, row: SheetRow, known: Known, found: Sequence[Item | Problem]) -> RowPlan | None:
        newer = tuple(self._newer(row, known)) if known.newer and known.base is not None else ()
        return _sorted(row, known.record, found, newer) if found or newer else None

    def _newer(self, row: SheetRow, known: Known) -> Iterator[Item]:
        """Yield the cells that only the panel changed since the export."""
        values, base = known.record.values, known.base or {}
        for column in self.columns:
            key, shown = column.field.key, column.shown
            if shown is None or shown.type != column.field.type or FIELD_TYPES[shown.type].secret:
                continue
            was, panel = _followed(base.get(key), column.field), values.get(key)
            if was != panel and self._type(shown).unchanged(base.get(key), row.cell(column.index), shown):
                yield Item(row.address(column), known.record.id, key, was, True, panel, was, Outcome.PANEL)

    def _meant(self, index: int, raw: RawCell) -> RawCell:
        """Return what a person said that a text of this column means, or the cell as it is."""
        meanings = self._meanings.get(index)
        text = as_text(shown) if meanings and (shown := _readable(raw)) is not None else None
        return raw if meanings is None or text is None else meanings.get(folded(text), raw)

    def _cell(self, row: SheetRow, column: Column, raw: RawCell, known: Known, panel: Any) -> Item | Problem | None:
        if FIELD_TYPES[column.field.type].secret:
            return self._secret(row, column, raw, known, panel)
        if raw == LONG_TEXT_PLACEHOLDER:
            return None
        if known.knows_base_of(column):
            return self._with_base(row, column, raw, known, panel)
        return self._without_base(row, column, raw, known.record.id, panel)

    def _with_base(
        self, row: SheetRow, column: Column, raw: RawCell, known: Known, panel: Any
    ) -> Item | Problem | None:
        field = column.shown or column.field
        field_type = self._type(field)
        was = (known.base or {}).get(column.field.key)
        if field_type.unchanged(was, raw, field):
            return None
        base = was if field.type == column.field.type else convert(was, field, column.field)
        base = None if isinstance(base, Bad) else base
        item = Item(row.address(column), known.record.id, column.field.key, base, True, panel, raw, Outcome.IGNORED)
        if not column.writable:
            return replace(item, workbook=_readable(raw), message=say(READ_ONLY))
        damage = None if was is None else field_type.damage(was, raw, field)
        if damage is not None and (damage.certain or not self._choices.accept_unknown):
            return self._repair(column, raw, item, damage)
        return self._decide(row, column, raw, item, known)

    def _repair(self, column: Column, raw: RawCell, item: Item, damage: Damage) -> Item:
        choice = "panel" if damage.certain or self._choices.repair else ""
        outcome = Outcome.IGNORED if choice else Outcome.BASE_UNKNOWN
        value = self._parse(column, raw)
        return replace(
            item,
            workbook=_readable(raw),
            outcome=outcome,
            value=item.panel if isinstance(value, Bad) else value,
            choice=choice,
            message=REPAIR + damage.reason,
        )

    def _decide(self, row: SheetRow, column: Column, raw: RawCell, item: Item, known: Known) -> Item | Problem | None:
        value = self._parse(column, raw)
        if isinstance(value, Bad):
            return _problem(row, column, raw, item.id, value)
        merged = _merge(column.field, Versions(_followed(item.base, column.field), item.panel, value))
        if merged.outcome in {Outcome.UNCHANGED, Outcome.PANEL, Outcome.AGREED}:
            return None
        item = replace(item, workbook=value, outcome=merged.outcome, message=_origin(raw))
        if _was_taken_back(known, column.field, merged.value) and merged.outcome is not Outcome.CONFLICT:
            merged, item = _as_conflict(merged, item)
        return self._checked(row, column, self._chosen(item, merged))

    def _without_base(
        self, row: SheetRow, column: Column, raw: RawCell, record_id: int, panel: Any
    ) -> Item | Problem | None:
        field_type = self._type(column.field)
        if raw is None or field_type.unchanged(panel, raw, column.field):
            return None
        if not column.writable:
            at, key = row.address(column), column.field.key
            told = _readable(raw)
            return Item(at, record_id, key, None, False, panel, told, Outcome.IGNORED, message=say(READ_ONLY))
        value = self._parse(column, raw)
        if isinstance(value, Bad):
            return _problem(row, column, raw, record_id, value)
        merged = merge_unknown(panel, value)
        if value is None or merged.outcome is Outcome.AGREED:
            return None
        item = Item(row.address(column), record_id, column.field.key, None, False, panel, value, merged.outcome)
        item = replace(item, message=_origin(raw))
        choice = "workbook" if self._choices.accept_unknown else ""
        return self._checked(row, column, replace(item, value=value, choice=choice))

    def _secret(self, row: SheetRow, column: Column, raw: RawCell, known: Known, panel: Any) -> Item | Problem | None:
        if FIELD_TYPES[column.field.type].unchanged(panel, raw, column.field):
            return None
        value = self._parse(column, raw)
        if isinstance(value, Bad):
            return _problem(row, column, MASK, known.record.id, value)
        # Whoever may not set it shall not find out by guessing either.
        if value is None or (column.writable and value == panel):
            return None
        choice = "workbook" if self._choices.accept_unknown else ""
        outcome = Outcome.BASE_UNKNOWN if column.writable else Outcome.IGNORED
        at, key = row.address(column), column.field.key
        return Item(at, known.record.id, key, None, False, panel and MASK, MASK, outcome, value, choice)

    def _type(self, field: Field) -> FieldType:
        return FIELD_TYPES[field.type].with_date_order(self._choices.order_of(field))

    def _parse(self, column: Column, raw: RawCell) -> Any:
        """Return the cell's value for today's field, read as the export's field first."""
        order = self._choices.order_of(column.field)
        if column.shown is None or column.shown == column.field:
            return parse_value(raw, column.field, order)
        then = parse_value(raw, column.shown, order)
        if isinstance(then, Bad):
            return parse_value(raw, column.field, order)
        return convert(then, column.shown, column.field)

    def _chosen(self, item: Item, merged: Merged) -> Item:
        if merged.outcome is Outcome.CONFLICT:
            return replace(item, value=item.workbook, choice=self._choices.prefer)
        return replace(item, value=merged.value)

    def _checked(self, row: SheetRow, column: Column, item: Item) -> Item | Problem:
        missing = check_required(item.value, column.field) if item.value is None else None
        if missing:
            return _problem(row, column, None, item.id, Bad(missing))
        if item.outcome is Outcome.MERGED:
            text = FIELD_TYPES[column.field.type].render(item.value, column.field)
            again = parse_value(text, column.field)
            if isinstance(again, Bad):
                return _problem(row, column, text, item.id, again)
            return replace(item, value=again)
        return item

    def new(self, row: SheetRow) -> RowPlan:
        """Return the new record that a row without identity describes, or its problems."""
        values: dict[str, Any] = {}
        cells: dict[str, Address] = {}
        problems: list[Problem] = []
        for column in self.columns:
            raw = self._meant(column.index, row.cell(column.index))
            value = self._parse(column, raw) if column.writable else None
            if isinstance(value, Bad):
                problems.append(_problem(row, column, _told(column, raw), None, value))
            elif value is not None:
                values[column.field.key], cells[column.field.key] = value, row.address(column)
        if not problems:
            problems = [*self._missing(row, values)]
        creates = Creation(values, cells, self._contents(row, values))
        return RowPlan(row.number, None, problems=tuple(problems), creates=creates, ignored=self._ignored(row))

    def _ignored(self, row: SheetRow) -> tuple[Item, ...]:
        typed = [(column, row.cell(column.index)) for column in self.columns if not column.writable]
        blank = Item(row.address(), None, "", None, False, None, None, Outcome.IGNORED, message=say(READ_ONLY))
        return tuple(
            replace(blank, at=row.address(column), field=column.field.key, workbook=_told(column, raw))
            for column, raw in typed
            if raw not in (None, "")
        )

    def _missing(self, row: SheetRow, values: Mapping[str, Any]) -> list[Problem]:
        by_key = {column.field.key: column for column in self.columns}
        category = values.get("category", "person")
        found = []
        for field in self._required:
            applies = field.category in {"all", category} and not field.generated and field.default is None
            message = check_required(values.get(field.key), field) if applies else None
            if message:
                found.append(Problem(row.address(by_key.get(field.key)), message, field=field.key))
        return found

    def _contents(self, row: SheetRow, values: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
        # What a row is remembered by is kept, and secrets are not: not even as a digest, which could be guessed at.
        types = {column.field.key: FIELD_TYPES[column.field.type] for column in self.columns}
        secret = {column.index for column in self.columns if FIELD_TYPES[column.field.type].secret}
        plain = {key: types[key].to_json(value) for key, value in sorted(values.items()) if not types[key].secret}
        raw = ["" if index in secret else str(_readable(cell) or "") for index, cell in enumerate(row.cells)]
        while raw and not raw[-1]:
            raw.pop()
        return ((_digest(plain), 0), (_digest(raw), 0))


def _digest(plain: Any) -> str:
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()


def convert(value: Any, shown: Field, today: Field) -> Any:
    """Return a value of the field as it was as a value of the field as it is, or `Bad`."""
    if value is None:
        return None
    keys = {option.key for option in today.options}
    followed = _followed(value, today)
    members = followed if isinstance(followed, tuple) else (followed,)
    is_alike = (shown.type, shown.target) == (today.type, today.target)
    if is_alike and (not today.options or keys.issuperset(members)):
        return followed
    return parse_value(FIELD_TYPES[shown.type].render(value, shown), today)


def _followed(value: Any, field: Field) -> Any:
    """Return a value with each option that became part of another as that one."""
    if isinstance(value, tuple):
        return tuple(dict.fromkeys(map(field.follow, value)))
    return field.follow(value)


def _merge(field: Field, versions: Versions) -> Merged:
    return merge_sets(versions) if FIELD_TYPES[field.type].many else merge(versions)


def _was_taken_back(known: Known, field: Field, value: Any) -> bool:
    plain = None if value is None else FIELD_TYPES[field.type].to_json(value)
    return plain in known.written.get(field.key, ())


def _as_conflict(merged: Merged, item: Item) -> tuple[Merged, Item]:
    return Merged(Outcome.CONFLICT, merged.value), replace(item, outcome=Outcome.CONFLICT, message=say(TAKEN_BACK))


def _problem(row: SheetRow, column: Column, raw: Any, record_id: int | None, bad: Bad) -> Problem:
    at, is_order = row.address(column), isinstance(bad, AmbiguousDate)
    return Problem(at, bad.message, record_id, column.field.key, _readable(raw), is_order=is_order)


def _told(column: Column, raw: RawCell) -> Any:
    """Return a cell as a plan may tell of it: nothing of a secret."""
    return MASK if FIELD_TYPES[column.field.type].secret else _readable(raw)


def _origin(raw: RawCell) -> str:
    return say(CALCULATED) if isinstance(raw, Formula) else ""


def _readable(raw: Any) -> Scalar | None:
    value = getattr(raw, "value", raw)
    text: Scalar | None = getattr(value, "text", value)
    return text


def _sorted(row: SheetRow, record: Record, found: Sequence[Item | Problem], newer: tuple[Item, ...]) -> RowPlan:
    items = [one for one in found if isinstance(one, Item)]
    repairs = [item for item in items if item.message.startswith(REPAIR)]
    ignored = [item for item in items if item.outcome is Outcome.IGNORED and item not in repairs]
    return RowPlan(
        row.number,
        record.id,
        record.revision,
        items=tuple(item for item in items if item not in repairs and item not in ignored),
        problems=tuple(one for one in found if isinstance(one, Problem)),
        repairs=tuple(replace(item, message=item.message.removeprefix(REPAIR)) for item in repairs),
        ignored=tuple(ignored),
        newer=newer,
    )
