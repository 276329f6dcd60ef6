"""Rows on their way from the process that parses to the one that asked, as lines of JSON."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from sync.cells import Broken, Formula
from sync.workbook.table import Row


def encode(rows: list[Row]) -> bytes:
    """Return rows as one line."""
    return _ENCODER.encode(rows).encode() + b"\n"


def decode(line: bytes) -> list[Row]:
    """Return the rows of a line."""
    return [(number, cells) for number, cells in _DECODER.decode(line.decode())]


def _special(value: object) -> dict[str, Any]:
    """Return what JSON has no word for as an object with one key."""
    if isinstance(value, dt.datetime):
        return {"moment": value.isoformat()}
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    if isinstance(value, Broken):
        return {"broken": value.text}
    if isinstance(value, Formula):
        return {"sum" if value.sums else "formula": value.value}
    raise TypeError(type(value).__name__)


_SPECIALS: dict[str, Callable[[Any], object]] = {
    "moment": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "broken": Broken,
    "formula": Formula,
    "sum": partial(Formula, sums=True),
}


def _value(plain: dict[str, Any]) -> object:
    ((kind, value),) = plain.items()
    return _SPECIALS[kind](value)


# Both call Python only for the few specials, so that a plain cell costs next to nothing.
_ENCODER = json.JSONEncoder(default=_special, separators=(",", ":"), ensure_ascii=False, check_circular=False)
_DECODER = json.JSONDecoder(object_hook=_value)
