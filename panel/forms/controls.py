"""Inputs: text comes in, and the field's type says what it means and whether it says anything new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from flask import render_template
from markupsafe import Markup
from wtforms import Field as FormField

from panel.forms.showing import shown
from panel.relations import members, points_to_customers
from sync.fields import Bad, Field
from sync.types import FIELD_TYPES
from sync.types.choices import choices_of
from sync.values import parse_value
from sync.words import say


@dataclass(frozen=True, slots=True)
class Note:
    """What a person has to see of a field that somebody else changed meanwhile; `take` is the panel's as typed."""

    opened: str
    panel: str
    yours: str
    changed_by: str
    take: str


class TemplateWidget:
    """Draws an input with a template of its own."""

    def __init__(self, template: str) -> None:
        self.template = f"controls/{template}.html"

    def __call__(self, control: ValueInput, **attributes: Any) -> Markup:
        """Return the input's HTML."""
        return Markup(render_template(self.template, control=control, attributes=attributes))  # noqa: S704 - a template escapes


class ValueInput(FormField):
    """The input of one field; `text` is what it holds, `locked` why nobody may type in it."""

    widget = TemplateWidget("line")
    takes_files: ClassVar[bool] = False

    def __init__(self, field: Field, locked: str = "", **options: Any) -> None:
        super().__init__(field.name, description=say(field.help or FIELD_TYPES[field.type].hint), **options)
        self.field, self.locked, self.text = field, locked, ""
        self.note: Note | None = None

    def process_data(self, value: Any) -> None:
        """Show a canonical value."""
        self.text = self.written(shown(value, self.field))

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Take what the browser sent; an input that it did not send stays as it is."""
        if valuelist and not self.locked:
            self.text = self.received(valuelist)

    def put(self, value: Any) -> None:
        """Show a canonical value as if a person had typed it."""
        self.text = shown(value, self.field)

    def words(self, value: Any) -> str:
        """Return a canonical value as the form tells of it."""
        return shown(value, self.field)

    def taken(self, value: Any) -> str:
        """Return what the input holds once a canonical value was taken over."""
        return self.words(value)

    @property
    def typed(self) -> str:
        """Return what the input holds as the form tells of it."""
        return self.text

    def written(self, text: str) -> str:
        """Return a value's text as the browser needs it."""
        return text

    def received(self, sent: Sequence[str]) -> str:
        """Return the one text of everything that the browser sent for this input."""
        return sent[-1]

    def touched(self, base: Any) -> bool:
        """Tell whether a person changed what the input showed for `base`."""
        before = self.written(shown(base, self.field))
        if _as_posted(self.text) == _as_posted(before):
            return False
        return not FIELD_TYPES[self.field.type].unchanged(base, self.text, self.field)

    def parsed(self) -> Any | Bad:
        """Return the canonical value of the text, or why it has none."""
        return parse_value(self.text, self.field)

    def refusals(self, bad: Bad) -> list[str]:
        """Return what to say beside the input where its text has no value."""
        return [bad.message]

    @property
    def is_long(self) -> bool:
        """Tell whether the text has several lines, which an input of one line would lose."""
        return "\n" in self.text or "\r" in self.text


def _as_posted(text: str) -> str:
    """Return text as every browser's input of one or of several lines gives it back alike."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


class LongInput(ValueInput):
    """Text of several lines."""

    widget = TemplateWidget("lines")


class NumberInput(ValueInput):
    """A number, typed as people write it."""

    widget = TemplateWidget("number")


class DecimalInput(NumberInput):
    """A number with a fraction, shown with all the decimal places that its field keeps."""

    def written(self, text: str) -> str:
        """Return the number as long as its field keeps it, 49.9 as 49.90."""
        scale = FIELD_TYPES[self.field.type].scale(self.field)  # type: ignore[attr-defined]  # only decimal types come here
        whole, _dot, part = text.partition(".")
        return f"{whole}.{part.ljust(scale, '0')}" if text and scale else text


class DateInput(ValueInput):
    """A day."""

    widget = TemplateWidget("date")


class MomentInput(ValueInput):
    """A day with a time; browsers put a T between the two and want the time also at midnight."""

    widget = TemplateWidget("moment")

    def written(self, text: str) -> str:
        """Return the moment as a browser's input wants it."""
        if not text:
            return ""
        day, _, time = text.partition(" ")
        return f"{day}T{time or '00:00:00'}"

    def received(self, sent: Sequence[str]) -> str:
        """Return the moment without the browser's T."""
        return sent[-1].replace("T", " ", 1)

    def touched(self, base: Any) -> bool:
        """Tell whether another moment was chosen."""
        return not FIELD_TYPES[self.field.type].unchanged(base, self.text.replace("T", " ", 1), self.field)


class ChoiceInput(ValueInput):
    """One of the texts that the type allows."""

    widget = TemplateWidget("choice")

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Return what may be chosen with its words, and what is chosen although it no longer may."""
        allowed = FIELD_TYPES[self.field.type].allowed(self.field)
        texts = allowed if not self.text or self.text in allowed else (self.text, *allowed)
        return [(text, say(text) if self.field.type == "boolean" else self.field.option_name(text)) for text in texts]


class SeveralInput(ValueInput):
    """Any of the field's options; the browser sends a blank and the key of each ticked one."""

    widget = TemplateWidget("several")

    def received(self, sent: Sequence[str]) -> str:
        """Return the ticked options as the type writes them."""
        by_key = {str(option.key): option.key for option in self.field.options}
        keys = tuple(by_key.get(text, text) for text in sent if text)
        return shown(keys, self.field) if keys else ""

    @property
    def ticked(self) -> frozenset[str]:
        """Return the keys of the options that are chosen."""
        value = self.parsed()
        return frozenset() if value is None or isinstance(value, Bad) else frozenset(map(str, value))


class CustomerInput(ValueInput):
    """A customer by ID or login, found by typing where scripts run."""

    widget = TemplateWidget("customer")
    several = False

    @property
    def chosen(self) -> list[dict[str, str]]:
        """Return the customers that the text names, as the page's script wants them."""
        value = self.parsed()
        label = choices_of(self.field).label
        return [{"value": f"#{one}", "text": label(one)} for one in ([] if isinstance(value, Bad) else members(value))]


class CustomersInput(CustomerInput):
    """Several customers."""

    several = True


def relation_input(field: Field, locked: str = "", **options: Any) -> ValueInput:
    """Return the input of a relation: a choice where the records are listed."""
    return (CustomerInput if points_to_customers(field) else ChoiceInput)(field, locked, **options)


def relations_input(field: Field, locked: str = "", **options: Any) -> ValueInput:
    """Return the input of a multi-relation: ticks where the records are listed."""
    return (CustomersInput if points_to_customers(field) else SeveralInput)(field, locked, **options)


class SecretInput(ValueInput):
    """A secret: never shown, and left as it is where nothing is typed."""

    widget = TemplateWidget("secret")
