"""A workbook with every type of field, opened and saved by each program: no change, and each edit found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.types import FIELD_TYPES
from tests.databases import Database
from tests.fidelity.everything import Everything, everything
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


@PROGRAM
def test_opened_and_saved_nothing_has_changed(panel: Everything, name: str, tmp_path: Path) -> None:
    plan = panel.plan({**LIBRARIES, **OFFICE}[name](panel.path, tmp_path / "back.xlsx", {}))
    # An .ods keeps no tab inside of a text: that is seen as damage, and putting it back is offered.
    plan["repairs"] = [one for one in plan["repairs"] if "ods" not in name or "\t" not in one["base"]]
    assert {group: plan[group][:5] for group in NOTHING} == NOTHING
    count = len(panel.people)
    assert (plan["rows"], plan["unchanged"], plan["absent"]) == (count, count, 0)
    assert plan["exit"] == 0 or "ods" in name


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
