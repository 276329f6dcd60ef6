"""Where one customer's billing stands, and what becomes of it: values between the database and the rules."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from panel.billing.days import name_of_month
from panel.billing.rules import Rules

CHARGE, BLOCK, DEACTIVATE, REACTIVATE = "charge", "block", "deactivate", "reactivate"
KINDS = (CHARGE, BLOCK, DEACTIVATE, REACTIVATE)


@dataclass(frozen=True, slots=True)
class Term:
    """A service that is not in the bin: its price for a month, and its first and last day."""

    service: int
    price: Decimal
    starts: dt.date
    ends: dt.date | None = None

    def runs(self, day: dt.date) -> bool:
        """Tell whether a day is one of the service's."""
        return self.starts <= day and (self.ends is None or day <= self.ends)


@dataclass(frozen=True, slots=True)
class Move:
    """A status that the run gives a customer, and why; `amount` is what was owed, or paid."""

    kind: str
    old: int
    new: int
    amount: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class NewCharge:
    """A charge to be made: it will be past due from `due_on` on."""

    service: int
    period: dt.date
    due_on: dt.date
    amount: Decimal

    @property
    def reason(self) -> str:
        """Return why it is made, as the change log says it."""
        return f"Charged for {name_of_month(self.period)}."


@dataclass(frozen=True, slots=True)
class Marks:
    """What an account remembers for the daily run; `panel.models.Account` says what each of them means."""

    billed_to: dt.date | None = None
    unchecked: tuple[dt.date, ...] = ()
    moved_to: int | None = None
    moved_from: int | None = None
    moved_on: dt.date | None = None
    blocked_on: dt.date | None = None

    @property
    def move(self) -> tuple[int | None, int | None, dt.date | None, dt.date | None]:
        """Return what is remembered of how the run moved the customer."""
        return self.moved_to, self.moved_from, self.moved_on, self.blocked_on


@dataclass(frozen=True, slots=True)
class Standing:
    """A customer as the rules see one.

    `not_due` are charges that are past due from a later day on than the one that is looked at, `charged` the services
    and months that are charged already. Both, and the services, may be left out where `panel.billing.looking.wants`
    does not ask for them.
    """

    customer: int
    status: int
    rules: Rules
    balance: Decimal = Decimal(0)
    marks: Marks = Marks()
    in_bin: bool = False
    prepaid: bool = False
    terms: tuple[Term, ...] = ()
    not_due: tuple[tuple[dt.date, Decimal], ...] = ()
    charged: frozenset[tuple[int, dt.date]] = frozenset()

    @property
    def is_moved(self) -> bool:
        """Tell whether the customer has the status that the run gave."""
        return self.marks.moved_to is not None and self.marks.moved_to == self.status


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at an account came to: how it stands then, what was done, in order, and when to look again."""

    standing: Standing
    done: tuple[Move | NewCharge, ...]
    look_on: dt.date

    @property
    def moves(self) -> tuple[Move, ...]:
        """Return the changes of status, in order."""
        return tuple(one for one in self.done if isinstance(one, Move))

    @property
    def charges(self) -> tuple[NewCharge, ...]:
        """Return the charges that were made."""
        return tuple(one for one in self.done if isinstance(one, NewCharge))
