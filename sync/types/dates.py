"""Dates and moments, without time zones: a moment is in the provider's own time."""

from __future__ import annotations

# ruff: noqa: DTZ001  a moment is naive: it is in the provider's own time
import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from sync.cells import Formula, RawCell, Scalar
from sync.fields import Bad, Damage, Example, Field, FieldType
from sync.types.date_text import short_dates, split_time, written_dates
from sync.types.serials import FIRST_CELL_DATE, FIRST_CELL_MOMENT, moment_of, whole_seconds
from sync.types.text import as_text, quoted, trimmed
from sync.types.value import ValueType, shown_value
from sync.words import later, say

_MIDNIGHT = dt.time()
# What LibreOffice makes of an older date that is typed, and Excel of a plain number.
_TOO_EARLY = later(
    "%(value)s is the number of no date since 1 March 1900. Write the date as 2024-12-31, an older one as text, with "
    "an apostrophe before it."
)


@dataclass(frozen=True, slots=True)
class AmbiguousDate(Bad):
    """A text that means two days, or has a year of two digits; a column's `date_order` settles it."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a text date says of the order of its parts: the days that it may mean, by ``dmy`` and ``mdy``."""

    days: dict[str, dt.date]

    @property
    def is_open(self) -> bool:
        """Tell whether it may be read either way."""
        return len(set(self.days.values())) > 1

    @property
    def only(self) -> str:
        """Return the one order in which it is a date, or nothing."""
        return next(iter(self.days)) if len(self.days) == 1 else ""


def orders_of(text: str) -> Orders:
    """Return what a text says of the order of its column's dates, if anything."""
    parts = split_time(trimmed(text))
    if parts is None or not parts[0][:1].isdigit() or any(char.isalpha() for char in parts[0]):
        return Orders({})
    days = written_dates(parts[0]) or short_dates(parts[0])
    return Orders({order: day for order, day in days.items() if order in {"dmy", "mdy"}})


def _dates(text: str, date_order: str | None) -> set[dt.date]:
    """Return the dates that a text can mean, only one where its order is known.

    A year of two digits is taken only in an order that a person chose: it leaves even more open.
    """
    dates = written_dates(text)
    if not dates and date_order:
        return {day for order, day in short_dates(text).items() if order == date_order}
    return {dates[date_order]} if date_order in dates else set(dates.values())


def parse_moment(text: str, date_order: str | None = None) -> set[dt.datetime]:
    """Return the moments that a text can mean: none where it is no date, two where it is ambiguous.

    `date_order` is ``dmy`` or ``mdy`` and settles ``03/04/2024``.
    """
    if (parts := split_time(text)) is None:
        return set()
    day, time = parts
    return {whole_seconds(dt.datetime.combine(date, time or _MIDNIGHT)) for date in _dates(day, date_order)}


def _two_days(text: str, dates: Iterable[dt.date]) -> AmbiguousDate:
    days = sorted({date.isoformat()[:10] for date in dates}, reverse=True)
    if len(days) == 1:
        short = later("%(value)s has a year of two digits. Write it as %(day)s.")
        return AmbiguousDate(say(short, value=quoted(text), day=days[0]))
    two = later("%(value)s can mean two days. Write it as %(later)s or %(earlier)s.")
    return AmbiguousDate(say(two, value=quoted(text), later=days[0], earlier=days[1]))


def _short(text: str) -> set[dt.datetime]:
    """Return the moments that a text with a year of two digits can mean."""
    return parse_moment(text, "dmy") | parse_moment(text, "mdy")


class MomentType(ValueType):
    """What dates and moments share: the ways in which a cell can show them."""

    refused: ClassVar[str]

    def __init__(self, date_order: str | None = None) -> None:
        self.date_order = date_order

    def with_date_order(self, date_order: str | None) -> FieldType:
        """Return this type, reading ambiguous dates in the order that a person chose."""
        return type(self)(date_order)

    def read(self, shown: Scalar, field: Field) -> Any:
        """Return the moment that a cell shows, as `fit` takes it, or `Bad`."""
        if isinstance(shown, str) and not trimmed(shown):
            return None
        moment = self._moment(shown)
        return self.fit(moment, shown) if isinstance(moment, dt.datetime) else moment

    def fit(self, moment: dt.datetime, shown: Scalar) -> Any:
        """Return the canonical value of a moment, or `Bad`."""
        return moment

    def _moment(self, shown: Scalar) -> dt.datetime | Bad:
        if isinstance(shown, dt.datetime):
            return whole_seconds(shown)
        if isinstance(shown, dt.date):
            return dt.datetime.combine(shown, _MIDNIGHT)
        if isinstance(shown, str):
            return self._of_text(trimmed(shown))
        if isinstance(shown, bool):
            return self._no_date(shown)
        return moment_of(shown) or Bad(say(_TOO_EARLY, value=quoted(shown)))

    def _of_text(self, text: str) -> dt.datetime | Bad:
        moments = parse_moment(text, self.date_order)
        if len(moments) > 1:
            return _two_days(text, moments)
        if not moments and self.date_order is None and (short := _short(text)):
            return _two_days(text, short)
        return moments.pop() if moments else self._no_date(text)

    def _no_date(self, shown: Scalar) -> Bad:
        return Bad(say(self.refused, value=quoted(shown)))

    def damage(self, base: Any, raw: RawCell, field: Field) -> Damage | None:
        """Return whether a CSV shows the date in an order that leaves it open which day it is."""
        shown = shown_value(raw)
        if base is None or not isinstance(shown, str) or self.unchanged(base, raw, field):
            return None
        meant = {self.fit(moment, shown) for moment in parse_moment(trimmed(shown)) | _short(trimmed(shown))}
        return Damage(say("the date was written in another order"), False) if base in meant else None

    def to_json(self, value: Any) -> Any:
        """Return ISO text."""
        return None if value is None else value.isoformat()

    def looks_like(self, text: str) -> bool:
        """Tell whether a text means one day, with a year of four digits."""
        return len(parse_moment(text)) == 1


class DateType(MomentType):
    """A day."""

    key = "date"
    label = later("Date")
    cell_format = "yyyy-mm-dd"
    width = 12
    hint = later("A date, such as 2024-12-31")
    refused = later("%(value)s is no date. Write it as 2024-12-31.")
    examples = (
        Example("2024-01-05", dt.date(2024, 1, 5), dt.date(2024, 1, 5)),
        Example("2024-1-5", dt.date(2024, 1, 5), dt.date(2024, 1, 5)),
        Example("2024/01/05", dt.date(2024, 1, 5), dt.date(2024, 1, 5)),
        Example("2024.01.05", dt.date(2024, 1, 5), dt.date(2024, 1, 5)),
        Example("2024-01-05 00:00:00", dt.date(2024, 1, 5), dt.date(2024, 1, 5)),
        Example("31/12/2024", dt.date(2024, 12, 31), dt.date(2024, 12, 31)),
        Example("12/31/2024", dt.date(2024, 12, 31), dt.date(2024, 12, 31)),
        Example("31. 12. 2024", dt.date(2024, 12, 31), dt.date(2024, 12, 31)),
        Example("05/05/2024", dt.date(2024, 5, 5), dt.date(2024, 5, 5)),
        Example("5 Jan 2024", dt.date(2024, 1, 5), dt.date(2024, 1, 5)),
        Example("January 5, 2024", dt.date(2024, 1, 5), dt.date(2024, 1, 5)),
        Example(dt.date(2024, 1, 5), dt.date(2024, 1, 5), dt.date(2024, 1, 5)),
        Example(dt.datetime(2024, 1, 5), dt.date(2024, 1, 5), dt.date(2024, 1, 5)),
        Example(45296, dt.date(2024, 1, 5), dt.date(2024, 1, 5)),
        Example(45296.0, dt.date(2024, 1, 5), dt.date(2024, 1, 5)),
        Example(61, dt.date(1900, 3, 1), dt.date(1900, 3, 1)),
        Example(2958465, dt.date(9999, 12, 31), dt.date(9999, 12, 31)),
        Example("1899-12-31", dt.date(1899, 12, 31), "1899-12-31"),
        Example(Formula(45296), dt.date(2024, 1, 5), dt.date(2024, 1, 5)),
        Example(" ", None, None),
        Example("31/31/2024", Bad("'31/31/2024' is no date. Write it as 2024-12-31."), None),
        Example("2023-02-29", Bad("'2023-02-29' is no date. Write it as 2024-12-31."), None),
        Example("1/2/24", AmbiguousDate("'1/2/24' can mean two days. Write it as 2024-02-01 or 2024-01-02."), None),
        Example("25.12.24", AmbiguousDate("'25.12.24' has a year of two digits. Write it as 2024-12-25."), None),
        Example("31/31/24", Bad("'31/31/24' is no date. Write it as 2024-12-31."), None),
        Example(
            -1764,
            Bad(
                "'-1764' is the number of no date since 1 March 1900. Write the date as 2024-12-31, an older one as "
                "text, with an apostrophe before it."
            ),
            None,
        ),
        Example(True, Bad("'TRUE' is no date. Write it as 2024-12-31."), None),
        Example(
            "03/04/2024",
            AmbiguousDate("'03/04/2024' can mean two days. Write it as 2024-04-03 or 2024-03-04."),
            None,
        ),
        Example(
            dt.datetime(2024, 1, 5, 10, 30),
            Bad("'2024-01-05 10:30:00' has a time of day. Write only 2024-01-05."),
            None,
        ),
    )

    def fit(self, moment: dt.datetime, shown: Scalar) -> dt.date | Bad:
        """Return the day of a midnight."""
        if moment.time() != _MIDNIGHT:
            day = moment.date().isoformat()
            return Bad(say("%(value)s has a time of day. Write only %(day)s.", value=quoted(as_text(shown)), day=day))
        return moment.date()

    def renderer(self, field: Field) -> Callable[[Any], Scalar | None]:
        """Return real dates, those that programs disagree about as text."""
        return lambda value: value if value is None or value >= FIRST_CELL_DATE else value.isoformat()

    def from_json(self, plain: Any) -> Any:
        """Return the date of ISO text."""
        return None if plain is None else dt.date.fromisoformat(plain)

    def looks_like(self, text: str) -> bool:
        """Tell whether a text is one day without a time."""
        return ":" not in text and super().looks_like(text)


class DateTimeType(MomentType):
    """A moment, to the second."""

    key = "datetime"
    label = later("Date and time")
    cell_format = "yyyy-mm-dd hh:mm:ss"
    width = 20
    hint = later("A date and time, such as 2024-12-31 14:30")
    refused = later("%(value)s is no date. Write it as 2024-12-31 14:30.")
    examples = (
        Example("2024-01-05 10:30", dt.datetime(2024, 1, 5, 10, 30), dt.datetime(2024, 1, 5, 10, 30)),
        Example("2024-01-05T10:30:15", dt.datetime(2024, 1, 5, 10, 30, 15), dt.datetime(2024, 1, 5, 10, 30, 15)),
        Example("31/12/2024 2:30 PM", dt.datetime(2024, 12, 31, 14, 30), dt.datetime(2024, 12, 31, 14, 30)),
        Example("2024-01-05", dt.datetime(2024, 1, 5), dt.datetime(2024, 1, 5)),
        Example(dt.date(2024, 1, 5), dt.datetime(2024, 1, 5), dt.datetime(2024, 1, 5)),
        Example(45296.4375, dt.datetime(2024, 1, 5, 10, 30), dt.datetime(2024, 1, 5, 10, 30)),
        Example(
            dt.datetime(2024, 1, 5, 10, 29, 59, 999_600),
            dt.datetime(2024, 1, 5, 10, 30),
            dt.datetime(2024, 1, 5, 10, 30),
        ),
        Example("1880-01-05 10:30", dt.datetime(1880, 1, 5, 10, 30), "1880-01-05 10:30:00"),
        Example("", None, None),
        Example("2024-01-05 25:00", Bad("'2024-01-05 25:00' is no date. Write it as 2024-12-31 14:30."), None),
        Example("yesterday", Bad("'yesterday' is no date. Write it as 2024-12-31 14:30."), None),
        Example(
            "03/04/2024 10:30",
            AmbiguousDate("'03/04/2024 10:30' can mean two days. Write it as 2024-04-03 or 2024-03-04."),
            None,
        ),
    )

    def renderer(self, field: Field) -> Callable[[Any], Scalar | None]:
        """Return real moments, those that programs disagree about as text."""
        return lambda value: value if value is None or value >= FIRST_CELL_MOMENT else value.isoformat(" ")

    def from_json(self, plain: Any) -> Any:
        """Return the moment of ISO text."""
        return None if plain is None else dt.datetime.fromisoformat(plain)
