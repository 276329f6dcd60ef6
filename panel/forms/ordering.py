"""What lists sort by, so that an index gives the order: texts by their beginning in small letters, the rest by value.

Every constant in these expressions is a literal: a database uses an index on an expression only for the very same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    FunctionElement,
    String,
    Text,
    and_,
    case,
    func,
    literal,
    literal_column,
    or_,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from panel.forms.expressions import expression, operand
from sync.fields import Field
from sync.types import FIELD_TYPES

_FIRST: ColumnElement[int] = literal_column("1")
_LENGTH: ColumnElement[int] = literal_column("100")
_SURELY_WHOLE = 30
"""So many letters are less than the indexed beginning, even where a small letter is written as three."""
_LAST_LETTER = "\U0010ffff"


class ByBytes(FunctionElement[str]):
    """A text that compares as its bytes do, so that all texts with one beginning lie side by side in an index."""

    type = Text()
    inherit_cache = True
    name = "by_bytes"


@compiles(ByBytes, "sqlite")
def _on_sqlite(element: ByBytes, compiler: SQLCompiler, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(ByBytes, "postgresql")
def _on_postgresql(element: ByBytes, compiler: SQLCompiler, **options: Any) -> str:
    return f'({compiler.process(element.clauses, **options)} COLLATE "C")'


class ByRow(FunctionElement[bool]):
    """A condition that is looked at row by row: SQLite shall not prefer its index to that of the order."""

    type = Boolean()
    inherit_cache = True
    name = "by_row"


@compiles(ByRow, "sqlite")
def _unindexed(element: ByRow, compiler: SQLCompiler, **options: Any) -> str:
    return f"+({compiler.process(element.clauses, **options)})"


@compiles(ByRow, "postgresql")
def _as_it_is(element: ByRow, compiler: SQLCompiler, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)})"


def beginning(value: Any) -> ColumnElement[str]:
    """Return the first hundred letters of a text in small letters: what is sorted, compared and indexed of it.

    A longer index entry would make PostgreSQL refuse the row; the rest of a text decides no order that people see.
    """
    return func.substr(func.lower(value), _FIRST, _LENGTH, type_=Text())


def begins(value: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Return the condition that a text begins with another, capital letters aside, as a range of an index."""
    low = beginning(text)
    key = ByBytes(beginning(value))
    inside = and_(key >= low, key < low.concat(_LAST_LETTER))
    # The row itself is asked only for what the index has not: that takes as long as everything else together.
    return inside if len(text) <= _SURELY_WHOLE else and_(inside, value.istartswith(text, autoescape=True))


def key_of(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return what is indexed, sorted and compared of a value: of a text its beginning, of anything else itself."""
    return beginning(value) if isinstance(value.type, String) else value


def equals(value: ColumnElement[Any], other: Any) -> ColumnElement[bool]:
    """Return the condition that a value is another one; of texts an index finds the beginning."""
    same: ColumnElement[bool] = value == other
    # By row, or SQLite puts the text in the place of the column, where no index is found any more.
    return and_(beginning(value) == beginning(other), ByRow(same)) if isinstance(other, str) else same


def one_of(value: ColumnElement[Any], others: Sequence[Any]) -> ColumnElement[bool]:
    """Return the condition that a value is one of several."""
    same: ColumnElement[bool] = value.in_(others)
    keys = [beginning(other) if isinstance(other, str) else other for other in others]
    return and_(key_of(value).in_(keys), ByRow(same)) if isinstance(value.type, String) else same


def at_least(value: ColumnElement[Any], other: Any) -> ColumnElement[bool]:
    """Return the condition that a value is another one or comes after it."""
    return key_of(value) >= (beginning(other) if isinstance(other, str) else other)


def at_most(value: ColumnElement[Any], other: Any) -> ColumnElement[bool]:
    """Return the condition that a value is another one or comes before it."""
    return key_of(value) <= (beginning(other) if isinstance(other, str) else other)


def between(value: ColumnElement[Any], ends: tuple[Any, Any]) -> ColumnElement[bool]:
    """Return the condition that a value is the first one, or after it and before the second."""
    first, end = ends
    return and_(at_least(value, first), value < end)


def is_empty(value: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that a field has no value."""
    key = key_of(value)
    return or_(key.is_(None), key.in_(["", "[]"])) if isinstance(value.type, String) else key.is_(None)


@dataclass(frozen=True, slots=True)
class Order:
    """How a field orders customers: by `key`, options among them in their own order, those without a value last.

    `options` are as they are stored, in their order; none where the values order themselves.
    """

    key: ColumnElement[Any]
    options: tuple[Any, ...] = ()

    def rank(self, key: ColumnElement[Any]) -> ColumnElement[int]:
        """Return the place of a key's option; whatever is no option comes after all of them."""
        places = [(key == key_of(literal(one, self.key.type)), place) for place, one in enumerate(self.options)]
        return case(*places, else_=len(places))


def order_of(field: Field, storage: str) -> Order:
    """Return how a field orders."""
    value = expression(field, storage)
    if FIELD_TYPES[field.type].many:
        # An empty set is stored as one; as a text it would come before every other one.
        return Order(beginning(func.nullif(value, literal_column("'[]'"), type_=Text())))
    return Order(key_of(value), tuple(operand(field, storage, option.key) for option in field.options))
