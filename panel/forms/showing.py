"""A value in words: as people type it in forms, and as they read it in lists, details and history."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from panel.words import (
    count_in_words,
    day_in_words,
    instant_in_words,
    local_moment,
    moment_in_words,
    number_in_words,
    time_in_words,
)
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.types.text import as_text


def shown(value: Any, field: Field) -> str:
    """Return a canonical value as people read and type it; nothing for a secret."""
    cell = None if value is None else FIELD_TYPES[field.type].render(value, field)
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else as_text(cell)


def choice_shown(value: Any, field: Field) -> str:
    """Return an option as people read it in their language, where it is one of the panel's own."""
    return field.option_name(shown(value, field))


def answer_shown(value: Any, _field: Field) -> str:
    """Return yes or no in the user's language."""
    return "" if value is None else str(_("Yes") if value else _("No"))


def date_shown(value: Any, _field: Field) -> str:
    """Return a day as the user writes it."""
    return "" if value is None else day_in_words(value)


def moment_shown(value: Any, _field: Field) -> str:
    """Return a moment as the user writes it."""
    return "" if value is None else moment_in_words(value)


def whole_number_shown(value: Any, _field: Field) -> str:
    """Return a whole number as the user writes it."""
    return "" if value is None else number_in_words(value)


def decimal_shown(value: Any, field: Field) -> str:
    """Return a number as the user writes it, with all the decimal places that its field keeps."""
    scale = FIELD_TYPES[field.type].scale(field)  # type: ignore[attr-defined]  # only decimal types come here
    return shown(value, field) if value is None or scale is None else number_in_words(value, scale)


def moment(at: dt.datetime | None) -> str:
    """Return an instant in the provider's own time, to the minute, as the user writes it."""
    return "" if at is None else instant_in_words(at)


def ago(at: dt.datetime) -> str:
    """Return an instant as people name it who look back at it: today 14:02, yesterday 14:02, else with its date."""
    there = local_moment(at)
    days = (local_moment(dt.datetime.now(dt.UTC)).date() - there.date()).days
    if days == 0:
        return str(_("today %(time)s", time=time_in_words(there)))
    return str(_("yesterday %(time)s", time=time_in_words(there))) if days == 1 else moment(at)


def count(number: int, singular: str, plural: str) -> str:
    """Return a number with its noun, of the messages for one and for several: 1 customer, 1,204 customers."""
    return str(ngettext(singular, plural, number, number=count_in_words(number)))
