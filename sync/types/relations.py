"""Other records: partners and locations by their unique labels, customers by ID, because there are so many."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from sync.cells import RawCell
from sync.fields import Bad, Example, Field, Option
from sync.types.choices import CUSTOMER, MultiSelectType, ReferenceType, choices_of, names_in
from sync.types.text import as_text, trimmed
from sync.types.value import shown_value
from sync.words import later

_LOCATIONS = Field(
    "location", "Location", "relation", options=(Option(1, "Brno"), Option(2, "North, East")), target="location"
)
_PAYERS = Field("payer", "Payer", "relation", options=(Option(7, "#7 Novak, Jan"), Option(8, "eva")), target=CUSTOMER)
_NO_CUSTOMER = "{} is no customer. Write # and the ID, as in #1042, or a login."


class RelationType(ReferenceType):
    """One other record; its ID is the value.

    The options of a field that points to customers are only the labels and logins that are known at the moment:
    any ID may be meant, and whoever writes it makes sure that there is such a customer.
    """

    key = "relation"
    label = later("Relation")
    additional = True
    hint = later("Another record, by its name or ID")
    examples: ClassVar[tuple[Example, ...]] = (
        Example("Brno", 1, "Brno", _LOCATIONS),
        Example("north, east", 2, "North, East", _LOCATIONS),
        Example(2.0, 2, "North, East", _LOCATIONS),
        Example("", None, None, _LOCATIONS),
        Example("Brmo", Bad("'Brmo' is none of the options. Did you mean 'Brno'?"), None, _LOCATIONS),
        Example("#7", 7, "#7 Novak, Jan", _PAYERS),
        Example("#7 renamed since", 7, "#7 Novak, Jan", _PAYERS),
        Example(" 7 ", 7, "#7 Novak, Jan", _PAYERS),
        Example(1042.0, 1042, "#1042", _PAYERS),
        Example("Eva", 8, "eva", _PAYERS),
        Example("#", Bad(_NO_CUSTOMER.format("'#'")), None, _PAYERS),
        Example("#-7", Bad(_NO_CUSTOMER.format("'#-7'")), None, _PAYERS),
        Example("007", Bad(_NO_CUSTOMER.format("'007'")), None, _PAYERS),
        Example("#9223372036854775808", Bad(_NO_CUSTOMER.format("'#9223372036854775808'")), None, _PAYERS),
    )

    def allowed(self, field: Field) -> tuple[str, ...]:
        """Return the labels of all options; customers are too many for a dropdown."""
        return () if field.target == CUSTOMER else super().allowed(field)


class MultiRelationType(MultiSelectType):
    """Several other records; their IDs are the value."""

    key = "multi_relation"
    label = later("Multi-relation")
    hint = later("Other records, by name or ID, separated by commas")
    examples: ClassVar[tuple[Example, ...]] = (
        Example("north, east; Brno", (1, 2), 'Brno, "North, East"', _LOCATIONS),
        Example(1, (1,), "Brno", _LOCATIONS),
        Example("", None, None, _LOCATIONS),
        Example("Brno, Brmo", Bad("'Brmo' is none of the options. Did you mean 'Brno'?"), None, _LOCATIONS),
        Example('eva; "#7 Novak, Jan", #1042', (7, 8, 1042), '"#7 Novak, Jan", eva, #1042', _PAYERS),
        Example("#7 Novak, Jan, 9", (7, 9), '"#7 Novak, Jan", #9', _PAYERS),
        Example("#7, #7", (7,), '"#7 Novak, Jan"', _PAYERS),
        Example("#7, #", Bad(_NO_CUSTOMER.format("'#'")), None, _PAYERS),
    )


def unknown_names(raw: RawCell, field: Field) -> Collection[str]:
    """Return what a cell calls customers other than by ID: logins, for whoever can look them up."""
    shown = shown_value(raw)
    if not isinstance(shown, str) or not trimmed(shown):
        return ()
    choices, text = choices_of(field), as_text(shown)
    names = names_in(text, choices) if field.type == MultiRelationType.key else [trimmed(text)]
    return [name for name in names if choices.find(name) is None]
