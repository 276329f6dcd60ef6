"""A record of any entity, as the panel has it now or had it at an earlier revision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """One record's canonical values by field key, with its place in the change log."""

    id: int
    revision: int
    stamp: str
    values: Mapping[str, Any]
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the change log: each changed field's old and new value, in JSON form."""

    number: int
    stamp: str
    changes: Mapping[str, tuple[Any, Any]]
    import_id: int | None = None
    undo_of: int | None = None


def roll_back(values: Mapping[str, Any], newer: Iterable[Change]) -> dict[str, Any]:
    """Return the values in JSON form as they were before the given changes, whatever their order."""
    earlier = dict(values)
    for change in sorted(newer, key=lambda entry: entry.number, reverse=True):
        earlier.update({key: old for key, (old, _new) in change.changes.items()})
    return earlier
