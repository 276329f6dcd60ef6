"""Undo a job: the same merge against what has happened since as for an import, as a job of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_login import current_user
from sqlalchemy import Connection, update

from panel.authors import Author
from panel.changelog import LostRace, ValueTaken
from panel.entities import CUSTOMER, ENTITIES
from panel.extensions import db
from panel.imports.aftermath import Source
from panel.imports.applying import hold_still
from panel.imports.journey import viewer_of
from panel.imports.undoing import Undone, apply_undo
from panel.jobs import KINDS, Work, enqueue, kind
from panel.models import Job
from panel.models.columns import now
from sync.errors import SyncError
from sync.words import say

KEPT_LISTED = 500
COUNTED = ("reverted", "removed", "restored", "retired", "kept_count")


def undo_job(job_id: int, author: Author) -> Job:
    """Have a job undone, in the caller's transaction: field by field, and what was edited since is kept and listed."""
    _undoable(db.session.get(Job, job_id))
    return enqueue("undo", {"job": job_id}, (), author)


def _undoable(job: Job | None) -> Job:
    if job is None or job.kind not in KINDS or not KINDS[job.kind].undoable:
        raise SyncError(_("This cannot be undone."))
    if job.state == "undone":
        raise SyncError(_("This was undone already."))
    if job.state != "done":
        raise SyncError(_("This is not done yet, so there is nothing to undo."))
    return job


def told(result: Mapping[str, Any]) -> list[str]:
    """Return what undoing did, in sentences."""
    one, several = called(result.get("of", CUSTOMER.key))
    counts = [result.get(name, 0) for name in COUNTED]
    reverted, removed, restored, retired, kept = (
        {"num": count, "number": f"{count:,}", "what": one if count == 1 else several} for count in counts
    )
    words = (
        ngettext("%(number)s value was put back.", "%(number)s values were put back.", **reverted),
        ngettext(
            "%(number)s new %(what)s was moved to the bin.", "%(number)s new %(what)s were moved to the bin.", **removed
        ),
        ngettext("%(number)s %(what)s was restored.", "%(number)s %(what)s were restored.", **restored),
        ngettext("%(number)s field was retired.", "%(number)s fields were retired.", **retired),
        ngettext("%(number)s value was kept.", "%(number)s values were kept.", **kept),
    )
    said = [text for count, text in zip(counts, words, strict=True) if count]
    return said or [_("There was nothing left to put back.")]


def called(of: str) -> tuple[str, str]:
    """Return what one record and what several of an entity are called, by its key."""
    return say(ENTITIES[of].noun), ENTITIES[of].title.lower()


@kind("undo", permission="customer.list", label=lazy_gettext("Undo"), tell=told)
def _undo(work: Work) -> None:
    try:
        _take_back(work, alone=False)
    except (LostRace, ValueTaken):  # who came too late once writes while nobody else does
        _take_back(work, alone=True)


def _take_back(work: Work, *, alone: bool) -> None:
    undone_id = int(work.options["job"])
    with work.writing() as connection:
        if alone:
            hold_still(connection)
        job = _undoable(db.session.get(Job, undone_id, with_for_update=True))
        if not current_user.may(KINDS[job.kind].permission):
            raise SyncError(_("%(name)s may not do this any more, so nothing was done.", name=work.author.name))
        if revert := KINDS[job.kind].revert:
            revert(job)
        undone = apply_undo(
            connection, Source(job_id=undone_id), replace(work.author, through="bulk_undo"), viewer_of(current_user)
        )
        _mark(connection, undone_id, undone)
        work.finish(result_of(undone))


def _mark(connection: Connection, job_id: int, undone: Undone) -> None:
    # Where all of it was edited since, the job stays done, so that it can be undone once that is undone.
    if undone.wrote or not undone.kept:
        connection.execute(update(Job).where(Job.id == job_id).values(state="undone", undone_at=now()))


def result_of(undone: Undone) -> dict[str, Any]:
    """Return what a job says of what it undid."""
    counts: dict[str, Any] = {"reverted": undone.reverted, "removed": undone.removed, "restored": undone.restored}
    counts |= {"retired": len(undone.retired), "of": undone.of}
    listed = [[one.id, one.field, one.reason] for one in undone.kept[:KEPT_LISTED]]
    return {**counts, "kept": listed, "kept_count": len(undone.kept)}
