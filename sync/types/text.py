"""Text as cells can hold it, as programs give it back, and as messages quote it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sync.cells import Scalar, clean_text
from sync.types.digits import from_number, plain_digits

_QUOTED_LENGTH = 40
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ASTRAL = re.compile(r"[\U00010000-\U0010ffff]")
_WHITE_SPACE = "".join(char for char in map(chr, range(0x3001)) if char.isspace())
# Zero-width marks and direction marks come along when people paste from the web or a chat.
_OUTER = _WHITE_SPACE + "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"


def unescape(text: str) -> str:
    """Return text with every ``_xHHHH_`` replaced by its character, until none is left."""
    if not _ESCAPE.search(text):
        return text
    # One pass over a stack: replacing again and again takes quadratic time on a chain of _x005F_.
    stack: list[str] = []
    for char in text:
        stack.append(char)
        while stack[-1] == "_" and (escape := _ESCAPE.fullmatch("".join(stack[-7:]))):
            stack[-7:] = chr(int(escape[1], 16))
    return "".join(stack)


def comparable(text: str) -> str:
    """Return text without the differences that programs make by opening and saving."""
    return clean_text(unescape(text)).replace("\ufffd", "")


def same_text(base: str, raw: str) -> bool:
    """Tell whether `raw` is what programs make of `base`; some strip its outer white space."""
    if base == raw:
        return True
    before, after = comparable(base), comparable(raw)
    # openpyxl takes this out of shared texts, wherever it stands.
    return after in (before, before.strip(), comparable(base.replace("x005F_", "")))


def trimmed(text: str) -> str:
    """Return text without outer white space, no-break spaces and invisible marks included."""
    return text.strip(_OUTER)


def folded(text: str) -> str:
    """Return text as people compare it: without outer white space and letter case."""
    return trimmed(text).casefold()


def cell_length(text: str) -> int:
    """Return how much of `CELL_LIMIT` a text takes."""
    return len(text) + len(_ASTRAL.findall(text))


def _moment_text(moment: dt.datetime) -> str:
    midnight = moment.time() == dt.time()
    return moment.date().isoformat() if midnight else moment.isoformat(" ", "seconds")


_AS_TEXT: dict[type, Callable[[Any], str]] = {
    str: clean_text,
    bool: lambda flag: "TRUE" if flag else "FALSE",
    # Python refuses to turn an integer of thousands of digits into text; a decimal has no such limit.
    int: lambda number: plain_digits(Decimal(number)),
    float: lambda number: plain_digits(from_number(number)),
    Decimal: plain_digits,
    dt.date: dt.date.isoformat,
    dt.datetime: _moment_text,
}


def as_text(shown: Scalar) -> str:
    """Return what a cell's value reads as text: plain digits, ISO dates, TRUE and FALSE."""
    return _AS_TEXT[type(shown)](shown)


def quoted(shown: Scalar) -> str:
    """Return a value as messages name it: quoted, on one line, shortened."""
    line = " ".join(as_text(shown).split())
    return f"'{line}'" if len(line) <= _QUOTED_LENGTH else f"'{line[:_QUOTED_LENGTH]}…'"
