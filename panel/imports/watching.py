"""What the cells of a file show as they pass by: examples, the order of text dates, letters that were misread."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sync.cells import Address, RawCell, column_letters
from sync.columns import Column
from sync.types import FIELD_TYPES
from sync.types.damage import misdecoded
from sync.types.dates import MomentType, orders_of
from sync.types.text import as_text, quoted, trimmed
from sync.types.value import shown_value
from sync.words import later, say
from sync.workbook import Row, Table

SAMPLES, SAMPLE_LENGTH, SAMPLED_ROWS = 3, 60, 200
MISREAD = later(
    "%(at)s %(text)s looks as if it had been read in a wrong encoding, and meant %(before)s. %(more)s"
    "Save the file as UTF-8 (CSV UTF-8), and upload it again."
)
MORE = later("So do %(count)s cells in all. ")
# Every letter that UTF-8 writes begins, in the encodings of Windows, with one of these.
_SUSPECT = re.compile(r"[\u00c2-\u00f4\u0102\u0139\u00c4\u010c\u0118\u011a\u00cb\u010e\u0110].")


@dataclass(slots=True)
class Watcher:
    """Looks at a file's cells while it is planned.

    `examples` are a few values of each column, by index; `orders` are texts that settle the order of a column's
    dates, by index and order, each with its address. Nothing is kept of secrets, nor of columns that are `withheld`.
    """

    sheet: str
    is_foreign: bool
    columns: Mapping[int, Column]
    withheld: frozenset[int] = frozenset()
    examples: dict[int, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    orders: dict[int, dict[str, tuple[str, Address]]] = field(default_factory=lambda: defaultdict(dict))
    misread: list[tuple[Address, str, str]] = field(default_factory=list)
    misread_count: int = 0

    @classmethod
    def of(cls, table: Table, columns: Iterable[Column], withheld: Iterable[int]) -> Watcher:
        """Return what watches a table's columns."""
        by_index = {column.index: column for column in columns}
        return cls(table.sheet, table.is_foreign, by_index, frozenset(withheld))

    def walk(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows, looking at each."""
        kinds = {index: FIELD_TYPES[column.field.type] for index, column in self.columns.items()}
        dates = [index for index, kind in kinds.items() if isinstance(kind, MomentType)]
        secret = self.withheld.union(index for index, kind in kinds.items() if kind.secret)
        for count, (number, cells) in enumerate(rows):
            if count < SAMPLED_ROWS:
                self._sample(cells, secret)
            for index in dates:
                raw = cells[index] if index < len(cells) else None
                if isinstance(raw, str) and raw[4:5] != "-":
                    self._take_order(index, raw, number)
            if self.is_foreign:
                self._take_letters(number, cells, secret)
            yield number, cells

    def notes(self) -> Iterator[str]:
        """Yield what is to be said of letters that were misread."""
        for at, text, before in self.misread:
            more = say(MORE, count=self.misread_count) if self.misread_count > 1 else ""
            yield say(MISREAD, at=at, text=quoted(text), before=quoted(before), more=more)

    def _sample(self, cells: list[RawCell], secret: Collection[int]) -> None:
        for index, raw in enumerate(cells):
            if raw is None or index in secret or len(self.examples[index]) >= SAMPLES:
                continue
            shown = shown_value(raw)
            if shown is not None and not hasattr(shown, "text") and (text := trimmed(as_text(shown))):
                self.examples[index][" ".join(text.split())[:SAMPLE_LENGTH]] = None

    def _take_order(self, index: int, raw: str, number: int) -> None:
        only = orders_of(raw).only
        if only and only not in self.orders[index]:
            self.orders[index][only] = trimmed(raw), self._address(index, number)

    def _take_letters(self, number: int, cells: list[RawCell], secret: Collection[int]) -> None:
        for index, raw in enumerate(cells):
            if not isinstance(raw, str) or raw.isascii() or index in secret or not _SUSPECT.search(raw):
                continue
            if (before := misdecoded(raw)) is not None:
                self.misread_count += 1
                if not self.misread:
                    self.misread.append((self._address(index, number), raw, before))

    def _address(self, index: int, number: int) -> Address:
        return Address(self.sheet, column_letters(index), number)
