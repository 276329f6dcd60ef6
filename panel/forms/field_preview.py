"""An additional field as it will look in a customer's form, and where it will be seen, while it is being defined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict
from wtforms.form import BaseForm

from panel.forms.additional_field import CATEGORY_LABELS, AdditionalFieldForm
from panel.forms.customer import Shape
from panel.generator import read_config
from panel.models import GeneratorConfig
from panel.schema import HELP, Schema, current_schema
from panel.structures import MOST_INDEXED, has_room
from sync.fields import Bad, Field, Option
from sync.types import FIELD_TYPES
from sync.values import check_required, parse_value

SAMPLE = "sample"
"""The name of the input in which somebody tries a value."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A field being defined: `form` holds its one input, `problem` is that of its default value."""

    form: BaseForm
    generator: GeneratorConfig
    seen: str
    problem: str = ""

    @property
    def sample_problems(self) -> list[str]:
        """Return what is wrong with the value that somebody tries."""
        return list(self.form[SAMPLE].errors)


def preview_of(
    connection: Connection, form: AdditionalFieldForm, options: list[list[str]], sent: MultiDict[str, str]
) -> Preview:
    """Return what a definition, however unfinished, makes; `sent` may hold a sample, `options` are those of before."""
    field = _draft(form, options)
    default = parse_value(form.default.data or "", field) if form.uses("default") else None
    wrong = default.message if isinstance(default, Bad) else ""
    tried = MultiDict([(SAMPLE, text) for text in sent.getlist(SAMPLE)])
    generator = read_config(connection)
    shown = Shape((field,), _locked(form), generator).form(
        {SAMPLE: None if wrong else default}, tried if SAMPLE in sent else None
    )
    if SAMPLE in sent:
        _judge(shown)
    return Preview(shown, generator, seen_in(form, current_schema(connection)), wrong)


def _draft(form: AdditionalFieldForm, options: list[list[str]]) -> Field:
    """Return the field with what is right so far: a bound that is no number bounds nothing."""
    field = form.as_field(options)
    bounds: dict[str, Any] = {name: None for name in ("min", "max", "scale") if form[name].errors}
    chosen = field.options or ((Option("", _("The first option")),) if form.uses("options") else ())
    return replace(
        field,
        key=SAMPLE,
        label=field.label or _("The new field"),
        options=chosen,
        required=bool(form.required.data),
        help=str(HELP.get(field.target, "")),
        **bounds,
    )


def _locked(form: AdditionalFieldForm) -> dict[str, str]:
    if form.disabled.data:
        return {SAMPLE: _("Switched off.")}
    return {SAMPLE: _("For reading only.")} if form.read_only.data else {}


def _judge(shown: BaseForm) -> None:
    control = shown[SAMPLE]
    value = control.parsed()
    if isinstance(value, Bad):
        control.errors = control.refusals(value)
    elif not control.locked and (missing := check_required(value, control.field)):
        control.errors = [missing]


def seen_in(form: AdditionalFieldForm, schema: Schema) -> str:
    """Return in sentences where people will see the field, and whether lists will be quick by it."""
    if form.hidden.data:
        return str(_("It is kept, and seen nowhere but in history."))
    places = ", ".join(_places(form))
    sentences = [_("It is seen %(places)s.", places=places)]
    if form.category.data in CATEGORY_LABELS and form.category.data != "all":
        label = CATEGORY_LABELS[form.category.data]
        sentences.append(_("Only customers of the category %(category)s have it.", category=label))
    if _is_listed(form) and not has_room(schema, form.key.data or ""):
        words = _(
            "Lists are slower by it: an index is made for the first %(num)d fields that are in the list or searched.",
            num=MOST_INDEXED,
        )
        sentences.append(words)
    return " ".join(map(str, sentences))


def _is_listed(form: AdditionalFieldForm) -> bool:
    return any(form.uses(name) and form[name].data for name in ("show_in_list", "searchable"))


def _places(form: AdditionalFieldForm) -> Iterator[str]:
    if form.add.data or (form.required.data and not form.read_only.data):
        yield _("in the add window")
    yield _("on the edit page")
    if form.uses("show_in_list") and form.show_in_list.data:
        yield _("in the list")
    if form.uses("searchable") and form.searchable.data:
        yield _("by the search")
    if not (form.disabled.data or FIELD_TYPES[form.type.data].secret):
        yield _("in workbooks")
