"""The small parts that say what a workbook consists of, as they read after a refresh."""

from __future__ import annotations

import re

from sync.workbook.limits import Limits
from sync.workbook.parts import resolved
from sync.workbook.refreshing.spans import Outline, with_attributes

Edit = tuple[int, int, bytes]
_BEFORE_CALCULATION = ("sheets", "functionGroups", "externalReferences", "definedNames")
_STRICT = b"purl.oclc.org"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STRICT_MAIN = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_STRINGS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
_REF = re.compile(rb"_ref\|rollbook1\|[0-9]+\|[0-9]+")


def with_full_calculation(content: bytes, limits: Limits) -> bytes:
    """Return the workbook's part with the request that every formula be calculated when it is opened."""
    outline = Outline(content, limits, 2)
    name = outline.root.name
    for found in outline.named("calcPr", name):
        tag = with_attributes(outline.tag(found), fullCalcOnLoad="1")
        return outline.with_edits([(found.start, found.inside, tag)])
    before = [one for one in outline.elements if one.parent == name and one.name in _BEFORE_CALCULATION]
    at = max(one.end for one in before)
    return outline.with_edits([(at, at, b"<" + outline.prefix + b'calcPr fullCalcOnLoad="1"/>')])


def names_of(content: bytes, limits: Limits) -> list[str]:
    """Return the names that a workbook defines, without those that programs define for themselves."""
    found = Outline(content, limits, 3).named("definedName", "definedNames")
    names = (one.attributes.get("name", "").casefold() for one in found)
    return [name for name in names if name and not name.startswith("_xlnm.")]


def with_types(content: bytes, dropped: str | None, added: str | None, limits: Limits) -> bytes:
    """Return the content types without a part, and with that of a new table of strings."""
    outline = Outline(content, limits, 2)
    edits: list[Edit] = [
        (one.start, one.end, b"")
        for one in outline.named("Override", "Types")
        if dropped and resolved("", one.attributes.get("PartName", "")).casefold() == dropped.casefold()
    ]
    if added:
        tag = b"<" + outline.prefix + b"Override/>"
        edits += outline.grown(outline.root, with_attributes(tag, PartName=f"/{added}", ContentType=_STRINGS_TYPE))
    return outline.with_edits(edits)


def with_relations(content: bytes, dropped: str | None, added: str | None, limits: Limits) -> bytes:
    """Return the workbook's relationships without one of a type, and with one to a new table of strings."""
    outline = Outline(content, limits, 2)
    related = outline.named("Relationship", "Relationships")
    edits: list[Edit] = [
        (one.start, one.end, b"") for one in related if dropped and one.attributes.get("Type", "").endswith(dropped)
    ]
    if added:
        sheet = next(one for one in related if one.attributes.get("Type", "").endswith("/worksheet"))
        kind = sheet.attributes["Type"].removesuffix("worksheet") + "sharedStrings"
        tag = b"<" + outline.prefix + b"Relationship/>"
        edits += outline.grown(outline.root, with_attributes(tag, Id="rIdTexts", Type=kind, Target=f"/{added}"))
    return outline.with_edits(edits)


def namespace_of(relations: bytes) -> str:
    """Return the namespace of sheets in a workbook with these relationships."""
    return _STRICT_MAIN if _STRICT in relations else _MAIN


def with_reference(content: bytes, ref: str) -> bytes:
    """Return a part of properties with the new reference where it holds one of ours."""
    return _REF.sub(ref.encode(), content)
