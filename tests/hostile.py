"""Files that nobody should be able to hurt the panel with, made from a workbook that is all right."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

SHEET = "xl/worksheets/sheet1.xml"
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
DTD = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'

Rewrite = Callable[[bytes], bytes]


def rewritten(path: Path, out: Path, part: str, rewrite: Rewrite) -> Path:
    """Copy a workbook with one part changed."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry)
            target.writestr(entry, rewrite(content) if entry.filename == part else content)
    return out


def text_renamed(_good: Path, out: Path) -> Path:
    """A text file that calls itself a workbook."""
    out.write_text("Full name,City\nAnn,Brno\n", encoding="utf-8")
    return out


def truncated(good: Path, out: Path) -> Path:
    """A workbook of which the end is missing, as after a broken download."""
    content = good.read_bytes()
    out.write_bytes(content[: len(content) // 2])
    return out


def old_excel(_good: Path, out: Path) -> Path:
    """The container of an .xls and of an encrypted .xlsx alike."""
    out.write_bytes(OLE + bytes(4096))
    return out


def with_dtd(good: Path, out: Path) -> Path:
    """A workbook whose sheet declares entities."""
    return rewritten(good, out, SHEET, lambda xml: xml.replace(b"<worksheet", DTD.encode() + b"<worksheet", 1))


def with_utf16_dtd(good: Path, out: Path) -> Path:
    """The same in UTF-16, which a search for bytes does not find."""
    text = f'<?xml version="1.0" encoding="UTF-16"?>{DTD}<worksheet><sheetData/></worksheet>'
    return rewritten(good, out, SHEET, lambda _xml: text.encode("utf-16"))


def far_cell(good: Path, out: Path) -> Path:
    """A workbook with one value in the grid's last cell."""
    row = b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'
    return rewritten(good, out, SHEET, lambda xml: xml.replace(b"</sheetData>", row, 1))


def beyond_the_grid(good: Path, out: Path) -> Path:
    """A workbook with a row that no program has."""
    row = b'<row r="99999999"><c r="A99999999"><v>1</v></c></row></sheetData>'
    return rewritten(good, out, SHEET, lambda xml: xml.replace(b"</sheetData>", row, 1))


def bomb(good: Path, out: Path, megabytes: int = 2048) -> Path:
    """A workbook of a few kilobytes that unpacks to two gigabytes."""
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for entry in source.infolist():
            if entry.filename != SHEET:
                target.writestr(entry, source.read(entry))
        with target.open(SHEET, "w", force_zip64=True) as part:
            for _ in range(megabytes):
                part.write(bytes(1 << 20))
    return out


def string_bomb(good: Path, out: Path) -> Path:
    """A workbook with millions of shared strings that nobody uses."""
    many = b"<si><t>x</t></si>" * 20_000_000
    return rewritten(good, out, "xl/sharedStrings.xml", lambda xml: re.sub(b"</sst>", lambda _m: many + b"</sst>", xml))


def not_a_number(good: Path, out: Path) -> Path:
    """A workbook with numbers that are none, and one of ten thousand digits."""
    row = b'<row r="5000"><c r="B5000"><v>NaN</v></c><c r="C5000"><v>' + b"9" * 10_000 + b"</v></c></row></sheetData>"
    return rewritten(good, out, SHEET, lambda xml: xml.replace(b"</sheetData>", row, 1))


def missing_string(good: Path, out: Path) -> Path:
    """A workbook with a cell whose shared string does not exist."""
    row = b'<row r="5000"><c r="C5000" t="s"><v>99999999</v></c></row></sheetData>'
    return rewritten(good, out, SHEET, lambda xml: xml.replace(b"</sheetData>", row, 1))


def without_a_workbook(_good: Path, out: Path) -> Path:
    """A zip archive with something else in it."""
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../../evil.txt", "x")
    return out


def with_macros(good: Path, out: Path) -> Path:
    """A workbook that brings a macro along."""
    out.write_bytes(good.read_bytes())
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"x")
    return out


REFUSED = (
    text_renamed,
    truncated,
    old_excel,
    with_dtd,
    with_utf16_dtd,
    far_cell,
    beyond_the_grid,
    bomb,
    string_bomb,
    not_a_number,
    missing_string,
    without_a_workbook,
    with_macros,
)
