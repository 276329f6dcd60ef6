"""A plan in the words and JSON of the command line and of the preview."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from panel.imports.planned import Planned
from panel.imports.reading import hint_of, suggestion_json
from panel.imports.second_admin import ASKED_OF_COMMANDS, needs_second
from panel.imports.showing import as_json, display
from sync.cells import Problem
from sync.fields import Field
from sync.guards import Guard
from sync.merge import Outcome
from sync.plan import Item, Plan
from sync.words import say

MOST_KINDS = 20


def item_json(item: Item, fields: Mapping[str, Field], against: str = "") -> dict[str, Any]:
    """Return one cell as the command prints it; `against` is the file before whose value the panel's is."""
    field = fields.get(item.field)
    shown = {
        "at": str(item.at),
        "id": item.id,
        "field": item.field,
        "base": display(item.base, field),
        "base_known": item.base_known,
        "panel": display(item.panel, field),
        "workbook": display(item.workbook, field),
        "outcome": str(item.outcome),
    }
    if item.outcome is Outcome.MERGED:
        shown["value"] = display(item.value, field)
    optional = {"choice": item.choice, "message": item.message, "against": against}
    return shown | {name: text for name, text in optional.items() if text}


def problem_json(problem: Problem) -> dict[str, Any]:
    """Return one problem as the command prints it."""
    return {
        "at": str(problem.at),
        "id": problem.id,
        "field": problem.field,
        "value": as_json(problem.value),
        "message": problem.message,
    }


def guard_json(guard: Guard) -> dict[str, Any]:
    """Return one guard as the command prints it."""
    return asdict(guard) | {"at": None if guard.at is None else str(guard.at), "field": guard.field or None}


def plan_json(planned: Planned, import_id: int | None, *, applied: bool, before: Sequence[str] = ()) -> dict[str, Any]:
    """Return the object that ``import --json`` prints of a file; `before` names the files planned before it."""
    plan = planned.plan
    fields = {field.key: field for field in planned.shown.fields}
    lists = {
        "changes": plan.changes,
        "conflicts": [*plan.conflicts, *(item for item in plan.unknown if not item.writes)],
        "ignored": plan.ignored,
        "repairs": plan.repairs,
    }

    def against(item: Item) -> str:
        found = planned.against.get((item.id, item.field)) if item.id is not None else None
        return "" if found is None else before[found]

    return {
        "import": import_id,
        "applied": applied,
        **asdict(plan.counts()),
        **{name: [item_json(item, fields, against(item)) for item in items] for name, items in lists.items()},
        "problems": [problem_json(problem) for problem in plan.all_problems],
        "new_fields": [one.to_json() for one in planned.new_fields],
        "guards": [guard_json(guard) for guard in planned.guards],
        "notes": plan.notes,
        "hidden_rows": list(plan.hidden),
        "hidden_columns": list(plan.hidden_columns),
        "suggestions": [suggestion_json(one) for one in planned.reading.suggestions],
    }


def sentences(planned: Planned, guards: Iterable[Guard]) -> Iterator[str]:
    """Yield what a person has to know of a plan, the most important first; problems grouped.

    `guards` are those that nobody confirmed.
    """
    plan = planned.plan
    yield from grouped_problems(planned)
    yield from _questions(plan)
    yield from (f"{guard.message} To apply it all the same, add --confirm {guard.count}." for guard in guards)
    if needs_second(planned):
        yield say(ASKED_OF_COMMANDS)
    yield from plan.notes
    yield from map(hint_of, planned.reading.suggestions)
    for one in planned.new_fields:
        if not one.accepted:
            yield (
                f'Column "{one.header}" is no field and was left out. '
                f'Make it one with --map "{one.header}=+" or --create-fields.'
            )
    if plan.ignored:
        yield f"{len(plan.ignored)} changed cells were ignored, because their column is for reading only."
    if plan.absent:
        what = planned.schema.entity.title.lower()
        yield f"{len(plan.absent)} exported {what} are not in the file. Nothing happens to them."


def _questions(plan: Plan) -> Iterator[str]:
    undecided = plan.undecided
    conflicts = sum(item.outcome is Outcome.CONFLICT for item in undecided)
    offered = sum(item.is_open for item in plan.repairs)
    unknown = len(undecided) - conflicts - offered
    if conflicts:
        yield (
            f"{conflicts} cells were changed both in the panel and in the workbook. "
            "Choose with --prefer panel or --prefer workbook."
        )
    if unknown:
        yield (
            f"{unknown} cells differ from the panel, and nobody knows what they showed before. "
            "Write them with --accept-unknown."
        )
    if offered:
        yield (
            f"{offered} cells look damaged by a spreadsheet program. "
            "Restore them with --repair, or write them with --accept-unknown."
        )


def grouped_problems(planned: Planned) -> Iterator[str]:
    """Yield one sentence for each kind of problem, with how often and where it is first."""
    groups: dict[tuple[str | None, str], list[Problem]] = defaultdict(list)
    for problem in planned.plan.all_problems:
        groups[problem.field, problem.message].append(problem)
    often = sorted(groups.items(), key=lambda group: -len(group[1]))
    for (field, message), problems in often[:MOST_KINDS]:
        times = f" ({len(problems):,} rows)" if len(problems) > 1 else ""
        yield f"{problems[0].at}{times}: {message}{_hint(field, planned)}"
    if len(often) > MOST_KINDS:
        yield f"… and {len(often) - MOST_KINDS} more kinds of problem; --json lists them all."


def _hint(key: str | None, planned: Planned) -> str:
    field = next((field for field in planned.shown.fields if field.key == key), None)
    if planned.export_id is not None or field is None or not field.options:
        return ""
    if not planned.schema.entity.has_extra:
        return f' If the column means something else, leave it out with --map "{field.label}=-".'
    return (
        " If the column means something else, make it a field of its own with "
        f'--map "{field.label}=+", or leave it out with --map "{field.label}=-".'
    )


def summary(plan: Plan, *, applied: bool) -> str:
    """Return what happened, or would happen, in one sentence."""
    counts = plan.counts()
    verb = "" if applied else "would be "
    return (
        f"{counts.rows} rows: {counts.created} {verb}created, {counts.updated} {verb}updated "
        f"({counts.cells_updated} cells), {counts.deleted} {verb}deleted, "
        f"{counts.unchanged} unchanged, {counts.refused} refused."
    )
