"""What a list can be filtered by: for each type a few operations, each with a name that stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from flask_admin.model.filters import BaseFilter
from sqlalchemy import ColumnElement, Select, not_, or_

from panel.forms.boxes import parse_box
from panel.forms.expressions import expression, has_member, holds, is_empty, operand
from sync.fields import Bad, Field
from sync.types import FIELD_TYPES
from sync.types.text import clean_text
from sync.values import parse_value

Condition = Callable[[ColumnElement[Any], Any], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to compare: its name in addresses, its words, its SQL.

    `takes` says what the other side is: a ``value`` of the field, any ``text``, ``yes`` or no, an ``option`` or
    a ``box`` on the map.
    """

    key: str
    label: str
    takes: str
    condition: Condition


def _starts(value: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return value.istartswith(text, autoescape=True)


IS = Operation("is", "is", "value", lambda value, other: value == other)
IS_NOT = Operation("not", "is not", "value", lambda value, other: or_(value != other, value.is_(None)))
CONTAINS = Operation("contains", "contains", "text", holds)
STARTS = Operation("starts", "starts with", "text", _starts)
FROM = Operation("from", "is at least", "value", lambda value, other: value >= other)
TO = Operation("to", "is at most", "value", lambda value, other: value <= other)
HAS = Operation("has", "has", "option", has_member)
WITHIN = Operation("within", "is within", "box", lambda value, box: box.holds(value))
EMPTY = Operation("empty", "is empty", "yes", lambda value, yes: is_empty(value) if yes else not_(is_empty(value)))

_YES_NO = (("Yes", "Yes"), ("No", "No"))


class FieldFilter(BaseFilter):
    """One operation on one field, as Flask-Admin's list asks for it."""

    def __init__(self, field: Field, storage: str, operation: Operation, data_type: str) -> None:
        super().__init__(field.label, _options(field, operation), data_type if operation.takes == "value" else "")
        self.field, self.storage, self.compared = field, storage, operation
        self.arg = f"{field.key}_{operation.key}"

    def operation(self) -> str:
        """Return the words between the field and the value."""
        return self.compared.label

    def clean(self, value: str) -> Any:
        """Return the value to compare with; raise ValueError where it is none."""
        if self.compared.takes == "text":
            return clean_text(value)
        if self.compared.takes == "yes":
            return value.casefold() in {"yes", "1", "true"}
        if self.compared.takes == "box":
            return parse_box(value)
        parsed = _option(self.field, value) if self.field.options else _parsed(self.field, value)
        if parsed is None:
            raise ValueError(value)
        return operand(self.field, self.storage, parsed) if self.compared.takes == "value" else parsed

    def apply(self, query: Select[Any], value: Any, alias: object = None) -> Select[Any]:
        """Return the query narrowed by this condition."""
        return query.where(self.compared.condition(expression(self.field, self.storage), value))

    def words(self, value: str) -> str:
        """Return the condition as a person reads it."""
        if self.compared.takes == "yes":
            return f"{self.field.label} {'is empty' if self.clean(value) else 'is filled in'}"
        chosen = _option(self.field, value)
        labels = {option.key: option.label for option in self.field.options}
        return f"{self.field.label} {self.compared.label} {labels[chosen] if chosen is not None else value}"


def _options(field: Field, operation: Operation) -> tuple[tuple[str, str], ...] | None:
    if operation.takes == "yes":
        return _YES_NO
    if field.options and operation.takes in {"value", "option"}:
        return tuple((str(option.key), option.label) for option in field.options)
    allowed = FIELD_TYPES[field.type].allowed(field)
    return tuple((text, text) for text in allowed) or None


def _option(field: Field, text: str) -> str | int | None:
    by_key = {str(option.key): option.key for option in field.options}
    by_label = {option.label.casefold(): option.key for option in field.options}
    return by_key.get(text, by_label.get(text.casefold()))


def _parsed(field: Field, text: str) -> Any:
    value = parse_value(text, replace(field, min=None, max=None))
    return None if isinstance(value, Bad) else value
