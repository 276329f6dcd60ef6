"""Config → System → Additional fields."""

from __future__ import annotations

from typing import Any

from flask import abort, jsonify, request
from flask_admin import expose
from sqlalchemy import select
from werkzeug.wrappers import Response

from panel.extensions import db
from panel.forms.additional_field import CATEGORY_LABELS, AdditionalFieldForm
from panel.forms.field_preview import preview_of
from panel.forms.uniqueness import claim_existing, release_all
from panel.models import AdditionalField
from panel.schema import ENTITY, TARGETS
from panel.views.guarded import AppModelView
from sync.fields import Field
from sync.types import FIELD_TYPES


def _category_label(_view: object, _context: object, model: AdditionalField, _name: str) -> str:
    return CATEGORY_LABELS.get(model.category, model.category)


def _type_label(_view: object, _context: object, model: AdditionalField, _name: str) -> str:
    return FIELD_TYPES[model.type].label


class AdditionalFieldView(AppModelView):
    """Fields that admins add to customers."""

    permission = "config"
    noun = "field"
    lead = "What else is to be known of a customer. A new field is at once in forms, lists, exports and imports."
    form = AdditionalFieldForm
    column_list = (
        "label",
        "key",
        "type",
        "category",
        "required",
        "is_unique",
        "add",
        "show_in_list",
        "searchable",
        "position",
    )
    column_labels = {"is_unique": "Unique", "show_in_list": "Show in list"}  # noqa: RUF012 - Flask-Admin's own form
    column_formatters = {"type": _type_label, "category": _category_label}  # noqa: RUF012 - likewise
    column_default_sort = [("position", False), ("id", False)]  # noqa: RUF012 - likewise
    form_template = "config/field.html"
    delete_word = "Retire"
    delete_done = "was retired"
    delete_question = "Its values are kept and shown only in history. Its key is never used again."

    @expose("/preview/", methods=("POST",))
    def preview_view(self) -> Response:
        """Answer with the input that the definition makes, and what is wrong with the sample in it."""
        model = self.model_or_404(request.args["id"]) if "id" in request.args else None
        form = self.edit_form(model) if model else self.create_form()
        form.validate()
        if form.type.errors:
            abort(400)
        options = list(model.options or ()) if model else []
        with db.session.no_autoflush:
            made = preview_of(db.session.connection(), form, options, request.form)
        page = {"form": made.form, "generator": made.generator, "seen": made.seen, "problem": made.problem}
        return jsonify(html=self.render("config/field_preview.html", **page), problems=made.sample_problems)

    def get_query(self) -> Any:
        """Return the fields in use."""
        return super().get_query().filter(AdditionalField.retired.is_(False))

    def get_count_query(self) -> Any:
        """Return the query that counts the fields in use."""
        return super().get_count_query().filter(AdditionalField.retired.is_(False))

    def get_one(self, id: str) -> AdditionalField | None:
        """Return a field in use."""
        model = db.session.get(AdditionalField, int(id))
        return None if model is None or model.retired else model

    def edit_form(self, obj: AdditionalField | None = None) -> Any:
        """Return the form of a field, its options one a line."""
        form = super().edit_form(obj)
        if obj:
            form.key.data, form.type.data, form.target.data = obj.key, obj.type, obj.target or TARGETS[0]
        if isinstance(form.options.data, list):
            form.options.data = "\n".join(label for _key, label in form.options.data)
        return form

    def create_model(self, form: AdditionalFieldForm) -> Any:
        """Add a field; its key is checked against all that there ever were."""
        keys = db.session.scalars(select(AdditionalField.key))
        if not form.check(None, keys):
            return False
        return super().create_model(form)

    def build_new_instance(self) -> AdditionalField:
        """Return a field without options."""
        return AdditionalField(entity=ENTITY, options=[])

    def update_model(self, form: AdditionalFieldForm, model: AdditionalField) -> Any:
        """Save a field; its key and its type stay."""
        if not form.check(model, ()):
            return False
        return super().update_model(form, model)

    def on_model_change(self, form: AdditionalFieldForm, model: AdditionalField, is_created: bool) -> None:
        """Claim or let go the values of a field that becomes unique, or is no longer."""
        with db.session.no_autoflush:
            _make_unique(model, form.as_field(model.options), unique=form.uses("is_unique") and form.is_unique.data)

    def delete_model(self, model: AdditionalField) -> bool:
        """Retire a field: values and history stay, and so does the claim on its key."""
        model.retired = True
        release_all(db.session.connection(), model.key)
        db.session.commit()
        self.after_model_delete(model)
        return True


def _make_unique(model: AdditionalField, described: Field, *, unique: bool) -> None:
    """Turn uniqueness on, after claiming every value, or off."""
    connection = db.session.connection()
    if unique and not model.is_unique:
        release_all(connection, model.key)
        claim_existing(connection, described)
    elif model.is_unique and not unique:
        release_all(connection, model.key)
    model.is_unique = unique
