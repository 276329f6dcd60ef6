"""Long work as people see it: what is being done, how much is left, what came of it, and how to take it back."""

from __future__ import annotations

from typing import Any

from flask import abort, jsonify, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from panel.access import may
from panel.authors import current_author
from panel.database import reading, writing
from panel.extensions import db
from panel.imports.aftermath import Source
from panel.imports.journey import viewer_of
from panel.imports.undoing import plan_undo
from panel.jobs import KINDS, SUBJECTS, Kind, progress_of, step_of
from panel.models import Customer, Job
from panel.rights import the_schema
from panel.schema import current_schema
from panel.undoing import KEPT_LISTED, undo_job
from panel.views.customer_query import labels_of_all, name_column, visible
from panel.views.guarded import AppView
from panel.views.messages import warn
from sync.errors import SyncError

LISTED = 100
STATES = {
    "planned": lazy_gettext("Waiting for you"),
    "queued": lazy_gettext("About to begin"),
    "running": lazy_gettext("Running"),
    "done": lazy_gettext("Done"),
    "failed": lazy_gettext("Not done"),
    "undone": lazy_gettext("Undone"),
}
AT_WORK = frozenset({"queued", "running"})


class JobView(AppView):
    """Long work."""

    permission = "customer.list"

    @expose("/")
    def index(self) -> str:
        """List the newest work that the signed-in user may see."""
        unlisted = [one.name for one in KINDS.values() if not one.listed]
        query = select(Job).where(Job.kind.not_in(unlisted)).order_by(Job.id.desc()).limit(LISTED)
        if not _sees_all():
            query = query.where(Job.user_id == current_user.id)
        jobs = list(db.session.scalars(query))
        return str(self.render("jobs/list.html", jobs=jobs, kinds=KINDS, words=STATES, progress_of=progress_of))

    @expose("/<int:number>/")
    def show(self, number: int) -> Any:
        """Show one piece of work; one that waits for a look is shown on its own page."""
        job = find_job(number)
        found = _kind(job)
        if job.state == "planned" and found.preview:
            return redirect(url_for(found.preview, number=number))
        if subject := SUBJECTS.get(job.kind):
            return redirect(url_for(subject.page, number=job.options[job.kind]))
        done, total = progress_of(job)
        kept = (job.result or {}).get("kept", ())
        page: dict[str, Any] = {"job": job, "kind": found, "done": done, "total": total, "words": STATES}
        page |= {"told": found.tell(job.result or {}), "kept": kept, "may_undo": _may_undo(job)}
        page["sends"] = found.sends if job.state == "done" and job.user_id == current_user.id else ""
        return self.render("jobs/job.html", at_work=job.state in AT_WORK, **page, **_named(kept))

    @expose("/<int:number>/progress/")
    def progress(self, number: int) -> Response:
        """Answer how far the work is."""
        job = find_job(number)
        done, total = progress_of(job)
        sentence = words_of_progress(job, done, total)
        return jsonify(done=done, total=total, sentence=sentence, at_work=job.state in AT_WORK)

    @expose("/<int:number>/undo/", methods=("GET", "POST"))
    def undo(self, number: int) -> Any:
        """Show what undoing would do, or have it done."""
        job = find_job(number)
        if not _may_undo(job):
            abort(403 if job.state == "done" else 404)
        if request.method == "POST":
            return self._undone(number)
        before = _kind(job).schema_before
        with reading() as connection:
            then = before(current_schema(connection), find_job(number)) if before else None
            undone = plan_undo(connection, Source(job_id=number), viewer_of(current_user), then).undone
        job = find_job(number)
        kept = [[one.id, one.field, one.reason] for one in undone.kept[:KEPT_LISTED]]
        page: dict[str, Any] = {"job": job, "kind": _kind(job), "undone": undone, "kept": kept}
        return self.render("jobs/undo.html", **page, **_named(kept))

    def _undone(self, number: int) -> Response:
        try:
            with writing():
                undoing = undo_job(number, current_author()).id
        except SyncError as error:
            warn(str(error))
            return redirect(self.get_url(".show", number=number))
        return redirect(self.get_url(".show", number=undoing))


def find_job(number: int) -> Job:
    """Return a piece of work that the signed-in user may see, or answer that there is none."""
    job = db.session.get(Job, number) if number < 2**62 else None
    if job is None or not (job.user_id == current_user.id or _sees_all()):
        abort(404)
    return job


def words_of_progress(job: Job, done: int, total: int) -> str:
    """Return in words how far a piece of work is."""
    if job.state == "queued":
        return str(_("It begins in a moment."))
    if job.state != "running" or not total:
        return str(STATES.get(job.state, job.state))
    left = f"{total - done:,}"
    words = str(_("%(done)s of %(total)s, %(left)s left", done=f"{done:,}", total=f"{total:,}", left=left))
    return ": ".join(part for part in (step_of(job), words) if part)


def _kind(job: Job) -> Kind:
    return KINDS.get(job.kind) or abort(404)


def _may_undo(job: Job) -> bool:
    found = KINDS.get(job.kind)
    return found is not None and found.undoable and job.state == "done" and may(found.permission)


def _sees_all() -> bool:
    return current_user.partner_id is None and may("audit")


def _named(kept: Any) -> dict[str, Any]:
    """Return the names of customers and fields that were kept, as far as the signed-in user may see them."""
    ids = {one[0] for one in kept}
    query = select(Customer.id, name_column()).where(Customer.id.in_(ids), *visible())
    names = dict(db.session.execute(query).all()) if ids else {}
    return {"names": names, "labels": labels_of_all(the_schema())}
