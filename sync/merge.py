"""The three-way merge of one value. The outcome is a property of the three versions and of nothing else."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any


class Outcome(enum.StrEnum):
    """The verdict on a cell."""

    UNCHANGED = "unchanged"
    PANEL = "panel"
    WORKBOOK = "workbook"
    AGREED = "agreed"
    MERGED = "merged"
    CONFLICT = "conflict"
    BASE_UNKNOWN = "base-unknown"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Versions:
    """One value as the three sides of a merge see it."""

    base: Any
    panel: Any
    workbook: Any


@dataclass(frozen=True, slots=True)
class Merged:
    """An outcome with the value that the record shall have."""

    outcome: Outcome
    value: Any


def merge(versions: Versions) -> Merged:
    """Decide one value of a field that is no set."""
    base, panel, workbook = versions.base, versions.panel, versions.workbook
    if workbook == base:
        return Merged(Outcome.UNCHANGED if panel == base else Outcome.PANEL, panel)
    if panel == base:
        return Merged(Outcome.WORKBOOK, workbook)
    return Merged(Outcome.AGREED if panel == workbook else Outcome.CONFLICT, panel)


def merge_unknown(panel: Any, workbook: Any) -> Merged:
    """Decide one value whose base nobody knows: equal ones are agreed, different ones need an explicit yes."""
    same = _as_set(panel) == _as_set(workbook) if _are_sets(panel, workbook) else panel == workbook
    return Merged(Outcome.AGREED if same else Outcome.BASE_UNKNOWN, panel)


def merge_sets(versions: Versions) -> Merged:
    """Decide a tuple of members, one by one: both sides' additions and removals hold.

    One base member that both sides replaced differently is a conflict. The first member of the side that
    changed it stays first.
    """
    base, panel, workbook = (tuple(value or ()) for value in (versions.base, versions.panel, versions.workbook))
    if _same(workbook, base):
        return Merged(Outcome.UNCHANGED if _same(panel, base) else Outcome.PANEL, versions.panel)
    if _same(panel, base):
        return Merged(Outcome.WORKBOOK, versions.workbook)
    if _same(panel, workbook):
        return Merged(Outcome.AGREED, versions.panel)
    if _replaced_differently(base, panel, workbook) or _first_moved_differently(base, panel, workbook):
        return Merged(Outcome.CONFLICT, versions.panel)
    united = _united(base, panel, workbook)
    if _same(united, panel):
        return Merged(Outcome.AGREED, versions.panel)
    # Neither side asked for nothing at all: two removals that add up to that are a person's to look at.
    return Merged(Outcome.MERGED, united) if united else Merged(Outcome.CONFLICT, versions.panel)


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    # The order of the rest carries no meaning, but the first is the one that is written to.
    return set(one) == set(other) and one[:1] == other[:1]


def _replaced_differently(base: tuple[Any, ...], panel: tuple[Any, ...], workbook: tuple[Any, ...]) -> bool:
    both_dropped = set(base) - set(panel) - set(workbook)
    panel_added, workbook_added = set(panel) - set(base), set(workbook) - set(base)
    return bool(both_dropped and panel_added != workbook_added and (panel_added or workbook_added))


def _first_moved_differently(base: tuple[Any, ...], panel: tuple[Any, ...], workbook: tuple[Any, ...]) -> bool:
    firsts = {base[:1], panel[:1], workbook[:1]}
    return bool(base) and len(firsts) == 3 and bool(panel and workbook)


def _united(base: tuple[Any, ...], panel: tuple[Any, ...], workbook: tuple[Any, ...]) -> tuple[Any, ...]:
    dropped = set(base) - (set(panel) & set(workbook))
    led = workbook if panel[:1] == base[:1] else panel
    other = panel if led is workbook else workbook
    return tuple(dict.fromkeys(member for member in (*led, *other) if member not in dropped))


def _are_sets(panel: Any, workbook: Any) -> bool:
    return isinstance(panel, tuple) or isinstance(workbook, tuple)


def _as_set(value: Any) -> frozenset[Any]:
    return frozenset(value or ())
