"""The workbook around a review's rows: the styles of marked cells, the columns beside, dropdowns for the answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.worksheet import Worksheet

from sync.cells import column_letters
from sync.columns import is_writable
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.workbook.dropdowns import LISTS, Dropdowns
from sync.workbook.frame import CREATOR, FILTER_ARROW, GUIDE_WIDTH, WIDEST
from sync.workbook.layout import UNKNOWN_LAST_ROW, CellStyle, Page

TEXT, GENERAL, DAY, MOMENT = "@", "General", "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"
PLAIN_WIDTH = 18
ON_SCREEN, ABOVE = 20, 3
"""Rows that nearly every screen shows, and how many are left above the first marked one where it is further down."""
_UNSAFE_IN_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\", "_"))
_LONGEST_NAME = 31


class Mark(Enum):
    """How a cell of a review looks."""

    NONE = "none"
    READ_ONLY = "read-only"
    PROBLEM = "problem"
    QUESTION = "question"
    ANSWER = "answer"
    TOLD = "told"
    NOTED = "noted"
    KEY = "key"
    LABEL = "label"
    OWN_LABEL = "own label"
    """The heading of a column beside."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A column to the right of the uploaded ones; `options` make it a dropdown, text is wrapped where `is_wrapped`."""

    label: str
    width: int
    hint: str = ""
    options: tuple[str, ...] = ()
    is_hidden: bool = False
    is_wrapped: bool = False


@dataclass(frozen=True)
class ReviewSheet:
    """What a review is written around.

    `head` holds the rows above the data by their numbers, the last of them the one with the labels; `fields` the
    fields by the index of their column. The columns `beside` begin at the index `start`. `hidden` are the indexes of
    hidden columns, `key_row` the number of the hidden row, or 0. A window shows the row `first_marked` first.
    """

    name: str
    head: tuple[tuple[int, tuple[str | None, ...]], ...]
    key_row: int
    fields: Mapping[int, Field]
    start: int
    beside: tuple[Beside, ...]
    hidden: frozenset[int] = frozenset()
    frozen: int = 0
    first_marked: int = 0
    guide: tuple[str, ...] = ()
    manifest: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def label_row(self) -> int:
        """Return the number of the row with the labels."""
        return self.head[-1][0]

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return self.start + len(self.beside)


Styles = Mapping[tuple[str, Mark], CellStyle]


@dataclass(frozen=True, slots=True)
class ReviewFrame:
    """What the rows of a saved frame have to look like: styles by number format and mark, formats by column.

    `widths` are those of columns with wrapped text by their index, others have 0.
    """

    styles: Styles
    formats: tuple[str, ...]
    marks: tuple[Mark, ...]
    widths: tuple[int, ...]
    pages: tuple[Page, ...]


def build_review_frame(sheet: ReviewSheet, path: Path) -> ReviewFrame:
    """Save a workbook without rows, and return what its rows have to look like."""
    workbook = Workbook()
    data = workbook.worksheets[0]
    data.title = sheet.name.translate(_UNSAFE_IN_NAMES).strip("'")[:_LONGEST_NAME] or "Sheet"
    workbook.properties.creator, workbook.properties.title = CREATOR, sheet.name
    formats = tuple(_format_of(sheet.fields.get(index)) for index in range(sheet.width))
    marks = tuple(_mark_of(sheet, index) for index in range(sheet.width))
    styles = {
        (number_format, mark): _style(data, number_format, mark)
        for number_format in {*formats, TEXT, GENERAL, DAY, MOMENT}
        for mark in Mark
    }
    _lay_out(data, sheet, formats)
    lists = _add_dropdowns(data, sheet)
    pages = tuple(_add_pages(workbook, sheet, lists, styles[TEXT, Mark.NONE], styles[TEXT, Mark.TOLD]))
    workbook.save(path)
    widths = tuple(one.width if one.is_wrapped else 0 for one in sheet.beside)
    return ReviewFrame(styles, formats, marks, (0,) * sheet.start + widths, pages)


def _format_of(one: Field | None) -> str:
    return TEXT if one is None else FIELD_TYPES[one.type].cell_format


def _mark_of(sheet: ReviewSheet, index: int) -> Mark:
    one = sheet.fields.get(index)
    return Mark.READ_ONLY if one is not None and not is_writable(one) else Mark.NONE


def _fill(color: str) -> PatternFill:
    return PatternFill("solid", fgColor=color)


def _border(color: str) -> Border:
    side = Side("thin", color)
    return Border(side, side, side, side)


_AT_TOP = Alignment(vertical="top")
_WRAPPED = Alignment(wrap_text=True, vertical="top")
# Dark text on a light ground each: the marks read in print and for those who see no red.
_LOOKS: Mapping[Mark, tuple[PatternFill, Font, Alignment, Border]] = {
    Mark.NONE: (PatternFill(), Font(), _AT_TOP, Border()),
    Mark.READ_ONLY: (_fill("EFEFEF"), Font(), _AT_TOP, Border()),
    Mark.PROBLEM: (_fill("FFC7CE"), Font(color="7A0012"), _AT_TOP, _border("C9485B")),
    Mark.QUESTION: (_fill("FFE699"), Font(color="4D3B00"), _AT_TOP, _border("BF9000")),
    Mark.ANSWER: (_fill("FFF8E1"), Font(bold=True, color="4D3B00"), _AT_TOP, _border("BF9000")),
    Mark.TOLD: (PatternFill(), Font(), _WRAPPED, Border()),
    Mark.NOTED: (PatternFill(), Font(italic=True, color="6B6B6B"), _WRAPPED, Border()),
    Mark.KEY: (PatternFill(), Font(), Alignment(), Border()),
    Mark.LABEL: (_fill("DCE6F1"), Font(bold=True), Alignment(), Border()),
    Mark.OWN_LABEL: (_fill("FFE699"), Font(bold=True), Alignment(), Border()),
}


def _style(data: Worksheet, number_format: str, mark: Mark) -> CellStyle:
    return CellStyle(*(_style_id(data, number_format, mark, quoted) for quoted in (False, True)))


def _style_id(data: Worksheet, number_format: str, mark: Mark, quoted: bool) -> int:
    cell = Cell(data, row=1, column=1)
    cell.number_format, cell.quotePrefix = number_format, quoted
    cell.fill, cell.font, cell.alignment, cell.border = _LOOKS[mark]
    return cell.style_id


def _lay_out(data: Worksheet, sheet: ReviewSheet, formats: tuple[str, ...]) -> None:
    first = sheet.label_row + 1
    data.freeze_panes = f"{column_letters(sheet.frozen)}{first}"
    data.auto_filter.ref = f"A{sheet.label_row}:{column_letters(sheet.width - 1)}{UNKNOWN_LAST_ROW}"
    if sheet.first_marked > first + ON_SCREEN and data.sheet_view.pane is not None:
        data.sheet_view.pane.topLeftCell = f"{column_letters(sheet.frozen)}{sheet.first_marked - ABOVE}"
    labels = sheet.head[-1][1]
    for index, number_format in enumerate(formats):
        column = data.column_dimensions[column_letters(index)]
        column.number_format = number_format
        own = sheet.beside[index - sheet.start] if index >= sheet.start else None
        label = own.label if own else (labels[index] if index < len(labels) else None) or ""
        width = own.width if own else _width_of(sheet.fields.get(index))
        column.width = min(max(width, len(label) + FILTER_ARROW), WIDEST)
        column.hidden = own.is_hidden if own else index in sheet.hidden
        if _mark_of(sheet, index) is Mark.READ_ONLY or (own and own.options):
            column.fill = _fill("EFEFEF")


def _width_of(one: Field | None) -> int:
    return PLAIN_WIDTH if one is None else FIELD_TYPES[one.type].width


def _add_dropdowns(data: Worksheet, sheet: ReviewSheet) -> tuple[tuple[str | None, ...], ...]:
    dropdowns = Dropdowns(data, sheet.label_row + 1)
    for index, one in sorted(sheet.fields.items()):
        dropdowns.add(index, one)
    for index, own in enumerate(sheet.beside, sheet.start):
        if own.options:
            dropdowns.add_choice(index, own.label, own.hint, own.options)
    return tuple(zip_longest(*dropdowns.lists))


def _add_pages(
    workbook: Workbook,
    sheet: ReviewSheet,
    lists: tuple[tuple[str | None, ...], ...],
    plain: CellStyle,
    paragraph: CellStyle,
) -> Iterable[Page]:
    guide = workbook.create_sheet("Guide" if workbook.worksheets[0].title != "Guide" else "How to")
    guide.column_dimensions["A"].width = GUIDE_WIDTH
    yield Page(tuple((text,) for text in sheet.guide), paragraph)
    if lists:
        workbook.create_sheet(LISTS).sheet_state = "hidden"
        yield Page(lists, plain)
    workbook.create_sheet("_manifest").sheet_state = "veryHidden"
    yield Page(tuple(sheet.manifest.items()), plain)
