"""The rules of the daily run, for one customer: tables of days."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from panel.billing.days import Calendar, check_country, period_of
from panel.billing.looking import look
from panel.billing.rules import NEVER, merge_rules
from panel.billing.standing import NewCharge, Term
from sync.errors import SyncError
from tests.panel.billing.histories import (
    ACTIVE,
    BLOCKED,
    FREE,
    INACTIVE,
    NEW,
    ONE,
    SETTINGS,
    STATUSES,
    TERMS,
    History,
    day,
    history,
)


def lived(one: History, first: str, last: str, **events: Any) -> list[str]:
    """Let days pass; `on_12_05=...` is what people do on 5 December after the day's run: pay a number, or a status."""
    on = day(first)
    while on <= day(last):
        one.run(on)
        event = events.get(f"on_{(on.year - 2026) * 12 + on.month:02}_{on.day:02}")
        if isinstance(event, dict):
            one.change(**event)
        elif event is not None:
            one.pay(event, on)
        on += ONE
    return one.told


# The original's worked example: billing day 1, due 15, blocking 0, grace 10

WORKED = [
    ("2026-12-01", "12-01 20", ACTIVE, -20),
    ("2026-12-02", "", ACTIVE, -20),
    ("2026-12-15", "", ACTIVE, -20),
    ("2026-12-16", "12-16 Blocked", BLOCKED, -20),
    ("2026-12-17", "", BLOCKED, -20),
    ("2026-12-25", "", BLOCKED, -20),
    ("2026-12-26", "12-26 Inactive", INACTIVE, -20),
    ("2026-12-27", "", INACTIVE, -20),
    ("2027-01-01", "", INACTIVE, -20),
    ("2027-01-16", "", INACTIVE, -20),
    ("paid 2027-01-20", "13-20 Active", ACTIVE, 0),
    ("2027-01-21", "", ACTIVE, 0),
    ("2027-02-01", "14-01 20", ACTIVE, -20),
    ("2027-02-16", "14-16 Blocked", BLOCKED, -20),
    ("paid 2027-02-16", "14-16 Active", ACTIVE, 0),
]


def test_the_worked_example_day_by_day() -> None:
    one = history()
    on, said = day("2026-12-01"), 0
    for when, told, status, balance in WORKED:
        paid, _space, text = when.rpartition(" ")
        while on <= day(text) and not paid:
            one.run(on)
            on += ONE
        if paid:
            one.pay(20, day(text))
        assert (one.told[said:], one.standing.status, one.standing.balance) == ([told] * bool(told), status, balance)
        said = len(one.told)


@pytest.mark.parametrize(
    ("rules", "events", "expected"),
    [
        # No payment, other rules
        ({"billing_day": 28}, {}, "12-28 20, 13-12 Blocked, 13-22 Inactive"),
        ({"payment_due": 0}, {}, "12-01 20, 12-01 Blocked, 12-11 Inactive"),
        ({"blocking_period": 5}, {}, "12-01 20, 12-21 Blocked, 12-31 Inactive"),
        ({"grace_period": 0}, {}, "12-01 20, 12-16 Blocked, 12-16 Inactive"),
        ({"grace_period": None}, {}, "12-01 20, 12-16 Blocked, 13-01 20"),
        ({"blocking_period": None, "grace_period": None}, {}, "12-01 20, 13-01 20"),
        ({"minimum_balance": Decimal(-20)}, {}, "12-01 20, 13-01 20, 13-16 Blocked, 13-26 Inactive"),
        ({"minimum_balance": Decimal(-40)}, {}, "12-01 20, 13-01 20"),
        # A balance above zero is never overdue, however far it is below the minimum
        ({"minimum_balance": Decimal(100)}, {"on_12_02": 20}, "12-01 20, 13-01 20, 13-16 Blocked, 13-26 Inactive"),
        # Payments
        ({}, {"on_12_15": 20}, "12-01 20, 13-01 20, 13-16 Blocked, 13-26 Inactive"),
        ({}, {"on_12_15": "19.99"}, "12-01 20, 12-16 Blocked, 12-26 Inactive"),
        ({}, {"on_12_16": 20}, "12-01 20, 12-16 Blocked, 12-16 Active, 13-01 20, 13-16 Blocked, 13-26 Inactive"),
        (
            {},
            {"on_12_20": 5, "on_12_24": 15},
            "12-01 20, 12-16 Blocked, 12-24 Active, 13-01 20, 13-16 Blocked, 13-26 Inactive",
        ),
        ({}, {"on_12_02": 40}, "12-01 20, 13-01 20"),
        # People have the last word until the next day of blocking
        ({}, {"on_12_16": {"status": ACTIVE}}, "12-01 20, 12-16 Blocked, 13-01 20, 13-16 Blocked, 13-26 Inactive"),
        ({}, {"on_12_05": {"status": BLOCKED}}, "12-01 20, 13-01 20"),
        ({}, {"on_12_05": {"status": BLOCKED}, "on_12_20": 20}, "12-01 20, 13-01 20"),
        ({}, {"on_12_05": {"status": FREE}}, "12-01 20"),
        (
            {},
            {"on_12_05": {"status": NEW}, "on_12_20": {"status": ACTIVE}},
            "12-01 20, 13-01 20, 13-16 Blocked, 13-26 Inactive",
        ),
        ({}, {"on_12_20": {"in_bin": True}}, "12-01 20, 12-16 Blocked"),
        ({}, {"on_12_20": {"in_bin": True}, "on_13_10": {"in_bin": False}}, "12-01 20, 12-16 Blocked, 13-11 Inactive"),
    ],
)
def test_an_unpaid_december(rules: dict[str, Any], events: dict[str, Any], expected: str) -> None:
    assert ", ".join(lived(history(**rules), "12-01", "13-31", **events)) == expected


@pytest.mark.parametrize(
    ("first", "billing_day", "expected"),
    [
        ("12-01", 1, ["12-01 20", "13-01 20"]),
        ("12-02", 1, ["13-01 20"]),
        ("12-20", 28, ["12-28 20", "13-28 20"]),
        ("12-31", 28, ["13-28 20"]),
    ],
)
def test_a_new_account_is_charged_from_its_next_billing_day_on(
    first: str, billing_day: int, expected: list[str]
) -> None:
    one = history(billing_day=billing_day, blocking_period=None)
    assert lived(one, first, "13-31") == expected


@pytest.mark.parametrize(
    ("before", "after", "moved_on", "expected"),
    [
        (15, 1, "12-10", ["11-15 20", "12-11 20", "13-01 20"]),
        (15, 20, "12-10", ["11-15 20", "12-20 20", "13-20 20"]),
        (15, 28, "12-20", ["11-15 20", "12-15 20", "13-28 20"]),
        (1, 28, "12-31", ["11-01 20", "12-01 20", "13-28 20"]),
        (28, 1, "12-28", ["11-28 20", "12-28 20", "13-01 20"]),
    ],
)
def test_a_billing_day_that_is_moved_loses_no_month_and_charges_none_twice(
    before: int, after: int, moved_on: str, expected: list[str]
) -> None:
    one = history(billing_day=before, blocking_period=None)
    one.run_to(day("11-01"), day(moved_on))
    one.rule(billing_day=after)
    one.run_to(day(moved_on) + ONE, day("13-31"))
    assert one.told == expected


@pytest.mark.parametrize(
    ("starts", "ends", "months"),
    [
        ("2026-12-01", "2026-12-01", ["12"]),
        ("2026-12-02", "2026-12-31", []),
        ("2026-11-02", "2027-01-01", ["12", "13"]),
        ("2026-11-01", "2026-12-31", ["11", "12"]),
        ("2026-01-01", None, ["11", "12", "13"]),
    ],
)
def test_a_service_is_charged_where_it_runs_on_the_billing_day(
    starts: str, ends: str | None, months: list[str]
) -> None:
    term = Term(1, Decimal(20), day(starts), day(ends) if ends else None)
    one = history(terms=(term,), blocking_period=None)
    assert lived(one, "11-01", "13-31") == [f"{month}-01 20" for month in months]


def test_what_is_free_makes_no_charge_and_a_price_that_changes_counts_from_the_next_one_on() -> None:
    free, dear = Term(1, Decimal(0), day("01-01")), Term(2, Decimal("9.99"), day("01-01"))
    one = history(terms=(free, dear), blocking_period=None)
    one.run_to(day("11-01"), day("11-30"))
    one.change(terms=(replace(free, price=Decimal(1)), replace(dear, price=Decimal("19.99"))))
    one.run_to(day("12-01"), day("12-31"))
    assert one.told == ["11-01 9.99", "12-01 1", "12-01 19.99"]
    assert one.standing.balance == Decimal("-30.98")


@pytest.mark.parametrize(
    ("calendar", "due", "blocked"),
    [
        (Calendar(), 4, "12-05"),  # a Saturday
        (Calendar(weekends=False), 4, "12-07"),
        (Calendar(weekends=False), 5, "12-07"),
        (Calendar(weekends=False), 6, "12-07"),
        (Calendar(country="CZ"), 23, "12-27"),  # 24, 25 and 26 December are holidays there, 27 is a Sunday
        (Calendar(weekends=False, country="CZ"), 23, "12-28"),
        (Calendar(country="DE"), 36, "13-06"),
        (Calendar(country="DE-BY"), 36, "13-07"),  # Epiphany, in Bavaria alone
        (Calendar(country="de-by"), 36, "13-07"),
        (Calendar(weekends=False, country="CZ"), 30, "12-31"),
        (Calendar(weekends=False, country="CZ"), 31, "13-04"),  # New Year's Day is a Friday
    ],
)
def test_nobody_is_blocked_on_days_that_are_left_out(calendar: Calendar, due: int, blocked: str) -> None:
    one = history(calendar=calendar, payment_due=due, grace_period=None)
    term = replace(one.standing.terms[0], ends=day("12-01"))
    one.change(terms=(term,))
    assert lived(one, "12-01", "13-31") == ["12-01 20", f"{blocked} Blocked"]


def test_a_day_of_blocking_that_people_move_into_the_past_waits_for_a_working_day() -> None:
    one = history(calendar=Calendar(weekends=False), blocking_period=30)
    one.run_to(day("12-01"), day("12-18"))
    one.rule(blocking_period=0)
    one.run_to(day("12-19"), day("12-22"))
    assert one.told == ["12-01 20", "12-21 Blocked"]


@pytest.mark.parametrize("code", ["XX", "DE-QQ", "1", "=1+1", "DE-BY-X", "-"])
def test_a_country_without_known_holidays_is_refused_in_words(code: str) -> None:
    with pytest.raises(SyncError, match="No holidays are known"):
        check_country(code)


@pytest.mark.parametrize(
    ("on", "billing_day", "period"),
    [
        ("2026-12-01", 1, "2026-12-01"),
        ("2026-12-31", 28, "2026-12-01"),
        ("2027-01-01", 28, "2026-12-01"),
        ("2028-02-29", 28, "2028-02-01"),
        ("2028-03-01", 28, "2028-02-01"),
        ("2027-02-28", 28, "2027-02-01"),
        ("2028-02-27", 28, "2028-01-01"),
    ],
)
def test_a_period_begins_with_the_latest_billing_day(on: str, billing_day: int, period: str) -> None:
    assert period_of(day(on), billing_day) == day(period)


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (2027, ["2027-02-01", "2027-02-14", "2027-03-01"]),
        (2028, ["2028-02-01", "2028-02-14", "2028-02-29"]),
        (2100, ["2100-02-01", "2100-02-14", "2100-03-01"]),
    ],
)
def test_periods_are_counted_in_days_over_the_end_of_a_february(year: int, expected: list[str]) -> None:
    one = history(payment_due=13, grace_period=15)
    one.run_to(dt.date(year, 2, 1), dt.date(year, 3, 1))
    assert [on.isoformat() for on, _done in one.done] == expected  # and no charge for March, on the last line's day
    assert one.standing.status == INACTIVE


# Prepaid


@pytest.mark.parametrize(
    ("rules", "events", "expected"),
    [
        ({}, {}, "11-01 Blocked, 11-11 Inactive"),
        ({}, {"on_11_05": 20}, "11-01 Blocked, 11-05 Active, 11-05 20, 12-01 Blocked, 12-11 Inactive"),
        ({}, {"on_11_15": 40}, "11-01 Blocked, 11-11 Inactive, 11-15 Active, 11-15 20, 12-01 20"),
        ({}, {"on_11_05": "19.99"}, "11-01 Blocked, 11-11 Inactive"),
        ({"minimum_balance": Decimal(-20)}, {}, "11-01 20, 12-01 Blocked, 12-11 Inactive"),
        ({"minimum_balance": Decimal(10)}, {"on_11_05": 20}, "11-01 Blocked, 11-11 Inactive"),
        (
            {"minimum_balance": Decimal(10)},
            {"on_11_05": 30},
            "11-01 Blocked, 11-05 Active, 11-05 20, 12-01 Blocked, 12-11 Inactive",
        ),
        ({"blocking_period": None, "grace_period": None}, {}, "11-01 20, 12-01 20"),
        ({"terms": ()}, {}, ""),
        ({"status": FREE}, {}, ""),
        ({"status": BLOCKED}, {}, ""),
        ({"status": BLOCKED}, {"on_11_05": 20}, "12-01 20"),
        ({}, {"on_11_05": {"status": ACTIVE}}, "11-01 Blocked, 12-01 Blocked, 12-11 Inactive"),
        # 1 November 2026 is a Sunday
        ({"calendar": Calendar(weekends=False)}, {}, "11-02 Blocked, 11-12 Inactive"),
        ({"calendar": Calendar(weekends=False)}, {"on_11_01": 20}, "11-02 20, 12-01 Blocked, 12-11 Inactive"),
        # 28 November is a Saturday: the working day after it is the 30th
        ({"calendar": Calendar(weekends=False), "billing_day": 28}, {}, "11-30 Blocked, 12-10 Inactive"),
    ],
)
def test_a_prepaid_customer(rules: dict[str, Any], events: dict[str, Any], expected: str) -> None:
    assert ", ".join(lived(history(prepaid=True, **rules), "11-01", "12-20", **events)) == expected


def test_a_prepaid_period_is_still_tried_when_the_working_day_is_in_the_next_month() -> None:
    one = history(prepaid=True, calendar=Calendar(weekends=False), billing_day=28)
    one.run_to(dt.date(2026, 2, 1), dt.date(2026, 3, 1))
    one.pay(20, dt.date(2026, 3, 1))
    one.run_to(dt.date(2026, 3, 2), dt.date(2026, 3, 2))
    charged = [(on, done.period) for on, done in one.done if isinstance(done, NewCharge)]
    assert charged == [(dt.date(2026, 3, 2), dt.date(2026, 2, 1))]
    assert len(one.done) == 1


def test_a_prepaid_customer_whose_services_ended_comes_back_the_day_after() -> None:
    one = history(prepaid=True, terms=(Term(1, Decimal(20), day("01-01"), day("11-05")),))
    assert lived(one, "11-01", "12-31") == ["11-01 Blocked", "11-06 Active"]


# Statuses that are set up otherwise


def test_nobody_is_moved_to_a_status_that_is_not_chosen() -> None:
    one = history()
    one.terms = replace(one.terms, inactive=None)
    assert lived(one, "12-01", "12-31") == ["12-01 20", "12-16 Blocked"]
    other = history()
    other.terms = replace(other.terms, blocked=None)
    assert lived(other, "12-01", "12-31") == ["12-01 20"]


def test_who_was_moved_goes_back_to_what_the_status_has_become() -> None:
    one = history()
    one.run_to(day("12-01"), day("12-20"))
    one.terms = replace(one.terms, statuses={**STATUSES, ACTIVE: replace(STATUSES[ACTIVE], merged_into=FREE)})
    one.pay(20, day("12-20"))
    assert one.standing.status == FREE


def test_a_second_look_on_a_day_does_nothing_more() -> None:
    one = history()
    for on in range(1, 32):
        one.run(day(f"12-{on}"))
        again = look(one.standing, day(f"12-{on}"), one.terms)
        assert (again.done, again.standing, again.look_on) == ((), one.standing, one.look_on)


@pytest.mark.parametrize(
    ("own", "rules"),
    [
        ((None,) * 5, (1, 15, 0, 10, 0)),
        ((28, 3, 4, 5, Decimal("-7.50")), (28, 3, 4, 5, Decimal("-7.50"))),
        ((None, None, NEVER, None, None), (1, 15, None, None, 0)),
        ((None, None, None, NEVER, None), (1, 15, 0, None, 0)),
        ((None, 0, 0, 0, Decimal(0)), (1, 0, 0, 0, 0)),
    ],
)
def test_a_customers_own_rules_come_first(own: Any, rules: tuple[object, ...]) -> None:
    found = merge_rules(own, SETTINGS)
    assert tuple(getattr(found, name) for name in found.__slots__) == rules


def test_own_rules_end_what_the_settings_never_do() -> None:
    assert merge_rules((None, None, 2, None, None), (1, 15, None, 10, Decimal(0))).grace_period == 10
    assert TERMS.final(ACTIVE) == ACTIVE
