"""Workbooks built by hand from their parts, and the few lines that tests read them with."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sync.cells import RawCell
from sync.fields import Field
from sync.workbook import Limits, Sheet, Table, read_table, write_workbook

REF = "_ref|rollbook1|7|3"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"

SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
STYLES = "xl/styles.xml"
BOOK = "xl/workbook.xml"
CONTENT_TYPES = "[Content_Types].xml"

PLAIN = {
    CONTENT_TYPES: '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    f'<Override PartName="/{BOOK}" ContentType="{TYPES}.sheet.main+xml"/></Types>',
    "_rels/.rels": f'<Relationships><Relationship Id="rId1" Type="{RELATIONS}/officeDocument" Target="{BOOK}"/>'
    "</Relationships>",
    BOOK: f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>'
    '<sheet name="People" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": "<Relationships>"
    f'<Relationship Id="rId1" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{RELATIONS}/sharedStrings" Target="sharedStrings.xml"/>'
    f'<Relationship Id="rId3" Type="{RELATIONS}/styles" Target="styles.xml"/></Relationships>',
    STRINGS: f'<sst xmlns="{MAIN}"><si><t>zero</t></si><si><t>one</t></si></sst>',
    STYLES: f'<styleSheet xmlns="{MAIN}"><numFmts count="3">'
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/><numFmt numFmtId="165" formatCode="[h]:mm"/>'
    '<numFmt numFmtId="166" formatCode="0 &quot;days&quot;"/></numFmts><cellXfs count="5">'
    '<xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/>'
    "</cellXfs></styleSheet>",
}


def sheet_xml(rows: str, after: str = "") -> str:
    """Return a sheet's part with this markup inside its data, and some behind it."""
    return f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData>{after}</worksheet>'


def build(path: Path, rows: str = "", *, parts: Mapping[str, str | bytes] | None = None, after: str = "") -> Path:
    """Save a workbook with one sheet whose data is this markup; `parts` replaces or adds whole parts."""
    contents: dict[str, str | bytes] = {**PLAIN, SHEET: sheet_xml(rows, after), **(parts or {})}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def read(path: Path, limits: Limits | None = None) -> tuple[Table, list[tuple[int, list[RawCell]]]]:
    """Return a file's table and all of its rows."""
    with read_table(path, limits or Limits()) as table:
        return table, list(table.rows)


def cells(path: Path) -> list[RawCell]:
    """Return the cells of the second row that has a value; the first one is the header."""
    _, rows = read(path)
    return rows[0][1]


def fields(*types: str, **rules: Any) -> tuple[Field, ...]:
    """Return a field of each type."""
    return tuple(Field(f"field_{index}", f"Field {index}", type_, **rules) for index, type_ in enumerate(types))


def save(path: Path, rows: Iterable[tuple[Any, ...]], *types: str, **rules: Any) -> Path:
    """Write a workbook of ours; each row is the fields' cells, and gets a token and an ID."""
    sheet = Sheet(ref=REF, fields=fields(*types, **rules), guide=("How to edit",), manifest={"format": "rollbook1"})
    write_workbook(path, sheet, ((f"R7.{at}.1.abc", at, *row) for at, row in enumerate(rows, 1)))
    return path
