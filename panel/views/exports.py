"""Taking customers to a workbook, and what went out before."""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import redirect, request, send_file
from flask_admin import expose
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import Select, select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from panel.audit import plain
from panel.exporting import Listed, conditions_shown, export_workbook
from panel.extensions import db
from panel.forms.customer import shown_fields
from panel.imports.journey import viewer_of
from panel.models import Customer, Export
from panel.newcomers import today
from panel.rights import the_schema
from panel.schema import Schema
from panel.views.columns import chosen_columns
from panel.views.filters import asked_filters
from panel.views.guarded import AppView
from panel.views.messages import warn
from panel.views.preferences import query_of
from panel.views.saved_views import LONGEST_QUERY, saved_views
from panel.views.selection import Selection, query_args, wanted_of
from sync.errors import SyncError
from sync.types import FIELD_TYPES

LISTED = 50
_NARROWED_BY = ("status", "partner", "location")
_FORMATS = frozenset({"xlsx", "csv"})
_LONGEST_NAME = 80
# What no system takes in the name of a file.
_UNSAFE = re.compile(r'[\s<>:"/\\|?*\x00-\x1f]+')


class ExportView(AppView):
    """Workbooks that go out."""

    permission = "customer.export"

    @expose("/")
    def index(self) -> str:
        """Show what can be exported, and what was."""
        schema = the_schema()
        fields = [field for field in shown_fields(schema) if not FIELD_TYPES[field.type].secret]
        usual = {field.key for field in schema.on_workbooks}
        narrowed = [field for field in schema.fields if field.key in _NARROWED_BY]
        exports = list(db.session.scalars(_mine(select(Export)).order_by(Export.id.desc()).limit(LISTED)))
        only = {one.id: conditions_shown(one.filters, schema) for one in exports}
        return str(
            self.render(
                "exports.html",
                fields=fields,
                usual=usual,
                narrowed=narrowed,
                exports=exports,
                only=only,
                views=saved_views(schema),
            )
        )

    @expose("/new/", methods=("POST",))
    def new(self) -> Response:
        """Write a workbook of the chosen columns and send it."""
        schema = the_schema()
        view = next((one for one in saved_views(schema) if str(one.id) == request.form.get("view")), None)
        where = [f"{key}={request.form[key]}" for key in _NARROWED_BY if request.form.get(key)]
        try:
            listed = _listed(schema, Selection(query=view.query)) if view else None
            return _sent(_file_name(view.name if view else ""), request.form.getlist("fields") or None, where, listed)
        except SyncError as error:
            warn(str(error))
            return redirect(self.get_url(".index"))

    @expose("/view/", methods=("POST",))
    def view(self) -> Response:
        """Write a workbook of exactly what a list shows, or of what was ticked in it, and send it."""
        schema, shows = the_schema(), request.form.get("list", "")[:LONGEST_QUERY]
        try:
            selection = Selection.of(request.form)
            listed = _listed(schema, selection, shows)
            return _sent(_file_name(), _columns(schema, selection.query or shows), [], listed)
        except SyncError as error:
            warn(str(error))
            return redirect(f"{self.get_url('customers.index_view')}?{query_of(query_args(shows))}")


def _columns(schema: Schema, query: str) -> list[str]:
    """Return the columns of a list that a workbook takes; its ID and identity are in every workbook."""
    taken = {field.key for field in schema.on_workbooks}
    columns = [key for key in chosen_columns(schema, query_args(query)) if key in taken]
    return columns or [field.key for field in schema.on_workbooks]


def _listed(schema: Schema, selection: Selection, shows: str = "") -> Listed:
    """Return what a selection exports: everything that its query shows, or the ticked ones in the list's order."""
    if selection.query is not None:
        args = query_args(selection.query)
        return Listed(wanted_of(schema, args).listed, tuple(_conditions(schema, args)))
    wanted = replace(wanted_of(schema, query_args(shows)), conditions=(), filters=())
    ticked = Customer.__table__.c.id.in_(selection.ids)
    said = ("id", _("Ticked one by one: %(number)s", number=len(selection.ids)))
    return Listed(lambda query: wanted.listed(query.where(ticked)), (said,))


def _conditions(schema: Schema, args: MultiDict[str, str]) -> Iterator[tuple[str, str]]:
    if search := args.get("search"):
        yield "", _("Search: %(text)s", text=search)
    for one in asked_filters(schema, args):
        yield (one.filter.field.key if one.filter else ""), one.words


def _file_name(named: str = "") -> str:
    ending = request.form.get("format", "")
    typed = request.form.get("name", "") or named or "Customers"
    name = _UNSAFE.sub(" ", plain(typed)).strip(" .")[:_LONGEST_NAME] or "Customers"
    return f"{name} {today().isoformat()}.{ending if ending in _FORMATS else 'xlsx'}"


def _sent(name: str, fields: list[str] | None, where: list[str], listed: Listed | None) -> Response:
    with tempfile.TemporaryDirectory(prefix="rollbook-export-") as folder:
        path = Path(folder) / f"export{Path(name).suffix}"
        export_workbook(path, fields=fields, where=where, viewer=viewer_of(current_user), name=name, listed=listed)
        # The open file outlives its name: it is gone from the disk when the response is sent.
        return send_file(path.open("rb"), download_name=name, as_attachment=True, last_modified=dt.datetime.now(dt.UTC))


def _mine(query: Select[Any]) -> Select[Any]:
    """Leave a user who is bound to a partner their own exports."""
    return query if current_user.partner_id is None else query.where(Export.user_id == current_user.id)
