"""Whom the key of a row means: exactly one customer, or nobody is guessed at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from panel.imports.options import ImportOptions
from panel.imports.showing import display
from panel.schema import Schema
from sync.columns import Column, Headers
from sync.errors import UnknownField
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.types.text import folded
from sync.words import later, say

TOO_MANY = later("%(label)s '%(value)s' belongs to %(count)s of them. Use a key that only one has, or the ID column.")
SEALED_KEY = later("%(label)s is stored encrypted, so nobody can be found by it. Choose another key.")
NO_KEY = later('The key %(label)s is in no column. Name its column with --map "Header=%(key)s".')
BLANK_KEY = later(
    "%(label)s is the key, and it is blank, so nobody knows whom the row means. Fill it in, or remove the row. "
    "New rows without a key come in a file of their own."
)
NEARLY = later(
    "%(label)s '%(value)s' is nobody's, and %(noun)s %(id)s has '%(stored)s'. Write it exactly so, or correct it."
)


def key_column(schema: Schema, headers: Headers, columns: Sequence[Column], options: ImportOptions) -> Column | None:
    """Return the column of the key that a person chose; none as long as two columns hold it.

    Raises `UnknownField` where it can be none.
    """
    if not options.key:
        return None
    field = schema.field(options.key)
    if FIELD_TYPES[field.type].secret:
        raise UnknownField(say(SEALED_KEY, label=field.label))
    found = next((column for column in columns if column.field.key == field.key), None)
    if found is None and any(one.field.key == field.key for one in headers.doubles):
        return None
    if found is None:
        raise UnknownField(say(NO_KEY, label=field.label, key=field.key))
    return found


def members_of(key: Any) -> tuple[Any, ...]:
    """Return the single values of a key: the members of a set, or the value itself."""
    return key if isinstance(key, tuple) else (key,)


def nearly(member: Any) -> Any:
    """Return what two values have in common that people may take as one: no letter case, white space, leading zeros."""
    if not isinstance(member, str):
        return member
    plain = "".join(folded(member).split())
    return plain.lstrip("0") or plain if plain.isdigit() else plain


def shown_key(key: Any, field: Field) -> str:
    """Return a key as messages name it."""
    return ", ".join(str(display(one, field)) for one in members_of(key))
