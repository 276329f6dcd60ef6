"""What a change of many makes of one customer, and who decides it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sync.fields import Field
from sync.records import Record

CHANGE, PROBLEM, SAME, OTHER, GONE = "change", "problem", "same", "other", "gone"
GROUPS = (CHANGE, PROBLEM, SAME, OTHER, GONE)
"""In the order in which a job keeps its customers."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one customer: its group, its changes in JSON form, and what to say of it."""

    group: str
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    message: str = ""


class Judge(Protocol):
    """Decides about customers one by one, from the values of the fields that it names."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Return the fields that it has to see."""

    def judge(self, record: Record) -> Verdict:
        """Return what becomes of one customer."""
