"""Dates as spreadsheet programs number them, in the 1900 system."""

from __future__ import annotations

# ruff: noqa: DTZ001, DTZ901  a moment is naive: it is in the provider's own time
import datetime as dt
from decimal import Decimal

_EPOCH = dt.datetime(1899, 12, 30)
# Programs disagree about days before 1900-03-01, serial 61: Excel counts a 29 February 1900.
_FIRST, _LAST = 61, 2_958_465
FIRST_CELL_DATE = dt.date(1900, 3, 1)
FIRST_CELL_MOMENT = dt.datetime(1900, 3, 1)


def whole_seconds(moment: dt.datetime) -> dt.datetime:
    """Return a moment rounded to the second, which is what every program keeps."""
    down = moment.replace(microsecond=0)
    late = moment.microsecond >= 500_000 and down < dt.datetime.max.replace(microsecond=0)
    return down + dt.timedelta(seconds=1) if late else down


def moment_of(serial: float | Decimal) -> dt.datetime | None:
    """Return the moment that a number in a date column stands for, or None outside the calendar."""
    if not _FIRST <= serial < _LAST + 1:
        return None
    return whole_seconds(_EPOCH + dt.timedelta(days=float(serial)))


def serial_of(date: dt.date) -> Decimal:
    """Return the number that a program shows for a date whose cell has lost its date format."""
    moment = date if isinstance(date, dt.datetime) else dt.datetime.combine(date, dt.time())
    since = moment - _EPOCH
    return since.days + Decimal(since.seconds) / 86_400
