"""Which field a column of a foreign file may be: as its header is named, and as its values look. Nothing is decided."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from sync.fields import Bad, Field
from sync.types import FIELD_TYPES
from sync.types.choices import choices_of
from sync.types.text import trimmed
from sync.words import later, say

MOST_TEXTS = 1_000
_NAMED, _LIKE = 1.0, 0.85
_MOST_VALUES = 0.8
"""Which share of a column's values has to look like a field's, where its name says nothing."""
_AGAINST = 0.5
_WORDS = re.compile(r"[^\W\d_]+|[0-9]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_FEWEST_DIGITS = 7
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae"})

NAMED_LIKE = later("named like %(field)s")
NAMED_ALMOST = later("named almost like %(field)s")
KINDS = {
    "emails": later("%(percent)s%% of the values are email addresses"),
    "phones": later("%(percent)s%% of the values are phone numbers"),
    "options": later("%(percent)s%% of the values are options of %(field)s"),
    "geo": later("%(percent)s%% of the values are places on the map"),
    "ip": later("%(percent)s%% of the values are IP addresses"),
    "mac": later("%(percent)s%% of the values are MAC addresses"),
    "url": later("%(percent)s%% of the values are web addresses"),
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A field that a column may be, and what speaks for it; `index` is the column's."""

    index: int
    header: str
    field: Field
    evidence: str
    score: float


def suggest(
    columns: Sequence[tuple[int, str]],
    texts: Mapping[int, Sequence[str]],
    fields: Sequence[Field],
    names: Mapping[str, Sequence[str]],
) -> list[Suggestion]:
    """Return the best field for each column, none of them twice, as far as name or values speak for one.

    `columns` are indexes with headers, `texts` their values; `fields` are those that no column is yet, and `names`
    what else people call them, by key.
    """
    found = [one for index, header in columns for one in _of_column(index, header, texts[index], fields, names)]
    taken: dict[str, Suggestion] = {}
    done: set[int] = set()
    for one in sorted(found, key=lambda one: -one.score):
        if one.field.key not in taken and one.index not in done:
            taken[one.field.key] = one
            done.add(one.index)
    return sorted(taken.values(), key=lambda one: one.index)


def _of_column(
    index: int, header: str, texts: Sequence[str], fields: Sequence[Field], names: Mapping[str, Sequence[str]]
) -> Iterator[Suggestion]:
    filled = [text for text in map(trimmed, texts[:MOST_TEXTS]) if text]
    for field in fields:
        named = _name_score(header, (field.key, field.label, field.name, *names.get(field.key, ())))
        kind, share = _values_score(filled, field)
        if named >= _LIKE and not _speaks_against(filled, field):
            words = say(NAMED_LIKE if named == _NAMED else NAMED_ALMOST, field=field.name)
            evidence = f"{words}; {_in_words(kind, share, field)}" if kind and share >= _AGAINST else words
            yield Suggestion(index, header, field, evidence, named + share / 2)
        elif kind and share >= _MOST_VALUES:
            yield Suggestion(index, header, field, _in_words(kind, share, field), share * _LIKE)


def _in_words(kind: str, share: float, field: Field) -> str:
    return say(KINDS[kind], percent=int(share * 100), field=field.name)


def _plain(name: str) -> str:
    """Return the words of a name, without accents and letter case: ``PhoneNumber`` is ``phone number``."""
    letters = unicodedata.normalize("NFKD", _HUMP.sub(" ", name).casefold().translate(_LETTERS))
    return " ".join(_WORDS.findall("".join(char for char in letters if not unicodedata.combining(char))))


def _name_score(header: str, names: Sequence[str]) -> float:
    """Return how much a header is like the best of several names: 1 for the same words."""
    plain = _plain(header)
    if not plain:
        return 0
    known = {name for name in map(_plain, names) if name}
    if plain in known:
        return _NAMED
    return max((SequenceMatcher(None, plain, name).ratio() for name in known if len(name) > 3), default=0)


def _values_score(filled: Sequence[str], field: Field) -> tuple[str, float]:
    """Return what the values look like, and which share of them, where that tells one field from others."""
    found = _telling(field)
    if found is None or not filled:
        return "", 0
    kind, looks = found
    if kind == "options" and len(set(filled)) < min(2, len(filled)):
        return "", 0
    return kind, sum(map(looks, filled)) / len(filled)


def _telling(field: Field) -> tuple[str, Callable[[str], bool]] | None:
    if field.options and not FIELD_TYPES[field.type].many:
        choices = choices_of(field)
        return "options", lambda text: choices.find(text) is not None and not text.isdigit()
    return _LOOKS.get(field.type)


def _is_phone(text: str) -> bool:
    digits = sum(char.isdigit() for char in text)
    written = text.startswith("+") or any(char in " ()-/" for char in text)
    return digits >= _FEWEST_DIGITS and written and _is_value("phones", text)


def _is_value(type_key: str, text: str) -> bool:
    return not isinstance(FIELD_TYPES[type_key].parse(text, Field(type_key, type_key, type_key)), Bad)


_LOOKS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "emails": ("emails", lambda text: "@" in text and _is_value("emails", text)),
    "email": ("emails", lambda text: "@" in text and _is_value("email", text)),
    "phones": ("phones", _is_phone),
    "phone": ("phones", _is_phone),
    "geo": ("geo", lambda text: "." in text and _is_value("geo", text)),
    "ip": ("ip", lambda text: _is_value("ip", text)),
    "mac": ("mac", lambda text: _is_value("mac", text)),
    "url": ("url", lambda text: "/" in text and _is_value("url", text)),
}


def _speaks_against(filled: Sequence[str], field: Field) -> bool:
    """Tell whether most of the values cannot be the field's, as far as that is no matter of mapping them."""
    if not filled or field.options or field.type in {"boolean", "date", "datetime"}:
        return False
    kind = FIELD_TYPES[field.type]
    wrong = sum(isinstance(kind.parse(text, field), Bad) for text in filled)
    return wrong > len(filled) * _AGAINST
