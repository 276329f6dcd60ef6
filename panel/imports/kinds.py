"""What the rows of a file are, and whether somebody may see and write such records."""

from __future__ import annotations

from sqlalchemy import Connection, select

from panel.entities import BY_NAME, CUSTOMER, ENTITIES, Entity
from panel.imports.options import ImportOptions, Viewer
from panel.models import Export
from sync.cells import Address, Problem
from sync.errors import SyncError, UnknownField
from sync.plan import Plan
from sync.words import later, say
from sync.workbook import Table

UNSEEN = later("%(what)s are not among what you may see. Ask an admin.")
NOT_YOURS = later("You may not change %(what)s. Ask somebody who may to import this row.")
OTHER = later("This workbook holds %(what)s. Leave out what else its rows were said to be.")


def entity_of(connection: Connection, table: Table, options: ImportOptions, viewer: Viewer) -> Entity:
    """Return what a table's rows are: what its export says, or, of a foreign file, a person.

    Raises `UnknownField` where they contradict one another, and `SyncError` where the viewer may not see such records.
    """
    entity = _entity_of(connection, table, options)
    refuse_unseen(entity, viewer)
    return entity


def _entity_of(connection: Connection, table: Table, options: ImportOptions) -> Entity:
    asked = BY_NAME.get(options.of)
    query = select(Export.entity).where(Export.id == table.export)
    exported = None if table.export is None else connection.execute(query).scalar()
    if exported is None:
        named = BY_NAME.get(table.sheet.lower(), CUSTOMER) if table.ref is not None else CUSTOMER
        return asked or named
    entity = ENTITIES[exported]
    if asked not in {None, entity}:
        raise UnknownField(say(OTHER, what=entity.title))
    return entity


def refuse_unseen(entity: Entity, viewer: Viewer) -> None:
    """Refuse records that the viewer may not see at all. Raises `SyncError`."""
    if not viewer.may(entity.sees):
        raise SyncError(say(UNSEEN, what=entity.title))


def refuse_unwritable(plan: Plan, entity: Entity, viewer: Viewer) -> None:
    """Refuse all that would be written, where the viewer may not write such records."""
    if viewer.may(entity.edits):
        return
    message = say(NOT_YOURS, what=entity.title)
    for number, row in list(plan.kept.items()):
        if row.items or row.creates or row.fate:
            plan.refuse(number, Problem(Address(plan.sheet, "", number), message, row.id))
