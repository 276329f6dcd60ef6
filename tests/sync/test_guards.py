"""Signs of an accident: each is seen where it is, and an honest edit is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sync.cells import Address
from sync.fields import Field, Option
from sync.guards import Limits, guards_of
from sync.merge import Outcome
from sync.plan import DELETED, Item, Plan, RowPlan

FIELDS = {
    key: Field(key, key.title(), "emails" if key == "mail" else "string", identifying=key in {"login", "name", "mail"})
    for key in ("login", "name", "mail", "city")
}
NAMES = [f"name {at}" for at in range(30)]
CITIES = ["Brno", "Praha", "Zlin"] * 10


def plan_of(rows: int = 100, **edits: Sequence[tuple[Any, Any]]) -> Plan:
    """Return a plan of so many rows, of which the first change from one value to another, field by field."""
    plan = Plan("S", rows=rows)
    for at in range(max(len(pairs) for pairs in edits.values())):
        items = tuple(
            Item(Address("S", "C", at + 3), at, key, old, True, old, new, Outcome.WORKBOOK, new)
            for key, pairs in edits.items()
            for old, new in pairs[at : at + 1]
            if old != new
        )
        plan.kept[at + 3] = RowPlan(at + 3, at, items=items)
    return plan


def seen(plan: Plan, limits: Limits = Limits()) -> list[tuple[str, str, int]]:  # noqa: B008 - a constant
    return [(one.kind, one.field, one.count) for one in guards_of(plan, FIELDS, limits)]


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [
        pytest.param(NAMES, NAMES[::-1], 30, id="sorted alone"),
        pytest.param(NAMES, [*NAMES[1:], None], 29, id="moved up"),
        pytest.param(NAMES, ["new", *NAMES[:-1]], 29, id="moved down"),
        pytest.param(NAMES[:3], [*NAMES[1:3], NAMES[0]], 3, id="three in a ring"),
        pytest.param(NAMES, [*NAMES[1:12], NAMES[0], *(f"edited {at}" for at in range(18))], 12, id="among edits"),
        pytest.param(CITIES, sorted(CITIES), 18, id="few values, sorted"),
        pytest.param(CITIES, [*CITIES[1:], "Tabor"], 29, id="few values, moved up"),
    ],
)
def test_values_in_the_places_of_others_are_seen(old: list[Any], new: list[Any], count: int) -> None:
    plan = plan_of(name=list(zip(old, new, strict=True)))
    assert seen(plan) == [("moved", "name", count)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(NAMES[:2], NAMES[1::-1], id="two exchanged"),
        pytest.param(NAMES, [f"new {at}" for at in range(30)], id="all new"),
        pytest.param(NAMES, [*NAMES[1:4], *(f"new {at}" for at in range(27))], id="three of many"),
        pytest.param(["Brno"] * 15, ["Praha"] * 15, id="one city for another"),
        pytest.param(["Brno", "Praha"] * 8, ["Praha", "Zlin"] * 8, id="two moves between few values"),
        pytest.param([None] * 30, NAMES, id="filled in"),
    ],
)
def test_an_honest_edit_is_not_taken_for_a_slip(old: list[Any], new: list[Any]) -> None:
    assert seen(plan_of(name=list(zip(old, new, strict=True)))) == []


def test_edits_among_a_few_options_are_no_slip_and_a_column_of_them_sorted_alone_is() -> None:
    labels = ("a", "b", "c", "d")
    fields = {"tariff": Field("tariff", "Tariff", "select", options=tuple(Option(one, one) for one in labels))}
    old, new = ["a", "b", "c", "d"], ["b", "c", "d", "a"]
    honest, moved = (plan_of(tariff=list(zip(old * times, new * times, strict=True))) for times in (1, 4))
    assert guards_of(honest, fields, Limits()) == []
    assert [(one.kind, one.count) for one in guards_of(moved, fields, Limits(percent=99))] == [("moved", 16)]


def test_a_slip_is_told_with_the_cell_and_where_its_value_was() -> None:
    message = guards_of(plan_of(name=list(zip(NAMES[:3], [*NAMES[1:3], NAMES[0]], strict=True))), FIELDS, Limits())[0]
    assert message.message.startswith("3 cells of Name hold what other rows had when the workbook was exported: S!C3 ")
    assert "has the value that was in S!C4" in message.message


def test_a_conflict_counts_for_a_slip_and_a_cell_of_unknown_base_does_not() -> None:
    plan = Plan("S", rows=3)
    for at, outcome in enumerate([Outcome.WORKBOOK, Outcome.CONFLICT, Outcome.WORKBOOK]):
        item = Item(Address("S", "C", at), at, "name", NAMES[at], True, "-", NAMES[(at + 1) % 3], outcome)
        plan.kept[at] = RowPlan(at, at, items=(item,))
    assert seen(plan) == [("moved", "name", 3)]
    for at, row in plan.kept.items():
        one = row.items[0]
        unknown = Item(one.at, at, "name", None, False, one.base, one.workbook, Outcome.BASE_UNKNOWN)
        plan.kept[at] = RowPlan(at, at, items=(unknown,))
    assert seen(plan) == []


@pytest.mark.parametrize(
    ("mail", "expected"),
    [
        ((("a@x.cz",), ("b@x.cz",)), [("replaced", "", 1)]),
        ((("a@x.cz",), ("a@x.cz", "b@x.cz")), []),
        ((None, ("b@x.cz",)), []),
        ((("a@x.cz",), None), []),
    ],
)
def test_a_row_that_became_somebody_else_is_seen(mail: tuple[Any, Any], expected: list[Any]) -> None:
    assert seen(plan_of(login=[("a", "b")], name=[("Ann", "Bob")], mail=[mail])) == expected


@pytest.mark.parametrize(
    ("count", "rows", "limits", "asked"),
    [
        (21, 100, Limits(), True),
        (20, 100, Limits(), False),
        (9, 9, Limits(), False),
        (10, 10, Limits(), True),
        (3, 100, Limits(percent=2, least=3), True),
    ],
)
@pytest.mark.parametrize(("kind", "new"), [("cleared", None), ("alike", "Praha")])
def test_one_change_of_very_many_rows_is_asked_about(
    count: int, rows: int, limits: Limits, asked: bool, kind: str, new: str | None
) -> None:
    plan = plan_of(rows, city=[(f"city {at}", new) for at in range(count)])
    assert seen(plan, limits) == ([(kind, "city", count)] if asked else [])


def test_filling_what_was_blank_with_one_value_takes_nothing_away() -> None:
    assert seen(plan_of(30, city=[(None, "Praha")] * 30)) == []


def test_what_is_not_written_is_not_counted() -> None:
    plan = plan_of(30, city=[(f"city {at}", None) for at in range(30)])
    for at, row in plan.kept.items():
        items = tuple(
            Item(i.at, i.id, i.field, i.base, True, "other", None, Outcome.CONFLICT, choice="panel") for i in row.items
        )
        plan.kept[at] = RowPlan(at, at, items=items)
    assert seen(plan) == []


def test_very_many_deletions_are_asked_about() -> None:
    plan = Plan("S", rows=40)
    for at in range(10):
        fate = Item(Address("S", "A", at), at, DELETED, False, True, False, True, Outcome.WORKBOOK, True)
        plan.kept[at] = RowPlan(at, at, fate=fate)
    assert seen(plan) == [("deleted", "", 10)]
    plan.rows = 50
    assert seen(plan) == []
