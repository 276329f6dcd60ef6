"""Days of billing: months, and the days on which nobody is blocked."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache

import holidays
from flask_babel import gettext as _

from sync.errors import SyncError

LAST_BILLING_DAY = 28
ONE = dt.timedelta(1)
_SATURDAY = 5
_MOST_IN_A_ROW = 100  # days without work; no calendar has so many
_MONTHS = "January February March April May June July August September October November December".split()


def month_of(day: dt.date) -> dt.date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def month_before(month: dt.date) -> dt.date:
    """Return the first day of the month before the one that begins on this day."""
    return (month - ONE).replace(day=1)


def month_after(month: dt.date) -> dt.date:
    """Return the first day of the month after the one that begins on this day."""
    return (month + dt.timedelta(31)).replace(day=1)


def period_of(day: dt.date, billing_day: int) -> dt.date:
    """Return the first day of the month whose billing day is the latest one that has come by a day."""
    month = month_of(day)
    return month if day.day >= billing_day else month_before(month)


def name_of(day: dt.date) -> str:
    """Return a day as the change log writes it, as in 16 December 2026."""
    return f"{day.day} {name_of_month(day)}"


def name_of_month(month: dt.date) -> str:
    """Return a month as the change log writes it, as in December 2026."""
    return f"{_MONTHS[month.month - 1]} {month.year}"


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which customers are blocked: every day, unless weekends or the holidays of a country are left out."""

    weekends: bool = True
    country: str = ""

    def is_working(self, day: dt.date) -> bool:
        """Tell whether anybody is blocked on a day."""
        if not self.weekends and day.weekday() >= _SATURDAY:
            return False
        return not self.country or day not in _holidays(self.country)

    def next_working(self, day: dt.date) -> dt.date:
        """Return a day itself, or the first one after it on which somebody may be blocked."""
        for _step in range(_MOST_IN_A_ROW):
            if self.is_working(day):
                break
            day += ONE
        return day


EVERY_DAY = Calendar()


def check_country(code: str) -> None:
    """Raise `SyncError` where no holidays are known by this code; the empty one means that there are none."""
    if code.strip():
        _holidays(code)


@lru_cache(maxsize=32)
def _holidays(code: str) -> holidays.HolidayBase:
    country, _hyphen, part = code.strip().upper().partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None)
    except (NotImplementedError, ValueError):
        raise SyncError(
            _(
                "No holidays are known for %(code)s. Write a country, and after a hyphen its part, as in CZ or DE-BY.",
                code=repr(code),
            )
        ) from None
