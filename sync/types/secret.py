"""Secrets: taken, never shown."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sync.cells import Broken, RawCell, Scalar
from sync.fields import Bad, Damage, Example, Field
from sync.types.text import as_text, trimmed
from sync.types.value import ValueType, shown_value
from sync.words import later

MASK = "••••••••"
"""What stands where a secret would be shown; as an answer it means: leave it as it is."""


def _shows_nothing(_value: Any) -> None:
    return None


class SecretType(ValueType):
    """A text that no cell, form, message or log ever shows."""

    key = "secret"
    label = later("Secret")
    additional = False
    secret = True
    hint = later("Leave blank to keep it as it is")
    examples = (
        Example("correct horse", "correct horse", None),
        Example(" spaces count ", " spaces count ", None),
        Example(12345678.0, "12345678", None),
        Example("", None, None),
        Example("   ", None, None),
        Example(MASK, None, None),
        Example(
            Broken("#N/A"),
            Bad("'#N/A' is an error in the workbook. Correct the formula, or type the value."),
            None,
        ),
    )

    def read(self, shown: Scalar, field: Field) -> str | None:
        """Return the text, or None for a blank and for the mask."""
        text = as_text(shown)
        return None if trimmed(text) in ("", MASK) else text

    def renderer(self, field: Field) -> Callable[[Any], Scalar | None]:
        """Return nothing, whatever the value."""
        return _shows_nothing

    def unchanged(self, base: Any, raw: RawCell, field: Field) -> bool:
        """Tell whether a cell has no opinion: it is blank, or holds the mask."""
        shown = shown_value(raw)
        return not isinstance(shown, Broken) and self.parse(shown, field) is None

    def damage(self, base: Any, raw: RawCell, field: Field) -> Damage | None:
        """Return nothing: what is damaged cannot be told without comparing in the clear."""
        return None

    def measure(self, value: Any) -> Decimal | int | None:
        """Return the length of the text."""
        return len(value)

    def key_of(self, value: Any) -> str:
        """Return nothing of the secret: secrets are not compared with each other."""
        return ""


class PasswordType(SecretType):
    """A secret that admins may define."""

    key = "password"
    label = later("Password")
    additional = True
