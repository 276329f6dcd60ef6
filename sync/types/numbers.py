"""Whole numbers, decimals and money."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from sync.cells import Broken, Formula, RawCell, Scalar
from sync.fields import Bad, Damage, Example, Field
from sync.types.damage import text_damage
from sync.types.digits import (
    CELL_DIGITS,
    MAX_DIGITS,
    from_number,
    is_ambiguous,
    is_usable,
    other_readings,
    read_number,
    rounded,
    significant,
    without_trailing_zeros,
)
from sync.types.serials import serial_of
from sync.types.text import as_text, quoted, trimmed
from sync.types.value import ValueType, shown_value
from sync.words import later, say

_LARGEST = 2**63 - 1
_SMALLEST = -(2**63)
_NOISE = Decimal("1e-6")
"""How far from its field's scale, in units of the last place, a calculated number may be."""

_NEVER = later("never")
_INTEGER = re.compile(r"-?[1-9][0-9]{0,14}|0")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?")


def _read(shown: Scalar) -> Decimal | None:
    """Return the number that a cell shows, or None; a truth value or a date is no number."""
    if isinstance(shown, (bool, dt.date)):
        return None
    return read_number(trimmed(shown)) if isinstance(shown, str) else from_number(shown)


def _two_readings(shown: Scalar) -> Bad:
    text = trimmed(as_text(shown))
    whole, point = text.replace(",", ""), text.replace(",", ".")
    return Bad(
        say(
            "'%(text)s' can mean %(whole)s or %(point)s. Write it as %(whole)s or %(point)s.",
            text=text,
            whole=whole,
            point=point,
        )
    )


class NumberType(ValueType):
    """A number; `cell_format` shows it, and more than fifteen digits are shown as text."""

    width = 12
    refused: ClassVar[str]

    def read(self, shown: Scalar, field: Field) -> Any:
        """Return the number that a cell shows, or `Bad`; white space alone is blank."""
        if isinstance(shown, str) and not trimmed(shown):
            return None
        if isinstance(shown, str) and is_ambiguous(trimmed(shown)):
            return _two_readings(shown)
        number = _read(shown)
        if number is None or not is_usable(number):
            return Bad(say(self.refused, value=quoted(shown)))
        return self.fit(number, shown, field)

    def fit(self, number: Decimal, shown: Scalar, field: Field) -> Any:
        """Return the canonical value of a number, or `Bad` where the field cannot hold it."""
        raise NotImplementedError

    def same(self, base: Any, shown: Scalar, field: Field) -> bool:
        """Tell whether a cell shows `base` at fifteen digits, which is what programs keep."""
        if isinstance(shown, str) or base is None or (seen := _read(shown)) is None:
            return bool(self.parse(shown, field) == base)
        if not is_usable(seen):
            return False
        exact = Decimal(base)
        return significant(seen) == significant(exact) or self.fit(seen, shown, field) == base

    def damage(self, base: Any, raw: RawCell, field: Field) -> Damage | None:
        """Return what a program did to a number: cut its digits, or took it for a date."""
        shown = shown_value(raw)
        if base is None or shown is None or isinstance(shown, (bool, Broken)):
            return None
        if isinstance(shown, dt.date) and serial_of(shown) == base:
            return Damage(say("the number became a date"), True)
        if self.unchanged(base, shown, field):
            return None
        if isinstance(shown, str) and base in other_readings(trimmed(shown)):
            return Damage(say("the separators of the number were swapped"), False)
        return text_damage(f"{Decimal(base):f}", shown)

    def measure(self, value: Any) -> Decimal | int | None:
        """Return the number."""
        number: Decimal | int = value
        return number


class IntegerType(NumberType):
    """A whole number of up to 64 bits."""

    key = "integer"
    label = later("Whole number")
    cell_format = "0"
    hint = later("A whole number, such as 1234")
    refused = later("%(value)s is no whole number. Write it as 1234.")
    examples: ClassVar[tuple[Example, ...]] = (
        Example("42", 42, 42),
        Example(" -7 ", -7, -7),
        Example("+7", 7, 7),
        Example("007", 7, 7),
        Example(5.0, 5, 5),
        Example("5.00", 5, 5),
        Example("1 234", 1234, 1234),
        Example("1\u00a0234\u00a0567", 1234567, 1234567),
        Example("1,234,567", 1234567, 1234567),
        Example("1234567890123456", 1234567890123456, "1234567890123456"),
        Example(Formula(5.0), 5, 5),
        Example("", None, None),
        Example(" \u00a0", None, None),
        Example("1,234", Bad("'1,234' can mean 1234 or 1.234. Write it as 1234 or 1.234."), None),
        Example(5.5, Bad("'5.5' is no whole number. Write it without decimal places, such as 6."), None),
        Example("12E5", Bad("'12E5' is no whole number. Write it as 1234."), None),
        Example("many", Bad("'many' is no whole number. Write it as 1234."), None),
        Example(True, Bad("'TRUE' is no whole number. Write it as 1234."), None),
        Example(
            9223372036854775808,
            Bad("'9223372036854775808' is too large. Write a whole number of at most 18 digits."),
            None,
        ),
        Example(1e308, Bad("This number is out of range. Write a number of at most 38 digits."), None),
    )

    def fit(self, number: Decimal, shown: Scalar, field: Field) -> int | Bad:
        """Return a whole number of up to 64 bits, or `Bad`."""
        if isinstance(shown, str) and "e" in shown.lower():
            return Bad(say(self.refused, value=quoted(shown)))
        if number != (whole := round(number)):
            wanted = later("%(value)s is no whole number. Write it without decimal places, such as %(whole)s.")
            return Bad(say(wanted, value=quoted(shown), whole=whole))
        if not _SMALLEST <= number <= _LARGEST:
            return Bad(say("%(value)s is too large. Write a whole number of at most 18 digits.", value=quoted(shown)))
        return whole

    def renderer(self, field: Field) -> Callable[[Any], Scalar | None]:
        """Return integers as numbers, those that programs would round as text."""
        limit = 10**CELL_DIGITS
        return lambda value: value if value is None or -limit < value < limit else str(value)

    def looks_like(self, text: str) -> bool:
        """Tell whether a text is plain digits: a leading zero is a sign of a code."""
        return bool(_INTEGER.fullmatch(text))


NEVER = -1
"""The number of days after which nothing happens, ever."""


class DaysType(IntegerType):
    """A number of days after which something happens, or never."""

    key = "days"
    label = later("Days, or never")
    additional = False
    hint = later("A number of days, or never")
    refused = later("%(value)s is no number of days. Write it as 10, or never.")
    examples: ClassVar[tuple[Example, ...]] = (
        Example("10", 10, 10),
        Example(" 0 ", 0, 0),
        Example(10.0, 10, 10),
        Example("never", NEVER, "never"),
        Example(" NEVER ", NEVER, "never"),
        Example("", None, None),
        Example("-1", Bad("'-1' is no number of days. Write it as 10, or never."), None),
        Example("soon", Bad("'soon' is no number of days. Write it as 10, or never."), None),
    )

    def read(self, shown: Scalar, field: Field) -> Any:
        """Return a number of days, `NEVER`, or `Bad`; the word may be in the reader's language."""
        words = {"never", say(_NEVER).casefold()}
        if isinstance(shown, str) and trimmed(shown).casefold() in words:
            return NEVER
        return super().read(shown, field)

    def fit(self, number: Decimal, shown: Scalar, field: Field) -> int | Bad:
        """Return a whole number that is not below zero, or `Bad`."""
        return Bad(say(self.refused, value=quoted(shown))) if number < 0 else super().fit(number, shown, field)

    def renderer(self, field: Field) -> Callable[[Any], Scalar | None]:
        """Return numbers as they are."""
        return lambda value: say(_NEVER) if value == NEVER else value

    def measure(self, value: Any) -> Decimal | int | None:
        """Return the number; never is within all bounds."""
        return None if value == NEVER else super().measure(value)

    def looks_like(self, text: str) -> bool:
        """Tell that no text of a foreign file is surely a number of days: a whole number serves as well."""
        return False


class DecimalType(NumberType):
    """A decimal number, kept exactly; `scale` of its field is how many places it keeps."""

    key = "decimal"
    label = later("Decimal number")
    cell_format = "General"
    hint = later("A number, such as 1234.5")
    refused = later("%(value)s is no decimal number. Write it as 1234.5.")
    examples: ClassVar[tuple[Example, ...]] = (
        Example("29.85", Decimal("29.85"), Decimal("29.85")),
        Example("29.850", Decimal("29.85"), Decimal("29.85")),
        Example("29,85", Decimal("29.85"), Decimal("29.85")),
        Example("0,125", Decimal("0.125"), Decimal("0.125")),
        Example("1 234,5", Decimal("1234.5"), Decimal("1234.5")),
        Example("1,234.5", Decimal("1234.5"), Decimal("1234.5")),
        Example("1.234,5", Decimal("1234.5"), Decimal("1234.5")),
        Example("1.234", Decimal("1.234"), Decimal("1.234")),
        Example("-0", Decimal(0), Decimal(0)),
        Example("1e-7", Decimal("0.0000001"), Decimal("0.0000001")),
        Example(0.1 + 0.2, Decimal("0.3"), Decimal("0.3")),
        Example(1000.0, Decimal(1000), Decimal(1000)),
        Example("12345678901234.567", Decimal("12345678901234.567"), "12345678901234.567"),
        Example("", None, None),
        Example("1,234", Bad("'1,234' can mean 1234 or 1.234. Write it as 1234 or 1.234."), None),
        Example("12 EUR", Bad("'12 EUR' is no decimal number. Write it as 1234.5."), None),
        Example("NaN", Bad("'NaN' is no decimal number. Write it as 1234.5."), None),
        Example(float("inf"), Bad("This number is out of range. Write a number of at most 38 digits."), None),
        Example(
            "29.855",
            Bad("'29.855' has 3 decimal places, and 2 are kept. Write it as 29.86."),
            None,
            Field("rate", "Rate", "decimal", scale=2),
        ),
    )

    def scale(self, field: Field) -> int | None:
        """Return how many decimal places the field keeps, or None for any."""
        return field.scale

    def fit(self, number: Decimal, shown: Scalar, field: Field) -> Decimal | Bad:
        """Return a decimal at the field's scale, or `Bad` where it has more places or digits."""
        scale = self.scale(field)
        value = without_trailing_zeros(number)
        places = -int(value.as_tuple().exponent)
        if max(value.adjusted() + 1, 1) + max(places, scale or 0) > MAX_DIGITS:
            return Bad(
                say("%(value)s has more than %(most)s digits. Shorten it.", value=quoted(shown), most=MAX_DIGITS)
            )
        if scale is None:
            return value
        near = rounded(number, scale)
        if near != number and not (isinstance(shown, float) and _is_noise(near - number, scale)):
            return _too_many_places(quoted(shown), places, scale, near)
        return near

    def renderer(self, field: Field) -> Callable[[Any], Scalar | None]:
        """Return decimals as numbers, those that programs would round as text."""
        return _shown

    def to_json(self, value: Any) -> Any:
        """Return a decimal as a plain string, without exponent."""
        return None if value is None else f"{value:f}"

    def from_json(self, plain: Any) -> Any:
        """Return the decimal of a plain string."""
        return None if plain is None else Decimal(plain)

    def looks_like(self, text: str) -> bool:
        """Tell whether a text is plain digits with or without decimal places."""
        return bool(_DECIMAL.fullmatch(text))

    def inferred(self, distinct: set[str], key: str, label: str) -> Field | None:
        """Return a decimal with as many places as the longest of the texts has."""
        scale = max(len(text.partition(".")[2]) for text in distinct)
        return Field(key, label, self.key, additional=True, scale=scale)


def _shown(value: Decimal | None) -> Decimal | str | None:
    # A text of few characters has no more digits; it is known sooner than they are counted.
    if value is None or len(str(value)) <= CELL_DIGITS or len(value.as_tuple().digits) <= CELL_DIGITS:
        return value
    return f"{value:f}"


def _too_many_places(value: str, places: int, scale: int, near: Decimal) -> Bad:
    kept = later("%(value)s has %(places)s decimal places, and %(scale)s are kept. Write it as %(near)s.")
    return Bad(say(kept, value=value, places=places, scale=scale, near=f"{near:f}"))


def _is_noise(difference: Decimal, scale: int) -> bool:
    return abs(difference) <= _NOISE.scaleb(-scale)


class MoneyType(DecimalType):
    """An amount of money: two decimal places unless its field says otherwise."""

    key = "money"
    label = later("Money")
    cell_format = "0.00"
    hint = later("An amount, such as 29.90")
    refused = later("%(value)s is no amount. Write it as 29.90.")
    examples = (
        Example("29.9", Decimal("29.90"), Decimal("29.90")),
        Example(29.9, Decimal("29.90"), Decimal("29.90")),
        Example(1000000.1 - 999970.25, Decimal("29.85"), Decimal("29.85")),
        Example("1 234,50", Decimal("1234.50"), Decimal("1234.50")),
        Example("-5", Decimal("-5.00"), Decimal("-5.00")),
        Example("99999999999999.99", Decimal("99999999999999.99"), "99999999999999.99"),
        Example("500", Decimal(500), Decimal(500), Field("price", "Price", "money", scale=0)),
        Example("", None, None),
        Example("€12", Bad("'€12' is no amount. Write it as 29.90."), None),
        Example("29.855", Bad("'29.855' has 3 decimal places, and 2 are kept. Write it as 29.86."), None),
        Example("1,234", Bad("'1,234' can mean 1234 or 1.234. Write it as 1234 or 1.234."), None),
    )

    def scale(self, field: Field) -> int | None:
        """Return how many decimal places the field keeps."""
        return 2 if field.scale is None else field.scale

    def looks_like(self, text: str) -> bool:
        """Tell that no text of a foreign file is surely money: a decimal serves as well."""
        return False
