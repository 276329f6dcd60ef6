"""The sheets beside the data that are ours: the lists of options, and what the workbook says of itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sync.workbook.limits import Limits
from sync.workbook.refreshing.orders import TEXT, Cell, Cells
from sync.workbook.refreshing.sheets import Writing
from sync.workbook.refreshing.spans import Outline, closing, opened
from sync.workbook.row_cells import columns

_LETTERS = re.compile(r"[A-Z]+")


def first_free_column(content: bytes, limits: Limits) -> int:
    """Return the index of the column behind the last one that has a cell."""
    cells = Outline(content, limits, 4).named("c", "row")
    found = (_LETTERS.match(cell.attributes.get("r", "")) for cell in cells)
    return max((columns().get(match[0], -1) for match in found if match), default=-1) + 1


def with_lists(content: bytes, rows: Mapping[int, Cells], writing: Writing, limits: Limits) -> bytes:
    """Return a sheet with cells added behind those that its rows have, and rows where it has none."""
    outline = Outline(content, limits, 3)
    (data,) = outline.named("sheetData", "worksheet")
    there = {int(one.attributes.get("r", "0")): one for one in outline.named("row", "sheetData")}
    edits, below = [], b""
    for number, cells in sorted(rows.items()):
        markup = _cells(outline, number, cells, writing)
        if number in there:
            edits += outline.grown(there[number], markup)
        else:
            below += _row(outline, number, markup)
    return outline.with_edits([*edits, *(outline.grown(data, below) if below else [])])


def with_rows(content: bytes, rows: tuple[tuple[str, str], ...], writing: Writing, limits: Limits) -> bytes:
    """Return a sheet with other rows of texts instead of all that it has."""
    outline = Outline(content, limits, 2)
    (data,) = outline.named("sheetData", "worksheet")
    tag = opened(outline.tag(data))
    markup = b"".join(
        _row(outline, number, _cells(outline, number, dict(enumerate(Cell(TEXT, text) for text in texts)), writing))
        for number, texts in enumerate(rows, 1)
    )
    return outline.with_edits([(data.start, data.end, tag + markup + closing(tag))])


def _cells(outline: Outline, number: int, cells: Cells, writing: Writing) -> bytes:
    prefix = outline.prefix.decode()
    return b"".join(writing.cell(prefix, (number, column), "", cell) for column, cell in sorted(cells.items()))


def _row(outline: Outline, number: int, markup: bytes) -> bytes:
    prefix = outline.prefix
    return b"<" + prefix + f'row r="{number}">'.encode() + markup + b"</" + prefix + b"row>"
