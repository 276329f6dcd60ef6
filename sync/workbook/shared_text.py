"""Text on its way into a workbook: each one goes into the table of shared strings."""

from __future__ import annotations

import re
from typing import TextIO
from xml.sax.saxutils import escape as escape_markup

from sync.cells import LONG_TEXT_PLACEHOLDER
from sync.types.text import CELL_LIMIT, clean_text
from sync.workbook.escapes import escape

REMEMBERED = 50_000
"""Texts that are not written again; a table with repetitions is as good, only longer."""
_SPECIAL = re.compile(r"[&<>]|^\s|\s$|_x|[^\S ]")
# What a program would make a formula, number, date, error or truth value of, if somebody entered it again.
_MISTAKABLE = re.compile(r"[=+\-@'#\t\r\n]|[\d.,:/%\seE+-]+$|(?:true|false)$", re.IGNORECASE)


def fitting(text: str) -> str:
    """Return text as a cell can hold it, or what stands for a text that none can hold."""
    text = clean_text(text)
    # The limit counts UTF-16 units, so that most emoji count twice.
    units = len(text) if len(text) * 2 <= CELL_LIMIT else len(text.encode("utf-16-le")) // 2
    return text if units <= CELL_LIMIT else LONG_TEXT_PLACEHOLDER


class SharedText:
    """Numbers texts in the order in which they come, and writes them as the items of a table."""

    def __init__(self, items: TextIO) -> None:
        self._items = items
        self._numbers: dict[str, int] = {}
        self.count = 0

    def number(self, text: str) -> int:
        """Return a text's number in the table, or its complement (~) where the cell has to be marked as text."""
        known = self._numbers.get(text)
        return self._add(text) if known is None else known

    def _add(self, text: str) -> int:
        cell = fitting(text)
        self._items.write(_item(cell))
        number = ~self.count if _MISTAKABLE.match(cell) else self.count
        self.count += 1
        if len(self._numbers) >= REMEMBERED:
            self._numbers.clear()
        self._numbers[text] = number
        return number


def _item(text: str) -> str:
    if not _SPECIAL.search(text):
        return f"<si><t>{text}</t></si>"
    preserved = ' xml:space="preserve"' if text != text.strip() or "\n" in text or "\t" in text else ""
    return f"<si><t{preserved}>{escape_markup(escape(text))}</t></si>"
