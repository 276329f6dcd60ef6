"""Workbooks and CSV files: read with distrust, written so that every program shows them alike."""

from sync.workbook.limits import Limits
from sync.workbook.reader import read_table
from sync.workbook.supervised import open_table
from sync.workbook.table import Row, Table

__all__ = ["Limits", "Row", "Table", "open_table", "read_table"]
