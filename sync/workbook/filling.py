"""A saved frame filled with rows: copied part by part, with rows put where it has none."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sync.workbook.layout import KEY_ROW, LABEL_ROW, SPARE_ROWS, UNKNOWN_LAST_ROW, Frame, HeldColumns, Page
from sync.workbook.limits import GRID_ROWS
from sync.workbook.packing import archive, move_packed, part_of
from sync.workbook.shared_text import SharedText
from sync.workbook.sheet_xml import RowWriter

FIRST_PART, STRINGS_PART, BOOK_PART = "[Content_Types].xml", "xl/sharedStrings.xml", "xl/workbook.xml"
_STRINGS_START = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
)
_OFFICE = "application/vnd.openxmlformats-officedocument"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
# openpyxl writes texts inside their cells, so its workbooks have no such part.
_STRINGS_ENTRIES = {
    FIRST_PART: (
        "</Types>",
        f'<Override PartName="/{STRINGS_PART}" ContentType="{_OFFICE}.spreadsheetml.sharedStrings+xml"/></Types>',
    ),
    "xl/_rels/workbook.xml.rels": (
        "</Relationships>",
        f'<Relationship Id="strings" Target="sharedStrings.xml" Type="{_RELATION}/sharedStrings"/></Relationships>',
    ),
}
_DIMENSION = re.compile(r"<dimension [^>]*/>")
_NO_ROWS = re.compile(r"<sheetData\s*/>|<sheetData>\s*</sheetData>")
_FILTERED = re.compile(rf'(<autoFilter ref="\w+:[A-Z]+|_FilterDatabase"[^>]*>[^<]*\$){UNKNOWN_LAST_ROW}\b')
_RULED = re.compile(rf'( sqref="[A-Z]+\d+:[A-Z]+){UNKNOWN_LAST_ROW}"')
Numbered = Iterable[tuple[int, str]]
"""Rows as markup, some at a time, with the number of the last of them."""
Below = Callable[[int], Numbered]
"""Yields the rows that follow the one with a number."""


@dataclass(frozen=True, slots=True)
class Places:
    """Files: the saved frame, the workbook that is made of it, and the shared strings until they are part of that."""

    frame: Path
    target: Path
    strings: Path


def nothing(_last: int) -> Numbered:
    """Yield no rows below the data."""
    return ()


def fill(places: Places, pages: Sequence[Page], data: Callable[[SharedText], tuple[Numbered, Below]]) -> None:
    """Write a workbook around the rows of its first sheet, which `data` returns with what stands below them."""
    with zipfile.ZipFile(places.frame) as source, archive(places.target) as target:
        _Filling(source, target, places.strings).fill(pages, data)


def fill_columns(places: Places, frame: Frame, columns: Iterable[HeldColumns]) -> None:
    """Write a workbook of rows that come some at a time, column by column."""
    fill(places, frame.pages, lambda strings: (_data_rows(frame, columns, strings), _blank_rows(frame, strings)))


class _Filling:
    """A frame being copied part by part, with rows put where it has none."""

    def __init__(self, source: zipfile.ZipFile, target: zipfile.ZipFile, strings: Path) -> None:
        self._source, self._target, self._strings = source, target, strings

    def fill(self, pages: Sequence[Page], data: Callable[[SharedText], tuple[Numbered, Below]]) -> None:
        """Write all parts; what depends on the rows comes after them."""
        self._copy(FIRST_PART)
        with archive(self._strings) as packed, part_of(packed, STRINGS_PART) as items:
            items.write(_STRINGS_START)
            strings = SharedText(items)
            last = self._fill_sheet(1, *data(strings))
            for number, page in enumerate(pages, 2):
                self._fill_sheet(number, _page_rows(page, strings))
            items.write(b"</sst>")
        move_packed(self._strings, self._target)
        self._put(BOOK_PART, _FILTERED.sub(rf"\g<1>{last}", self._text(BOOK_PART)))
        for name in sorted(set(self._source.namelist()) - set(self._target.namelist())):
            self._copy(name)

    def _fill_sheet(self, number: int, rows: Numbered, below: Below = nothing) -> int:
        """Write a sheet's part, with what stands below its rows, and return the number of its last row.

        Rows come some at a time, with the number of the last of them.
        """
        name, last = f"xl/worksheets/sheet{number}.xml", LABEL_ROW
        head, tail = _NO_ROWS.split(_DIMENSION.sub("", self._text(name)))
        with part_of(self._target, name) as part:
            part.write(f"{head}<sheetData>".encode())
            for number_of_row, some in rows:
                part.write(some.encode())
                last = number_of_row
            end = last
            for number_of_row, row in below(last):
                part.write(row.encode())
                end = number_of_row
            part.write(f"</sheetData>{_bounded(tail, last, end)}".encode())
        return last

    def _copy(self, name: str) -> None:
        text = self._text(name)
        if name in _STRINGS_ENTRIES and "sharedStrings" not in text:
            text = text.replace(*_STRINGS_ENTRIES[name])
        self._put(name, _relative(name, text) if name.endswith(".rels") else text)

    def _put(self, name: str, text: str) -> None:
        with part_of(self._target, name) as part:
            part.write(text.encode())

    def _text(self, name: str) -> str:
        return self._source.read(name).decode()


def _bounded(tail: str, last: int, end: int) -> str:
    """Return what follows the rows: the filter ends with the data, rules a little below the blank rows."""
    tail = _FILTERED.sub(rf"\g<1>{last}", tail)
    return _RULED.sub(rf'\g<1>{min(end + SPARE_ROWS, GRID_ROWS)}"', tail)


def _relative(name: str, text: str) -> str:
    """Return relationships with relative targets: exceljs fails on the absolute ones that openpyxl writes."""
    folder = name.partition("_rels/")[0]
    return text.replace(f'Target="/{folder}', 'Target="')


def _data_rows(frame: Frame, columns: Iterable[HeldColumns], strings: SharedText) -> Iterator[tuple[int, str]]:
    keys = RowWriter([frame.key_style] * len(frame.keys), strings)
    yield KEY_ROW, keys.rows(KEY_ROW, [(key,) for key in frame.keys], ' hidden="1"')
    yield LABEL_ROW, RowWriter(frame.label_styles, strings).rows(LABEL_ROW, [(label,) for label in frame.labels])
    data, last = RowWriter(frame.columns, strings), LABEL_ROW
    for some in columns:
        first, last = last + 1, last + len(some[0])
        yield last, data.rows(first, some)


def _blank_rows(frame: Frame, strings: SharedText) -> Below:
    """Return what writes the rows for new records, as far as the grid has room for them below the data."""
    writer = RowWriter(frame.columns, strings)

    def rows(last: int) -> Iterator[tuple[int, str]]:
        for number, token in enumerate(frame.blank[: GRID_ROWS - last], last + 1):
            yield number, writer.blank_row(number, token)

    return rows


def _page_rows(page: Page, strings: SharedText) -> Iterator[tuple[int, str]]:
    width = max(map(len, page.rows), default=0)
    if page.rows:
        yield len(page.rows), RowWriter([page.style] * width, strings).rows(1, list(zip(*page.rows, strict=True)))
