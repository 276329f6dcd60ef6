"""Workbooks that are looked at and applied together: joined to a batch, and taken out of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, RowMapping, select, update

from panel.database import writing
from panel.imports.journey import open_import, reject
from panel.imports.options import Viewer
from panel.imports.together import OPEN, files_with, join
from panel.imports.waiting import have_planned, refuse_busy, settle
from panel.models import Import
from sync.errors import SyncError
from sync.words import later, say

TOO_FEW = later("Choose two or more workbooks to look at them together.")


class TooFew(SyncError):
    """There are not two open imports to look at together."""


def join_imports(numbers: Sequence[int], viewer: Viewer) -> int:
    """Have open imports, with those that are together with them already, planned together; return the batch.

    Files that could not be read are shown with the others. Raises `TooFew`.
    """
    with writing() as connection:
        rows = [open_import(connection, number, *OPEN, "failed") for number in numbers]
        found = {row["id"] for one in rows if one["state"] in OPEN for row in _with_others(connection, one)}
        if len(found) < 2:
            raise TooFew(say(TOO_FEW))
        batch = join(connection, sorted(found.union(numbers)))
        _forget_jobs(connection, found)
    _plan_anew(min(found), viewer)
    return batch


def _with_others(connection: Connection, row: RowMapping) -> list[RowMapping]:
    rows = files_with(connection, row)
    for one in rows:
        refuse_busy(connection, one)
    return rows


def take_out(import_id: int, viewer: Viewer) -> None:
    """Let an import be looked at by itself again, and plan it and the others of its batch without one another."""
    rest = _leave(import_id)
    for one in (*rest[:1], import_id):
        _plan_anew(one, viewer)


def set_aside(import_id: int, viewer: Viewer, reason: str = "") -> None:
    """Reject an import, and plan the others of its batch without it."""
    rest = _leave(import_id)
    reject(import_id, viewer, reason)
    for one in rest[:1]:
        _plan_anew(one, viewer)


def _leave(import_id: int) -> list[int]:
    """Take an import out of its batch, and return the others, which are one no more where only one is left."""
    with writing() as connection:
        row = open_import(connection, import_id, *OPEN)
        refuse_busy(connection, row)
        rest = [one["id"] for one in files_with(connection, row) if one["id"] != import_id]
        alone = [import_id, *(rest if len(rest) == 1 else ())]
        connection.execute(update(Import).where(Import.id.in_(alone)).values(batch=None))
        _forget_jobs(connection, [import_id, *rest])
    return rest


def _forget_jobs(connection: Connection, numbers: Collection[int]) -> None:
    """Let no job that waits or runs save plans of imports: it was asked for when other files were with them."""
    connection.execute(update(Import).where(Import.id.in_(numbers)).values(job_id=None))


def _plan_anew(import_id: int, viewer: Viewer) -> None:
    """Plan an import and its batch: now where that is soon done, else by a job."""
    with writing() as connection:
        row = open_import(connection, import_id, *OPEN)
        states = {one["state"] for one in files_with(connection, row)}
        if "uploaded" in states:
            have_planned(connection, import_id, viewer)
            return
    settle(import_id, viewer)


def batch_of(connection: Connection, batch: int) -> list[RowMapping]:
    """Return the imports of a batch in their order, in whatever state they are."""
    query = select(Import.__table__).where(Import.batch == batch).order_by(Import.id)
    return list(connection.execute(query).mappings())
