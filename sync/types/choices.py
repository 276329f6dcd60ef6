"""One or several of a field's options; the option's key is the value, its label is what people see."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from sync.cells import Scalar
from sync.fields import Bad, Example, Field, Former, Option
from sync.types.keys import machine_key
from sync.types.text import as_text, folded, quoted, trimmed
from sync.types.value import ValueType
from sync.words import later, say

_MOST_INFERRED = 20
_ROWS_PER_OPTION = 10
_LABEL_LENGTH = 60
_NAMED_OPTIONS = 5
_MOST_COMPARED = 500

CUSTOMER = "customer"
"""The target of relations whose options are not listed, because there may be a million."""
FILE = "file"
"""The target of fields that hold stored files."""

_LARGEST_ID = 2**63 - 1
_CUSTOMER = re.compile(r"#([1-9][0-9]{0,18})(?:[\s(].*)?|([1-9][0-9]{0,18})", re.DOTALL)
_SEPARATORS = ",;\n"
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


class Choices:
    """Ways to find an option, and to show one."""

    def __init__(self, options: tuple[Option, ...], former: tuple[Former, ...] = ()) -> None:
        self.labels = {option.key: option.label for option in options}
        self.order = {option.key: place for place, option in enumerate(options)}
        self._exact = {option.label: option.key for option in reversed(options)}
        self._by_key = {str(option.key): option.key for option in options}
        alike = Counter(folded(option.label) for option in options)
        self._folded = {folded(o.label): o.key for o in options if alike[folded(o.label)] == 1}
        divided = (label for label in self._exact if any(char in label for char in _SEPARATORS))
        self.divided = sorted(divided, key=len, reverse=True)
        self._former = {folded(one.label): one.now for one in former} | {str(one.key): one.now for one in former}
        self._former_labels = {one.key: one.label for one in former}

    def find(self, text: str) -> str | int | None:
        """Return the key of the option that a text names: by label, by label in any case, by key."""
        name, key = folded(text), trimmed(text)
        places = ((self._exact, text), (self._folded, name), (self._by_key, key), (self._former, name))
        for found, wanted in places:
            if wanted in found:
                return found[wanted]
        return None

    def label(self, key: str | int) -> str:
        """Return an option's label; an option that is gone shows the one it had, or its key."""
        return self.labels.get(key) or self._former_labels.get(key) or str(key)

    def place(self, key: str | int) -> int:
        """Return where a key stands among several."""
        return self.order[key]

    def refusal(self, text: str) -> Bad:
        """Return why a text is no option, with the closest one or the first few."""
        return Bad(say("%(value)s is none of the options.", value=quoted(text)) + " " + self._remedy(text))

    def _remedy(self, text: str) -> str:
        if not self.labels:
            return say("There are none yet.")
        if (closest := self.closest(text)) is not None:
            return say("Did you mean '%(option)s'?", option=closest)
        labels = [f"'{label}'" for label in list(self.labels.values())[:_NAMED_OPTIONS]]
        more, named = len(self.labels) - len(labels), ", ".join(labels)
        if more:
            return say("Write one of %(options)s or %(more)s more.", options=named, more=f"{more:,}")
        return say("Write one of %(options)s.", options=named)

    def closest(self, text: str) -> str | None:
        """Return the label that is nearly this text, if one is."""
        # Comparing with very many labels would take longer than reading the workbook.
        if len(self.labels) > _MOST_COMPARED or len(text) > 2 * _LABEL_LENGTH:
            return None
        labels = {folded(label): label for label in self.labels.values()}
        found = difflib.get_close_matches(folded(text), labels, 1)
        return labels[found[0]] if found else None


class Customers(Choices):
    """Customers, found by ``#1042`` with or without a name, by ``1042``, or as one of the few that are known."""

    def find(self, text: str) -> str | int | None:
        """Return the ID that a text names; a number with leading zeros is a login."""
        if named := _CUSTOMER.fullmatch(trimmed(text)):
            number = int(named[1] or named[2])
            return number if number <= _LARGEST_ID else None
        return super().find(text)

    def label(self, key: str | int) -> str:
        """Return ``#1042`` where no more is known, and the login of one who has no ID yet."""
        return self.labels.get(key) or (key if isinstance(key, str) else f"#{key}")

    def place(self, key: str | int) -> int:
        """Return the ID."""
        return int(key)

    def refusal(self, text: str) -> Bad:
        """Return how to name a customer."""
        return Bad(say("%(value)s is no customer. Write # and the ID, as in #1042, or a login.", value=quoted(text)))


class Files(Choices):
    """Stored files, as far as they are known."""

    def label(self, key: str | int) -> str:
        """Return ``#12`` where no name is known."""
        return self.labels.get(key, f"#{key}")

    def refusal(self, text: str) -> Bad:
        """Return where files come from."""
        return Bad(f"{quoted(text)} is no file of this customer. Upload it in the customer's form.")


_CHOICES: dict[str, type[Choices]] = {CUSTOMER: Customers, FILE: Files}


class _Same:
    """Options as a cache key, by identity: hashing thousands of them for every cell is slow."""

    def __init__(self, field: Field) -> None:
        self.options, self.former = field.options, field.former

    def __hash__(self) -> int:
        return id(self.options)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.options is other.options and self.former is other.former


@functools.lru_cache(maxsize=256)
def _prepared(same: _Same, target: str) -> Choices:
    return _CHOICES.get(target, Choices)(same.options, same.former)


def choices_of(field: Field) -> Choices:
    """Return the options of a field, prepared for finding."""
    return _prepared(_Same(field), field.target)


_CITIES = Field(
    "city",
    "City",
    "select",
    options=(Option("brno", "Brno"), Option("praha", "Praha"), Option("year", "2024"), Option("zero", "007")),
)


class _Labels(dict[Any, str | None]):
    """Labels by key; a key that is no option's has the label that it had."""

    def __init__(self, choices: Choices, labels: Mapping[Any, str | None]) -> None:
        super().__init__(labels)
        self._choices = choices

    def __missing__(self, key: Any) -> str:
        return self._choices.label(key)


class SelectType(ValueType):
    """One option."""

    key = "select"
    label = later("Select")
    hint = later("One of the options")
    examples: ClassVar[tuple[Example, ...]] = (
        Example("Brno", "brno", "Brno", _CITIES),
        Example(" BRNO ", "brno", "Brno", _CITIES),
        Example("praha", "praha", "Praha", _CITIES),
        Example("zero", "zero", "007", _CITIES),
        Example(2024.0, "year", "2024", _CITIES),
        Example(" ", None, None, _CITIES),
        Example("Bruno", Bad("'Bruno' is none of the options. Did you mean 'Brno'?"), None, _CITIES),
        Example(
            "Ostrava",
            Bad("'Ostrava' is none of the options. Write one of 'Brno', 'Praha', '2024', '007'."),
            None,
            _CITIES,
        ),
        Example("Brno", Bad("'Brno' is none of the options. There are none yet."), None),
    )

    def read(self, shown: Scalar, field: Field) -> Any:
        """Return the key of the option that a cell names, or `Bad`."""
        text = as_text(shown)
        choices = choices_of(field)
        if (key := choices.find(text)) is not None:
            return key
        return choices.refusal(trimmed(text)) if trimmed(text) else None

    def renderer(self, field: Field) -> Callable[[Any], Scalar | None]:
        """Return labels."""
        choices = choices_of(field)
        return _Labels(choices, {None: None, **choices.labels}).__getitem__

    def allowed(self, field: Field) -> tuple[str, ...]:
        """Return the labels of all options."""
        return tuple(option.label for option in field.options)

    def infer(self, texts: list[str], key: str, label: str) -> Field | None:
        """Return a field with an option for each distinct text, if those are few and come often."""
        counts: dict[str, None] = {}
        for text in texts:
            counts[trimmed(text)] = None
            if len(counts) > _MOST_INFERRED:
                return None
        often = len(texts) >= _ROWS_PER_OPTION * len(counts)
        if not (counts and often and all(map(self.looks_like, counts))):
            return None
        return Field(key, label, self.key, additional=True, options=_options(list(counts)))

    def looks_like(self, text: str) -> bool:
        """Tell whether a text may be an option's label."""
        return 0 < len(text) <= _LABEL_LENGTH and text.isprintable()


def _options(labels: list[str]) -> tuple[Option, ...]:
    keys: list[str] = []
    for label in labels:
        keys.append(machine_key(label, keys))
    return tuple(Option(key, label) for key, label in zip(keys, labels, strict=True))


_PARTNERS = Field(
    "partner",
    "Partner",
    "reference",
    options=(Option(1, "Main"), Option(2, "North, East"), Option(7, "2")),
)


class ReferenceType(SelectType):
    """Another record, by its unique label; its ID is the value."""

    key = "reference"
    label = later("Reference")
    additional = False
    width = 22
    examples: ClassVar[tuple[Example, ...]] = (
        Example("Main", 1, "Main", _PARTNERS),
        Example("north, east", 2, "North, East", _PARTNERS),
        Example(1, 1, "Main", _PARTNERS),
        Example(2, 7, "2", _PARTNERS),
        Example("", None, None, _PARTNERS),
        Example("Mein", Bad("'Mein' is none of the options. Did you mean 'Main'?"), None, _PARTNERS),
    )

    def infer(self, texts: list[str], key: str, label: str) -> Field | None:
        """Return no field: a foreign file has no references."""
        return None


_INTERESTS = Field(
    "interests",
    "Interests",
    "multi_select",
    options=(Option("tv", "TV"), Option("net", "Internet, fast"), Option("voip", 'The "Voice"')),
)


_FEW_INTERESTS = dataclasses.replace(_INTERESTS, options=_INTERESTS.options[:2])


class MultiSelectType(ValueType):
    """Several options, in the order in which the field lists them."""

    key = "multi_select"
    label = later("Multi-select")
    width = 26
    hint = later("Options, separated by commas")
    many = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example("TV", ("tv",), "TV", _INTERESTS),
        Example("voip; tv", ("tv", "voip"), 'TV, "The ""Voice"""', _INTERESTS),
        Example("tv\ntv", ("tv",), "TV", _INTERESTS),
        Example("TV, Internet, fast", ("tv", "net"), 'TV, "Internet, fast"', _INTERESTS),
        Example('"Internet, fast", TV', ("tv", "net"), 'TV, "Internet, fast"', _INTERESTS),
        Example(" , ", None, None, _INTERESTS),
        Example("", None, None, _INTERESTS),
        Example(
            "TV, Fax", Bad("'Fax' is none of the options. Write one of 'TV', 'Internet, fast'."), None, _FEW_INTERESTS
        ),
    )

    def read(self, shown: Scalar, field: Field) -> Any:
        """Return the keys of all options that a cell names, or `Bad` for the first that is none."""
        choices = choices_of(field)
        names = list(names_in(as_text(shown), choices))
        found = {name: choices.find(name) for name in names}
        wrong = next((name for name in names if found[name] is None), None)
        if wrong is not None:
            return choices.refusal(wrong)
        keys = {key for key in found.values() if key is not None}
        return tuple(sorted(keys, key=choices.place)) or None

    def renderer(self, field: Field) -> Callable[[Any], Scalar | None]:
        """Return labels, those with separators in quotes."""
        choices = choices_of(field)

        @functools.lru_cache(maxsize=4096)
        def shown(keys: tuple[str | int, ...] | None) -> str | None:
            return ", ".join(_in_quotes(choices.label(key)) for key in keys) if keys else None

        return shown

    def same(self, base: Any, shown: Scalar, field: Field) -> bool:
        """Tell whether a cell names the same options, in any order."""
        value = self.parse(shown, field)
        return set(value) == set(base) if isinstance(value, tuple) and base else bool(value == base)

    def to_json(self, value: Any) -> Any:
        """Return a list of keys."""
        return None if value is None else list(value)

    def from_json(self, plain: Any) -> Any:
        """Return the keys of a list."""
        return tuple(plain) if plain else None

    def measure(self, value: Any) -> Decimal | int | None:
        """Return how many options are chosen."""
        return len(value)


def _in_quotes(label: str) -> str:
    plain = label == trimmed(label) and not any(char in label for char in _SEPARATORS + '"\r')
    return label if plain else '"' + label.replace('"', '""') + '"'


def names_in(text: str, choices: Choices) -> Iterator[str]:
    """Yield the names in a cell: quoted ones, labels that hold a separator, and what separators leave."""
    start = 0
    while start < len(text):
        if text[start] in _SEPARATORS or not trimmed(text[start]):
            start += 1
            continue
        name, start = _name_at(text, start, choices)
        yield name


def _name_at(text: str, start: int, choices: Choices) -> tuple[str, int]:
    quoted_name = _QUOTED.match(text, start)
    if quoted_name and _ends(text, quoted_name.end()):
        return quoted_name[1].replace('""', '"'), quoted_name.end()
    for label in choices.divided:
        end = start + len(label)
        if _ends(text, end) and text[start:end].casefold() == label.casefold():
            return label, end
    end = min((place for char in _SEPARATORS if (place := text.find(char, start)) >= 0), default=len(text))
    return trimmed(text[start:end]), end


def _ends(text: str, place: int) -> bool:
    """Tell whether nothing but white space is between a place and the next separator."""
    rest = text[place:].lstrip(" \t\u00a0")
    return not rest or rest[0] in _SEPARATORS
