"""Signs of an accident: what stops a plan although each of its cells could be written.

A column that was sorted alone, a block that slipped by a row, a row copied over another, a fill handle pulled down too
far: every cell is valid, and the workbook is wrong. Whoever applies such a plan types how many rows it is about.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.cells import Address
from sync.fields import Field
from sync.merge import Outcome
from sync.plan import Item, Plan
from sync.types import FIELD_TYPES
from sync.words import later, say

SEVERAL = 3
"""So many values in the places of others are no exchange of two."""
MANY = 10
"""Of so many, a column that holds the same values in other places was moved, however few values it knows."""
MOST_IDENTIFYING = 3
MOVED = later(
    "%(count)s cells of %(label)s hold what other rows had when the workbook was exported: %(at)s has the value that "
    "was in %(other)s. Was the column sorted or moved without the others?"
)
REPLACED = later(
    "Rows that became somebody else: %(count)s. In row %(row)s all of these are different: %(labels)s. "
    "Was a row copied over another?"
)
CLEARED = later("%(label)s is cleared in %(count)s of %(rows)s rows.")
ALIKE = later("%(label)s becomes %(value)s in %(count)s of %(rows)s rows.")
DELETED = later("%(count)s of %(rows)s rows delete what they stand for.")
_EDITED = {Outcome.WORKBOOK, Outcome.MERGED, Outcome.CONFLICT}


@dataclass(frozen=True, slots=True)
class Limits:
    """Above this share of a file's rows, and from this many rows on, one kind of change is asked about."""

    percent: int = 20
    least: int = 10

    def exceeded(self, count: int, rows: int) -> bool:
        """Tell whether so many of these rows are to be asked about."""
        return count >= self.least and count * 100 > rows * self.percent


@dataclass(frozen=True, slots=True)
class Guard:
    """One sign: its kind, its field if it is about one, how many rows show it, where it begins, and a sentence."""

    kind: str
    field: str
    count: int
    at: Address | None
    message: str


def guards_of(plan: Plan, fields: Mapping[str, Field], limits: Limits) -> list[Guard]:
    """Return the signs of an accident in a plan, those of moved values first."""
    edits: dict[str, list[Item]] = defaultdict(list)
    writes: dict[str, list[Item]] = defaultdict(list)
    for row in plan.kept.values():
        for item in row.cells:
            if item.base_known and item.outcome in _EDITED:
                edits[item.field].append(item)
            if item.writes and not row.problems:
                writes[item.field].append(item)
    return [
        *_moved(edits, fields),
        *_replaced(plan, fields),
        *_cleared(plan, writes, fields, limits),
        *_alike(plan, writes, fields, limits),
        *_deleted(plan, limits),
    ]


def _moved(edits: Mapping[str, Sequence[Item]], fields: Mapping[str, Field]) -> Iterator[Guard]:
    """Yield the columns in which cells hold what other rows had when the workbook was exported."""
    for key, items in edits.items():
        before = Counter(item.base for item in items if item.base is not None)
        after = Counter(item.workbook for item in items if item.workbook is not None)
        moved = [item for item in items if item.workbook is not None and item.workbook in before]
        # Among a few options, honest edits come to hold what others had.
        is_varied = 2 * len(before) >= before.total() and len(before) >= SEVERAL and not fields[key].options
        is_slip = is_varied and len(moved) >= SEVERAL and (2 * len(moved) >= len(items) or len(moved) >= MANY)
        # The same values, but for one that was pushed out, are in other rows.
        is_sorted = len(items) >= MANY and len(before) >= SEVERAL and (before & after).total() >= len(items) - 1
        if is_slip or is_sorted:
            other = next(item for item in items if item.base == moved[0].workbook)
            places = {"at": moved[0].at, "other": other.at}
            message = say(MOVED, count=f"{len(moved):,}", label=fields[key].name, **places)
            yield Guard("moved", key, len(moved), moved[0].at, message)


def _replaced(plan: Plan, fields: Mapping[str, Field]) -> Iterator[Guard]:
    """Yield the rows that became somebody else."""
    found: list[Sequence[Item]] = []
    for row in plan.kept.values():
        others = [item for item in row.cells if item.outcome in _EDITED and _is_replaced(item, fields)]
        if len(others) >= MOST_IDENTIFYING:
            found.append(others)
    if found:
        labels = ", ".join(fields[item.field].name for item in found[0])
        message = say(REPLACED, count=f"{len(found):,}", row=found[0][0].at.row, labels=labels)
        yield Guard("replaced", "", len(found), found[0][0].at, message)


def _is_replaced(item: Item, fields: Mapping[str, Field]) -> bool:
    if not fields[item.field].identifying or item.base is None or item.workbook is None:
        return False
    both = [set(value) if isinstance(value, tuple) else {value} for value in (item.base, item.workbook)]
    return both[0].isdisjoint(both[1])


def _cleared(
    plan: Plan, writes: Mapping[str, Sequence[Item]], fields: Mapping[str, Field], limits: Limits
) -> Iterator[Guard]:
    for key, items in writes.items():
        cleared = [item for item in items if item.clears]
        if limits.exceeded(len(cleared), plan.rows):
            message = say(CLEARED, label=fields[key].name, **_share(len(cleared), plan))
            yield Guard("cleared", key, len(cleared), cleared[0].at, message)


def _alike(
    plan: Plan, writes: Mapping[str, Sequence[Item]], fields: Mapping[str, Field], limits: Limits
) -> Iterator[Guard]:
    """Yield the values that replace others in very many rows; to fill what was blank takes nothing away."""
    for key, items in writes.items():
        replacing = [item for item in items if item.value is not None and item.panel is not None]
        for value, count in Counter(item.value for item in replacing).most_common(1):
            if limits.exceeded(count, plan.rows):
                first = next(item for item in replacing if item.value == value)
                names = {"label": fields[key].name, "value": _shown(value, fields[key])}
                message = say(ALIKE, **names, **_share(count, plan))
                yield Guard("alike", key, count, first.at, message)


def _shown(value: Any, field: Field) -> str:
    field_type = FIELD_TYPES[field.type]
    return say("the same") if field_type.secret else f"'{field_type.render(value, field)}'"


def _deleted(plan: Plan, limits: Limits) -> Iterator[Guard]:
    count = len(plan.deletions)
    if limits.exceeded(count, plan.rows):
        yield Guard("deleted", "", count, None, say(DELETED, **_share(count, plan)))


def _share(count: int, plan: Plan) -> dict[str, str]:
    return {"count": f"{count:,}", "rows": f"{plan.rows:,}"}
