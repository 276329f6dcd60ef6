"""A list's page in its address: the place that it follows or precedes, so that a bookmark stays where it was put."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, Date, Integer, String
from sqlalchemy.types import TypeEngine

from panel.views.paging import Place, Sorting, Spot
from sync.cells import clean_text

_LONGEST = 2_000
_LARGEST = 2**63
_DIGITS = 9
_LARGEST_PAGE = 1_000_000


def token(place: Place, sorting: Sorting) -> str:
    """Return a place as an address carries it, with the order that it belongs to."""
    plain = json.dumps([sorting.name, sorting.descending, place.key, place.id], default=str, separators=(",", ":"))
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def spot_of(args: Mapping[str, str], sorting: Sorting, size: int) -> Spot:
    """Return the page that an address asks for; what cannot be read, or belongs to another order, is the first one."""
    for name, back in (("after", False), ("before", True)):
        if name in args:
            place = _place(args[name], sorting)
            return Spot(place, back) if place else Spot()
    return Spot(back=True) if "last" in args else Spot(skip=page_number(args) * size)


def page_number(args: Mapping[str, str]) -> int:
    """Return the number of the page that an address names, from 0; it only counts, the cursor is what is followed."""
    text = args.get("page", "")
    return min(int(text[:_DIGITS]), _LARGEST_PAGE) if text.isascii() and text.isdecimal() else 0


def _place(text: str, sorting: Sorting) -> Place | None:
    try:
        padded = text[:_LONGEST].encode() + b"=="
        name, descending, key, record_id = json.loads(base64.urlsafe_b64decode(padded))
        if (name, descending) != (sorting.name, sorting.descending):
            return None
        return Place(None if key is None else _key(key, sorting.key.type), _whole(record_id))
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return None


def _whole(given: Any) -> int:
    number = int(given)
    if not -_LARGEST <= number < _LARGEST:
        raise ValueError(given)
    return number


def _number(given: Any) -> Decimal:
    number = Decimal(str(given))
    if not number.is_finite():
        raise ValueError(given)
    return number


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError(given)
    return clean_text(given)


_READERS: tuple[tuple[type[TypeEngine[Any]], Callable[[Any], Any]], ...] = (
    (Boolean, bool),
    (Integer, _whole),
    (Date, dt.date.fromisoformat),
    (String, _text),
)


def _key(given: Any, kind: TypeEngine[Any]) -> Any:
    read = next((read for known, read in _READERS if isinstance(kind, known)), _number)
    return read(given)
