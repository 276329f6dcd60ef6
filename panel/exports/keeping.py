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
from panel.entities import CUSTOMER, ENTITIES, Entity
from panel.exports.membership import holds
from panel.extensions import db
from panel.jobs import unpack
from panel.models import Export, ExportedBlock, Job, User
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
        return str(_("This file is not kept any more. Export it again."))
    entity = ENTITIES[export.entity]
    hidden = {one["key"] for one in export.fields} & rights_of(user).on(entity).unseen
    if hidden or (entity.sees and not user.may(entity.sees)):
        return str(_("You may no longer see every column of this workbook. Export it again."))
    if user.partner_id is not None and not _are_of(export, user.partner_id):
        return str(_("You may no longer see every row of this workbook. Export it again."))
    return ""


def _are_of(export: Export, partner_id: int) -> bool:
    """Tell whether all records of an export are those that a partner's user sees."""
    entity = ENTITIES[export.entity]
    ids = select(entity.table.c.id).where(entity.within(partner_id))
    mine = set(db.session.scalars(ids))
    return all(one in mine for one in unpack(export.record_ids))


def forget_customer(connection: Connection, record_id: int) -> list[Path]:
    """Let go of every file that holds a customer, in the caller's transaction; return the files to remove after it."""
    holding = _holding(connection, CUSTOMER, [record_id])
    for entity in ENTITIES.values():
        if entity.whose:
            theirs = select(entity.table.c.id).where(entity.value(entity.whose) == record_id)
            holding |= _holding(connection, entity, connection.execute(theirs).scalars().all())
    _expire(connection, holding)
    # Whom a review holds is not known, and it can be written again.
    names = {*holding.values(), *reviews(connection, dt.datetime(1970, 1, 1, tzinfo=dt.UTC))}
    return [folder() / name for name in names]


def _holding(connection: Connection, entity: Entity, ids: Collection[int]) -> dict[int, str]:
    """Return the names of kept files that hold one of these records, by their exports."""
    query = select(Export.id, Export.stored_as, ExportedBlock.block, ExportedBlock.bits)
    query = query.join(ExportedBlock, ExportedBlock.export_id == Export.id)
    query = query.where(Export.entity == entity.key, Export.stored_as != "")
    found = connection.execute(query.where(ExportedBlock.block.in_({one >> 16 for one in ids})))
    return {
        number: name
        for number, name, block, bits in found
        if any(one >> 16 == block and holds(bits, one) for one in ids)
    }


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
