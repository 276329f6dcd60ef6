"""Saving the form of any record: merged where somebody else wrote meanwhile, and told in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_babel import ngettext
from wtforms.form import BaseForm

from panel.changelog import LostRace, ValueTaken
from panel.entities import CUSTOMER, Entity
from panel.extensions import db
from panel.forms.customer import assign, problems_of, read_new, refuse_taken
from panel.forms.editing import Meanwhile, conflicts_of, kept_of, merge_form, since
from panel.views.messages import say, warn
from sync.fields import Field
from sync.records import Record

Check = Callable[[BaseForm, Mapping[str, Any]], None]
"""Notes beside its input whatever is wrong with the values that a record is going to have."""


def add_record(form: BaseForm, model: Any, entity: Entity, check: Check) -> bool:
    """Add a record with what a form says; False shows the form again."""
    values = read_new(form)
    refuse_taken(db.session.connection(), form, values, None, entity)
    check(form, values)
    if problems_of(form):
        db.session.rollback()
        return False
    for control in form:
        if values.get(control.field.key) is not None:
            assign(model, control.field, values[control.field.key], entity)
    db.session.add(model)
    return _is_committed(form)


def _no_check(_form: BaseForm, _values: Mapping[str, Any]) -> None:
    """Find nothing wrong beyond what the fields themselves say."""


def save_record(
    form: BaseForm,
    model: Any,
    record: Record,
    entity: Entity = CUSTOMER,
    check: Check = _no_check,
    name: str = "",
) -> bool:
    """Save what a form changed, merged into the record of this moment; False shows the form again."""
    fields = [control.field for control in form]
    before = meanwhile_of(record, fields, entity)
    values = merge_form(form, record.values, before)
    refuse_taken(db.session.connection(), form, values, record.id, entity)
    check(form, {**record.values, **values})
    kept = kept_of(fields, record.values, before, {*values, *(one.name for one in conflicts_of(form))})
    if problems_of(form) or conflicts_of(form):
        db.session.rollback()
        tell_kept(kept)
        return False
    for field in fields:
        if field.key in values:
            assign(model, field, values[field.key], entity)
    if not _is_committed(form):
        return False
    tell_saved(name or str(model), values)
    tell_kept(kept)
    return True


def _is_committed(form: BaseForm) -> bool:
    try:
        db.session.commit()
    except (ValueTaken, LostRace) as error:
        db.session.rollback()
        blame(form, error)
        return False
    return True


def meanwhile_of(record: Record, fields: Sequence[Field], entity: Entity = CUSTOMER) -> Meanwhile:
    """Return what happened to a record since the form that was sent was opened."""
    opened = request.form.get("_revision", "")
    opened_at = int(opened) if opened.isascii() and opened.isdecimal() and len(opened) < 18 else record.revision
    return since(db.session.connection(), record, fields, opened_at, entity)


def tell_saved(name: str, values: Mapping[str, Any]) -> None:
    """Tell how many fields were saved."""
    if values:
        fields = ngettext("%(num)d field was saved", "%(num)d fields were saved", len(values))
        say(_("%(name)s: %(fields)s.", name=name, fields=fields))
    else:
        say(_("There was nothing to save."))


def tell_kept(kept: Mapping[str, Sequence[str]]) -> None:
    """Tell what others changed meanwhile, by who and when, and the form did not touch."""
    for who, labels in kept.items():
        say(_("Changed meanwhile by %(who)s, and kept: %(fields)s.", who=who, fields=", ".join(labels)))


def blame(form: BaseForm, error: Exception) -> None:
    """Say beside its input, where there is one, why a form was not saved."""
    taken = error.field if isinstance(error, ValueTaken) else ""
    for control in form:
        if control.field.key == taken:
            control.errors = [str(error)]
            return
    # The value may be one that the user does not see.
    warn(_("A value that only one customer may have is taken. Ask an admin.") if taken else str(error))
