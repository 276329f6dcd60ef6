"""Dates and times written as text: which days a text can mean."""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple

_MONTH_NAMES = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTHS = {name[:length]: place for place, name in enumerate(_MONTH_NAMES, 1) for length in {3, 4, len(name)}}

_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,6})[0-9]*)?)?(?: ?([AaPp])[Mm])?")
_PARTS = re.compile(rf"(?P<day>.*?)(?:(?:T|,? +)(?P<time>{_TIME.pattern}))?")
_PIVOT = 30
"""Years of two digits below it are of this century, as spreadsheet programs have it."""
_LONGEST = 40


class Day(NamedTuple):
    """One reading of a text as a day; `year` is None where the text does not say it."""

    year: int | None
    month: int
    day: int

    def date(self) -> dt.date | None:
        """Return the date, or None without a year and for a day that no calendar has."""
        try:
            return dt.date(self.year or 0, self.month, self.day)
        except ValueError:
            return None


# Each way to write a day, with the parts it gives, once for every order it can be read in.
_WRITTEN: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), tuple(orders.split()))
    for pattern, orders in (
        (r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})", "y_md"),
        (r"([0-9]{1,2})([-/.] ?)([0-9]{1,2})\2([0-9]{4})", "d_my m_dy"),
        (r"([0-9]{1,2})[- ]?([A-Za-z]{3,9})\.?[- ,]*([0-9]{4})", "dmy"),
        (r"([A-Za-z]{3,9})\.?[- ]?([0-9]{1,2})(?:[- ]|, ?)([0-9]{4})", "mdy"),
    )
)

# What programs take for a date although it leaves the year, or half of it, to them.
_SHORTENED: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), tuple(orders.split()))
    for pattern, orders in (
        (r"([0-9]{1,2})([-/.] ?)([0-9]{1,2})\.?", "d_m m_d"),
        (r"([0-9]{1,2})([-/.] ?)([0-9]{1,2})\2([0-9]{2})", "d_my m_dy y_md"),
        (r"([0-9]{1,2})[- ]?([A-Za-z]{3,9})\.?", "dm"),
        (r"([A-Za-z]{3,9})\.?[- ]?([0-9]{1,2})", "md my"),
        (r"([0-9]{1,2})[- ]([A-Za-z]{3,9})[- ]([0-9]{2})", "dmy"),
        (r"([A-Za-z]{3,9})[- ]?([0-9]{4})", "my"),
    )
)

_TWO_DIGITS = ((re.compile(r"([0-9]{1,2})([-/.] ?)([0-9]{1,2})\2([0-9]{2})"), ("d_my", "m_dy")),)


def _number(part: str) -> int:
    return int(part) if part.isdigit() else _MONTHS.get(part.lower(), 0)


def _full_year(part: str) -> int:
    year = int(part)
    century = 0 if len(part) > 2 else 2000 if year < _PIVOT else 1900
    return century + year


def _day(order: str, parts: tuple[str, ...]) -> Day:
    named = dict(zip(order, parts, strict=True))
    year = _full_year(named["y"]) if "y" in named else None
    return Day(year, _number(named["m"]), _number(named["d"]) if "d" in named else 1)


def _readings(text: str, ways: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]) -> dict[str, Day]:
    if len(text) > _LONGEST:
        return {}
    for pattern, orders in ways:
        if match := pattern.fullmatch(text):
            return {order.replace("_", ""): _day(order, match.groups()) for order in orders}
    return {}


def written_dates(text: str) -> dict[str, dt.date]:
    """Return the dates that a text with a four-digit year can mean, by the order of its parts."""
    readings = _readings(text, _WRITTEN)
    return {order: date for order, day in readings.items() if (date := day.date())}


def short_dates(text: str) -> dict[str, dt.date]:
    """Return the dates that a text of digits with a year of two can mean, by the order of its parts."""
    readings = _readings(text, _TWO_DIGITS)
    return {order: date for order, day in readings.items() if (date := day.date())}


def possible_days(text: str) -> set[Day]:
    """Return every day that some program may take a text for."""
    readings = _readings(text, _WRITTEN) or _readings(text, _SHORTENED)
    return {day for day in readings.values() if day._replace(year=day.year or 2000).date()}


def split_time(text: str) -> tuple[str, dt.time | None] | None:
    """Return the day's part of a text and its time of day, None for a time that no clock shows."""
    match = _PARTS.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None or match["time"] is None:
        return text, None
    time = clock_time(match["time"])
    return None if time is None else (match["day"], time)


def clock_time(text: str) -> dt.time | None:
    """Return the time of day that a text such as ``14:30`` or ``2:30 PM`` means."""
    if not (match := _TIME.fullmatch(text)):
        return None
    hour, minute, second = (int(part or 0) for part in match.group(1, 2, 3))
    if match[5]:
        hour = hour % 12 + (12 if match[5] in "Pp" else 0) if 1 <= hour <= 12 else 24
    try:
        return dt.time(hour, minute, second, int((match[4] or "").ljust(6, "0")))
    except ValueError:
        return None
