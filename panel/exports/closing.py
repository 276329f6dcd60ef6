"""The end of a workbook's being out, and its opposite."""

from __future__ import annotations

from sqlalchemy import Connection, update

from panel.models import Export
from panel.models.columns import now


def close(connection: Connection, export_id: int | None) -> None:
    """Say that a workbook is not out any more, in the caller's transaction: it came back, or never will."""
    still = (Export.id == export_id, Export.closed_at.is_(None))
    connection.execute(update(Export).where(*still).values(closed_at=now()))


def reopen(connection: Connection, export_id: int) -> None:
    """Say that a workbook is out after all."""
    connection.execute(update(Export).where(Export.id == export_id).values(closed_at=None))
