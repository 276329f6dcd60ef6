"""A sheet's part as rows of raw cells: one pass reads values, types and formulas and enforces the limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from string import ascii_uppercase

from sync.cells import Broken, Formula, RawCell, column_letters
from sync.workbook.cell_values import READERS, constant, date_1900, date_1904
from sync.workbook.limits import GRID_COLUMNS, GRID_ROWS, Limits
from sync.workbook.markup import Attributes, feed, local, new_parser, too_deep
from sync.workbook.refusals import damaged, over_limit, too_large
from sync.workbook.strings import ESCAPED, SharedStrings

Row = tuple[int, list[RawCell]]
COUNTED = {
    "mergeCell": ("merged cells", "merges"),
    "cfRule": ("formatting rules", "rules"),
    "dataValidation": ("validation rules", "rules"),
}
SKIPPED = -1
Start = Callable[[str, Attributes], None]
End = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Book:
    """What a sheet's cells refer to: shared strings, the styles that show dates, and how dates count."""

    strings: SharedStrings
    date_styles: frozenset[str]
    epoch_1904: bool


def sheet_rows(chunks: Iterable[bytes], book: Book, limits: Limits) -> Iterator[Row]:
    """Yield the rows that have a value, in the part's order: (row number, cells by column index)."""
    sheet = _SheetPass(book, limits)
    for _ in feed(sheet.parser, chunks, limits):
        if sheet.rows:
            yield from sheet.rows
            sheet.rows.clear()


class _SheetPass:
    """The handlers of one pass.

    Inside the sheet's data each cell costs five calls from the parser, so those handlers are
    flat, and know the four elements that nearly all cells are made of by name.
    """

    __slots__ = (
        "_book", "_cells", "_column", "_columns", "_counts", "_date", "_dates", "_depth", "_filled", "_formula",
        "_in_cell", "_in_row", "_kind", "_letters", "_limits", "_longest", "_row", "_row_text", "_seen", "_style",
        "_text", "_value", "_weight", "_widest", "parser", "rows",
    )  # fmt: skip

    def __init__(self, book: Book, limits: Limits) -> None:
        self._book, self._limits = book, limits
        self._date = date_1904 if book.epoch_1904 else date_1900
        self._dates = book.date_styles
        self._letters = columns()
        self._longest, self._widest = limits.text * ESCAPED, limits.columns
        self._seen = bytearray(GRID_ROWS + 1)
        self._counts: dict[str, int] = {}
        self._depth = self._row = self._filled = self._weight = 0
        self._in_row = self._in_cell = False
        self._text = self._row_text = self._style = ""
        self._value: str | None = None
        self._formula: str | None = None
        self._kind: str | None = None
        self._column = SKIPPED
        self._cells: list[RawCell] = []
        self.rows: list[Row] = []
        self.parser = new_parser()
        self._outside()

    def _outside(self) -> None:
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start_outside, self._end_outside
        self.parser.CharacterDataHandler = None

    def _start_outside(self, name: str, _attributes: Attributes) -> None:
        self._deeper()
        short = local(name)
        if short == "sheetData":
            self._inside(name.removesuffix(short))
        elif short in COUNTED:
            self._count(short)

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
        self.parser.CharacterDataHandler = self._characters

    def _start(self, name: str, attributes: Attributes) -> None:
        if name == "c":
            self._start_cell(attributes)
        elif name == "v":
            if self._value is not None:
                raise damaged(f"Row {self._row}")
            self._value = self._text = ""
        elif name == "row":
            self._start_row(attributes)
        else:
            self._start_rare(name)

    def _end(self, name: str) -> None:
        if name == "v":
            self._value = self._text
        elif name == "c":
            self._in_cell = False
            if self._value is not None or self._formula is not None:
                self._keep(self._read())
        elif name == "row":
            self._end_row()
        else:
            self._end_rare(name)

    def _characters(self, data: str) -> None:
        self._text = self._text + data if self._text else data
        if len(self._text) > self._longest:
            raise over_limit("characters in one cell", self._limits.text)

    def _start_row(self, attributes: Attributes) -> None:
        if self._in_row:
            raise damaged(f"Row {self._row}")
        number = attributes.get("r")
        self._row = self._row + 1 if number is None else _row_number(number)
        if self._row > GRID_ROWS:
            raise damaged("The sheet's grid")
        self._row_text = str(self._row)
        self._in_row = True
        self._column = SKIPPED
        self._cells = []

    def _end_row(self) -> None:
        self._in_row = False
        cells = self._cells
        if not cells:
            return
        if self._seen[self._row]:
            raise damaged(f"Row {self._row}, which is there twice,")
        if len(cells) > self._widest:
            raise over_limit(f"columns (see {column_letters(len(cells) - 1)}{self._row})", self._widest)
        self._seen[self._row] = 1
        self._filled += len(cells) - cells.count(None)
        if self._filled > self._limits.cells:
            raise over_limit("cells", self._limits.cells)
        if self._weight > self._limits.total_bytes:
            raise too_large("The text in the sheet", self._limits.total_bytes)
        self.rows.append((self._row, cells))

    def _start_cell(self, attributes: Attributes) -> None:
        if self._in_cell or not self._in_row:
            raise damaged(f"Row {self._row}")
        self._in_cell = True
        reference = attributes.get("r")
        if reference is None:
            self._column += 1
        else:
            column = self._letters.get(reference.removesuffix(self._row_text))
            self._column = self._unusual(reference) if column is None else column
        self._kind = attributes.get("t")
        self._style = attributes.get("s", "0")
        self._value = self._formula = None

    def _unusual(self, reference: str) -> int:
        column = self._letters.get(reference.upper().replace("$", "").removesuffix(self._row_text))
        if column is None:
            raise damaged(f"A cell's address in row {self._row}")
        return column

    def _read(self) -> RawCell:
        kind, text = self._kind, self._value
        if self._formula is not None:
            return self._calculated()
        if text is None:
            return None
        return self._stored(kind, text)

    def _stored(self, kind: str | None, text: str) -> RawCell:
        if kind == "s":
            shared = self._book.strings.at(text)
            self._weight += len(shared)
            return shared or None
        if kind in (None, "n"):
            return self._date(text) if self._style in self._dates else READERS[None](text)
        value = READERS.get(kind, Broken)(text)
        if isinstance(value, str):
            self._weigh(value)
        return value

    def _weigh(self, text: str) -> None:
        self._weight += len(text)
        if len(text) > self._limits.text:
            raise over_limit("characters in one cell", self._limits.text)

    def _calculated(self) -> RawCell:
        fixed = constant(self._formula or "")
        if fixed is not None:
            return fixed
        if self._value is None:
            return Broken("")
        value = self._stored(self._kind, self._value)
        if value is None:
            return Formula("") if self._kind in ("str", "s", "inlineStr") else Broken("")
        return value if isinstance(value, Broken | Formula) else Formula(value)

    def _keep(self, value: RawCell) -> None:
        if value is None:
            return
        cells, column = self._cells, self._column
        if column == len(cells):
            cells.append(value)
        elif column < len(cells):
            if cells[column] is not None:
                raise damaged(f"Cell {column_letters(column)}{self._row}, which is there twice,")
            cells[column] = value
        else:
            cells.extend([None] * (column - len(cells)))
            cells.append(value)

    def _start_rare(self, name: str) -> None:
        self._deeper()
        if name == "t" or (name == "f" and self._in_cell):
            self._text = ""
        elif name not in ("is", "r"):
            self._skip()

    def _end_rare(self, name: str) -> None:
        self._depth -= 1
        if name == "f":
            self._formula = self._text
        elif name == "t":
            self._value = (self._value or "") + self._text
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


@cache
def columns() -> dict[str, int]:
    """Return the index of each column by its letters."""
    names = ("".join(letters) for size in (1, 2, 3) for letters in product(ascii_uppercase, repeat=size))
    return {name: index for index, name in zip(range(GRID_COLUMNS), names, strict=False)}


def _row_number(text: str) -> int:
    if not (text.isdigit() and text.isascii() and 0 < len(text) < 8 and int(text)):
        raise damaged("The sheet's grid")
    return int(text)


def _without_prefix(prefix: str, start: Start, end: End) -> tuple[Start, End]:
    return (
        lambda name, attributes: start(name.removeprefix(prefix), attributes),
        lambda name: end(name.removeprefix(prefix)),
    )
