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
from panel.extensions import db
from panel.forms.customer import CustomerForm, Shape, problems_of
from panel.forms.editing import conflicts_of
from panel.models.columns import now
from panel.records import records_by_id
from panel.schema import current_schema
from panel.views.customer_query import id_of
from panel.views.guarded import AppModelView
from panel.views.messages import say, warn
from panel.views.saving import add_record, save_record
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
        if request.method == "POST" and add_record(form, model, self.entity, self.checking(model)):
            say(self.added_words(model))
            return redirect(self.after_save(model))
        return self._record_page(form, model, None)

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """Show a record's form, or save it."""
        if not self.can_edit:
            abort(403)
        model = self.found(request.args.get("id"))
        record = self._record(model.id)
        form = self.shape(model).form(record.values, request.form or None, record.id)
        if request.method == "POST" and save_record(form, model, record, self.entity, self.checking(model)):
            self.tell_followed(model)
            return redirect(self.after_save(model))
        return self._record_page(form, model, record)

    @expose("/delete/", methods=("POST",))
    def delete_view(self) -> Response:
        """Move a record to the bin, or say why it stays."""
        if not self.can_delete:
            abort(403)
        model = self.found(request.form.get("id"))
        name, back = str(model), self.after_save(model)
        try:
            self.refuse_deletion(model)
        except SyncError as error:
            db.session.rollback()
            warn(str(error))
            return redirect(back)
        model.deleted_at = now()
        db.session.commit()
        say(_("%(name)s was deleted.", name=name))
        self.tell_followed(model)
        return redirect(back)

    def found(self, text: str | None) -> Any:
        """Return the record that an address or a form names; for a write, as nobody else writes it meanwhile."""
        query = self.seen().where(self.entity.table.c.id == id_of(text))
        if request.method == "POST":
            query = query.with_for_update(of=self.entity.table).execution_options(populate_existing=True)
        return db.session.scalars(query).one_or_none() or abort(404)

    def seen(self) -> Any:
        """Return the query for the records that the signed-in user may see."""
        return select(self.entity.model).where(self.entity.table.c.deleted_at.is_(None))

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

    def check(self, model: Any, form: BaseForm, values: Mapping[str, Any]) -> None:
        """Note beside its input whatever is wrong with the values that a record is going to have."""

    def checking(self, model: Any) -> Any:
        """Return the check of one record."""
        return lambda form, values: self.check(model, form, values)

    def refuse_deletion(self, model: Any) -> None:
        """Raise `SyncError` where a record may not be deleted."""

    def added_words(self, model: Any) -> str:
        """Return what to say of a record that was added."""
        return str(_("%(name)s was added.", name=model))

    def tell_followed(self, model: Any) -> None:
        """Tell what came of a write."""

    def _record(self, record_id: int) -> Record:
        fields = self.fields()
        found = records_by_id(db.session.connection(), fields, [record_id], self.entity)
        return found.get(record_id) or abort(404)

    def _record_page(self, form: CustomerForm, model: Any, record: Record | None) -> str:
        problems = [*problems_of(form), *(one for one in conflicts_of(form) if not one.errors)]
        page: dict[str, Any] = {"form": form, "model": model, "problems": problems, "back": self.after_save(model)}
        # The shared inputs tell a new record by there being none.
        return str(self.render(self.form_template, **page, **({"record": record} if record else {})))
