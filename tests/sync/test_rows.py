"""One row against its record: the merge of cells, as tables and laws, without a database."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.cells import LONG_TEXT_PLACEHOLDER, Broken, Formula, RawCell
from sync.columns import Column
from sync.fields import Field, Option
from sync.merge import Outcome
from sync.plan import Plan, RowPlan
from sync.records import Record
from sync.rows import Choices, Known, RowPlanner, SheetRow

NAME = Field("full_name", "Full name", "string", required=True)
CITY = Field("city", "City", "string")
ZIP = Field("zip_code", "ZIP code", "string")
FEE = Field("fee", "Fee", "money", scale=2)
PAYS = Field("pays", "Pays", "boolean", additional=True)
TARIFF = Field("tariff", "Tariff", "select", (Option("b", "Basic"), Option("p", "Pro")), additional=True)
FIELDS = (NAME, CITY, ZIP, FEE, PAYS, TARIFF)
VALUES = {"full_name": "Ann", "city": "Brno", "zip_code": "00420", "fee": Decimal("9.50"), "pays": True, "tariff": "b"}
CELLS: dict[str, RawCell] = {
    "full_name": "Ann",
    "city": "Brno",
    "zip_code": "00420",
    "fee": 9.5,
    "pays": "Yes",
    "tariff": "Basic",
}


def columns(*fields: Field) -> list[Column]:
    return [Column(at, field, field) for at, field in enumerate(fields)]


def row(**cells: RawCell) -> SheetRow:
    return SheetRow("Customers", 14, [{**CELLS, **cells}[field.key] for field in FIELDS])


def existing(planner: RowPlanner, sheet_row: SheetRow, known: Known) -> RowPlan | None:
    (decided,) = planner.existing([sheet_row], [known])
    return decided


def plan(sheet_row: SheetRow, panel: dict[str, Any] | None = None, **choices: Any) -> RowPlan | None:
    planner = RowPlanner(columns(*FIELDS), [NAME], Choices(**choices))
    return existing(planner, sheet_row, Known(Record(7, 3, "ab", {**VALUES, **(panel or {})}), VALUES))


def verdicts(row_plan: RowPlan | None) -> list[tuple[str, str, Any]]:
    return [(item.field, str(item.outcome), item.value) for item in row_plan.items] if row_plan else []


def test_an_untouched_row_plans_nothing() -> None:
    assert plan(row()) is None


@pytest.mark.parametrize(
    "cells",
    [
        {"fee": 9.500000000000002},
        {"fee": "9.5"},
        {"pays": True},
        {"pays": 1},
        {"pays": Formula(True)},
        {"city": "Brno"},
        {"tariff": "basic "},
        {"city": LONG_TEXT_PLACEHOLDER},
    ],
)
def test_what_programs_make_of_a_value_is_no_edit(cells: dict[str, RawCell]) -> None:
    assert plan(row(**cells)) is None


@pytest.mark.parametrize(
    ("cells", "panel", "expected"),
    [
        ({"city": "Zlin"}, {}, [("city", "workbook", "Zlin")]),
        ({}, {"city": "Praha"}, []),
        ({"city": "Praha"}, {"city": "Praha"}, []),
        ({"city": "Zlin"}, {"city": "Praha"}, [("city", "conflict", "Zlin")]),
        ({"city": None}, {}, [("city", "workbook", None)]),
        ({"city": None}, {"city": None}, []),
        ({"city": None}, {"city": "Praha"}, [("city", "conflict", None)]),
        ({"fee": 12}, {}, [("fee", "workbook", Decimal(12))]),
        ({"tariff": "Pro"}, {}, [("tariff", "workbook", "p")]),
        ({"pays": "no"}, {}, [("pays", "workbook", False)]),
        (
            {"city": "Zlin", "fee": Decimal(1)},
            {"fee": Decimal(2)},
            [("city", "workbook", "Zlin"), ("fee", "conflict", Decimal(1))],
        ),
    ],
)
def test_each_cell_is_merged_by_itself(
    cells: dict[str, RawCell], panel: dict[str, Any], expected: list[tuple[str, str, Any]]
) -> None:
    assert verdicts(plan(row(**cells), panel)) == expected


@pytest.mark.parametrize(("prefer", "written"), [("", 0), ("panel", 0), ("workbook", 1)])
def test_a_conflict_is_written_only_where_the_workbook_is_preferred(prefer: str, written: int) -> None:
    decided = plan(row(city="Zlin"), {"city": "Praha"}, prefer=prefer)
    assert decided is not None
    assert len(decided.writes) == written
    assert decided.items[0].is_open == (prefer == "")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"full_name": None}, "Full name"),
        ({"fee": "a lot"}, "'a lot'"),
        ({"tariff": "Gold"}, "'Gold'"),
        ({"city": Broken("#N/A")}, "#N/A"),
        ({"city": Broken("")}, "formula"),
    ],
)
def test_a_bad_cell_is_a_problem_with_its_address(cells: dict[str, RawCell], message: str) -> None:
    refused = plan(row(**cells))
    assert refused is not None
    (problem,) = refused.problems
    column = "ABCDEF"[[field.key for field in FIELDS].index(str(problem.field))]
    assert str(problem.at) == f"Customers!{column}14"
    assert message in problem.message
    assert problem.id == 7


def test_a_field_that_the_export_did_not_show_has_no_base_and_a_blank_is_no_opinion() -> None:
    shown = [replace(column, shown=None) if column.field is CITY else column for column in columns(*FIELDS)]
    planner = RowPlanner(shown, [NAME], Choices())
    known = Known(Record(7, 3, "ab", VALUES), VALUES)
    assert existing(planner, row(city=None), known) is None
    assert existing(planner, row(city="Brno"), known) is None
    assert verdicts(existing(planner, row(city="Zlin"), known)) == [("city", "base-unknown", "Zlin")]


def test_cells_are_read_under_the_fields_of_their_export() -> None:
    today = replace(TARIFF, options=(Option("b", "Starter"), Option("p", "Basic")))
    planner = RowPlanner([Column(0, today, TARIFF)], [], Choices())
    known = Known(Record(7, 3, "ab", {"tariff": "p"}), {"tariff": "p"})
    assert existing(planner, SheetRow("S", 3, ["Pro"]), known) is None
    assert verdicts(existing(planner, SheetRow("S", 3, ["Basic"]), known)) == [("tariff", "workbook", "b")]


def test_a_field_whose_type_changed_takes_a_value_of_the_old_type() -> None:
    planner = RowPlanner([Column(0, replace(FEE, type="string"), FEE)], [], Choices())
    known = Known(Record(7, 3, "ab", {"fee": "9.5"}), {"fee": Decimal("9.50")})
    assert existing(planner, SheetRow("S", 3, [9.5]), known) is None
    decided = existing(planner, SheetRow("S", 3, [12.5]), known)
    assert verdicts(decided)[0][:2] == ("fee", "workbook")


texts = st.sampled_from(["Brno", "Zlin", "", None, "00420", "x"])
edits = st.dictionaries(st.sampled_from(["city", "zip_code"]), texts)


@given(edits, edits, st.randoms(use_true_random=False))
def test_the_order_of_columns_never_changes_a_plan(
    cells: dict[str, Any], panel: dict[str, Any], chance: random.Random
) -> None:
    straight = plan(row(**cells), panel)
    order = list(FIELDS)
    chance.shuffle(order)
    planner = RowPlanner(columns(*order), [NAME], Choices())
    shuffled = SheetRow("Customers", 14, [{**CELLS, **cells}[field.key] for field in order])
    moved = existing(planner, shuffled, Known(Record(7, 3, "ab", {**VALUES, **panel}), VALUES))
    assert sorted(verdicts(straight), key=str) == sorted(verdicts(moved), key=str)


several = st.lists(
    st.tuples(edits | st.just({"fee": True}), edits, st.sampled_from([VALUES, None, {**VALUES, "fee": Decimal(1)}]))
)


@given(several)
def test_rows_are_decided_together_as_each_of_them_alone(table: list[tuple[dict[str, Any], ...]]) -> None:
    planner = RowPlanner(columns(*FIELDS), [NAME], Choices())
    rows = [row(**cells) for cells, _panel, _base in table]
    known = [Known(Record(7, 3, "ab", {**VALUES, **panel}), base) for _cells, panel, base in table]
    assert planner.existing(rows, known) == [existing(planner, *pair) for pair in zip(rows, known, strict=True)]


def test_a_truth_value_is_no_number_even_where_every_row_has_it() -> None:
    planner, fee = RowPlanner(columns(*FIELDS), [NAME], Choices()), {**VALUES, "fee": Decimal(1)}
    plans = planner.existing([row(fee=True), row(fee=True)], [Known(Record(7, 3, "ab", fee), fee)] * 2)
    assert [len(one.problems) for one in plans if one] == [1, 1]


@given(edits, edits)
def test_applying_twice_equals_applying_once(cells: dict[str, Any], panel: dict[str, Any]) -> None:
    first = plan(row(**cells), panel, prefer="workbook")
    after = {**VALUES, **panel, **{item.field: item.value for item in (first.writes if first else ())}}
    again = plan(row(**cells), after, prefer="workbook")
    assert again is None or not again.writes


@given(edits)
def test_a_row_that_nobody_edited_undoes_nobodys_edit(panel: dict[str, Any]) -> None:
    assert plan(row(), panel) is None


def new(**cells: RawCell) -> RowPlan:
    return RowPlanner(columns(*FIELDS), [NAME], Choices()).new(
        SheetRow("Customers", 14, [cells.get(field.key) for field in FIELDS])
    )


def test_a_new_row_holds_its_values_and_where_they_came_from() -> None:
    created = new(full_name="Eva", fee="3").creates
    assert created is not None
    assert created.values == {"full_name": "Eva", "fee": Decimal(3)}
    assert {key: str(at) for key, at in created.cells.items()} == {"full_name": "Customers!A14", "fee": "Customers!D14"}


def test_equal_rows_have_equal_contents_however_a_program_wrote_them() -> None:
    one, other = new(full_name="Eva", fee=3.0).creates, new(full_name="Eva", fee="3.00").creates
    assert one is not None
    assert other is not None
    assert one.contents[0] == other.contents[0]


def test_a_new_row_without_a_required_value_is_a_problem() -> None:
    (problem,) = new(city="Brno").problems
    assert (str(problem.at), problem.field) == ("Customers!A14", "full_name")


def test_every_row_has_exactly_one_disposition() -> None:
    whole = Plan("Customers")
    for number, row_plan in enumerate(
        [None, plan(row(city="Zlin")), plan(row(city=None)), plan(row(fee="x")), new(full_name="Eva")], 3
    ):
        whole.add(replace(row_plan, row=number) if row_plan else None)
    counts = whole.counts()
    assert counts.rows == counts.unchanged + counts.created + counts.updated + counts.deleted + counts.refused == 5
    assert (counts.unchanged, counts.updated, counts.created, counts.refused) == (1, 2, 1, 1)
    assert (counts.cells_updated, counts.cleared) == (2, 1)


def test_the_fingerprint_tells_what_would_be_written_and_over_what() -> None:
    def fingerprint(**panel: Any) -> str:
        whole = Plan("Customers")
        whole.add(plan(row(city="Zlin"), panel, prefer="workbook"))
        return whole.fingerprint({field.key: field.type for field in FIELDS})

    assert fingerprint() == fingerprint() == fingerprint(fee=Decimal(1))
    assert fingerprint(city="Praha") != fingerprint()
    assert Outcome.CONFLICT == "conflict"
