"""What the daily run did, or would do: one step for each change of a status and each charge, and their sums."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from panel.billing.rules import Effect
from panel.billing.standing import BLOCK, CHARGE, DEACTIVATE, REACTIVATE, Looked, Move
from panel.lifecycle import Step

COUNTED = {BLOCK: "blocked", DEACTIVATE: "deactivated", REACTIVATE: "reactivated"}
"""What a sum calls the moves of each kind."""


@dataclass(frozen=True, slots=True)
class Act:
    """One charge or one move of a status, on a day of the run."""

    kind: str
    customer: int
    name: str
    day: str
    amount: Decimal
    message: str
    old: str = ""
    new: str = ""
    service: int | None = None
    period: str = ""

    @property
    def changed(self) -> bool:
        """Tell that something was done: what is not to be done is no step."""
        return True

    @property
    def words(self) -> str:
        """Return the step as a sentence."""
        if self.kind == CHARGE:
            return f"Customer {self.customer} {self.name}: {self.message} {self.amount:.2f}"
        return f"Customer {self.customer} {self.name}: {self.old} → {self.new}. {self.message}"

    @property
    def told(self) -> dict[str, Any]:
        """Return the step as the command's JSON has it."""
        told = {"kind": self.kind, "customer": self.customer, "name": self.name, "day": self.day}
        if self.kind == CHARGE:
            told |= {"service": self.service, "period": self.period}
        else:
            told |= {"old": self.old, "new": self.new}
        return told | {"amount": f"{self.amount:.2f}", "changed": True, "message": self.message}


Done = Step | Act
Teller = Callable[[Done], None]


def acts_of(looked: Looked, name: str, day: dt.date, statuses: Mapping[int, Effect]) -> Iterator[Act]:
    """Yield what a look did, in its order."""
    who = (looked.standing.customer, name, day.isoformat())
    for one in looked.done:
        if isinstance(one, Move):
            labels = statuses[one.old].label, statuses[one.new].label
            yield Act(one.kind, *who, one.amount, one.reason, *labels)
        else:
            period = one.period.isoformat()
            yield Act(CHARGE, *who, one.amount, one.reason, service=one.service, period=period)


@dataclass(slots=True)
class Sums:
    """How much was done in some days."""

    days: int = 0
    planned: int = 0
    charges: int = 0
    charged: Decimal = field(default_factory=Decimal)
    blocked: int = 0
    deactivated: int = 0
    reactivated: int = 0

    def add(self, done: Done) -> None:
        """Count a step."""
        if isinstance(done, Step):
            self.planned += done.changed
        elif done.kind == CHARGE:
            self.charges += 1
            self.charged += done.amount
        else:
            name = COUNTED[done.kind]
            setattr(self, name, getattr(self, name) + 1)

    @property
    def told(self) -> dict[str, Any]:
        """Return the sums as JSON has them; the amount is a text."""
        counts = {name: getattr(self, name) for name in ("days", "planned", "charges", *COUNTED.values())}
        return counts | {"charged": f"{self.charged:.2f}"}

    def plus(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return these sums and others, which are told already, as JSON has them."""
        mine = self.told
        both = {name: told.get(name, 0) + count for name, count in mine.items() if name != "charged"}
        return both | {"charged": f"{self.charged + Decimal(told.get('charged', '0')):.2f}"}
