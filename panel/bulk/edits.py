"""What somebody wants done to a field of many customers, and what it makes of each customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict
from wtforms.form import BaseForm

from panel.bulk.verdicts import CHANGE, OTHER, PROBLEM, SAME, Verdict
from panel.forms.customer import shape_of_edit
from panel.forms.registry import ENTRIES
from panel.forms.showing import shown
from panel.rights import the_schema
from panel.schema import Schema
from sync.errors import SyncError
from sync.fields import Bad, Field
from sync.records import Record
from sync.types import FIELD_TYPES
from sync.values import check_required, parse_value

SET, CLEAR, ADD, REMOVE = "set", "clear", "add", "remove"
HOWS = {
    "": lazy_gettext("Leave as it is"),
    SET: lazy_gettext("Set to"),
    ADD: lazy_gettext("Add"),
    REMOVE: lazy_gettext("Take away"),
    CLEAR: lazy_gettext("Clear"),
}


@dataclass(frozen=True, slots=True)
class Edit:
    """One field's edit: a canonical value that it is set to, or members that are added or taken away."""

    field: Field
    how: str
    value: Any = None

    def applied(self, old: Any) -> Any | Bad:
        """Return the value that a customer gets, or why it cannot have it."""
        if self.how in {SET, CLEAR}:
            return self.value
        members = tuple(old or ())
        there = {str(member).casefold() for member in members}
        if self.how == ADD:
            made = (*members, *(member for member in self.value if str(member).casefold() not in there))
        else:
            leaving = {str(member).casefold() for member in self.value}
            made = tuple(member for member in members if str(member).casefold() not in leaving)
        if made == members:
            return old
        if problem := check_required(made or None, self.field):
            return Bad(problem)
        # Each member is canonical already: only their number can be wrong, and parsing 100,000 sets takes a minute.
        is_bounded = self.field.min is not None or self.field.max is not None
        return parse_value(shown(made, self.field), self.field) if made and is_bounded else made or None

    def words(self) -> str:
        """Return the edit as a person reads it."""
        value = shown(self.value, self.field)
        sentences = {
            SET: _("%(field)s is set to %(value)s", field=self.field.name, value=value),
            CLEAR: _("%(field)s is cleared", field=self.field.name),
            ADD: _("%(value)s is added to %(field)s", field=self.field.name, value=value),
            REMOVE: _("%(value)s is taken away from %(field)s", field=self.field.name, value=value),
        }
        return str(sentences[self.how])

    def to_json(self) -> dict[str, Any]:
        """Return the edit as a job's option."""
        plain = None if self.value is None else FIELD_TYPES[self.field.type].to_json(self.value)
        return {"field": self.field.key, "how": self.how, "value": plain}


def editable_fields(connection: Connection, schema: Schema) -> tuple[Field, ...]:
    """Return the fields that the signed-in user may edit in many customers at once.

    What only one customer may have and what nobody sees is edited one by one.
    """
    shape = shape_of_edit(connection, schema)
    return tuple(field for field in shape.fields if field.key not in shape.locked and _is_for_many(field))


def _is_for_many(field: Field) -> bool:
    return not field.unique and not FIELD_TYPES[field.type].secret and FIELD_TYPES[field.type].typed


def hows_of(field: Field) -> dict[str, str]:
    """Return what can be done to a field: for a form's drop-down, the nothing included."""
    several = FIELD_TYPES[field.type].many
    possible = {"", SET} | ({ADD, REMOVE} if several else set()) | (set() if field.required else {CLEAR})
    return {how: str(words) for how, words in HOWS.items() if how in possible}


def form_of(fields: Sequence[Field], sent: MultiDict[str, str] | None, edits: Sequence[Edit] = ()) -> BaseForm:
    """Return the inputs of the fields, with what was sent or chosen before."""
    loose = {field.key: replace(field, required=False) for field in fields}
    form = BaseForm({key: ENTRIES[field.type].control(field, "") for key, field in loose.items()})
    form.process(sent, data={edit.field.key: edit.value for edit in edits})
    return form


def read_edits(form: BaseForm, fields: Sequence[Field], sent: Mapping[str, str]) -> list[Edit]:
    """Return the edits that a form asks for; what is wrong is noted beside its input."""
    edits: list[Edit] = []
    for field in fields:
        how = sent.get(f"how.{field.key}", "")
        if not how or how not in hows_of(field):
            continue
        value = None if how == CLEAR else _value(form[field.key], field, how)
        if isinstance(value, Bad):
            form[field.key].errors = [value.message]
        else:
            edits.append(Edit(field, how, value))
    return edits


def _value(control: Any, field: Field, how: str) -> Any | Bad:
    # A few members have to be neither as many nor as few as the field wants.
    bounds = field if how == SET else replace(field, min=None, max=None)
    value = parse_value(control.text, bounds)
    if value is not None:
        return value
    return Bad(check_required(None, field) or _("Fill this in, or choose another way."))


@dataclass(frozen=True, slots=True)
class Editing:
    """Judges customers by edits of their fields."""

    edits: tuple[Edit, ...]
    fields: tuple[Field, ...]

    def judge(self, record: Record) -> Verdict:
        """Return what the edits make of one customer: all of them, or none where one cannot be."""
        category = next((e.value for e in self.edits if e.field.key == "category"), record.values["category"])
        changes: dict[str, tuple[Any, Any]] = {}
        fitting = [edit for edit in self.edits if edit.field.category in {"all", category}]
        for edit in fitting:
            old = record.values[edit.field.key]
            new = edit.applied(old)
            if isinstance(new, Bad):
                return Verdict(PROBLEM, message=f"{edit.field.name}: {new.message}")
            if new != old:
                to_json = FIELD_TYPES[edit.field.type].to_json
                changes[edit.field.key] = tuple(None if v is None else to_json(v) for v in (old, new))  # type: ignore[assignment]  # a pair
        if changes:
            return Verdict(CHANGE, changes)
        return Verdict(SAME if fitting else OTHER)


def editing_of(connection: Connection, schema: Schema, plain: Sequence[Mapping[str, Any]]) -> Editing:
    """Return the judge of a job's edits; raise `SyncError` where one is no longer the signed-in user's to make."""
    open_ones = {field.key: field for field in editable_fields(connection, the_schema())}
    edits = []
    for one in plain:
        field = open_ones.get(one["field"])
        if field is None:
            raise SyncError(_("A field of this change is not there any more, or you may not edit it. Start again."))
        value = None if one["value"] is None else FIELD_TYPES[field.type].from_json(one["value"])
        edits.append(Edit(field, one["how"], value))
    read = {field.key: field for field in (*(e.field for e in edits), *_always(schema))}
    return Editing(tuple(edits), tuple(read.values()))


def _always(schema: Schema) -> list[Field]:
    seen = {field.key for field in the_schema().fields}
    return [field for field in schema.fields if field.key == "category" or field.key in seen & {"full_name"}]
