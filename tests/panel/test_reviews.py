"""Reviews: the uploaded workbook with its problems and questions marked, mended in the sheet and uploaded again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from openpyxl.worksheet.worksheet import Worksheet

from panel.database import reading
from panel.extensions import db
from panel.models import Customer
from panel.signature import signature
from tests.builders import additional_field, customer, edit
from tests.sheets import change, read_keys

Run = Callable[..., dict[str, Any]]
KEEP, TAKE = "Keep the panel", "Take the workbook"
LISTS = ("conflicts", "problems", "changes", "ignored", "repairs")


@pytest.fixture
def run(app: Flask, runner: FlaskCliRunner) -> Run:
    """Return what imports with ``--json`` and gives the answer, its exit status among it."""

    def call(*arguments: str | Path) -> dict[str, Any]:
        result = runner.invoke(args=["import", *map(str, arguments), "--json"])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        answer: dict[str, Any] = json.loads(result.stdout)
        return {**answer, "exit": result.exit_code, "said": result.stderr}

    return call


def first_sheet(path: Path) -> Worksheet:
    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert isinstance(sheet, Worksheet)
    return sheet


def labels_of(path: Path, row: int = 2) -> dict[str, str]:
    """Return the letters of each column by its label."""
    return {str(cell.value): cell.column_letter for cell in first_sheet(path)[row] if cell.value}


def values_of(path: Path) -> dict[str, Any]:
    """Return all cells that hold something by their addresses, without a review's own columns."""
    sheet = first_sheet(path)
    start = next((cell.column for row in sheet.iter_rows(max_row=20) for cell in row if cell.value == "Review"), 999)
    cells = (cell for row in sheet.iter_rows() for cell in row if cell.column < start and cell.value is not None)
    return {cell.coordinate: cell.value for cell in cells}


def fills_of(path: Path) -> dict[str, str]:
    """Return the colours of all cells with a colour of a review."""
    cells = (cell for row in first_sheet(path).iter_rows() for cell in row)
    named = {"00FFC7CE": "red", "00FFE699": "amber"}
    colours = {cell.coordinate: named.get(cell.fill.fgColor.rgb) for cell in cells if cell.row > 2}
    return {place: colour for place, colour in colours.items() if colour}


def write_into(path: Path, out: Path, cells: Mapping[str, Any]) -> Path:
    """Write values into the first sheet's cells by address, and save."""
    book = openpyxl.load_workbook(path)
    for address, value in cells.items():
        book.worksheets[0][address] = value
    book.save(out)
    return out


@pytest.fixture
def back(app: Flask, runner: FlaskCliRunner, tmp_path: Path) -> Path:
    """Return an edited workbook: conflicts in row 3, a problem in row 4, one of each in row 5, an edit in row 6."""
    with app.app_context():
        additional_field("contract", "string")
        for name in ("Anna Novak", "Jan Dvorak", "Eva Mala", "Petr Svoboda", "Ivan Kral"):
            customer(name, city="Praha", street="Long 1", extra={"contract": "00042"})
    assert runner.invoke(args=["export", str(tmp_path / "out.xlsx")]).exit_code == 0
    keys = read_keys(tmp_path / "out.xlsx")
    with app.app_context():
        edit(1, city="Brno", street="Panel 9")
        edit(3, city="Brno")
    edits = {
        f"{keys['city']}3": "Olomouc",
        f"{keys['street']}3": "Mine 3",
        f"{keys['date_of_birth']}4": "31/31/2024",
        f"{keys['city']}5": "Zlin",
        f"{keys['emails']}5": "no address",
        f"{keys['street']}6": "Short 2",
        f"{keys['id']}7": 99,
    }
    return change(tmp_path / "out.xlsx", tmp_path / "back.xlsx", edits)


def test_a_review_is_the_uploaded_sheet_at_its_addresses_with_what_is_wrong_in_red_and_what_is_open_in_amber(
    run: Run, back: Path, tmp_path: Path
) -> None:
    review = tmp_path / "review.xlsx"
    answer = run(back, "--review", review)
    assert (answer["exit"], answer["applied"], answer["review"]) == (1, False, str(review))
    assert str(review) in answer["said"]
    assert values_of(review) == values_of(back)
    keys, labels, sheet = read_keys(review), labels_of(review), first_sheet(review)
    own = {"Review", "What to look at", "Choose: Street", "Choose: City", "Also noted"}
    assert own < labels.keys()
    state = {row: sheet[f"{labels['Review']}{row}"].value for row in range(3, 8)}
    assert state == {3: "conflict", 4: "problem", 5: "problem", 6: None, 7: "problem"}
    marked = {place: colour for place, colour in fills_of(review).items() if place[0] < labels["Review"]}
    red, amber = (f"{keys['date_of_birth']}4", f"{keys['emails']}5", "B7"), ("street3", "city3", "city5")
    expected = dict.fromkeys(red, "red") | {f"{keys[one[:-1]]}{one[-1]}": "amber" for one in amber}
    assert marked == expected
    told = str(sheet[f"{labels['What to look at']}3"].value).split("\n")
    assert told[1].startswith(f"{keys['city']}3 City: When exported: Praha · In the panel now: Brno (")
    assert told[1].endswith(") · In the workbook: Olomouc")
    assert "31/31/2024" in sheet[f"{labels['What to look at']}4"].value
    hidden = [letters for letters, one in sheet.column_dimensions.items() if one.hidden]
    assert hidden[0] == "A"
    assert labels_of(review)[next(label for label in labels if label.startswith("_review|"))] == hidden[1]


def test_a_review_brought_back_as_it_is_asks_the_same_again(run: Run, back: Path, tmp_path: Path) -> None:
    review = tmp_path / "review.xlsx"
    answer = run(back, "--review", review)
    again = run(review, "--review", tmp_path / "second.xlsx")
    assert {name: again[name] for name in LISTS} == {name: answer[name] for name in LISTS}
    assert values_of(tmp_path / "second.xlsx") == values_of(review)
    assert labels_of(tmp_path / "second.xlsx").keys() - labels_of(review).keys() == set()


# What is typed into the review for the conflict of street and city in row 3: into the column of choices, into the cell
# itself. Panel: "Panel 9" and "Brno"; workbook: "Mine 3" and "Olomouc".
CHOICES = [
    # (choice of street, cell of street, choice of city, cell of city), (street, city) when both are answered
    ((KEEP, None, TAKE, None), ("Panel 9", "Olomouc")),
    ((TAKE, None, KEEP, None), ("Mine 3", "Brno")),
    (("  take   THE workbook", None, KEEP, None), ("Mine 3", "Brno")),
    ((None, "Third 3", TAKE, None), ("Third 3", "Olomouc")),
    ((TAKE, "Third 3", None, "Plzen"), ("Third 3", "Plzen")),
    ((None, "Panel 9", None, "Praha"), ("Panel 9", "Brno")),
    ((KEEP, None, None, None), None),
    ((KEEP, "Third 3", TAKE, None), None),
    (("whatever", None, TAKE, None), None),
    ((None, None, None, None), None),
]


@pytest.mark.parametrize(("typed", "expected"), CHOICES)
def test_a_review_resolves_exactly_what_was_chosen(
    app: Flask, run: Run, back: Path, tmp_path: Path, typed: tuple[Any, ...], expected: tuple[str, str] | None
) -> None:
    review = tmp_path / "review.xlsx"
    run(back, "--review", review)
    keys, labels = read_keys(review), labels_of(review)
    places = (labels["Choose: Street"], keys["street"], labels["Choose: City"], keys["city"])
    cells = {f"{letters}3": value for letters, value in zip(places, typed, strict=True) if value is not None}
    mended = {
        f"{keys['date_of_birth']}4": None,
        f"{keys['emails']}5": None,
        f"{labels['Choose: City']}5": TAKE,
        "B7": 5,
    }
    done = run(write_into(review, tmp_path / "mended.xlsx", cells | mended))
    assert done["applied"] is (expected is not None), done["said"]
    with app.app_context():
        first, third, fourth = (db.session.get_one(Customer, number) for number in (1, 3, 4))
        assert (first.street, first.city) == (expected or ("Panel 9", "Brno"))
        assert (third.city, fourth.street) == (("Zlin", "Short 2") if expected else ("Brno", "Long 1"))


def test_what_is_mended_is_gone_and_what_was_applied_is_not_applied_twice(
    app: Flask, run: Run, back: Path, tmp_path: Path
) -> None:
    review = tmp_path / "review.xlsx"
    first = run(back, "--prefer", "panel", "--skip-problems", "--review", review)
    assert (first["applied"], first["refused"], first["updated"]) == (True, 3, 1)
    labels, keys, sheet = labels_of(review), read_keys(review), first_sheet(review)
    # What was decided in row 3 is done with; row 5 was refused, so what was decided there is kept for it.
    assert [label for label in labels if label.startswith("Choose")] == ["Choose: City"]
    assert [sheet[f"{labels[label]}{row}"].value for label, row in (("Review", 3), ("Choose: City", 5))] == [None, KEEP]
    half = write_into(review, tmp_path / "half.xlsx", {f"{keys['date_of_birth']}4": "2001-02-03", "B7": 5})
    second = run(half, "--review", tmp_path / "second.xlsx")
    assert [one["at"] for one in second["problems"]] == [f"Customers!{keys['emails']}5"]
    assert [one["at"] for one in second["changes"]] == [f"Customers!{keys['date_of_birth']}4"]
    whole = write_into(tmp_path / "second.xlsx", tmp_path / "whole.xlsx", {f"{keys['emails']}5": None})
    assert run(whole, "--prefer", "workbook")["applied"]
    with app.app_context():
        assert db.session.get_one(Customer, 3).city == "Brno"
    before = state(app)
    again = run(whole)
    assert (again["exit"], again["unchanged"], state(app)) == (0, 5, before)


def test_who_thinks_better_of_a_choice_is_heard(app: Flask, run: Run, back: Path, tmp_path: Path) -> None:
    review = tmp_path / "review.xlsx"
    run(back, "--skip-problems", "--review", review)
    labels = labels_of(review)
    keep = {f"{labels[f'Choose: {label}']}{row}": KEEP for label, row in (("Street", 3), ("City", 3), ("City", 5))}
    kept = write_into(review, tmp_path / "kept.xlsx", keep)
    assert run(kept, "--skip-problems")["applied"]
    assert run(kept, "--skip-problems")["conflicts"] == []
    assert run(back, "--skip-problems")["conflicts"] == []
    otherwise = write_into(kept, tmp_path / "otherwise.xlsx", {f"{labels['Choose: City']}3": TAKE})
    assert run(otherwise, "--skip-problems")["updated"] == 1
    with app.app_context():
        first = db.session.get_one(Customer, 1)
        assert (first.street, first.city) == ("Panel 9", "Olomouc")


def state(app: Flask) -> str:
    with app.app_context(), reading() as connection:
        return signature(connection)


def test_where_the_panel_moved_again_a_choice_is_a_question_anew(
    app: Flask, run: Run, back: Path, tmp_path: Path
) -> None:
    review = tmp_path / "review.xlsx"
    run(back, "--skip-problems", "--review", review)
    labels = labels_of(review)
    cells = {
        f"{labels['Choose: Street']}3": TAKE,
        f"{labels['Choose: City']}3": TAKE,
        f"{labels['Choose: City']}5": TAKE,
    }
    chosen = write_into(review, tmp_path / "chosen.xlsx", cells)
    with app.app_context():
        edit(1, city="Ostrava")
    answer = run(chosen, "--skip-problems")
    assert [(one["panel"], one.get("choice")) for one in answer["conflicts"]] == [
        ("Panel 9", "workbook"),
        ("Ostrava", None),
    ]
    assert (answer["exit"], answer["applied"]) == (1, False)
    assert "1 choices in the review were left open" in answer["said"]


# What the hidden cell of row 3 is made, and what becomes of the choices of street and city, which both say workbook.
HOSTILE: dict[str, tuple[Callable[[str], Any], list[str | None]]] = {
    "the seals of another field": (lambda text: text.replace("city=", "full_name="), ["workbook", None]),
    "one field's seals for the other": (lambda text: text.split(";")[0].replace("street", "city"), [None, None]),
    "made up seals": (lambda _text: "city=000000000000.000000000000;street=aaaaaaaaaaaa.bbbbbbbbbbbb", [None, None]),
    "no seals": (lambda _text: None, [None, None]),
    "the same over and over": (lambda text: f"{text};" * 300, ["workbook", "workbook"]),
    "a number": (lambda _text: 12, [None, None]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_made_up_seals_answer_nothing(run: Run, back: Path, tmp_path: Path, name: str) -> None:
    review = tmp_path / "review.xlsx"
    run(back, "--review", review)
    labels = labels_of(review)
    place = f"{next(letters for label, letters in labels.items() if label.startswith('_review|'))}3"
    made_up, expected = HOSTILE[name]
    text = made_up(str(first_sheet(review)[place].value))
    cells = {place: text, f"{labels['Choose: City']}3": TAKE, f"{labels['Choose: Street']}3": TAKE}
    answer = run(write_into(review, tmp_path / "hostile.xlsx", cells), "--skip-problems")
    assert [one.get("choice") for one in answer["conflicts"]] == expected
    assert not answer["new_fields"]


@pytest.mark.parametrize("heading", ["_review|rollbook1|0|{}", "_review|", "_review|rollbook1|00|" + "[" * 9_000, None])
def test_a_made_up_heading_answers_nothing(run: Run, back: Path, tmp_path: Path, heading: str | None) -> None:
    review = tmp_path / "review.xlsx"
    run(back, "--review", review)
    labels = labels_of(review)
    place = f"{next(letters for label, letters in labels.items() if label.startswith('_review|'))}2"
    real = str(first_sheet(review)[place].value)
    cells = {place: heading or real.replace('"city"', '"login"'), f"{labels['Choose: City']}3": TAKE}
    answer = run(write_into(review, tmp_path / "hostile.xlsx", cells), "--skip-problems")
    assert [one.get("choice") for one in answer["conflicts"]] == [None, None]
    assert "hidden heading" in answer["said"]
