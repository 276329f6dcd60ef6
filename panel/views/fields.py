"""Config → System → Additional fields."""

from __future__ import annotations

from typing import Any

from flask import abort, g, jsonify, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from panel.authors import current_author
from panel.database import TooSlow, writing
from panel.extensions import db
from panel.fields_work import converting, defaults
from panel.fields_work.listing import are_many, fields_in_use, move, put_in_order, retired_fields, usage
from panel.fields_work.options import gone_options, moves_of, start_moving
from panel.fields_work.retiring import refuse_too_many, restore, retire
from panel.forms.additional_field import CATEGORY_LABELS, AdditionalFieldForm
from panel.forms.field_preview import preview_of
from panel.forms.registry import settings_of
from panel.forms.uniqueness import NotUnique, claim_existing, release_all
from panel.models import AdditionalField
from panel.rights import NONE, rights_of
from panel.schema import ENTITY, TARGETS, forget_schema
from panel.views.customer_query import number_of
from panel.views.guarded import AppModelView
from panel.views.messages import say, warn
from sync.errors import SyncError
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.words import later

FLAGS = {
    "required": lazy_gettext("Required"),
    "is_unique": lazy_gettext("Unique"),
    "show_in_list": lazy_gettext("Show in list"),
    "add": lazy_gettext("Add"),
    "searchable": lazy_gettext("Searchable"),
}
"""What the list of fields tells with a tick, in the original's order."""


class AdditionalFieldView(AppModelView):
    """Fields that admins add to customers."""

    permission = "config"
    noun = lazy_gettext("field")
    form = AdditionalFieldForm
    column_list = ("label",)
    list_template = "config/fields.html"
    form_template = "config/field.html"
    delete_word = lazy_gettext("Retire")
    delete_done = later("%(name)s was retired.")
    delete_question = later("Retire %(name)s? Its values are kept and shown only in history. You can restore it.")

    @expose("/")
    def index_view(self) -> str:
        """Show the fields in their order, those that were retired below."""
        fields = [one for one in fields_in_use() if not _is_unseen(one)]
        total, counts = self._counted(fields)
        retired = [one for one in retired_fields() if not _is_unseen(one)]
        page: dict[str, Any] = {"fields": fields, "retired": retired, "total": total, "counts": counts}
        page |= {"flags": list(FLAGS.items()), "types": FIELD_TYPES, "categories": CATEGORY_LABELS}
        return str(self.render(self.list_template, filled_url=_filled_url, **page))

    def _counted(self, fields: list[AdditionalField]) -> tuple[int, dict[str, int]]:
        connection = db.session.connection()
        if not fields or (are_many(connection) and "counted" not in request.args):
            return 0, {}
        try:
            return usage(connection, fields)
        except TooSlow as error:
            warn(str(error))
            return 0, {}

    @expose("/move/", methods=("POST",))
    def move_view(self) -> Response:
        """Move a field one place up or down."""
        self._refuse_others()
        field = self.model_or_404(request.form.get("id"))
        with writing():
            move(field.id, -1 if request.form.get("to") == "up" else 1)
        forget_schema()
        return redirect(self.get_url(".index_view"))

    @expose("/order/", methods=("POST",))
    def order_view(self) -> tuple[str, int]:
        """Save the order that the list was dragged into."""
        self._refuse_others()
        ids = [number_of(text) for text in request.form.get("ids", "").split(",")]
        with writing():
            put_in_order(ids)
        forget_schema()
        return "", 204

    @expose("/restore/", methods=("POST",))
    def restore_view(self) -> Response:
        """Bring a retired field back, or say why it stays retired."""
        self._refuse_others()
        number = number_of(request.form.get("id"))
        try:
            with writing() as connection:
                field = db.session.get(AdditionalField, number)
                if field is None or not field.retired:
                    abort(404)
                restore(connection, field)
                say(_("%(label)s was restored.", label=field.label))
        except SyncError as error:
            warn(_("It stays retired. %(reason)s", reason=str(error)))
        forget_schema()
        return redirect(self.get_url(".index_view"))

    def _refuse_others(self) -> None:
        if not self.can_edit:
            abort(403)

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

    def get_one(self, id: str) -> AdditionalField | None:
        """Return a field in use that the signed-in user sees: its pages tell values."""
        model = db.session.get(AdditionalField, int(id))
        return None if model is None or model.retired or _is_unseen(model) else model

    def edit_form(self, obj: AdditionalField | None = None) -> Any:
        """Return the form of a field, its options one a line."""
        form = super().edit_form(obj)
        if obj:
            form.key.data, form.type.data, form.target.data = obj.key, obj.type, obj.target or TARGETS[0]
            form.spent = frozenset(one[0] for one in obj.former_options or ())
        return form

    def create_model(self, form: AdditionalFieldForm) -> Any:
        """Add a field; its key is checked against all that there ever were."""
        keys = db.session.scalars(select(AdditionalField.key))
        if not form.check(None, keys):
            return False
        try:
            refuse_too_many(db.session.connection())
        except SyncError as error:
            form.key.errors = [str(error)]
            return False
        return super().create_model(form)

    def build_new_instance(self) -> AdditionalField:
        """Return a field without options, the last one."""
        last = db.session.scalar(select(func.max(AdditionalField.position))) or 0
        return AdditionalField(entity=ENTITY, options=[], position=last + 1)

    def update_model(self, form: AdditionalFieldForm, model: AdditionalField) -> Any:
        """Save a field; its key and its type stay. Options that customers have go where the form says."""
        if not form.check(model, ()):
            return False
        wanted = form.options_now(model.options or ())
        if form.uses("options"):
            with db.session.no_autoflush:
                form.gone = gone_options(db.session.connection(), model, wanted)
        answers = dict(zip(request.form.getlist("gone"), request.form.getlist("gone_to"), strict=False))
        form.moves = moves_of(form.gone, wanted, answers, required=bool(form.required.data))
        if form.moves is None:
            form.options.errors = [_("Customers have an option that you take away. Say where they go.")]
            return False
        return super().update_model(form, model)

    def on_model_change(self, form: AdditionalFieldForm, model: AdditionalField, is_created: bool) -> None:
        """Claim or let go the values of a field that becomes unique, or is no longer."""
        with db.session.no_autoflush:
            _make_unique(model, form.as_field(model.options), unique=form.uses("is_unique") and form.is_unique.data)
        if form.moves:
            g.field_job = start_moving(model, form.gone, form.moves, current_author()).id

    @expose("/type/", methods=("GET", "POST"))
    def type_view(self) -> Any:
        """Show what another type would make of the values, or have it made."""
        self._refuse_others()
        model = self.model_or_404(request.values.get("id"))
        number, key, to = model.id, model.key, request.values.get("to", "")
        try:
            if request.method == "POST":
                with writing():
                    job = converting.start(key, to, current_author(), clear=bool(request.form.get("clear"))).id
                forget_schema()
                return redirect(url_for("jobs.show", number=job))
            run = converting.dry_run(db.session.connection(), key, to) if to else None
        except SyncError as error:
            warn(str(error))
            return redirect(self.get_url(".edit_view", id=number))
        choices = converting.types_for(model.type)
        return self.render("config/type.html", model=model, run=run, choices=choices, types=FIELD_TYPES)

    def handle_view_exception(self, exc: Exception) -> bool:
        """Let the form lead to customers who have the same value where that is in the way."""
        if isinstance(exc, NotUnique):
            g.not_unique = exc.examples
        return super().handle_view_exception(exc)

    def after_save(self, model: AdditionalField) -> str:
        """Go on to the default for all where that was asked for, to the work that saving began, or to the list."""
        running = g.pop("field_job", None)
        if request.form.get("set_default") and "default" in settings_of(model.type):
            return str(self.get_url(".default_view", id=model.id))
        return super().after_save(model) if running is None else url_for("jobs.show", number=running)

    @expose("/default/", methods=("GET", "POST"))
    def default_view(self) -> Any:
        """Show what setting the default value for all does, or have it done."""
        self._refuse_others()
        model = self.model_or_404(request.values.get("id"))
        number, key = model.id, model.key
        try:
            if request.method == "POST":
                with writing():
                    job = defaults.start(key, current_author(), overwrite=request.form.get("which") == "all").id
                return redirect(url_for("jobs.show", number=job))
            plan = defaults.plan_default(db.session.connection(), key)
        except SyncError as error:
            warn(str(error))
            return redirect(self.get_url(".edit_view", id=number))
        return self.render("config/default.html", model=model, plan=plan, filled_url=_filled_url)

    def delete_model(self, model: AdditionalField) -> bool:
        """Retire a field: values and history stay, and so does the claim on its key."""
        retire(db.session.connection(), model)
        db.session.commit()
        self.after_model_delete(model)
        return True


def _is_unseen(model: AdditionalField) -> bool:
    return rights_of(current_user).of(model.key) == NONE


def _filled_url(field: AdditionalField) -> str:
    conditions: dict[str, Any] = {f"flt_{field.key}_empty": "No"}
    return url_for("customers.index_view", **conditions)


def _make_unique(model: AdditionalField, described: Field, *, unique: bool) -> None:
    """Turn uniqueness on, after claiming every value, or off."""
    connection = db.session.connection()
    if unique and not model.is_unique:
        release_all(connection, model.key)
        claim_existing(connection, described)
    elif model.is_unique and not unique:
        release_all(connection, model.key)
    model.is_unique = unique
