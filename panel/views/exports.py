"""Taking customers to a workbook, and what went out before."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

from flask import redirect, request, send_file
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import Select, select
from werkzeug.wrappers import Response

from panel.exporting import conditions_shown, export_workbook
from panel.extensions import db
from panel.forms.customer import shown_fields
from panel.imports.journey import viewer_of
from panel.models import Export
from panel.newcomers import today
from panel.rights import the_schema
from panel.views.guarded import AppView
from panel.views.messages import warn
from sync.errors import SyncError
from sync.types import FIELD_TYPES

LISTED = 50
_NARROWED_BY = ("status", "partner", "location")
_FORMATS = frozenset({"xlsx", "csv"})


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
            self.render("exports.html", fields=fields, usual=usual, narrowed=narrowed, exports=exports, only=only)
        )

    @expose("/new/", methods=("POST",))
    def new(self) -> Response:
        """Write a workbook and send it."""
        ending = request.form.get("format", "")
        name = f"Customers {today().isoformat()}.{ending if ending in _FORMATS else 'xlsx'}"
        where = [f"{key}={request.form[key]}" for key in _NARROWED_BY if request.form.get(key)]
        try:
            return _sent(name, request.form.getlist("fields") or None, where)
        except SyncError as error:
            warn(str(error))
            return redirect(self.get_url(".index"))


def _sent(name: str, fields: list[str] | None, where: list[str]) -> Response:
    with tempfile.TemporaryDirectory(prefix="rollbook-export-") as folder:
        path = Path(folder) / name
        export_workbook(path, fields=fields, where=where, viewer=viewer_of(current_user), name=name)
        # The open file outlives its name: it is gone from the disk when the response is sent.
        return send_file(path.open("rb"), download_name=name, as_attachment=True, last_modified=dt.datetime.now(dt.UTC))


def _mine(query: Select[Any]) -> Select[Any]:
    """Leave a user who is bound to a partner their own exports."""
    return query if current_user.partner_id is None else query.where(Export.user_id == current_user.id)
