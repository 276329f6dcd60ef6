"""Values as people and programs see them in a plan."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sync.fields import Field


def display(value: Any, field: Field | None) -> Any:
    """Return a value as JSON for people: labels of choices, ISO dates, decimals as strings, sets as arrays."""
    if value is None or field is None:
        return as_json(value)
    labels = {option.key: option.label for option in field.options}
    if isinstance(value, tuple):
        return [labels.get(member, _unlisted(member, field)) for member in value]
    return labels.get(value, _unlisted(value, field)) if labels or field.target else as_json(value)


def _unlisted(value: Any, field: Field) -> Any:
    # The ID alone: a customer who is renamed meanwhile makes no other question of an answered one.
    return f"#{value}" if field.target and isinstance(value, int) else as_json(value)


def as_json(value: Any) -> Any:
    """Return any value that a cell or record can hold as JSON."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dt.date):
        return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
    return list(value) if isinstance(value, tuple) else value
