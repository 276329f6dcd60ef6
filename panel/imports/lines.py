"""The lines of an import's preview: what a plan says, cell by cell, as rows of a table, and how many there are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from panel.imports.choices import new_sides, sides_of
from panel.imports.planned import Planned
from panel.imports.second_admin import needs_second
from panel.imports.showing import as_json
from panel.models import Import, ImportItem
from panel.records import batches
from sync.cells import Problem
from sync.fields import Field
from sync.merge import Outcome
from sync.plan import DELETED, WRITTEN, Item, Plan

ROWS_AT_ONCE = 5_000
GUARD = "guard"
"""The group of lines that are guards; each holds its number as the workbook's value."""
NOTE = "note"
"""The group of lines that are sentences about the whole file."""
KIND = "kind"
"""The group of kinds of problems: of each the number of its first line, how many it has, and the rows in words."""
MOVED = "moved"
"""The group of what moved between a look and the attempt to apply."""
DECIDED = ("change", "clear", "new", "delete")
"""The groups that are written unless a person says no."""
ASKED = ("conflict", "unknown", "repair")
"""The groups that a person has to decide."""
MOST_RANGES = 6

Line = dict[str, Any]
Tally = tuple[str, str, str]
"""What lines are counted by: group, field and choice."""


def plan_counts(planned: Planned) -> dict[str, Any]:
    """Return the plan's own counts, as its import keeps them."""
    plan = planned.plan
    return asdict(plan.counts()) | {
        "conflicts": len(plan.conflicts),
        "unknown": len(plan.unknown),
        "undecided": len(plan.undecided),
        "repairs": len(plan.repairs),
        "problems": len(plan.all_problems),
        "ignored": len(plan.ignored),
        "second": needs_second(planned),
    }


def save_lines(connection: Connection, import_id: int, planned: Planned, moved: Sequence[Line] = ()) -> None:
    """Replace an import's preview by this plan's, with what moved since somebody looked at the one before.

    What moved stays in sight until the next time that something does. A confirmation counts for the plan that it was
    given for, and for no other.
    """
    moved = moved or _moved_before(connection, import_id)
    connection.execute(delete(ImportItem).where(ImportItem.import_id == import_id))
    tallies: Counter[Tally] = Counter()
    for some in batches(_numbered(import_id, planned, moved, tallies), ROWS_AT_ONCE):
        connection.execute(insert(ImportItem), some)
    values = {
        "state": "planned",
        "counts": plan_counts(planned) | {"tallies": [[*tally, count] for tally, count in tallies.items()]},
        "new_fields": [one.to_json() for one in planned.new_fields],
        "reading": planned.reading.to_json(),
        "fingerprint": planned.fingerprint,
        "export_id": planned.export_id,
        "entity": planned.schema.entity.key,
    }
    connection.execute(update(Import).where(Import.id == import_id).values(**values))
    void = {"confirmed_by": "", "confirmed_user_id": None, "confirmed_fingerprint": ""}
    other = Import.confirmed_fingerprint != planned.fingerprint
    connection.execute(update(Import).where(Import.id == import_id, other).values(**void))


def _moved_before(connection: Connection, import_id: int) -> list[Line]:
    query = select(ImportItem.__table__).where(ImportItem.import_id == import_id, ImportItem.group == MOVED)
    rows = connection.execute(query.order_by(ImportItem.number)).mappings()
    return [{name: row[name] for name in ("group", "at", *_EMPTY)} for row in rows]


def _numbered(
    import_id: int, planned: Planned, moved: Sequence[Line], tallies: Counter[Tally]
) -> Iterator[dict[str, Any]]:
    number = 0
    for number, line in enumerate(chain(moved, lines_of(planned)), 1):
        tallies[line["group"], line.get("field", ""), line.get("choice", "")] += 1
        yield {"import_id": import_id, "number": number, **_EMPTY, **line}
    for line in _problem_lines(planned.plan.all_problems, number):
        tallies[line["group"], line["field"], ""] += 1
        yield {"import_id": import_id, **_EMPTY, **line}


_EMPTY: Line = {
    "sheet_row": 0,
    "record_id": None,
    "field": "",
    "outcome": "",
    "base": None,
    "panel": None,
    "workbook": None,
    "message": "",
    "choice": "",
    "other": None,
    "against": None,
}


def lines_of(planned: Planned) -> Iterator[Line]:
    """Yield the lines of a plan but for its problems, group by group, each group in the file's order."""
    plan = planned.plan
    fields = {field.key: field for field in planned.shown.fields}
    yield from ({"group": NOTE, "at": "", "message": note} for note in plan.notes)
    for guard in planned.guards:
        key = guard.field if guard.field in fields else ""
        at = "" if guard.at is None else str(guard.at)
        yield {"group": GUARD, "at": at, "field": key, "workbook": guard.count, "message": guard.message}
    for group, items in _groups(plan):
        yield from (_line(group, item, fields) | _against(item, planned) for item in items)
    yield from _new_lines(plan, fields, planned.schema.entity.named_by)
    yield from ({"group": "absent", "at": "", "record_id": record_id} for record_id in plan.absent)


def _groups(plan: Plan) -> list[tuple[str, list[Item]]]:
    written = [item for item in plan.items() if item.outcome in WRITTEN]
    return [
        ("conflict", plan.conflicts),
        ("unknown", plan.unknown),
        ("change", [item for item in written if not item.takes_away]),
        ("clear", [item for item in written if item.takes_away]),
        ("delete", [item for item in plan.fates if item.outcome is Outcome.WORKBOOK]),
        ("repair", plan.repairs),
        ("kept", plan.newer),
        ("ignored", plan.ignored),
    ]


def _line(group: str, item: Item, fields: Mapping[str, Field]) -> Line:
    base, panel, workbook = sides_of(item, fields.get(item.field))
    return {
        "group": group,
        "at": str(item.at),
        "sheet_row": item.at.row,
        "record_id": item.id,
        # The head of a column that was left out is no cell of a field.
        "field": item.field if item.field in fields or item.field == DELETED else "",
        "outcome": str(item.outcome),
        "base": base,
        "panel": panel,
        "workbook": workbook,
        "message": item.message,
        "choice": item.choice,
        "other": as_json(item.value) if item.choice == "other" else None,
    }


def _against(item: Item, planned: Planned) -> Line:
    """Return which file of the batch a cell's panel value is from, if it is from one."""
    found = planned.against.get((item.id, item.field)) if item.id is not None and planned.against else None
    return {} if found is None else {"against": found}


def _new_lines(plan: Plan, fields: Mapping[str, Field], named_by: str) -> Iterator[Line]:
    for row in plan.drafts:
        *_none, shown = new_sides(row, fields)
        at, choice = f"{plan.sheet}!{row.row}", "panel" if row.declined else ""
        name = str(shown.get(named_by, ""))
        yield {"group": "new", "at": at, "sheet_row": row.row, "workbook": shown, "message": name, "choice": choice}


def _problem_lines(problems: Sequence[Problem], after: int) -> Iterator[Line]:
    """Yield the kinds of problems, the most frequent first, and then the problems, each kind's together."""
    kinds: dict[tuple[str, str], list[Problem]] = defaultdict(list)
    for problem in problems:
        kinds[problem.field or "", problem.message].append(problem)
    often = sorted(kinds.items(), key=lambda kind: -len(kind[1]))
    first = after + len(often) + 1
    for number, ((field, message), some) in enumerate(often, after + 1):
        told = {"first": first, "count": len(some), "rows": ranges(some)}
        first += len(some)
        yield {"number": number, "group": KIND, "field": field, "message": message, "workbook": told} | _place(some[0])
    number = after + len(often)
    for (field, message), some in often:
        for number, problem in enumerate(some, number + 1):  # noqa: B020 (numbers run on from kind to kind)
            value = {"workbook": as_json(problem.value)}
            yield {"number": number, "group": "problem", "field": field, "message": message} | value | _place(problem)


def _place(problem: Problem) -> Line:
    return {"at": str(problem.at), "sheet_row": problem.at.row, "record_id": problem.id}


def ranges(problems: Sequence[Problem]) -> str:
    """Return the cells of problems in words, neighbours as one: F14–F80, F90."""
    found: list[list[Any]] = []
    for column, row in sorted({(problem.at.column, problem.at.row) for problem in problems}):
        if found and found[-1][0] == column and found[-1][2] == row - 1:
            found[-1][2] = row
        else:
            found.append([column, row, row])
    texts = [
        f"{column}{first}" if first == last else f"{column}{first}–{column}{last}" for column, first, last in found
    ]
    return ", ".join(texts[:MOST_RANGES]) + (", …" if len(texts) > MOST_RANGES else "")
