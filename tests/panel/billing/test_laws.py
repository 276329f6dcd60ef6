"""Laws of billing over random histories, against the naive model: in memory, and on real databases."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from panel.billing import passing, run
from panel.billing.days import Calendar
from panel.billing.foreseeing import foresee
from panel.billing.rules import NEVER, RULES, merge_rules
from panel.billing.run import run_until
from panel.billing.standing import CHARGE, Move, NewCharge, Term
from panel.billing.steps import COUNTED
from panel.database import writing
from panel.extensions import db
from panel.lifecycle import PLANNED
from panel.models import Charge, LifecycleDay, PlannedStatus, Service
from panel.models.columns import now
from tests.builders import edit
from tests.panel.billing.books import account, assert_balances_are_sums, configure, pay, service, status_of, subscriber
from tests.panel.billing.histories import ONE, SETTINGS, History, history
from tests.panel.billing.naive import ACTIVE, BLOCKED, INACTIVE, NEW, Plain

FIRST = dt.date(2027, 1, 1)
Event = tuple[str, Any]

amounts = st.sampled_from(["20", "19.99", "0.01", "40", "7.5", "-20", "100"]).map(Decimal)
rules = st.one_of(
    st.tuples(st.just("billing_day"), st.sampled_from([1, 2, 10, 15, 27, 28])),
    st.tuples(st.just("payment_due"), st.sampled_from([0, 1, 15, 28, 45])),
    st.tuples(st.just("blocking"), st.sampled_from([0, 0, 1, 20, None])),
    st.tuples(st.just("grace"), st.sampled_from([0, 1, 10, 40, None])),
    st.tuples(st.just("minimum"), st.sampled_from([Decimal(0), Decimal(-20), Decimal(30)])),
    st.tuples(st.just("weekends"), st.booleans()),
)
events: st.SearchStrategy[Event] = st.one_of(
    st.tuples(st.just("pay"), amounts),
    st.tuples(st.just("pay"), amounts),
    st.tuples(st.just("status"), st.sampled_from([NEW, ACTIVE, ACTIVE, BLOCKED, INACTIVE])),
    st.tuples(st.just("service"), st.tuples(st.sampled_from([0, 5, 20]), st.integers(-5, 40), st.integers(0, 60))),
    st.tuples(st.just("end"), st.integers(0, 20)),
    st.tuples(st.just("price"), st.sampled_from([0, 10, 25])),
    st.tuples(st.just("prepaid"), st.booleans()),
    st.tuples(st.just("in_bin"), st.booleans()),
    rules,
)
lives = st.lists(st.tuples(st.integers(1, 33), events), max_size=12)
plans = st.tuples(st.just("plan"), st.tuples(st.integers(1, 30), st.sampled_from([NEW, ACTIVE, BLOCKED, INACTIVE])))
planned_lives = st.lists(st.tuples(st.integers(1, 33), st.one_of(events, events, events, plans)), max_size=12)
NAMES = {"blocking": "blocking_period", "grace": "grace_period", "minimum": "minimum_balance"}


def live_plainly(plain: Plain, event: Event, on: dt.date) -> None:
    kind, value = event
    if kind == "pay":
        plain.pay(value, on)
    elif kind == "status":
        plain.by_hand(value)
    elif kind == "service":
        price, starts, length = value
        plain.services[len(plain.services) + 1] = [Decimal(price), on + starts * ONE, on + (starts + length) * ONE]
    elif kind == "end":
        plain.services[1][2] = on + value * ONE
    elif kind == "plan":
        plain.planned.append((on + value[0] * ONE, value[1]))
    elif kind == "price":
        plain.services[1][0] = Decimal(value)
    else:
        setattr(plain, kind, value)


def live(one: History, own: dict[str, Any], event: Event, on: dt.date) -> None:
    kind, value = event
    first, *others = one.standing.terms
    if kind == "pay":
        one.pay(value, on)
    elif kind == "service":
        price, starts, length = value
        term = Term(len(others) + 2, Decimal(price), on + starts * ONE, on + (starts + length) * ONE)
        one.change(terms=(first, *others, term))
    elif kind in {"end", "price"}:
        term = replace(first, ends=on + value * ONE) if kind == "end" else replace(first, price=Decimal(value))
        one.change(terms=(term, *others))
    elif kind == "weekends":
        one.terms = replace(one.terms, calendar=Calendar(weekends=value))
        one.look_on = dt.date.min
    elif kind in {"status", "prepaid", "in_bin"}:
        one.change(**{kind: value})
    else:
        own[NAMES.get(kind, kind)] = NEVER if value is None else value
        one.change(rules=merge_rules(tuple(own[name] for name in RULES), SETTINGS))


@settings(max_examples=400)
@given(lives)
def test_looking_only_when_something_is_due_is_as_looking_every_day(life: list[tuple[int, Event]]) -> None:
    plain, one = Plain(services={1: [Decimal(20), dt.date(2020, 1, 1), None]}), history()
    own, on = dict.fromkeys(RULES), FIRST
    for gap, event in [*life, (62, ("pay", Decimal(0)))]:
        for _day in range(gap):
            plain.pass_day(on)
            one.run(on)
            on += ONE
        live_plainly(plain, event, on - ONE)
        live(one, own, event, on - ONE)
    charges = [
        (done.service, done.period, day, done.due_on, done.amount)
        for day, done in one.done
        if isinstance(done, NewCharge)
    ]
    moves = [(day, done.new) for day, done in one.done if isinstance(done, Move)]
    assert (charges, moves) == (plain.charges, plain.moves)
    assert (one.standing.balance, one.standing.status) == (plain.balance, plain.status)
    assert not [count for count in Counter((charge[0], charge[1]) for charge in charges).values() if count > 1]


def live_really(customer_id: int, services: list[int], event: Event, on: dt.date) -> None:
    kind, value = event
    if kind == "pay":
        pay(customer_id, value, on.isoformat())
    elif kind == "service":
        price, starts, length = value
        first, last = on + starts * ONE, on + (starts + length) * ONE
        services.append(service(customer_id, price, first.isoformat(), last.isoformat()))
    elif kind in {"end", "price"}:
        with writing():
            stored = db.session.get_one(Service, services[0])
            if kind == "end":
                stored.ends = on + value * ONE
            else:
                stored.price = Decimal(value)
    elif kind == "weekends":
        configure(blocks_on_weekends=value)
    elif kind == "plan":
        with writing():
            day = on + value[0] * ONE
            db.session.add(PlannedStatus(customer_id=customer_id, status_id=value[1], day=day, by="Eva"))
    else:
        column, stored_value = COLUMNS.get(kind, lambda value: (kind, value))(value)
        edit(customer_id, **{column: stored_value})


COLUMNS: dict[str, Callable[[Any], tuple[str, Any]]] = {
    "status": lambda value: ("status_id", value),
    "prepaid": lambda value: ("billing_type", "prepaid" if value else "recurring"),
    "in_bin": lambda value: ("deleted_at", now() if value else None),
    "blocking": lambda value: ("blocking_period", NEVER if value is None else value),
    "grace": lambda value: ("grace_period", NEVER if value is None else value),
    "minimum": lambda value: ("minimum_balance", value),
}
splits = st.lists(st.sampled_from(["day", "lump", "kill", "again", "earlier"]), min_size=1, max_size=8)


def run_somehow(first: dt.date, last: dt.date, how: list[str], patch: pytest.MonkeyPatch) -> None:
    """Run some days one by one, in one go, killed in between, twice, or with an earlier day after a later one."""
    on = first
    while on <= last:
        step = how[on.toordinal() % len(how)]
        until = on if step == "day" else last
        if step == "kill":
            _run_and_kill(until, patch)
        run_until(until)
        if step == "again":
            run_until(until)
        if step == "earlier":
            run_until(first - 3 * ONE)
        on = until + ONE


def _run_and_kill(until: dt.date, patch: pytest.MonkeyPatch) -> None:
    with patch.context() as patched, suppress(KeyboardInterrupt):
        write = run.write

        def killed(*arguments: Any) -> None:
            write(*arguments)
            raise KeyboardInterrupt

        patched.setattr(run, "write", killed)
        run_until(until)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(planned_lives.filter(lambda life: len(life) > 2), min_size=2, max_size=2), splits, st.booleans())
def test_any_split_of_the_days_ends_as_the_naive_model_says(
    app: Flask, lived: list[list[tuple[int, Event]]], how: list[str], in_bulk: bool
) -> None:
    with app.app_context(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "BATCH", 1)
        patch.setattr(run, "MANY", 0 if in_bulk else 1_000)
        patch.setattr(passing, "FEWEST", 1)
        configure(blocks_on_weekends=True)
        last = db.session.scalar(select(func.max(LifecycleDay.day))) or FIRST - ONE
        run_until(last)
        first = last + ONE
        ids = [subscriber() for _life in lived]
        plains = [Plain(services={1: [Decimal(20), dt.date(2020, 1, 1), None]}) for _life in lived]
        services = [list(db.session.scalars(select(Service.id).where(Service.customer_id == one))) for one in ids]
        due = [(day, at, event) for at, life in enumerate(lived) for day, event in _dated(first, life)]
        due.sort(key=lambda one: one[:2])
        on = first
        for day, at, event in [*due, (due[-1][0] + 40 * ONE, 0, ("pay", Decimal(0)))]:
            _run_all(on, day, how, plains, patch)
            assert [status_of(one) for one in ids] == [plain.status for plain in plains]
            on = day + ONE if on <= day else on
            for who in range(len(ids)) if event[0] == "weekends" else (at,):
                live_plainly(plains[who], event, day)
            live_really(ids[at], services[at], event, day)
        for one, plain, numbers in zip(ids, plains, services, strict=True):
            assert _charges(one, numbers) == plain.charges
            assert (status_of(one), account(one).balance) == (plain.status, plain.balance)
        assert_balances_are_sums()


def _dated(first: dt.date, life: list[tuple[int, Event]]) -> list[tuple[dt.date, Event]]:
    days = []
    for gap, event in life:
        first += gap * ONE
        days.append((first, event))
    return days


def _run_all(on: dt.date, last: dt.date, how: list[str], plains: list[Plain], patch: pytest.MonkeyPatch) -> None:
    if on > last:
        return
    foreseen: list[Any] = []
    foresee(last, foreseen.append)
    run_somehow(on, last, how, patch)
    assert _counted(on, last) == Counter((step.day, NAMED[step.kind]) for step in foreseen if step.changed)
    while on <= last:
        for plain in plains:
            plain.pass_day(on)
        on += ONE


NAMED = {PLANNED: "planned", CHARGE: "charges", **COUNTED}


def _counted(first: dt.date, last: dt.date) -> Counter[tuple[str, str]]:
    """Return what the days say was done in them."""
    days = db.session.scalars(select(LifecycleDay).where(LifecycleDay.day.between(first, last)))
    return Counter({(one.day.isoformat(), name): one.counts.get(name, 0) for one in days for name in NAMED.values()})


def _charges(customer_id: int, numbers: list[int]) -> list[tuple[int, dt.date, dt.date, dt.date, Decimal]]:
    columns = (Charge.service_id, Charge.period, Charge.day, Charge.due_on, Charge.amount)
    rows = db.session.execute(select(*columns).where(Charge.customer_id == customer_id).order_by(Charge.id))
    return [(numbers.index(row[0]) + 1, *row[1:]) for row in rows]
