"""Laws of the whole way, as hypothesis tries to break them: order never matters, nor does what is not ours."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.cells import Scalar
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.workbook import Limits, Sheet, read_table, write_workbook
from tests.databases import Database
from tests.fidelity.small import ANN, ZOFIE, Small, small
from tests.values import VALUES, field, text_values

EXAMPLES = 12
"""Plans of whole files, each of which starts a process."""
SHOWN = [key for key, field_type in FIELD_TYPES.items() if not field_type.secret]
TOP = 2
"""Rows of keys and labels."""

Grid = list[list[Any]]


@pytest.fixture(scope="module")
def panel(sqlite_template: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    with small(sqlite_template, tmp_path_factory.mktemp("laws")) as panel:
        yield panel


@pytest.fixture(scope="module")
def edited(panel: Small) -> Grid:
    """Return the cells of a workbook with edits, a clear, a problem and new customers."""
    sheet = openpyxl.load_workbook(panel.out)["Customers"]
    at = panel.columns
    sheet[f"{at['city']}{ANN}"], sheet[f"{at['note']}{ANN + 1}"] = "Zlin", None
    sheet[f"{at['fee']}{ANN + 2}"], sheet[f"{at['since']}{ANN + 3}"] = "a lot", "31/31/2024"
    sheet[f"{at['full_name']}{ZOFIE + 1}"] = "New"
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def planned(panel: Small, grid: Grid, path: Path) -> dict[str, Any]:
    """Return a plan without addresses; each of these is checked against the cell that it names."""
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Customers", 0)
    for row in grid:
        sheet.append(row)
    book.save(path)
    plan = panel.plan(path)
    for one in plan["changes"]:
        shown = sheet[one["at"].partition("!")[2]].value
        assert str(shown or "None") == str(one["workbook"])
    groups = ("changes", "conflicts", "ignored", "repairs", "problems")
    items = {
        name: sorted((one["id"] or 0, one["field"], str(one.get("workbook"))) for one in plan[name]) for name in groups
    }
    counts = ("rows", "unchanged", "created", "updated", "refused", "cleared", "absent", "exit")
    return items | {name: plan[name] for name in counts}


@settings(max_examples=EXAMPLES)
@given(chance=st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_never_changes_a_plan(
    panel: Small, edited: Grid, tmp_path_factory: pytest.TempPathFactory, chance: random.Random
) -> None:
    path = tmp_path_factory.mktemp("law") / "a.xlsx"
    expected = planned(panel, edited, path)
    assert (expected["updated"], expected["created"], expected["refused"], expected["cleared"]) == (2, 1, 2, 1)
    rows = edited[TOP:]
    chance.shuffle(rows)
    columns = list(range(len(edited[0])))
    chance.shuffle(columns)
    assert planned(panel, [[row[at] for at in columns] for row in [*edited[:TOP], *rows]], path) == expected


@settings(max_examples=EXAMPLES)
@given(
    place=st.integers(0, 10),
    header=st.text("abcdefg", min_size=1, max_size=8).map("mine {}".format),
    cells=st.lists(
        st.none() | st.integers(-(10**9), 10**9) | text_values(max_size=9).filter(lambda t: t[0] not in "=_"),
        max_size=9,
    ),
)
def test_a_column_of_somebodys_own_never_matters(
    panel: Small, edited: Grid, tmp_path_factory: pytest.TempPathFactory, place: int, header: str, cells: list[Any]
) -> None:
    path = tmp_path_factory.mktemp("law") / "a.xlsx"
    expected = planned(panel, edited, path)
    own = [None, header, *cells, *[None] * len(edited)]
    wider = [[*row[:place], own[number], *row[place:]] for number, row in enumerate(edited)]
    assert planned(panel, wider, path) == expected


FIELDS = tuple(field(key) for key in SHOWN)
ROWS = st.lists(st.tuples(*(st.none() | VALUES[key] for key in SHOWN)), min_size=1, max_size=4)


@settings(max_examples=60)
@given(rows=ROWS)
def test_what_is_written_of_every_type_is_read_as_the_same_value(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]]
) -> None:
    path = tmp_path_factory.mktemp("law") / "a.xlsx"
    sheet = Sheet("_ref|rollbook1|7|3", FIELDS)
    write_workbook(path, sheet, ((f"R7.{at}.1.abc", at, *map(_render, FIELDS, row)) for at, row in enumerate(rows, 1)))
    with read_table(path, Limits()) as table:
        read = [cells for _number, cells in table.rows]
    for row, cells in zip(rows, read, strict=True):
        for one, value, raw in zip(FIELDS, row, [*cells[2:], *[None] * len(FIELDS)], strict=False):
            field_type = FIELD_TYPES[one.type]
            assert field_type.parse(raw, one) == value
            assert field_type.unchanged(value, raw, one)


def _render(one: Field, value: Any) -> Scalar | None:
    return None if value is None else FIELD_TYPES[one.type].render(value, one)
