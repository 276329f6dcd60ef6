"""Free text: a string is a short one, a text a long one; both keep every character that a cell can hold."""

from __future__ import annotations

import datetime as dt

# ruff: noqa: DTZ001  a moment is naive: it is in the provider's own time
from decimal import Decimal
from typing import Any

from sync.cells import Formula, Scalar
from sync.fields import Bad, Example, Field
from sync.types.text import as_text
from sync.types.value import ValueType
from sync.words import later

_STRING_LENGTH = 255


class StringType(ValueType):
    """Short text, kept as it is: white space, letter case and leading zeros are part of the value."""

    key = "string"
    label = later("String")
    width = 24
    hint = later("Any text")
    examples = (
        Example("Anna Novák", "Anna Novák", "Anna Novák"),
        Example("001042", "001042", "001042"),
        Example("=1+1", "=1+1", "=1+1"),
        Example("  two spaces ", "  two spaces ", "  two spaces "),
        Example("   ", "   ", "   "),
        Example("one\r\ntwo\rthree", "one\ntwo\nthree", "one\ntwo\nthree"),
        Example("tab\tstays", "tab\tstays", "tab\tstays"),
        Example("bell\x07 and delete\x7f go", "bell and delete go", "bell and delete go"),
        Example(447911123456.0, "447911123456", "447911123456"),
        Example(1.5, "1.5", "1.5"),
        Example(True, "TRUE", "TRUE"),
        Example(dt.datetime(2024, 1, 5), "2024-01-05", "2024-01-05"),
        Example(dt.datetime(2024, 1, 5, 10, 30), "2024-01-05 10:30:00", "2024-01-05 10:30:00"),
        Example(Formula("Brno"), "Brno", "Brno"),
        Example("", None, None),
        Example(None, None, None),
        Example("\x00", None, None),
        Example(
            "x" * 32_768,
            Bad("This text has 32,768 characters, and a cell holds 32,767. Shorten it."),
            None,
        ),
    )

    def read(self, shown: Scalar, field: Field) -> str:
        """Return the text, as it is."""
        return as_text(shown)

    def measure(self, value: Any) -> Decimal | int | None:
        """Return the length of the text."""
        return len(value)

    def looks_like(self, text: str) -> bool:
        """Tell whether a text is one short line."""
        return len(text) <= _STRING_LENGTH and "\n" not in text and "\r" not in text


class TextType(StringType):
    """Long text of any number of lines."""

    key = "text"
    label = later("Text")
    width = 40
    hint = later("Any text, also of several lines")

    def looks_like(self, text: str) -> bool:
        """Tell that any text may be a long text."""
        return True
