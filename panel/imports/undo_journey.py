"""From applied to undone: what undoing an import would do, and doing it whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Text, cast, select, update

from panel.authors import Author
from panel.changelog import LostRace, ValueTaken
from panel.database import reading, writing
from panel.imports.aftermath import Source, entity_of
from panel.imports.applying import hold_still, one_at_a_time
from panel.imports.journey import locked_import, tell
from panel.imports.options import Viewer
from panel.imports.planning import Progress, quiet
from panel.imports.undoing import Undoing, Undone, plan_undo, write_undo
from panel.models import Import, Revision
from panel.models.columns import now
from sync.errors import SyncError
from sync.words import say


def undo_import(import_id: int, viewer: Viewer, *, dry_run: bool = False, part: Source | None = None) -> Undone:
    """Undo an applied import, or a part of it, field by field; what has been edited since is kept and listed."""
    source = part or Source(import_id)
    if dry_run:
        with reading() as connection:
            plan = plan_undo(connection, source, viewer)
            refuse_unless_applied(connection, import_id, plan)
            return plan.undone
    try:
        return _undo(source, viewer, alone=False)
    except (LostRace, ValueTaken):
        return _undo(source, viewer, alone=True)


def _undo(source: Source, viewer: Viewer, *, alone: bool) -> Undone:
    with writing() as connection:
        plan = plan_to_write(connection, source, viewer, alone=alone)
        write_and_tell(connection, source, plan, viewer)
        return plan.undone


def plan_to_write(
    connection: Connection,
    source: Source,
    viewer: Viewer,
    doing: Callable[[int, int], None] | None = None,
    *,
    alone: bool = False,
) -> Undoing:
    """Return what undoing does, in the transaction that is to write it; no other import or undoing comes between.

    `alone` keeps everybody else from writing such records, too, for who came too late once.
    """
    if alone:
        hold_still(connection, (entity_of(connection, source),))
    else:
        one_at_a_time(connection)
    locked_import(connection, source.import_id or 0)
    plan = plan_undo(connection, source, viewer, lock=True, doing=doing)
    refuse_unless_applied(connection, source.import_id or 0, plan)
    return plan


def write_and_tell(
    connection: Connection, source: Source, plan: Undoing, viewer: Viewer, progress: Progress = quiet
) -> None:
    """Write what undoing does in the caller's transaction, with the import's state and an event of the audit."""
    import_id = source.import_id or 0
    write_undo(connection, plan, Author(viewer.name, "undo", viewer.user_id, None, import_id), progress)
    row, undone = locked_import(connection, import_id), plan.undone
    so_far = (row["counts"] or {}).get("undone", 0) + undone.count
    values: dict[str, Any] = {"counts": {**(row["counts"] or {}), "undone": so_far, "kept": len(undone.kept)}}
    # Where all of it was edited since, the import stays applied, so that it can be undone once that is undone.
    if source.is_whole and (undone.wrote or not undone.kept):
        values |= {"state": "undone", "undone_at": now()}
    connection.execute(update(Import).where(Import.id == import_id).values(**values))
    detail: dict[str, Any] = {"import": import_id, "file": row["file_name"], "undone": undone.count}
    detail |= {plan.entity.key: source.record_id} if source.record_id else {}
    detail |= {"fields": sorted(source.fields)} if source.fields else {}
    tell(connection, "import undone", {**detail, "retired": plan.retired, "kept": len(undone.kept)}, viewer)


def refuse_unless_applied(connection: Connection, import_id: int, plan: Undoing) -> None:
    """Refuse what is not applied; of an undone import may go back what was kept then and could go back by now."""
    state = connection.execute(select(Import.state).where(Import.id == import_id)).scalar()
    if state is None:
        raise SyncError(say("There is no import %(number)s.", number=import_id))
    if state != "applied" and not (state == "undone" and plan.undone.wrote):
        words = say("Import %(number)s is %(state)s, so there is nothing to undo.", number=import_id, state=state)
        raise SyncError(words)


def part_at(import_id: int, place: str, *, cell: bool) -> Source:
    """Return the part of an import at an address of its sheet, or of the customer with an ID.

    Raises `SyncError` where the import wrote nothing there.
    """
    if not cell and place.isascii() and place.isdecimal() and len(place) < 19:
        return Source(import_id, record_id=int(place))
    with reading() as connection:
        found = _at(connection, import_id, place, cell=cell)
    if found is None:
        raise SyncError(say("Import %(number)s wrote nothing at %(place)s.", number=import_id, place=place))
    record_id, key = found
    return Source(import_id, record_id=record_id, fields=frozenset({key}) if cell else None)


def _at(connection: Connection, import_id: int, place: str, *, cell: bool) -> tuple[int, str] | None:
    """Return whose value, and of which field, came from an address; for a row, from any cell of it."""
    sheet, _mark, wanted = place.rpartition("!")
    row = wanted.strip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    table = Revision.__table__.c
    near = cast(table.cells, Text).contains(row, autoescape=True)
    source = Source(import_id)
    mine = (table.entity == entity_of(connection, source).key, source.written, near)
    query = select(table.record_id, table.cells).where(*mine)
    for record_id, cells in connection.execute(query):
        for key, at in cells.items():
            its_sheet, _mark, its_cell = at.rpartition("!")
            same_row = its_cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == row
            if same_row and sheet in {"", its_sheet} and (not cell or its_cell == wanted.upper()):
                return record_id, key
    return None
