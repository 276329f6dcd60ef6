"""Several workbooks on one page: what each would do after those above it, where they differ, and all applied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import abort, jsonify, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import ColumnElement, and_, case, false, func, or_, select
from werkzeug.wrappers import Response

from panel.access import may
from panel.database import writing
from panel.exports.out import Out, workbooks_out
from panel.extensions import db
from panel.forms.preview import Preview
from panel.imports.approving import Approval
from panel.imports.choosing import store_choice
from panel.imports.joining import join_imports, take_out
from panel.imports.journey import open_import, viewer_of
from panel.imports.lines import GUARD
from panel.imports.progress import Progress, progress_of_import
from panel.imports.together import OPEN
from panel.imports.waiting import apply_now_or_later, refuse_busy, settle
from panel.models import Export, Import, ImportItem, Job
from panel.views.customer_query import id_of, number_of
from panel.views.guarded import AppView
from panel.views.imports_seen import address_of_records, entity_of, find_import, names_of, schema_of
from panel.views.messages import do, say, warn
from panel.views.preview_lines import of_group, seen
from panel.views.scripts import is_asked_by_script
from sync.errors import SyncError
from sync.plan import DELETED

MOST_SHOWN = 100
UNSEEN = "unseen"
"""The fingerprint of a plan that was not on screen: no plan has it."""


@dataclass(frozen=True, slots=True)
class Between:
    """The conflicts between files of a batch: some of them, and how many there are of those nobody decided about."""

    items: Sequence[ImportItem]
    total: int
    undecided: int


class TogetherView(AppView):
    """Batches of imports."""

    permission = "import.upload"

    @expose("/", methods=("POST",))
    def join(self) -> Response:
        """Have imports planned together, and go to their page."""
        address = address_of([_own(id_of(text)).id for text in request.form.getlist("import")])
        return jsonify(address=address) if is_asked_by_script() else redirect(address)

    @expose("/<int:number>/")
    def show(self, number: int) -> str:
        """Show the files of a batch, and where they differ."""
        files = _files(number)
        still_open = [one for one in files if one.state in OPEN]
        previews = {one.id: Preview(one, ()) for one in files}
        between = _between(still_open)
        # Only files of one kind differ from one another.
        entity = entity_of(between.items[0].import_id if between.items else files[0].id)
        return str(
            self.render(
                "imports/together.html",
                batch=number,
                files=files,
                open=still_open,
                previews=previews,
                obstacle=_obstacle([previews[one.id] for one in still_open], between),
                between=between,
                guards={one.id: of_group(one.id, GUARD) for one in still_open},
                names=names_of((item.record_id for item in between.items), entity),
                record_url=address_of_records(entity),
                labels={field.key: field.name for field in schema_of(entity).fields} | {DELETED: _("Deleted")},
                by_id={one.id: one for one in files},
                progress=_progress(still_open),
                missing=_missing(files),
                returned=len({one.export_id for one in files if one.export_id}),
            )
        )

    @expose("/<int:number>/progress/")
    def progress(self, number: int) -> Response:
        """Answer how far the work on a batch is."""
        return jsonify(**_progress([one for one in _files(number) if one.state in OPEN]).plain)

    @expose("/<int:number>/choose/", methods=("POST",))
    def choose(self, number: int) -> Response:
        """Settle one conflict between files, or all of them: for the file before, or for the one after it."""
        files = [one.id for one in _files(number) if one.state in OPEN]
        asked, _colon, side = request.form.get("choice", "").rpartition(":")
        which: list[ColumnElement[bool]] = [ImportItem.against.is_not(None), ImportItem.group == "conflict"]
        if asked != "all":
            import_id, _dot, line = asked.partition(".")
            files = [one for one in files if one == number_of(import_id)]
            # Numbers are given anew with each plan; the cell says whether it is the one that was on screen.
            which += [ImportItem.number == number_of(line), ImportItem.at == request.form.get(f"at.{asked}", "")]
        return self._done(number, lambda: self._choose(files, which, side))

    def _choose(self, files: Sequence[int], which: Sequence[ColumnElement[bool]], side: str) -> None:
        viewer, chosen = viewer_of(current_user), 0
        with writing() as connection:
            for number in files:
                refuse_busy(connection, open_import(connection, number))
                chosen += store_choice(connection, number, which, side, viewer)
        if not (files and chosen):
            raise SyncError(_("The plan changed meanwhile. Look again, and choose."))
        settle(files[0], viewer)

    @expose("/<int:number>/take-out/", methods=("POST",))
    def leave(self, number: int) -> Response:
        """Let one file be looked at by itself again."""
        one = next((one for one in _files(number) if one.id == id_of(request.form.get("import"))), None)
        if one is None:
            abort(404)
        words = _("%(file)s is by itself again.", file=one.file_name)
        return self._done(number, lambda: take_out(one.id, viewer_of(current_user)), words)

    @expose("/<int:number>/apply/", methods=("POST",))
    def apply(self, number: int) -> Response:
        """Apply all files or none, or confirm them where two admins are asked for."""
        files = [one for one in _files(number) if one.state in OPEN]
        if not may("import.apply"):
            abort(403)
        return self._done(number, lambda: self._apply([_approval(one) for one in files]))

    def _apply(self, approvals: Sequence[Approval]) -> None:
        if not approvals:
            raise SyncError(_("Nothing of this waits any more. Look at what came of it."))
        applied = apply_now_or_later(approvals, viewer_of(current_user))
        if applied is False:
            say(_("You confirmed it. Another admin has to look at it now, and apply it."))
        elif applied:
            say(_("All %(number)s workbooks were applied.", number=len(approvals)))

    def _done(self, number: int, act: Callable[[], None], sentence: str = "") -> Response:
        do(act, sentence)
        left = db.session.scalars(select(Import.id).where(Import.batch == number).limit(1)).first()
        return redirect(self.get_url(".show", number=number) if left else self.get_url("imports.index"))


def address_of(numbers: Sequence[int]) -> str:
    """Have imports planned together, and return where they are: on a page of theirs, or apart where that cannot be."""
    try:
        return url_for("together.show", number=join_imports(numbers, viewer_of(current_user)))
    except SyncError as error:
        warn(str(error))
        return url_for("imports.index")


def _own(number: int) -> Import:
    return find_import(number) or abort(404)


def _files(batch: int) -> list[Import]:
    """Return the files of a batch that the signed-in user may see; whoever is bound to a partner sees their own."""
    query = select(Import).where(Import.batch == min(batch, 2**62)).order_by(Import.id)
    files = list(db.session.scalars(query))
    if not files or any(find_import(one.id) is None for one in files):
        abort(404)
    return files


def _approval(one: Import) -> Approval:
    typed = (text.strip() for text in request.form.getlist(f"confirm-{one.id}"))
    confirm = tuple(int(text) for text in typed if text.isdecimal() and len(text) < 20)
    return Approval(one.id, confirm, request.form.get(f"fingerprint-{one.id}") or UNSEEN)


def _between(files: Sequence[Import]) -> Between:
    """Return where the files of a batch differ, what nobody decided about first."""
    mine = [and_(*seen(one.id)) for one in files]
    which = (or_(false(), *mine), ImportItem.group == "conflict", ImportItem.against.is_not(None))
    is_open = ImportItem.choice == ""
    lines = select(ImportItem).where(*which).order_by(is_open.desc(), ImportItem.import_id, ImportItem.number)
    counted = select(func.count(), func.sum(case((is_open, 1), else_=0))).where(*which)
    total, undecided = db.session.execute(counted).one()
    return Between(list(db.session.scalars(lines.limit(MOST_SHOWN))), total, undecided or 0)


def _obstacle(previews: Sequence[Preview], between: Between) -> str:
    """Return what has to be done before the files can be applied; each of them says its own."""
    of_files = [f"{preview.one.file_name}: {preview.obstacle}" for preview in previews if preview.obstacle]
    if between.undecided:
        return _("The files differ in cells that nobody decided about yet. Choose for each of them below.")
    return of_files[0] if of_files else ""


def _progress(files: Sequence[Import]) -> Progress:
    jobs = {one.job_id: one for one in files if one.job_id}
    found = [progress_of_import(one, db.session.get(Job, job_id)) for job_id, one in jobs.items()]
    nothing = Progress(0, 0, "", at_work=False)
    return next((one for one in found if one.at_work), next(iter(found), nothing))


def _missing(files: Sequence[Import]) -> list[Out]:
    """Return the workbooks that went out by the same name as one of these and are not back yet."""
    numbers = {one.export_id for one in files if one.export_id}
    names = set(db.session.scalars(select(Export.name).where(Export.id.in_(numbers)))) - {""}
    return [one for one in workbooks_out() if one.name in names and one.id not in numbers]
