"""What a workbook of ours looks like: its columns, and where its rows begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sync.cells import Scalar
from sync.fields import Field
from sync.workbook.limits import GRID_ROWS

KEY_ROW, LABEL_ROW, FIRST_ROW = 1, 2, 3
UNKNOWN_LAST_ROW = GRID_ROWS - 1
"""Stands in the frame for the last row, which is known when all rows have been written."""
SPARE_ROWS = 500
"""Rows below the data that have dropdowns and hints too; exceljs makes an object of each of their cells."""
TOKEN_LABEL = "Row reference"  # noqa: S105 (a heading)
IDENTITY_KEY = "id"
FIXED_COLUMNS = 2
"""The rows' tokens and the records' IDs."""
MOST_ROWS = GRID_ROWS - LABEL_ROW
"""The most records that one sheet can hold."""
Cells = Sequence[Scalar | None]
Rows = Iterable[Cells]
Columns = Sequence[Cells]
"""Some rows, column by column."""
Held = str | bool | int | float
"""What is written into a cell; a date is its serial number by then."""
HeldColumns = Sequence[Sequence[Held | None]]
TextRows = tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class Sheet:
    """What is written: the sheet with its fields, and what goes on the sheets beside it.

    `ref` is the text that makes the key row recognisable, `guide` plain paragraphs for people,
    `manifest` what the panel wants to know of the workbook, `identity` the label of the IDs, `blank` the tokens of
    the rows below the data in which new records may be typed; a CSV file has none of those.
    """

    ref: str
    fields: tuple[Field, ...]
    name: str = "Customers"
    guide: tuple[str, ...] = ()
    manifest: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    identity: str = "ID"
    blank: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the hidden first row."""
        return (self.ref, IDENTITY_KEY, *(field.key for field in self.fields))

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the row that people read."""
        return (TOKEN_LABEL, self.identity, *(field.label for field in self.fields))


@dataclass(frozen=True, slots=True)
class CellStyle:
    """The index of a style, and that of its twin for text that looks like something else."""

    plain: int
    quoted: int


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a sheet beside the data, all of them text."""

    rows: TextRows
    style: CellStyle


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the data in a saved frame, and what all rows have to look like.

    `keys` and `labels` are the rows above the data, `blank` the tokens of those below, `columns` the styles of both;
    `pages` are the other sheets in their order.
    """

    keys: tuple[str, ...]
    key_style: CellStyle
    labels: tuple[str, ...]
    label_styles: tuple[CellStyle, ...]
    columns: tuple[CellStyle, ...]
    blank: tuple[str, ...]
    pages: tuple[Page, ...]

    @classmethod
    def from_plain(cls, plain: tuple[Any, ...]) -> Frame:
        """Return the frame that `astuple` made plain."""
        keys, key_style, labels, label_styles, columns, blank, pages = plain
        return cls(
            keys,
            CellStyle(*key_style),
            labels,
            tuple(CellStyle(*style) for style in label_styles),
            tuple(CellStyle(*style) for style in columns),
            blank,
            tuple(Page(rows, CellStyle(*style)) for rows, style in pages),
        )
