"""A value in words, the same in lists, details, history and forms."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any

from flask import current_app

from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.types.text import as_text


def shown(value: Any, field: Field) -> str:
    """Return a canonical value as people read and type it; nothing for a secret."""
    cell = None if value is None else FIELD_TYPES[field.type].render(value, field)
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else as_text(cell)


def with_places(value: Any, field: Field) -> str:
    """Return a number with all the decimal places that its field keeps, for columns of numbers."""
    scale = FIELD_TYPES[field.type].scale(field)  # type: ignore[attr-defined]  # only decimal types come here
    return shown(value, field) if value is None or scale is None else f"{value:.{scale}f}"


def shown_json(plain: Any, field: Field | None) -> str:
    """Return a value of the change log as people read it, also where its field is gone."""
    if plain is None:
        return ""
    if field is None:
        return ", ".join(map(str, plain)) if isinstance(plain, list) else str(plain)
    return shown(FIELD_TYPES[field.type].from_json(plain), field)


def moment(at: dt.datetime | None) -> str:
    """Return an instant in the provider's own time, to the minute."""
    if at is None:
        return ""
    in_utc = at if at.tzinfo else at.replace(tzinfo=dt.UTC)  # SQLite forgets that it is UTC
    return in_utc.astimezone(zoneinfo.ZoneInfo(current_app.config["ROLLBOOK_TIME_ZONE"])).strftime("%Y-%m-%d %H:%M")


def count(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: 1 customer, 1,204 customers."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
