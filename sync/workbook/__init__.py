"""Workbooks and CSV files: read with distrust, written so that every program shows them alike."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sync.workbook.csv_writer import write_csv
    from sync.workbook.layout import Sheet
    from sync.workbook.limits import Limits
    from sync.workbook.reader import read_table
    from sync.workbook.supervised import open_table
    from sync.workbook.table import Asked, Look, Row, Table
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

# The processes that parse uploads and that write rows import this package: each loads no more than it needs, and both
# do without openpyxl and the field types.
_MODULES = {
    "Asked": "table",
    "Limits": "limits",
    "Look": "table",
    "Row": "table",
    "Sheet": "layout",
    "Table": "table",
    "open_table": "supervised",
    "read_table": "reader",
    "write_columns": "writer",
    "write_csv": "csv_writer",
    "write_workbook": "writer",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
