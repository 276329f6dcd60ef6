"""Editing and deleting many customers: choose, look at each, apply as long work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import abort, redirect, request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms.form import BaseForm

from panel.access import may
from panel.authors import current_author
from panel.bulk.edits import Edit, editable_fields, editing_of, form_of, hows_of, read_edits
from panel.bulk.planning import DELETE, EDIT, approve, discard, lines, save_plan, start
from panel.bulk.verdicts import CHANGE, GONE, GROUPS, OTHER, PROBLEM, SAME
from panel.database import writing
from panel.extensions import db
from panel.forms.registry import shown_json
from panel.jobs import KINDS
from panel.models import Job
from panel.rights import the_schema
from panel.schema import Schema
from panel.views.guarded import LAST_PAGE, AppView
from panel.views.messages import say, warn
from panel.views.selection import Selection
from sync.errors import SyncError

PAGE = 100
TABS = {
    EDIT: {
        CHANGE: lazy_gettext("to change"),
        PROBLEM: lazy_gettext("with a problem"),
        SAME: lazy_gettext("as wanted already"),
        OTHER: lazy_gettext("of another category"),
        GONE: lazy_gettext("not there any more"),
    },
    DELETE: {
        CHANGE: lazy_gettext("to the bin"),
        PROBLEM: lazy_gettext("stay"),
        GONE: lazy_gettext("not there any more"),
    },
}


class BulkView(AppView):
    """Changes of many customers that somebody is about to make; each is one person's own."""

    permission = "customer.list"

    @expose("/")
    def index(self) -> Response:
        """Lead to the list, where customers are chosen."""
        return redirect(self.get_url("customers.index_view"))

    @expose("/choose/", methods=("POST",))
    def choose(self) -> Response:
        """Take a selection that is to be edited."""
        return self._started(EDIT)

    @expose("/delete/", methods=("POST",))
    def delete(self) -> Response:
        """Take a selection that is to be deleted."""
        return self._started(DELETE)

    @expose("/<int:number>/")
    def preview(self, number: int) -> Any:
        """Show what would be done to each customer, one group and one page at a time."""
        job = _own(number)
        if job.state != "planned":
            return redirect(self.get_url("jobs.show", number=number))
        if job.kind == EDIT and "edits" not in (job.options or {}):
            return redirect(self.get_url(".fields", number=number))
        schema = the_schema()
        try:
            edits = _edits(schema, job)
            page = _page_of(job)
        except SyncError as error:
            warn(str(error))
            return redirect(self.get_url("customers.index_view" if job.kind == DELETE else ".fields", number=number))
        by_key = {field.key: field for field in schema.fields}
        columns = [edit.field for edit in edits]
        return self.render(
            "bulk/preview.html", job=job, edits=edits, columns=columns, fields=by_key, shown_json=shown_json, **page
        )

    @expose("/<int:number>/fields/", methods=("GET", "POST"))
    def fields(self, number: int) -> Any:
        """Ask what is to be done to which fields, and plan it."""
        job = _own(number, EDIT)
        if job.state != "planned":
            return redirect(self.get_url("jobs.show", number=number))
        schema = the_schema()
        open_ones = editable_fields(db.session.connection(), schema)
        before = _known_edits(schema, job)
        form = form_of(open_ones, request.form or None, before)
        chosen = {edit.field.key: edit.how for edit in before}
        if request.method == "POST":
            edits = read_edits(form, open_ones, request.form)
            chosen = {field.key: request.form.get(f"how.{field.key}", "") for field in open_ones}
            if edits and not any(control.errors for control in form):
                return self._planned(number, edits)
            warn(_("Nothing was planned yet: say what is to be done.") if not edits else _("Some inputs need a look."))
        return self._fields_page(job, form, chosen)

    @expose("/<int:number>/apply/", methods=("POST",))
    def apply(self, number: int) -> Response:
        """Have the plan written."""
        _own(number)
        skip = "skip_problems" in request.form
        return self._done(number, lambda: approve(number, skip_problems=skip), "jobs.show")

    @expose("/<int:number>/discard/", methods=("POST",))
    def discard(self, number: int) -> Response:
        """Forget the plan."""
        _own(number)
        with writing():
            discard(number)
        say(_("Nothing was changed."))
        return redirect(self.get_url("customers.index_view"))

    def _started(self, kind_name: str) -> Response:
        _need(kind_name)
        try:
            schema = the_schema()
            ids = Selection.of(request.form).freeze(schema)
            with writing() as connection:
                number = start(kind_name, ids, current_author())
                if kind_name == DELETE:
                    save_plan(connection, number)
        except SyncError as error:
            warn(str(error))
            return redirect(self.get_url("customers.index_view"))
        return redirect(self.get_url(".preview", number=number))

    def _planned(self, number: int, edits: Sequence[Edit]) -> Response:
        def plan() -> None:
            job = db.session.get_one(Job, number, populate_existing=True)
            job.options, job.message = {"edits": [edit.to_json() for edit in edits]}, ""
            db.session.flush()
            save_plan(db.session.connection(), number)

        return self._done(number, plan, ".preview")

    def _done(self, number: int, act: Callable[[], None], then: str) -> Response:
        try:
            with writing():
                act()
        except SyncError as error:
            warn(str(error))
            return redirect(self.get_url(".preview", number=number))
        return redirect(self.get_url(then, number=number))

    def _fields_page(self, job: Job, form: BaseForm, chosen: dict[str, str]) -> str:
        hows = {control.field.key: hows_of(_as_is(control.field)) for control in form}
        return str(self.render("bulk/fields.html", job=job, form=form, hows=hows, chosen=chosen))


def _as_is(field: Any) -> Any:
    schema = the_schema()
    return schema.field(field.key)


def _need(kind_name: str) -> None:
    if not may(KINDS[kind_name].permission):
        abort(403)


def _own(number: int, kind_name: str = "") -> Job:
    """Return the signed-in user's own change of many; nobody sees another's."""
    job = db.session.get(Job, number) if number < 2**62 else None
    if job is None or job.user_id != current_user.id or job.kind not in ({kind_name} if kind_name else set(TABS)):
        abort(404)
    _need(job.kind)
    return job


def _edits(schema: Schema, job: Job) -> tuple[Edit, ...]:
    if job.kind == DELETE:
        return ()
    return editing_of(db.session.connection(), schema, job.options["edits"]).edits


def _known_edits(schema: Schema, job: Job) -> tuple[Edit, ...]:
    try:
        return _edits(schema, job) if "edits" in (job.options or {}) else ()
    except SyncError:
        return ()


def _page_of(job: Job) -> dict[str, Any]:
    counts = (job.result or {}).get("groups", {})
    tabs = [(group, counts[group], TABS[job.kind].get(group, group)) for group in GROUPS if counts.get(group)]
    there = [group for group, _number, _words in tabs]
    asked = request.args.get("group", "")
    group = asked if asked in there else next(iter(there), CHANGE)
    page = min(max(request.args.get("page", 0, type=int), 0), LAST_PAGE)
    found = lines(db.session.connection(), job, group, page * PAGE, PAGE)
    return {
        "tabs": tabs,
        "group": group,
        "lines": found,
        "page": page,
        "pages": -(-counts.get(group, 0) // PAGE),
        "counts": counts,
    }
