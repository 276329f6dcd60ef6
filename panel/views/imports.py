"""Workbooks that come back: upload, preview, apply or discard, undo."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from flask import abort, jsonify, redirect, request, send_file
from flask_admin import expose
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import ColumnElement, func, select
from werkzeug.wrappers import Response

from panel.access import may
from panel.database import writing
from panel.extensions import db
from panel.forms.preview import Preview, options_of, sentence_of_undo, upload_options
from panel.imports.journey import apply_import, choose, reject, replan, viewer_of
from panel.imports.lines import GUARD, NOTE
from panel.imports.options import ImportOptions
from panel.imports.progress import progress_of_import
from panel.imports.reviewing import review_import, review_name
from panel.imports.undo_journey import undo_import
from panel.imports.waiting import TooManyWait, have_planned, plan_if_small, take_in
from panel.models import Customer, Export, Import, ImportItem, Job
from panel.rights import rights_of, the_schema
from panel.views.customer_query import labels_of_all, name_column, number_of
from panel.views.guarded import LAST_PAGE, AppView
from panel.views.messages import say, warn
from sync.errors import SyncError, UnreadableWorkbook
from sync.plan import DELETED

LISTED = 50
PAGE = 100


class ImportView(AppView):
    """Imports, each with its preview."""

    permission = "import.upload"

    @expose("/")
    def index(self) -> str:
        """Show the upload form and past imports."""
        fields = the_schema().fields
        return str(self.render("imports/list.html", imports=recent(LISTED), fields=fields))

    @expose("/upload/", methods=("POST",))
    def upload(self) -> Response:
        """Take files in, each as an import of its own, and go to the preview of the only one."""
        files = [file for file in request.files.getlist("file") if file.filename]
        if not files:
            return self._refused(_("Choose a workbook or a CSV file first."), 422)
        options, viewer, numbers = upload_options(request.form), viewer_of(current_user), []
        for file in files:
            try:
                numbers.append(take_in(cast("BinaryIO", file.stream), file.filename or "", options, viewer))
            except UnreadableWorkbook as error:
                return self._refused(f"{file.filename}: {error}", 422)
            except TooManyWait as error:
                return self._refused(f"{file.filename}: {error}", error.status)
        if len(numbers) > 1:
            say(_("%(number)s files were uploaded. Each has a preview of its own.", number=len(numbers)))
            return self._taken(self.get_url(".index"))
        plan_if_small(numbers[0])
        return self._taken(self.get_url(".preview", number=numbers[0]))

    def _taken(self, address: str) -> Response:
        return jsonify(address=address) if is_asked_by_script() else redirect(address)

    def _refused(self, sentence: str, status: int) -> Response:
        if is_asked_by_script():
            answer = jsonify(message=sentence)
            answer.status_code = status
            return answer
        if status == TooManyWait.status:
            raise TooManyWait(sentence)
        warn(sentence)
        return redirect(self.get_url(".index"))

    @expose("/<int:number>/")
    def preview(self, number: int) -> str:
        """Show what an import would do, or did: one group of lines, a page at a time; or how far its plan is."""
        one = _found(number)
        job = db.session.get(Job, one.job_id) if one.job_id else None
        if one.state in {"uploaded", "failed"}:
            return str(self.render("imports/waiting.html", one=one, progress=progress_of_import(one, job)))
        shown = Preview(one, _group_counts(number), request.args.get("group", ""))
        page = min(max(request.args.get("page", 0, type=int), 0), LAST_PAGE)
        items = _items(number, shown.group, page)
        export = db.session.get(Export, one.export_id) if one.export_id else None
        fields = the_schema().fields
        return str(
            self.render(
                "imports/preview.html",
                one=one,
                preview=shown,
                items=items,
                guards=_items(number, GUARD, 0),
                notes=_items(number, NOTE, 0),
                names=_names({item.record_id for item in items if item.record_id}),
                labels={field.key: field.name for field in fields} | _new_labels(one) | {DELETED: _("Deleted")},
                fields=fields,
                export=export,
                page=page,
                pages=-(-shown.counts.get(shown.group, 0) // PAGE),
            )
        )

    @expose("/<int:number>/progress/")
    def progress(self, number: int) -> Response:
        """Answer how far the work on an import is."""
        one = _found(number)
        return jsonify(**progress_of_import(one, db.session.get(Job, one.job_id) if one.job_id else None).plain)

    @expose("/<int:number>/again/", methods=("POST",))
    def again(self, number: int) -> Response:
        """Have a file read again that could not be because of a fault."""
        if _found(number).state == "uploaded":
            with writing() as connection:
                have_planned(connection, number, viewer_of(current_user))
        return redirect(self.get_url(".preview", number=number))

    @expose("/<int:number>/options/", methods=("POST",))
    def options(self, number: int) -> Response:
        """Plan again, the way that the form says."""
        before = ImportOptions.from_json(_found(number).options or {})
        return self._done(number, lambda: replan(number, options_of(request.form, before), viewer_of(current_user)))

    @expose("/<int:number>/choose/", methods=("POST",))
    def choose_view(self, number: int) -> Response:
        """Take answers to conflicts and other open questions."""
        _found(number)
        choices = _choices(request.form)
        return self._done(number, lambda: choose(number, choices, viewer_of(current_user)))

    @expose("/<int:number>/apply/", methods=("POST",))
    def apply(self, number: int) -> Response:
        """Apply the plan."""
        _found(number)
        if not may("import.apply"):
            abort(403)
        confirm = [int(text) for text in request.form.getlist("confirm") if text.strip().isdecimal() and len(text) < 20]
        return self._done(
            number, lambda: apply_import(number, viewer_of(current_user), confirm), "The import was applied."
        )

    @expose("/<int:number>/discard/", methods=("POST",))
    def discard(self, number: int) -> Response:
        """Set the import aside."""
        name = _found(number).file_name
        return self._done(number, lambda: reject(number, viewer_of(current_user)), f"{name} was discarded.")

    @expose("/<int:number>/review/", methods=("POST",))
    def review(self, number: int) -> Response:
        """Send the uploaded workbook with what needs a look marked in it."""
        name = review_name(_found(number).file_name)
        try:
            with tempfile.TemporaryDirectory(prefix="rollbook-review-") as folder:
                path = review_import(number, Path(folder), viewer_of(current_user))
                # The open file outlives its name: it is gone from the disk when the response is sent.
                return send_file(path.open("rb"), download_name=name, as_attachment=True)
        except SyncError as error:
            warn(str(error))
            return redirect(self.get_url(".preview", number=number))

    @expose("/<int:number>/undo/", methods=("POST",))
    def undo(self, number: int) -> Any:
        """Undo the import, and list what stays."""
        one = _found(number)
        if not may("import.apply"):
            abort(403)
        try:
            undone = undo_import(number, viewer_of(current_user))
        except SyncError as error:
            warn(str(error))
            return redirect(self.get_url(".preview", number=number))
        say(sentence_of_undo(undone))
        labels = labels_of_all(the_schema())
        names = _names({kept.id for kept in undone.kept})
        return self.render("imports/undone.html", one=one, undone=undone, labels=labels, names=names)

    def _done(self, number: int, act: Callable[[], None], sentence: str = "") -> Response:
        try:
            act()
        except SyncError as error:
            warn(str(error))
        else:
            if sentence:
                say(sentence)
        group = request.form.get("group", "")
        return redirect(self.get_url(".preview", number=number, **({"group": group} if group else {})))


def is_asked_by_script() -> bool:
    """Tell whether a page's script asked, which reads JSON."""
    return request.headers.get("X-Requested-With") == "fetch"


def recent(count: int, state: str = "") -> list[Import]:
    """Return the newest imports that the signed-in user may see, all or those in one state."""
    query = select(Import).order_by(Import.id.desc()).limit(count)
    if state:
        query = query.where(Import.state == state)
    if current_user.partner_id is not None:
        query = query.where(Import.user_id == current_user.id)
    return list(db.session.scalars(query))


def _found(number: int) -> Import:
    one = db.session.get(Import, number) if number < 2**62 else None
    if one is None or (current_user.partner_id is not None and one.user_id != current_user.id):
        abort(404)
    return one


def _seen(number: int) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of an import's lines that the signed-in user may see, whoever had it planned."""
    return (ImportItem.import_id == number, ImportItem.field.not_in(rights_of(current_user).unseen))


def _group_counts(number: int) -> dict[str, int]:
    query = select(ImportItem.group, func.count()).where(*_seen(number)).group_by(ImportItem.group)
    return dict(db.session.execute(query).all())


def _items(number: int, group: str, page: int) -> list[ImportItem]:
    query = select(ImportItem).where(*_seen(number), ImportItem.group == group).order_by(ImportItem.number)
    return list(db.session.scalars(query.limit(PAGE).offset(page * PAGE)))


def _names(ids: set[int]) -> dict[int, str]:
    query = select(Customer.id, name_column()).where(Customer.id.in_(ids))
    if current_user.partner_id is not None:
        query = query.where(Customer.partner_id == current_user.partner_id)
    return dict(db.session.execute(query).all())


def _new_labels(one: Import) -> dict[str, str]:
    return {new["key"]: new["header"] for new in one.new_fields or ()}


def _choices(form: Mapping[str, str]) -> dict[int, str]:
    named = ((name.removeprefix("choice."), value) for name, value in form.items() if name.startswith("choice."))
    return {number_of(number): value for number, value in named if value in {"panel", "workbook"}}
