"""Plan uploaded files again: one by itself, or those of a batch, each as if the ones before it were written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, update

from panel.extensions import db
from panel.imports.ahead import NOTHING, Ahead
from panel.imports.applying import one_at_a_time
from panel.imports.choices import Answers, saved_answers
from panel.imports.files import StoredFile, uploads
from panel.imports.options import ImportOptions, Viewer
from panel.imports.planned import Planned
from panel.imports.planning import Progress, plan_file, quiet
from panel.models import Import, User
from panel.rights import lacks_of, rights_of
from sync.errors import SyncError
from sync.words import later, say

BARRED = later("%(name)s may not import any more. Discard this import, and upload the file yourself.")
OPEN = ("uploaded", "planned")
PlanOne = Callable[[Connection, RowMapping, Viewer, Progress, Ahead], Planned]


def files_with(connection: Connection, row: RowMapping) -> list[RowMapping]:
    """Return the open imports of an import's batch in their order, or the import alone."""
    if row["batch"] is None:
        return [row]
    mine = (Import.batch == row["batch"], Import.state.in_(OPEN))
    return list(connection.execute(select(Import.__table__).where(*mine).order_by(Import.id)).mappings())


def join(connection: Connection, numbers: Sequence[int]) -> int:
    """Make a batch of imports, and return its number, which no batch had before."""
    one_at_a_time(connection)
    last = connection.execute(select(func.max(Import.batch))).scalar() or 0
    connection.execute(update(Import).where(Import.id.in_(numbers)).values(batch=last + 1))
    return last + 1


def asked_of(connection: Connection, rows: Sequence[RowMapping]) -> dict[int, tuple[Any, Answers]]:
    """Return how imports are to be read and what was answered to their previews: what a plan of them is made with."""
    numbers = [row["id"] for row in rows]
    found = connection.execute(select(Import.id, Import.options).where(Import.id.in_(numbers))).all()
    return {number: (options, saved_answers(connection, number)) for number, options in found}


def plan_together(
    connection: Connection,
    rows: Sequence[RowMapping],
    viewer: Viewer,
    progress: Progress = quiet,
    plan_one: PlanOne | None = None,
) -> dict[int, Planned | SyncError]:
    """Return the plans of imports by their IDs, each as if those before it were written; or why there is none.

    A file that cannot be planned leaves nothing behind for the next.
    """
    ahead, done, found = Ahead(), 0, dict[int, Planned | SyncError]()
    total = sum(int((row["counts"] or {}).get("rows", 0)) for row in rows)
    for row in rows:
        told = progress if len(rows) == 1 else _shifted(progress, done, total)
        try:
            planned = (plan_one or plan_as_asked)(connection, row, viewer, told, ahead)
        except SyncError as error:
            found[row["id"]] = error
        else:
            found[row["id"]] = planned
            done += planned.plan.rows
            ahead.add(row["id"], planned)
    return found


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _total: progress(before + done, max(total, before + done) if total else 0)


def all_planned(rows: Sequence[RowMapping], found: dict[int, Planned | SyncError]) -> dict[int, Planned]:
    """Return the plans of imports. Raises `SyncError` for the first that has none, named where there are several."""
    planned = {}
    for row in rows:
        one = found[row["id"]]
        if isinstance(one, SyncError):
            raise named_after(row["file_name"], one, len(rows))
        planned[row["id"]] = one
    return planned


def named_after(file: str, error: SyncError, count: int) -> SyncError:
    """Return an error of one of so many files, with the file's name where there are several."""
    return error if count == 1 else type(error)(f"{file}: {error}")


def plan_as_asked(
    connection: Connection, row: RowMapping, viewer: Viewer, progress: Progress = quiet, ahead: Ahead = NOTHING
) -> Planned:
    """Return the plan of an uploaded file as of now, read as its own options say."""
    return plan_again(connection, row, ImportOptions.from_json(row["options"]), viewer, progress, ahead)


def plan_again(
    connection: Connection,
    row: RowMapping,
    options: ImportOptions,
    viewer: Viewer,
    progress: Progress = quiet,
    ahead: Ahead = NOTHING,
) -> Planned:
    """Return the plan of an uploaded file as of now, with the answers that were given to its preview."""
    file = StoredFile(uploads() / row["stored_as"], row["file_name"], row["sha256"])
    both = _with_uploaders_rights(row, viewer)
    return plan_file(connection, file, options, both, saved_answers(connection, row["id"]), progress, ahead)


def _with_uploaders_rights(row: RowMapping, viewer: Viewer) -> Viewer:
    """Return the viewer's rights, no wider than the uploader's of now: an approval lends nobody more.

    Raises `SyncError` where the uploader may no longer bring workbooks back.
    """
    if row["user_id"] is None or row["user_id"] == viewer.user_id:
        return viewer
    uploader = db.session.get(User, row["user_id"])
    if uploader is None or not (uploader.active and uploader.may("import.upload")):
        raise SyncError(say(BARRED, name=row["by"]))
    if not viewer.may_apply:  # whoever brings one file of a batch back narrows nobody else's
        partner, lacks = uploader.partner_id, lacks_of(uploader)
        return replace(viewer, partner_id=partner, may_config=True, lacks=lacks, fields=rights_of(uploader))
    return replace(
        viewer,
        partner_id=uploader.partner_id if viewer.partner_id is None else viewer.partner_id,
        lacks=viewer.lacks | lacks_of(uploader),
        fields=viewer.fields.both(rights_of(uploader)),
    )
