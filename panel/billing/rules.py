"""The rules by which one customer is billed, and the terms that hold for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from panel.billing.days import EVERY_DAY, LAST_BILLING_DAY, Calendar

NEVER = -1
"""A customer's own blocking or grace period that never ends; the settings leave theirs empty instead."""
RULES = ("billing_day", "payment_due", "blocking_period", "grace_period", "minimum_balance")
"""The columns that a customer and the settings both have: a customer's own, where there is one, comes first."""

Given = tuple[int | None, int | None, int | None, int | None, Decimal | None]
"""The values of `RULES`, in their order."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for a customer: a day of the month, periods in days, None where one never ends, and a balance."""

    billing_day: int = 1
    payment_due: int = 15
    blocking_period: int | None = 0
    grace_period: int | None = 10
    minimum_balance: Decimal = Decimal(0)


def merge_rules(own: Given, settings: Given) -> Rules:
    """Return the rules for a customer; who is never blocked has no grace period that could end."""
    day, due, blocking, grace, minimum = (
        ours if mine is None else mine for mine, ours in zip(own, settings, strict=True)
    )
    blocking, grace = _period(blocking), _period(grace)
    return Rules(
        billing_day_of(None if day is None else int(day)),
        max(int(due or 0), 0),
        blocking,
        None if blocking is None else grace,
        Decimal(0) if minimum is None else Decimal(minimum),
    )


def billing_day_of(day: int | None) -> int:
    """Return a day that every month has."""
    return min(max(day or 1, 1), LAST_BILLING_DAY)


def _period(days: int | Decimal | None) -> int | None:
    return None if days is None or days < 0 else int(days)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a status does, and the one that it was merged into."""

    label: str
    services: str
    accounted: bool
    merged_into: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all customers: the statuses, the two that the run moves customers to, and when it blocks.

    `blocked` and `inactive` are statuses in use, or None where nobody is moved.
    """

    settings: Given
    statuses: Mapping[int, Effect]
    blocked: int | None
    inactive: int | None
    calendar: Calendar = EVERY_DAY

    def final(self, status_id: int) -> int:
        """Return the status that one has become by merges."""
        seen: set[int] = set()
        while (target := self.statuses[status_id].merged_into) is not None and status_id not in seen:
            seen.add(status_id)
            status_id = target
        return status_id

    def accounts(self, status_id: int) -> bool:
        """Tell whether customers with this status are charged."""
        return self.statuses[status_id].accounted

    def serves(self, status_id: int) -> bool:
        """Tell whether customers with this status are charged for services that run: only those are blocked."""
        effect = self.statuses[status_id]
        return effect.accounted and effect.services == "active"
