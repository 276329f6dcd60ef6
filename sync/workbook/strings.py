"""The table of shared strings, most of which lies on disk where there are many."""

from __future__ import annotations

import json
import os
import tempfile
from array import array
from collections.abc import Iterable, Sequence
from typing import IO

from sync.workbook.escapes import unescape
from sync.workbook.limits import Limits
from sync.workbook.markup import Attributes, feed, local, new_parser, too_deep
from sync.workbook.plain_strings import PlainStrings
from sync.workbook.refusals import damaged, over_limit

BLOCK = 32
"""Strings that are read from disk together: a row's strings tend to be neighbours."""
NEIGHBOURS = 8
"""Blocks that are read at once for the cells of a column."""
HELD_STRINGS = 200_000
HELD_CHARACTERS = 8_000_000
HELD_BLOCKS = 1_000
ESCAPED = 7
"""The most characters that one character's escape takes."""


class SharedStrings:
    """Strings by index: the first in memory, the others on disk."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._characters = 0
        self._spilled: _Spilled | None = None

    def extend(self, texts: Sequence[str]) -> None:
        """Add the next strings."""
        if self._spilled is not None:
            self._spilled.extend(texts)
            return
        self._held.extend(texts)
        self._characters += sum(map(len, texts))
        if len(self._held) >= HELD_STRINGS or self._characters >= HELD_CHARACTERS:
            self._spilled = _Spilled()

    def seal(self) -> None:
        """Take note that no more strings will come."""
        if self._spilled is not None:
            self._spilled.seal()

    def close(self) -> None:
        """Give back the disk's space."""
        if self._spilled is not None:
            self._spilled.file.close()

    def at(self, index: str) -> str:
        """Return the string that a cell refers to."""
        try:
            number = int(index)
            if 0 <= number < len(self._held):
                return self._held[number]
            if self._spilled is not None and number >= 0:
                return self._spilled.at(number - len(self._held))
        except (ValueError, IndexError) as failure:
            raise damaged("The table of texts in the workbook") from failure
        raise damaged("The table of texts in the workbook")

    def all_at(self, indexes: Sequence[str]) -> Sequence[str]:
        """Return the strings that several cells refer to, which takes less time than one by one."""
        numbers, held = list(map(int, indexes)), len(self._held)
        first, last = min(numbers), max(numbers)
        if 0 <= first <= last < held:
            return list(map(self._held.__getitem__, numbers))
        if self._spilled is not None and held <= first and last < held + self._spilled.count:
            return self._spilled.all_at(numbers, held)
        return list(map(self.at, indexes))


class _Spilled:
    """Strings by index in blocks in a file that has no name, so that it is gone however the process ends."""

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the table)
        self._starts = array("Q", [0])
        self._block: list[str] = []
        self._read: dict[int, list[str]] = {}
        self.count = 0

    def extend(self, texts: Sequence[str]) -> None:
        self.count += len(texts)
        self._block.extend(texts)
        full = len(self._block) // BLOCK * BLOCK
        for start in range(0, full, BLOCK):
            self._write(self._block[start : start + BLOCK])
        del self._block[:full]

    def seal(self) -> None:
        self._write(self._block)
        self._block = []
        self.file.flush()

    def _write(self, block: list[str]) -> None:
        # Neighbours are read as one list, so that each block ends with what separates it from the next.
        line = json.dumps(block).encode()[1:-1] + b","
        self.file.write(line)
        self._starts.append(self._starts[-1] + len(line))

    def at(self, number: int) -> str:
        block, place = divmod(number, BLOCK)
        texts = self._read.get(block)
        return (self._load(block, block) if texts is None else texts)[place]

    def all_at(self, numbers: Sequence[int], start: int) -> list[str]:
        """Return strings whose numbers count from `start`; those of a column tend to be neighbours, too."""
        first, last = (min(numbers) - start) // BLOCK, (max(numbers) - start) // BLOCK
        if last - first > NEIGHBOURS:
            return [self.at(number - start) for number in numbers]
        known = [self._read.get(block) for block in range(first, last + 1)]
        texts = self._load(first, last) if None in known else [text for block in known for text in block or ()]
        start += first * BLOCK
        return [texts[number - start] for number in numbers]

    def _load(self, first: int, last: int) -> list[str]:
        start, end = self._starts[first], self._starts[last + 1]
        texts: list[str] = json.loads(b"[%s]" % os.pread(self.file.fileno(), end - start - 1, start))
        if len(self._read) >= HELD_BLOCKS:
            self._read.clear()
        for place, block in enumerate(range(first, last + 1)):
            self._read[block] = texts[place * BLOCK : (place + 1) * BLOCK]
        return texts


def read_strings(strings: SharedStrings, chunks: Iterable[bytes], limits: Limits) -> None:
    """Fill the table from its part."""
    reading = _StringsPass(strings, limits)
    for _ in feed(reading.parser, reading.plain.passed_on(chunks), limits):
        reading.check_text()
    strings.seal()


class _StringsPass:
    """The runs of each string item joined; phonetic guides left out."""

    __slots__ = (
        "_depth", "_extend", "_in_text", "_item", "_limits", "_longest", "_phonetic", "_pieces", "parser", "plain",
    )  # fmt: skip

    def __init__(self, strings: SharedStrings, limits: Limits) -> None:
        self._extend, self._limits, self._longest = strings.extend, limits, limits.text
        self._depth = self._phonetic = 0
        self._in_text = False
        self._item: str | None = None
        self._pieces: list[str] = []
        self.plain = PlainStrings(strings.extend, limits.text)
        self.parser = new_parser()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._pieces.append

    def check_text(self) -> None:
        """Refuse a text that is longer than any cell's, even if it has not ended."""
        if sum(map(len, self._pieces)) > self._longest * ESCAPED:
            raise over_limit("characters in one cell", self._longest)

    def _start(self, name: str, _attributes: Attributes) -> None:
        if name == "t":
            if self._in_text:
                raise too_deep()
            self._in_text = True
            self._pieces.clear()
        elif name == "si":
            if self._item is not None:
                raise too_deep()
            self._item = ""
        else:
            self._start_rare(name)

    def _end(self, name: str) -> None:
        if name == "t":
            self._in_text = False
            if not self._phonetic:
                text = "".join(self._pieces)
                self._item = self._item + text if self._item else text
        elif name == "si":
            self._finish()
            self.plain.item_ended_at = self.parser.CurrentByteIndex
        else:
            self._end_rare(name)

    def _start_rare(self, name: str) -> None:
        short = local(name)
        if short != name and short in ("t", "si"):
            self._start(short, {})
            return
        self._depth += 1
        if self._depth > self._limits.depth:
            raise too_deep()
        if short == "rPh":
            self._phonetic = self._depth

    def _end_rare(self, name: str) -> None:
        short = local(name)
        if short != name and short in ("t", "si"):
            self._end(short)
            return
        if self._phonetic == self._depth:
            self._phonetic = 0
        self._depth -= 1

    def _finish(self) -> None:
        text = unescape(self._item or "")
        self._item = None
        if len(text) > self._longest:
            raise over_limit("characters in one cell", self._longest)
        self._extend((text,))
