"""What a list can be filtered by: for each type a few operations, each with a name that stays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask_admin.model.filters import BaseFilter
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy import ColumnElement, Select, not_, or_, select

from panel.forms.boxes import Box, parse_box
from panel.forms.expressions import expression, has_member, holds, operand
from panel.forms.ordering import at_least, at_most, begins, between, equals, is_empty, one_of
from panel.models import StoredFile
from panel.words import today
from sync.cells import clean_text
from sync.fields import Bad, Field
from sync.types import FIELD_TYPES
from sync.values import parse_value
from sync.words import say

Condition = Callable[[ColumnElement[Any], Any], ColumnElement[bool]]
_MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to compare: its name in addresses, its words, its SQL.

    `takes` says what the other side is: a ``value`` of the field, any ``text``, ``yes`` or no, an ``option``, any
    number of ``options``, so many ``days`` from today (as the first day and the one after the last), or a ``box``
    on the map.
    """

    key: str
    label: str
    takes: str
    condition: Condition


def _lacks(value: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return or_(not_(holds(value, text)), value.is_(None))


def _none_of(value: ColumnElement[Any], others: Sequence[Any]) -> ColumnElement[bool]:
    return or_(value.not_in(others), value.is_(None))


def _has_any(value: ColumnElement[Any], members: Sequence[Any]) -> ColumnElement[bool]:
    return or_(*(has_member(value, member) for member in members))


def _has_name(value: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return value.in_(select(StoredFile.id).where(holds(StoredFile.__table__.c.name, text)))


IS = Operation("is", lazy_gettext("is"), "value", equals)
IS_NOT = Operation("not", lazy_gettext("is not"), "value", lambda value, other: or_(value != other, value.is_(None)))
ANY_OF = Operation("in", lazy_gettext("is any of"), "options", one_of)
NONE_OF = Operation("notin", lazy_gettext("is none of"), "options", _none_of)
CONTAINS = Operation("contains", lazy_gettext("contains"), "text", holds)
LACKS = Operation("lacks", lazy_gettext("does not contain"), "text", _lacks)
STARTS = Operation("starts", lazy_gettext("starts with"), "text", begins)
FROM = Operation("from", lazy_gettext("is at least"), "value", at_least)
TO = Operation("to", lazy_gettext("is at most"), "value", at_most)
SINCE = replace(FROM, label=lazy_gettext("is on or after"))
UNTIL = replace(TO, label=lazy_gettext("is on or before"))
LAST = Operation("last", lazy_gettext("is in the last … days"), "days", between)
NEXT = Operation("next", lazy_gettext("is in the next … days"), "days", between)
HAS = Operation("has", lazy_gettext("has"), "option", has_member)
WITHIN = Operation("within", lazy_gettext("is within"), "box", lambda value, box: box.holds(value))
HAS_ANY = Operation("hasany", lazy_gettext("has any of"), "options", _has_any)
NAMED = Operation("named", lazy_gettext("has in its name"), "text", _has_name)
EMPTY = Operation(
    "empty",
    lazy_gettext("is empty"),
    "yes",
    lambda value, yes: is_empty(value) if yes else not_(is_empty(value)),
)

_YES = frozenset({"yes", "1", "true"})
_YES_NO = (("Yes", lazy_gettext("is empty")), ("No", lazy_gettext("is filled in")))


class FieldFilter(BaseFilter):
    """One operation on one field, as Flask-Admin's list asks for it."""

    def __init__(self, field: Field, storage: str, operation: Operation, data_type: str) -> None:
        super().__init__(field.label, _options(field, operation), _input_type(operation, data_type))
        self.field, self.storage, self.compared = field, storage, operation
        self.arg = f"{field.key}_{operation.key}"

    @property
    def takes_several(self) -> bool:
        """Tell whether all values under this filter's name are one condition."""
        return self.compared.takes == "options"

    def operation(self) -> str:
        """Return the words between the field and the value."""
        return str(self.compared.label)

    def clean(self, value: str) -> Any:
        """Return the value to compare with; raise ValueError where it is none."""
        return self.read((value,))

    def read(self, texts: Sequence[str]) -> Any:
        """Return what to compare with of the texts in an address; raise ValueError with a sentence."""
        return _READERS[self.compared.takes](self, texts)

    def apply(self, query: Select[Any], value: Any, alias: object = None) -> Select[Any]:
        """Return the query narrowed by this condition."""
        return query.where(self.condition(value))

    def condition(self, value: Any) -> ColumnElement[bool]:
        """Return the condition on a customer's row."""
        return self.compared.condition(expression(self.field, self.storage), value)

    def words(self, texts: Sequence[str]) -> str:
        """Return the condition as a person reads it; the texts were read before."""
        label, takes = self.field.name, self.compared.takes
        if takes == "yes":
            return f"{label} {self.compared.label if self.read(texts) else _('is filled in')}"
        if takes == "days":
            return f"{label} {str(self.compared.label).replace('…', texts[-1].strip())}"
        labels = {option.key: self.field.option_name(option.label) for option in self.field.options}
        values = [labels[key] if (key := _option(self.field, text)) is not None else text for text in texts]
        return f"{label} {self.compared.label} {', '.join(values)}"

    def _text(self, texts: Sequence[str]) -> str:
        if not (text := clean_text(texts[-1])):
            raise ValueError(_unknown_value(self.field, ""))
        return text

    def _value(self, texts: Sequence[str]) -> Any:
        text = texts[-1]
        parsed = _option(self.field, text) if self.field.options else _parsed(self.field, text)
        if parsed is None:
            raise ValueError(_unknown_value(self.field, text))
        return operand(self.field, self.storage, parsed) if self.compared.takes != "option" else parsed

    def _several(self, texts: Sequence[str]) -> Any:
        keys = [_option(self.field, text) for text in texts if text]
        if not keys or None in keys:
            unknown = next((text for text in texts if _option(self.field, text) is None), "")
            raise ValueError(_unknown_value(self.field, unknown))
        is_member = self.compared is HAS_ANY
        return keys if is_member else [operand(self.field, self.storage, key) for key in keys]

    def _days(self, texts: Sequence[str]) -> tuple[Any, Any]:
        text = texts[-1].strip()
        if not (text.isascii() and text.isdecimal() and int(text) <= _MOST_DAYS):
            raise ValueError(_("'%(text)s' is no number of days.", text=text))
        number, day = int(text), today()
        first, last = (day - dt.timedelta(number), day) if self.compared is LAST else (day, day + dt.timedelta(number))
        return self._start_of(first), self._start_of(last + dt.timedelta(1))

    def _box(self, texts: Sequence[str]) -> Box:
        try:
            return parse_box(texts[-1])
        except ValueError as error:
            raise ValueError(_unknown_value(self.field, texts[-1])) from error

    def _start_of(self, day: dt.date) -> Any:
        return operand(self.field, self.storage, _parsed(self.field, day.isoformat()))


_READERS: dict[str, Callable[[FieldFilter, Sequence[str]], Any]] = {
    "text": FieldFilter._text,
    "yes": lambda _one, texts: texts[-1].casefold() in _YES,
    "value": FieldFilter._value,
    "option": FieldFilter._value,
    "options": FieldFilter._several,
    "days": FieldFilter._days,
    "box": FieldFilter._box,
}


def _input_type(operation: Operation, data_type: str) -> str:
    if operation.takes == "days":
        return "number"
    return data_type if operation.takes == "value" else ""


def _unknown_value(field: Field, text: str) -> str:
    if not text:
        return str(_("it has no value."))
    if field.options:
        return str(_("there is no choice '%(text)s' any more.", text=text))
    return str(_("'%(text)s' is no value of this field.", text=text))


def _options(field: Field, operation: Operation) -> tuple[tuple[str, str], ...] | None:
    if operation.takes == "yes":
        return _YES_NO
    if field.options and operation.takes in {"value", "option", "options"}:
        return tuple((str(option.key), field.option_name(option.label)) for option in field.options)
    allowed = FIELD_TYPES[field.type].allowed(field)
    return tuple((text, say(text)) for text in allowed) or None


def _option(field: Field, text: str) -> str | int | None:
    by_key = {str(option.key): option.key for option in field.options}
    by_label = {option.label.casefold(): option.key for option in field.options}
    # An address that was kept may name an option that became part of another.
    former = {str(one.key): one.now for one in field.former}
    return by_key.get(text, by_label.get(text.casefold(), former.get(text)))


def _parsed(field: Field, text: str) -> Any:
    value = parse_value(text, replace(field, min=None, max=None))
    return None if isinstance(value, Bad) else value
