"""What people do to a workbook in a real LibreOffice, and exactly what the plan says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import office
from tests.databases import Database
from tests.fidelity.small import ANN, BOB, EVA, JAN, Small, small

pytestmark = pytest.mark.office

Does = Callable[[dict[str, str]], list[office.Operation]]

NAME, CITY, FEE = "full_name", "city", "fee"


def inserting_a_column(at: dict[str, str]) -> list[office.Operation]:
    return [office.column_inserted(at[CITY]), office.typed({f"{_after(at[CITY])}{BOB}": "Zlin"})]


def _after(letters: str) -> str:
    return chr(ord(letters) + 1)


DOES: dict[str, Does] = {
    "insert a column": inserting_a_column,
    "sort by name": lambda at: [office.sorted_by(at[NAME], ascending=False)],
    "delete a row": lambda _at: [office.deleted([BOB])],
    "insert rows": lambda at: [
        office.inserted(EVA, {at[NAME]: "New one", at[CITY]: "Zlin"}),
        office.inserted(EVA, {at[NAME]: "Another"}),
    ],
    "copy a row over another": lambda _at: [office.row_copied(ANN, EVA)],
    "paste values": lambda at: [
        office.values_pasted(f"{at[CITY]}{ANN}:{at[CITY]}{BOB}", f"{at[CITY]}{EVA}:{at[CITY]}{JAN}")
    ],
    "pull the fill handle": lambda at: [office.filled_down(f"{at[FEE]}{ANN}:{at[FEE]}{JAN}")],
    "find and replace": lambda _at: [office.replaced("Brno", "Praha")],
    "filter": lambda at: [
        office.typed({f"{at[CITY]}{BOB}": "Zlin", f"{at[CITY]}{EVA}": "Kolin"}),
        office.filtered(at[CITY], "Zlin"),
    ],
}

CHANGED: dict[str, list[tuple[int, str, str]]] = {
    "insert a column": [(2, CITY, "Zlin")],
    "paste values": [(3, CITY, "Brno 0"), (4, CITY, "Brno 1")],
    "pull the fill handle": [(2, FEE, "30.90"), (3, FEE, "31.90"), (4, FEE, "32.90")],
    "find and replace": [(number, CITY, f"Praha {number - 1}") for number in range(1, 6)],
    "filter": [(2, CITY, "Zlin"), (3, CITY, "Kolin")],
}


class Office:
    """A small panel, and for each deed the workbook that LibreOffice saved after it."""

    def __init__(self, panel: Small, folder: Path) -> None:
        self._panel = panel
        self._saved = {name: folder / f"{name}.xlsx" for name in DOES}
        office.edit_all({(panel.out, self._saved[name]): does(panel.columns) for name, does in DOES.items()})

    def plan(self, name: str) -> dict[str, Any]:
        return self._panel.plan(self._saved[name])


@pytest.fixture(scope="module")
def done(sqlite_template: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    with small(sqlite_template, folder) as panel:
        yield Office(panel, folder)


@pytest.mark.parametrize("name", CHANGED)
def test_an_edit_is_exactly_what_the_plan_holds(done: Office, name: str) -> None:
    plan = done.plan(name)
    assert [(one["id"], one["field"], one["workbook"]) for one in plan["changes"]] == CHANGED[name]
    assert plan["conflicts"] == plan["ignored"] == plan["repairs"] == plan["problems"] == plan["new_fields"] == []
    assert (plan["created"], plan["absent"], plan["cleared"]) == (0, 0, 0)


def test_sorting_all_rows_changes_nothing(done: Office) -> None:
    plan = done.plan("sort by name")
    assert (plan["unchanged"], plan["rows"], plan["absent"], plan["exit"]) == (5, 5, 0, 0)


def test_a_deleted_row_is_absent_and_nothing_else(done: Office) -> None:
    plan = done.plan("delete a row")
    assert (plan["unchanged"], plan["rows"], plan["absent"], plan["deleted"], plan["exit"]) == (4, 4, 1, 0, 0)


def test_inserted_rows_are_new_customers_and_the_others_stay_who_they_are(done: Office) -> None:
    plan = done.plan("insert rows")
    assert (plan["created"], plan["unchanged"], plan["absent"], plan["problems"]) == (2, 5, 0, [])


def test_a_row_copied_over_another_is_a_problem_of_both(done: Office) -> None:
    plan = done.plan("copy a row over another")
    assert [one["at"] for one in plan["problems"]] == [f"Customers!{ANN}", f"Customers!{EVA}"]
    assert (plan["updated"], plan["created"], plan["absent"]) == (0, 0, 1)


def test_what_a_real_filter_hides_is_reported(done: Office) -> None:
    plan = done.plan("filter")
    assert plan["hidden_rows"] == [EVA]
    assert plan["notes"] == ["1 hidden row contains edits. It counts like the others; unhide it to look at it."]


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", 76), (";", 33), ("\t", 76), ("|", 65535), (";", 1)], ids=str)
def test_a_csv_saved_by_libreoffice_holds_the_same(
    sqlite_template: Database, tmp_path: Path, delimiter: str, encoding: int
) -> None:
    with small(sqlite_template, tmp_path) as panel:
        made = office.convert(panel.out, tmp_path / "back.csv", office.csv_options(delimiter, encoding))
        codec = {76: "utf-8-sig", 33: "cp1250", 1: "cp1252", 65535: "utf-16"}[encoding]
        text = made.read_bytes().decode(codec)
        assert delimiter in text.splitlines()[0]
        made.write_bytes(text.replace("Brno 1", "Zlin").encode(codec))
        plan = panel.plan(made)
        assert [(one["at"], one["workbook"]) for one in plan["changes"]] == [
            (f"CSV!{panel.columns[CITY]}{BOB}", "Zlin")
        ]
        assert plan["conflicts"] == plan["ignored"] == plan["repairs"] == plan["problems"] == []
        assert (plan["unchanged"], plan["rows"]) == (4, 5)
