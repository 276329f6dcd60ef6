"""Undoing an import or a part of it: look at what would go back, choose what of it, have it done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, redirect, request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from panel.authors import current_author
from panel.database import writing
from panel.entities import ENTITIES, Entity
from panel.extensions import db
from panel.forms.registry import shown_json
from panel.imports.aftermath import CREATED, Source
from panel.imports.undo_preview import AT_ONCE, GROUPS, UNDO, approve_undo, discard_undo, source_of, start_undo
from panel.jobs import run_now
from panel.models import Import, Job, UndoLine
from panel.models.columns import aware
from panel.relations import named
from panel.rights import reach_of, rights_of
from panel.sealed import secret_keys
from panel.views.customer_query import id_of, labels_of_all, number_of
from panel.views.guarded import LAST_PAGE, AppView
from panel.views.imports_seen import address_of_records, find_import, names_of, schema_of
from panel.views.messages import warn
from sync.errors import SyncError
from sync.words import say

PAGE = 100
TABS = {
    "change": (lazy_gettext("change goes back"), lazy_gettext("changes go back")),
    "bin": (lazy_gettext("customer to the bin"), lazy_gettext("customers to the bin")),
    "restore": (lazy_gettext("customer restored"), lazy_gettext("customers restored")),
    "field": (lazy_gettext("field retired"), lazy_gettext("fields retired")),
    "kept": (lazy_gettext("kept: edited since"), lazy_gettext("kept: edited since")),
    "refused": (lazy_gettext("cannot go back"), lazy_gettext("cannot go back")),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One line as people read it; `customer` is there where the signed-in user sees that one."""

    at: str
    record_id: int | None
    customer: str
    key: str
    label: str
    now: str
    before: str
    message: str
    by: str
    since: dt.datetime | None


class UndoView(AppView):
    """What undoing would do, as long as nobody has had it done; each is one person's own."""

    permission = "import.apply"

    @expose("/")
    def index(self) -> Response:
        """Lead to the imports, of which one is to be undone."""
        return redirect(self.get_url("imports.index"))

    @expose("/start/", methods=("POST",))
    def start(self) -> Response:
        """Look what of an import can go back: all, one customer's part, one field's or one cell's."""
        number, record_id = id_of(request.form.get("import")), number_of(request.form.get("customer"))
        _refuse_unseen(number)
        fields = frozenset(request.form.getlist("field")) or None
        return self._planned(Source(number, record_id=record_id or None, fields=fields))

    @expose("/<int:number>/")
    def preview(self, number: int) -> Any:
        """Show what would go back, one kind of line and one page at a time."""
        job = _own(number)
        if job.state != "planned":
            return redirect(self.get_url("jobs.show", number=number))
        one = db.session.get_one(Import, job.options["import"])
        counts = (job.result or {}).get("groups", {})
        tabs = [(key, counts[key], TABS[key][counts[key] != 1]) for key in GROUPS if counts.get(key)]
        there = [key for key, _number, _words in tabs]
        group = request.args.get("group", "") if request.args.get("group") in there else next(iter(there), "")
        page = min(max(request.args.get("page", 0, type=int), 0), LAST_PAGE)
        source, entity = source_of(job.options), ENTITIES[one.entity]
        return self.render(
            "imports/undo.html",
            job=job,
            one=one,
            result=job.result or {},
            tabs=tabs,
            group=group,
            lines=list(_shown(_lines(number, group, counts, page), entity)),
            record_url=address_of_records(entity),
            page=page,
            pages=-(-counts.get(group, 0) // PAGE),
            source=source,
            columns=_columns(job, source),
            of_whom=names_of([source.record_id], entity).get(source.record_id or 0, ""),
        )

    @expose("/<int:number>/narrow/", methods=("POST",))
    def narrow(self, number: int) -> Response:
        """Look at other columns, at one customer's part, or at one cell."""
        source = _narrowed(_own(number))
        if source is None:
            warn(_("Tick at least one column."))
            return redirect(self.get_url(".preview", number=number))
        with writing():
            discard_undo(number)
        return self._planned(source)

    @expose("/<int:number>/apply/", methods=("POST",))
    def apply(self, number: int) -> Response:
        """Have it done."""
        job = _own(number)
        small = job.total <= AT_ONCE
        return self._done(number, lambda: approve_undo(number), small=small)

    @expose("/<int:number>/discard/", methods=("POST",))
    def discard(self, number: int) -> Response:
        """Leave everything as it is."""
        import_id = _own(number).options["import"]
        with writing():
            discard_undo(number)
        return redirect(self.get_url("imports.preview", number=import_id))

    def _planned(self, source: Source) -> Response:
        with writing():
            number = start_undo(source, current_author())
            small = db.session.get_one(Job, number).total <= AT_ONCE
        return self._done(number, lambda: None, small=small)

    def _done(self, number: int, act: Callable[[], None], *, small: bool) -> Response:
        try:
            with writing():
                act()
        except SyncError as error:
            warn(str(error))
            return redirect(self.get_url(".preview", number=number))
        if small:
            run_now(number)
        return redirect(self.get_url(".preview", number=number))


def _own(number: int) -> Job:
    """Return the signed-in user's own undoing; nobody sees another's."""
    job = db.session.get(Job, number) if number < 2**62 else None
    if job is None or job.user_id != current_user.id or job.kind != UNDO:
        abort(404)
    return job


def _refuse_unseen(number: int) -> None:
    if find_import(number) is None:
        abort(404)


def _narrowed(job: Job) -> Source | None:
    """Return what the form asks for: a line's cell or row, or the ticked columns of one customer or of all."""
    import_id = job.options["import"]
    record, _colon, field = request.form.get("only", "").partition(":")
    if record:
        return Source(
            import_id, record_id=number_of(record) or None, fields=frozenset({field} if field else ()) or None
        )
    there = {key for key, *_rest in _columns(job, Source())}
    chosen = there & set(request.form.getlist("field"))
    fields = None if chosen == there else frozenset(chosen)
    return (
        Source(import_id, record_id=number_of(request.form.get("customer")) or None, fields=fields) if chosen else None
    )


def _lines(number: int, group: str, counts: dict[str, int], page: int) -> Sequence[UndoLine]:
    """Return one page of a group: its lines are numbered one after another, so that no page takes a search."""
    first = sum(counts.get(one, 0) for one in GROUPS[: GROUPS.index(group)]) if group else 0
    start = first + page * PAGE
    query = select(UndoLine).where(UndoLine.job_id == number, UndoLine.group == group)
    query = query.where(UndoLine.number > start, UndoLine.number <= start + PAGE)
    return db.session.scalars(query.order_by(UndoLine.number)).all()


def _shown(lines: Sequence[UndoLine], entity: Entity) -> Iterator[Shown]:
    """Yield the lines in words, as far as the signed-in user may see them now."""
    schema, connection = schema_of(entity), db.session.connection()
    sides = ({line.field: value} for line in lines for value in (line.panel, line.before))
    fields = {field.key: field for field in named(connection, schema.fields, sides, reach_of(current_user))}
    labels, unseen = labels_of_all(schema), rights_of(current_user).on(entity).unseen
    secret = secret_keys(connection) if entity.has_extra else ()
    names = names_of((line.record_id for line in lines), entity)
    for line in lines:
        if line.field in unseen or (line.record_id and current_user.partner_id and line.record_id not in names):
            continue
        now, before = (
            "" if line.field in secret or line.field in {"", "deleted"} else shown_json(value, fields.get(line.field))
            for value in (line.panel, line.before)
        )
        label = say(entity.noun).capitalize() if line.field in {"", "deleted"} else labels.get(line.field, line.field)
        who = names.get(line.record_id or 0, "")
        since = None if line.since is None else aware(line.since)
        where = line.at.rpartition("!")[2]
        yield Shown(where, line.record_id, who, line.field, label, now, before, line.message, line.by, since)


def _columns(job: Job, source: Source) -> list[tuple[str, str, int, bool]]:
    """Return what the import wrote, column by column: key, label, how often, and whether it is among what goes back."""
    one = db.session.get_one(Import, job.options["import"])
    entity = ENTITIES[one.entity]
    labels = labels_of_all(schema_of(entity)) | {CREATED: _("New rows"), "deleted": _("Deletions")}
    unseen = rights_of(current_user).on(entity).unseen
    found = (job.result or {}).get("columns", {})
    return [(key, labels.get(key, key), n, source.takes(key)) for key, n in found.items() if key not in unseen]
