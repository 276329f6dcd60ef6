"""What a cell's markup means, whoever wrote it."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import pytest

from sync.cells import Broken, Formula, RawCell
from tests.sync.workbook.workbooks import (
    BOOK,
    MAIN,
    PLAIN,
    RELATIONS,
    SHEET,
    STRINGS,
    STYLES,
    build,
    cells,
    read,
    sheet_xml,
)

HEADER = '<row r="1"><c r="A1"><v>1</v></c></row>'
DAY = dt.date(2024, 1, 5)
NOON = dt.datetime.combine(DAY, dt.time(12))

CELLS = [
    ("a shared string", '<c r="A2" t="s"><v>1</v></c>', "one"),
    ("an inline string", '<c r="A2" t="inlineStr"><is><t> a </t></is></c>', " a "),
    ("rich text", '<c r="A2" t="inlineStr"><is><r><rPr><b/></rPr><t>a</t></r><r><t> b</t></r></is></c>', "a b"),
    ("a phonetic guide", '<c r="A2" t="inlineStr"><is><t>東</t><rPh sb="0" eb="1"><t>ひがし</t></rPh></is></c>', "東"),
    ("an escape", '<c r="A2" t="str"><v>a_x000D_b_x005F_x000D_</v></c>', "a\rb_x000D_"),
    ("half a surrogate pair", '<c r="A2" t="str"><v>_xD83D_</v></c>', "_xD83D_"),
    ("CDATA", '<c r="A2" t="str"><v><![CDATA[<b>]]>&amp;<!-- no -->c</v></c>', "<b>&c"),
    ("an empty string", '<c r="A2" t="str"><v></v></c><c r="B2"><v>1</v></c>', None),
    ("a whole number", '<c r="A2"><v>5</v></c>', 5),
    ("a whole number with a point", '<c r="A2"><v>5.0</v></c>', 5),
    ("a negative number", '<c r="A2" t="n"><v>-7</v></c>', -7),
    ("a fraction", '<c r="A2"><v>29.85</v></c>', 29.85),
    ("an exponent", '<c r="A2"><v>1.5E3</v></c>', 1500),
    ("a rounded large number", '<c r="A2"><v>1E+20</v></c>', 1e20),
    ("twenty digits", '<c r="A2"><v>12345678901234567890</v></c>', 12345678901234567890),
    ("white space round a number", '<c r="A2"><v> 5\n</v></c>', 5),
    ("not a number", '<c r="A2"><v>NaN</v></c>', Broken("NaN")),
    ("infinity", '<c r="A2"><v>-INF</v></c>', Broken("-INF")),
    ("too large a number", '<c r="A2"><v>1e999</v></c>', Broken("1e999")),
    ("digits of another script", '<c r="A2"><v>\u0665</v></c>', Broken("\u0665")),
    ("a number with underscores", '<c r="A2"><v>1_000</v></c>', Broken("1_000")),
    ("ten thousand digits", f'<c r="A2"><v>{"9" * 10_000}</v></c>', Broken("9" * 40)),
    ("true", '<c r="A2" t="b"><v>1</v></c>', True),
    ("false", '<c r="A2" t="b"><v>false</v></c>', False),
    ("an error", '<c r="A2" t="e"><v>#N/A</v></c>', Broken("#N/A")),
    ("a date", '<c r="A2" s="1"><v>45296</v></c>', DAY),
    ("a date in a custom format", '<c r="A2" s="2" t="n"><v>45296.0</v></c>', DAY),
    ("a date with its time", '<c r="A2" s="1"><v>45296.5</v></c>', NOON),
    ("a second before midnight", '<c r="A2" s="1"><v>45295.999999</v></c>', DAY),
    ("a duration", '<c r="A2" s="3"><v>45296</v></c>', 45296),
    ("a number of days", '<c r="A2" s="4"><v>45296</v></c>', 45296),
    ("a serial before March 1900", '<c r="A2" s="1"><v>60</v></c>', 60),
    ("the first certain date", '<c r="A2" s="1"><v>61</v></c>', dt.date(1900, 3, 1)),
    ("the last date", '<c r="A2" s="1"><v>2958465</v></c>', dt.date(9999, 12, 31)),
    ("a serial after the last date", '<c r="A2" s="1"><v>2958466</v></c>', 2958466),
    ("an ISO date", '<c r="A2" t="d"><v>2024-01-05</v></c>', DAY),
    ("an ISO time", '<c r="A2" t="d"><v>2024-01-05T12:00:00.2Z</v></c>', NOON),
    ("a style that does not exist", '<c r="A2" s="99"><v>45296</v></c>', 45296),
    ("a formula", '<c r="A2"><f>1+1</f><v>2</v></c>', Formula(2)),
    ("a formula for text", '<c r="A2" t="str"><f>A1&amp;""</f><v>x</v></c>', Formula("x")),
    ("a formula for an empty text", '<c r="A2" t="str"><f>""</f><v></v></c>', Formula("")),
    ("a formula for a date", '<c r="A2" s="1"><f>TODAY()</f><v>45296</v></c>', Formula(DAY)),
    ("a formula that nobody calculated", '<c r="A2"><f>1+1</f></c>', Broken("")),
    ("a formula with a blank value", '<c r="A2"><f>1+1</f><v></v></c>', Broken("")),
    ("a formula with an error", '<c r="A2" t="e"><f>NA()</f><v>#N/A</v></c>', Broken("#N/A")),
    ("a shared formula", '<c r="A2"><f t="shared" si="0"/><v>3</v></c>', Formula(3)),
    ("LibreOffice's truth", '<c r="A2" t="b"><f aca="false">TRUE()</f><v>1</v></c>', True),
    ("LibreOffice's falsehood", '<c r="A2" t="n"><f>FALSE()</f><v>0</v></c>', False),
    ("a cell without an address", '<c t="str"><v>x</v></c>', "x"),
    ("an absolute address", '<c r="$a$2"><v>4</v></c>', 4),
    ("an extension inside a cell", '<c r="A2"><v>4</v><extLst><ext><v>5</v><c/></ext></extLst></c>', 4),
    ("an unknown type", '<c r="A2" t="zz"><v>4</v></c>', Broken("4")),
]  # fmt: skip


@pytest.mark.parametrize(("markup", "value"), [case[1:] for case in CELLS], ids=[case[0] for case in CELLS])
def test_a_cell_means(tmp_path: Path, markup: str, value: RawCell) -> None:
    cell = cells(build(tmp_path / "a.xlsx", f'{HEADER}<row r="2">{markup}</row>'))[0]
    assert (type(cell), cell) == (type(value), value)


def test_cells_stand_where_their_addresses_say(tmp_path: Path) -> None:
    row = '<row r="2"><c r="C2"><v>3</v></c><c r="A2"><v>1</v></c><c><v>2</v></c><c r="E2" s="1"/></row>'
    assert cells(build(tmp_path / "a.xlsx", HEADER + row)) == [1, 2, 3]


def test_rows_without_numbers_follow_one_another(tmp_path: Path) -> None:
    rows = "<row><c><v>1</v></c></row><row/><row><c><v>2</v></c></row>"
    assert read(build(tmp_path / "a.xlsx", rows))[1] == [(3, [2])]


def test_rows_may_be_out_of_order(tmp_path: Path) -> None:
    rows = "".join(f'<row r="{number}"><c r="A{number}"><v>{number}</v></c></row>' for number in (2, 1, 50, 40))
    table, data = read(build(tmp_path / "a.xlsx", rows))
    assert (table.labels, data) == (("1",), [(2, [2]), (50, [50]), (40, [40])])


def test_prefixes_and_strict_namespaces_make_no_difference(tmp_path: Path) -> None:
    strict = "http://purl.oclc.org/ooxml/spreadsheetml/main"
    relations = "http://purl.oclc.org/ooxml/officeDocument/relationships"
    prefixed = (
        f'<x:worksheet xmlns:x="{strict}"><x:sheetData><x:row r="1"><x:c r="A1" t="s"><x:v>0</x:v></x:c></x:row>'
        '<x:row r="2"><x:c r="A2" t="inlineStr"><x:is><x:t>b</x:t></x:is></x:c></x:row></x:sheetData></x:worksheet>'
    )
    parts = {name: PLAIN[name].replace(RELATIONS, relations) for name in ("_rels/.rels", "xl/_rels/workbook.xml.rels")}
    book = PLAIN[BOOK].replace(MAIN, strict).replace(RELATIONS, relations)
    strings = f'<x:sst xmlns:x="{strict}"><x:si><x:r><x:t>lab</x:t></x:r><x:r><x:t>el</x:t></x:r></x:si></x:sst>'
    path = build(tmp_path / "a.xlsx", parts={**parts, BOOK: book, SHEET: prefixed, STRINGS: strings})
    table, data = read(path)
    assert (table.labels, data) == (("label",), [(2, ["b"])])


def test_dates_may_count_from_1904(tmp_path: Path) -> None:
    book = PLAIN[BOOK].replace("<sheets>", '<workbookPr date1904="1"/><sheets>')
    rows = HEADER + '<row r="2"><c r="A2" s="1"><v>43834</v></c><c r="B2" s="1"><v>0.5</v></c></row>'
    assert cells(build(tmp_path / "a.xlsx", rows, parts={BOOK: book})) == [DAY, 0.5]


def test_parts_in_utf16_with_odd_names_are_read(tmp_path: Path) -> None:
    text = sheet_xml(HEADER + '<row r="2"><c r="A2" t="str"><v>ř€😀</v></c></row>')
    declared = f'<?xml version="1.0" encoding="UTF-16"?>{text}'
    parts = {"XL\\Worksheets\\Sheet1.XML": declared.encode("utf-16")}
    path = tmp_path / "odd.xlsx"
    build(path, parts=parts)
    _without(path, SHEET)
    assert cells(path) == ["ř€😀"]


def test_a_workbook_without_styles_and_strings_is_read(tmp_path: Path) -> None:
    path = build(tmp_path / "a.xlsx", HEADER + '<row r="2"><c r="A2" s="1"><v>45296</v></c></row>')
    _without(path, STYLES, STRINGS)
    assert cells(path) == [45296]


def _without(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist() if name not in names}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in kept.items():
            archive.writestr(name, content)
