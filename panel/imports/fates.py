"""What becomes of whole customers: deleted by the workbook, or edited there after the panel deleted them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import Connection

from panel.changelog import Write, claims_back, owners_of
from panel.entities import Entity
from panel.imports.options import Viewer
from panel.schema import Schema
from sync.cells import Address, Problem
from sync.merge import Outcome
from sync.plan import DELETED, Item, Plan, RowPlan
from sync.rows import Known
from sync.words import later, say

CHANGED = later("This %(noun)s changed after the export. Delete it all the same, or keep it?")
EDITED = later("This %(noun)s was deleted after the export, and has edits here. Restore it with them, or drop them?")
IN_BIN = later("%(count)s rows are of %(what)s that were deleted after the export. Nothing happens to them.")
MAY_NOT_DELETE = later("You may not delete a %(noun)s. Clear the Action cell, or ask an admin.")
NOT_DELETABLE = later("A customer in this status cannot be deleted. Change the status first.")
MAY_NOT_RESTORE = later("This %(noun)s was deleted after the export. Ask an admin to restore it, or remove the row.")
TAKEN = later(
    "This %(noun)s was deleted after the export, and '%(value)s' belongs to another by now. "
    "Restore it from the bin, where another value can be chosen."
)


def of_deletion(
    at: Address,
    known: Known,
    viewer: Viewer,
    entity: Entity,
    deletable: Collection[int],
    prefer: str,
) -> Item | Problem | None:
    """Return what a row's wish to delete its record comes to; `deletable` are the statuses that allow it."""
    record, base, noun = known.record, known.base, say(entity.noun)
    if record.deleted:
        return None
    if not viewer.may(entity.deletes):
        return Problem(at, say(MAY_NOT_DELETE, noun=noun), record.id)
    if "status" in record.values and record.values["status"] not in deletable:
        return Problem(at, say(NOT_DELETABLE), record.id)
    wish = Item(at, record.id, DELETED, False, base is not None, False, True, Outcome.WORKBOOK, True)
    if base is not None and dict(base) == dict(record.values):
        return wish
    return replace(wish, outcome=Outcome.CONFLICT, choice=prefer, message=say(CHANGED, noun=noun))


def of_binned(at: Address, plan: RowPlan, viewer: Viewer, entity: Entity, prefer: str) -> Item | Problem:
    """Return what the edits of a record in the bin come to: whether to restore it is a person's to say."""
    noun = say(entity.noun)
    if not viewer.may(entity.deletes):
        return Problem(at, say(MAY_NOT_RESTORE, noun=noun), plan.id)
    message = say(EDITED, noun=noun)
    return Item(at, plan.id, DELETED, False, True, True, False, Outcome.CONFLICT, False, prefer, message)


def refuse_unrestorable(connection: Connection, plan: Plan, schema: Schema) -> None:
    """Refuse to restore customers with a value that only one may have and that another has by now."""
    rows = {row.id: row for row in plan.updates if row.restores and row.id is not None}
    if not rows:
        return
    writes = [_write(row_id, row) for row_id, row in rows.items()]
    wanted = claims_back(connection, schema, writes)
    owners = owners_of(connection, wanted, schema.entity.key)
    for one in wanted:
        owner = owners.get((one["field"], one["value"]))
        if owner not in {None, one["record_id"]}:
            row = rows[one["record_id"]]
            at = Address(plan.sheet, "", row.row)
            message = say(TAKEN, value=one["value"], noun=say(schema.entity.noun))
            plan.refuse(row.row, Problem(at, message, row.id, one["field"], one["value"]))


def _write(record_id: int, row: RowPlan) -> Write:
    return Write(
        record_id, row.revision + 1, {DELETED: (True, None)} | {item.field: (None, None) for item in row.writes}
    )


def notes_of_binned(count: int, entity: Entity) -> list[str]:
    """Return what is to be said of rows whose records are in the bin, and which nobody edited."""
    return [say(IN_BIN, count=f"{count:,}", what=entity.title.lower())] if count else []
