"""What a hostile reviewer would try on the round trip, and no table of rules shows by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from panel.authors import Author
from panel.database import writing
from panel.erasing import erase
from panel.extensions import db
from panel.models import AdditionalField, Customer, Partner, Status, User
from panel.models.columns import now
from tests.builders import edit
from tests.panel.out import ANN, BOB, EVA, Out, one, outcomes, three_customers

LOOSE = 30
"""A row without a reference, below the blank ones."""
INACTIVE = 4


@pytest.fixture
def out(app: Flask, runner: FlaskCliRunner, tmp_path: Path) -> Iterator[Out]:
    with app.app_context():
        three_customers()
        edit(1, geo="50.1, 14.4")
        yield Out(runner, tmp_path / "out.xlsx")


def set_field(key: str, **values: Any) -> None:
    """Configure an additional field while the workbook is out."""
    with writing():
        field = db.session.scalars(select(AdditionalField).where(AdditionalField.key == key)).one()
        for name, value in values.items():
            setattr(field, name, value)


# What the column of actions says of rows that are nobody, or were nobody


@pytest.mark.parametrize("row", [6, LOOSE], ids=["prepared", "loose"])
@pytest.mark.parametrize(("action", "said"), [("delete", "there is nobody to delete"), ("drop", "'drop' is no action")])
def test_a_new_row_with_an_action_creates_nobody(out: Out, row: int, action: str, said: str) -> None:
    out.put(row, full_name="New", action=action)
    plan = out.back("--skip-problems")
    assert (plan["created"], [said in one["message"] for one in plan["problems"]]) == (0, [True])
    assert len(db.session.scalars(select(Customer)).all()) == 3


@pytest.mark.parametrize("row", [6, LOOSE], ids=["prepared", "loose"])
def test_a_row_that_became_a_customer_is_deleted_by_its_action(out: Out, row: int) -> None:
    inactive = {"status": "Inactive"}
    out.put(row, full_name="New", **inactive)
    assert out.back()["created"] == 1
    out.put(row, action="delete")
    assert out.back()["deleted"] == 1
    assert one(4).deleted_at is not None


def test_what_both_sides_deleted_is_no_question(out: Out) -> None:
    edit(1, status_id=INACTIVE)
    edit(1, deleted_at=now())
    out.put(ANN, action="delete")
    plan = out.back()
    assert (plan["exit"], plan["conflicts"], plan["deleted"]) == (0, [], 0)


# Definitions that changed while the workbook was out


def test_statuses_that_exchanged_their_names_are_what_the_export_called_them(out: Out) -> None:
    with writing():
        first, second = db.session.scalars(select(Status).where(Status.label.in_(["New", "Active"]))).all()
        names = first.label, second.label
        for status, label in ((first, "between"), (second, names[0]), (first, names[1])):
            status.label = label
            db.session.flush()
    out.put(BOB, status="Active")
    (change,) = out.back()["changes"]
    assert (change["id"], change["panel"], change["workbook"]) == (2, "Active", "New")
    assert (one(1).status_id, one(2).status_id) == (1, 2)


def test_an_option_that_went_away_blocks_nothing_while_untouched(out: Out) -> None:
    set_field("tariff", options=[["pro", "Pro"]])
    out.put(BOB, tariff="Pro")
    out.put(EVA, city="Zlin")
    plan = out.back()
    assert (plan["problems"], outcomes(plan)) == (
        [],
        [(2, "tariff", "workbook", "Pro"), (3, "city", "workbook", "Zlin")],
    )


@pytest.mark.parametrize(
    ("change", "ignored", "said"),
    [
        ({"read_only": True}, [(1, "serial", "ignored", "new")], ""),
        ({"disabled": True}, [], 'The field "Serial" is kept out of workbooks.'),
        ({"hidden": True}, [], 'The field "Serial" is kept out of workbooks.'),
    ],
)
def test_a_field_that_is_no_longer_written_is_left_and_said(
    out: Out, change: dict[str, bool], ignored: list[Any], said: str
) -> None:
    set_field("serial", **change)
    out.put(ANN, serial="new", city="Zlin")
    done = out.back()
    assert (outcomes(done), outcomes(done, "ignored")) == ([(1, "city", "workbook", "Zlin")], ignored)
    assert said in " ".join(done["notes"])
    assert one(1).extra["serial"] == "12E5"


def test_a_field_that_may_be_there_once_only_now_blocks_nothing_while_untouched(out: Out) -> None:
    set_field("serial", is_unique=True)
    out.put(ANN, city="Zlin")
    assert out.back()["cells_updated"] == 1


def test_a_merged_set_keeps_the_rules_of_today(out: Out) -> None:
    set_field("tags", max=2)
    edit(1, extra={"tags": ["a", "b"]})
    out.put(ANN, tags="A, C")
    out.put(BOB, tags="A, C")
    plan = out.plan("--skip-problems")
    assert [(one["id"], "at most 2" in one["message"]) for one in plan["problems"]] == [(1, True)]
    assert outcomes(plan) == [(2, "tags", "workbook", ["A", "C"])]


# One value, although it has parts


def test_latitude_and_longitude_are_one_value(out: Out) -> None:
    edit(1, geo="50.2, 14.4")
    out.put(ANN, geo="50.1, 14.5")
    assert [(item["field"], item["outcome"]) for item in out.plan()["conflicts"]] == [("geo", "conflict")]
    edit(1, geo="50.1, 14.4")
    assert out.back()["cells_updated"] == 1
    assert one(1).geo.replace(" ", "") == "50.1,14.5"


def test_the_address_that_the_workbook_put_first_is_first_and_the_colleagues_stays(
    out: Out, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    edit(1, emails=["a@x.cz", "b@x.cz"])
    mine = Out(runner, tmp_path / "mine.xlsx")
    edit(1, emails=["a@x.cz", "b@x.cz", "c@x.cz"])
    mine.put(ANN, emails="b@x.cz, a@x.cz")
    assert mine.back()["changes"][0]["outcome"] == "merged"
    assert one(1).emails == ["b@x.cz", "a@x.cz", "c@x.cz"]


def test_a_required_value_that_only_the_workbook_cleared_is_a_problem_whatever_is_preferred(out: Out) -> None:
    edit(1, full_name="Anna")
    out.put(ANN, full_name=None)
    for prefer in ("panel", "workbook"):
        (problem,) = out.back("--prefer", prefer)["problems"]
        assert (problem["id"], problem["field"]) == (1, "full_name")


# Rows that went where nobody expects them


def order(out: Out, *places: int) -> None:
    """Sort the first five rows of the sheet, those of keys and labels among them."""
    rows = [[cell.value for cell in row] for row in out.sheet.iter_rows(max_row=len(places))]
    for number, place in enumerate(places, 1):
        for column, value in enumerate(rows[place], 1):
            out.sheet.cell(number, column).value = value


@pytest.mark.parametrize("places", [(0, 2, 3, 1, 4), (2, 4, 0, 3, 1), (4, 3, 2, 1, 0), (1, 0, 2, 3, 4)])
def test_a_header_that_was_sorted_in_among_the_rows_is_nobody_new(out: Out, places: tuple[int, ...]) -> None:
    out.put(ANN, city="Zlin")
    order(out, *places)
    plan = out.back()
    assert outcomes(plan) == [(1, "city", "workbook", "Zlin")]
    assert (plan["rows"], plan["created"], plan["problems"], plan["new_fields"]) == (3, 0, [], [])


def test_an_id_that_is_typed_beside_another_row_of_the_customer_is_a_problem_of_both(out: Out) -> None:
    out.put(LOOSE, id=1, city="Zlin")
    plan = out.back()
    assert [problem["at"] for problem in plan["problems"]] == ["Customers!3", f"Customers!{LOOSE}"]
    assert (plan["created"], plan["applied"]) == (0, False)


def out_of_reach(record_id: int) -> None:
    with writing():
        db.session.add(Partner(name="Other"))
        db.session.scalars(select(User)).first().partner_id = 2  # type: ignore[union-attr]


def erased(record_id: int) -> None:
    edit(record_id, deleted_at=now())
    with writing() as connection:
        erase(connection, record_id, Author("Admin", "panel", 1))


def never_there(record_id: int) -> None:
    """Nothing has to be done for that."""


@pytest.mark.parametrize(("absent", "record_id"), [(out_of_reach, 2), (erased, 2), (never_there, 99)])
def test_whoever_is_not_there_is_refused_in_one_and_the_same_words(
    out: Out, runner: FlaskCliRunner, tmp_path: Path, absent: Callable[[int], None], record_id: int
) -> None:
    absent(record_id)
    source = tmp_path / "ids.csv"
    source.write_text(f"ID,City\n{record_id},Zlin\n", encoding="utf-8")
    out.path = source
    plan = out.read("--as", "admin@example.com", "--accept-unknown")
    assert [(one["at"], one["message"]) for one in plan["problems"]] == [
        (
            "CSV!2",
            "This row's customer is not there, or not yours to change. Remove the row, or export again.",
        )
    ]
