"""The small parts of a workbook: which sheets it has, where they lie, which styles show dates."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from sync.workbook.archive import Archive
from sync.workbook.limits import Limits
from sync.workbook.markup import Attributes, elements
from sync.workbook.refusals import damaged, over_limit, refused
from sync.workbook.serials import is_date_format

CONTENT_TYPES = "[content_types].xml"
_TRUE = ("1", "true", "on")


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A worksheet: its name, its part, whether people see it."""

    name: str
    part: str
    visible: bool


@dataclass(frozen=True, slots=True)
class Contents:
    """What the workbook part and its relationships say."""

    sheets: tuple[SheetPart, ...]
    epoch_1904: bool
    strings: str | None
    styles: str | None
    book: str
    chain: str | None


def read_contents(archive: Archive, limits: Limits) -> Contents:
    """Return the worksheets of a workbook in their order, and the parts that their cells refer to."""
    part = _related(_relations(archive, "", limits), "officeDocument") or "xl/workbook.xml"
    _check_kind(archive, part, limits)
    relations = _relations(archive, part, limits)
    found, epoch_1904 = _workbook_elements(archive, part, limits)
    return Contents(
        sheets=tuple(_sheet_parts(found, relations)),
        epoch_1904=epoch_1904,
        strings=_present(archive, _related(relations, "sharedStrings")),
        styles=_present(archive, _related(relations, "styles")),
        book=part,
        chain=_present(archive, _related(relations, "calcChain")),
    )


def read_date_styles(archive: Archive, part: str | None, limits: Limits) -> frozenset[str]:
    """Return the indexes, as text, of the cell styles that show a date."""
    codes: dict[str, str] = {}
    formats: list[str] = []
    if part is None:
        return frozenset()
    for parent, name, attributes in elements(archive.chunks(part), limits):
        if name == "numFmt" and parent == "numFmts":
            codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "xf" and parent == "cellXfs":
            formats.append(attributes.get("numFmtId", "0"))
        if max(len(codes), len(formats)) > limits.styles:
            raise over_limit("cell styles", limits.styles)
    dates = {number for number in set(formats) if number.isdecimal() and is_date_format(int(number), codes.get(number))}
    return frozenset(str(index) for index, number in enumerate(formats) if number in dates)


@dataclass(frozen=True, slots=True)
class _Relation:
    type: str
    target: str


def _check_kind(archive: Archive, part: str, limits: Limits) -> None:
    """Refuse an archive whose workbook part is none that is read."""
    if any(name.endswith(("vbaproject.bin", "xlm.bin")) or "/macrosheets/" in name for name in archive.names):
        raise refused("The workbook contains macros.")
    if "mimetype" in archive and "content.xml" in archive:
        raise refused("The file is an OpenDocument file.")
    if CONTENT_TYPES not in archive or part not in archive:
        raise refused("The file is not an Excel workbook.")
    kinds = _content_types(archive, part, limits)
    if "sheet.binary" in kinds:
        raise refused("The file is a binary Excel workbook (.xlsb).")
    if "macroenabled" in kinds:
        raise refused("The workbook contains macros.")


def _content_types(archive: Archive, part: str, limits: Limits) -> str:
    """Return, on a line each, the types that a part is given by its own name, or else by its extension."""
    own, default = [], []
    wanted = part.casefold()
    for _, name, attributes in elements(archive.chunks(CONTENT_TYPES), limits):
        kind = attributes.get("ContentType", "").casefold()
        if name == "Override" and resolved("", attributes.get("PartName", "")).casefold() == wanted:
            own.append(kind)
        # SheetJS declares that of .bin files in every .xlsx, so it says nothing of other parts.
        elif name == "Default" and wanted.endswith(f".{attributes.get('Extension', '').casefold()}"):
            default.append(kind)
    return "\n".join(own or default)


def _relations(archive: Archive, part: str, limits: Limits) -> dict[str, _Relation]:
    folder, name = posixpath.split(part)
    path = posixpath.join(folder, "_rels", f"{name}.rels")
    if path not in archive:
        return {}
    return {
        attributes.get("Id", ""): _Relation(
            attributes.get("Type", "").rpartition("/")[2],
            resolved(folder, attributes.get("Target", "")),
        )
        for _, name, attributes in elements(archive.chunks(path), limits)
        if name == "Relationship" and attributes.get("TargetMode") != "External"
    }


def resolved(folder: str, target: str) -> str:
    """Return the name of a part that is given relative to a folder, or from the root."""
    return posixpath.normpath(posixpath.join("/", folder, target.replace("\\", "/"))).lstrip("/")


def _related(relations: Mapping[str, _Relation], kind: str) -> str | None:
    return next((relation.target for relation in relations.values() if relation.type == kind), None)


def _present(archive: Archive, part: str | None) -> str | None:
    return part if part is not None and part in archive else None


def _workbook_elements(archive: Archive, part: str, limits: Limits) -> tuple[list[Attributes], bool]:
    """Return the sheets' attributes, and whether dates count from 1904."""
    sheets: list[Attributes] = []
    epoch_1904 = False
    names = 0
    for parent, name, attributes in elements(archive.chunks(part), limits):
        if name == "sheet" and parent == "sheets":
            sheets.append(attributes)
        elif name == "workbookPr":
            epoch_1904 = attributes.get("date1904", "0") in _TRUE
        names += name == "definedName"
        if len(sheets) > limits.sheets:
            raise over_limit("sheets", limits.sheets)
        if names > limits.rules:
            raise over_limit("defined names", limits.rules)
    return sheets, epoch_1904


def _sheet_parts(found: list[Attributes], relations: Mapping[str, _Relation]) -> list[SheetPart]:
    sheets = []
    for attributes in found:
        relation = relations.get(attributes.get("id", ""))
        if relation is None:
            raise damaged()
        if relation.type == "worksheet":
            visible = attributes.get("state", "visible") == "visible"
            sheets.append(SheetPart(attributes.get("name", ""), relation.target, visible))
    if not sheets:
        raise damaged()
    return sheets
