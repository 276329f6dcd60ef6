"""Accounts that are passed over in bulk: each ends as if it had been looked at."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from panel.billing import passing, run
from panel.billing.looking import EVERYTHING, look
from panel.billing.reading import read_found, unchecked_days
from panel.billing.rules import Terms
from panel.billing.run import run_until
from panel.billing.standing import Marks
from panel.models import Account, Customer
from panel.models.columns import now
from tests.panel.billing import histories
from tests.panel.billing.books import BLOCKED, NEW, assert_balances_are_sums, configure, pay, subscriber


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.mark.usefixtures("context")
def test_what_is_passed_over_in_bulk_ends_as_a_look_would_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[dict[str, Any]] = [
        *({"status_id": NEW, "billing_day": billing_day} for billing_day in (None, 10, 28)),
        {"status_id": NEW, "billing_type": "prepaid"},
        {"status_id": BLOCKED},
        {"deleted_at": now()},
        {"billing_type": "prepaid"},
        {"minimum_balance": Decimal(30)},
        {"minimum_balance": Decimal(-30)},
        {"blocking_period": -1},
        {"blocking_period": 3, "grace_period": 2},
        {},
    ]
    ids = [subscriber(**values) for values in kinds for _alike in range(4)]
    passed: list[int] = []

    def compared(connection: Connection, first: int, last: int, on: dt.date, terms: Terms) -> int:
        everybody = read_found(connection, [Customer.id.in_(ids)], on, terms, EVERYTHING)
        looks = {one.standing.customer: look(one.standing, on, terms) for one in everybody}
        before = _accounts(connection)
        count = passing.pass_over(connection, first, last, on, terms)
        changed = {one: now for one, now in _accounts(connection).items() if now != before[one]}
        expected = {one: (looks[one].done, looks[one].standing.marks, looks[one].look_on) for one in changed}
        assert {one: ((), *then) for one, then in changed.items()} == expected
        passed.extend(changed)
        return count

    monkeypatch.setattr(passing, "FEWEST", 2)
    monkeypatch.setattr(run, "pass_over", compared)
    monkeypatch.setattr(run, "MANY", 0)
    configure(blocks_on_weekends=False)
    for on in ("11-30", "12-01", "12-02", "12-10", "12-16", "12-19", "12-20", "13-01", "13-18", "14-16"):
        run_until(histories.day(on))
        for turn, one in enumerate(ids):
            if on in {"12-10", "13-01"} and turn % 4:
                pay(one, 20 * (turn % 4), "2026-12-01")
    assert len(passed) > 4 * len(ids)
    assert {kinds[ids.index(one) // 4].get("minimum_balance") for one in passed} == {None, 30, -30}
    assert_balances_are_sums()


def _accounts(connection: Connection) -> dict[int, tuple[Marks, dt.date]]:
    table = Account.__table__.c
    marks = (table.billed_to, table.unchecked, table.moved_to, table.moved_from, table.moved_on, table.blocked_on)
    return {
        row[0]: (Marks(row[2], unchecked_days(row[3]), *row[4:]), row[1])
        for row in connection.execute(select(table.customer_id, table.look_on, *marks))
    }
