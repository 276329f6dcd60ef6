"""Files that wait for their plan: small ones for a moment, others for a job; one of each person at a time."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import BinaryIO

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from sqlalchemy import Connection, RowMapping, func, select, update

from panel.authors import Author
from panel.database import reading, writing
from panel.extensions import db
from panel.imports.ahead import Ahead
from panel.imports.approving import Approval, apply_together
from panel.imports.files import store, uploads
from panel.imports.journey import locked_import, open_import, register, replan, viewer_of
from panel.imports.lines import save_lines
from panel.imports.options import ImportOptions, Viewer
from panel.imports.planned import Planned
from panel.imports.planning import Progress
from panel.imports.remembering import recalled
from panel.imports.together import OPEN, all_planned, asked_of, files_with, plan_again, plan_as_asked, plan_together
from panel.jobs import Work, enqueue, kind, run_now
from panel.models import Import, Job
from sync.errors import SyncError

SMALL_BYTES = 1 << 19
SMALL_UNPACKED = 1 << 23
"""A workbook of some thousand rows: planned before anybody would look for a bar."""
SMALL_ROWS = 1_000
"""A plan of so many rows is made again while one waits."""


class TooManyWait(SyncError):
    """Somebody has as many imports waiting as one may have."""

    status = 429


def take_in(source: BinaryIO, file_name: str, options: ImportOptions, viewer: Viewer) -> int:
    """Store a file and leave its plan to a job; return the import's ID.

    Raises `TooManyWait`, or `UnreadableWorkbook` where the file is too large.
    """
    refuse_too_many(viewer)
    file = store(source, file_name)
    try:
        with writing() as connection:
            import_id = register(connection, file, options, viewer, "uploaded")
            have_planned(connection, import_id, viewer)
    except BaseException:  # an interrupted upload leaves no file either
        file.path.unlink(missing_ok=True)
        raise
    return import_id


def refuse_too_many(viewer: Viewer) -> None:
    """Refuse another file of somebody who has as many waiting, for their plan or for somebody's look, as one may."""
    query = select(Import.state, func.count()).where(Import.user_id == viewer.user_id).group_by(Import.state)
    counts = dict(db.session.execute(query).all())
    db.session.rollback()
    queued, waiting = counts.get("uploaded", 0), counts.get("uploaded", 0) + counts.get("planned", 0)
    if queued >= current_app.config["ROLLBOOK_IMPORTS_QUEUED"]:
        raise TooManyWait(_("%(number)s of your files wait to be read. Send the others when some are.", number=queued))
    if waiting >= current_app.config["ROLLBOOK_IMPORTS_OPEN"]:
        words = _(
            "%(number)s of your imports are open. Have some applied or discarded, then send more.", number=waiting
        )
        raise TooManyWait(words)


def have_planned(connection: Connection, import_id: int, viewer: Viewer) -> None:
    """Have an import and its batch planned by a job, in the caller's transaction.

    One that waits already reads what is so then.
    """
    row = locked_import(connection, import_id)
    waiting = select(Job.id).where(Job.id == row["job_id"], Job.kind == PLAN, Job.state == "queued").with_for_update()
    if row["job_id"] is None or connection.execute(waiting).first() is None:
        author = Author(viewer.name, viewer.through, viewer.user_id)
        job = enqueue(PLAN, {"import": import_id}, (), author)
        _set_job(connection, row, job.id)


def _set_job(connection: Connection, row: RowMapping, job_id: int | None) -> None:
    """Note which job is at an import, and with it at all of its batch."""
    numbers = [one["id"] for one in files_with(connection, row)] or [row["id"]]
    connection.execute(update(Import).where(Import.id.in_(numbers)).values(job_id=job_id))


def plan_if_small(import_id: int) -> None:
    """Plan a file here and now, where that takes a moment and is its turn."""
    stored_as, job_id = db.session.execute(select(Import.stored_as, Import.job_id).where(Import.id == import_id)).one()
    db.session.rollback()
    if job_id is not None and is_small(stored_as):
        run_now(job_id)


def is_small(stored_as: str) -> bool:
    """Tell whether an uploaded file is read before anybody would look for a bar."""
    path = uploads() / stored_as
    if not path.is_file() or path.stat().st_size > SMALL_BYTES:
        return False
    try:
        with zipfile.ZipFile(path) as parts:
            return sum(one.file_size for one in parts.infolist()) <= SMALL_UNPACKED
    except (zipfile.BadZipFile, NotImplementedError, ValueError):  # text, or what nobody can read
        return True


def settle(import_id: int, viewer: Viewer) -> None:
    """Plan an import again with what was chosen: a small one now, a large one by a job, once for many choices."""
    with writing() as connection:
        row = open_import(connection, import_id)
        refuse_busy(connection, row)
        if is_large := _is_large(files_with(connection, row)):
            have_planned(connection, import_id, viewer)
        else:  # what came of an earlier job is no news any more
            _set_job(connection, row, None)
        options = ImportOptions.from_json(row["options"])
    if not is_large:
        replan(import_id, options, viewer)


def _is_large(rows: Sequence[RowMapping]) -> bool:
    """Tell whether a plan takes longer than one would wait for; of a file that was never planned nobody knows."""
    return sum((row["counts"] or {}).get("rows", SMALL_ROWS + 1) for row in rows) > SMALL_ROWS


def refuse_busy(connection: Connection, row: RowMapping) -> None:
    """Refuse to touch an import that is being applied."""
    at_work = (Job.state.in_(("queued", "running")), Job.kind == APPLY)
    found = connection.execute(select(Job.by).where(Job.id == row["job_id"], *at_work)).scalar()
    if found is not None:
        raise SyncError(_("%(name)s is applying this import. Wait until that is done.", name=found))


def apply_now_or_later(approvals: Sequence[Approval], viewer: Viewer) -> bool | None:
    """Apply small imports now, as `apply_together` does, or leave large ones to a job and return None."""
    with writing() as connection:
        rows = [open_import(connection, one.import_id) for one in approvals]
        planning = (Job.state.in_(("queued", "running")), Job.kind == PLAN)
        for row in rows:
            refuse_busy(connection, row)
            if connection.execute(select(Job.id).where(Job.id == row["job_id"], *planning)).first():
                raise SyncError(_("What was chosen is still being worked in. Wait for that, and apply."))
        if is_large := _is_large(rows):
            seen = [
                replace(one, fingerprint=one.fingerprint or row["fingerprint"])
                for one, row in zip(approvals, rows, strict=True)
            ]
            job = enqueue(
                APPLY,
                {"approved": [asdict(one) for one in seen]},
                (),
                Author(viewer.name, viewer.through, viewer.user_id),
            )
            _set_job(connection, rows[0], job.id)
    return None if is_large else apply_together(approvals, viewer)


PLAN, APPLY = "plan", "apply"


@kind(APPLY, permission="import.apply", label=lazy_gettext("Apply an import"), listed=False)
def _apply(work: Work) -> None:
    """Apply an import whole; taken up again after its worker was killed, it is found applied or is applied."""
    approvals = [
        Approval(one["import_id"], tuple(one["confirm"]), one["fingerprint"]) for one in work.options["approved"]
    ]
    done = {"import": approvals[0].import_id}
    with reading() as connection:
        state = connection.execute(select(Import.state).where(Import.id == done["import"])).scalar_one()
    if state == "planned":
        viewer = viewer_of(current_user)
        apply_together(approvals, viewer, begin=work.writing, done=lambda: work.finish(done), telling=work.telling)


@kind(PLAN, permission="import.upload", label=lazy_gettext("Plan an import"), one_each=True, listed=False)
def _plan(work: Work) -> None:
    """Plan an import; what somebody asked for meanwhile has a job of its own, whose plan is the one that counts."""
    import_id = int(work.options["import"])
    with reading() as connection:
        row = connection.execute(select(Import.__table__).where(Import.id == import_id)).mappings().one()
        if row["state"] not in OPEN or row["job_id"] != work.job_id:
            return
        rows = files_with(connection, row)
        asked = asked_of(connection, rows)
        found = plan_together(connection, rows, viewer_of(current_user), work.doing, _plan_one)
    unread = [one for one in rows if isinstance(found[one["id"]], SyncError) and one["state"] == "uploaded"]
    planned = all_planned([one for one in rows if one not in unread], found)
    with work.writing() as connection:
        for one in unread:
            _set_unread(connection, one["id"], str(found[one["id"]]))
        states = {number: open_import(connection, number, *OPEN, "rejected") for number in planned}
        now_asked = asked_of(connection, rows)
        for number, plan in planned.items():
            # Whoever chose meanwhile has it planned again, and what was chosen is not to be lost until then.
            if states[number]["job_id"] == work.job_id and now_asked[number] == asked[number]:
                values = {"options": plan.reading.options.to_json()}
                connection.execute(update(Import).where(Import.id == number).values(**values))
                save_lines(connection, number, plan)
        work.finish({"import": import_id})
    for one in unread:
        (uploads() / one["stored_as"]).unlink(missing_ok=True)


def _plan_one(connection: Connection, row: RowMapping, viewer: Viewer, progress: Progress, ahead: Ahead) -> Planned:
    planned = plan_as_asked(connection, row, viewer, progress, ahead)
    return as_before(connection, row, planned, viewer, ahead) if row["state"] == "uploaded" else planned


def as_before(connection: Connection, row: RowMapping, planned: Planned, viewer: Viewer, ahead: Ahead) -> Planned:
    """Return the first plan of a file with its columns taken as those of one with the same headers were."""
    reading = planned.reading
    first = replace(reading.options, headers=reading.digest)
    kept = recalled(connection, replace(reading, options=first), viewer)
    if kept is not None:
        try:
            return plan_again(connection, row, kept, viewer, ahead=ahead)
        except SyncError:  # a field of then may be gone: the file is read as if it was the first of its kind
            pass
    return replace(planned, reading=replace(reading, options=first))


def _set_unread(connection: Connection, import_id: int, sentence: str) -> None:
    """Close an import whose file cannot be read."""
    open_import(connection, import_id, *OPEN, "rejected")
    values = {"state": "failed", "message": sentence}
    connection.execute(update(Import).where(Import.id == import_id).values(**values))
