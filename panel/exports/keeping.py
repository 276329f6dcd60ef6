"""Exported files: kept for some days under a name of ours, for who made them and for admins, and then removed."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
import time
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import Connection, select, update

from panel.database import reading, writing
from panel.disk import written_before
from panel.exports.membership import holds
from panel.extensions import db
from panel.jobs import unpack
from panel.models import Customer, Export, ExportedBlock, Job, User
from panel.models.columns import aware, now
from panel.rights import rights_of
from sync.workbook.writer import UNFINISHED

REVIEW = "review"
"""The kind of work that writes reviews, which are kept here, too."""
ABANDONED_SECONDS = 3600
"""No file that is still being written has been left alone for so long."""
LONGEST_WRITING = dt.timedelta(hours=1)
"""What a request writes itself has ended by then, well or not; a job says so of its own."""


def folder() -> Path:
    """Return the folder of exported files."""
    path: Path = current_app.config["ROLLBOOK_INSTANCE"] / "exports"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def new_file(suffix: str) -> Path:
    """Return where an export is to be written; it has no file there yet."""
    return folder() / f"{uuid.uuid4().hex}{suffix}"


def kept(path: Path) -> dict[str, Any]:
    """Return what an export's row says of its file from now on."""
    days = dt.timedelta(days=current_app.config["ROLLBOOK_EXPORT_DAYS"])
    return {"stored_as": path.name, "expires_at": now() + days}


def is_kept(export: Export) -> bool:
    """Tell whether an export's file is still there to be downloaded."""
    return bool(export.state == "ready" and export.stored_as and not _is_over(export))


def state_of(export: Export) -> str:
    """Return an export's state as of now: a file that is over is, though nobody has swept it away yet."""
    return "expired" if export.state == "ready" and export.stored_as and _is_over(export) else export.state


def _is_over(export: Export) -> bool:
    return export.expires_at is not None and aware(export.expires_at) <= now()


def refusal(export: Export, user: User) -> str:
    """Return why a user may not download a file with the rights of this moment, blank where it is allowed."""
    if not is_kept(export) or not (folder() / export.stored_as).is_file():
        return str(_("This file is not kept any more. Export the customers again."))
    if {one["key"] for one in export.fields} & rights_of(user).unseen:
        return str(_("You may no longer see every column of this workbook. Export the customers again."))
    if user.partner_id is not None and not _are_of(export, user.partner_id):
        return str(_("You may no longer see every customer in this workbook. Export the customers again."))
    return ""


def _are_of(export: Export, partner_id: int) -> bool:
    """Tell whether all customers of an export are a partner's."""
    ids = select(Customer.id).where(Customer.partner_id == partner_id)
    mine = set(db.session.scalars(ids))
    return all(one in mine for one in unpack(export.record_ids))


def forget_customer(connection: Connection, record_id: int) -> list[Path]:
    """Let go of every file that holds a customer, in the caller's transaction; return the files to remove after it."""
    query = (
        select(Export.id, Export.stored_as, ExportedBlock.bits)
        .join(ExportedBlock, ExportedBlock.export_id == Export.id)
        .where(ExportedBlock.block == record_id >> 16, Export.stored_as != "")
    )
    holding = {number: name for number, name, bits in connection.execute(query) if holds(bits, record_id)}
    _expire(connection, holding)
    # Whom a review holds is not known, and it can be written again.
    names = {*holding.values(), *reviews(connection, dt.datetime(1970, 1, 1, tzinfo=dt.UTC))}
    return [folder() / name for name in names]


def sweep() -> None:
    """Remove what is over, and what a process that was killed left; say of what it was writing that it failed."""
    over = (Export.stored_as != "", Export.expires_at <= now())
    left = (Export.state == "running", Export.job_id.is_(None), Export.at < now() - LONGEST_WRITING)
    oldest = time.time() - ABANDONED_SECONDS
    with reading() as connection:
        found = connection.execute(select(Export.id, Export.stored_as).where(*over))
        names = {one.id: one.stored_as for one in found}
        is_left = connection.execute(select(Export.id).where(*left).limit(1)).first() is not None
    if names or is_left:
        with writing() as connection:
            _expire(connection, names)
            connection.execute(update(Export).where(*left).values(state="failed", finished_at=now()))
    old = {path.name for path in written_before(folder().iterdir(), oldest)}
    with reading() as connection:
        known = set(connection.execute(select(Export.stored_as).where(Export.stored_as != "")).scalars())
        known |= reviews(connection, now() - dt.timedelta(days=current_app.config["ROLLBOOK_EXPORT_DAYS"]))
    for name in {*(old - known), *names.values()}:
        (folder() / name).unlink(missing_ok=True)
    for parts in written_before(Path(tempfile.gettempdir()).glob(f"{UNFINISHED}*"), oldest):
        shutil.rmtree(parts, ignore_errors=True)


def reviews(connection: Connection, since: dt.datetime) -> set[str]:
    """Return the names of the reviews that were written since a moment."""
    done = (Job.kind == REVIEW, Job.state == "done", Job.finished_at > since)
    results = connection.execute(select(Job.result).where(*done)).scalars()
    return {result["stored_as"] for result in results if result.get("stored_as")}


def _expire(connection: Connection, numbers: Collection[int]) -> None:
    if numbers:
        chosen = update(Export).where(Export.id.in_(list(numbers)))
        connection.execute(chosen.values(state="expired", stored_as=""))
