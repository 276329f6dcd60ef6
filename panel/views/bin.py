"""The bin: customers that were deleted, to be restored or erased for good."""

from __future__ import annotations

from typing import Any

from flask import abort, redirect, request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import func, select
from werkzeug.wrappers import Response
from wtforms.form import BaseForm

from panel.access import may
from panel.authors import current_author
from panel.changelog import LostRace, ValueTaken
from panel.database import writing
from panel.erasing import erase, remove_files
from panel.extensions import db
from panel.forms.controls import ValueInput
from panel.forms.customer import shown_fields
from panel.forms.registry import ENTRIES
from panel.forms.showing import shown
from panel.generator import read_config
from panel.models import Customer, Status
from panel.records import RecordReader, select_records
from panel.restoring import Restored, binned, deletions, restore, taken_values
from panel.rights import EDIT, name_of, rights_of, the_schema
from panel.schema import Schema
from panel.signing_in.confirming import ask_to_confirm
from panel.signing_in.sessions import is_confirmed
from panel.views.customer_query import COUNTED, matches, name_column, visible
from panel.views.guarded import LAST_PAGE, AppView
from panel.views.messages import say, warn
from sync.cells import clean_text
from sync.errors import SyncError
from sync.fields import Bad
from sync.records import Record
from sync.types import FIELD_TYPES
from sync.values import check_required

PAGE = 50
_COLUMNS = ("status", "login", "full_name", "city")
_TABLE = Customer.__table__


class BinView(AppView):
    """Customers in the bin."""

    permission = "customer.restore"

    @expose("/")
    def index(self) -> str:
        """List the customers in the bin, the last deleted first."""
        schema, connection = the_schema(), db.session.connection()
        search = clean_text(request.args.get("search", ""))
        page = min(max(request.args.get("page", 0, type=int), 0), LAST_PAGE)
        fields = [field for field in shown_fields(schema) if field.key in _COLUMNS]
        there = (*binned(), *matches(schema, search))
        some = select(_TABLE.c.id).where(*there).limit(COUNTED + 1).subquery()
        query = select_records(fields).add_columns(_TABLE.c.deleted_at).where(*there)
        query = query.order_by(_TABLE.c.deleted_at.desc(), _TABLE.c.id.desc()).limit(PAGE).offset(page * PAGE)
        reader, rows = RecordReader(fields), connection.execute(query).all()
        records = [reader.record(row) for row in rows]
        return str(
            self.render(
                "bin/list.html",
                records=records,
                deleted_at={row[0]: row[-1] for row in rows},
                by=deletions(connection, [one.id for one in records]),
                fields=fields,
                shown=shown,
                colours=dict(connection.execute(select(Status.id, Status.colour)).all()),
                count=connection.execute(select(func.count()).select_from(some)).scalar_one(),
                search=search,
                page=page,
                page_size=PAGE,
            )
        )

    @expose("/restore/", methods=("POST",))
    def restore_view(self) -> Response:
        """Restore the customers that were ticked, or named in the address."""
        typed = (text for text in request.values.getlist("id") if text.isascii() and text.isdecimal())
        ids = [int(text) for text in typed if len(text) <= 18]
        try:
            with writing() as connection:
                restored = restore(connection, ids, current_author())
        except SyncError as error:
            warn(str(error))
            return redirect(self.get_url(".index"))
        _tell(restored)
        if len(restored.taken) == 1 and not restored.ids:
            return redirect(self.get_url(".another", number=next(iter(restored.taken))))
        if len(restored.ids) == 1 and not restored.taken:
            return redirect(self.get_url("customers.details_view", id=restored.ids[0]))
        return redirect(self.get_url(".index"))

    @expose("/<int:number>/", methods=("GET", "POST"))
    def another(self, number: int) -> Any:
        """Ask for other values in place of those that somebody else has by now, and restore."""
        schema = the_schema()
        record = _found(schema, number)
        taken = taken_values(db.session.connection(), number)
        asked = [
            field
            for field in schema.fields
            if rights_of(current_user).of(field.key) == EDIT
            and (field.key in taken or (field.unique and field.key in request.form))
        ]
        form = BaseForm({field.key: ENTRIES[field.type].control(field, "") for field in asked})
        form.process(request.form or None, data={key: record.values.get(key) for key in taken})
        if request.method == "POST" and self._restored(form, number):
            return redirect(self.get_url("customers.details_view", id=number))
        connection = db.session.connection()
        seen = select(_TABLE.c.id, name_column()).where(_TABLE.c.id.in_(taken.values()), *visible())
        page: dict[str, Any] = {"record": record, "form": form, "taken": taken, "name": name_of(number, record.values)}
        page |= {"owners": dict(connection.execute(seen).all()), "generator": read_config(connection)}
        return self.render("bin/another.html", **page)

    @expose("/<int:number>/erase/", methods=("GET", "POST"))
    def erase_view(self, number: int) -> Any:
        """Ask once more, and erase a customer for good."""
        if not may("customer.erase"):
            abort(403)
        if not is_confirmed():
            return ask_to_confirm()
        record = _found(the_schema(), number)
        name = name_of(number, record.values)
        if request.method == "POST":
            if request.form.get("name", "").strip() in {name.strip(), str(number)}:
                with writing() as connection:
                    files = erase(connection, number, current_author())
                remove_files(files)
                say(_("Customer %(id)s was erased for good.", id=number))
                return redirect(self.get_url(".index"))
            warn(_("That is not the customer's name or ID, so nothing was erased."))
        return self.render("bin/erase.html", record=record, name=name)

    def _restored(self, form: BaseForm, number: int) -> bool:
        instead = {control.field.key: _value(control) for control in form}
        if any(control.errors for control in form):
            return False
        try:
            with writing() as connection:
                restored = restore(connection, [number], current_author(), instead)
        except (ValueTaken, LostRace) as error:
            warn(str(error))
            return False
        for control in form:
            if control.field.key in restored.taken.get(number, {}):
                control.errors = [_("Another customer has this. Choose another.")]
        if restored.ids or not any(control.errors for control in form):
            _tell(restored)
        return bool(restored.ids)


def _value(control: ValueInput) -> Any:
    value = control.parsed()
    problem = value.message if isinstance(value, Bad) else check_required(value, control.field)
    if problem:
        control.errors = [problem]
    return value


def _found(schema: Schema, number: int) -> Record:
    fields = [field for field in schema.fields if not FIELD_TYPES[field.type].secret]
    row = None
    if number < 2**62:
        query = select_records(fields).where(_TABLE.c.id == number, *binned())
        row = db.session.connection().execute(query).one_or_none()
    return abort(404) if row is None else RecordReader(fields).record(row)


def _tell(restored: Restored) -> None:
    if restored.ids:
        words = ngettext("%(num)s customer was restored.", "%(num)s customers were restored.", len(restored.ids))
        say(words)
    for record_id, fields in list(restored.taken.items())[:10]:
        labels = ", ".join(field.name for field in the_schema().fields if field.key in fields) or _("login")
        words = _("Customer %(id)s stays in the bin: another has its %(fields)s by now.", id=record_id, fields=labels)
        warn(words)
    if not restored.ids and not restored.taken:
        warn(_("Tick some customers first."))
