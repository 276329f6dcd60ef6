"""The rules of the daily run for one customer and one day: how the account stands in, what is done out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from panel.billing.days import ONE, month_after, month_before, month_of, name_of, name_of_month, period_of
from panel.billing.rules import Terms
from panel.billing.standing import BLOCK, DEACTIVATE, REACTIVATE, Looked, Marks, Move, NewCharge, Standing, Term

NOTHING = Decimal(0)


def look(standing: Standing, day: dt.date, terms: Terms) -> Looked:
    """Do what is due on a day: back, deactivate, charge, block. A second look on the same day does nothing more.

    Who is deactivated on the billing day is not charged any more; without a grace period that follows from blocking.
    """
    account = _Account(standing, day, terms)
    account.go_back()
    account.deactivate()
    account.bill()
    account.check()
    account.deactivate()
    return account.looked()


def settle(standing: Standing, day: dt.date, terms: Terms) -> Looked:
    """Do only what a payment does at once: a customer whom the run moved goes back, where nothing is owed any more."""
    account = _Account(standing, day, terms)
    account.go_back()
    return account.looked()


def take_back(standing: Standing, day: dt.date) -> Standing:
    """Make the day on which money was taken back a due day: nobody who owes by that waits for the next billing.

    Where a due day that has come is still to be checked, that is soon enough.
    """
    unchecked = standing.marks.unchecked
    if standing.prepaid or any(due_on <= day for due_on in unchecked):
        return standing
    return replace(standing, marks=replace(standing.marks, unchecked=tuple(sorted((*unchecked, day)))))


@dataclass(frozen=True, slots=True)
class Wants:
    """What a look needs beside the account."""

    terms: bool
    not_due: bool


EVERYTHING, NOTHING_MORE = Wants(terms=True, not_due=True), Wants(terms=False, not_due=False)


def wants(standing: Standing, day: dt.date, terms: Terms) -> Wants:
    """Tell what a look on a day needs to know: most looks need neither services nor charges."""
    account = _Account(standing, day, terms)
    bills = account.is_to_be_billed()
    owes = standing.balance < 0 or bills
    return Wants(bills or standing.prepaid, owes and (standing.is_moved or bool(account.come())))


def is_quiet(standing: Standing, day: dt.date, terms: Terms) -> bool:
    """Tell whether a look on a day asks for nothing but what the account remembers, and not for how much is there.

    The run moved no such customer, and has nothing to charge; nothing is owed, or nobody would be blocked for it.
    """
    if standing.marks.moved_to is not None:
        return False
    account = _Account(standing, day, terms)
    is_out = standing.in_bin or not terms.accounts(standing.status)
    return is_out or (standing.balance >= NOTHING and not account.is_to_be_billed())


class _Account:
    """One look: how everything stands while it is going on."""

    def __init__(self, standing: Standing, day: dt.date, terms: Terms) -> None:
        self._was, self._day, self._terms = standing, day, terms
        self._rules = standing.rules
        self._status, self._balance, self._marks = standing.status, standing.balance, standing.marks
        self._not_due, self._charged = list(standing.not_due), set(standing.charged)
        self._period = period_of(day, standing.rules.billing_day)
        self._done: list[Move | NewCharge] = []

    # What is owed

    def _due(self) -> list[Term]:
        return [term for term in self._was.terms if term.price > 0 and term.runs(self._day)]

    def _uncharged(self) -> list[Term]:
        return [term for term in self._due() if (term.service, self._period) not in self._charged]

    def _price(self) -> Decimal:
        return sum((term.price for term in self._uncharged()), NOTHING)

    def _overdue(self) -> Decimal:
        return self._balance + sum((amount for due_on, amount in self._not_due if due_on > self._day), NOTHING)

    def _owes(self) -> bool:
        """Tell whether the condition of blocking holds: unpaid and past due, or prepaid and nothing left to pay of."""
        if self._was.prepaid:
            return bool(self._due()) and self._balance - self._price() < self._rules.minimum_balance
        return self._balance < self._rules.minimum_balance and self._overdue() < 0

    # Moving

    def _stands(self) -> bool:
        return not self._was.in_bin and self._marks.moved_to is not None and self._marks.moved_to == self._status

    def _move(self, kind: str, target: int, amount: Decimal, reason: str) -> None:
        self._done.append(Move(kind, self._status, target, amount, reason))
        self._status = target

    def _forget_move(self) -> None:
        self._marks = Marks(self._marks.billed_to, self._marks.unchecked)

    def go_back(self) -> None:
        """Give a customer whom the run moved the former status, once the condition of blocking no longer holds."""
        if not self._stands() or self._owes():
            return
        former = self._marks.moved_from
        target = self._status if former is None else self._terms.final(former)
        self._forget_move()
        if target == self._status:
            return
        if not self._was.prepaid:
            self._move(REACTIVATE, target, self._balance, f"Nothing is overdue any more: {_money(self._balance)}.")
            return
        price = self._price()
        paid = f"{_money(self._balance)} pays for {name_of_month(self._period)}: {_money(price)}."
        self._move(REACTIVATE, target, price, paid)
        if self._terms.accounts(target):
            self._charge(self._day)
            self._saw(self._period)

    def _can_be_blocked(self) -> bool:
        return (
            not self._was.in_bin
            and self._rules.blocking_period is not None
            and self._terms.blocked not in (None, self._status)
            and self._terms.serves(self._status)
        )

    def _block(self, amount: Decimal, reason: str) -> None:
        former, blocked = self._status, self._terms.blocked
        if blocked is None:
            return
        self._move(BLOCK, blocked, amount, reason)
        self._marks = replace(
            self._marks, moved_to=blocked, moved_from=former, moved_on=self._day, blocked_on=self._day
        )

    def _grace_ends(self) -> dt.date | None:
        """Return the day on which the grace period is over, where one is running out."""
        grace, blocked_on = self._rules.grace_period, self._marks.blocked_on
        if grace is None or blocked_on is None or not self._stands():
            return None
        return blocked_on + dt.timedelta(grace)

    def deactivate(self) -> None:
        """Move a customer who was blocked on, when the grace period is over and nothing was paid."""
        ends, inactive, since = self._grace_ends(), self._terms.inactive, self._marks.blocked_on
        if ends is None or since is None or inactive in (None, self._status) or self._day < ends or not self._owes():
            return
        reason = f"Still unpaid when the grace period ended, which began on {name_of(since)}: {_money(self._balance)}."
        self._move(DEACTIVATE, inactive, -self._balance, reason)
        self._marks = replace(self._marks, moved_to=inactive, moved_on=self._day, blocked_on=None)

    # Billing

    def is_to_be_billed(self) -> bool:
        """Tell whether the billing day of a month has come that was not seen yet.

        A new account begins with the next billing day: one that was before it does not count.
        """
        seen = self._marks.billed_to
        return self._day.day == self._rules.billing_day if seen is None else seen < self._period

    def _saw(self, period: dt.date) -> None:
        seen = self._marks.billed_to
        self._marks = replace(self._marks, billed_to=period if seen is None else max(seen, period))

    def bill(self) -> None:
        """Charge for the services of a month, once its billing day has come."""
        if not self.is_to_be_billed():
            if self._marks.billed_to is None and self._day.day > self._rules.billing_day:
                self._saw(self._period)
            return
        if self._was.in_bin or not self._terms.accounts(self._status):
            self._saw(self._period)
        elif self._was.prepaid:
            self._bill_ahead()
        else:
            self._saw(self._period)
            self._charge(self._day + dt.timedelta(self._rules.payment_due))

    def _bill_ahead(self) -> None:
        """Charge a prepaid customer whose balance pays for it, and block another one, if it is a day for that."""
        serves = self._terms.serves(self._status)
        if not self._owes() or (serves and not self._can_be_blocked()):
            self._saw(self._period)
            self._charge(self._day)
        elif not serves or self._terms.calendar.is_working(self._day):
            self._saw(self._period)
            if serves:
                price = _money(self._price())
                month = name_of_month(self._period)
                self._block(self._price(), f"{_money(self._balance)} does not pay for {month}: {price}.")
        else:
            self._saw(month_before(self._period))  # tried again on the next working day

    def _charge(self, due_on: dt.date) -> None:
        made = [NewCharge(term.service, self._period, due_on, term.price) for term in self._uncharged()]
        for charge in made:
            self._balance -= charge.amount
            self._not_due.append((due_on, charge.amount))
            self._charged.add((charge.service, charge.period))
        self._done.extend(made)
        if made and not self._was.prepaid:
            unchecked = tuple(sorted({*self._marks.unchecked, due_on}))
            self._marks = replace(self._marks, unchecked=unchecked)

    # Blocking

    def _day_of_blocking(self, due_on: dt.date) -> dt.date:
        return self._terms.calendar.next_working(due_on + dt.timedelta(self._rules.blocking_period or 0))

    def come(self) -> list[dt.date]:
        """Return the due days of billings whose day of blocking has come."""
        if self._was.prepaid or self._rules.blocking_period is None:
            return []
        if not self._terms.calendar.is_working(self._day):
            return []
        return [due_on for due_on in self._marks.unchecked if self._day_of_blocking(due_on) <= self._day]

    def check(self) -> None:
        """Block who owes on a day of blocking; on every other day nobody is blocked, whatever is owed."""
        come = self.come()
        left = () if self._was.prepaid else tuple(due for due in self._marks.unchecked if due not in come)
        if self._rules.blocking_period is None:
            left = left[-1:]  # enough to go on with, should the customer be blocked some day after all
        if left != self._marks.unchecked:
            self._marks = replace(self._marks, unchecked=left)
        if come and self._can_be_blocked() and self._owes():
            self._block(-self._overdue(), f"Unpaid since {name_of(come[0])}: {_money(self._overdue())}.")

    # The next look

    def looked(self) -> Looked:
        """Return what came of the look."""
        standing = replace(
            self._was,
            status=self._status,
            balance=self._balance,
            marks=self._marks,
            not_due=tuple(self._not_due),
            charged=frozenset(self._charged),
        )
        return Looked(standing, tuple(self._done), min(self._later()))

    def _later(self) -> Iterator[dt.date]:
        """Yield the days on which something may be due, if nobody changes anything before."""
        working = self._terms.calendar.next_working
        seen = self._marks.billed_to
        first = month_of(self._day) if seen is None else month_after(seen)
        billing = first.replace(day=self._rules.billing_day)
        if seen is not None and billing <= self._day:
            yield working(self._day + ONE)
        yield billing if billing > self._day else month_after(first).replace(day=self._rules.billing_day)
        if not self._was.prepaid and self._rules.blocking_period is not None:
            for due_on in self._marks.unchecked:
                yield working(max(self._day_of_blocking(due_on), self._day + ONE))
        ends = self._grace_ends()
        if ends is not None and ends > self._day:
            yield ends
        if self._was.prepaid and self._stands():
            yield from (
                term.ends + ONE for term in self._was.terms if term.ends and self._day <= term.ends < dt.date.max
            )


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}".replace("-", "\N{MINUS SIGN}")
