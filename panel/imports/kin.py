"""New rows that a refresh kept: in the workbook of before and in the one that came of it, they are the same."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, or_, select

from panel.models import Export
from sync.plan import Plan

Place = tuple[str, int]
"""What a new row is remembered by, and its number among equal rows."""


def new_rows_of(plan: Plan) -> list[Place]:
    """Return by what the new rows of a file are remembered."""
    return [place for row in plan.accepted if row.creates for place in row.creates.contents]


def kin_of(connection: Connection, export_id: int | None) -> dict[int, set[Place]]:
    """Return the exports whose files hold new rows of this one's, before or after refreshes, each with those rows."""
    found: dict[int, set[Place]] = {}
    waiting: list[tuple[int, set[Place] | None]] = [] if export_id is None else [(export_id, None)]
    while waiting:
        number, rows = waiting.pop()
        for other, carried in _neighbours(connection, number):
            same = carried if rows is None else rows & carried
            if same and other != export_id and other not in found:
                found[other] = same
                waiting.append((other, same))
    return found


def _neighbours(connection: Connection, export_id: int) -> Iterator[tuple[int, set[Place]]]:
    """Yield the export that one refreshes, and those that refresh it, with the rows that came along."""
    query = select(Export.id, Export.refreshes, Export.carried)
    for row in connection.execute(query.where(or_(Export.id == export_id, Export.refreshes == export_id))):
        other = row.refreshes if row.id == export_id else row.id
        if other is not None:
            yield other, {(content, number) for content, number in row.carried}
