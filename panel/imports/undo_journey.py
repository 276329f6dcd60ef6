"""From applied to undone: what undoing an import would do, and doing it whole or not at all."""

from __future__ import annotations

from sqlalchemy import Connection, update

from panel.authors import Author
from panel.database import reading, writing
from panel.imports.journey import locked_import, tell
from panel.imports.options import Viewer
from panel.imports.undoing import Undone, apply_undo, by_import, plan_undo
from panel.models import Import
from panel.models.columns import now
from sync.errors import SyncError
from sync.words import say


def undo_import(import_id: int, viewer: Viewer, *, dry_run: bool = False) -> Undone:
    """Undo an applied import field by field; what has been edited since is kept and listed."""
    if dry_run:
        with reading() as connection:
            _applied_import(connection, import_id)
            return plan_undo(connection, by_import(import_id), viewer)[1]
    with writing() as connection:
        _applied_import(connection, import_id)
        author = Author(viewer.name, "undo", viewer.user_id, None, import_id)
        undone = apply_undo(connection, by_import(import_id), author, viewer)
        # Where all of it was edited since, the import stays applied, so that it can be undone once that is undone.
        if undone.wrote or not undone.kept:
            values = {"state": "undone", "undone_at": now()}
            connection.execute(update(Import).where(Import.id == import_id).values(**values))
        tell(connection, "import undone", {"import": import_id, "kept": len(undone.kept)}, viewer)
        return undone


def _applied_import(connection: Connection, import_id: int) -> None:
    row = locked_import(connection, import_id)
    if row["state"] != "applied":
        words = say(
            "Import %(number)s is %(state)s, so there is nothing to undo.", number=import_id, state=row["state"]
        )
        raise SyncError(words)
