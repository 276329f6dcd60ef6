"""The dropdowns of our columns with the options of today."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape as escape_markup

from sync.cells import column_letters
from sync.workbook.markup import Attributes, local
from sync.workbook.refreshing.orders import TEXT, Cell, Cells, Choice
from sync.workbook.refreshing.spans import Span
from sync.workbook.row_cells import columns

LISTS = "_lists"
_COLUMN = re.compile(r"\$?([A-Za-z]{1,3})")
_ON_LISTS = re.compile(rf"'?\$?{LISTS}'?[!.]")


class Rules:
    """Reads the rules of one sheet, and replaces the options of those that hold the options of then.

    `free` is the first unused column of the sheet of lists, None where there is no such sheet. Lists are added and
    never changed: a rule of the manager's own may refer to them.
    """

    def __init__(self, choices: Iterable[Choice], free: int | None) -> None:
        self._choices = {one.column: one for one in choices}
        self._free = free
        self._lists: dict[tuple[str, ...], int] = {}
        self._start: int | None = None
        self._sqref: list[str] = []
        self._source: list[str] = []
        self._source_at = (0, 0)
        self._is_list = False
        self._path: list[str] = []

    def start(self, span: Span, name: str, attributes: Attributes) -> None:
        """Take note of a rule, and of what is in it."""
        short = local(name)
        if short == "dataValidation" and self._choices:
            self._start = span.pin = span.at
            self._is_list = attributes.get("type") == "list"
            self._sqref, self._source, self._source_at = [attributes.get("sqref", "")], [], (0, 0)
        elif self._start is not None:
            self._path.append(short)
            if short == "sqref":
                span.parser.CharacterDataHandler = self._sqref.append
            elif short in {"f", "formula1"}:
                self._source.clear()
                begin = span.at
                self._source_at = (begin + len(span.tag(begin)), 0)
                span.parser.CharacterDataHandler = self._source.append

    def end(self, span: Span, name: str) -> None:
        """Replace the options of a rule that has ended, where they are ours."""
        short = local(name)
        if self._start is None:
            return
        if short == "dataValidation":
            new = self._replacement() if self._is_list else None
            if new is not None and self._source_at[1]:
                span.keep_until(self._source_at[0])
                span.put(escape_markup(new).encode())
                span.skip_until(self._source_at[1])
            self._start = span.pin = None
            return
        span.parser.CharacterDataHandler = None
        self._path.pop()
        in_first = short == "formula1" or (short == "f" and "formula1" in self._path)
        if in_first and not self._source_at[1]:
            self._source_at = (self._source_at[0], span.at)

    def _replacement(self) -> str | None:
        """Return the options of today as a rule holds them."""
        match = _COLUMN.match("".join(self._sqref).strip())
        choice = self._choices.get(columns().get(match[1].upper(), -1)) if match else None
        if choice is None:
            return None
        source = "".join(self._source).strip()
        if not (_ON_LISTS.match(source) or source == choice.was):
            return None
        return choice.inline if choice.inline is not None else self._on_lists(choice.options)

    def _on_lists(self, options: tuple[str, ...]) -> str | None:
        if self._free is None:
            return None
        column = self._lists.setdefault(options, self._free + len(self._lists))
        letters = column_letters(column)
        return f"{LISTS}!${letters}$1:${letters}${len(options)}"

    @property
    def rows(self) -> dict[int, Cells]:
        """Return the cells of the lists that were added, by row."""
        rows: dict[int, Cells] = {}
        for options, column in self._lists.items():
            for number, option in enumerate(options, 1):
                rows.setdefault(number, {})[column] = Cell(TEXT, option)
        return rows
