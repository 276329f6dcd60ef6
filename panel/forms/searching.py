"""What a word typed into the search box finds, by type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import ColumnElement, Text, false, func, or_

from panel.forms.expressions import expression, has_member, holds, operand
from sync.fields import Bad, Field
from sync.values import parse_value

Search = Callable[[Field, str, str], ColumnElement[bool]]
"""(field, storage, word) → condition"""

_PHONE_MARKS = " -()./"
_FEWEST_DIGITS = 3


def by_text(field: Field, storage: str, word: str) -> ColumnElement[bool]:
    """Find a word anywhere in a text."""
    return holds(expression(field, storage), word)


def by_digits(field: Field, storage: str, word: str) -> ColumnElement[bool]:
    """Find digits however the number is spaced."""
    digits = "".join(char for char in word if char.isdigit())
    if len(digits) < _FEWEST_DIGITS or not all(char.isdigit() or char in f"+{_PHONE_MARKS}" for char in word):
        return by_text(field, storage, word)
    plain: ColumnElement[str] = expression(field, storage)
    for mark in _PHONE_MARKS:
        plain = func.replace(plain, mark, "", type_=Text())
    return plain.contains(digits)


def by_value(field: Field, storage: str, word: str) -> ColumnElement[bool]:
    """Find exactly the value that a word means."""
    value = parse_value(word, field)
    if value is None or isinstance(value, Bad):
        return false()
    found: ColumnElement[bool] = expression(field, storage) == operand(field, storage, value)
    return found


def by_option(field: Field, storage: str, word: str) -> ColumnElement[bool]:
    """Find the options whose label holds a word."""
    found = [option.key for option in field.options if word.casefold() in option.label.casefold()]
    return expression(field, storage).in_(found) if found else false()


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
