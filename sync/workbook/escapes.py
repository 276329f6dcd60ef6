"""The ``_xHHHH_`` escapes that the format uses inside text."""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_LITERAL = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


def unescape(text: str) -> str:
    """Return the text that an escaped one stands for, unescaped once."""
    return _ESCAPE.sub(_character, text) if "_x" in text else text


def escape(text: str) -> str:
    """Return text in which whatever looks like an escape reads as itself."""
    return _LITERAL.sub("_x005F_", text) if "_x" in text else text


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    # Halves of a surrogate pair and non-characters are no text: other readers leave those escapes alone too.
    return match[0] if 0xD800 <= code <= 0xDFFF or code >= 0xFFFE else chr(code)
