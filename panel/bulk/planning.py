"""The plan of a change of many: kept as groups of customers and their revisions, and made again to be written."""

from __future__ import annotations

import datetime as dt
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from sqlalchemy import Connection, delete, select

from panel.authors import Author
from panel.bulk.deleting import Deleting
from panel.bulk.edits import editing_of
from panel.bulk.verdicts import CHANGE, GONE, GROUPS, OTHER, PROBLEM, SAME, Judge, Verdict
from panel.changelog import Write, changes_since, value_then, write_in_bulk
from panel.extensions import db
from panel.jobs import LookAgain, Work, kind, pack, unpack, wake_after_commit
from panel.models import Customer, Job
from panel.models.columns import now
from panel.records import BATCH, RecordReader, batches, select_records
from panel.schema import Schema, current_schema
from panel.views.customer_query import visible
from sync.errors import SyncError
from sync.records import Record

EDIT, DELETE = "bulk_edit", "bulk_delete"
NAMED = 10
KEPT_DAYS = 7


@dataclass(frozen=True, slots=True)
class Line:
    """One customer in a preview."""

    record: Record
    verdict: Verdict


def judge_of(connection: Connection, schema: Schema, job: Job) -> Judge:
    """Return who decides about the customers of a job; raise `SyncError` where that may no longer be asked for."""
    if job.kind == DELETE:
        return Deleting(connection, schema)
    return editing_of(connection, schema, job.options["edits"])


def start(kind_name: str, record_ids: Sequence[int], author: Author) -> int:
    """Add a change of these customers that somebody has to look at, in the caller's transaction; return its ID."""
    oldest = now() - dt.timedelta(days=KEPT_DAYS)
    mine = (Job.state == "planned", Job.user_id == author.user_id, Job.at < oldest)
    db.session.connection().execute(delete(Job).where(*mine))
    job = Job(kind=kind_name, state="planned", by=author.name, user_id=author.user_id, total=len(record_ids))
    job.record_ids, job.options, job.result = pack(array("q", record_ids)), {}, {}
    db.session.add(job)
    db.session.flush()
    return job.id


def save_plan(connection: Connection, job_id: int) -> None:
    """Decide about every customer of a job as of now, and keep the customers by group with their revisions."""
    job = db.session.get_one(Job, job_id, populate_existing=True)
    schema = current_schema(connection)
    judge = judge_of(connection, schema, job)
    groups: dict[str, list[tuple[int, int]]] = {group: [] for group in GROUPS}
    for some in batches(sorted(unpack(job.record_ids)), BATCH):
        found = _records(connection, judge, some)
        for record_id in some:
            record = found.get(record_id)
            group = GONE if record is None else judge.judge(record).group
            groups[group].append((record_id, 0 if record is None else record.revision))
    ordered = [one for group in GROUPS for one in groups[group]]
    job.record_ids = pack(array("q", [record_id for record_id, _revision in ordered]))
    job.revisions = pack(array("q", [revision for _id, revision in ordered]))
    job.options, job.total = {**job.options, "schema": schema.version}, len(ordered)
    job.result = {"groups": {group: len(members) for group, members in groups.items() if members}}
    db.session.flush()


def lines(connection: Connection, job: Job, group: str, start_at: int, count: int) -> list[Line]:
    """Return some of a group's customers as they are now, each with what becomes of it."""
    schema = current_schema(connection)
    judge = judge_of(connection, schema, job)
    ids = _members(job, group)[start_at : start_at + count]
    found = _records(connection, judge, ids)
    return [Line(found[record_id], judge.judge(found[record_id])) for record_id in ids if record_id in found]


def _members(job: Job, wanted: str) -> list[int]:
    counts, ids, first = job.result.get("groups", {}), unpack(job.record_ids), 0
    for group in GROUPS:
        if group == wanted:
            return list(ids[first : first + counts.get(group, 0)])
        first += counts.get(group, 0)
    return []


def approve(job_id: int, *, skip_problems: bool) -> None:
    """Let a looked-at plan be written, in the caller's transaction."""
    job = db.session.get_one(Job, job_id, with_for_update=True, populate_existing=True)
    counts = (job.result or {}).get("groups", {})
    if job.state != "planned" or not counts.get(CHANGE):
        raise SyncError(_("There is nothing here that can be applied."))
    if counts.get(PROBLEM) and job.kind == EDIT and not skip_problems:
        raise SyncError(_("Some customers have problems. Say that they are to stay as they are, or change the edit."))
    job.state, job.message, job.total = "queued", "", counts[CHANGE]
    job.options = {**job.options, "fence": job.fence}
    wake_after_commit()


def discard(job_id: int) -> None:
    """Forget a plan that nobody applied."""
    db.session.connection().execute(delete(Job).where(Job.id == job_id, Job.state == "planned"))


def _told(done: str, result: Mapping[str, Any]) -> list[str]:
    """Return what was written, in sentences; the first of them is given."""
    counts = result.get("groups", {})
    words = (
        (result.get("changed"), done),
        (counts.get(PROBLEM), _("%(number)s with problems were left as they are.")),
        (counts.get(SAME), _("%(number)s had it so already.")),
        (counts.get(OTHER), _("%(number)s are of a category that does not have this field.")),
        (counts.get(GONE), _("%(number)s were not there any more.")),
    )
    return [text % {"number": f"{number:,}"} for number, text in words if number]


def told_edit(result: Mapping[str, Any]) -> list[str]:
    """Return what an edit wrote, in sentences."""
    n = result.get("changed", 0)
    words = ngettext("%(number)s customer was changed.", "%(number)s customers were changed.", n, number=f"{n:,}")
    return _told(words, result)


def told_deletion(result: Mapping[str, Any]) -> list[str]:
    """Return what a deletion wrote, in sentences."""
    n = result.get("changed", 0)
    words = ngettext(
        "%(number)s customer was moved to the bin.",
        "%(number)s customers were moved to the bin.",
        n,
        number=f"{n:,}",
    )
    return _told(words, result)


@kind(
    DELETE,
    permission="customer.delete",
    label=lazy_gettext("Delete"),
    undoable=True,
    preview="bulk.preview",
    tell=told_deletion,
)
@kind(
    EDIT,
    permission="customer.bulk_edit",
    label=lazy_gettext("Bulk edit"),
    undoable=True,
    preview="bulk.preview",
    tell=told_edit,
)
def write(work: Work) -> None:
    """Write what the preview showed, in one transaction, or nothing where a customer is no longer what it showed."""
    try:
        with work.writing() as connection:
            _write(connection, work)
    except _Stale as stale:
        with work.writing() as connection:
            save_plan(connection, work.job_id)
        raise LookAgain(str(stale)) from None


class _Stale(SyncError):
    """What the preview showed is not so any more."""


def _write(connection: Connection, work: Work) -> None:
    job = db.session.get_one(Job, work.job_id, populate_existing=True)
    schema = current_schema(connection)
    if schema.version != job.options.get("schema"):
        raise _Stale(_("A field or one of its options changed, so nothing was written. Look at the new preview."))
    judge, ids = judge_of(connection, schema, job), _members(job, CHANGE)
    seen = dict(zip(unpack(job.record_ids), unpack(job.revisions), strict=True))
    moved: list[int] = []
    cells = 0
    for some in batches(ids, BATCH):
        found = _records(connection, judge, some, lock=True)
        as_seen = _as_seen(connection, judge, found, seen)
        moved += [one for one in some if one not in found or _moved(judge, found[one], seen[one], as_seen[one])]
        if not moved:
            writes = list(_writes(connection, as_seen, found))
            write_in_bulk(connection, schema, current_app.extensions["keyring"], writes, work.author)
            cells += sum(len(one.changes) for one in writes)
        work.doing(work.done + len(some), len(ids))
    if moved:
        raise _Stale(_moved_words(moved))
    work.finish({**job.result, "changed": len(ids), "cells": cells})


def _moved(judge: Judge, record: Record, seen: int, changes: Mapping[str, tuple[Any, Any]]) -> bool:
    return record.revision != seen and judge.judge(record).changes != changes


def _as_seen(
    connection: Connection, judge: Judge, found: Mapping[int, Record], seen: Mapping[int, int]
) -> dict[int, Mapping[str, tuple[Any, Any]]]:
    """Return the changes that the preview showed, judged by what the customers were at the revisions that it saw."""
    stale = {record_id: seen[record_id] for record_id, one in found.items() if one.revision != seen[record_id]}
    newer = changes_since(connection, stale)
    changes: dict[int, Mapping[str, tuple[Any, Any]]] = {}
    for record_id, record in found.items():
        after = [one for one in newer.get(record_id, ()) if one.number > seen[record_id]]
        then = Record(record.id, 0, "", value_then(record, after, judge.fields)) if after else record
        changes[record_id] = judge.judge(then).changes
    return changes


def _writes(
    connection: Connection, changes: Mapping[int, Mapping[str, tuple[Any, Any]]], found: Mapping[int, Record]
) -> Iterator[Write]:
    table = Customer.__table__.c
    rows = connection.execute(select(table.id, table.extra).where(table.id.in_(changes)))
    extras = {record_id: extra or {} for record_id, extra in rows}
    for record_id, pairs in changes.items():
        yield Write(record_id, found[record_id].revision + 1, pairs, extra=extras[record_id])


def _records(connection: Connection, judge: Judge, ids: Sequence[int], *, lock: bool = False) -> dict[int, Record]:
    """Return those of the customers that the signed-in user sees."""
    table, reader = Customer.__table__.c, RecordReader(judge.fields)
    query = select_records(judge.fields).where(table.id.in_(ids), *visible()).order_by(table.id)
    rows = connection.execute(query.with_for_update() if lock else query)
    return {row[0]: reader.record(row) for row in rows}


def _moved_words(moved: Sequence[int]) -> str:
    named = ", ".join(map(str, moved[:NAMED])) + (", …" if len(moved) > NAMED else "")
    words = _(
        "Somebody changed %(count)s of these customers after the preview (ID %(ids)s), so nothing was written. "
        "Look at the new preview, and apply again.",
        count=f"{len(moved):,}",
        ids=named,
    )
    return str(words)
