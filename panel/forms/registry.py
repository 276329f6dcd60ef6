"""What the panel knows of each field type beyond `sync`: its input, its filters, its search, its SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement

from panel.forms import searching
from panel.forms.conditions import (
    ANY_OF,
    CONTAINS,
    EMPTY,
    FROM,
    HAS,
    HAS_ANY,
    IS,
    IS_NOT,
    LACKS,
    LAST,
    NAMED,
    NEXT,
    NONE_OF,
    SINCE,
    STARTS,
    TO,
    UNTIL,
    WITHIN,
    FieldFilter,
    Operation,
)
from panel.forms.controls import (
    ChoiceInput,
    DateInput,
    DecimalInput,
    LongInput,
    MomentInput,
    NumberInput,
    SecretInput,
    SeveralInput,
    ValueInput,
    relation_input,
    relations_input,
)
from panel.forms.file_input import FileInput
from panel.forms.links import Link, customer_links, file_links, no_links
from panel.forms.ordering import Order, order_of
from panel.forms.reaching import MembersInput, PlaceInput
from panel.forms.searching import Search
from panel.forms.showing import (
    answer_shown,
    choice_shown,
    date_shown,
    decimal_shown,
    moment_shown,
    shown,
    whole_number_shown,
)
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.types.choices import CUSTOMER
from sync.values import read_json

LOOKED_UP = frozenset({"is_unique", "show_in_list", "searchable"})
COMMON_SETTINGS = LOOKED_UP | {"default"}
"""What an admin may set for fields of nearly all types."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One field type in the panel.

    `storage` is how SQL sees its values (`expressions`), `settings` what an admin may set for a field of it
    beyond what every type has, `lacks` what it has not of that, `data_type` the browser's input for a filter's
    value, `in_words` how people read a value, `links` the pages that it leads to, `scheme` that of addresses that
    open it in a program of the person's.
    """

    control: Callable[[Field, str], ValueInput] = ValueInput
    operations: tuple[Operation, ...] = (CONTAINS, LACKS, IS, IS_NOT, STARTS, EMPTY)
    search: Search | None = searching.by_text
    storage: str = "text"
    settings: frozenset[str] = field(default_factory=frozenset)
    lacks: frozenset[str] = field(default_factory=frozenset)
    data_type: str = "text"
    right_aligned: bool = False
    is_sorted: bool = True
    in_words: Callable[[Any, Field], str] = shown
    links: Callable[[Any, Field], list[Link]] = no_links
    scheme: str = ""


_RANGE = (IS, IS_NOT, FROM, TO, EMPTY)
_DATES = (SINCE, UNTIL, LAST, NEXT, EMPTY)
_CHOICE = (ANY_OF, NONE_OF, IS, IS_NOT, EMPTY)
_IN_TEXT = (CONTAINS, LACKS, EMPTY)
_BOUNDS = frozenset({"bounds"})

_DECIMAL = Entry(
    DecimalInput,
    _RANGE,
    searching.by_value,
    "decimal",
    _BOUNDS | {"scale"},
    right_aligned=True,
    in_words=decimal_shown,
)

_SECRET = Entry(SecretInput, (), None, settings=_BOUNDS, lacks=LOOKED_UP | {"default"})

ENTRIES: dict[str, Entry] = {
    "string": Entry(settings=_BOUNDS),
    "text": Entry(LongInput, _IN_TEXT, settings=_BOUNDS),
    "integer": Entry(
        NumberInput,
        _RANGE,
        searching.by_value,
        "integer",
        _BOUNDS,
        data_type="number",
        right_aligned=True,
        in_words=whole_number_shown,
    ),
    "decimal": _DECIMAL,
    "money": _DECIMAL,
    "date": Entry(DateInput, (IS, *_DATES), searching.by_value, data_type="date", in_words=date_shown),
    "datetime": Entry(MomentInput, _DATES, searching.by_value, data_type="datetime-local", in_words=moment_shown),
    "boolean": Entry(
        ChoiceInput,
        (IS, IS_NOT, EMPTY),
        None,
        "boolean",
        in_words=answer_shown,
        lacks=frozenset({"is_unique", "searchable"}),
    ),
    "select": Entry(ChoiceInput, _CHOICE, searching.by_option, settings=frozenset({"options"}), in_words=choice_shown),
    "multi_select": Entry(SeveralInput, (HAS_ANY, HAS, EMPTY), searching.by_options, settings=_BOUNDS | {"options"}),
    "email": Entry(scheme="mailto:"),
    "phone": Entry(search=searching.by_digits, scheme="tel:"),
    "url": Entry(),
    "ip": Entry(),
    "mac": Entry(),
    "emails": Entry(MembersInput, _IN_TEXT, searching.by_contact, scheme="mailto:"),
    "phones": Entry(MembersInput, _IN_TEXT, searching.by_contact, scheme="tel:"),
    "reference": Entry(ChoiceInput, (ANY_OF, NONE_OF, IS, IS_NOT), searching.by_option),
    "geo": Entry(PlaceInput, (WITHIN, *_IN_TEXT), scheme="geo:"),
    "relation": Entry(
        relation_input, _CHOICE, searching.by_relation, "integer", frozenset({"target"}), links=customer_links
    ),
    "multi_relation": Entry(
        relations_input,
        (HAS_ANY, HAS, EMPTY),
        searching.by_relations,
        settings=_BOUNDS | {"target"},
        links=customer_links,
    ),
    "file": Entry(
        FileInput,
        (NAMED, EMPTY),
        None,
        "integer",
        lacks=frozenset({"is_unique", "searchable", "default"}),
        is_sorted=False,
        links=file_links,
    ),
    "days": Entry(operations=_RANGE, search=None, storage="integer", right_aligned=True),
    "secret": _SECRET,
    "password": _SECRET,
}
"""Every type by its key. A type that is missing here fails a test."""


def settings_of(type_key: str) -> frozenset[str]:
    """Return what an admin may set for fields of a type."""
    entry = ENTRIES[type_key]
    return (entry.settings | COMMON_SETTINGS) - entry.lacks


def filters_of(one: Field) -> Iterator[FieldFilter]:
    """Yield every filter of a field."""
    entry = ENTRIES[one.type]
    listed = one.target != CUSTOMER
    for operation in (operation for operation in entry.operations if listed or operation.takes != "options"):
        yield FieldFilter(one, entry.storage, operation, entry.data_type)


def finds(one: Field, word: str) -> ColumnElement[bool] | None:
    """Return the condition that a word is found in a field, or None where its type is not searched."""
    entry = ENTRIES[one.type]
    return entry.search(one, entry.storage, word) if entry.search else None


def is_sorted(one: Field) -> bool:
    """Tell whether a list can be sorted by a field."""
    # What has no index, a list of a million is not sorted by.
    return ENTRIES[one.type].is_sorted and not (FIELD_TYPES[one.type].secret or one.part)


def sorts_by(one: Field) -> Order:
    """Return how a list is sorted by a field."""
    return order_of(one, ENTRIES[one.type].storage)


def in_words(value: Any, one: Field) -> str:
    """Return a canonical value as people read it, in the user's locale; nothing for a secret."""
    return ENTRIES[one.type].in_words(value, one)


def shown_json(plain: Any, field: Field | None) -> str:
    """Return a value of the change log as people read it, also where its field is gone."""
    if plain is None:
        return ""
    value = None if field is None else read_json(plain, field)
    if field is None or value is None:
        return ", ".join(map(str, plain)) if isinstance(plain, list) else str(plain)
    return in_words(value, field)
