"""XML read as a stream of events by expat, without document types and within bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.parsers import expat

from sync.workbook.limits import Limits
from sync.workbook.refusals import damaged, unsafe

Parser = expat.XMLParserType
Attributes = dict[str, str]
ENCODINGS = ("utf-8", "utf-16", "us-ascii")


def new_parser() -> Parser:
    """Return a parser that refuses a document type, and with it every entity that a file could define."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.XmlDeclHandler = _check_encoding
    return parser


def feed(parser: Parser, chunks: Iterable[bytes], limits: Limits) -> Iterator[None]:
    """Drive a parser through a part, pausing after each chunk."""
    fed = 0
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            fed += len(chunk)
            if fed - parser.CurrentByteIndex > limits.token:
                raise unsafe("markup without an end")
            yield
        parser.Parse(b"", True)
        yield
    except (expat.ExpatError, UnicodeError) as failure:
        raise damaged() from failure


def local(name: str) -> str:
    """Return a name without its namespace prefix: Strict and Transitional differ in nothing else that matters."""
    return name.rpartition(":")[2]


def too_deep() -> Exception:
    """Return the refusal of markup nested beyond the limit."""
    return unsafe("markup nested too deeply")


def elements(chunks: Iterable[bytes], limits: Limits) -> Iterator[tuple[str, str, Attributes]]:
    """Yield (parent, name, attributes) for each element of a small part, prefixes removed."""
    parser = new_parser()
    path = [""]
    found: list[tuple[str, str, Attributes]] = []

    def start(name: str, attributes: Attributes) -> None:
        found.append((path[-1], local(name), {local(key): value for key, value in attributes.items()}))
        path.append(found[-1][1])
        if len(path) > limits.depth:
            raise too_deep()

    def end(_name: str) -> None:
        path.pop()

    parser.StartElementHandler, parser.EndElementHandler = start, end
    for _ in feed(parser, chunks, limits):
        yield from found
        found.clear()


def refuse_doctype(chunks: Iterable[bytes], limits: Limits) -> None:
    """Refuse a part with a document type, having read no further than its first element."""
    parser = new_parser()
    parser.XmlDeclHandler = None
    parser.StartElementHandler = _begin
    fed = 0
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            fed += len(chunk)
            if fed > limits.token:
                raise unsafe("markup that never begins")
    except (_Begun, expat.ExpatError, LookupError, ValueError):
        return  # if it is not XML, and the part matters, its own reader says so


class _Begun(Exception):
    """The first element has been reached."""


def _begin(_name: str, _attributes: Attributes) -> None:
    raise _Begun


def _check_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise unsafe("text in an unusual encoding")


def _refuse_doctype(*_declaration: object) -> None:
    raise unsafe("a document type declaration")
