"""Undoing an import as people do it: planned, looked at line by line, and done as long work or not at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from sqlalchemy import Connection, delete, func, insert, select, update

from panel.authors import Author
from panel.changelog import LostRace, ValueTaken
from panel.database import reading
from panel.extensions import db
from panel.imports.aftermath import Source, entity_of
from panel.imports.journey import viewer_of
from panel.imports.standing import Kept
from panel.imports.undo_journey import plan_to_write, refuse_unless_applied, write_and_tell
from panel.imports.undoing import Undoing, plan_undo
from panel.jobs import READ, WRITE, LookAgain, Work, kind, wake_after_commit
from panel.models import Job, Revision, UndoLine
from panel.models.columns import now
from panel.records import batches
from panel.undoing import result_of, told
from sync.errors import SyncError

UNDO = "undo_import"
AT_ONCE = 2_000
"""So many customers are planned and written before anybody would look for a bar."""
ROWS_AT_ONCE = 5_000
KEPT_DAYS = 7
NAMED = 10
GROUPS = ("change", "bin", "restore", "field", "kept", "refused")
"""The kinds of lines: values, customers to the bin, out of it, fields that go; edited since; what cannot go back."""


def source_of(options: Mapping[str, Any]) -> Source:
    """Return what a job of this kind undoes."""
    fields = options.get("fields")
    return Source(options["import"], None, options.get("record"), None if fields is None else frozenset(fields))


def start_undo(source: Source, author: Author) -> int:
    """Have the undoing of an import or of a part of it planned, in the caller's transaction; return the job's ID."""
    connection, oldest = db.session.connection(), now() - dt.timedelta(days=KEPT_DAYS)
    mine = (Job.kind == UNDO, Job.state == "planned", Job.user_id == author.user_id, Job.at < oldest)
    connection.execute(delete(Job).where(*mine))
    options: dict[str, Any] = {"import": source.import_id, "record": source.record_id}
    options |= {"fields": None if source.fields is None else sorted(source.fields)}
    job = Job(kind=UNDO, state="queued", by=author.name, user_id=author.user_id, options=options, result={})
    job.total = _size(connection, source)
    db.session.add(job)
    db.session.flush()
    wake_after_commit()
    return job.id


def _size(connection: Connection, source: Source) -> int:
    mine = Revision.entity == entity_of(connection, source).key
    query = select(func.count()).select_from(Revision).where(mine, source.written)
    return int(connection.execute(query).scalar_one())


def approve_undo(job_id: int) -> None:
    """Let what somebody looked at be done, in the caller's transaction."""
    job = db.session.get_one(Job, job_id, with_for_update=True, populate_existing=True)
    if job.state != "planned" or not (job.result or {}).get("count"):
        raise SyncError(_("There is nothing here that can be undone."))
    job.state, job.message = "queued", ""
    job.options = {**job.options, "approved": job.result["fingerprint"], "fence": job.fence}
    wake_after_commit()


def discard_undo(job_id: int) -> None:
    """Forget an undoing that nobody approved, in the caller's transaction."""
    db.session.connection().execute(delete(Job).where(Job.id == job_id, Job.state == "planned"))


class _Moved(SyncError):
    """What somebody looked at is not so any more."""


@kind(UNDO, permission="import.apply", label=lazy_gettext("Undo an import"), preview="undo.preview", tell=told)
def _undo(work: Work) -> None:
    """Plan, and wait for a look; what was looked at is written as it was seen, in one transaction."""
    source, approved = source_of(work.options), work.options.get("approved")
    if not approved:
        raise LookAgain(_plan(work, source))
    try:
        try:
            _write(work, source, approved, alone=False)
        except (LostRace, ValueTaken):
            _write(work, source, approved, alone=True)
    except (_Moved, LostRace, ValueTaken) as error:
        _plan(work, source, moved=True)
        raise LookAgain(str(error)) from None


def _write(work: Work, source: Source, approved: str, *, alone: bool) -> None:
    viewer = viewer_of(current_user)
    with work.writing() as connection:
        plan = plan_to_write(connection, source, viewer, work.telling(READ), alone=alone)
        # Where people work on the same customers all the time, something moves at every look: who was told so once has
        # what is left of what they saw undone, and what was edited meanwhile is kept and listed as ever.
        is_seen = work.options.get("moved") and _is_among_seen(connection, work.job_id, plan)
        if plan.fingerprint != approved and not is_seen:
            raise _Moved(_moved(connection, work.job_id, plan))
        write_and_tell(connection, source, plan, viewer, work.telling(WRITE))
        connection.execute(delete(UndoLine).where(UndoLine.job_id == work.job_id))
        work.finish({**result_of(plan.undone), "import": source.import_id})


def _plan(work: Work, source: Source, *, moved: bool = False) -> str:
    """Plan, keep the lines, and return nothing: there is nothing to say but what they say."""
    with reading() as connection:
        plan = plan_undo(connection, source, viewer_of(current_user), doing=work.telling(READ))
        refuse_unless_applied(connection, source.import_id or 0, plan)
    with work.writing() as connection:
        _save(connection, work, plan, moved=moved)
    return ""


def _save(connection: Connection, work: Work, plan: Undoing, *, moved: bool) -> None:
    connection.execute(delete(UndoLine).where(UndoLine.job_id == work.job_id))
    groups: dict[str, int] = {}
    for some in batches(enumerate(_lines(plan), 1), ROWS_AT_ONCE):
        for _number, line in some:
            groups[line["group"]] = groups.get(line["group"], 0) + 1
        connection.execute(insert(UndoLine), [{**line, "job_id": work.job_id, "number": n} for n, line in some])
    result = {"groups": groups, "columns": plan.columns, "hidden": plan.hidden, "count": plan.undone.count}
    result |= {"fingerprint": plan.fingerprint}
    options = {name: value for name, value in work.options.items() if name != "approved"} | {"moved": moved}
    connection.execute(update(Job).where(Job.id == work.job_id).values(result=result, options=options))


def _lines(plan: Undoing) -> Iterator[dict[str, Any]]:
    """Yield the lines of a plan, group by group."""
    found: dict[str, list[dict[str, Any]]] = {group: [] for group in GROUPS}
    for write in plan.writes:
        cells = plan.cells.get(write.record_id, {})
        for key, (panel, before) in write.changes.items():
            group = "change" if key != "deleted" else "restore" if write.restores else "bin"
            found[group].append(_line(group, write.record_id, key, cells.get(key, ""), panel, before))
    found["field"] = [_line("field", None, key, "", None, None) for key in plan.retired]
    for one in plan.kept:
        group = "kept" if one.reason in plan.since_words else "refused"
        found[group].append(_kept_line(group, one, plan.cells.get(one.id, {}).get(one.field, "")))
    for group in GROUPS:
        yield from found[group]


def _line(group: str, record_id: int | None, key: str, at: str, panel: Any, before: Any) -> dict[str, Any]:
    values = {"group": group, "record_id": record_id, "field": key, "at": at, "panel": panel, "before": before}
    return {**values, "message": "", "by": "", "since": None}


def _kept_line(group: str, one: Kept, at: str) -> dict[str, Any]:
    since = dt.datetime.fromisoformat(one.since) if one.since else None
    line = _line(group, one.id or None, one.field, at, one.now, None)
    return line | {"message": one.reason, "by": one.by, "since": since}


_Places = dict[tuple[int | None, str], Any]


def _seen_and_wanted(connection: Connection, job_id: int, plan: Undoing) -> tuple[_Places, _Places]:
    """Return what was to go back when somebody looked, and what is now, by customer and field; fields have none."""
    table = UndoLine.__table__.c
    columns = select(table.record_id, table.field, table.panel, table.before)
    shown = (table.job_id == job_id, table.group.in_(("change", "bin", "restore", "field")))
    seen: _Places = {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(columns.where(*shown))}
    wanted: _Places = {(one.record_id, key): pair for one in plan.writes for key, pair in one.changes.items()}
    return seen, wanted | {(None, key): (None, None) for key in plan.retired}


def _is_among_seen(connection: Connection, job_id: int, plan: Undoing) -> bool:
    """Tell whether nothing goes back but what somebody saw, and something does."""
    seen, wanted = _seen_and_wanted(connection, job_id, plan)
    return bool(wanted) and all(seen.get(place) == pair for place, pair in wanted.items())


def _moved(connection: Connection, job_id: int, plan: Undoing) -> str:
    """Return in words which customers are not what they were when somebody looked."""
    seen, wanted = _seen_and_wanted(connection, job_id, plan)
    moved = sorted({one[0] for one in seen.keys() | wanted.keys() if one[0] and seen.get(one) != wanted.get(one)})
    named = ", ".join(map(str, moved[:NAMED])) + (", …" if len(moved) > NAMED else "")
    if not moved:
        return _("A field changed after the preview, so nothing was undone. Look at what would go back now.")
    words = _(
        "Somebody changed %(count)s of these customers after the preview (ID %(ids)s), so nothing was undone. "
        "Look at what would go back now, and undo again.",
        count=f"{len(moved):,}",
        ids=named,
    )
    return str(words)
