"""The signed-in user's language and habits: words, how dates and numbers are written, when a week begins.

Whoever chose no locale, in the account or in the browser, reads dates as ISO 8601 writes them.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from decimal import Decimal
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.localedata import locale_identifiers
from babel.numbers import format_decimal
from flask import current_app, g, has_request_context, request
from flask_babel import gettext
from flask_login import current_user

from panel.settings import TRANSLATIONS
from sync.words import speak

MONDAY = 0
ENGLISH = "en"
_CATALOGUE = ("LC_MESSAGES", "messages.mo")


def locale_of_words() -> str:
    """Return the locale whose words pages use, as Flask-Babel asks for it: English where there are no others."""
    chosen = chosen_locale()
    names = (str(chosen), chosen.language) if chosen else ()
    return next((name for name in names if name in _translated()), ENGLISH)


@cache
def _translated() -> frozenset[str]:
    """Return the locales that there are catalogues of."""
    return frozenset(path.name for path in TRANSLATIONS.iterdir() if path.joinpath(*_CATALOGUE).is_file())


def speak_to_the_user() -> None:
    """Let the sentences of `sync` be in the user's language until the request ends."""
    speak(gettext)


def fall_silent(_error: BaseException | None) -> None:
    """Let them be English again: what commands print is read by scripts."""
    speak(None)


def locales() -> tuple[tuple[str, str], ...]:
    """Return every locale that dates and numbers can be written in, each with its name in the user's language."""
    return _named_in(locale_of_words())


@cache
def _named_in(language: str) -> tuple[tuple[str, str], ...]:
    # A locale's own name for itself would load all of its data, and that of a thousand stays in memory.
    names = ((name, Locale.parse(name).get_display_name(language)) for name in locale_identifiers())
    return tuple(sorted(((name, words) for name, words in names if words), key=lambda one: one[1]))


def chosen_locale() -> Locale | None:
    """Return the locale that the user chose, or else the browser; None where neither did."""
    if not has_request_context():
        return None
    if "locale" not in g:
        wanted = [getattr(current_user, "locale", ""), *request.accept_languages.values()]
        g.locale = next((found for found in map(_known, wanted) if found), None)
    found: Locale | None = g.locale
    return found


def _known(name: str) -> Locale | None:
    try:
        return Locale.parse(name.replace("-", "_")) if name else None
    except (UnknownLocaleError, ValueError):
        return None


def first_weekday() -> int:
    """Return the day on which the user's weeks begin; Monday is 0."""
    locale = chosen_locale()
    return locale.first_week_day if locale else MONDAY


def day_in_words(day: dt.date) -> str:
    """Return a day as the user writes it."""
    locale = chosen_locale()
    return format_date(day, "medium", locale=locale) if locale else day.isoformat()


def moment_in_words(at: dt.datetime) -> str:
    """Return a moment as the user writes it, to the minute; the time is the moment's own."""
    locale = chosen_locale()
    if locale is None:
        return at.strftime("%Y-%m-%d %H:%M")
    return f"{format_date(at, 'medium', locale=locale)}, {format_time(at, 'short', locale=locale)}"


def instant_in_words(at: dt.datetime) -> str:
    """Return an instant of UTC in the provider's time zone, as the user writes it."""
    return moment_in_words(local_moment(at))


def time_in_words(at: dt.datetime) -> str:
    """Return a moment's time of day as the user writes it, to the minute."""
    locale = chosen_locale()
    return format_time(at, "short", locale=locale) if locale else at.strftime("%H:%M")


def today() -> dt.date:
    """Return today's date where the provider is."""
    return dt.datetime.now(zoneinfo.ZoneInfo(current_app.config["ROLLBOOK_TIME_ZONE"])).date()


def local_moment(at: dt.datetime) -> dt.datetime:
    """Return an instant of UTC as the moment that it is in the provider's time zone."""
    in_utc = at if at.tzinfo else at.replace(tzinfo=dt.UTC)  # SQLite forgets that it is UTC
    return in_utc.astimezone(zoneinfo.ZoneInfo(current_app.config["ROLLBOOK_TIME_ZONE"])).replace(tzinfo=None)


def month_in_words(month: dt.date) -> str:
    """Return the month that begins on a day, as the user writes it."""
    locale = chosen_locale()
    return format_date(month, "MMMM y", locale=locale) if locale else f"{month:%Y-%m}"


def number_in_words(number: int | Decimal, places: int = 0) -> str:
    """Return a number with the user's marks and this many decimal places; whole numbers are not grouped.

    What is kept as a whole number is as often a year or a code as an amount.
    """
    locale = chosen_locale()
    if locale is None:
        return f"{number:.{places}f}"
    return format_decimal(number, format=f"#,##0.{'0' * places}" if places else "0", locale=locale)


def money_in_words(amount: Decimal) -> str:
    """Return an amount as the user writes it, with the provider's currency."""
    return f"{number_in_words(amount, 2)} {current_app.config['ROLLBOOK_CURRENCY']}"


def count_in_words(number: int) -> str:
    """Return how many there are, with the user's marks between thousands."""
    locale = chosen_locale()
    return format_decimal(number, locale=locale) if locale else f"{number:,}"
