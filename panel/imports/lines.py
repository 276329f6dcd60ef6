"""The lines of an import's preview: what a plan says, cell by cell, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, insert, update

from panel.imports.planned import Planned
from panel.imports.showing import as_json, display
from panel.models import Import, ImportItem
from panel.records import batches
from sync.cells import Problem
from sync.plan import DELETED, Item, Plan
from sync.types import FIELD_TYPES

ROWS_AT_ONCE = 5_000
GUARD = "guard"
"""The group of lines that are guards; each holds its number as the workbook's value."""
NOTE = "note"
"""The group of lines that are sentences about the whole file."""


def counts_json(planned: Planned) -> dict[str, int]:
    """Return the counts that the preview shows."""
    plan = planned.plan
    return asdict(plan.counts()) | {
        "conflicts": len(plan.conflicts),
        "unknown": len(plan.unknown),
        "undecided": len(plan.undecided),
        "repairs": len(plan.repairs),
        "problems": len(plan.all_problems),
        "ignored": len(plan.ignored),
    }


def save_lines(connection: Connection, import_id: int, planned: Planned) -> None:
    """Replace an import's preview by this plan's."""
    connection.execute(delete(ImportItem).where(ImportItem.import_id == import_id))
    for some in batches(_items(import_id, planned), ROWS_AT_ONCE):
        connection.execute(insert(ImportItem), some)
    values = {
        "state": "planned",
        "counts": counts_json(planned),
        "new_fields": [one.to_json() for one in planned.new_fields],
        "fingerprint": planned.fingerprint,
        "export_id": planned.export_id,
    }
    connection.execute(update(Import).where(Import.id == import_id).values(**values))


def _items(import_id: int, planned: Planned) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_lines(planned), 1):
        yield {"import_id": import_id, "number": number, **_EMPTY, **line}


_EMPTY = {
    "record_id": None,
    "field": "",
    "outcome": "",
    "base": None,
    "panel": None,
    "workbook": None,
    "message": "",
    "choice": "",
}


def _lines(planned: Planned) -> Iterator[dict[str, Any]]:
    plan = planned.plan
    fields = {field.key: field for field in planned.shown.fields}
    yield from ({"group": NOTE, "at": "", "message": note} for note in plan.notes)
    for guard in planned.guards:
        key = guard.field if guard.field in fields else ""
        at = "" if guard.at is None else str(guard.at)
        yield {"group": GUARD, "at": at, "field": key, "workbook": guard.count, "message": guard.message}
    for group, items in _groups(plan):
        for item in items:
            values = {name: display(getattr(item, name), fields.get(item.field)) for name in ("base", "panel")}
            shown = item.value if item.outcome == "merged" else item.workbook
            # The head of a column that was left out is no cell of a field.
            key = item.field if item.field in fields or item.field == DELETED else ""
            yield _line(group, item) | values | {"field": key, "workbook": display(shown, fields.get(key))}
    for row in plan.creations:
        if row.creates:
            values = {key: value for key, value in row.creates.values.items() if key in fields}
            shown = {k: display(v, fields[k]) for k, v in values.items() if not FIELD_TYPES[fields[k].type].secret}
            at = f"{plan.sheet}!{row.row}"
            yield {"group": "new", "at": at, "workbook": shown, "message": str(shown.get("full_name", ""))}
    yield from ({"group": "delete", "at": f"{plan.sheet}!{row.row}", "record_id": row.id} for row in plan.deletions)
    yield from (_problem_line(problem) for problem in plan.all_problems)
    yield from ({"group": "absent", "at": "", "record_id": record_id} for record_id in plan.absent)


def _groups(plan: Plan) -> list[tuple[str, list[Item]]]:
    plain = [item for item in plan.changes if item.outcome in {"workbook", "merged"}]
    return [
        ("conflict", plan.conflicts),
        ("unknown", plan.unknown),
        ("change", plain),
        ("repair", plan.repairs),
        ("ignored", plan.ignored),
    ]


def _line(group: str, item: Item) -> dict[str, Any]:
    return {
        "group": group,
        "at": str(item.at),
        "record_id": item.id,
        "field": item.field,
        "outcome": str(item.outcome),
        "message": item.message,
        "choice": item.choice,
    }


def _problem_line(problem: Problem) -> dict[str, Any]:
    return {
        "group": "problem",
        "at": str(problem.at),
        "record_id": problem.id,
        "field": problem.field or "",
        "workbook": as_json(problem.value),
        "message": problem.message,
    }
