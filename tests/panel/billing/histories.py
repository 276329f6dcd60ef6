"""One customer's history without a database: days that pass, and what people do on them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from panel.billing.days import Calendar
from panel.billing.looking import look, settle, take_back
from panel.billing.rules import Effect, Given, Terms, merge_rules
from panel.billing.standing import Marks, Move, NewCharge, Standing, Term

NEW, ACTIVE, BLOCKED, INACTIVE, FREE = 1, 2, 3, 4, 5
STATUSES = {
    NEW: Effect("New", "stopped", accounted=False),
    ACTIVE: Effect("Active", "active", accounted=True),
    BLOCKED: Effect("Blocked", "suspended", accounted=True),
    INACTIVE: Effect("Inactive", "stopped", accounted=False),
    FREE: Effect("Free", "active", accounted=False),
}
SETTINGS: Given = (1, 15, 0, 10, Decimal(0))
TERMS = Terms(SETTINGS, STATUSES, BLOCKED, INACTIVE)
OPEN_TERM = Term(1, Decimal(20), dt.date(2020, 1, 1))
ONE = dt.timedelta(1)


def day(text: str) -> dt.date:
    """Return a day that is written as MM-DD, in 2026 and 2027 for months of 13 and above, or in full."""
    if text.count("-") == 2:
        return dt.date.fromisoformat(text)
    month, number = map(int, text.split("-"))
    return dt.date(2026 + (month - 1) // 12, (month - 1) % 12 + 1, number)


@dataclass
class History:
    """A customer whom the daily run looks at when it is due, and whom people change between its days."""

    standing: Standing
    terms: Terms = TERMS
    look_on: dt.date = dt.date.min
    done: list[tuple[dt.date, Move | NewCharge]] = field(default_factory=list)

    def pay(self, amount: object, on: dt.date) -> None:
        """Record a payment, which is settled at once."""
        self.change(balance=self.standing.balance + Decimal(str(amount)))
        if Decimal(str(amount)) < 0:
            self.standing = take_back(self.standing, on)
        if self.standing.is_moved:
            looked = settle(self.standing, on, self.terms)
            self._take(on, looked.standing, looked.done)

    def change(self, **values: Any) -> None:
        """Have somebody change the customer: a status that is set by hand is no move of the run's."""
        if values.get("status", self.standing.status) != self.standing.status:
            values["marks"] = Marks(self.standing.marks.billed_to, self.standing.marks.unchecked)
        self.standing, self.look_on = replace(self.standing, **values), dt.date.min

    def rule(self, **values: Any) -> None:
        """Give the customer other rules."""
        self.change(rules=replace(self.standing.rules, **values))

    def run(self, on: dt.date) -> None:
        """Let the daily run come to a day."""
        if self.look_on <= on:
            looked = look(self.standing, on, self.terms)
            self.look_on = looked.look_on
            self._take(on, looked.standing, looked.done)

    def run_to(self, first: dt.date, last: dt.date) -> None:
        """Let the daily run come to each of these days."""
        while first <= last:
            self.run(first)
            first += ONE

    def _take(self, on: dt.date, standing: Standing, done: Iterable[Move | NewCharge]) -> None:
        self.standing = standing
        self.done.extend((on, one) for one in done)

    @property
    def told(self) -> list[str]:
        """Return what was done as a table's row says it: `10-16 Blocked`, `10-01 20`, `11-02 20 for 10`."""
        return [f"{_short(on)} {_told(on, one)}" for on, one in self.done]


def _short(on: dt.date) -> str:
    return f"{(on.year - 2026) * 12 + on.month:02}-{on.day:02}"


def _told(on: dt.date, one: Move | NewCharge) -> str:
    if isinstance(one, Move):
        return STATUSES[one.new].label
    month = "" if one.period.month == on.month else f" for {_short(one.period)[:2]}"
    return f"{one.amount.normalize():f}{month}"


def history(
    status: int = ACTIVE,
    terms: tuple[Term, ...] = (OPEN_TERM,),
    calendar: Calendar | None = None,
    prepaid: bool = False,
    **rules: Any,
) -> History:
    """Return a customer with one service for 20.00 a month, and rules that differ from everybody's where given."""
    standing = Standing(1, status, replace(merge_rules((None,) * 5, SETTINGS), **rules), terms=terms, prepaid=prepaid)
    return History(standing, replace(TERMS, calendar=calendar or Calendar()))
