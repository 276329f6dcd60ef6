"""Which column of a sheet holds which field, as the sheet's own headers say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from sync.cells import Scalar, column_letters
from sync.errors import UnknownField, WithheldField
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.words import later, say

ID_KEY = "id"
ACTION_KEY = "action"
SPECIAL = {ID_KEY: "ID", ACTION_KEY: "Action"}
NEW_FIELD, LEAVE_OUT = "+", "-"
BOTH_HOLD = later(
    "Columns %(first)s and %(second)s both hold %(field)s. Remove one of them, rename its header, or leave it out with "
    '--map "%(name)s=-".'
)


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
class Double:
    """A column that holds what an earlier one holds, too: neither counts before a person decides.

    `first` is that earlier column, and `name` is what a mapping calls this one.
    """

    index: int
    first: int
    field: Field
    name: str


@dataclass(frozen=True, slots=True)
class Headers:
    """What a sheet's headers mean: columns of fields, the ID, the action, and headers that no field has.

    `names` are what a mapping calls the columns.
    """

    columns: tuple[Column, ...]
    id_column: int | None
    action_column: int | None
    unknown: tuple[tuple[int, str], ...]
    to_create: tuple[tuple[int, str], ...]
    retired: tuple[str, ...] = ()
    withheld: tuple[tuple[int, WithheldField], ...] = ()
    doubles: tuple[Double, ...] = ()
    names: tuple[str, ...] = ()

    def doubled_at(self, index: int) -> Double | None:
        """Return the double that a column is, or that it is the first of."""
        return next((one for one in self.doubles if index in {one.index, one.first}), None)

    @property
    def unshown(self) -> set[int]:
        """Return the columns that no field is read from, and whose values are for nobody to see all the same."""
        secret = (one for one in self.doubles if FIELD_TYPES[one.field.type].secret)
        withheld = {index for index, _field in self.withheld}
        return withheld.union(*({one.index, one.first} for one in secret))

    def refuse_doubles(self) -> None:
        """Refuse two columns of one field, where nobody is there to choose. Raises `UnknownField`."""
        for one in self.doubles:
            letters = {"first": column_letters(one.first), "second": column_letters(one.index)}
            raise UnknownField(say(BOTH_HOLD, **letters, field=one.field.name, name=one.name))


def names_of(labels: Sequence[str | None]) -> list[str]:
    """Return what a mapping calls each column: its header, with the column's letters where that names several."""
    counts = Counter((label or "").strip().casefold() for label in labels)
    return [_named(index, (label or "").strip(), counts) for index, label in enumerate(labels)]


def _named(index: int, label: str, counts: Mapping[str, int]) -> str:
    return label if label and counts[label.casefold()] == 1 else f"{label} ({column_letters(index)})".strip()


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
    `mapping` takes a header, or a column's name as in `names_of`, to a field's key or label, to ``+`` for a new field
    or ``-`` to leave the column out; `ref_column` is the column of the rows' tokens.
    Raises `UnknownField` where a mapping names a header or field that is not there.
    """
    both = [(key or "", (label or "").strip()) for key, label in zip_longest(keys, labels)]
    names = names_of([label or key for key, label in both])
    _check_mapping(names, [label for _key, label in both], mapping)
    matcher = _Matcher(find, shown, mapping, has_tokens=ref_column is not None)
    for index, (key, label) in enumerate(both):
        if index != ref_column:
            matcher.take(index, key, label, names[index])
    return replace(matcher.headers(), names=tuple(names))


class _Matcher:
    """Collects what the headers mean, one column after the other."""

    def __init__(
        self,
        find: Callable[[str], Field],
        shown: Mapping[str, Field],
        mapping: Mapping[str, str],
        *,
        has_tokens: bool,
    ) -> None:
        self._find, self._shown, self._has_tokens = find, shown, has_tokens
        self._wanted = {header.strip().casefold(): target for header, target in mapping.items()}
        self._columns: dict[str, Column] = {}
        self._special: dict[str, int] = {}
        self._unknown: list[tuple[int, str]] = []
        self._to_create: list[tuple[int, str]] = []
        self._retired: list[str] = []
        self._withheld: list[tuple[int, WithheldField]] = []
        self._doubles: list[Double] = []

    def take(self, index: int, key: str, label: str, name: str) -> None:
        """Decide one column."""
        mapped = self._wanted.get(name.casefold()) or self._wanted.get(label.casefold(), "")
        target = mapped or key or label
        if not target or target == LEAVE_OUT:
            return
        if target == NEW_FIELD:
            self._to_create.append((index, label or key))
        elif target.casefold() in SPECIAL:
            self._take_special(index, target.casefold(), name)
        else:
            self._take_field(index, target, label, name, explicit=bool(mapped))

    def _take_special(self, index: int, key: str, name: str) -> None:
        # Beside tokens the ID only has to agree with them, and a copy of it does.
        if key in self._special and not (key == ID_KEY and self._has_tokens):
            self._doubles.append(Double(index, self._special[key], Field(key, SPECIAL[key], "string"), name))
        else:
            self._special[key] = index

    def _take_field(self, index: int, target: str, label: str, name: str, *, explicit: bool) -> None:
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
        column = Column(index, field, self._shown.get(field.key), is_writable(field))
        first = self._columns.setdefault(field.key, column)
        if first is not column:
            self._doubles.append(Double(index, first.index, field, name))

    def headers(self) -> Headers:
        """Return what was decided."""
        doubled = {one.field.key for one in self._doubles}
        special = {key: index for key, index in self._special.items() if key not in doubled}
        return Headers(
            tuple(column for key, column in self._columns.items() if key not in doubled),
            special.get(ID_KEY),
            special.get(ACTION_KEY),
            tuple(self._unknown),
            tuple(self._to_create),
            tuple(self._retired),
            tuple(self._withheld),
            tuple(self._doubles),
        )


def _check_mapping(names: Sequence[str], labels: Sequence[str], mapping: Mapping[str, str]) -> None:
    there = {name.casefold() for name in (*names, *labels)}
    for header in mapping:
        if header.strip().casefold() not in there:
            named = ", ".join(name for name, label in zip(names, labels, strict=True) if label)
            raise UnknownField(
                say(
                    "There is no column headed %(header)s. The headers are: %(named)s.",
                    header=repr(header),
                    named=named,
                )
            )
