"""Text on its way into a workbook: each one goes into the table of shared strings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape as escape_markup
from typing import IO

from sync.cells import CELL_LIMIT, LONG_TEXT_PLACEHOLDER, clean_text
from sync.workbook.escapes import escape

REMEMBERED = 50_000
"""Texts that are not written again; a table with repetitions is as good, only longer."""
SAMPLE = 50
"""Texts of a column that tell whether most of them differ."""
_SPECIAL = re.compile(r"[&<>]|^\s|\s$|_x|[^\S ]")
# The same in printable texts between bars.
_MARKS = ("&", "<", ">", "_x", "| ", " |")
# What a program would make a formula, number, date, error or truth value of, if somebody entered it again.
_MISTAKABLE = re.compile(r"[=+\-@'#\t\r\n]|[\d.,:/%\seE+-]+$|(?i:true|false)$")
# The same in printable texts between bars.
_ALL_MISTAKABLE = re.compile(r"\|(?:[=+\-@'#]|[\d.,:/% eE+-]+(?=\|)|(?i:true|false)(?=\|))")


def fitting(text: str) -> str:
    """Return text as a cell can hold it, or what stands for a text that none can hold."""
    text = clean_text(text)
    # The limit counts UTF-16 units, so that most emoji count twice.
    units = len(text) if len(text) * 2 <= CELL_LIMIT else len(text.encode("utf-16-le")) // 2
    return text if units <= CELL_LIMIT else LONG_TEXT_PLACEHOLDER


class SharedText:
    """Numbers texts in the order in which they come, and writes them as the items of a table."""

    def __init__(self, items: IO[bytes]) -> None:
        self._items = items
        self._numbers: dict[str, int] = {}
        self.count = 0

    def numbers(self, texts: Sequence[str]) -> Sequence[int]:
        """Return the texts' numbers in the table, or their complements (~) where a cell has to be marked as text."""
        sample = texts[:: len(texts) // SAMPLE or 1]
        if len(set(sample)) * 10 > len(sample) * 9:  # hardly any comes again: to remember them would take longer
            return self._add(texts)
        if len(self._numbers) >= REMEMBERED:
            self._numbers.clear()
        known = self._numbers
        fresh = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(fresh, self._add(fresh), strict=True))
        return list(map(known.__getitem__, texts))

    def numbers_or_none(self, texts: Sequence[str | None]) -> list[int | None]:
        """Return the same, and None where there is no text."""
        numbers = iter(self.numbers([text for text in texts if text is not None]))
        return [None if text is None else next(numbers) for text in texts]

    def _add(self, texts: Sequence[str]) -> Sequence[int]:
        """Write texts as the next items; nearly all texts are plain, and all are looked at together."""
        if not texts:
            return ()
        first, self.count = self.count, self.count + len(texts)
        together = f"|{'|'.join(texts)}|"
        if not _are_plain(together, texts):
            cells = list(map(fitting, texts))
            self._items.write("".join(map(_item, cells)).encode())
            return _marked(first, cells)
        self._items.write(f"<si><t>{together[1:-1].replace('|', '</t></si><si><t>')}</t></si>".encode())
        mistakable = len(_ALL_MISTAKABLE.findall(together))
        if not mistakable:
            return range(first, self.count)
        return range(~first, ~self.count, -1) if mistakable == len(texts) else _marked(first, texts)


def _marked(first: int, cells: Sequence[str]) -> list[int]:
    return [~number if is_mistakable(cell) else number for number, cell in enumerate(cells, first)]


def is_mistakable(text: str) -> bool:
    """Tell whether a program would make something else of a text, if somebody entered it again."""
    # Most texts begin with a letter that rules it out.
    return (not text[:1].isalpha() or text[0] in "eEtTfF") and _MISTAKABLE.match(text) is not None


def _are_plain(together: str, texts: Sequence[str]) -> bool:
    """Tell whether texts, put between bars, are printable, without markup or bars, and no longer than cells."""
    return (
        together.isprintable()
        and together.count("|") == len(texts) + 1
        and (len(together) * 2 <= CELL_LIMIT or len(max(texts, key=len)) * 2 <= CELL_LIMIT)
        and not any(mark in together for mark in _MARKS)
    )


def _item(text: str) -> str:
    if not _SPECIAL.search(text):
        return f"<si><t>{text}</t></si>"
    preserved = ' xml:space="preserve"' if text != text.strip() or "\n" in text or "\t" in text else ""
    return f"<si><t{preserved}>{escape_markup(escape(text), quote=False)}</t></si>"
