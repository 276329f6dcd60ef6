"""Where the headers of a foreign sheet are, and which of its sheets is meant."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from sync.workbook import Asked, Limits, open_table
from sync.workbook.heading import find_heading

DAY = dt.date(2024, 5, 3)
HEAD = ["Name", "Phone", "City", "Since"]
ANN = ["Ann", "+420 603 123 456", "Brno", DAY]
GROUPS = ["Name", "Contact", None, "Address", None]
BOB = ["Bob", "603 123 457", "Praha", DAY]


def head(*rows: list[Any] | None) -> list[tuple[int, list[Any]]]:
    """Return rows by number; None is a blank row."""
    return [(number, cells) for number, cells in enumerate(rows, 1) if cells is not None]


@pytest.mark.parametrize(
    ("rows", "row", "above", "labels"),
    [
        pytest.param([HEAD, ANN, BOB], 1, 0, HEAD, id="at the top"),
        pytest.param([None, None, HEAD, ANN], 3, 0, HEAD, id="below blank rows"),
        pytest.param([["Customers of Brno 2024"], HEAD, ANN, BOB], 2, 1, HEAD, id="below a title"),
        pytest.param([["Customers"], None, HEAD, ANN, BOB], 3, 1, HEAD, id="below a title and a blank row"),
        pytest.param(
            [["Exported by", "Jana"], ["On", DAY], ["Filter", "all", "of Brno"], None, HEAD, ANN, BOB],
            5,
            3,
            HEAD,
            id="below notes of several cells",
        ),
        pytest.param([HEAD, None, ANN, BOB], 1, 0, HEAD, id="with a blank row below it"),
        pytest.param([["Name", "City"], ["Ann", "Brno"], ["Bob", "Praha"]], 1, 0, ["Name", "City"], id="texts only"),
        pytest.param([["Name"], ["Ann"], ["Bob"]], 1, 0, ["Name"], id="of one column"),
        pytest.param([["Name", None, "City"], ["Ann", "x", "Brno"]], 1, 0, ["Name", None, "City"], id="with a gap"),
        pytest.param([["Name", 2022, 2023], ["Ann", 1, 2]], 1, 0, ["Name", "2022", "2023"], id="with years"),
        pytest.param([["Phone\nnumber", " City\u00a0"], [1, "x"]], 1, 0, ["Phone number", "City"], id="on two lines"),
        pytest.param([[1, 2], ["Ann", 3]], 1, 0, ["1", "2"], id="of numbers"),
        pytest.param(
            [
                ["Name", "Contact", None, "Address", None],
                [None, "Phone", "Email", "Street", "City"],
                ["Ann", 1, "a@b.cz"],
            ],
            2,
            0,
            ["Name", "Phone", "Email", "Street", "City"],
            id="of two rows",
        ),
        pytest.param(
            [
                GROUPS,
                [None, "City", "ZIP", "City", "ZIP"],
                ["Ann", "Brno", 1, "Praha", 2],
            ],
            2,
            0,
            ["Name", "Contact City", "Contact ZIP", "Address City", "Address ZIP"],
            id="of two rows with names that repeat",
        ),
        pytest.param(
            [["Name", "City", None], ["Ann", None, "note"], ["Bob", "Praha", "other"]],
            1,
            0,
            ["Name", "City", None],
            id="over a first row with blanks",
        ),
    ],
)
def test_the_header_is(rows: list[list[Any] | None], row: int, above: int, labels: list[str | None]) -> None:
    heading = find_heading(head(*rows))
    assert heading is not None
    assert (heading.row, heading.above, list(heading.labels)) == (row, above, labels)


def test_a_person_says_which_row_it_is() -> None:
    rows = head(["Title", "x"], HEAD, ANN)
    named = find_heading(rows, 1)
    assert named is not None
    assert named.labels == ("Title", "x")
    assert find_heading(rows, 9) is None


def book(path: Path) -> Path:
    found = openpyxl.Workbook()
    first = found.active
    assert first is not None
    first.title = "Summary"
    first.append(["Total", 2])
    data, hidden = found.create_sheet("Data"), found.create_sheet("Old")
    for row in (["Customers"], [], HEAD, ANN, BOB):
        data.append(row)
    hidden.append(HEAD)
    hidden.sheet_state = "hidden"
    found.save(path)
    return path


def test_the_sheets_that_people_see_are_there_to_choose_from(tmp_path: Path) -> None:
    with open_table(book(tmp_path / "a.xlsx"), Limits()) as table:
        assert table.sheet == "Summary"
        assert [(look.sheet, look.rows, look.lines[0].texts[0]) for look in table.looks] == [
            ("Summary", 1, "Total"),
            ("Data", 4, "Customers"),
        ]


@pytest.mark.parametrize(("name", "found"), [("Data", "Data"), ("data ", "Data"), ("Old", "Old"), ("None", "Summary")])
def test_a_sheet_is_chosen_by_its_name(tmp_path: Path, name: str, found: str) -> None:
    with open_table(book(tmp_path / "a.xlsx"), Limits(), Asked(name)) as table:
        assert table.sheet == found


def test_addresses_stay_the_sheets_own(tmp_path: Path) -> None:
    with open_table(book(tmp_path / "a.xlsx"), Limits(), Asked("Data")) as table:
        assert (table.header_row, table.above, table.labels) == (3, 1, tuple(HEAD))
        assert [number for number, _cells in table.rows] == [4, 5]


def test_a_header_far_down_is_reached_when_a_person_names_it(tmp_path: Path) -> None:
    lines = [f"note {number}" for number in range(40)] + ["Name,City", "Ann,Brno"]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines))
    with open_table(path, Limits(), Asked(header_row=41)) as table:
        assert (table.labels, list(table.rows)) == (("Name", "City"), [(42, ["Ann", "Brno"])])
