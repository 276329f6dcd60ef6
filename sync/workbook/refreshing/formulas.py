"""Formulas that many cells share: each written out for a cell of its own, where their first cell goes."""

from __future__ import annotations

import re

from sync.cells import column_letters
from sync.workbook.limits import GRID_COLUMNS, GRID_ROWS
from sync.workbook.row_cells import columns

_REF = r"\$?[A-Za-z]{1,3}\$?[0-9]{1,7}"
_PIECES = re.compile(
    r'"(?:[^"]|"")*"'  # a text
    r"|'(?:[^']|'')*'!?"  # a sheet's name
    r"|\[[^\]]*\]"  # a column of a table
    rf"|(?<![\w.$])(?P<ref>{_REF})(?![\w.(!])"
    r"|(?<![\w.$])(?P<columns>\$?[A-Za-z]{1,3}:\$?[A-Za-z]{1,3})(?![\w.(!])"
    r"|(?<![\w.$])(?P<rows>\$?[0-9]{1,7}:\$?[0-9]{1,7})(?![\w.(!])"
)
_CELL = re.compile(r"(\$?)([A-Za-z]{1,3})(\$?)([0-9]{1,7})")
_COLUMN = re.compile(r"(\$?)([A-Za-z]{1,3})")
_ROW = re.compile(r"(\$?)([0-9]{1,7})")
_LOST = "#REF!"


def moved(formula: str, rows: int, across: int) -> str:
    """Return a formula as it reads so many rows further down and columns further right."""

    def piece(match: re.Match[str]) -> str:
        if match["ref"]:
            return _moved_cell(match["ref"], rows, across)
        if match["columns"]:
            return _COLUMN.sub(lambda one: one[1] + _column(one[2], 0 if one[1] else across), match["columns"])
        if match["rows"]:
            return _ROW.sub(lambda one: one[1] + _row(one[2], 0 if one[1] else rows), match["rows"])
        return match[0]

    return _PIECES.sub(piece, formula)


def _moved_cell(ref: str, rows: int, across: int) -> str:
    match = _CELL.fullmatch(ref)
    if match is None or match[2].upper() not in columns() or not 0 < int(match[4]) <= GRID_ROWS:
        return ref  # the name of something
    column, row = _column(match[2], 0 if match[1] else across), _row(match[4], 0 if match[3] else rows)
    return _LOST if _LOST in {column, row} else f"{match[1]}{column}{match[3]}{row}"


def _column(letters: str, across: int) -> str:
    index = columns().get(letters.upper())
    return (
        letters
        if index is None
        else _LOST
        if not 0 <= index + across < GRID_COLUMNS
        else column_letters(index + across)
    )


def _row(digits: str, rows: int) -> str:
    return _LOST if not 0 < int(digits) + rows <= GRID_ROWS else str(int(digits) + rows)
