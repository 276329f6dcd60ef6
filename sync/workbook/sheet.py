"""A sheet's part as rows of raw cells: one pass reads values, types and formulas and enforces the limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sync.cells import RawCell
from sync.workbook.alike_rows import AlikeRows
from sync.workbook.limits import GRID_ROWS, Limits
from sync.workbook.markup import Attributes, feed, local, new_parser, too_deep
from sync.workbook.plain_rows import PlainRows
from sync.workbook.refusals import damaged, over_limit
from sync.workbook.row_cells import Book, Markup, RowCells
from sync.workbook.shape import Shape
from sync.workbook.strings import ESCAPED
from sync.workbook.table import Row

COUNTED = {
    "mergeCell": ("merged cells", "merges"),
    "cfRule": ("formatting rules", "rules"),
    "dataValidation": ("validation rules", "rules"),
}
TRUE = ("1", "true")
Start = Callable[[str, Attributes], None]
End = Callable[[str], None]


def sheet_rows(chunks: Iterable[bytes], book: Book, limits: Limits, shape: Shape) -> Iterator[Row]:
    """Yield the rows that have a value, in the part's order: (row number, cells by column index).

    `shape` is filled meanwhile.
    """
    sheet = _SheetPass(book, limits, shape)
    for _ in feed(sheet.parser, sheet.plain.passed_on(chunks), limits):
        sheet.check_text()
        sheet.read_alike()
        if sheet.rows:
            yield from sheet.rows
            sheet.rows.clear()


class _SheetPass:
    """The handlers of one pass.

    Inside the sheet's data each cell costs five calls from the parser. So those handlers do
    next to nothing: text is gathered by a list's own `append`, and cells are made a row at a time.
    """

    __slots__ = (
        "_alike", "_cell", "_cells", "_counts", "_depth", "_formula", "_in_row", "_limits", "_marked", "_pieces",
        "_row", "_seen", "_shape", "_value", "parser", "plain", "rows",
    )  # fmt: skip

    def __init__(self, book: Book, limits: Limits, shape: Shape) -> None:
        self._limits, self._shape = limits, shape
        self._cells = RowCells(book, limits)
        self._seen = bytearray(GRID_ROWS + 1)
        self._counts: dict[str, int] = {}
        self._depth = self._row = 0
        self._in_row = False
        self._pieces: list[str] = []
        self._cell: Attributes | None = None
        self._value: str | None = None
        self._formula = ""
        self._marked: list[Markup] = []
        self.rows: list[Row] = []
        self.parser = new_parser()
        self._alike = AlikeRows(self._cells.reading, limits.columns)
        self.plain = PlainRows(self._take, shape.hide, self._alike)
        self._outside()

    def check_text(self) -> None:
        """Refuse a text that is longer than any cell's, even if it has not ended."""
        if sum(map(len, self._pieces)) > self._limits.text * ESCAPED:
            raise over_limit("characters in one cell", self._limits.text)

    def _outside(self) -> None:
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start_outside, self._end_outside
        self.parser.CharacterDataHandler = None

    def _start_outside(self, name: str, attributes: Attributes) -> None:
        self._deeper()
        short = local(name)
        if short == "sheetData":
            self._inside(name.removesuffix(short))
        elif short == "col":
            if attributes.get("hidden") in TRUE:
                self._shape.hide_columns(attributes.get("min", ""), attributes.get("max", ""))
        elif short in COUNTED:
            self._count(short)
            if short == "mergeCell":
                self._shape.merges.append(attributes.get("ref", ""))

    def _end_outside(self, _name: str) -> None:
        self._depth -= 1

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > self._limits.depth:
            raise too_deep()

    def _count(self, name: str) -> None:
        what, limit = COUNTED[name]
        self._counts[name] = self._counts.get(name, 0) + 1
        if self._counts[name] > getattr(self._limits, limit):
            raise over_limit(what, getattr(self._limits, limit))

    def _inside(self, prefix: str) -> None:
        start: Start = self._start
        end: End = self._end
        if prefix:
            start, end = _without_prefix(prefix, start, end)
        self.parser.StartElementHandler, self.parser.EndElementHandler = start, end
        self.parser.CharacterDataHandler = self._pieces.append

    def _start(self, name: str, attributes: Attributes) -> None:
        if name == "v":
            if self._value is not None:
                raise damaged(f"Row {self._row}")
            self._value = ""
            self._pieces.clear()
        elif name == "c":
            if self._cell is not None or not self._in_row:
                raise damaged(f"Row {self._row}")
            self._cell = attributes
            self._value, self._formula = None, ""
        elif name == "row":
            self._start_row(attributes)
        else:
            self._start_rare(name)

    def _end(self, name: str) -> None:
        if name == "v":
            self._value = "".join(self._pieces)
        elif name == "c":
            self._end_cell()
        elif name == "row":
            self._end_row()
        else:
            self._end_rare(name)

    def _end_cell(self) -> None:
        attributes = self._cell
        if attributes is not None:
            get = attributes.get
            self._marked.append((get("r", ""), get("s", ""), get("t", ""), self._value or "", self._formula))
            self._cell = None

    def _start_row(self, attributes: Attributes) -> None:
        if self._in_row:
            raise damaged(f"Row {self._row}")
        self.read_alike()
        number = attributes.get("r")
        self._row = self._row + 1 if number is None else _row_number(number)
        self._in_row = True
        if attributes.get("hidden") in TRUE and self._row <= GRID_ROWS:
            self._shape.hide(self._row)
        self._marked.clear()
        self._pieces.clear()

    def _end_row(self) -> None:
        self._in_row = False
        self.plain.row_ended_at = self.parser.CurrentByteIndex
        self._take(self._row, self._marked)

    def read_alike(self) -> None:
        """Read the rows that were taken at once since; what follows them comes after them."""
        for row, cells in self._alike.read():
            if cells:
                self._cells.count(row, cells)
            self._keep(row, cells)

    def _take(self, row: int, marked: list[Markup]) -> None:
        self.read_alike()
        self._keep(row, self._cells.read(row, marked) if marked and row <= GRID_ROWS else [])

    def _keep(self, row: int, cells: list[RawCell]) -> None:
        if row > GRID_ROWS:
            raise damaged("The sheet's grid")
        self._row = row
        if not cells:
            return
        if self._seen[row]:
            raise damaged(f"Row {row}, which is there twice,")
        self._seen[row] = 1
        self.rows.append((row, cells))

    def _start_rare(self, name: str) -> None:
        self._deeper()
        if name in ("f", "t") and self._cell is not None:
            self._pieces.clear()
        elif name not in ("is", "r"):
            self._skip()

    def _end_rare(self, name: str) -> None:
        self._depth -= 1
        if name == "f":
            self._formula = "=" + "".join(self._pieces)
        elif name == "t":
            self._value = (self._value or "") + "".join(self._pieces)
        elif name == "sheetData":
            self._outside()

    def _skip(self) -> None:
        """Pass over an element with all that is in it: phonetic guides, run properties, extensions."""
        parser, depth = self.parser, self._depth
        handlers = parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler

        def start(_name: str, _attributes: Attributes) -> None:
            self._deeper()

        def end(_name: str) -> None:
            self._depth -= 1
            if self._depth < depth:
                parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = handlers

        parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, None


def _row_number(text: str) -> int:
    if not (text.isdigit() and text.isascii() and 0 < len(text) < 8 and int(text)):
        raise damaged("The sheet's grid")
    return int(text)


def _without_prefix(prefix: str, start: Start, end: End) -> tuple[Start, End]:
    return (
        lambda name, attributes: start(name.removeprefix(prefix), attributes),
        lambda name: end(name.removeprefix(prefix)),
    )
