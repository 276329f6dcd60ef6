"""Which column of a sheet holds which field, as the sheet's own headers say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.cells import Scalar, column_letters
from sync.errors import UnknownField
from sync.fields import Field
from sync.types import FIELD_TYPES

ID_KEY = "id"
ACTION_KEY = "action"
NEW_FIELD, LEAVE_OUT = "+", "-"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the sheet that holds a field.

    `field` is the field as it is today, `shown` as the export had it: None where the export did not show it.
    """

    index: int
    field: Field
    shown: Field | None = None
    writable: bool = True
    is_new: bool = False

    @property
    def letters(self) -> str:
        """Return the column's letters on the sheet."""
        return column_letters(self.index)

    def renderer(self) -> Callable[[Any], Scalar | None]:
        """Return what made the export's cells of this column."""
        field = self.shown or self.field
        return FIELD_TYPES[field.type].renderer(field)


@dataclass(frozen=True, slots=True)
class Headers:
    """What a sheet's headers mean: columns of fields, the ID, the action, and headers that nobody knows."""

    columns: tuple[Column, ...]
    id_column: int | None
    action_column: int | None
    unknown: tuple[tuple[int, str], ...]
    to_create: tuple[tuple[int, str], ...]


def match_headers(
    keys: Sequence[str | None],
    labels: Sequence[str | None],
    fields: Sequence[Field],
    shown: Mapping[str, Field],
    mapping: Mapping[str, str],
    find: Callable[[str], Field],
) -> Headers:
    """Return what each column holds: by the hidden key row, by the caller's mapping, or by exact key or label.

    `mapping` takes a header to a field's key or label, to ``+`` for a new field or ``-`` to leave the column out.
    Raises `UnknownField` where a mapping names a header or field that is not there, or two columns hold one field.
    """
    wanted = {header.strip().casefold(): target for header, target in mapping.items()}
    _check_mapping(wanted, labels, mapping)
    columns: list[Column] = []
    special: dict[str, int] = {}
    unknown: list[tuple[int, str]] = []
    to_create: list[tuple[int, str]] = []
    for index in range(max(len(keys), len(labels))):
        key, label = _at(keys, index), (_at(labels, index) or "").strip()
        target = wanted.get(label.casefold()) or key or label
        if not target or target == LEAVE_OUT or (key or "").startswith("_ref"):
            continue
        if target == NEW_FIELD:
            to_create.append((index, label))
        elif target.casefold() in {ID_KEY, ACTION_KEY}:
            special[target.casefold()] = index
        else:
            field = _field_called(target, fields, find, explicit=label.casefold() in wanted)
            if field is None:
                unknown.append((index, label or target))
            else:
                columns.append(Column(index, field, shown.get(field.key), not field.read_only))
    _refuse_doubles(columns)
    return Headers(
        tuple(columns), special.get(ID_KEY), special.get(ACTION_KEY), tuple(unknown), tuple(to_create)
    )


def _at(texts: Sequence[str | None], index: int) -> str | None:
    return texts[index] if index < len(texts) else None


def _check_mapping(wanted: Mapping[str, str], labels: Sequence[str | None], mapping: Mapping[str, str]) -> None:
    there = {(label or "").strip().casefold() for label in labels}
    for header in mapping:
        if header.strip().casefold() not in there:
            named = ", ".join(label for label in labels if label)
            raise UnknownField(f"There is no column headed {header!r}. The headers are: {named}.")


def _field_called(
    target: str, fields: Sequence[Field], find: Callable[[str], Field], *, explicit: bool
) -> Field | None:
    by_key = {field.key: field for field in fields}
    if target in by_key:
        return by_key[target]
    try:
        return find(target)
    except UnknownField:
        if explicit:
            raise
        return None


def _refuse_doubles(columns: Sequence[Column]) -> None:
    seen: dict[str, Column] = {}
    for column in columns:
        first = seen.setdefault(column.field.key, column)
        if first is not column:
            raise UnknownField(
                f"Columns {first.letters} and {column.letters} both hold {column.field.label}. "
                "Remove one of them, or rename its header."
            )
