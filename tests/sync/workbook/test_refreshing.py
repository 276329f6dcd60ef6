"""A workbook refreshed: our cells show something else, and every other byte of it is what it was."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.cells import Scalar, clean_text
from sync.errors import UnreadableWorkbook
from sync.fields import Field, Option
from sync.workbook import Limits, Sheet, write_workbook
from sync.workbook.appearing import appearing
from sync.workbook.dropdowns import inline_rule
from sync.workbook.refreshing.formulas import moved
from sync.workbook.refreshing.orders import Choice, Order
from sync.workbook.refreshing.running import refresh_workbook
from sync.workbook.table import Row
from tests.hostile import REFUSED, Rewrite, rewritten, string_bomb
from tests.sync.workbook.workbooks import (
    BOOK,
    CONTENT_TYPES,
    MAIN,
    PLAIN,
    REF,
    RELATIONS,
    SHEET,
    STRINGS,
    STYLES,
    TYPES,
    build,
    read,
    save,
)

NEW_REF = "_ref|rollbook1|8|4"
TYPES_OF_COLUMNS = ("string", "date", "money", "select")
OPTIONS = {"options": ()}
Patch = Mapping[int, Mapping[int, Scalar | None]]


def order(**values: Any) -> Order:
    plain = {"sheet": "Customers", "key_row": 1, "ref_column": 0, "ref": NEW_REF, "own": (0, 1, 2, 3, 4)}
    formats = {0: "@", 2: "@", 3: "yyyy-mm-dd", 4: "0.00"}
    return Order(**{**plain, "formats": formats, **values})


def refreshed(path: Path, patch: Patch, limits: Limits | None = None, **values: Any) -> Path:
    out = path.with_name("refreshed.xlsx")
    rows = [(1, {0: NEW_REF}), *patch.items()]
    refresh_workbook(path, out, order(**values), rows, limits or Limits())
    return out


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed_parts(before: Path, after: Path) -> set[str]:
    was, now = parts(before), parts(after)
    return {name for name in was.keys() | now.keys() if was.get(name) != now.get(name)}


def rows_of(path: Path) -> list[Row]:
    return read(path)[1]


def test_only_the_cells_that_were_asked_for_show_something_else(tmp_path: Path) -> None:
    rows = [("Ann", dt.date(2024, 1, 5), Decimal("1.50")), ("Bob", None, None), ("=1+1", dt.date(2024, 1, 7), None)]
    path = save(tmp_path / "own.xlsx", rows, *TYPES_OF_COLUMNS[:3])
    new = {0: "R8.2.5.abc", 2: "-😀\n007", 3: dt.date(2024, 2, 29), 4: Decimal("12.5")}
    out = refreshed(path, {4: new, 5: {2: None}})
    was, now = read(path), read(out)
    assert (was[0].ref, now[0].ref) == (REF, NEW_REF)
    assert now[1][0] == was[1][0]
    assert now[1][1] == (4, ["R8.2.5.abc", 2, "-😀\n007", dt.date(2024, 2, 29), 12.5])
    assert now[1][2] == (5, ["R7.3.1.abc", 3, None, dt.date(2024, 1, 7)])
    assert changed_parts(path, out) == {SHEET, STRINGS, STYLES, "docProps/custom.xml", "docProps/core.xml"}
    assert openpyxl.load_workbook(out)["Customers"]["D4"].number_format == "yyyy-mm-dd"


def test_the_workbook_says_of_which_export_it_is_now(tmp_path: Path) -> None:
    path = save(tmp_path / "own.xlsx", [("Ann",)], "string")
    out = refreshed(path, {}, manifest=(("format", "rollbook1"), ("export", "8")))
    book = openpyxl.load_workbook(out)
    assert [[cell.value for cell in row] for row in book["_manifest"]] == [["format", "rollbook1"], ["export", "8"]]
    assert book.properties.keywords == NEW_REF
    assert [one.value for one in book.custom_doc_props.props] == [NEW_REF]
    assert book["_manifest"].sheet_state == "veryHidden"


STYLED = (
    f'<styleSheet xmlns="{MAIN}"><fonts count="2"><font/><font><b/></font></fonts>'
    '<fills count="1"><fill><patternFill/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3">'
    '<xf numFmtId="0" fontId="1"/><xf numFmtId="14" fontId="1"><alignment wrapText="1"/></xf>'
    '<xf numFmtId="49" quotePrefix="1" fontId="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


_STRINGS_TYPE = f'<Override PartName="/{STRINGS}" ContentType="{TYPES}.sharedStrings+xml"/>'


def hand_made(path: Path, rows: str, **added: str) -> Path:
    """Build a workbook whose styles openpyxl can read, too."""
    types = PLAIN[CONTENT_TYPES].replace("</Types>", f"{_STRINGS_TYPE}</Types>")
    return build(path, rows, parts={STYLES: STYLED, CONTENT_TYPES: types, **added})


@pytest.mark.parametrize(
    ("column", "style", "value", "number_format", "quoted"),
    [
        (3, 0, dt.date(2024, 1, 5), "yyyy-mm-dd", False),
        (3, 1, dt.date(2024, 1, 5), "mm-dd-yy", False),
        (2, 0, "Brno", "@", False),
        (2, 0, "007", "@", True),
        (2, 2, "Brno", "@", True),
        (4, 1, Decimal("1.5"), "0.00", False),
        (4, 0, Decimal("1.5"), "General", False),
        (2, 0, None, "@", False),
    ],
)
def test_a_cell_keeps_its_style_unless_that_no_longer_shows_its_value(
    tmp_path: Path, column: int, style: int, value: Scalar, number_format: str, quoted: bool
) -> None:
    letters = "ABCDE"[column]
    data = f'<row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="3"><c r="{letters}3" s="{style}"><v>1</v></c></row>'
    path = hand_made(tmp_path / "own.xlsx", data)
    out = refreshed(path, {3: {column: value}}, sheet="People")
    cell = openpyxl.load_workbook(out)["People"][f"{letters}3"]
    assert (cell.number_format, bool(cell.quotePrefix), cell.font.b) == (number_format, quoted, True)


@pytest.mark.parametrize("prefix", ["", "x:"])
@pytest.mark.parametrize(
    "table", [f'<sst xmlns="{MAIN}"/>', f'<sst xmlns="{MAIN}" count="2"><si><t>a</t></si></sst>', None]
)
def test_texts_are_added_behind_those_that_are_there(tmp_path: Path, table: str | None, prefix: str) -> None:
    rows = '<row r="1"><c r="A1" t="inlineStr"><is><t>ref</t></is></c></row><row r="2"><c r="A2"><v>1</v></c></row>'
    rows += '<row r="3" spans="1:2"/><row r="4"><c r="A4"/></row>'
    added: dict[str, str] = {}
    if table:
        added[STRINGS] = table
    path = hand_made(tmp_path / "own.xlsx", rows, **added)
    if table is None:
        contents = {name: text for name, text in parts(path).items() if name != STRINGS}
        contents[CONTENT_TYPES] = contents[CONTENT_TYPES].replace(_STRINGS_TYPE.encode(), b"")
        related = "xl/_rels/workbook.xml.rels"
        contents[related] = contents[related].replace(b"sharedStrings", b"other")
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in contents.items():
                archive.writestr(name, text)
    if prefix:
        path = rewritten(path, tmp_path / "prefixed.xlsx", SHEET, _prefixed)
    out = refreshed(path, {3: {2: " a & <b> "}, 4: {1: "_x000D_"}}, sheet="People")
    assert rows_of(out)[-2:] == [(3, [None, None, " a & <b> "]), (4, [None, "_x000D_"])]
    assert openpyxl.load_workbook(out)["People"]["C3"].value == " a & <b> "


def _prefixed(xml: bytes) -> bytes:
    for name in (b"worksheet", b"sheetData", b"row", b"c", b"is", b"t", b"v"):
        for start in (b"<", b"</"):
            for end in (b" ", b">", b"/"):
                xml = xml.replace(start + name + end, start + b"x:" + name + end)
    return xml.replace(b" xmlns=", b" xmlns:x=")


SHARED = (
    '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
    '<row r="3"><c r="C3"><f t="shared" ref="C3:C5" si="0">$B3&amp;B$3&amp;"B3"</f><v>1</v></c>'
    '<c r="G3" t="str"><f>C3*2</f><v>2</v></c></row>'
    '<row r="4"><c r="C4"><f t="shared" si="0"/><v>7</v></c>'
    '<c r="G4"><f t="shared" ref="G4:G5" si="1">C4</f><v>7</v></c></row>'
    '<row r="5"><c r="C5"><f t="shared" si="0"/><v>7</v></c><c r="G5"><f t="shared" si="1"/><v>7</v></c></row>'
)


def test_a_formula_that_goes_leaves_those_who_shared_it_theirs(tmp_path: Path) -> None:
    path = hand_made(tmp_path / "own.xlsx", SHARED)
    out = refreshed(path, {3: {2: "plain"}}, sheet="People")
    sheet = openpyxl.load_workbook(out)["People"]
    assert [sheet[f"C{row}"].value for row in (3, 4, 5)] == ["plain", '=$B4&B$3&"B3"', '=$B5&B$3&"B3"']
    assert [sheet[f"G{row}"].value for row in (3, 4, 5)] == ["=C3*2", "=C4", "=C5"]


def test_no_result_of_a_formula_is_shown_that_may_be_out_of_date(tmp_path: Path) -> None:
    path = hand_made(tmp_path / "own.xlsx", SHARED)
    out = refreshed(path, {4: {3: "Brno"}}, sheet="People")
    sheet = openpyxl.load_workbook(out, data_only=True)["People"]
    assert [sheet[f"G{row}"].value for row in (3, 4, 5)] == [None, None, None]
    assert [sheet[f"C{row}"].value for row in (3, 4, 5)] == [1, 7, 7]
    assert b"calcPr fullCalcOnLoad" in parts(out)[BOOK]


def with_sheets(path: Path, *others: str, names: str = "", more: Mapping[str, str] | None = None) -> Path:
    """Build a workbook whose first sheet is ours, with others that hold these formulas."""
    sheets = "".join(f'<sheet name="S{at}" sheetId="{at}" r:id="rId{at + 10}"/>' for at, _one in enumerate(others, 2))
    related = "".join(
        f'<Relationship Id="rId{at + 10}" Type="{RELATIONS}/worksheet" Target="worksheets/sheet{at}.xml"/>'
        for at, _one in enumerate(others, 2)
    )
    base = hand_made(path.with_name("base.xlsx"), SHARED)
    contents = {name: text.decode() for name, text in parts(base).items()}
    contents[BOOK] = contents[BOOK].replace("</sheets>", f"{sheets}</sheets>{names}")
    relations = "xl/_rels/workbook.xml.rels"
    contents[relations] = contents[relations].replace("</Relationships>", f"{related}</Relationships>")
    for at, formula in enumerate(others, 2):
        cell = f'<row r="1"><c r="A1"><f>{formula}</f><v>5</v></c></row>'
        contents[f"xl/worksheets/sheet{at}.xml"] = (
            f'<worksheet xmlns="{MAIN}"><sheetData>{cell}</sheetData></worksheet>'
        )
    for name, text in (more or {}).items():
        contents[name] = contents.get(name, "").replace("</Types>", "").replace("</Relationships>", "") + text
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
    return path


def test_other_sheets_stay_byte_for_byte_unless_their_formulas_look_at_ours(tmp_path: Path) -> None:
    names = '<definedNames><definedName name="Total">People!$A$1</definedName></definedNames>'
    path = with_sheets(tmp_path / "own.xlsx", "A2*2", "People!A1", "Total+1", names=names)
    out = refreshed(path, {3: {3: "Brno"}}, sheet="People")
    changed = changed_parts(path, out)
    assert "xl/worksheets/sheet2.xml" not in changed
    assert {"xl/worksheets/sheet3.xml", "xl/worksheets/sheet4.xml", SHEET, STRINGS, BOOK} <= changed
    book = openpyxl.load_workbook(out, data_only=True)
    assert [book[name]["A1"].value for name in ("S2", "S3", "S4")] == [5, None, None]
    assert b"</definedNames><calcPr" in parts(out)[BOOK]


def test_the_order_of_calculation_goes_with_a_formula(tmp_path: Path) -> None:
    chain = "xl/calcChain.xml"
    override = f'<Override PartName="/{chain}" ContentType="{TYPES}.calcChain+xml"/></Types>'
    relation = f'<Relationship Id="c" Type="{RELATIONS}/calcChain" Target="calcChain.xml"/></Relationships>'
    more = {chain: f'<calcChain xmlns="{MAIN}"/>', CONTENT_TYPES: override, "xl/_rels/workbook.xml.rels": relation}
    path = with_sheets(tmp_path / "own.xlsx", more=more)
    kept, dropped = (parts(refreshed(path, {3: {column: "x"}}, sheet="People")) for column in (3, 2))
    assert chain in kept
    assert chain not in dropped
    assert b"calcChain" not in dropped[CONTENT_TYPES] + dropped["xl/_rels/workbook.xml.rels"]


def long_options(count: int) -> tuple[str, ...]:
    return tuple(f"Option, number {number}" for number in range(count))


@pytest.mark.parametrize(
    ("was", "now", "rule"),
    [
        (("A", "B"), ("A", "C"), '"A,C"'),
        (("A", "B"), long_options(40), "_lists!$B$1:$B$40"),
        (long_options(30), ("A", "C"), '"A,C"'),
        (long_options(30), long_options(40), "_lists!$B$1:$B$40"),
    ],
)
def test_dropdowns_of_ours_offer_the_options_of_today(tmp_path: Path, was: Any, now: Any, rule: str) -> None:
    long = tuple(Option(at, text) for at, text in enumerate(long_options(30)))
    mine = tuple(Option(at, text) for at, text in enumerate(was))
    fields = (Field("a", "A", "select", options=mine), Field("b", "B", "select", options=long))
    path = tmp_path / "own.xlsx"
    write_workbook(path, Sheet(ref=REF, fields=fields), [("R7.1.1.abc", 1, None, None)])
    choice = Choice(2, inline_rule(was), inline_rule(now), now)
    out = refreshed(path, {}, choices=(choice,))
    before, after = (
        {
            str(one.sqref): one.formula1
            for one in openpyxl.load_workbook(book)["Customers"].data_validations.dataValidation
        }
        for book in (path, out)
    )
    assert {column for column in before if before[column] != after[column]} == {next(c for c in before if c[0] == "C")}
    assert next(source for column, source in after.items() if column[0] == "C") == rule
    lists = openpyxl.load_workbook(out)["_lists"]
    assert [cell.value for cell in lists["A"]][:30] == list(long_options(30))
    if rule.startswith("_lists"):
        assert [cell.value for cell in lists["B"]] == list(now)


LINKS: dict[str, Mapping[str, str]] = {
    "a link to another workbook": {"xl/externalLinks/externalLink1.xml": "<externalLink/>"},
    "a connection to a server": {"xl/connections.xml": "<connections/>"},
    "a picture from elsewhere": {
        "xl/drawings/_rels/d.xml.rels": f'<Relationships><Relationship Id="a" Type="{RELATIONS}/image" '
        'Target="http://example.com/a.png" TargetMode="External"/></Relationships>'
    },
}


@pytest.mark.parametrize("link", LINKS)
def test_links_to_elsewhere_are_refused(tmp_path: Path, link: str) -> None:
    path = build(tmp_path / "own.xlsx", SHARED, parts=LINKS[link])
    with pytest.raises(UnreadableWorkbook, match="takes values from other files"):
        refreshed(path, {3: {3: "x"}}, sheet="People")
    assert not (tmp_path / "refreshed.xlsx").exists()


def test_addresses_that_people_click_are_no_links(tmp_path: Path) -> None:
    rels = (
        f'<Relationships><Relationship Id="a" Type="{RELATIONS}/hyperlink" Target="mailto:a@b.cz" '
        'TargetMode="External"/></Relationships>'
    )
    path = build(tmp_path / "own.xlsx", SHARED, parts={"xl/worksheets/_rels/sheet1.xml.rels": rels})
    assert refreshed(path, {3: {3: "x"}}, sheet="People").exists()


# To make a bomb of strings takes so much memory that tests which measure it would fail after this one.
@pytest.mark.parametrize(
    "damage", [one for one in REFUSED if one is not string_bomb], ids=lambda damage: damage.__name__
)
def test_what_reading_refuses_is_not_refreshed_either(tmp_path: Path, damage: Any) -> None:
    good = save(tmp_path / "good.xlsx", [("Ann",)], "string")
    bad = damage(good, tmp_path / "bad.xlsx")
    limits = Limits(part_bytes=64 << 20, total_bytes=96 << 20, wall_seconds=60)
    survivors = {"far_cell", "beyond_the_grid", "not_a_number", "missing_string"}  # their cells are not looked at
    try:
        refreshed(bad, {3: {2: "x"}}, limits)
    except UnreadableWorkbook:
        assert not (tmp_path / "refreshed.xlsx").exists()
    else:
        assert damage.__name__ in survivors
    assert [one.name for one in tmp_path.iterdir() if one.suffix == ".part"] == []


def in_utf16(xml: bytes) -> bytes:
    return xml.decode().encode("utf-16")


def cut(xml: bytes) -> bytes:
    return xml[:-20]


@pytest.mark.parametrize("rewrite", [in_utf16, cut])
def test_a_sheet_that_cannot_be_copied_is_refused(tmp_path: Path, rewrite: Rewrite) -> None:
    path = rewritten(hand_made(tmp_path / "own.xlsx", SHARED), tmp_path / "bad.xlsx", SHEET, rewrite)
    with pytest.raises(UnreadableWorkbook):
        refreshed(path, {3: {3: "x"}}, sheet="People")


def test_a_row_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableWorkbook):
        refreshed(hand_made(tmp_path / "own.xlsx", SHARED), {400: {2: "x"}}, sheet="People")


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def interrupted() -> None:
        with appearing(tmp_path / "out.txt") as file:
            file.write(b"half")
            assert list(tmp_path.iterdir()) == []
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    for content in (b"one", b"two"):
        with appearing(tmp_path / "out.txt") as file:
            file.write(content)
        assert (tmp_path / "out.txt").read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("formula", "result"),
    [
        ("A1+$A1+A$1+$A$1", "C4+$A4+C$1+$A$1"),
        ("SUM(A1:B2)*LOG10(A1)", "SUM(C4:D5)*LOG10(C4)"),
        ("Other!A1&'My A1 sheet'!A1", "Other!C4&'My A1 sheet'!C4"),
        ('"A1"&A1&"say ""A1"""', '"A1"&C4&"say ""A1"""'),
        ("SUM(A:B)+SUM($A:B)+SUM(1:1)+SUM($1:1)", "SUM(C:D)+SUM($A:D)+SUM(4:4)+SUM($1:4)"),
        ("Table1[A1]+A1_name+RATE2024", "Table1[A1]+A1_name+RATE2024"),
        ("XFD1+A1048576", "#REF!+#REF!"),
    ],
)
def test_a_formula_moves_as_programs_move_it(formula: str, result: str) -> None:
    assert moved(formula, 3, 2) == result


TEXTS = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)).map(
    lambda text: (text and clean_text(text)) or None
)
DATES = st.one_of(st.none(), st.dates(dt.date(1900, 3, 1), dt.date(2100, 1, 1)))


@settings(max_examples=25)
@given(st.lists(st.tuples(TEXTS, DATES), min_size=1, max_size=6), st.data())
def test_reading_gives_back_what_was_written_and_what_was_there(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, Any]], data: st.DataObject
) -> None:
    path = save(tmp_path_factory.mktemp("law") / "own.xlsx", rows, "string", "date")
    numbers = data.draw(st.sets(st.sampled_from(range(3, 3 + len(rows)))))
    patch = {number: {2: data.draw(TEXTS), 3: data.draw(DATES)} for number in sorted(numbers)}
    expected = {number: dict(enumerate(cells)) for number, cells in rows_of(path)}
    for number, cells in patch.items():
        expected[number] |= cells
    found = {number: dict(enumerate(cells)) for number, cells in rows_of(refreshed(path, patch))}
    assert {n: _filled(cells) for n, cells in found.items()} == {n: _filled(cells) for n, cells in expected.items()}


def _filled(cells: Mapping[int, Any]) -> dict[int, Any]:
    return {column: value for column, value in cells.items() if value is not None}
