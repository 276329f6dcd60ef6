"""A real LibreOffice opens and saves what we write, and nothing in it has changed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from sync.errors import UnreadableWorkbook
from sync.types.text import same_text
from sync.workbook import Limits, open_table
from tests.office import convert, resave
from tests.sync.workbook.workbooks import read, save

pytestmark = pytest.mark.office

NOON = dt.datetime.combine(dt.date(2024, 1, 5), dt.time(12, 30, 1))
TYPES = ("string", "integer", "decimal", "date", "datetime", "boolean")
ROW = ("007", 5, 29.85, dt.date(2024, 1, 5), NOON, "Yes")
TEXTS = (
    "=1+1",
    "+420",
    "-1",
    "@x",
    "'a",
    "#N/A",
    "TRUE",
    "1E5",
    "1/2",
    " a ",
    "a\tb",
    "a\nb",
    "ř😀",
    "_x000D_",
    "5" * 20,
)


@pytest.fixture(params=[resave, lambda path, out: resave(path, out, via="ods")], ids=["xlsx", "by way of ods"])
def resaved(request: pytest.FixtureRequest) -> Callable[[Path, Path], Path]:
    return request.param  # type: ignore[no-any-return]


def test_a_saved_workbook_reads_as_it_was_written(tmp_path: Path, resaved: Callable[[Path, Path], Path]) -> None:
    path = save(tmp_path / "a.xlsx", [ROW, *((text, *ROW[1:]) for text in TEXTS)], *TYPES)
    before, rows = read(path)
    with open_table(resaved(path, tmp_path / "b.xlsx"), Limits()) as after:
        again = list(after.rows)
        assert replace(after, rows=before.rows) == before
    assert len(again) == len(rows)
    for (number, cells), (number_again, cells_again) in zip(rows, again, strict=True):
        assert (number, cells[:2], cells[3:]) == (number_again, cells_again[:2], cells_again[3:])
        assert unchanged(str(cells[2]), cells_again[2])


def unchanged(base: str, raw: object) -> bool:
    """Tell whether two texts are alike; by way of ODS inner tabs are lost."""
    return isinstance(raw, str) and (same_text(base, raw) or base.replace("\t", "") == raw.replace(" ", ""))


def test_naughty_strings_survive(tmp_path: Path, shared_data: Path) -> None:
    naughty: list[str] = json.loads((shared_data / "naughty-strings.json").read_text("utf-8"))
    path = save(tmp_path / "a.xlsx", [(text,) for text in naughty], "string")
    _, rows = read(path)
    _, again = read(resave(path, tmp_path / "b.xlsx"))
    texts = [dict(enumerate(cells)).get(2, "") for _, cells in rows]
    texts_again = [dict(enumerate(cells)).get(2, "") for _, cells in again]
    assert [pair for pair in zip(texts, texts_again, strict=True) if not same_text(*map(str, pair))] == []


def test_it_keeps_dropdowns_and_hints(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", [ROW, ROW], *TYPES)
    again = openpyxl.load_workbook(resave(path, tmp_path / "b.xlsx"))["Customers"]
    rules = {str(rule.sqref): rule for rule in again.data_validations.dataValidation}
    assert rules["H3:H504"].formula1 == '"Yes,No"'
    assert "2024-12-31" in rules["F3:F504"].prompt


def test_its_csv_is_known_by_its_key_row(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", [ROW], *TYPES)
    table, rows = read(convert(path, tmp_path / "a.csv"))
    original, _ = read(path)
    assert (table.ref, table.keys, table.labels) == (original.ref, original.keys, original.labels)
    assert rows[0][1][2:] == ["007", "5", "29.85", "2024-01-05", "2024-01-05 12:30:01", "Yes"]


@pytest.mark.parametrize(("suffix", "reason"), [("ods", "OpenDocument"), ("xls", "old Excel workbook")])
def test_its_other_formats_are_refused_with_a_remedy(tmp_path: Path, suffix: str, reason: str) -> None:
    other = convert(save(tmp_path / "a.xlsx", [ROW], *TYPES), tmp_path / f"b.{suffix}")
    for name in (other.name, "c.xlsx", "d.bin"):
        path = other.rename(tmp_path / name)
        with pytest.raises(UnreadableWorkbook, match=reason):
            read(path)
        other = path
