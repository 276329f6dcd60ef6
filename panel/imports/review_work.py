"""Reviews of large imports: written as long work, kept for some days for who had them written, and then removed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from sqlalchemy import func, select

from panel.authors import current_author
from panel.database import reading, writing
from panel.exports import running
from panel.exports.keeping import REVIEW, folder, new_file
from panel.exports.running import in_words
from panel.imports.journey import viewer_of
from panel.imports.reviewing import review_import, review_name
from panel.jobs import Work, enqueue, kind
from panel.models import Event, Import, Job, User
from panel.models.columns import aware, now
from panel.rights import rights_of
from sync.errors import SyncError


def is_large(one: Import) -> bool:
    """Tell whether an import has more rows than are written while one waits."""
    return int((one.counts or {}).get("rows", 0)) > running.AT_ONCE


def start_review(one: Import) -> int:
    """Have the review of an import written for the signed-in user; return the job's ID, of one at work the same."""
    with writing() as connection:
        at_work = (Job.kind == REVIEW, Job.user_id == current_user.id, Job.state.in_(("queued", "running")))
        for job_id, options in connection.execute(select(Job.id, Job.options).where(*at_work)):
            if options["import"] == one.id:
                return int(job_id)
        return enqueue(REVIEW, {"import": one.id, "name": review_name(one.file_name)}, (), current_author()).id


def _told(result: Mapping[str, Any]) -> list[str]:
    return [str(_("%(name)s is ready. Correct it, and upload it again.", name=result["name"]))] if result else []


@kind(REVIEW, permission="import.upload", label=lazy_gettext("Review workbook"), tell=_told, sends="reviews.download")
def _run(work: Work) -> None:
    viewer, path = viewer_of(current_user), new_file(".xlsx")
    with reading() as connection:
        last_event = connection.execute(select(func.max(Event.id))).scalar() or 0
    try:
        with in_words():
            planned = review_import(int(work.options["import"]), path, viewer, work.telling)
        fields = [column.field.key for column in planned.columns]
        with work.writing() as connection:
            erased = select(Event.id).where(Event.name == "erasure", Event.id > last_event)
            if connection.execute(erased.limit(1)).first() is not None:
                raise SyncError(_("A customer was erased while this was written. Have the review written again."))
            kept = {"name": work.options["name"], "stored_as": path.name}
            work.finish({**kept, "fields": fields, "partner": viewer.partner_id})
    except BaseException:  # an interrupted review leaves no file
        path.unlink(missing_ok=True)
        raise


def file_of(job: Job) -> Path | None:
    """Return the file that a job wrote, as long as it is kept."""
    days = dt.timedelta(days=current_app.config["ROLLBOOK_EXPORT_DAYS"])
    name = (job.result or {}).get("stored_as")
    if not name or job.state != "done" or job.finished_at is None or aware(job.finished_at) + days <= now():
        return None
    path = folder() / name
    return path if path.is_file() else None


def refusal(job: Job, user: User) -> str:
    """Return why a user may not have a review with the rights of this moment, blank where it is allowed."""
    if file_of(job) is None:
        return str(_("This review is not kept any more. Have it written again."))
    same = job.result["partner"] == user.partner_id and not {*job.result["fields"]} & rights_of(user).unseen
    return "" if same else str(_("You may no longer see all that is in this review. Have it written again."))
