"""What field a column of a foreign file would make: its type from its values, its key from its header."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sync.fields import Field
from sync.types import BY_SPECIFICITY, FIELD_TYPES
from sync.types.keys import machine_key
from sync.types.text import quoted, trimmed
from sync.words import later, say

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Inferred:
    """A proposed additional field, and what in the column speaks for it."""

    field: Field
    evidence: str


def infer_field(header: str, texts: Sequence[str], taken: Collection[str]) -> Inferred:
    """Propose a field for a column of texts: the type that says most and that every value is of.

    White space alone counts as blank. The field's key is unlike all that are `taken`.
    """
    label = trimmed(header) or "Field"
    key = machine_key(label, taken)
    filled = [text for text in texts if trimmed(text)]
    field = _first_that_fits(filled, key, label) if filled else None
    field = field or Field(key, label, "string", additional=True)
    return Inferred(field, _evidence(field, filled, len(texts) - len(filled)))


def _first_that_fits(filled: list[str], key: str, label: str) -> Field | None:
    proposals = (field_type.infer(filled, key, label) for field_type in BY_SPECIFICITY)
    return next((field for field in proposals if field is not None), None)


def _evidence(field: Field, filled: list[str], blank: int) -> str:
    """Return how many values there are, a few of them, and how many cells are blank."""
    if not filled:
        return say("There are no values yet.")
    distinct = dict.fromkeys(map(trimmed, filled))
    shown = ", ".join(quoted(text) for text in list(distinct)[:_SHOWN])
    several = later("%(type)s: %(count)s values, %(different)s different, such as %(values)s")
    message = later("%(type)s: 1 value, such as %(values)s") if len(filled) == 1 else several
    numbers = {"count": f"{len(filled):,}", "different": f"{len(distinct):,}"}
    evidence = say(message, type=say(FIELD_TYPES[field.type].label), values=shown, **numbers)
    return say("%(evidence)s; %(blank)s blank", evidence=evidence, blank=f"{blank:,}") if blank else evidence
