"""Customers who may be there already: the same email, phone or passport, or a similar name.

Each is found by an index, within what the asking user may see, and then compared value by value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Connection, Select, select

from panel.forms.expressions import expression
from panel.forms.ordering import beginning
from panel.likeness import likeness, marks_of
from panel.models import Customer, CustomerContact, CustomerLikeness
from panel.records import records_by_id
from panel.rights import name_of
from sync.fields import Field
from sync.records import Record

SHOWN = 10
CANDIDATES = 200
"""So many customers are looked at for each value and each mark of a name, the newest."""
ALIKE = 0.95
"""How much alike two names have to be; what else is the same adds to it, another birthday takes away."""
_SAME_CITY, _SAME_STREET, _SAME_BIRTHDAY, _OTHER_BIRTHDAY = 0.02, 0.08, 0.08, -0.2

_TABLE, _CONTACT, _MARK = Customer.__table__.c, CustomerContact.__table__.c, CustomerLikeness.__table__.c
_READ = ("full_name", "login", "emails", "phones", "passport", "city", "street", "date_of_birth")

Queries = Iterator[Select[Any]]
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A customer who may be the one in the form, and the fields that say so."""

    id: int
    name: str
    city: str
    because: Mapping[str, str]
    weight: float

    @property
    def marks(self) -> frozenset[str]:
        """Return what a person has seen who saw this."""
        return frozenset(f"{self.id}:{key}" for key in self.because)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose customers are compared, by which fields: those that the asking user sees; never with itself."""

    fields: Sequence[Field]
    conditions: Sequence[ColumnElement[bool]]
    record_id: int | None = None

    def narrow(self, query: Select[Any], place: ColumnElement[int]) -> Select[Any]:
        """Return the query for customers' IDs within this scope, the newest ones of too many."""
        others = () if self.record_id is None else (_TABLE.id != self.record_id,)
        return query.where(*self.conditions, *others).order_by(place.desc()).limit(CANDIDATES)


def duplicates_of(connection: Connection, scope: Scope, entered: Values, values: Values) -> list[Duplicate]:
    """Return who may be the customer with these values, the likeliest first.

    Only what was `entered` is compared: of emails and phones the new members.
    """
    seen = [field for field in scope.fields if field.key in _READ]
    compared = {field.key: entered[field.key] for field in seen if entered.get(field.key)}
    ids = {one for query in _queries(scope, compared) for one in connection.execute(query).scalars()}
    found = (_compare(one, compared, values) for one in records_by_id(connection, seen, ids).values())
    return sorted((one for one in found if one.because), key=lambda one: (-one.weight, -one.id))[:SHOWN]


def new_members(key: str, values: Values, before: Values) -> Any:
    """Return what a value adds to the one before: of a set the new members."""
    value = values[key]
    if isinstance(value, tuple):
        return tuple(one for one in value if one not in (before.get(key) or ()))
    return None if value == before.get(key) else value


def _queries(scope: Scope, compared: Values) -> Queries:
    for field in scope.fields:
        if field.key in compared and field.key in _CANDIDATES:
            yield from _CANDIDATES[field.key](scope, field, compared[field.key])


def _with_contact(scope: Scope, field: Field, members: Sequence[str]) -> Queries:
    for term in sorted({term for one in members for term in _terms(field.key, one)}):
        query = select(_CONTACT.customer_id).join(Customer, _TABLE.id == _CONTACT.customer_id)
        yield scope.narrow(query.where(_CONTACT.field == field.key, _CONTACT.term == term), _CONTACT.customer_id)


def _with_passport(scope: Scope, field: Field, passport: str) -> Queries:
    same = beginning(expression(field, "text")) == beginning(passport)
    yield scope.narrow(select(_TABLE.id).where(same), _TABLE.id)


def _with_name(scope: Scope, _field: Field, name: str) -> Queries:
    for mark in sorted(marks_of(name)):
        query = select(_MARK.customer_id).join(Customer, _TABLE.id == _MARK.customer_id)
        yield scope.narrow(query.where(_MARK.mark == mark), _MARK.customer_id)


_CANDIDATES: dict[str, Callable[[Scope, Field, Any], Queries]] = {
    "full_name": _with_name,
    "emails": _with_contact,
    "phones": _with_contact,
    "passport": _with_passport,
}


def _terms(key: str, member: str) -> set[str]:
    """Return how an address or number may stand among the contacts (`panel.contacts`)."""
    if key == "emails":
        return {member.lower()}
    whole, national = _digits(member)
    return {whole, national, f"0{national}"}


def _digits(number: str) -> tuple[str, str]:
    """Return the digits of a number, and those without the country's and without the zeros before them."""
    country, _space, rest = number.partition(" ") if number.startswith("+") else ("", "", number)
    national = "".join(filter(str.isdigit, rest))
    return "".join(filter(str.isdigit, country)) + national, national.lstrip("0") or national


def _compare(record: Record, compared: Values, values: Values) -> Duplicate:
    because, weight = {}, 0.0
    for key, entered in compared.items():
        if key in _SAME and (same := _SAME[key](entered, record.values.get(key))):
            because[key], weight = same, weight + 1
    if name := compared.get("full_name"):
        alike = likeness(name, record.values["full_name"] or "") + _strength(values, record.values)
        if alike >= ALIKE:
            because["full_name"], weight = _("similar name"), weight + alike / 2
    city = record.values.get("city") or ""
    return Duplicate(record.id, name_of(record.id, record.values), city, because, weight)


def _strength(mine: Values, theirs: Values) -> float:
    """Return what the other values add to the likeness of two names."""
    birthdays = (mine.get("date_of_birth"), theirs.get("date_of_birth"))
    birthday = 0.0 if None in birthdays else _SAME_BIRTHDAY if birthdays[0] == birthdays[1] else _OTHER_BIRTHDAY
    city, street = (bool(mine.get(key)) and _same_text(mine[key], theirs.get(key)) for key in ("city", "street"))
    return birthday + (_SAME_CITY if city else 0) + (_SAME_STREET if street else 0)


def _same_text(one: str, other: str | None) -> bool:
    return other is not None and one.casefold().split() == other.casefold().split()


def _same_email(entered: Sequence[str], theirs: Sequence[str] | None) -> str:
    same = {one.lower() for one in entered} & {one.lower() for one in theirs or ()}
    return _("same email %(value)s", value=min(same)) if same else ""


def _same_phone(entered: Sequence[str], theirs: Sequence[str] | None) -> str:
    same = next((one for one in entered for other in theirs or () if _is_same_number(one, other)), "")
    return _("same phone %(value)s", value=same) if same else ""


def _is_same_number(one: str, other: str) -> bool:
    """Tell whether two numbers may be one: countries are compared where both name theirs."""
    both_abroad = one.startswith("+") and other.startswith("+")
    return _digits(one)[0 if both_abroad else 1] == _digits(other)[0 if both_abroad else 1]


def _same_passport(entered: str, theirs: str | None) -> str:
    return _("same passport") if _same_text(entered, theirs) else ""


_SAME: dict[str, Callable[[Any, Any], str]] = {
    "emails": _same_email,
    "phones": _same_phone,
    "passport": _same_passport,
}
