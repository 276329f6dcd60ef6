"""The signed-in user's language and habits: how dates and numbers are written, on which day a week begins."""

from __future__ import annotations

from flask_babel import get_locale


def first_weekday() -> int:
    """Return the day on which the user's weeks begin; Monday is 0."""
    locale = get_locale()
    return int(locale.first_week_day) if locale else 0
