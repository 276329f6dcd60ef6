"""The workbook around the rows, as openpyxl builds it: styles, dropdowns, hints, the other sheets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.packaging.custom import StringProperty
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from sync.cells import column_letters
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.workbook.layout import FIRST_ROW, FIXED_COLUMNS, LABEL_ROW, Sheet
from sync.workbook.limits import GRID_ROWS

UNKNOWN_LAST_ROW = GRID_ROWS - 1
"""Stands in the frame for the last row, which is known when all rows have been written."""
LISTS = "_lists"
TITLE_LENGTH, PROMPT_LENGTH, INLINE_LIST_LENGTH = 32, 255, 255
WIDEST = 60
READ_ONLY = "Read-only: a change here is ignored."
CREATOR = "Rollbook"
_HEADER = PatternFill("solid", fgColor="DCE6F1")
_TINT = PatternFill("solid", fgColor="EFEFEF")


@dataclass(frozen=True, slots=True)
class CellStyle:
    """The indexes of a style, and of its twin for text that must never be taken for anything else."""

    plain: int
    quoted: int


@dataclass(frozen=True)
class Frame:
    """A saved workbook without rows: the styles to write them in, and the texts of its other sheets by column."""

    labels: tuple[CellStyle, ...]
    columns: tuple[CellStyle, ...]
    keys: CellStyle
    guide: CellStyle
    lists: tuple[tuple[str, ...], ...]


def build_frame(sheet: Sheet, path: Path) -> Frame:
    """Save the frame of a workbook and return what its rows need to know of it."""
    workbook = Workbook()
    data = workbook.worksheets[0]
    data.title = sheet.name
    lists = _Lists()
    frame = Frame(
        labels=tuple(_label_style(data, column, read_only) for column, read_only in enumerate(_read_only(sheet))),
        columns=tuple(_columns(data, sheet)),
        keys=_style(data.cell(KEYS_AT, 1)),
        guide=_add_guide(workbook),
        lists=lists.columns,
    )
    return frame
