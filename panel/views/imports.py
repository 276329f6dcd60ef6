"""Workbooks that come back: upload, preview, apply or discard, undo."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from flask import abort, jsonify, redirect, request, send_file, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import func, select, update
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from panel.access import may
from panel.database import reading, writing
from panel.entities import ENTITIES
from panel.extensions import db
from panel.forms.preview import Preview, Tally, options_of, upload_options
from panel.imports.approving import Approval
from panel.imports.joining import set_aside
from panel.imports.journey import set_options, viewer_of
from panel.imports.lines import GUARD, NOTE
from panel.imports.options import ImportOptions
from panel.imports.progress import Progress, progress_of_import
from panel.imports.remembering import forget, remembered
from panel.imports.review_work import is_large, start_review
from panel.imports.reviewing import review_import, review_name
from panel.imports.telling import ENDED, outcome
from panel.imports.waiting import TooManyWait, apply_now_or_later, have_planned, plan_if_small, settle, take_in
from panel.models import Export, Import, ImportItem, Job
from panel.models.columns import now
from panel.rights import rights_of, the_schema
from panel.views.choices import take_choices
from panel.views.customer_query import id_of
from panel.views.guarded import AppView
from panel.views.imports_seen import address_of_records, find_import, names_of, schema_of, seen_imports
from panel.views.messages import do, say, warn
from panel.views.preview_lines import group_of_line, look_of, of_group, page_of, seen, who_changed
from panel.views.scripts import is_asked_by_script
from panel.views.together import address_of
from sync.errors import SyncError, UnreadableWorkbook
from sync.plan import DELETED
from sync.workbook.writer import UNFINISHED

LISTED = 50
PARTS = ("actions", "obstacle", "notices", "tabs", "columns_of", "lines")
"""The parts of a preview that choices change."""


class ImportView(AppView):
    """Imports, each with its preview."""

    permission = "import.upload"

    @expose("/")
    def index(self) -> str:
        """Show the upload form and past imports."""
        fields = the_schema().fields
        with reading() as connection:
            mappings = remembered(connection, viewer_of(current_user))
        waiting = _waiting()
        others = {one.id for one in waiting}
        rest = [one for one in recent(LISTED) if one.id not in others]
        page = {"imports": rest, "waiting": waiting, "fields": fields, "mappings": mappings}
        page["kinds"] = [one for one in ENTITIES.values() if not one.sees or may(one.sees)]
        return str(self.render("imports/list.html", **page))

    @expose("/told/", methods=("POST",))
    def told(self) -> Response:
        """Note that the signed-in user knows what came of an import, and go to it where asked for."""
        number = id_of(request.form.get("id"))
        with writing() as connection:
            mine = (Import.id == number, Import.user_id == current_user.id)
            connection.execute(update(Import).where(*mine).values(told_at=now()))
        return redirect(self.get_url(".preview", number=number))

    @expose("/mappings/<int:number>/forget/", methods=("POST",))
    def forget(self, number: int) -> Response:
        """Keep a remembered mapping no longer."""
        with writing() as connection:
            forget(connection, number, viewer_of(current_user))
        say(_("The mapping was forgotten."))
        return redirect(self.get_url(".index"))

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
            return redirect(address_of(numbers))
        plan_if_small(numbers[0])
        address = self.get_url(".preview", number=numbers[0])
        return jsonify(address=address, number=numbers[0]) if is_asked_by_script() else redirect(address)

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
        if one.state in {"uploaded", "failed"}:
            return str(self.render("imports/waiting.html", one=one, progress=_progress(one)))
        return str(self.render("imports/preview.html", **_page(one, request.args)))

    @expose("/<int:number>/progress/")
    def progress(self, number: int) -> Response:
        """Answer how far the work on an import is."""
        return jsonify(**_progress(_found(number)).plain)

    @expose("/<int:number>/parts/")
    def parts(self, number: int) -> Response:
        """Answer with the parts of the preview that choices change."""
        return self._parts(number, request.args)

    def _parts(self, number: int, args: MultiDict[str, str]) -> Response:
        page = _page(_found(number), args)
        parts = {name: self.render(f"imports/preview/{name}.html", **page) for name in PARTS}
        return jsonify(parts | {"state": page["one"].state})

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
        options = options_of(request.form, ImportOptions.from_json(_found(number).options or {}))
        return self._done(number, lambda: self._set_options(number, options))

    def _set_options(self, number: int, options: ImportOptions) -> None:
        with writing() as connection:
            set_options(connection, number, options)
        settle(number, viewer_of(current_user))

    @expose("/<int:number>/choose/", methods=("POST",))
    def choose_view(self, number: int) -> Response:
        """Store what is to become of cells, rows, columns or all that is on screen, and plan with it."""
        look = look_of(number, request.form, request.form.get("group", ""))
        _found(number)
        try:
            with writing() as connection:
                take_choices(connection, look, request.form, viewer_of(current_user))
            settle(number, viewer_of(current_user))
        except SyncError as error:
            if is_asked_by_script():
                return self._refused(str(error), 422)
            warn(str(error))
        if is_asked_by_script():
            return self._parts(number, request.form)
        return redirect(self.get_url(".preview", number=number, **look.narrowing, after=look.after or None))

    @expose("/<int:number>/apply/", methods=("POST",))
    def apply(self, number: int) -> Response:
        """Apply the plan, or confirm it where two admins are asked for; a large one is applied by a job."""
        _found(number)
        if not may("import.apply"):
            abort(403)
        confirm = [int(text) for text in request.form.getlist("confirm") if text.strip().isdecimal() and len(text) < 20]
        return self._done(number, lambda: self._apply(number, confirm))

    def _apply(self, number: int, confirm: Sequence[int]) -> None:
        approval = Approval(number, tuple(confirm), request.form.get("fingerprint", ""))
        applied = apply_now_or_later([approval], viewer_of(current_user))
        if applied is False:
            say(_("You confirmed it. Another admin has to look at it now, and apply it."))
        elif applied:
            say(_("The import was applied."))

    @expose("/<int:number>/discard/", methods=("POST",))
    def discard(self, number: int) -> Response:
        """Set the import aside."""
        words, reason = _("%(file)s was discarded.", file=_found(number).file_name), request.form.get("reason", "")
        return self._done(number, lambda: set_aside(number, viewer_of(current_user), reason.strip()), words)

    @expose("/<int:number>/review/", methods=("POST",))
    def review(self, number: int) -> Response:
        """Send the uploaded workbook with what needs a look marked in it; that of a large one is long work."""
        one = _found(number)
        name = review_name(one.file_name)
        if is_large(one):
            return redirect(url_for("jobs.show", number=start_review(one)))
        try:
            with tempfile.TemporaryDirectory(prefix=UNFINISHED) as folder:
                path = Path(folder) / "review.xlsx"
                review_import(number, path, viewer_of(current_user))
                # The open file outlives its name: it is gone from the disk when the response is sent.
                return send_file(path.open("rb"), download_name=name, as_attachment=True)
        except SyncError as error:
            warn(str(error))
            return redirect(self.get_url(".preview", number=number))

    def _done(self, number: int, act: Callable[[], None], sentence: str = "") -> Response:
        do(act, sentence)
        group = request.form.get("group", "")
        return redirect(self.get_url(".preview", number=number, **({"group": group} if group else {})))


def _waiting() -> list[Import]:
    """Return what others uploaded and the signed-in user may apply."""
    return [one for one in recent(LISTED, "planned") if one.user_id != current_user.id] if may("import.apply") else []


def recent(count: int, state: str = "") -> list[Import]:
    """Return the newest imports that the signed-in user may see, all or those in one state."""
    query = select(Import).where(*seen_imports()).order_by(Import.id.desc()).limit(count)
    if state:
        query = query.where(Import.state == state)
    return list(db.session.scalars(query))


def _found(number: int) -> Import:
    return find_import(number) or abort(404)


def _progress(one: Import) -> Progress:
    return progress_of_import(one, db.session.get(Job, one.job_id) if one.job_id else None)


def _page(one: Import, args: MultiDict[str, str]) -> dict[str, Any]:
    """Return what the templates of a preview know."""
    words = args.get("q", "").strip()[:200]
    wanted = args.get("group", "") or (group_of_line(one.id, words) if words else "")
    preview = Preview(one, _tallies(one), wanted)
    look = look_of(one.id, args, preview.group)
    lines = page_of(look)
    entity = ENTITIES[one.entity]
    fields = schema_of(entity).fields
    return {
        "one": one,
        "open": one.state == "planned",
        "preview": preview,
        "look": look,
        "lines": lines,
        "items": lines.items,
        "guards": of_group(one.id, GUARD),
        "notes": of_group(one.id, NOTE),
        "names": names_of((item.record_id for item in lines.items), entity),
        "record_url": address_of_records(entity),
        "what": entity.title,
        "whose": _("Customer") if preview.is_of_customers else _("Record"),
        "new_one": _("New customer") if preview.is_of_customers else _("New record"),
        "changed_by": who_changed(lines.items),
        "labels": {field.key: field.name for field in fields} | _new_labels(one) | {DELETED: _("Deleted")},
        "fields": fields,
        "export": db.session.get(Export, one.export_id) if one.export_id else None,
        "progress": _progress(one),
        "came_of_it": outcome(one) if one.state in ENDED else "",
    }


def _tallies(one: Import) -> list[Tally]:
    """Return how many lines there are of each kind that the signed-in user may see, as its plan counted them."""
    unseen = rights_of(current_user).unseen
    kept = (one.counts or {}).get("tallies")
    if kept is None:  # planned by an earlier version
        query = select(ImportItem.group, ImportItem.field, ImportItem.choice, func.count()).where(*seen(one.id))
        grouped = query.group_by(ImportItem.group, ImportItem.field, ImportItem.choice)
        return [(group, field, choice, number) for group, field, choice, number in db.session.execute(grouped)]
    return [(group, field, choice, number) for group, field, choice, number in kept if field not in unseen]


def _new_labels(one: Import) -> dict[str, str]:
    return {new["key"]: new["header"] for new in one.new_fields or ()}
