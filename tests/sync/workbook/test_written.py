"""What is written can be read again, by us and by openpyxl, and no text becomes anything else."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.cells import LONG_TEXT_PLACEHOLDER, Scalar, clean_text
from sync.fields import Field, Option
from sync.workbook import Limits, Sheet, read_table, write_csv, write_workbook
from sync.workbook.filling import _bounded
from sync.workbook.layout import UNKNOWN_LAST_ROW
from sync.workbook.limits import GRID_ROWS
from tests.sync.workbook.workbooks import REF, STRINGS, fields, read, save

NOON = dt.datetime.combine(dt.date(2024, 1, 5), dt.time(12, 30, 1))
FIRST_SURE_DAY = dt.date(1900, 3, 1)
SURE = dt.datetime.combine(FIRST_SURE_DAY, dt.time())
LAST_SECOND = dt.datetime.combine(dt.date(9999, 12, 31), dt.time(23, 59, 59))
TYPES = ("string", "integer", "decimal", "date", "datetime", "boolean", "select", "multi_select", "text", "email")

texts = st.text() | st.text("_x0123456789ABCDEFabcdef\r\n\t ='")
COLUMNS: dict[str, st.SearchStrategy[Scalar]] = {
    "string": texts,
    "integer": st.integers() | st.booleans(),
    "decimal": st.floats() | st.decimals(),
    "date": st.dates() | texts,
    "datetime": st.datetimes() | texts,
}
rows_of_all_types = st.lists(st.tuples(*(st.none() | column for column in COLUMNS.values())), max_size=5)


def kept(value: Scalar | None, got: object) -> bool:
    """Tell whether a cell gives back what was written: as such, or as text where a cell cannot hold it."""
    if isinstance(value, str):
        return got == (clean_text(value) or None)
    if isinstance(value, dt.datetime):
        return near(value, got)
    if isinstance(value, dt.date):
        return got == (value if value >= FIRST_SURE_DAY else value.isoformat())
    if isinstance(value, bool) or value is None:
        return got is value
    return kept_number(value, got)


def near(value: dt.datetime, got: object) -> bool:
    if isinstance(got, str):
        beyond = value < SURE or value >= LAST_SECOND
        return beyond and dt.datetime.fromisoformat(got) == value.replace(microsecond=0)
    midnight = dt.time()
    moment = got if isinstance(got, dt.datetime) else dt.datetime.combine(got, midnight)  # type: ignore[arg-type]
    return abs(moment - value) <= dt.timedelta(milliseconds=500)


def kept_number(value: float | Decimal, got: object) -> bool:
    if isinstance(got, str):
        return got == str(value) or Decimal(got) == value
    return got == (float(value) if isinstance(value, Decimal) else value)


@given(rows_of_all_types)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, table: list[tuple[Any, ...]]) -> None:
    path = save(tmp_path_factory.mktemp("law") / "a.xlsx", table, *COLUMNS)
    _, rows = read(path)
    assert [number for number, _ in rows] == list(range(3, 3 + len(table)))
    for row, (_, got) in zip(table, rows, strict=True):
        filled = [*got[2:], *[None] * (len(COLUMNS) + 2 - len(got))]
        assert all(map(kept, row, filled)), (row, filled)


@given(st.lists(st.text(), min_size=1, max_size=20))
def test_text_in_csv_is_read_as_written(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("law") / "a.csv"
    write_csv(path, Sheet(REF, fields("string")), [("R7.1.1.a", 1, text) for text in texts])
    _, rows = read(path)
    assert [(*row, None)[2] for _, row in rows] == [clean_text(text) or None for text in texts]


TRAPS = ("=1+1", "+420", "-1", "@x", "'a", "'=a", "#N/A", "TRUE", "007", "1E5", "12:30", "1/2", "\ta", " a ", "a\nb")
ESCAPES = ("_x000D_", "a_x005F_x000D_b", "_x005f_", "_xD83D_", "__x0041_")


@pytest.fixture(scope="module")
def naughty(shared_data: Path) -> list[str]:
    texts: list[str] = json.loads((shared_data / "naughty-strings.json").read_text("utf-8"))
    return [clean for text in (*texts, *TRAPS, *ESCAPES) if (clean := clean_text(text))]


@pytest.mark.asvs("R12")
def test_no_naughty_string_becomes_anything_else(tmp_path: Path, naughty: list[str]) -> None:
    path = save(tmp_path / "a.xlsx", [(text,) for text in naughty], "string")
    assert [row[2] for _, row in read(path)[1]] == naughty
    sheet = openpyxl.load_workbook(path)["Customers"]
    for text, cell in zip(naughty, sheet["C"][2:], strict=True):
        assert cell.data_type == "s"
        if text not in ESCAPES:
            assert cell.value == text
        if text[0] in "=+-@":
            assert cell.quotePrefix
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


@pytest.mark.asvs("R12")
def test_no_naughty_string_is_a_formula_in_csv(tmp_path: Path, naughty: list[str]) -> None:
    path = tmp_path / "a.csv"
    write_csv(path, Sheet(REF, fields("string")), [("R7.1.1.a", 1, text) for text in naughty])
    assert [row[2] for _, row in read(path)[1]] == naughty
    foreign = tmp_path / "b.csv"
    foreign.write_text(path.read_text("utf-8-sig").replace("_ref|", "-ref|"), "utf-8", newline="")
    assert not [row for _, row in read(foreign)[1] if str(row[2])[0] in "=+-@\t"]


@pytest.mark.parametrize(
    ("type_", "value", "cell"),
    [
        ("string", "x" * 32_767, "x" * 32_767),
        ("string", "x" * 32_768, LONG_TEXT_PLACEHOLDER),
        ("string", "😀" * 16_384, LONG_TEXT_PLACEHOLDER),
        ("integer", 1234567890123456, "1234567890123456"),
        ("integer", 123456789012345, 123456789012345),
        ("integer", 10**20, 10**20),
        ("decimal", Decimal("1.10"), 1.1),
        ("decimal", Decimal("0.12345678901234567"), "0.12345678901234567"),
        ("decimal", Decimal("1E+5"), 100_000),
        ("decimal", Decimal("NaN"), "NaN"),
        ("decimal", float("inf"), "inf"),
        ("date", dt.date(1900, 2, 28), "1900-02-28"),
        ("date", dt.date(1900, 3, 1), dt.date(1900, 3, 1)),
        ("datetime", NOON, NOON),
        ("string", "\x00\x0b", None),
        ("boolean", True, True),
    ],
)
def test_a_value_is_written_as(tmp_path: Path, type_: str, value: Scalar, cell: object) -> None:
    _, rows = read(save(tmp_path / "a.xlsx", [(value, 1)], type_, "integer"))
    assert (type(rows[0][1][2]), rows[0][1][2]) == (type(cell), cell)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> openpyxl.Workbook:
    path = tmp_path_factory.mktemp("book") / "a.xlsx"
    long = tuple(f"A long option, number {number}" for number in range(30))
    by_type = {"select": long}
    chosen = [fields(type_)[0] for type_ in TYPES]
    sheet = Sheet(
        REF,
        tuple(
            field.__class__(
                f"f{at}",
                f"Label {at}",
                field.type,
                options=tuple(Option(text, text) for text in by_type.get(field.type, ())),
                read_only=field.type == "email",
            )
            for at, field in enumerate(chosen)
        ),
        guide=("One", "Two"),
        manifest={"format": "rollbook1", "export": "7"},
    )
    day = NOON.date()
    row = ("R7.1.1.a", 1, "text", 5, Decimal("1.5"), day, NOON, "Yes", "C", "C", "a\nb", "a@b.cz")
    write_workbook(path, sheet, [row, row])
    return openpyxl.load_workbook(path)


def test_the_header_is_as_people_and_programs_need_it(book: openpyxl.Workbook) -> None:
    sheet = book["Customers"]
    assert [cell.value for cell in sheet[1]][:3] == [REF, "id", "f0"]
    assert [cell.value for cell in sheet[2]][:3] == ["Row reference", "ID", "Label 0"]
    assert (sheet.row_dimensions[1].hidden, sheet.column_dimensions["A"].hidden) == (True, True)
    assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet.protection.sheet) == ("C3", "A2:L4", False)
    assert not sheet.tables
    assert book.active is sheet


def test_columns_are_typed_to_the_end_of_the_sheet(book: openpyxl.Workbook) -> None:
    sheet = book["Customers"]
    formats = {letters: sheet.column_dimensions[letters].number_format for letters in "ACFGK"}
    assert formats == {"A": "@", "C": "@", "F": "yyyy-mm-dd", "G": "yyyy-mm-dd hh:mm:ss", "K": "@"}
    assert [sheet[f"{letters}3"].number_format for letters in "ACFGK"] == list(formats.values())
    assert (sheet["F3"].value.date(), sheet["G4"].value, sheet["E3"].value) == (NOON.date(), NOON, 1.5)
    assert all(sheet.column_dimensions[letters].width >= len("Label 0") for letters in "CDEFGHIJKL")


def test_read_only_columns_are_tinted(book: openpyxl.Workbook) -> None:
    sheet = book["Customers"]
    colours = {letters: sheet[f"{letters}3"].fill.fgColor.rgb for letters in "BCL"}
    assert colours["B"] == colours["L"] != colours["C"]
    assert sheet.column_dimensions["L"].fill.fgColor.rgb == colours["L"]


def test_options_and_hints_are_offered(book: openpyxl.Workbook) -> None:
    rules = {str(rule.sqref): rule for rule in book["Customers"].data_validations.dataValidation}
    assert (rules["H3:H504"].formula1, rules["H3:H504"].showErrorMessage) == ('"Yes,No"', True)
    assert (rules["I3:I504"].formula1, rules["I3:I504"].showErrorMessage) == ("_lists!$A$1:$A$30", True)
    assert book["_lists"]["A30"].value == "A long option, number 29"
    assert "2024-12-31" in rules["F3:F504"].prompt
    assert "ead-only" in rules["L3:L504"].prompt
    assert all(len(rule.prompt) <= 255 and len(rule.promptTitle) <= 32 for rule in rules.values())


@pytest.mark.parametrize(("count", "last"), [(0, 502), (1, 503), (1000, 1502)])
def test_rules_end_with_the_spare_rows_below_the_data(tmp_path: Path, count: int, last: int) -> None:
    path = save(tmp_path / "a.xlsx", [("Yes", None)] * count, "boolean", "date")
    rules = openpyxl.load_workbook(path)["Customers"].data_validations.dataValidation
    assert {str(rule.sqref) for rule in rules} == {f"{letters}3:{letters}{last}" for letters in "BCD"}


def test_rules_end_with_the_grid() -> None:
    tail = f'<dataValidation sqref="C3:C{UNKNOWN_LAST_ROW}"/>'
    assert _bounded(tail, GRID_ROWS - 30, GRID_ROWS - 10) == f'<dataValidation sqref="C3:C{GRID_ROWS}"/>'


LABELS = (
    "a\x00\x0b\x1fb",
    "x" * 300,
    "😀" * 300,
    "_x0000_",
    "_x000D_" * 9,
    "\ud83d",
    "\uffff",
    "=1+1",
    "a\r\nb",
    "_ref|",
)
"""What a field may be called, once somebody has tried."""


@pytest.mark.asvs("R12")
@pytest.mark.parametrize("label", LABELS, ids=ascii)
@pytest.mark.parametrize("write", [write_workbook, write_csv])
def test_a_label_of_any_kind_is_read_as_written(tmp_path: Path, write: Any, label: str) -> None:
    path = tmp_path / ("a.xlsx" if write is write_workbook else "a.csv")
    options = (Option("a", label), Option("b", "B"))
    chosen = (Field("a", label, "select", options=options), Field("b", label, "date", help=label * 2))
    write(path, Sheet(REF, chosen, identity=label), [("R7.1.1.a", 1, "B", None)])
    table, rows = read(path)
    shown = [clean_text(label)] * 3 if clean_text(label) else []
    assert (table.ref, [text for text in table.labels if text]) == (REF, ["Row reference", *shown])
    assert [row[:3] for _, row in rows] == [["R7.1.1.a", rows[0][1][1], "B"]]
    if write is write_workbook:
        rules = openpyxl.load_workbook(path)["Customers"].data_validations.dataValidation
        held = [text for rule in rules for text in (rule.promptTitle, rule.prompt)]
        assert all(len(text.encode("utf-16-le")) <= 2 * 255 for text in held if text)
        assert all(len(rule.promptTitle.encode("utf-16-le")) <= 2 * 32 for rule in rules if rule.promptTitle)
        assert not [text for text in held if text and "_x0000_" in text.replace("_x005F_x0000_", "")]


def test_the_other_sheets_hold_guide_and_manifest(book: openpyxl.Workbook) -> None:
    assert [(sheet.title, sheet.sheet_state) for sheet in book.worksheets] == [
        ("Customers", "visible"),
        ("Guide", "visible"),
        ("_lists", "hidden"),
        ("_manifest", "veryHidden"),
    ]
    assert [cell.value for cell in book["Guide"]["A"]] == ["One", "Two"]
    assert [[cell.value for cell in row] for row in book["_manifest"]] == [["format", "rollbook1"], ["export", "7"]]
    assert book.properties.keywords == REF
    assert [prop.value for prop in book.custom_doc_props] == [REF]


def test_parts_refer_to_one_another_by_relative_names_and_text_is_shared(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", [("😀",)], "string")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert not [name for name, text in parts.items() if 'Target="/' in text]
    assert not [name for name, text in parts.items() if "inlineStr" in text]
    assert "$A$2:$C$3<" in parts["xl/workbook.xml"]
    assert next(iter(parts)) == "[Content_Types].xml"


def test_a_workbook_without_rows_and_guide_opens(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    write_workbook(path, Sheet(REF, fields("string")), [])
    assert openpyxl.load_workbook(path)["Customers"].auto_filter.ref == "A2:C2"
    assert read(path)[1] == []


def test_a_cell_is_written_alike_whatever_stands_around_it(tmp_path: Path) -> None:
    """Rows are written many at once, and a text is written once where it comes again."""
    rare = {700: " outer ", 1105: "<", 701: "_x0041_", 702: "| ", 703: "tab\there", 704: 12, 705: None}
    column = [rare.get(number, f"City {number % 7}" if number % 2 else f"{number:06d}") for number in range(1204)]
    path = save(tmp_path / "a.xlsx", [(value, number) for number, value in enumerate(column)], "text", "integer")
    _, rows = read(path)
    assert [cells[2:] for _, cells in rows] == [[value, number] for number, value in enumerate(column)]
    assert b'<t xml:space="preserve"> outer </t>' in zipfile.ZipFile(path).read(STRINGS)


def test_a_full_disk_is_told_though_packing_is_done_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_chunk: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zipfile._ZipWriteFile.write", full)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path / "a.xlsx", [("one",)], "text")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [write_workbook, write_csv])
def test_nothing_half_written_is_left(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "a.out"
    path.write_text("before")

    def rows() -> Any:
        yield ("R7.1.1.a", 1, "x")
        raise OSError("the database went away")

    with pytest.raises(OSError, match="went away"):
        write(path, Sheet(REF, fields("string")), rows())
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.out", "before")]


def test_the_largest_export_by_default_is_admitted(tmp_path: Path) -> None:
    limits = Limits(rows=5)
    with read_table(save(tmp_path / "a.xlsx", [("x",)] * 5, "string"), limits) as table:
        assert sum(1 for _ in table.rows) == 5
