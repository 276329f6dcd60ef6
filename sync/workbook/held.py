"""What cells hold for values: text, truth values, and numbers that programs keep exactly; nothing else is written."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, cast

from sync.cells import Scalar
from sync.workbook.layout import Held
from sync.workbook.serials import FIRST, serial_of

EXACT_DIGITS = 15
"""Spreadsheet programs keep this many digits of a number."""
EXACT = 10**EXACT_DIGITS
LARGEST_EXPONENT = 300
_FIRST_DAY = dt.date(1900, 3, 1)
_BEFORE = _FIRST_DAY.toordinal() - FIRST
"""By so much a day's number in Python exceeds its number in a cell."""


def held(values: Sequence[Scalar | None]) -> Sequence[Held | None]:
    """Return what cells hold for the values of a column: the usual ones of one type are done together."""
    types = set(map(type, values))
    if types <= _AS_THEY_ARE:
        return cast("Sequence[Held | None]", values)
    together = _TOGETHER.get(next(iter(types))) if len(types) == 1 else None
    found = together(values) if together else None
    return list(map(held_by, values)) if found is None else found


def held_by(value: Scalar | None) -> Held | None:
    """Return what a cell holds for one value, a date's serial number; what no number stands for exactly is text."""
    number = _NUMBER[type(value)](value)
    return number if number is not None or value is None else plain_text(value)


def plain_text(value: Scalar) -> str:
    """Return a value as text, for a cell that cannot hold it otherwise and for CSV."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat(" ", "seconds")
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= LARGEST_EXPONENT:
        return format(value, "f")
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _as_it_is(value: Held | None) -> Held | None:
    return value


def _whole(value: int) -> int | None:
    if -EXACT < value < EXACT:
        return value
    text = str(value)
    exact = len(text.lstrip("-").rstrip("0")) <= EXACT_DIGITS
    return value if exact and len(text) <= LARGEST_EXPONENT else None


def _decimal(value: Decimal) -> float | None:
    if not value.is_finite() or abs(value.adjusted()) > LARGEST_EXPONENT:
        return None
    digits = format(value, "f").lstrip("-").replace(".", "").strip("0")
    return float(value) if len(digits) <= EXACT_DIGITS else None


def _float(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _small(values: Sequence[int]) -> Sequence[int] | None:
    return values if -EXACT < min(values) <= max(values) < EXACT else None


def _days(values: Sequence[dt.date]) -> Sequence[int] | None:
    if min(values) < _FIRST_DAY:
        return None
    return [number - _BEFORE for number in map(dt.date.toordinal, values)]


def _short_decimals(values: Sequence[Decimal]) -> Sequence[float] | None:
    texts = list(map(str, values))
    is_short = len(max(texts, key=len)) <= EXACT_DIGITS and not "".join(texts).strip("-.0123456789")
    return list(map(float, texts)) if is_short else None


_AS_THEY_ARE = {str, bool, type(None)}
_NUMBER: dict[type, Callable[[Any], Held | None]] = {
    **dict.fromkeys(_AS_THEY_ARE, _as_it_is),
    int: _whole,
    float: _float,
    Decimal: _decimal,
    dt.date: serial_of,
    dt.datetime: serial_of,
}
"""By type: what a cell holds for a value, or None where no number is exact."""
_TOGETHER: dict[type, Callable[[Any], Sequence[Held] | None]] = {
    int: _small,
    Decimal: _short_decimals,
    dt.date: _days,
}
"""The same for many values, sooner, or None where one of them is not usual."""
