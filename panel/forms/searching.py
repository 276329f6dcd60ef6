"""What a word typed into the search box finds, by type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import ColumnElement, Text, false, func, literal_column, or_, select

from panel.forms.expressions import expression, has_member, holds, operand
from panel.forms.ordering import begins, equals, one_of
from panel.models import Customer, CustomerContact
from sync.fields import Bad, Field
from sync.values import parse_value

Search = Callable[[Field, str, str], ColumnElement[bool]]
"""(field, storage, word) → condition"""

_PHONE_MARKS = " -()./"
_FEWEST_DIGITS = 3
_LAST_LETTER = "\U0010ffff"
_CONTACT = CustomerContact.__table__.c


def by_text(field: Field, storage: str, word: str) -> ColumnElement[bool]:
    """Find a word anywhere in a text."""
    return holds(expression(field, storage), word)


def by_beginning(field: Field, storage: str, word: str) -> ColumnElement[bool]:
    """Find a text that begins with a word."""
    return begins(expression(field, storage), word)


def by_digits(field: Field, storage: str, word: str) -> ColumnElement[bool]:
    """Find digits however the number is spaced."""
    digits = digits_in(word)
    return digits_of(field, storage).contains(digits) if digits else false()


def digits_in(word: str) -> str:
    """Return the digits of what may be a part of a phone number, or nothing."""
    digits = "".join(char for char in word if char.isdigit())
    is_number = len(digits) >= _FEWEST_DIGITS and all(char.isdigit() or char in f"+{_PHONE_MARKS}" for char in word)
    return digits if is_number else ""


def digits_of(field: Field, storage: str) -> ColumnElement[str]:
    """Return the SQL for a phone number without what stands between its digits."""
    plain: ColumnElement[str] = expression(field, storage)
    for mark in _PHONE_MARKS:
        plain = func.replace(plain, literal_column(f"'{mark}'"), literal_column("''"), type_=Text())
    return plain


def by_contact(field: Field, _storage: str, word: str) -> ColumnElement[bool]:
    """Find one of several addresses or numbers that begins with a word, however a number is spaced."""
    mine = select(_CONTACT.customer_id).where(_CONTACT.customer_id == Customer.__table__.c.id)
    return mine.where(contact_begins(field, word)).exists()


def contact_begins(field: Field, word: str) -> ColumnElement[bool]:
    """Return the condition on the rows of contacts; of a number the zeros before it do not count."""
    digits = digits_in(word)
    numbers = {number for number in (digits, digits.lstrip("0")) if len(number) >= _FEWEST_DIGITS}
    starts = numbers if field.type == "phones" else {word.lower()}
    within = (_CONTACT.term.between(start, start + _LAST_LETTER) for start in sorted(starts))
    return (_CONTACT.field == field.key) & or_(false(), *within)


def by_value(field: Field, storage: str, word: str) -> ColumnElement[bool]:
    """Find exactly the value that a word means."""
    value = parse_value(word, field)
    if value is None or isinstance(value, Bad):
        return false()
    return equals(expression(field, storage), operand(field, storage, value))


def by_option(field: Field, storage: str, word: str) -> ColumnElement[bool]:
    """Find the options whose label holds a word."""
    found = [
        operand(field, storage, option.key) for option in field.options if word.casefold() in option.label.casefold()
    ]
    return one_of(expression(field, storage), found) if found else false()


def by_relation(field: Field, storage: str, word: str) -> ColumnElement[bool]:
    """Find the records whose label holds a word, or the customer whose ID it is."""
    return by_option(field, storage, word) if field.options else by_value(field, storage, word)


def by_relations(field: Field, storage: str, word: str) -> ColumnElement[bool]:
    """Find the sets that hold such a record or customer."""
    if field.options:
        return by_options(field, storage, word)
    value = parse_value(word, replace(field, min=None, max=None))
    return has_member(expression(field, storage), value) if isinstance(value, tuple) else false()


def by_options(field: Field, storage: str, word: str) -> ColumnElement[bool]:
    """Find the sets that hold an option whose label holds a word."""
    found = [option.key for option in field.options if word.casefold() in option.label.casefold()]
    value = expression(field, storage)
    return or_(false(), *(has_member(value, key) for key in found))
