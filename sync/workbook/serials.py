"""Numbers that stand for dates, and the number formats that make dates of them."""

from __future__ import annotations

import datetime as dt
import re

FIRST, LAST = 61, 2_958_465
"""1900-03-01 and 9999-12-31; before the first, programs disagree because of a leap day that never was."""

_DAY = 86_400
_EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 (a cell's date has no zone)
_EPOCH_DATE = _EPOCH.date()
_OFFSET_1904 = 1_462
# 46 is [h]:mm:ss, a duration.
_BUILT_IN = frozenset((*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)))
_LITERALS = re.compile(r'"[^"]*"|\[[^]]*]|[\\_*].')
_DURATION = re.compile(r"\[(h+|m+|s+)]", re.IGNORECASE)
_PLACES = re.compile(r"[ymdhs]", re.IGNORECASE)


def is_date_format(number: int, code: str | None) -> bool:
    """Tell whether a number format shows a date or a time of day; a custom code wins over a built-in number."""
    if code is None:
        return number in _BUILT_IN
    code = code.partition(";")[0]
    unquoted = re.sub(r'"[^"]*"', "", code)
    return not _DURATION.search(unquoted) and bool(_PLACES.search(_LITERALS.sub("", code)))


def moment(serial: float, epoch_1904: bool) -> dt.date | dt.datetime | None:
    """Return the date of a serial number, with its time if that is not midnight; None where it stands for none."""
    if epoch_1904 and serial >= 1:
        serial += _OFFSET_1904
    if not FIRST <= serial < LAST + 1:
        return None
    days, seconds = divmod(round(serial * _DAY), _DAY)
    if days > LAST:
        return None
    whole = _EPOCH_DATE + dt.timedelta(days)
    return whole if not seconds else _EPOCH + dt.timedelta(days, seconds)


def serial_of(value: dt.date | dt.datetime) -> int | float | None:
    """Return the number that a cell holds for a date, to the second; None before 1900-03-01."""
    if not isinstance(value, dt.datetime):
        days = (value - _EPOCH_DATE).days
        return days if days >= FIRST else None
    since = value.replace(tzinfo=None) - _EPOCH
    seconds = since.days * _DAY + since.seconds + (since.microseconds >= 500_000)
    if not FIRST * _DAY <= seconds < (LAST + 1) * _DAY:
        return None
    return seconds / _DAY if seconds % _DAY else seconds // _DAY
