"""Texts added at the end of a workbook's table of shared strings, so that no other text's number changes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from shutil import copyfileobj
from typing import IO
from xml.sax.saxutils import escape as escape_markup

from sync.workbook.escapes import escape
from sync.workbook.limits import Limits
from sync.workbook.markup import Attributes, feed, local, new_parser
from sync.workbook.refreshing.spans import Span, closing, opened, with_attributes, without_attribute

REMEMBERED = 50_000
"""Texts that are not added again."""


def count_texts(chunks: Iterable[bytes], limits: Limits) -> tuple[int, str]:
    """Return how many texts a table has, and the prefix of its elements' names."""
    parser, count, prefix = new_parser(), 0, ""

    def start(name: str, _attributes: Attributes) -> None:
        nonlocal count, prefix
        if name == "si" or local(name) == "si":
            count += 1
        elif local(name) == "sst":
            prefix = name.removesuffix("sst")

    parser.StartElementHandler = start
    for _ in feed(parser, chunks, limits):
        pass
    return count, prefix


class AddedTexts:
    """Numbers new texts from where a table ends, and writes them behind its others."""

    def __init__(self, first: int, prefix: str = "") -> None:
        self.count = first
        self._first, self._prefix = first, prefix
        self._numbers: dict[str, int] = {}
        self._items: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was added."""
        return self.count == self._first

    def number(self, text: str) -> int:
        """Return the number of a text in the table."""
        known = self._numbers.get(text)
        if known is not None:
            return known
        if len(self._numbers) >= REMEMBERED:
            self._numbers.clear()
        p, shown = self._prefix, escape_markup(escape(text))
        self._items.write(f'<{p}si><{p}t xml:space="preserve">{shown}</{p}t></{p}si>'.encode())
        number = self._numbers[text] = self.count
        self.count += 1
        return number

    def copy(self, chunks: Iterable[bytes], out: IO[bytes], limits: Limits) -> Iterator[None]:
        """Copy a table with the new texts at its end."""
        span, depth, root = Span(out), 0, b""

        def start(_name: str, _attributes: Attributes) -> None:
            nonlocal depth, root
            depth += 1
            if depth == 1:
                tag = span.tag(span.at)
                span.keep_until(span.at)
                span.skip_until(span.at + len(tag))
                root = tag
                span.put(opened(without_attribute(with_attributes(tag, uniqueCount=str(self.count)), "count")))

        def end(_name: str) -> None:
            nonlocal depth
            depth -= 1
            if depth == 0:
                span.keep_until(span.at)
                self._put_items(out)
                if root.endswith(b"/>"):
                    span.put(closing(root))

        span.parser.StartElementHandler, span.parser.EndElementHandler = start, end
        yield from span.drive(chunks, limits)

    def new_table(self, namespace: str, out: IO[bytes]) -> None:
        """Write a table of nothing but the new texts."""
        out.write(b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n')
        out.write(f'<sst xmlns="{namespace}" uniqueCount="{self.count}">'.encode())
        self._put_items(out)
        out.write(b"</sst>")

    def _put_items(self, out: IO[bytes]) -> None:
        self._items.seek(0)
        copyfileobj(self._items, out)
