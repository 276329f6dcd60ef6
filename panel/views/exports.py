"""Taking customers to a workbook, what went out before, and which workbooks are still out."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from flask import abort, jsonify, redirect, render_template, request, send_file
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from sqlalchemy import Connection, select
from werkzeug.wrappers import Response

from panel.access import may
from panel.audit import plain, record
from panel.database import reading, writing
from panel.entities import BY_NAME, CUSTOMER, ENTITIES
from panel.exporting import conditions_shown
from panel.exports.closing import close, reopen
from panel.exports.keeping import folder, is_kept, refusal, state_of
from panel.exports.ordering import NARROWED_BY, Order, order_of_list, order_of_page
from panel.exports.out import is_out, of_mine, overlapping, overlapping_with, returned, workbooks_out
from panel.exports.running import start
from panel.extensions import db
from panel.forms.customer import listed_fields
from panel.jobs import progress_of
from panel.models import Export, Import, Job
from panel.refresh_work import REFRESH, told
from panel.rights import rights_of, the_schema
from panel.views.guarded import AppView
from panel.views.jobs import words_of_progress
from panel.views.messages import say, warn
from panel.views.preferences import query_of
from panel.views.saved_views import saved_views
from panel.views.selection import query_args
from panel.words import today
from sync.cells import clean_text
from sync.errors import SyncError
from sync.fields import Field
from sync.types import FIELD_TYPES

LISTED = 50
STATES = {
    "queued": lazy_gettext("About to begin"),
    "running": lazy_gettext("Being written"),
    "ready": lazy_gettext("Ready"),
    "failed": lazy_gettext("Not done"),
    "expired": lazy_gettext("File removed"),
}
_AT_WORK = frozenset({"queued", "running"})
_FORMATS = frozenset({"xlsx", "csv"})
_LONGEST_NAME, _LONGEST_NOTE = 80, 500
# What no system takes in the name of a file.
_UNSAFE = re.compile(r'[\s<>:"/\\|?*\x00-\x1f]+')


class ExportView(AppView):
    """Workbooks that go out."""

    permission = "customer.export"

    @expose("/")
    def index(self) -> str:
        """Show what can be exported, which workbooks are out, and what went out before."""
        schema = the_schema()
        fields = [field for field in listed_fields(schema) if not FIELD_TYPES[field.type].secret]
        narrowed = [field for field in schema.fields if field.key in NARROWED_BY]
        exports = list(db.session.scalars(select(Export).where(of_mine()).order_by(Export.id.desc()).limit(LISTED)))
        outs = workbooks_out()
        page: dict[str, Any] = {"fields": fields, "usual": {field.key for field in schema.on_workbooks}}
        page["kinds"] = [one for one in ENTITIES.values() if one.sees and may(one.sees)]
        page |= {"narrowed": narrowed, "views": saved_views(schema), "outs": outs, "exports": exports}
        page |= {"returned": returned(one.id for one in outs), "state_of": state_of, "words": STATES}
        page["only"] = {one.id: conditions_shown(one.filters, schema) for one in exports}
        return str(self.render("exports/list.html", **page))

    @expose("/new/", methods=("POST",))
    def new(self) -> Response:
        """Export the chosen columns of everybody, or of a saved view."""
        back = self.get_url(".index")
        schema = the_schema()
        view = next((one.name for one in saved_views(schema) if str(one.id) == request.form.get("view")), "")
        return self._started(lambda: order_of_page(schema, request.form), _file_name(view), back)

    @expose("/view/", methods=("POST",))
    def view(self) -> Response:
        """Export exactly what a list shows, or what was ticked in it."""
        back = f"{self.get_url('customers.index_view')}?{query_of(query_args(request.form.get('list', '')[:20_000]))}"
        return self._started(lambda: order_of_list(the_schema(), request.form), _file_name(), back)

    @expose("/overlap/", methods=("POST",))
    def overlap(self) -> Response:
        """Answer, before an export, with the workbooks that are out with some of the same customers."""
        schema, of_list = the_schema(), "list" in request.form
        try:
            order = (order_of_list if of_list else order_of_page)(schema, request.form)
            with reading() as connection:
                outs = overlapping(connection, order)
        except SyncError:
            outs = []  # the export itself says what is wrong
        return jsonify(words=render_template("exports/overlap.html", outs=outs) if outs else "")

    @expose("/<int:number>/")
    def show(self, number: int) -> str:
        """Show one export: what it holds, how far it is, and its file while that is kept."""
        export, schema = find_export(number), the_schema()
        unseen = rights_of(current_user).unseen
        columns = [Field.from_json(one).name for one in export.fields if one["key"] not in unseen]
        job = db.session.get(Job, export.job_id) if export.job_id else None
        page: dict[str, Any] = {"export": export, "columns": columns, "state": state_of(export), "words": STATES}
        page |= {"only": conditions_shown(export.filters, schema), "job": job, "is_kept": is_kept(export)}
        page |= {"may_download": _may_download(export), "is_out": _is_out(export)}
        page |= {"at_work": export.state in _AT_WORK, "told": _told_of(job)}
        page["done"], page["total"] = progress_of(job) if job else (0, 0)
        page["outs"] = overlapping_with(db.session.connection(), number) if page["is_out"] else []
        page["imports"] = _imports_of(number) if may("import.upload") else []
        return str(self.render("exports/export.html", **page))

    @expose("/<int:number>/progress/")
    def progress(self, number: int) -> Response:
        """Answer how far an export is."""
        export = find_export(number)
        job = db.session.get(Job, export.job_id) if export.job_id else None
        done, total = progress_of(job) if job else (0, 0)
        sentence = words_of_progress(job, done, total) if job else str(STATES[export.state])
        return jsonify(done=done, total=total, sentence=sentence, at_work=export.state in _AT_WORK)

    @expose("/<int:number>/download/", methods=("POST",))
    def download(self, number: int) -> Response:
        """Send an export's file again, by the rights of this moment."""
        export = find_export(number)
        if not _may_download(export):
            abort(403)
        if sentence := refusal(export, current_user):
            warn(sentence)
            return redirect(self.get_url(".show", number=number))
        record("export downloaded", current_user, export=number, rows=export.rows, file=export.sha256)
        db.session.commit()
        return _sent(number)

    @expose("/<int:number>/close/", methods=("POST",))
    def close(self, number: int) -> Response:
        """Take somebody's word that a workbook will not come back."""
        return self._said(number, close, "export closed", _("The workbook counts as returned."))

    @expose("/<int:number>/reopen/", methods=("POST",))
    def reopen(self, number: int) -> Response:
        """Take somebody's word that a workbook is out after all."""
        return self._said(number, reopen, "export reopened", _("The workbook counts as out again."))

    def _said(self, number: int, write: Callable[[Connection, int], None], event: str, sentence: str) -> Response:
        find_export(number)
        with writing() as connection:
            write(connection, number)
            record(event, current_user, export=number)
        say(sentence)
        on_list = request.form.get("back") == "list"
        return redirect(self.get_url(".index") if on_list else self.get_url(".show", number=number))

    def _started(self, order: Callable[[], Order], name: str, back: str) -> Response:
        """Send what is written at once, or lead to the page of what is not."""
        note = clean_text(request.form.get("note", "")).strip()[:_LONGEST_NOTE]
        try:
            number = start(order(), name, note)
        except SyncError as error:
            warn(str(error))
            return redirect(back)
        is_ready = db.session.scalars(select(Export.state).where(Export.id == number)).one() == "ready"
        return _sent(number) if is_ready else redirect(self.get_url(".show", number=number))


def find_export(number: int) -> Export:
    """Return an export that the signed-in user may know of, or answer that there is none."""
    query = select(Export).where(Export.id == number, of_mine())
    return (db.session.scalars(query).one_or_none() if number < 2**62 else None) or abort(404)


def _may_download(export: Export) -> bool:
    """Tell whether a file may be this user's: who made it, or an admin."""
    sees_all = current_user.partner_id is None and may("audit")
    return export.user_id == current_user.id or sees_all


def _told_of(job: Job | None) -> list[str]:
    """Return what came of bringing a workbook up to date; of an export its own row says it all."""
    return told(job.result) if job and job.kind == REFRESH and job.state == "done" else []


def _is_out(export: Export) -> bool:
    return db.session.scalars(select(Export.id).where(Export.id == export.id, is_out())).first() is not None


def _imports_of(number: int) -> list[Import]:
    mine = Import.export_id == number
    if current_user.partner_id is not None:
        mine &= Import.user_id == current_user.id
    return list(db.session.scalars(select(Import).where(mine).order_by(Import.id.desc()).limit(LISTED)))


def _file_name(named: str = "") -> str:
    ending = request.form.get("format", "")
    usual = BY_NAME.get(request.form.get("of", ""), CUSTOMER).sheet
    typed = request.form.get("name", "") or named or usual
    name = _UNSAFE.sub(" ", plain(typed)).strip(" .")[:_LONGEST_NAME] or usual
    return f"{name} {today().isoformat()}.{ending if ending in _FORMATS else 'xlsx'}"


def _sent(number: int) -> Response:
    export = db.session.get_one(Export, number)
    # The open file outlives its name, should it be swept away while it is sent.
    file = (folder() / export.stored_as).open("rb")
    return send_file(file, download_name=export.name, as_attachment=True, last_modified=dt.datetime.now(dt.UTC))
