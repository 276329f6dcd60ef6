"""From the text inside a cell's markup to the value that the cell holds."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from math import isinf

from sync.cells import Broken, RawCell
from sync.workbook import serials
from sync.workbook.escapes import unescape

LONGEST_NUMBER = 400
"""More digits than any number has that a program computes with."""
EXACT = 2**53
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_CONSTANTS = {"TRUE()": True, "FALSE()": False}


def number(text: str) -> int | float | Broken | None:
    """Return a number, as an int where it is whole and was not rounded; blank is None."""
    if len(text) > LONGEST_NUMBER:
        return Broken(text[:40])
    if text.isdigit() and text.isascii():
        return int(text)
    if not _NUMBER.fullmatch(text):
        return number(text.strip()) if text != text.strip() else Broken(text) if text else None
    if _WHOLE.fullmatch(text):
        return int(text)
    value = float(text)
    if value.is_integer():
        return int(value) if -EXACT < value < EXACT else value
    return Broken(text) if isinf(value) else value


def boolean(text: str) -> RawCell:
    """Return a truth value."""
    return {"1": True, "true": True, "0": False, "false": False}.get(text.strip().lower(), Broken(text[:40]))


def iso_moment(text: str) -> RawCell:
    """Return a date that is written as ISO text; its time is left off at midnight."""
    try:
        value = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return unescape(text) or None
    value = _whole_seconds(value.replace(tzinfo=None))
    return value.date() if value.time() == dt.time() else value


def _whole_seconds(value: dt.datetime) -> dt.datetime:
    with suppress(OverflowError):  # in the very last half second that there is
        value += dt.timedelta(microseconds=500_000)
    return value.replace(microsecond=0)


def plain_text(text: str) -> RawCell:
    """Return a text; an empty one is an empty cell."""
    return unescape(text) or None


@lru_cache(65_536)
def date_1900(text: str) -> RawCell:
    """Return the date of a serial number, or the number where it stands for none."""
    return _date(text, epoch_1904=False)


@lru_cache(65_536)
def date_1904(text: str) -> RawCell:
    """Return the date of a serial number in the system that some old programs count in."""
    return _date(text, epoch_1904=True)


def _date(text: str, *, epoch_1904: bool) -> RawCell:
    value = number(text)
    if isinstance(value, int | float):
        moment = serials.moment(value, epoch_1904)
        return value if moment is None else moment
    return value


READERS: dict[str, Callable[[str], RawCell]] = {
    "b": boolean,
    "e": lambda text: Broken(text[:40]),
    "str": plain_text,
    "inlineStr": plain_text,
    "d": iso_moment,
}
"""By a cell's ``t``; shared strings, and numbers that may be dates, need the workbook's tables."""


def constant(formula: str) -> bool | None:
    """Return the value of a formula that is a constant: LibreOffice writes every boolean as ``TRUE()``."""
    return _CONSTANTS.get(formula.lstrip("=").strip().upper())
