"""The forms of a customer: adding one, and editing one together with others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import abort, jsonify, redirect, render_template, request
from flask_admin import expose
from flask_babel import gettext as _
from flask_login import current_user
from wtforms.form import BaseForm

from panel.changelog import LostRace, ValueTaken
from panel.database import reading
from panel.exports.out import workbooks_with
from panel.extensions import db
from panel.files.storing import LostFile
from panel.forms.customer import (
    CustomerForm,
    Shape,
    applies,
    assign,
    first_values,
    left_blank,
    problems_of,
    read_new,
    refuse_taken,
    refuse_unreachable,
    shape_of_add,
    shape_of_edit,
)
from panel.forms.duplicates import Duplicate, Scope, duplicates_of, new_members
from panel.forms.editing import conflicts_of, kept_of, merge_form
from panel.forms.reaching import MembersInput
from panel.forms.sending import attach_files, receive
from panel.models import Customer
from panel.newcomers import default_values
from panel.pattern import PatternError
from panel.rights import the_schema
from panel.schema import Schema
from panel.views.customer_query import called, find_open, id_of, lock_customer, visible
from panel.views.guarded import AppModelView
from panel.views.history import change_of
from panel.views.messages import say, warn
from panel.views.saving import blame, meanwhile_of, tell_kept, tell_saved
from sync.fields import Bad
from sync.records import Record
from sync.types import FIELD_TYPES
from sync.values import read_json


class CustomerForms(AppModelView):
    """Adds and edits customers."""

    create_template = "customers/add.html"
    edit_template = "customers/edit.html"

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> Any:
        """Show the form for a new customer, or add it."""
        if not self.can_create:
            abort(403)
        schema = the_schema()
        shape = shape_of_add(db.session.connection(), schema)
        sent = receive(shape)
        form = sent.form(shape, first_values(db.session.connection(), schema))
        customer = _added(form, schema) if request.method == "POST" else None
        if customer is None:
            return self._page(self.create_template, shape, form, first_status=_first_status(schema))
        say(_added_sentence(customer, schema))
        again = "_another" in request.form
        return redirect(self.get_url(".create_view") if again else self.get_url(".details_view", id=customer.id))

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """Show a customer's form, or save it."""
        if not self.can_edit:
            abort(403)
        shape = shape_of_edit(db.session.connection(), the_schema())
        record_id = id_of(request.args.get("id"))
        sent = receive(shape) if find_open((), record_id) else abort(404)
        customer = lock_customer(record_id) if request.method == "POST" else None
        record = find_open(shape.fields, record_id) or abort(404)
        form = sent.form(shape, record.values, record.id)
        if customer is not None and _saved(form, customer, record, shape):
            return redirect(self.get_url(".details_view", id=record.id))
        return self._page(self.edit_template, shape, form, record=record, outs=workbooks_with(record.id))

    @expose("/put-back/", methods=("POST",))
    def put_back_view(self) -> Any:
        """Give a customer the value again that a field had before one of its revisions, as an edit like any other."""
        if not self.can_edit:
            abort(403)
        shape = shape_of_edit(db.session.connection(), the_schema())
        customer = lock_customer(id_of(request.form.get("id"))) or abort(404)
        record = find_open(shape.fields, customer.id) or abort(404)
        form = shape.form(record.values, record_id=record.id)
        if not _put_back(form, record.id):
            warn(_("This value cannot be put back here."))
        elif not _saved(form, customer, record, shape):
            return self._page(self.edit_template, shape, form, record=record, outs=workbooks_with(record.id))
        return redirect(self.get_url(".details_view", id=record.id))

    @expose("/check/", methods=("POST",))
    def check_view(self) -> Any:
        """Answer, while somebody types, with what is wrong with single members and who may be the same customer."""
        is_new = "_id" not in request.form
        if not (self.can_create if is_new else self.can_edit):
            abort(403)
        with reading() as connection:
            shape = (shape_of_add if is_new else shape_of_edit)(connection, the_schema())
            record = None if is_new else find_open(shape.fields, id_of(request.form["_id"])) or abort(404)
            before = record.values if record else {}
            form = shape.form(before, request.form)
            found = _duplicates(_entered(form, before), before, record and record.id)
            refused = {one.name: one.refused for one in form if isinstance(one, MembersInput)}
            words = render_template("customers/duplicates.html", duplicates=found) if found else ""
        return jsonify(refused=refused, duplicates=words)

    def _page(self, template: str, shape: Shape, form: CustomerForm, **values: Any) -> str:
        problems = [*problems_of(form), *(one for one in conflicts_of(form) if not one.errors)]
        return str(self.render(template, form=form, generator=shape.generator, problems=problems, **values))


def _first_status(schema: Schema) -> str:
    """Return the label of the status that new customers get, blank where the user may not see it."""
    first = default_values(db.session.connection(), schema)["status"]
    options = next((field.options for field in schema.fields if field.key == "status"), ())
    return next((option.label for option in options if option.key == first), "")


def _put_back(form: BaseForm, record_id: int) -> bool:
    """Put into its input what a field had before the revision that the request names, if that is known."""
    key = request.form.get("field", "")
    change = change_of(record_id, id_of(request.form.get("number")), key)
    if change is None or key not in form or form[key].locked or FIELD_TYPES[form[key].field.type].secret:
        return False
    plain, field = change[0], form[key].field
    value = read_json(plain, field)
    if value is None and plain is not None:
        return False
    form[key].put(value)
    return True


def _entered(form: CustomerForm, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a person has changed so far and that are values."""
    touched = (one for one in form if not one.locked and applies(one.field, form) and one.touched(before.get(one.name)))
    values = {one.name: one.parsed() for one in touched}
    return {key: value for key, value in values.items() if not isinstance(value, Bad)}


def _duplicates(values: Mapping[str, Any], before: Mapping[str, Any], record_id: int | None) -> list[Duplicate]:
    """Return whom the signed-in user sees and who may be the customer to whom these values are to be written."""
    scope = Scope(the_schema().fields, visible(), record_id)
    entered = {key: new_members(key, values, before) for key in values}
    return duplicates_of(db.session.connection(), scope, entered, {**before, **values})


def _is_double(
    form: CustomerForm, values: Mapping[str, Any], before: Mapping[str, Any], record_id: int | None = None
) -> bool:
    """Tell whether the form is to be shown again, with customers who may be the same and were not shown before."""
    shown = frozenset(request.form.get("_looked_at", "").split())
    found = _duplicates(values, before, record_id)
    if all(one.marks <= shown for one in found):
        return False
    form.duplicates = found
    return True


def _added(form: CustomerForm, schema: Schema) -> Customer | None:
    values = read_new(form)
    refuse_taken(db.session.connection(), form, values, None)
    refuse_unreachable(form, values, {})
    if problems_of(form) or _is_double(form, values, {}):
        return None
    if current_user.partner_id is not None:
        values["partner"] = current_user.partner_id
    customer = Customer()
    customer.left_blank = left_blank(form, values)
    for field in (*schema.fields, *schema.unseen):
        if values.get(field.key) is not None:
            assign(customer, field, values[field.key])
    db.session.add(customer)
    return customer if _committed(form, customer, values) else None


def _saved(form: CustomerForm, customer: Customer, record: Record, shape: Shape) -> bool:
    """Save what the form changed, merged into the customer of this moment; False shows the form again."""
    meanwhile = meanwhile_of(record, shape.fields)
    values = merge_form(form, record.values, meanwhile)
    refuse_taken(db.session.connection(), form, values, record.id)
    refuse_unreachable(form, values, record.values)
    decided = {*values, *(one.name for one in conflicts_of(form))}
    kept = kept_of(shape.fields, record.values, meanwhile, decided)
    if problems_of(form) or conflicts_of(form) or _is_double(form, values, record.values, record.id):
        db.session.rollback()
        tell_kept(kept)
        return False
    for field in shape.fields:
        if field.key in values:
            assign(customer, field, values[field.key])
    if not _committed(form, customer, values):
        return False
    tell_saved(called(customer, the_schema()), values)
    tell_kept(kept)
    return True


def _added_sentence(customer: Customer, schema: Schema) -> str:
    name = called(customer, schema)
    if any(field.key == "login" for field in schema.unseen):
        return str(_("%(name)s was added.", name=name))
    return str(_("%(name)s was added with the login %(login)s.", name=name, login=customer.login))


def _committed(form: BaseForm, customer: Customer, values: Mapping[str, Any]) -> bool:
    try:
        db.session.flush()
        attach_files(db.session.connection(), form, values, customer.id)
        db.session.commit()
    except (ValueTaken, LostRace, LostFile, PatternError) as error:
        db.session.rollback()
        blame(form, error)
        return False
    return True
