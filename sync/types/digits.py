"""Numbers between text, binary floating point and decimals."""

from __future__ import annotations

import decimal
import re
from decimal import Decimal

MAX_DIGITS = 38
CELL_DIGITS = 15
"""How many significant digits every program keeps in a number cell."""

EXACT = decimal.Context(prec=400)
_TRUNCATED = decimal.Context(prec=CELL_DIGITS, rounding=decimal.ROUND_DOWN)
_LONGEST = 80
_FINEST = 340

_SPACES = " \u00a0\u2009\u202f"
_AMBIGUOUS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")

# How a number may be written: its pattern, what separates thousands, and its decimal separator.
_NOTATIONS = (
    (re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"), "", "."),
    (re.compile(rf"[+-]?[0-9]{{1,3}}(?:[{_SPACES}][0-9]{{3}})+(?:\.[0-9]+)?"), _SPACES, "."),
    (re.compile(rf"[+-]?[0-9]{{1,3}}(?:[{_SPACES}][0-9]{{3}})+,[0-9]+"), _SPACES, ","),
    (re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+\.[0-9]+"), ",", "."),
    (re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3}){2,}"), ",", "."),
    (re.compile(r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+,[0-9]+"), ".", ","),
    (re.compile(r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}"), ".", ","),
    (re.compile(r"[+-]?[0-9]+,[0-9]+"), "", ","),
)


def is_ambiguous(text: str) -> bool:
    """Tell whether a comma in `text` may separate thousands as well as decimals: ``1,234``."""
    return bool(_AMBIGUOUS.fullmatch(text))


def other_readings(text: str) -> tuple[Decimal, ...]:
    """Return the numbers that a text means where its one separator is of the other kind: ``1.234`` as 1234."""
    plain = text.replace("\u2212", "-")
    if _AMBIGUOUS.fullmatch(plain):
        return Decimal(plain.replace(",", "")), Decimal(plain.replace(",", "."))
    swapped = plain.replace(".", ",") if "," not in plain else ""
    return (Decimal(plain.replace(".", "")),) if _AMBIGUOUS.fullmatch(swapped) else ()


def read_number(text: str) -> Decimal | None:
    """Return the one number that `text` can mean, or None; outer white space is the caller's."""
    text = text.replace("\u2212", "-")
    if len(text) > _LONGEST or is_ambiguous(text):
        return None
    for pattern, thousands, point in _NOTATIONS:
        if pattern.fullmatch(text):
            kept = "".join(char for char in text if char not in thousands)
            return Decimal(kept.replace(point, "."))
    return None


def from_number(number: float | Decimal) -> Decimal:
    """Return a cell's number as a decimal, without the noise after the fifteenth digit."""
    if isinstance(number, float) and not number.is_integer():
        return Decimal(f"{number:.{CELL_DIGITS}g}")
    return Decimal(repr(number)) if isinstance(number, float) else Decimal(number)


def is_usable(number: float | Decimal) -> bool:
    """Tell whether a number is finite and of a size that anybody can mean."""
    exact = Decimal(number)
    return exact.is_finite() and -_FINEST <= exact.adjusted() < MAX_DIGITS


def plain_digits(number: Decimal) -> str:
    """Return a number without exponent, and without a fraction of nothing but zeros."""
    if not is_usable(number):
        return str(number)
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def significant(number: Decimal) -> Decimal:
    """Return a number as a program shows it that keeps fifteen digits in binary floating point."""
    if not is_usable(number):
        return number
    return Decimal(f"{float(number):.{CELL_DIGITS}g}")


def loses_digits(number: Decimal, seen: Decimal) -> bool:
    """Tell whether `seen` is `number` rounded or cut after the fifteenth digit."""
    return number != seen and seen in (significant(number), _TRUNCATED.plus(number))


def without_trailing_zeros(number: Decimal) -> Decimal:
    """Return an equal number with no digit too many, no exponent and no negative zero."""
    short = number.normalize(EXACT)
    if not short:
        return Decimal(0)
    exponent = short.as_tuple().exponent
    return short.quantize(Decimal(1), context=EXACT) if int(exponent) > 0 else short


def rounded(number: Decimal, scale: int) -> Decimal:
    """Return a number with exactly `scale` decimal places."""
    zero = Decimal(0).scaleb(-scale)
    return EXACT.add(number.quantize(zero, context=EXACT), zero)
