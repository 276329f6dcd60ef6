"""Files that no program wrote in earnest, and files that people take for workbooks: a sentence each, and at once."""

from __future__ import annotations

import io
import stat
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sync.errors import UnreadableWorkbook
from sync.workbook import Limits, open_table
from tests.sync.workbook.workbooks import (
    BOOK,
    CONTENT_TYPES,
    MAIN,
    PLAIN,
    SHEET,
    STRINGS,
    STYLES,
    build,
    sheet_xml,
)

SECONDS = 20
SMALL = replace(Limits(), sheets=3, merges=5, rules=5, rows=4, cells=30, styles=50, columns=10, depth=8, entries=20)
ROW = '<row r="{0}"><c r="A{0}"><v>1</v></c></row>'
DOCTYPE = '<!DOCTYPE x [<!ENTITY a "b">]>'
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)


def opened(path: Path, limits: Limits | None = None) -> int:
    """Return the number of rows of an upload, in the time that any file may take."""
    began = time.monotonic()
    with open_table(path, limits or Limits()) as table:
        count = sum(1 for _ in table.rows)
    assert time.monotonic() - began < SECONDS
    return count


def refusal(path: Path, limits: Limits | None = None) -> str:
    began = time.monotonic()
    with pytest.raises(UnreadableWorkbook) as refused, open_table(path, limits or Limits()) as table:
        list(table.rows)
    assert time.monotonic() - began < SECONDS
    sentence = str(refused.value)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert str(path.parent) not in sentence
    return sentence


FILES = [
    ("text.xlsx", b"a,b\r\n1,2\r\n", "not an Excel workbook"),
    ("page.xlsx", b"\xef\xbb\xbf<html><table><tr><td>1", "web page"),
    ("xml2003.xlsx", '<?xml version="1.0"?><Workbook/>'.encode("utf-16"), "web page or XML"),
    ("old.xlsx", OLE, "old Excel workbook (.xls)"),
    ("old.xls", OLE, "old Excel workbook (.xls)"),
    ("secret.xlsx", OLE + "EncryptedPackage".encode("utf-16-le") + bytes(9), "protected by a password"),
    ("none.xlsx", b"", "empty"),
    ("none.csv", b"", "empty"),
    ("mark.csv", b"\xef\xbb\xbf", "empty"),
    ("mark.tsv", b"\xff\xfe", "empty"),
    ("mark.txt", b"\xfe\xff", "empty"),
    ("cut.xlsx", b"PK\x03\x04" + bytes(300), "damaged"),
    ("a.pdf", b"%PDF-1.7", "neither an Excel workbook nor a CSV file"),
    ("a.bin", b"PK\x03\x04" + bytes(300), "damaged"),
    ("a.xlsb", b"PK\x03\x04", "binary Excel workbook (.xlsb)"),
    ("a.xlsm", b"PK\x03\x04", "macros"),
    ("a.ods", b"PK\x03\x04", "OpenDocument"),
    ("zip.csv", b"PK\x03\x04", "name says CSV"),
    ("page.csv", b"<!DOCTYPE html>", "name says CSV"),
    ("binary.csv", b"a,b\r\n1,\x00\r\n", "not a CSV file"),
    ("late.csv", b"a,b\r\n" * 50_000 + b"1,\x00\r\n", "not a CSV file"),
    ("odd.txt", b"a,\x81\x9d\x83\x98\r\n", "unknown encoding"),
    ("utf16.csv", b"\xff\xfea\x00,\x00\x00\xd8", "not a CSV file"),
]


@pytest.mark.parametrize(("name", "content", "reason"), FILES, ids=[file[0] for file in FILES])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    sentence = refusal(path)
    assert reason in sentence
    assert "Save it as .xlsx (Excel workbook) and upload that file." in sentence or "damaged" in sentence


def part(name: str, content: str | bytes) -> dict[str, str | bytes]:
    return {name: content}


def typed(content_type: str) -> dict[str, str | bytes]:
    return part(CONTENT_TYPES, PLAIN[CONTENT_TYPES].replace("sheet.main", content_type))


def default(extension: str, content_type: str) -> dict[str, str | bytes]:
    """Return content types in which this one goes by a part's extension, and the workbook part has none of its own."""
    declared = f'<Default Extension="{extension}" ContentType="application/vnd.ms-excel.{content_type}.main"/>'
    return part(CONTENT_TYPES, f"<Types>{declared}</Types>")


BINARY = "sheet.binary.macroEnabled"
AS_BINARY = part("_rels/.rels", PLAIN["_rels/.rels"].replace(BOOK, "xl/workbook.bin"))


def sheet_doctype(encoding: str) -> bytes:
    text = f'<?xml version="1.0" encoding="{encoding}"?>{DOCTYPE}' + sheet_xml(ROW.format(1))
    return text.encode(encoding)


WITH_PARTS = [
    ("macros", part("xl/vbaProject.bin", b"x"), "contains macros"),
    ("macro sheets", part("xl/macrosheets/sheet1.xml", "<a/>"), "contains macros"),
    ("a macro type", typed("sheet.macroEnabled.main"), "macros"),
    ("a macro type in capitals", typed("SHEET.MACROENABLED.main"), "macros"),
    ("a macro template", typed("template.macroEnabled.main"), "macros"),
    ("a macro type by extension", default("XML", "sheet.macroEnabled"), "macros"),
    ("a binary workbook", typed("sheet.binary.macroFree"), ".xlsb"),
    ("a binary workbook by extension", {**default("bin", BINARY), **AS_BINARY, "xl/workbook.bin": b"x"}, ".xlsb"),
    ("an OpenDocument", {"mimetype": "application/vnd.oasis", "content.xml": "<a/>"}, "OpenDocument"),
    ("a document", part("_rels/.rels", PLAIN["_rels/.rels"].replace(BOOK, "word/d.xml")), "not an Excel"),
    ("a DTD in the sheet", part(SHEET, sheet_doctype("utf-8")), "document type"),
    ("a DTD in UTF-16", part(SHEET, sheet_doctype("utf-16")), "document type"),
    ("a DTD in the strings", part(STRINGS, DOCTYPE + PLAIN[STRINGS]), "document type"),
    ("an encoding that no program writes", part(SHEET, '<?xml version="1.0" encoding="cp037"?><a/>'), "encoding"),
    ("a DTD in a part that nobody reads", part("xl/drawings/d.vml", DOCTYPE + "<xml/>"), "document type"),
    ("an endless comment", part("docProps/app.xml", "<!--" + "x" * 3_000_000), "never begins"),
    ("not XML", part(SHEET, "PK and so on"), "damaged"),
    ("XML that breaks off", part(SHEET, sheet_xml(ROW.format(1))[:-20]), "damaged"),
    ("an unknown entity", part(SHEET, sheet_xml('<row r="1"><c r="A1" t="str"><v>&a;</v></c></row>')), "damaged"),
    ("invalid UTF-8", part(SHEET, sheet_xml(ROW.format(1)).encode() + b"\xff"), "damaged"),
    ("an unknown encoding", part(SHEET, '<?xml version="1.0" encoding="x-none"?><a/>'), "encoding"),
    ("no sheets", part(BOOK, f'<workbook xmlns="{MAIN}"><sheets/></workbook>'), "damaged"),
    ("a sheet without a part", part("xl/_rels/workbook.xml.rels", "<Relationships/>"), "damaged"),
    ("an absolute name", part("/etc/passwd", "x"), "unsafe name"),
    ("a way out", part("xl/../../x", "x"), "unsafe name"),
    ("a way out with backslashes", part("..\\x", "x"), "unsafe name"),
    ("a drive", part("C:x", "x"), "unsafe name"),
    ("one name twice", part(SHEET.upper(), "<a/>"), "same name"),
    ("too many parts", {f"p{number}": "" for number in range(30)}, "parts"),
    ("too many styles", part(STYLES, f"<s><cellXfs>{'<xf/>' * 60}</cellXfs></s>"), "cell styles"),
    ("too many sheets", part(BOOK, f"<w><sheets>{'<sheet/>' * 9}</sheets></w>"), "sheets"),
    ("too many names", part(BOOK, f"<w>{'<definedName/>' * 9}</w>"), "defined names"),
    ("deep markup", part(BOOK, "<a>" * 9), "nested"),
    ("a long shared string", part(STRINGS, f"<sst><si><t>{'x' * 32_768}</t></si></sst>"), "characters in one cell"),
    ("a very long shared string", part(STRINGS, f"<sst><si><t>{'x' * 1_000_000}</t></si></sst>"), "characters in one"),
    ("strings in strings", part(STRINGS, f"<sst>{'<si>' * 999}"), "nested"),
    ("texts in texts", part(STRINGS, f"<sst><si>{'<t>' * 999}"), "nested"),
    ("runs in runs", part(STRINGS, f"<sst><si>{'<r>' * 999}"), "nested"),
]  # fmt: skip


@pytest.mark.asvs("R10")
@pytest.mark.parametrize(("parts", "reason"), [case[1:] for case in WITH_PARTS], ids=[case[0] for case in WITH_PARTS])
def test_a_workbook_is_refused_for(tmp_path: Path, parts: Mapping[str, str | bytes], reason: str) -> None:
    assert reason in refusal(build(tmp_path / "a.xlsx", ROW.format(1), parts=parts), SMALL)


ROWS = [
    ("a row twice", ROW.format(1) * 2, "", "Row 1, which is there twice"),
    ("a cell twice", '<row r="1"><c r="B1"><v>1</v></c><c r="B1"><v>2</v></c></row>', "", "B1, which is there twice"),
    ("an address elsewhere", '<row r="1"><c r="A2"><v>1</v></c></row>', "", "address in row 1"),
    ("a column off the grid", '<row r="1"><c r="XFE1"><v>1</v></c></row>', "", "address in row 1"),
    ("a row off the grid", ROW.format(1_048_577), "", "grid"),
    ("row zero", ROW.format(0), "", "grid"),
    ("a negative row", ROW.format(-1), "", "grid"),
    ("a row in a row", '<row r="1"><row r="2">', "", "damaged"),
    ("a cell in a cell", '<row r="1"><c><c>', "", "damaged"),
    ("a cell outside a row", "<c><v>1</v></c>", "", "damaged"),
    ("two values", '<row r="1"><c r="A1"><v>1</v><v>2</v></c></row>', "", "damaged"),
    ("values in values", f'<row r="1"><c r="A1">{"<v>" * 99}', "", "damaged"),
    ("a string off the table", '<row r="1"><c r="A1" t="s"><v>2</v></c></row>', "", "table of texts"),
    ("a negative string", '<row r="1"><c r="A1" t="s"><v>-1</v></c></row>', "", "table of texts"),
    ("a string that is no number", '<row r="1"><c r="A1" t="s"><v>x</v></c></row>', "", "table of texts"),
    ("too many rows", "".join(map(ROW.format, range(1, 9))), "", "4 rows"),
    ("too many cells", "".join(f"<row>{'<c><v>1</v></c>' * 9}</row>" for _ in range(4)), "", "30 cells"),
    ("too many columns", '<row r="1"><c r="K1"><v>1</v></c></row>', "", "10 columns (see K1)"),
    ("too many merges", "", f"<mergeCells>{'<mergeCell/>' * 6}</mergeCells>", "merged cells"),
    ("too many validations", "", "<dataValidation/>" * 6, "validation rules"),
    ("too many formatting rules", "", "<cfRule/>" * 6, "formatting rules"),
    ("deep markup", "", "<a>" * 99, "nested"),
    ("deep markup in a cell", f'<row r="1"><c>{"<is>" * 99}', "", "nested"),
    ("deep markup passed over", f'<row r="1"><c>{"<x>" * 99}', "", "nested"),
    ("a long text", f'<row r="1"><c t="str"><v>{"x" * 32_768}</v></c></row>', "", "characters in one cell"),
    ("a very long text", f'<row r="1"><c t="str"><v>{"x" * 1_000_000}</v></c></row>', "", "characters in one cell"),
    ("a long attribute", f'<row r="{"1" * 3_000_000}">', "", "."),
    ("a late key row", ROW.format(99) + ROW.format(1), "", "order of the sheet's rows"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "after", "reason"), [case[1:] for case in ROWS], ids=[case[0] for case in ROWS])
def test_a_sheet_is_refused_for(tmp_path: Path, rows: str, after: str, reason: str) -> None:
    assert reason in refusal(build(tmp_path / "a.xlsx", rows, after=after), SMALL)


def test_types_of_parts_that_are_not_there_say_nothing(tmp_path: Path) -> None:
    sheetjs = f'<Default Extension="bin" ContentType="application/vnd.ms-excel.{BINARY}.main"/><Override'
    types = part(CONTENT_TYPES, PLAIN[CONTENT_TYPES].replace("<Override", sheetjs))
    assert opened(build(tmp_path / "a.xlsx", ROW.format(1) + ROW.format(2), parts=types)) == 1
    macros = {**types, "xl/vbaProject.bin": b"x"}
    assert "contains macros" in refusal(build(tmp_path / "b.xlsx", ROW.format(1), parts=macros))


def test_rows_from_the_end_of_the_grid_are_read(tmp_path: Path) -> None:
    assert opened(build(tmp_path / "a.xlsx", ROW.format(1) + ROW.format(1_048_576))) == 1


def test_a_value_in_the_last_cell_of_the_grid_is_refused(tmp_path: Path) -> None:
    rows = ROW.format(1) + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    assert "512 columns (see XFD1048576)" in refusal(build(tmp_path / "a.xlsx", rows))


def test_formatted_emptiness_counts_for_nothing(tmp_path: Path) -> None:
    wide = "".join(f'<c r="{letters}2" s="1"/>' for letters in ("A", "XFD"))
    empty = "".join(f'<row r="{number}" s="1" customFormat="1"/>' for number in range(3, 1_048_577))
    assert (
        opened(build(tmp_path / "a.xlsx", f'{ROW.format(1)}<row r="2">{wide}<c r="B2"><v>1</v></c></row>{empty}')) == 1
    )


def test_a_wrong_dimension_is_not_believed(tmp_path: Path) -> None:
    sheet = sheet_xml("".join(map(ROW.format, range(1, 30)))).replace("<sheetData>", '<dimension ref="A1"/><sheetData>')
    assert opened(build(tmp_path / "a.xlsx", parts={SHEET: sheet})) == 28


def test_a_cell_with_many_lists_of_attributes_is_read(tmp_path: Path) -> None:
    assert (
        opened(build(tmp_path / "a.xlsx", ROW.format(1) + '<row r="2" a="1" b="2"><c r="A2" x="y"><v>1</v></c></row>'))
        == 1
    )


def edited(source: Path, change: Callable[[bytearray], None]) -> Path:
    content = bytearray(source.read_bytes())
    change(content)
    source.write_bytes(content)
    return source


def test_a_truncated_workbook_is_refused(tmp_path: Path) -> None:
    whole = build(tmp_path / "a.xlsx", ROW.format(1)).read_bytes()
    for length in (len(whole) // 3, len(whole) // 2, len(whole) - 10, len(whole) - 30):
        path = tmp_path / "cut.xlsx"
        path.write_bytes(whole[:length])
        assert "damaged" in refusal(path)


@pytest.mark.asvs("R4")
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(build(path, ROW.format(1)), "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image.png", bytes(80_000_000))
    assert "tightly" in refusal(path)
    assert "larger than 9 MB" in refusal(path, replace(Limits(), part_bytes=9 << 20))
    assert "larger than 50 MB" in refusal(path, replace(Limits(), total_bytes=50 << 20, ratio=9999))


@pytest.mark.asvs("R4")
def test_sizes_that_lie_are_found_out(tmp_path: Path) -> None:
    path = build(tmp_path / "a.xlsx", ROW.format(1) * 1)
    size = len(sheet_xml(ROW.format(1)))
    lie = size.to_bytes(4, "little"), (size - 9).to_bytes(4, "little")
    assert "damaged" in refusal(edited(path, lambda content: content.__setitem__(slice(None), content.replace(*lie))))


@pytest.mark.asvs("R4")
def test_overlapping_parts_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in (CONTENT_TYPES, "a", "b"):
            archive.writestr(name, "x" * 50)
        archive.filelist[2].header_offset = archive.filelist[1].header_offset
    path = tmp_path / "a.xlsx"
    path.write_bytes(buffer.getvalue())
    assert "overlapping" in refusal(path)


def test_a_link_is_refused(tmp_path: Path) -> None:
    path = build(tmp_path / "a.xlsx", ROW.format(1))
    link = zipfile.ZipInfo("xl/link.xml")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "link" in refusal(path)


def test_an_unusual_packing_is_refused(tmp_path: Path) -> None:
    path = build(tmp_path / "a.xlsx", ROW.format(1))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("xl/x.xml", "<a/>")
    assert "unusual" in refusal(path)


def test_an_encrypted_part_is_refused(tmp_path: Path) -> None:
    path = build(tmp_path / "a.xlsx", ROW.format(1))

    def encrypt(content: bytearray) -> None:
        content[content.index(b"PK\x01\x02") + 8] |= 1

    assert "password" in refusal(edited(path, encrypt))


def test_a_huge_directory_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    path = build(tmp_path / "a.xlsx", ROW.format(1))

    def enlarge(content: bytearray) -> None:
        at = content.rindex(b"PK\x05\x06") + 12
        content[at : at + 4] = (50_000_000).to_bytes(4, "little")

    assert "parts" in refusal(edited(path, enlarge))


def test_a_workbook_under_another_name_is_refused(tmp_path: Path) -> None:
    assert "name does not end in .xlsx" in refusal(build(tmp_path / "a.xlsx.exe", ROW.format(1)))


def test_a_file_over_the_size_of_uploads_is_refused(tmp_path: Path) -> None:
    assert "larger than 0 MB" in refusal(build(tmp_path / "a.xlsx", ROW.format(1)), replace(Limits(), upload_bytes=99))


def test_one_text_in_very_many_cells_is_refused(tmp_path: Path) -> None:
    strings = f"<sst><si><t>{'x' * 30_000}</t></si></sst>"
    for width, reason in ((10, "text in the sheet"), (150, "memory")):
        rows = ("<row>" + '<c t="s"><v>0</v></c>' * width + "</row>") * 500
        path = build(tmp_path / "a.xlsx", rows, parts={STRINGS: strings})
        assert reason in refusal(path, replace(Limits(), total_bytes=50 << 20))


def test_many_strings_that_nobody_uses_are_survived(tmp_path: Path) -> None:
    strings = f"<sst>{''.join(f'<si><t>text {number}</t></si>' for number in range(1_500_000))}</sst>"
    path = build(tmp_path / "a.xlsx", ROW.format(1) + ROW.format(2), parts={STRINGS: strings})
    assert opened(path, replace(Limits(), memory_bytes=200 << 20)) == 1
