"""Which column of a sheet holds which field, as the sheet's own headers say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.cells import Scalar, column_letters
from sync.errors import UnknownField, WithheldField
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.words import say

ID_KEY = "id"
ACTION_KEY = "action"
NEW_FIELD, LEAVE_OUT = "+", "-"


def is_writable(field: Field) -> bool:
    """Tell whether a cell can set a field."""
    return not field.read_only and FIELD_TYPES[field.type].typed


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

    @property
    def is_as_shown(self) -> bool:
        """Tell whether the export showed the field with the type that it has today."""
        return self.shown is not None and self.shown.type == self.field.type

    def renderer(self) -> Callable[[Any], Scalar | None]:
        """Return what made the export's cells of this column."""
        field = self.shown or self.field
        return FIELD_TYPES[field.type].renderer(field)


@dataclass(frozen=True, slots=True)
class Headers:
    """What a sheet's headers mean: columns of fields, the ID, the action, and headers that no field has."""

    columns: tuple[Column, ...]
    id_column: int | None
    action_column: int | None
    unknown: tuple[tuple[int, str], ...]
    to_create: tuple[tuple[int, str], ...]
    retired: tuple[str, ...] = ()
    withheld: tuple[tuple[int, WithheldField], ...] = ()


def match_headers(
    keys: Sequence[str | None],
    labels: Sequence[str | None],
    find: Callable[[str], Field],
    shown: Mapping[str, Field],
    mapping: Mapping[str, str],
    ref_column: int | None = None,
) -> Headers:
    """Return what each column holds: by the hidden key row, by the caller's mapping, or by exact key or label.

    `find` returns the field with a key or label, or raises `UnknownField`; `shown` holds the export's fields.
    `mapping` takes a header to a field's key or label, to ``+`` for a new field or ``-`` to leave the column out;
    `ref_column` is the column of the rows' tokens.
    Raises `UnknownField` where a mapping names a header or field that is not there, or two columns hold one field.
    """
    wanted = {header.strip().casefold(): target for header, target in mapping.items()}
    _check_mapping(labels, mapping)
    matcher = _Matcher(find, shown, wanted)
    for index in range(max(len(keys), len(labels))):
        if index == ref_column:
            continue
        matcher.take(index, _at(keys, index) or "", (_at(labels, index) or "").strip())
    _refuse_doubles(matcher.columns)
    return matcher.headers()


class _Matcher:
    """Collects what the headers mean, one column after the other."""

    def __init__(self, find: Callable[[str], Field], shown: Mapping[str, Field], wanted: Mapping[str, str]) -> None:
        self._find, self._shown, self._wanted = find, shown, wanted
        self.columns: list[Column] = []
        self._special: dict[str, int] = {}
        self._unknown: list[tuple[int, str]] = []
        self._to_create: list[tuple[int, str]] = []
        self._retired: list[str] = []
        self._withheld: list[tuple[int, WithheldField]] = []

    def take(self, index: int, key: str, label: str) -> None:
        """Decide one column."""
        mapped = self._wanted.get(label.casefold(), "")
        target = mapped or key or label
        if not target or target == LEAVE_OUT:
            return
        if target == NEW_FIELD:
            self._to_create.append((index, label))
        elif target.casefold() in {ID_KEY, ACTION_KEY}:
            self._special[target.casefold()] = index
        else:
            self._take_field(index, target, label, explicit=bool(mapped))

    def _take_field(self, index: int, target: str, label: str, *, explicit: bool) -> None:
        try:
            field = self._find(target)
        except WithheldField as withheld:
            self._withheld.append((index, withheld))
            return
        except UnknownField:
            if explicit:
                raise
            # A field that was retired while the workbook was out is no header that somebody typed.
            if target in self._shown:
                self._retired.append(label or target)
            else:
                self._unknown.append((index, label or target))
            return
        self.columns.append(Column(index, field, self._shown.get(field.key), is_writable(field)))

    def headers(self) -> Headers:
        """Return what was decided."""
        return Headers(
            tuple(self.columns),
            self._special.get(ID_KEY),
            self._special.get(ACTION_KEY),
            tuple(self._unknown),
            tuple(self._to_create),
            tuple(self._retired),
            tuple(self._withheld),
        )


def _at(texts: Sequence[str | None], index: int) -> str | None:
    return texts[index] if index < len(texts) else None


def _check_mapping(labels: Sequence[str | None], mapping: Mapping[str, str]) -> None:
    there = {(label or "").strip().casefold() for label in labels}
    for header in mapping:
        if header.strip().casefold() not in there:
            named = ", ".join(label for label in labels if label)
            raise UnknownField(
                say(
                    "There is no column headed %(header)s. The headers are: %(named)s.",
                    header=repr(header),
                    named=named,
                )
            )


def _refuse_doubles(columns: Sequence[Column]) -> None:
    seen: dict[str, Column] = {}
    for column in columns:
        first = seen.setdefault(column.field.key, column)
        if first is not column:
            raise UnknownField(
                say(
                    "Columns %(first)s and %(second)s both hold %(field)s. Remove one of them, or rename its header.",
                    first=first.letters,
                    second=column.letters,
                    field=column.field.name,
                )
            )
