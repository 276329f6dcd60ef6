"""What a workbook holds that was never imported: typed in it, and lost with the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import ngettext

from sync.plan import Plan


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a workbook holds that was never imported: `cells` by row, None where all of a row is meant."""

    cells: Mapping[int, frozenset[str] | None]
    edits: int
    new_rows: int
    fates: int
    problems: int

    @property
    def count(self) -> int:
        """Return how many cells and rows wait."""
        return self.edits + self.new_rows + self.fates + self.problems

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing waits."""
        return not self.count

    @property
    def sentence(self) -> str:
        """Return what waits, in words."""
        edits, rows, fates, problems = self.edits, self.new_rows, self.fates, self.problems
        parts = [
            ngettext("%(num)d edited cell", "%(num)d edited cells", edits) if edits else "",
            ngettext("%(num)d new row", "%(num)d new rows", rows) if rows else "",
            ngettext("%(num)d deletion or restoring", "%(num)d deletions or restorings", fates) if fates else "",
            ngettext("%(num)d row with a problem", "%(num)d rows with problems", problems) if problems else "",
        ]
        return ", ".join(part for part in parts if part)


def waiting_in(plan: Plan, records: Mapping[int, int]) -> Waiting:
    """Return what a file holds that an import would write, ask about or refuse.

    `records` are the customers whom rows are about, without those who are gone: nothing of their rows can be imported.
    """
    cells: dict[int, frozenset[str] | None] = {}
    edits = new_rows = fates = problems = 0
    for number, row in plan.kept.items():
        waits = {item.field for item in (*row.items, *row.repairs) if item.writes or item.is_open}
        if row.problems:
            problems += number in records or row.id is None
            keys = {problem.field for problem in row.problems}
            cells[number] = None if None in keys else frozenset(waits | {key for key in keys if key})
            continue
        if waits or row.fate is not None:
            cells[number] = frozenset(waits)
        edits += len(waits)
        new_rows += row.creates is not None
        fates += row.fate is not None
    return Waiting(cells, edits, new_rows, fates, problems)
