"""Inputs for how and where a customer is reached: several members in one line, a place on the map."""

from __future__ import annotations

from panel.forms.controls import TemplateWidget, ValueInput
from sync.fields import Bad
from sync.types import FIELD_TYPES
from sync.types.contacts import ContactsType


class MembersInput(ValueInput):
    """Several email addresses or phone numbers, separated by commas; each is refused by itself."""

    widget = TemplateWidget("members")

    @property
    def refused(self) -> dict[str, str]:
        """Return what is wrong with each member that is none, by its text."""
        field_type = FIELD_TYPES[self.field.type]
        if not isinstance(field_type, ContactsType):
            return {}
        spelled = {text: field_type.member.spell(text) for text in field_type.split(self.text)}
        return {text: found.message for text, found in spelled.items() if isinstance(found, Bad)}

    def refusals(self, bad: Bad) -> list[str]:
        """Return a sentence for each member that is none."""
        return list(self.refused.values()) or [bad.message]


class PlaceInput(ValueInput):
    """Latitude and longitude, typed or chosen on the map."""

    widget = TemplateWidget("place")
