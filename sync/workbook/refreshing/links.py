"""What a workbook brings along from elsewhere, and what depends on it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sync.errors import UnreadableWorkbook
from sync.workbook.archive import Archive
from sync.workbook.limits import Limits
from sync.workbook.markup import Attributes, elements, feed, local, new_parser

_LINKED = ("xl/externallinks/", "xl/connections.xml", "xl/querytables/")
_ELSEWHERE = "![{"


def refuse_links(archive: Archive, limits: Limits) -> None:
    """Refuse a workbook that takes values from other files or from servers; addresses that people click are none."""
    linked = any(name.startswith(_LINKED) for name in archive.names)
    relations = (name for name in archive.names if name.endswith(".rels"))
    if linked or any(_is_linked(attributes) for name in relations for attributes in _relations(archive, name, limits)):
        raise UnreadableWorkbook(
            "The workbook takes values from other files, so it cannot be refreshed. "
            "Break its links (in Excel: Data, Edit Links; in LibreOffice: Edit, Links), save it and try again."
        )


def _relations(archive: Archive, name: str, limits: Limits) -> Iterable[Attributes]:
    return (attributes for _, tag, attributes in elements(archive.chunks(name), limits) if tag == "Relationship")


def _is_linked(attributes: Attributes) -> bool:
    is_outside = attributes.get("TargetMode", "").casefold() == "external"
    return is_outside and not attributes.get("Type", "").endswith("/hyperlink")


def formulas_of(chunks: Iterable[bytes], names: Collection[str], limits: Limits) -> tuple[bool, bool]:
    """Tell whether a sheet has formulas, and whether one of them looks beyond its own sheet."""
    parser, pieces = new_parser(), list[str]()
    has, looks = False, False

    def start(name: str, _attributes: Attributes) -> None:
        if local(name) == "f":
            pieces.clear()
            parser.CharacterDataHandler = pieces.append

    def end(name: str) -> None:
        nonlocal has, looks
        if local(name) == "f":
            parser.CharacterDataHandler = None
            text = "".join(pieces)
            has = True
            looks = looks or any(mark in text for mark in _ELSEWHERE) or any(one in text.casefold() for one in names)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    for _ in feed(parser, chunks, limits):
        if looks:
            break
    return has, looks
