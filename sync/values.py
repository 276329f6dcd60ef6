"""The one way from what people type or a workbook holds to a value: every form and import comes here."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sync.cells import RawCell
from sync.fields import Bad, Field, FieldType
from sync.types import FIELD_TYPES
from sync.types.text import quoted
from sync.words import later, say

# What `min` and `max` count in a value of each Python type, for one and for several; nothing for numbers.
_UNITS: dict[type, tuple[str, str]] = {
    str: (later("%(number)s character"), later("%(number)s characters")),
    tuple: (later("%(number)s entry"), later("%(number)s entries")),
}


@dataclass(frozen=True, slots=True)
class _Bound:
    """What to say where a number, or the length of a value, is out of bounds."""

    number: str
    length: str


_LEAST = _Bound(later("%(value)s is out of range. Write at least %(limit)s."), later("Write at least %(limit)s."))
_MOST = _Bound(later("%(value)s is out of range. Write at most %(limit)s."), later("Write at most %(limit)s."))


def parse_value(raw: RawCell, field: Field, date_order: str | None = None) -> Any | Bad:
    """Return the canonical value of a raw cell or form text for a field, or why it has none.

    `date_order` is ``dmy`` or ``mdy`` where a person has said how to read dates such as 03/04/2024.
    """
    field_type = FIELD_TYPES[field.type].with_date_order(date_order)
    value = field_type.parse(raw, field)
    if value is None or isinstance(value, Bad):
        return value
    return _out_of_bounds(value, field, field_type) or value


def read_json(plain: Any, field: Field) -> Any | None:
    """Return the canonical value of JSON that may be from when the field had another type; then it may be None."""
    field_type = FIELD_TYPES[field.type]
    if plain is None or isinstance(plain, list) != field_type.many:
        return None
    try:
        value = field_type.from_json(plain)
        is_alike = type(field_type.to_json(value)) is type(plain)
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        return None
    return value if is_alike and type(value) in _kinds(field.type) else None


@functools.cache
def _kinds(type_key: str) -> frozenset[type]:
    """Return the Python types that a type's values have."""
    values = (example.value for example in FIELD_TYPES[type_key].examples)
    return frozenset(type(value) for value in values if value is not None and not isinstance(value, Bad))


def check_required(value: Any, field: Field) -> str | None:
    """Return what to say where a required field has no value, white space alone included."""
    blank = value is None or (isinstance(value, str) and not value.strip())
    return say("%(field)s is required. Fill it in.", field=field.name) if field.required and blank else None


def _out_of_bounds(value: Any, field: Field, field_type: FieldType) -> Bad | None:
    size = field_type.measure(value)
    if size is None:
        return None
    if field.min is not None and size < field.min:
        return Bad(_message(value, size, field_type, _LEAST, field.min))
    if field.max is not None and size > field.max:
        return Bad(_message(value, size, field_type, _MOST, field.max))
    return None


def _message(value: Any, size: Decimal | int, field_type: FieldType, bound: _Bound, limit: Decimal) -> str:
    if type(value) not in _UNITS:
        return say(bound.number, value=quoted(value), limit=f"{limit:,f}")
    one, several = _UNITS[type(value)]
    named = quoted(value) if isinstance(value, str) and not field_type.secret else say("This")
    has = say("%(value)s has %(size)s.", value=named, size=say(one if size == 1 else several, number=f"{size:,}"))
    return f"{has} {say(bound.length, limit=say(one if limit == 1 else several, number=f'{limit:,f}'))}"
