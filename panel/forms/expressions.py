"""SQL for the value of a field, built in or additional, the same on both databases."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Dialect,
    Float,
    Numeric,
    Text,
    TypeDecorator,
    and_,
    cast,
    func,
    or_,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeEngine

from panel.entities import CUSTOMER
from panel.models import Customer
from sync.fields import Field
from sync.types import FIELD_TYPES


class Exact(TypeDecorator[Decimal]):
    """A decimal number: exact on PostgreSQL, a floating one on SQLite, which has no other."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type that the database has."""
        return Float() if dialect.name == "sqlite" else Numeric()

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Return the number as the driver takes it."""
        return float(value) if value is not None and dialect.name == "sqlite" else value


# storage → (type, template on SQLite, template on PostgreSQL); {0} is the column, {1} the key.
_STORAGES: dict[str, tuple[TypeEngine[Any], str, str]] = {
    "text": (Text(), "json_extract({0}, '$.{1}')", "({0} ->> '{1}')"),
    "integer": (BigInteger(), "json_extract({0}, '$.{1}')", "({0} ->> '{1}')::bigint"),
    "decimal": (Exact(), "CAST(json_extract({0}, '$.{1}') AS REAL)", "({0} ->> '{1}')::numeric"),
    "boolean": (Boolean(), "json_extract({0}, '$.{1}')", "({0} ->> '{1}')::boolean"),
}


class AdditionalValue(ColumnElement[Any]):
    """A customer's value of one additional field; the key is a literal, so that an index on it is used."""

    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012 - SQLAlchemy's own name and form
        ("field_key", InternalTraversal.dp_string),
        ("storage", InternalTraversal.dp_string),
    ]

    def __init__(self, field_key: str, storage: str) -> None:
        self.field_key, self.storage = field_key, storage
        self.type = _STORAGES[storage][0]


def _sql(element: AdditionalValue, compiler: SQLCompiler, template: str, **options: Any) -> str:
    column = compiler.process(Customer.__table__.c.extra, **options)
    # A key matches [a-z][a-z0-9_]*, so that it needs no quoting.
    return template.format(column, element.field_key)


@compiles(AdditionalValue, "sqlite")
def _on_sqlite(element: AdditionalValue, compiler: SQLCompiler, **options: Any) -> str:
    return _sql(element, compiler, _STORAGES[element.storage][1], **options)


@compiles(AdditionalValue, "postgresql")
def _on_postgresql(element: AdditionalValue, compiler: SQLCompiler, **options: Any) -> str:
    return _sql(element, compiler, _STORAGES[element.storage][2], **options)


def expression(field: Field, storage: str) -> ColumnElement[Any]:
    """Return the SQL for a field's value; a set is the text of its JSON array."""
    if field.additional:
        return AdditionalValue(field.key, storage)
    column = CUSTOMER.value(field.key)
    return cast(column, Text) if FIELD_TYPES[field.type].many else column


def operand(field: Field, storage: str, value: Any) -> Any:
    """Return a canonical value as `expression` compares it."""
    return FIELD_TYPES[field.type].to_json(value) if field.additional and storage != "decimal" else value


def holds(value: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Return the condition that a text is somewhere in a value, capital letters aside."""
    # SQLite's LIKE knows the capital letters of ASCII alone, and it may keep JSON with every other one as an escape.
    spellings = {text} if text.isascii() else {text, text.lower(), text.upper(), text.title()}
    spellings |= {json.dumps(spelling)[1:-1] for spelling in spellings}
    return or_(*(value.icontains(spelling, autoescape=True) for spelling in sorted(spellings)))


def has_member(value: ColumnElement[Any], member: Any) -> ColumnElement[bool]:
    """Return the condition that a set, the text of its JSON array, holds a member, or each of several."""
    if isinstance(member, tuple):
        return and_(*(has_member(value, one) for one in member))
    if isinstance(member, int):
        return _listed(value).contains(f",{member},")
    spellings = {json.dumps(member), json.dumps(member, ensure_ascii=False)}
    return or_(*(value.contains(spelling, autoescape=True) for spelling in sorted(spellings)))


def _listed(value: ColumnElement[Any]) -> ColumnElement[str]:
    """Return a JSON array of numbers with a comma on both sides of each."""
    plain: ColumnElement[str] = value
    for mark, instead in ((" ", ""), ("[", ","), ("]", ",")):
        plain = func.replace(plain, mark, instead, type_=Text())
    return plain
