"""Adding, editing and deleting plans, services and payments: records with fields as customers have, and a bin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import abort, redirect, request
from flask_admin import expose
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms.form import BaseForm

from panel.entities import Entity
from panel.entity_rules import Draft, Wrong, check, staying
from panel.extensions import db
from panel.forms.customer import CustomerForm, Shape, problems_of
from panel.forms.editing import conflicts_of
from panel.models.columns import now
from panel.records import records_by_id
from panel.schema import current_schema
from panel.views.customer_query import id_of
from panel.views.guarded import AppModelView
from panel.views.messages import offer, say, warn
from panel.views.saving import Check, add_record, save_record
from sync.errors import SyncError
from sync.fields import Field
from sync.records import Record


class RecordForms(AppModelView):
    """The forms of one entity that is no customer; each view says what it allows and checks."""

    entity: Entity
    form = BaseForm
    column_list = ("id",)
    form_template = "billing/record.html"

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> Any:
        """Show the form for a new record, or add it."""
        if not self.can_create:
            abort(403)
        model = self.new_record()
        form = self.shape(model).form(self.first_values(model), request.form or None)
        if request.method == "POST" and add_record(form, model, self.entity, self._checking(model, None)):
            say(self.added_words(model))
            return redirect(self.after_save(model))
        return self._record_page(form, model, None)

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """Show a record's form, or save it."""
        if not self.can_edit:
            abort(403)
        model = self.found(request.args.get("id"))
        record = self.record(model.id)
        form = self.shape(model).form(record.values, request.form or None, record.id)
        checking = self._checking(model, record)
        name = self.called(model)
        if request.method == "POST" and save_record(form, model, record, self.entity, checking, name):
            self.tell_followed(model)
            return redirect(self.after_save(model))
        return self._record_page(form, model, record)

    @expose("/delete/", methods=("POST",))
    def delete_view(self) -> Response:
        """Move a record to the bin, or say why it stays."""
        if not self.can_delete:
            abort(403)
        model = self.found(request.form.get("id"))
        name, back = self.called(model), self.after_save(model)
        if words := staying(db.session.connection(), self.entity, [model.id]).get(model.id):
            db.session.rollback()
            warn(f"{name}: {words}")
            return redirect(back)
        model.deleted_at = now()
        db.session.commit()
        words = _("%(name)s was deleted.", name=name)
        offer(words, _("Undo"), self.get_url(".restore_view", id=model.id))
        self.tell_followed(model)
        return redirect(back)

    @expose("/restore/", methods=("POST",))
    def restore_view(self) -> Response:
        """Take a record out of the bin again, where nobody took its name and what it is of is still there."""
        if not self.can_delete:
            abort(403)
        model = self.found(request.args.get("id"), binned=True)
        name, back = self.called(model), self.after_save(model)
        model.deleted_at = None
        try:
            self.refuse_return(model)
            db.session.commit()
        except SyncError as error:
            db.session.rollback()
            warn(str(error))
            return redirect(back)
        say(_("%(name)s was restored.", name=name))
        self.tell_followed(model)
        return redirect(back)

    def found(self, text: str | None, *, binned: bool = False) -> Any:
        """Return the record that an address or a form names; for a write, as nobody else writes it meanwhile."""
        deleted_at = self.entity.table.c.deleted_at
        there = deleted_at.is_not(None) if binned else deleted_at.is_(None)
        query = self.seen().where(self.entity.table.c.id == id_of(text), there)
        if request.method == "POST":
            query = query.with_for_update(of=self.entity.table).execution_options(populate_existing=True)
        return db.session.scalars(query).one_or_none() or abort(404)

    def seen(self) -> Any:
        """Return the query for the records that the signed-in user may see, those of the bin included."""
        return select(self.entity.model)

    def fields(self) -> list[Field]:
        """Return the fields that people fill in."""
        schema = current_schema(db.session.connection(), self.entity)
        return [field for field in schema.fields if not field.derived]

    def shape(self, model: Any) -> Shape:
        """Return what the form of a record shows."""
        return Shape(tuple(self.fields()), {})

    def new_record(self) -> Any:
        """Return the record that is to be added."""
        return self.entity.model()

    def first_values(self, model: Any) -> dict[str, Any]:
        """Return what the form of a new record starts with."""
        return {}

    def refuse_return(self, model: Any) -> None:
        """Raise `SyncError` where a record of the bin may not come back."""

    def called(self, model: Any) -> str:
        """Return what to call a record in a sentence."""
        return str(model)

    def wrong_with(self, model: Any, record: Record | None, values: Mapping[str, Any]) -> Wrong | None:
        """Return why a record may not get these values: what is asked of it, wherever it is written."""
        entity = self.entity
        whose = {entity.whose: getattr(model, entity.column_name(entity.whose))} if entity.whose else {}
        before = {**record.values, **whose} if record else {}
        [wrong] = check(db.session.connection(), entity, [Draft({**values, **whose}, model.id, before)])
        return wrong

    def _checking(self, model: Any, record: Record | None) -> Check:
        """Return what notes beside its input why a record may not be saved."""

        def note(form: BaseForm, values: Mapping[str, Any]) -> None:
            wrong = self.wrong_with(model, record, values)
            if wrong is not None and not form[wrong.field].errors:
                form[wrong.field].errors = [wrong.message]

        return note

    def added_words(self, model: Any) -> str:
        """Return what to say of a record that was added."""
        return str(_("%(name)s was added.", name=self.called(model)))

    def tell_followed(self, model: Any) -> None:
        """Tell what came of a write."""

    def record(self, record_id: int) -> Record:
        """Return the values of a record."""
        fields = self.fields()
        found = records_by_id(db.session.connection(), fields, [record_id], self.entity)
        return found.get(record_id) or abort(404)

    def _record_page(self, form: CustomerForm, model: Any, record: Record | None) -> str:
        problems = [*problems_of(form), *(one for one in conflicts_of(form) if not one.errors)]
        page: dict[str, Any] = {"form": form, "model": model, "problems": problems, "back": self.after_save(model)}
        # The shared inputs tell a new record by there being none.
        return str(self.render(self.form_template, **page, **({"record": record} if record else {})))
