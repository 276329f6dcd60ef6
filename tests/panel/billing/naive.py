"""The rules of billing once more, as somebody would write them who has no customers: the oracle of the laws.

It keeps lists of what happened and adds them up every day, from the first; it remembers no balance, and no day to look.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

NEW, ACTIVE, BLOCKED, INACTIVE = 1, 2, 3, 4
ACCOUNTED = (ACTIVE, BLOCKED)
ONE = dt.timedelta(1)


@dataclass
class Plain:
    """One customer, as a story."""

    status: int = ACTIVE
    prepaid: bool = False
    in_bin: bool = False
    billing_day: int = 1
    payment_due: int = 15
    blocking: int | None = 0
    grace: int | None = 10
    minimum: Decimal = Decimal(0)
    weekends: bool = True
    services: dict[int, list[object]] = field(default_factory=dict)
    payments: list[Decimal] = field(default_factory=list)
    charges: list[tuple[int, dt.date, dt.date, dt.date, Decimal]] = field(default_factory=list)
    to_check: list[dt.date] = field(default_factory=list)
    months: set[dt.date] = field(default_factory=set)
    came_from: int | None = None
    blocked_since: dt.date | None = None
    moves: list[tuple[dt.date, int]] = field(default_factory=list)
    planned: list[tuple[dt.date, int]] = field(default_factory=list)
    today: dt.date = dt.date.min

    @property
    def balance(self) -> Decimal:
        """Add up everything."""
        return sum(self.payments, Decimal(0)) - sum((charge[4] for charge in self.charges), Decimal(0))

    def by_hand(self, status: int) -> None:
        """Have somebody set the status."""
        if status != self.status:
            self.status, self.came_from, self.blocked_since = status, None, None

    def pay(self, amount: Decimal, on: dt.date) -> None:
        """Take money, which brings a customer back at once."""
        self.today = on
        self.payments.append(amount)
        if amount < 0 and not self.prepaid and not any(due <= on for due in self.to_check):
            self.to_check.append(on)  # what went back is owed from today on
        self.back()

    def pass_day(self, on: dt.date) -> None:
        """Live one day."""
        self.today = on
        for status in [status for day, status in self.planned if day == on and not self.in_bin]:
            self.by_hand(status)
        self.back()
        self.give_up()
        self.bill()
        self.check()
        self.give_up()

    @property
    def month(self) -> dt.date:
        """Go back day by day to the latest billing day, and name its month."""
        on = self.today
        while on.day != self.billing_day:
            on -= ONE
        return on.replace(day=1)

    def due(self) -> dict[int, Decimal]:
        """Say which services run today and cost something, charged or not."""
        return {
            number: price  # type: ignore[misc]
            for number, (price, starts, ends) in self.services.items()
            if price > 0 and starts <= self.today and (ends is None or ends >= self.today)  # type: ignore[operator]
        }

    def unpaid_month(self) -> dict[int, Decimal]:
        """Say which of them have no charge for the month."""
        have = {charge[0] for charge in self.charges if charge[1] == self.month}
        return {number: price for number, price in self.due().items() if number not in have}

    def owes(self) -> bool:
        """Say whether this is somebody to block."""
        if self.prepaid:
            return bool(self.due()) and self.balance - sum(self.unpaid_month().values()) < self.minimum
        past_due = sum((charge[4] for charge in self.charges if charge[3] <= self.today), Decimal(0))
        return sum(self.payments, Decimal(0)) < past_due and self.balance < self.minimum

    def move(self, status: int) -> None:
        """Set the status by the run."""
        self.status = status
        self.moves.append((self.today, status))

    def back(self) -> None:
        """Come back."""
        if self.came_from is None or self.in_bin or self.owes():
            return
        self.move(self.came_from)
        self.came_from = self.blocked_since = None
        if self.prepaid:
            self.charge(self.today)
            self.months.add(self.month)

    def charge(self, due_on: dt.date) -> None:
        """Charge for what runs today."""
        for number, price in self.unpaid_month().items():
            self.charges.append((number, self.month, self.today, due_on, price))
            if not self.prepaid and due_on not in self.to_check:
                self.to_check.append(due_on)

    def bill(self) -> None:
        """Bill for the month, if nobody did; the first month is one whose billing day is lived through."""
        if not self.months and self.today.day != self.billing_day:
            if self.today.day > self.billing_day:
                self.months.add(self.month)
            return
        if self.months and max(self.months) >= self.month:
            return
        if self.in_bin or self.status not in ACCOUNTED or not self.prepaid:
            self.months.add(self.month)
            if not self.in_bin and self.status in ACCOUNTED:
                self.charge(self.today + self.payment_due * ONE)
        else:
            self.bill_ahead()

    def bill_ahead(self) -> None:
        """Bill a prepaid customer, or else block."""
        can_pay = not self.owes()
        waits = not can_pay and self.status == ACTIVE and self.blocking is not None and not self.works(self.today)
        self.months.add((self.month - ONE).replace(day=1) if waits else self.month)
        if can_pay or (self.status == ACTIVE and self.blocking is None):
            self.charge(self.today)
        elif self.status == ACTIVE and not waits:
            self.block()

    def block(self) -> None:
        """Take the services away."""
        self.came_from, self.blocked_since = self.status, self.today
        self.move(BLOCKED)

    def works(self, on: dt.date) -> bool:
        """Say whether it is a day to block on."""
        return self.weekends or on.weekday() < 5

    def check(self) -> None:
        """See whether a day of blocking has come."""
        if self.prepaid:
            self.to_check = []
        elif self.blocking is None:
            self.to_check = sorted(self.to_check)[-1:]
        elif self.works(self.today):
            come = [due for due in self.to_check if due + self.blocking * ONE <= self.today]
            self.to_check = [due for due in self.to_check if due not in come]
            if come and self.status == ACTIVE and not self.in_bin and self.owes():
                self.block()

    def give_up(self) -> None:
        """Deactivate who did not pay in the grace period."""
        if self.blocked_since is None or self.in_bin or self.blocking is None or self.grace is None:
            return
        if self.today >= self.blocked_since + self.grace * ONE and self.owes():
            self.blocked_since = None
            self.move(INACTIVE)
