"""What field a column of a foreign file would make: its type from its values, its key from its header."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from sync.fields import Field, FieldType
from sync.types import BY_SPECIFICITY, FIELD_TYPES
from sync.types.dates import orders_of, parse_moment
from sync.types.digits import other_readings, read_number
from sync.types.keys import machine_key
from sync.types.text import quoted, trimmed
from sync.words import later, say

_SHOWN = 3
_NEARLY_ALL, _MOST_COMPARED = 0.8, 1_000


def _is_date(text: str) -> bool:
    return bool(orders_of(text).days) or bool(parse_moment(text))


def _is_of(field_type: FieldType, text: str) -> bool:
    return field_type.infer([text], "key", "Label") is not None


def _is_number(text: str) -> bool:
    return any(map(str.isdigit, text)) and (read_number(text) is not None or bool(other_readings(text)))


# What is worth saying of a column that is not of the type through and through.
_TELLING: dict[str, Callable[[str], bool]] = {
    "date": _is_date,
    "decimal": lambda text: _is_number(text) and not text.startswith("0"),
    **{key: partial(_is_of, FIELD_TYPES[key]) for key in ("email", "phone", "url", "ip", "mac")},
}


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
    if (nearly := _nearly(field, filled)) is not None:
        kind, percent = nearly
        said = later("%(evidence)s; %(percent)s%% look like %(type)s")
        evidence = say(said, evidence=evidence, percent=percent, type=say(FIELD_TYPES[kind].label).lower())
    return say("%(evidence)s; %(blank)s blank", evidence=evidence, blank=f"{blank:,}") if blank else evidence


def _nearly(field: Field, filled: list[str]) -> tuple[str, int] | None:
    """Return the type that most of a text column's values are of, and how many in a hundred."""
    if field.type not in {"string", "text"}:
        return None
    distinct = list(dict.fromkeys(map(trimmed, filled)))[:_MOST_COMPARED]
    shares = {kind: sum(map(looks, distinct)) / len(distinct) for kind, looks in _TELLING.items()}
    kind = max(shares, key=lambda one: shares[one])
    return (kind, int(shares[kind] * 100)) if shares[kind] >= _NEARLY_ALL else None
