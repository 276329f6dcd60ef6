"""Who set each value of a customer: when, through what, and from which cell of which workbook."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select, true

from panel.database import is_sqlite
from panel.models import Import, Revision
from panel.models.columns import aware
from panel.schema import ENTITY


@dataclass(frozen=True, slots=True)
class Blame:
    """Where one value came from.

    `by` is who wrote it: of an import the one who uploaded the workbook; `approved_by` is who applied it then. `cell`
    is the address in the workbook `file`. For a value that was put back, `file` and `undo_of` are those of the import
    that was undone.
    """

    number: int
    at: dt.datetime
    by: str
    through: str
    import_id: int | None
    undo_of: int | None
    job_id: int | None
    file: str
    cell: str
    approved_by: str
    uploader_id: int | None

    @property
    def sheet(self) -> str:
        """Return the name of the sheet that the value came from."""
        return self.cell.rpartition("!")[0]


def blame(connection: Connection, record_id: int) -> dict[str, Blame]:
    """Return who set each value of a customer, by the fields' keys, in one query however long the history is."""
    rows = connection.execute(_last_of_each_field(connection, record_id)).mappings()
    return {row["key"]: _blame(row) for row in rows}


def _last_of_each_field(connection: Connection, record_id: int) -> Select[Any]:
    mine = (Revision.entity == ENTITY, Revision.record_id == record_id)
    if is_sqlite(connection):
        each: Any = func.json_each(Revision.changes).table_valued("key")
    else:
        each = func.jsonb_object_keys(Revision.changes).table_valued("key", name="each").render_derived()
    newest = select(each.c.key, func.max(Revision.number).label("number")).select_from(Revision).join(each, true())
    last = newest.where(*mine).group_by(each.c.key).cte("last")
    source = func.coalesce(Revision.undo_of, Revision.import_id)
    written = (Revision.number, Revision.at, Revision.by, Revision.through, Revision.job_id, Revision.cells)
    whose = (Revision.import_id, Revision.undo_of, Import.file_name)
    uploader = (Import.by.label("uploader"), Import.user_id.label("uploader_id"), Import.applied_by)
    query = select(last.c.key, *written, *whose, *uploader).select_from(last)
    query = query.join(Revision, (Revision.number == last.c.number) & mine[0] & mine[1])
    return query.outerjoin(Import, Import.id == source)


def _blame(row: Any) -> Blame:
    is_import = row["import_id"] is not None and row["uploader"] is not None
    return Blame(
        row["number"],
        aware(row["at"]),
        row["uploader"] if is_import else row["by"],
        row["through"],
        row["import_id"],
        row["undo_of"],
        row["job_id"],
        row["file_name"] or "",
        (row["cells"] or {}).get(row["key"], ""),
        row["applied_by"] if is_import else "",
        row["uploader_id"],
    )
