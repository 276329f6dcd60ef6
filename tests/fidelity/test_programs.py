"""A workbook with every type of field, opened and saved by each program: no change, and each edit found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from sync.cells import Broken, Formula
from sync.types import FIELD_TYPES
from sync.types.text import same_text, unescape
from sync.workbook import Limits, read_table
from tests.databases import Database
from tests.fidelity.everything import FIRST, Everything, everything
from tests.fidelity.programs import LIBRARIES, OFFICE, by_office

NOTHING: dict[str, list[Any]] = {
    name: [] for name in ("changes", "conflicts", "ignored", "repairs", "problems", "new_fields", "guards")
}
LIBRARY = pytest.mark.parametrize("name", list(LIBRARIES))
PROGRAM = pytest.mark.parametrize(
    "name", [*LIBRARIES, *(pytest.param(name, marks=pytest.mark.office) for name in OFFICE)]
)


@pytest.fixture(scope="module")
def panel(sqlite_template: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    with everything(sqlite_template, tmp_path_factory.mktemp("everything")) as panel:
        yield panel


@pytest.fixture(scope="module")
def saved(panel: Everything, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("saved")

    @cache
    def save(name: str) -> Path:
        return {**LIBRARIES, **OFFICE}[name](panel.path, folder / f"{name}.xlsx", {})

    return save


@PROGRAM
def test_opened_and_saved_nothing_has_changed(panel: Everything, saved: Callable[[str], Path], name: str) -> None:
    plan = panel.plan(saved(name))
    # An .ods keeps no tab inside of a text: that is seen as damage, and putting it back is offered, once for the file.
    tabs = [one for one in plan["repairs"] if "\t" in one["base"]] if "ods" in name else []
    assert {one["message"] for one in tabs} <= {"tabs were lost, as on the way by an .ods file"}
    offers = [line for line in plan["said"].splitlines() if "Restore them with --repair" in line]
    assert len(offers) == bool(tabs) == ("ods" in name)
    plan["repairs"] = [one for one in plan["repairs"] if one not in tabs]
    assert {group: plan[group][:5] for group in NOTHING} == NOTHING
    count = len(panel.people)
    assert (plan["rows"], plan["unchanged"], plan["absent"]) == (count, count, 0)
    assert plan["exit"] == 0 or "ods" in name


@PROGRAM
def test_our_reader_sees_what_openpyxl_sees(saved: Callable[[str], Path], name: str) -> None:
    differences = list(differing(saved(name)))
    assert [pair for pair in differences if not any(holds(*pair) for holds in ALLOWED.values())] == []


def differing(path: Path) -> Iterator[tuple[Any, Any]]:
    """Yield what we read and what openpyxl does, of each cell in which these differ."""
    with read_table(path, Limits()) as table:
        ours = dict(table.rows)
    theirs = openpyxl.load_workbook(path, data_only=True)["Customers"].iter_rows(values_only=True)
    for number, row in enumerate(theirs, 1):
        if number >= FIRST:
            both = zip_longest(map(plain, ours.pop(number, [])), row)
            yield from (pair for pair in both if pair[0] != pair[1])
    assert ours == {}


def plain(cell: object) -> object:
    """Return a cell as openpyxl shows it."""
    value = cell.value if isinstance(cell, Formula) else cell.text if isinstance(cell, Broken) else cell
    is_day = isinstance(value, dt.date) and not isinstance(value, dt.datetime)
    return dt.datetime.combine(value, dt.time()) if is_day else value


def is_escape(ours: Any, theirs: Any) -> bool:
    """openpyxl leaves escapes as they are, and takes x005F_ out of shared strings wherever it stands."""
    if not isinstance(ours, str) or not isinstance(theirs, str | None):
        return False
    reserved = "_x" in ours or "x005F_" in ours or "_x" in (theirs or "")
    return reserved and (same_text(ours, theirs or "") or same_text(unescape(ours), unescape(theirs or "")))


ALLOWED: dict[str, Callable[[Any, Any], bool]] = {
    "openpyxl does not unescape": is_escape,
    "openpyxl keeps milliseconds that come from rounding": lambda ours, theirs: (
        isinstance(theirs, dt.datetime) and abs(theirs - ours) <= dt.timedelta(milliseconds=1)
    ),
}
"""Where both may differ, and why."""


@LIBRARY
def test_edits_through_a_library_are_found_and_nothing_else_is(panel: Everything, name: str, tmp_path: Path) -> None:
    cells = {edit.address: edit.cell for edit in panel.edits()}
    check_edits(panel, LIBRARIES[name](panel.path, tmp_path / "back.xlsx", cells))


@pytest.mark.office
def test_edits_typed_into_libreoffice_are_found_and_nothing_else_is(panel: Everything, tmp_path: Path) -> None:
    cells = {edit.address: edit.typed for edit in panel.edits()}
    check_edits(panel, by_office(panel.path, tmp_path / "back.xlsx", cells))


def check_edits(panel: Everything, path: Path) -> None:
    plan, edits = panel.plan(path), panel.edits()
    for group, counts in (("changes", True), ("ignored", False)):
        found = [(one["at"], one["field"], one["workbook"]) for one in plan[group]]
        assert found == [(edit.at, edit.field, edit.workbook) for edit in edits if edit.counts is counts]
    assert plan["conflicts"] == plan["repairs"] == plan["problems"] == plan["new_fields"] == []
    assert (plan["updated"], plan["created"], plan["cleared"]) == (len(plan["changes"]), 0, 0)


def test_every_type_that_a_workbook_shows_is_in_it(panel: Everything) -> None:
    shown = {field.type for field in panel.fields}
    assert shown == {key for key, field_type in FIELD_TYPES.items() if not field_type.secret}
    assert {edit.field for edit in panel.edits()} == {field.key for field in panel.fields}
