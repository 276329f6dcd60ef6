"""The add and edit forms of a customer, made of the schema of this moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict
from wtforms.form import BaseForm

from panel.changelog import owners_of
from panel.entities import BILLING, CUSTOMER, Entity
from panel.extensions import db
from panel.forms.controls import ValueInput
from panel.forms.duplicates import Duplicate
from panel.forms.file_input import FileInput
from panel.forms.registry import ENTRIES
from panel.forms.showing import shown
from panel.generator import read_config
from panel.models import GeneratorConfig
from panel.newcomers import default_values
from panel.relations import NOBODY, members, named, points_to_customers, reachable, with_logins
from panel.rights import reach_of
from panel.schema import Schema
from sync.fields import Bad, Field
from sync.types import FIELD_TYPES
from sync.types.relations import unknown_names
from sync.values import check_required
from sync.words import say

# A new customer has the default status; there is no choice in the add form.
_NOT_ON_ADD = frozenset({"status"})


class CustomerForm(BaseForm):
    """One input a field, and who may be the same customer where a person is to look at them first."""

    duplicates: Sequence[Duplicate] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """What a form shows: its fields in order, and why some of them are locked."""

    fields: tuple[Field, ...]
    locked: Mapping[str, str]
    generator: GeneratorConfig | None = None

    def form(
        self, values: Mapping[str, Any], sent: MultiDict[str, str] | None = None, record_id: int | None = None
    ) -> CustomerForm:
        """Return the form of a customer, showing these canonical values and then what was sent."""
        form = CustomerForm({field.key: self._control(field) for field in known(self.fields, values, sent)})
        form.process(sent, data=dict(values))
        for control in form:
            if isinstance(control, FileInput):
                control.record_id = record_id
        return form

    def _control(self, field: Field) -> Any:
        return ENTRIES[field.type].control(field, self.locked.get(field.key, ""))


def shape_of_add(connection: Connection, schema: Schema) -> Shape:
    """Return the add form: the built-in fields in their order, and the additional ones that are placed there."""
    generator = read_config(connection)
    locked = _locked(schema)
    if not generator.login_change_on_add:
        locked["login"] = _("It is made when the customer is added.")
    return Shape(tuple(field for field in schema.fields if _is_on_add(schema, field)), locked, generator)


def _is_on_add(schema: Schema, field: Field) -> bool:
    placement = schema.placements.get(field.key)
    if placement is None:
        return field.key not in _NOT_ON_ADD and not field.part
    return not placement.hidden and (placement.add or (field.required and not field.read_only))


def shape_of_edit(connection: Connection, schema: Schema) -> Shape:
    """Return the edit form: every field that is not hidden."""
    generator = read_config(connection)
    locked = _locked(schema)
    if not generator.login_change_on_edit:
        locked["login"] = _("Logins are not changed after a customer was added.")
    return Shape(shown_fields(schema), locked, generator)


def shape_of_billing(schema: Schema) -> Shape:
    """Return the form of the rules of billing that are a customer's own."""
    fields = (field for field in shown_fields(schema, BILLING) if not field.derived)
    return Shape(tuple(fields), _locked(schema))


def shown_fields(schema: Schema, part: str = "") -> tuple[Field, ...]:
    """Return the fields of one part of a customer that people see."""
    hidden = {key for key, placement in schema.placements.items() if placement.hidden}
    return tuple(field for field in schema.fields if field.key not in hidden and field.part == part)


def listed_fields(schema: Schema) -> tuple[Field, ...]:
    """Return the fields that lists may show and be narrowed by."""
    return (*shown_fields(schema), *shown_fields(schema, BILLING))


def _locked(schema: Schema) -> dict[str, str]:
    locked = {field.key: _("For reading only.") for field in schema.fields if field.read_only}
    locked |= {key: _("Switched off.") for key, placement in schema.placements.items() if placement.disabled}
    if current_user.partner_id is not None:
        locked["partner"] = _("Your customers stay with your partner.")
    return locked


def first_values(connection: Connection, schema: Schema) -> dict[str, Any]:
    """Return what the add form starts with."""
    values = default_values(connection, schema)
    return values | ({"partner": current_user.partner_id} if current_user.partner_id is not None else {})


def applies(field: Field, form: BaseForm) -> bool:
    """Tell whether a field belongs to the category that the form's customer has."""
    if field.category == "all" or "category" not in form:
        return True
    return bool(form["category"].parsed() == field.category)


def read_new(form: BaseForm) -> dict[str, Any]:
    """Return the values of a new customer; what is wrong is noted beside its input."""
    values: dict[str, Any] = {}
    for control in _answered(form):
        value = control.parsed()
        if isinstance(value, Bad):
            control.errors = control.refusals(value)
        elif not control.locked and (problem := check_required(value, _fillable(control.field))):
            control.errors = [problem]
        else:
            values[control.field.key] = value
    return values


def left_blank(form: BaseForm, values: Mapping[str, Any]) -> frozenset[str]:
    """Return the fields that a person emptied although they could be filled: these get no default."""
    emptied = (one.field for one in _answered(form) if not one.locked and values.get(one.field.key) is None)
    return frozenset(field.key for field in emptied if not field.generated)


def _answered(form: BaseForm) -> Iterator[ValueInput]:
    return (control for control in form if applies(control.field, form))


def _fillable(field: Field) -> Field:
    return replace(field, required=False) if field.generated else field


def known(fields: Sequence[Field], values: Mapping[str, Any], sent: MultiDict[str, str] | None) -> tuple[Field, ...]:
    """Return the fields with the labels of what a form shows, and with the customers whose logins were typed."""
    connection, reach = db.session.connection(), reach_of(current_user)
    texts = sent.to_dict() if sent else {}
    typed = {one.key: unknown_names(texts.get(one.key, ""), one) for one in fields if points_to_customers(one)}
    named_ones = named(connection, fields, [values], reach)
    return tuple(
        with_logins(connection, field, typed[field.key], reach) if typed.get(field.key) else field
        for field in named_ones
    )


def refuse_unreachable(form: BaseForm, values: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Note beside its input each customer that a value newly points to and the signed-in user may not point to."""
    pointing = [control for control in form if points_to_customers(control.field) and not control.errors]
    new = {
        control: set(members(values.get(control.field.key))) - set(members(before.get(control.field.key)))
        for control in pointing
    }
    wanted = set().union(*new.values())
    there = reachable(db.session.connection(), wanted, reach_of(current_user)) if wanted else set()
    for control, ids in new.items():
        if missing := sorted(ids - there):
            control.errors = [_(NOBODY, id=missing[0])]


def refuse_taken(
    connection: Connection,
    form: BaseForm,
    values: Mapping[str, Any],
    record_id: int | None,
    entity: Entity = CUSTOMER,
) -> None:
    """Note beside its input each unique value that another record has."""
    for control in form:
        field = control.field
        value = values.get(field.key)
        if field.unique and value is not None and not control.errors:
            wanted = FIELD_TYPES[field.type].key_of(value)
            owners = owners_of(connection, [{"field": field.key, "value": wanted}], entity.key)
            if owners.get((field.key, wanted), record_id) != record_id:
                control.errors = [
                    _(
                        "'%(value)s' belongs to another %(noun)s. Choose another.",
                        value=shown(value, field),
                        noun=say(entity.noun),
                    )
                ]


def assign(record: Any, field: Field, value: Any, entity: Entity = CUSTOMER) -> None:
    """Give a record one canonical value."""
    field_type = FIELD_TYPES[field.type]
    if field_type.secret and value is None:
        return
    if field_type.secret and not field.additional:
        record.set_password(value)
    elif field.additional:
        plain = None if value is None else field_type.to_json(value)
        kept = {key: other for key, other in (record.extra or {}).items() if key != field.key}
        record.extra = kept if plain is None else {**kept, field.key: plain}
    else:
        setattr(record, entity.column_name(field.key), list(value or ()) if field_type.many else value)


def problems_of(form: BaseForm) -> list[ValueInput]:
    """Return the inputs that something is wrong with, in the form's order."""
    return [control for control in form if control.errors]
