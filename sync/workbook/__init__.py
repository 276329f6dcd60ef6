"""Workbooks and CSV files: read with distrust, written so that every program shows them alike."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from sync.workbook.layout import Sheet
from sync.workbook.limits import Limits
from sync.workbook.reader import read_table
from sync.workbook.supervised import open_table
from sync.workbook.table import Asked, Look, Row, Table

if TYPE_CHECKING:
    from sync.workbook.csv_writer import write_csv
    from sync.workbook.writer import write_columns, write_workbook

__all__ = [
    "Asked",
    "Limits",
    "Look",
    "Row",
    "Sheet",
    "Table",
    "open_table",
    "read_table",
    "write_columns",
    "write_csv",
    "write_workbook",
]

# The process that parses uploads imports this package, and must do without openpyxl and the field types.
_WRITERS = {
    "write_columns": "sync.workbook.writer",
    "write_csv": "sync.workbook.csv_writer",
    "write_workbook": "sync.workbook.writer",
}


def __getattr__(name: str) -> object:
    if name not in _WRITERS:
        raise AttributeError(name)
    return getattr(import_module(_WRITERS[name]), name)
