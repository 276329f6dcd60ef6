"""A part copied byte for byte, except where a handler of its markup puts something else."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO
from xml.sax.saxutils import escape as escape_markup

from sync.workbook.limits import Limits
from sync.workbook.markup import Attributes, feed, local, new_parser
from sync.workbook.refusals import damaged, unsafe

_TAG = re.compile(rb"""<[^<>"']*(?:"[^"]*"[^<>"']*|'[^']*'[^<>"']*)*>""")
_NAME = re.compile(rb"<([^\s/>]+)")
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")


class Span:
    """A part on its way: what was read of it, and how far it was written. Offsets count from the part's beginning."""

    def __init__(self, out: IO[bytes]) -> None:
        self.parser = new_parser()
        self._out = out
        self._held = bytearray()
        self._start = 0
        self._done = 0
        self.pin: int | None = None
        """From where on nothing may be written yet, because it is not known whether it stays."""

    @property
    def at(self) -> int:
        """Return where the markup begins that the parser tells of."""
        return self.parser.CurrentByteIndex

    def tag(self, start: int) -> bytes:
        """Return the tag that begins at an offset."""
        match = _TAG.match(self._held, start - self._start)
        if match is None:
            raise damaged()
        return bytes(match[0])

    def end_of(self, at: int, name: str) -> int:
        """Return where an element's markup ends, of whose end the parser tells: behind its tag where it is empty."""
        has_end_tag = self._held.startswith(f"</{name}".encode(), at - self._start)
        return at + len(self.tag(at)) if has_end_tag else at

    def raw(self, start: int, end: int) -> bytes:
        """Return what was read between two offsets."""
        return bytes(self._held[start - self._start : end - self._start])

    def keep_until(self, offset: int) -> None:
        """Write what was read before an offset."""
        if offset > self._done:
            self._out.write(self._held[self._done - self._start : offset - self._start])
            self._done = offset

    def skip_until(self, offset: int) -> None:
        """Leave out what was read before an offset."""
        self._done = offset

    def put(self, markup: bytes) -> None:
        """Write something of our own."""
        self._out.write(markup)

    def drive(self, chunks: Iterable[bytes], limits: Limits) -> Iterator[None]:
        """Copy a part, pausing after each chunk."""
        for _ in feed(self.parser, self._taken(chunks), limits):
            self._flush()
            yield
        self.pin = None
        self.keep_until(self._start + len(self._held))

    def _taken(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        first = True
        for chunk in chunks:
            if first and chunk.startswith(_WIDE):
                raise unsafe("text in an unusual encoding")
            first = False
            self._held += chunk
            yield chunk

    def _flush(self) -> None:
        sure = self.parser.CurrentByteIndex if self.pin is None else self.pin
        self.keep_until(sure)
        del self._held[: self._done - self._start]
        self._start = self._done


@dataclass(slots=True)
class Element:
    """An element of a small part: where its markup begins, where its first tag ends, where it ends."""

    name: str
    parent: str
    attributes: Attributes
    start: int
    inside: int
    is_empty: bool
    end: int = 0


class Outline:
    """A small part with the places of its elements, down to a depth."""

    def __init__(self, content: bytes, limits: Limits, depth: int) -> None:
        self.content = content
        self.elements: list[Element] = []
        span = Span(io.BytesIO())
        span.pin = 0
        path: list[Element | None] = []
        names: list[str] = []

        def start(name: str, attributes: Attributes) -> None:
            found = None
            if len(path) < depth:
                at, short = span.at, {local(key): value for key, value in attributes.items()}
                parent = names[-1] if names else ""
                tag = span.tag(at)
                found = Element(local(name), parent, short, at, at + len(tag), tag.endswith(b"/>"))
                self.elements.append(found)
            path.append(found)
            names.append(local(name))

        def end(name: str) -> None:
            found = path.pop()
            names.pop()
            if found is not None:
                found.end = found.inside if found.is_empty else span.end_of(span.at, name)

        span.parser.StartElementHandler, span.parser.EndElementHandler = start, end
        for _ in span.drive([content], limits):
            pass
        self.prefix = _prefix_of(content, self.elements[0])

    @property
    def root(self) -> Element:
        """Return the element that holds all others."""
        return self.elements[0]

    def named(self, name: str, parent: str) -> list[Element]:
        """Return the elements of a name inside those of another."""
        return [one for one in self.elements if one.name == name and one.parent == parent]

    def raw(self, element: Element) -> bytes:
        """Return the markup of an element."""
        return self.content[element.start : element.end]

    def tag(self, element: Element) -> bytes:
        """Return an element's first tag."""
        return self.content[element.start : element.inside]

    def with_edits(self, edits: Iterable[tuple[int, int, bytes]]) -> bytes:
        """Return the part with stretches of it replaced, given by where they begin and end."""
        pieces, done = [], 0
        for start, end, markup in sorted(edits, key=lambda edit: edit[:2]):
            pieces += [self.content[done:start], markup]
            done = end
        return b"".join([*pieces, self.content[done:]])

    def grown(self, element: Element, markup: bytes, count: int | None = None) -> list[tuple[int, int, bytes]]:
        """Return the edits that add markup at the end of an element, and set its count."""
        tag = self.tag(element)
        new = tag if count is None else with_attributes(tag, count=str(count))
        if element.is_empty:
            return [(element.start, element.end, opened(new) + markup + closing(tag))]
        at = self.content.rindex(b"</", element.start, element.end)
        return [(element.start, element.inside, new), (at, at, markup)]


def _prefix_of(content: bytes, root: Element) -> bytes:
    match = re.match(rb"<([^\s/>:]+:)?", content[root.start :])
    return (match[1] or b"") if match else b""


def opened(tag: bytes) -> bytes:
    """Return the tag of an empty element as one that something follows."""
    return tag[:-2].rstrip() + b">" if tag.endswith(b"/>") else tag


def closing(tag: bytes) -> bytes:
    """Return the end tag that belongs to a tag."""
    match = _NAME.match(tag)
    return b"</" + (match[1] if match else b"") + b">"


def with_attributes(tag: bytes, **values: str) -> bytes:
    """Return a tag with attributes set."""
    for name, value in values.items():
        written = f'{name}="{escape_markup(value, {chr(34): "&quot;"})}"'.encode()
        pattern = re.compile(rb"(?<=\s)" + name.encode() + rb"""\s*=\s*(?:"[^"]*"|'[^']*')""")
        if pattern.search(tag):
            tag = pattern.sub(written.replace(b"\\", rb"\\"), tag, count=1)
        else:
            end = -2 if tag.endswith(b"/>") else -1
            tag = tag[:end].rstrip() + b" " + written + tag[end:]
    return tag


def without_attribute(tag: bytes, name: str) -> bytes:
    """Return a tag without an attribute."""
    return re.sub(rb"\s" + name.encode() + rb"""\s*=\s*(?:"[^"]*"|'[^']*')""", b"", tag)
