"""The workbook around the rows, as openpyxl builds it: styles, dropdowns, hints, the other sheets."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.packaging.custom import StringProperty
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from sync.cells import column_letters
from sync.columns import is_writable
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.workbook.dropdowns import LISTS, Dropdowns
from sync.workbook.layout import (
    FIRST_ROW,
    FIXED_COLUMNS,
    LABEL_ROW,
    UNKNOWN_LAST_ROW,
    CellStyle,
    Frame,
    Page,
    Sheet,
    TextRows,
)

WIDEST = 60
FILTER_ARROW = 4
"""Characters that a label leaves free for the arrow of its filter."""
GUIDE_WIDTH = 100
CREATOR = "Rollbook"
_HEADER = PatternFill("solid", fgColor="DCE6F1")
_TINT = PatternFill("solid", fgColor="EFEFEF")


def build_frame(sheet: Sheet, path: Path) -> Frame:
    """Save a workbook without rows, and return what its rows have to look like."""
    workbook = Workbook()
    data = workbook.worksheets[0]
    data.title = sheet.name
    styles = _Styles(data)
    _describe(workbook, sheet)
    _lay_out(data, sheet)
    lists = _add_dropdowns(data, sheet)
    frame = Frame(
        keys=sheet.keys,
        key_style=styles.text(),
        labels=sheet.labels,
        label_styles=tuple(styles.label(read_only) for read_only in _read_only(sheet)),
        columns=(styles.text(), styles.cell("0", True), *(styles.field(field) for field in sheet.fields)),
        blank=sheet.blank,
        pages=tuple(_add_pages(workbook, sheet, lists, styles)),
    )
    workbook.save(path)
    return frame


class Look(NamedTuple):
    """What a style has beside its number format."""

    fill: PatternFill = PatternFill()
    font: Font = Font()
    alignment: Alignment = Alignment()


class _Styles:
    """Styles by their index in the workbook that is being built."""

    def __init__(self, data: Worksheet) -> None:
        self._data = data

    def text(self) -> CellStyle:
        return self.cell("@", False)

    def field(self, field: Field) -> CellStyle:
        return self.cell(FIELD_TYPES[field.type].cell_format, not is_writable(field))

    def cell(self, number_format: str, tinted: bool) -> CellStyle:
        return self._pair(number_format, Look(_TINT if tinted else PatternFill()))

    def label(self, read_only: bool) -> CellStyle:
        return self._pair("@", Look(_TINT if read_only else _HEADER, Font(bold=True)))

    def paragraph(self) -> CellStyle:
        return self._pair("@", Look(alignment=Alignment(wrap_text=True, vertical="top")))

    def _pair(self, number_format: str, look: Look) -> CellStyle:
        return CellStyle(*(self._index(number_format, look, quoted) for quoted in (False, True)))

    def _index(self, number_format: str, look: Look, quoted: bool) -> int:
        # A cell of its own each time: openpyxl keeps the very object that it has numbered.
        cell = Cell(self._data, row=1, column=1)
        cell.number_format = number_format
        cell.quotePrefix = quoted
        cell.fill, cell.font, cell.alignment = look
        return cell.style_id


def _read_only(sheet: Sheet) -> list[bool]:
    return [True, True, *(not is_writable(field) for field in sheet.fields)]


def _describe(workbook: Workbook, sheet: Sheet) -> None:
    """Leave hints beside the data; some programs lose them, so nothing depends on them."""
    workbook.properties.creator = CREATOR
    workbook.properties.title = sheet.name
    workbook.properties.keywords = sheet.ref
    properties = workbook.custom_doc_props  # type: ignore[attr-defined]  # openpyxl 3.1 has it, its stubs not yet
    properties.append(StringProperty(name=CREATOR, value=sheet.ref))


def _lay_out(data: Worksheet, sheet: Sheet) -> None:
    """Set what belongs to columns: widths and formats, which hold below the data too, and the filter."""
    data.freeze_panes = f"{column_letters(FIXED_COLUMNS)}{FIRST_ROW}"
    last = column_letters(len(sheet.labels) - 1)
    data.auto_filter.ref = f"A{LABEL_ROW}:{last}{UNKNOWN_LAST_ROW}"
    formats = ["@", "0", *(FIELD_TYPES[field.type].cell_format for field in sheet.fields)]
    widths = [18, 8, *(FIELD_TYPES[field.type].width for field in sheet.fields)]
    rows = zip(sheet.labels, formats, widths, _read_only(sheet), strict=True)
    for index, (label, number_format, width, read_only) in enumerate(rows):
        column = data.column_dimensions[column_letters(index)]
        column.number_format = number_format
        column.width = min(max(width, len(label) + FILTER_ARROW), WIDEST)
        if read_only:
            column.fill = _TINT
    data.column_dimensions["A"].hidden = True


def _add_dropdowns(data: Worksheet, sheet: Sheet) -> TextRows:
    """Add dropdowns and hints, and return the rows of options that are too long to stand in them."""
    dropdowns = Dropdowns(data)
    dropdowns.add_hint(FIXED_COLUMNS - 1, sheet.identity)
    for index, field in enumerate(sheet.fields, FIXED_COLUMNS):
        dropdowns.add(index, field)
    return tuple(zip_longest(*dropdowns.lists))


def _add_pages(workbook: Workbook, sheet: Sheet, lists: TextRows, styles: _Styles) -> Sequence[Page]:
    guide = workbook.create_sheet("Guide")
    guide.column_dimensions["A"].width = GUIDE_WIDTH
    pages = [Page(tuple((paragraph,) for paragraph in sheet.guide), styles.paragraph())]
    if lists:
        workbook.create_sheet(LISTS).sheet_state = "hidden"
        pages.append(Page(lists, styles.text()))
    workbook.create_sheet("_manifest").sheet_state = "veryHidden"
    pages.append(Page(tuple(sheet.manifest.items()), styles.text()))
    return pages
