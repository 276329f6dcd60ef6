"""What people and programs do to the sheet around its values: where it means nothing, and where it is said."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.table import Table

from sync.workbook.limits import GRID_ROWS
from tests.databases import Database
from tests.fidelity.small import ANN, BOB, EVA, GROUPS, JAN, NAMES, ZOFIE, Book, Change, Small, small
from tests.hostile import SHEET, rewritten

Rewrite = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def panel(sqlite_template: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    with small(sqlite_template, tmp_path_factory.mktemp("small")) as panel:
        yield panel


def move_to_zlin(book: Book) -> None:
    book.put(BOB, city="Zlin")


def cells_of(plan: dict[str, Any], group: str = "changes") -> list[tuple[Any, ...]]:
    return [(one["id"], one["field"], one["workbook"]) for one in plan[group]]


def check_zlin(plan: dict[str, Any], path: Path) -> None:
    """One edit was found, at the address where the file has it, and nothing else was."""
    assert cells_of(plan) == [(2, "city", "Zlin")]
    sheet, _, address = plan["changes"][0]["at"].partition("!")
    assert str(openpyxl.load_workbook(path)[sheet][address].value) == "Zlin"
    assert {group: plan[group] for group in GROUPS if group != "changes"} == {g: [] for g in GROUPS if g != "changes"}
    assert (plan["rows"], plan["unchanged"], plan["updated"]) == (len(NAMES), len(NAMES) - 1, 1)


# What means nothing


def another_order(book: Book) -> None:
    book.book.move_sheet("Customers", 3)
    book.book.create_sheet("Mine", 0)["A1"] = "A list of my own"
    book.book.active = 0


def without_our_other_sheets(book: Book) -> None:
    for name in {"_manifest", "_lists", "Guide"} & set(book.book.sheetnames):
        del book.book[name]
    book.book.custom_doc_props.props.clear()
    book.book.properties.keywords = None


def another_name(book: Book) -> None:
    book.sheet.title = "Zákazníci, 2026"


def title_above(book: Book) -> None:
    book.sheet.insert_rows(1, 2)
    book.sheet["C1"] = "Customers of the north"


def moved_right(book: Book) -> None:
    book.sheet.insert_cols(1, 2)


def empty_column(book: Book) -> None:
    book.sheet.insert_cols(6)


def translated(book: Book) -> None:
    for column in range(1, book.sheet.max_column + 1):
        book.sheet.cell(2, column).value = f"Sloupec {column}"


def without_labels(book: Book) -> None:
    book.sheet.delete_rows(2)


def mirrored(book: Book) -> None:
    rows = [[cell.value for cell in row] for row in book.sheet.iter_rows()]
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(reversed(row), 1):
            book.sheet.cell(number, column).value = value


def grouped(book: Book) -> None:
    book.sheet.row_dimensions.group(ANN, EVA)
    book.sheet.column_dimensions.group("D", "F", hidden=True)


def as_table(book: Book) -> None:
    last = get_column_letter(book.sheet.max_column)
    book.sheet.auto_filter.ref = None
    book.sheet.add_table(Table(displayName="People", ref=f"A2:{last}{ZOFIE}"))


def unfiltered(book: Book) -> None:
    book.sheet.auto_filter.ref = None
    book.sheet.freeze_panes = None
    book.sheet.data_validations.dataValidation.clear()


def linked(book: Book) -> None:
    for row in range(ANN, ZOFIE + 1):
        cell = book.sheet[f"{book.columns['emails']}{row}"]
        cell.hyperlink = f"mailto:{cell.value}"


def in_runs(book: Book) -> None:
    book.put(EVA, full_name=CellRichText("E", TextBlock(InlineFont(b=True), "v"), "a"))


def marked_as_text(book: Book) -> None:
    for row in range(ANN, ZOFIE + 1):
        for key in ("zip_code", "city", "full_name"):
            book.sheet[f"{book.columns[key]}{row}"].quotePrefix = True


def formulas_of_truth(book: Book) -> None:
    for row in range(ANN, ZOFIE + 1):
        book.put(row, paid="=TRUE()" if (row - ANN) % 2 == 0 else "=FALSE()")


def general_dates(book: Book) -> None:
    for row in range(ANN, ZOFIE + 1):
        cell = book.sheet[f"{book.columns['since']}{row}"]
        cell.number_format, cell.value = "General", 45292 + row - ANN


def numbers_as_text(book: Book) -> None:
    for row in range(ANN, ZOFIE + 1):
        cell = book.sheet[f"{book.columns['fee']}{row}"]
        cell.number_format, cell.value = "@", 29.9
        book.sheet[f"B{row}"] = str(book.sheet[f"B{row}"].value)


def since_1904(book: Book) -> None:
    book.book.epoch = CALENDAR_MAC_1904


MEANINGLESS: list[Change] = [
    another_order, without_our_other_sheets, another_name, title_above, moved_right, empty_column, translated,
    without_labels, mirrored, grouped, as_table, unfiltered, linked, in_runs, marked_as_text, formulas_of_truth,
    general_dates, numbers_as_text, since_1904,
]  # fmt: skip


@pytest.mark.parametrize("change", MEANINGLESS, ids=lambda change: change.__name__)
def test_this_means_nothing_and_hides_no_edit(panel: Small, change: Change) -> None:
    path = panel.changed(move_to_zlin, change)
    check_zlin(panel.plan(path), path)


def test_all_of_it_together_means_nothing(panel: Small) -> None:
    together = (without_our_other_sheets, grouped, linked, in_runs, formulas_of_truth, general_dates, another_name)
    path = panel.changed(move_to_zlin, *together, translated, moved_right, title_above, mirrored)
    check_zlin(panel.plan(path), path)


# What programs write that openpyxl does not


def each(pattern: bytes, replacement: bytes | Callable[[re.Match[bytes]], bytes]) -> Rewrite:
    """Replace in a part, at one place at least."""

    def rewrite(xml: bytes) -> bytes:
        changed, times = re.subn(pattern, replacement, xml)
        assert times
        return changed

    return rewrite


def reversed_rows(xml: bytes) -> bytes:
    rows = re.findall(rb'<row r="[3-7]".*?</row>', xml)
    assert len(rows) == len(NAMES)
    return xml.replace(b"".join(rows), b"".join(reversed(rows)))


# Every cell of the first row is filled, so that it may stand without its address.
MARKUP: dict[str, tuple[str, Rewrite]] = {
    "a wrong dimension": (SHEET, each(rb"<sheetData>", b'<dimension ref="A1:B2"/><sheetData>')),
    "rows in the opposite order": (SHEET, reversed_rows),
    "cells of the header without an address": (SHEET, each(rb'<c r="[A-Z]+[12]"', b"<c")),
    "texts without a mark for white space": ("xl/sharedStrings.xml", each(rb' xml:space="preserve"', b"")),
    "phonetic guides": (
        "xl/sharedStrings.xml",
        each(rb"<t>(Eva)</t>", rb'<r><t>\1</t></r><rPh sb="0" eb="1"><t>eva</t></rPh><phoneticPr fontId="1"/>'),
    ),
    "elements with a prefix": (
        SHEET,
        lambda xml: re.sub(rb"<(/?)(?=[a-zA-Z])", rb"<\1x:", xml).replace(b"xmlns=", b"xmlns:x="),
    ),
}


@pytest.mark.parametrize("what", MARKUP)
def test_other_markup_means_nothing_and_hides_no_edit(panel: Small, tmp_path: Path, what: str) -> None:
    part, rewrite = MARKUP[what]
    edited = rewritten(panel.out, tmp_path / "edited.xlsx", "xl/sharedStrings.xml", each(rb"Brno 1(?=<)", b"Zlin"))
    path = rewritten(edited, tmp_path / "back.xlsx", part, rewrite)
    plan = panel.plan(path)
    assert (cells_of(plan), plan["problems"], plan["repairs"], plan["unchanged"]) == ([(2, "city", "Zlin")], [], [], 4)
    assert plan["changes"][0]["at"] == f"Customers!{panel.columns['city']}{BOB}"


USUAL = b"http://schemas.openxmlformats.org/"
STRICT = (
    (USUAL + b"spreadsheetml/2006/main", b"http://purl.oclc.org/ooxml/spreadsheetml/main"),
    (USUAL + b"officeDocument/2006/relationships", b"http://purl.oclc.org/ooxml/officeDocument/relationships"),
)


def strict(xml: bytes) -> bytes:
    for usual, other in STRICT:
        xml = xml.replace(usual, other)
    return xml


def test_strict_open_xml_is_read_like_the_usual_one(panel: Small, tmp_path: Path) -> None:
    path = panel.changed(move_to_zlin)
    parts = (SHEET, "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "_rels/.rels", "xl/styles.xml")
    for number, part in enumerate(parts):
        path = rewritten(path, tmp_path / f"{number}.xlsx", part, strict)
    assert cells_of(panel.plan(path)) == [(2, "city", "Zlin")]


def test_a_million_empty_formatted_rows_cost_little(
    panel: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = b"".join(b'<row r="%d" s="1" customFormat="1"/>' % row for row in range(ZOFIE + 1, GRID_ROWS + 1))
    full = each(rb"</sheetData>", empty + b"</sheetData>")
    path = rewritten(panel.changed(move_to_zlin), tmp_path / "full.xlsx", SHEET, full)
    # The process that reads is ended above either of these.
    monkeypatch.setitem(panel.app.config, "ROLLBOOK_IMPORT_MEMORY_MEGABYTES", 64)
    monkeypatch.setitem(panel.app.config, "ROLLBOOK_IMPORT_SECONDS", 30)
    plan = panel.plan(path)
    assert (cells_of(plan), plan["rows"]) == ([(2, "city", "Zlin")], len(NAMES))


# What is said


def hide(*rows: int) -> Change:
    def change(book: Book) -> None:
        for row in rows:
            book.sheet.row_dimensions[row].hidden = True

    return change


@pytest.mark.parametrize(
    ("rows", "hidden", "said"),
    [
        ((ANN, BOB, EVA), [BOB, EVA], "2 hidden rows contain edits. They count like the others"),
        ((EVA, JAN), [EVA], "1 hidden row contains edits. It counts like the others"),
        ((ANN, JAN), [], ""),
    ],
)
def test_edits_in_hidden_rows_count_and_are_reported(
    panel: Small, rows: tuple[int, ...], hidden: list[int], said: str
) -> None:
    plan = panel.plan(panel.changed(move_to_zlin, lambda book: book.put(EVA, city="Kolin"), hide(*rows)))
    assert cells_of(plan) == [(2, "city", "Zlin"), (3, "city", "Kolin")]
    assert plan["hidden_rows"] == hidden
    assert any(note.startswith(said) for note in plan["notes"]) if said else plan["notes"] == []
    assert said in plan["said"]


def test_a_hidden_row_is_known_in_the_plain_markup_of_most_programs(panel: Small, tmp_path: Path) -> None:
    edited = rewritten(panel.out, tmp_path / "edited.xlsx", "xl/sharedStrings.xml", each(rb"Brno 1(?=<)", b"Zlin"))
    hidden = each(rb'<row r="4"', b'<row r="4" hidden="1"')
    assert panel.plan(rewritten(edited, tmp_path / "back.xlsx", SHEET, hidden))["hidden_rows"] == [BOB]


def test_a_new_customer_in_a_hidden_row_is_reported(panel: Small) -> None:
    plan = panel.plan(panel.changed(lambda book: book.put(50, full_name="New"), hide(50)))
    assert (plan["created"], plan["hidden_rows"]) == (1, [50])


def hide_columns(*keys: str) -> Change:
    def change(book: Book) -> None:
        for key in keys:
            book.sheet.column_dimensions[book.columns[key]].hidden = True

    return change


def new_in_hidden(book: Book) -> None:
    book.put(50, full_name="New", street="Long 1")


@pytest.mark.parametrize(
    ("change", "keys", "said"),
    [
        (move_to_zlin, ("city",), "Hidden columns contain edits: City ({city}). They count like the others"),
        (new_in_hidden, ("street", "city"), "Hidden columns contain edits: Street ({street})."),
        (move_to_zlin, ("street", "note"), ""),
    ],
)
def test_edits_in_hidden_columns_count_and_are_reported(
    panel: Small, change: Change, keys: tuple[str, ...], said: str
) -> None:
    plan = panel.plan(panel.changed(change, hide_columns(*keys)))
    said = said.format(**panel.columns)
    assert plan["updated"] + plan["created"] == 1
    assert plan["hidden_columns"] == ([panel.columns[keys[0]]] if said else [])
    assert any(note.startswith(said) for note in plan["notes"]) if said else plan["notes"] == []
    assert said in plan["said"]


def test_a_deletion_in_a_hidden_column_is_reported(panel: Small) -> None:
    def delete(book: Book) -> None:
        book.put(ZOFIE, action="delete")

    plan = panel.plan(panel.changed(delete, hide_columns("action", "city")))
    assert (plan["deleted"], plan["hidden_columns"]) == (1, [panel.columns["action"]])


def merge(first: str, last: str, top: int, bottom: int) -> Change:
    def change(book: Book) -> None:
        columns = {"token": "A", "id": "B", **book.columns}
        book.sheet.merge_cells(f"{columns[first]}{top}:{columns[last]}{bottom}")

    return change


def test_cells_that_vanish_in_a_merge_are_problems_and_no_clears(panel: Small) -> None:
    plan = panel.plan(panel.changed(merge("city", "city", BOB, JAN)))
    city = panel.columns["city"]
    assert (plan["cleared"], cells_of(plan), plan["refused"]) == (0, [], 2)
    assert [(one["at"], one["id"], one["field"]) for one in plan["problems"]] == [
        (f"Customers!{city}{EVA}", 3, "city"),
        (f"Customers!{city}{JAN}", 4, "city"),
    ]
    assert all(f"{city}{BOB}:{city}{JAN} is one merged cell" in one["message"] for one in plan["problems"])
    assert all("Unmerge it" in one["message"] for one in plan["problems"])


def test_a_required_value_that_vanishes_in_a_merge_names_the_merge(panel: Small) -> None:
    (problem,) = panel.plan(panel.changed(merge("full_name", "full_name", ANN, BOB)))["problems"]
    assert (problem["id"], "merged cell" in problem["message"]) == (2, True)


def test_a_row_whose_reference_is_merged_away_is_nobody_new(panel: Small) -> None:
    plan = panel.plan(panel.changed(move_to_zlin, merge("token", "id", ANN, BOB)))
    assert (plan["created"], plan["refused"]) == (0, 1)
    (problem,) = plan["problems"]
    assert (problem["at"], "merged away in A3:B4" in problem["message"]) == (f"Customers!{BOB}", True)


def test_a_merge_of_other_cells_means_nothing(panel: Small) -> None:
    path = panel.changed(move_to_zlin, title_above, lambda book: book.sheet.merge_cells("C1:F1"))
    check_zlin(panel.plan(path), path)


def test_a_copy_of_the_sheet_is_a_problem_that_names_both(panel: Small) -> None:
    def copy(book: Book) -> None:
        book.book.copy_worksheet(book.sheet).title = "Backup"

    plan = panel.plan(panel.changed(copy))
    (problem,) = plan["problems"]
    assert (plan["exit"], problem["at"]) == (1, "Backup!A1")
    assert "'Backup' holds rows of an export, too, and only 'Customers' was read" in problem["message"]
    assert "Delete the sheet" in problem["message"]


def test_a_copied_column_is_refused_with_both_letters(panel: Small) -> None:
    def double(book: Book) -> None:
        last = get_column_letter(book.sheet.max_column + 1)
        for row in range(1, ZOFIE + 1):
            book.sheet[f"{last}{row}"] = book.sheet[f"{book.columns['city']}{row}"].value

    plan = panel.plan(panel.changed(double))
    assert plan["exit"] == 1
    assert re.search(r"Columns [A-Z]+ and [A-Z]+ both hold City\. Remove one of them", plan["error"])


def test_a_column_of_somebodys_own_between_ours_is_proposed_and_nothing_else(panel: Small) -> None:
    def own(book: Book) -> None:
        book.sheet.insert_cols(7)
        book.sheet["G2"], book.sheet["G3"] = "To call", "yes"

    plan = panel.plan(panel.changed(move_to_zlin, own))
    assert [one["header"] for one in plan["new_fields"]] == ["To call"]
    assert (cells_of(plan), plan["problems"]) == ([(2, "city", "Zlin")], [])


def clear_tokens(*rows: int) -> Change:
    def change(book: Book) -> None:
        for row in rows:
            book.sheet[f"A{row}"] = None

    return change


def without_tokens_and_keys(book: Book) -> None:
    clear_tokens(*range(1, ZOFIE + 1))(book)
    without_our_other_sheets(book)
    book.sheet.delete_rows(1)
    book.sheet.delete_cols(1)


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        (clear_tokens(BOB), 1),
        (clear_tokens(*range(ANN, ZOFIE + 1)), 5),
        (without_tokens_and_keys, 5),
    ],
    ids=["one token", "all tokens", "everything of ours"],
)
def test_without_references_it_is_said_that_two_sides_only_are_compared(
    panel: Small, change: Change, rows: int
) -> None:
    def edit(book: Book) -> None:
        book.put(BOB, city="Zlin", zip_code=None)

    path = panel.changed(edit, change)
    plan = panel.plan(path)
    assert cells_of(plan, "conflicts") == [(2, "city", "Zlin")]
    assert (plan["conflicts"][0]["outcome"], plan["cleared"], plan["created"]) == ("base-unknown", 0, 0)
    assert any(note.startswith(f"Two-way mode for {rows} of 5 rows") for note in plan["notes"])
    assert "Two-way mode" in plan["said"]
    assert (plan["problems"], plan["new_fields"], plan["exit"]) == ([], [], 1)
    assert cells_of(panel.plan(path, "--accept-unknown")) == [(2, "city", "Zlin")]


def test_a_workbook_with_its_references_has_three_sides_and_no_note(panel: Small) -> None:
    assert panel.plan(panel.changed(move_to_zlin))["notes"] == []


@pytest.mark.parametrize("label", ["city", "id"])
def test_a_row_of_totals_below_is_no_customer(panel: Small, tmp_path: Path, label: str) -> None:
    columns = {"id": "B", **panel.columns}
    fee = columns["fee"]
    cells = (
        f'<c r="{columns[label]}50" t="str"><v>Total</v></c>'
        f'<c r="{fee}50"><f>SUBTOTAL(109,{fee}3:{fee}7)</f><v>149.5</v></c>'
    )
    row = f'<row r="50">{cells}</row></sheetData>'.encode()
    plan = panel.plan(rewritten(panel.out, tmp_path / "total.xlsx", SHEET, each(rb"</sheetData>", row)))
    assert (plan["rows"], plan["created"], plan["problems"], plan["exit"]) == (5, 0, [], 0)
    assert plan["notes"] == ["Rows that sum up others are no customers and were left out: 50."]


@pytest.mark.parametrize("row", [8, 50], ids=["prepared", "below"])
@pytest.mark.parametrize(
    ("cells", "is_total"),
    [
        ({"full_name": "Total", "fee": 149.5}, True),
        ({"full_name": " celkem: ", "fee": "149,50"}, True),
        ({"city": "Sum", "fee": 149.5}, True),
        ({"id": "Total", "fee": 149.5}, True),
        ({"full_name": "Total", "fee": 149.5, "city": "Brno"}, False),
        ({"full_name": "Total"}, False),
        ({"full_name": "Totaly Me", "fee": 29.9}, False),
        ({"full_name": "Sum", "zip_code": "00420"}, False),
    ],
)
def test_totals_pasted_as_values_are_a_problem_and_no_customer(
    panel: Small, row: int, cells: dict[str, Any], is_total: bool
) -> None:
    def paste(book: Book) -> None:
        book.columns = {"id": "B", **book.columns}
        book.put(row, **cells)

    plan = panel.plan(panel.changed(paste))
    told = [one["at"] for one in plan["problems"] if "looks like a row of totals" in one["message"]]
    assert (plan["created"], told) == ((0, [f"Customers!{row}"]) if is_total else (1, []))


def test_a_value_from_a_formula_is_taken_and_says_so(panel: Small, tmp_path: Path) -> None:
    city = panel.columns["city"]
    formula = f'<c r="{city}{BOB}" t="str"><f>"Zl"&amp;"in"</f><v>Zlin</v></c>'.encode()
    cell = f'<c r="{city}{BOB}"[^>]*>.*?</c>'.encode()
    plan = panel.plan(rewritten(panel.out, tmp_path / "formula.xlsx", SHEET, each(cell, formula)))
    assert cells_of(plan) == [(2, "city", "Zlin")]
    assert plan["changes"][0]["message"] == "The value was calculated by a formula."


def test_a_number_in_a_text_cell_is_repaired_from_what_it_was(panel: Small) -> None:
    plan = panel.plan(panel.changed(lambda book: book.put(BOB, zip_code=420, since=dt.date(2024, 1, 2))))
    assert (plan["exit"], cells_of(plan), cells_of(plan, "repairs")) == (0, [], [(2, "zip_code", 420)])
