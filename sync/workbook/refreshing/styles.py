"""Styles for cells that have none that shows their value: their own, with the number format that it takes."""

from __future__ import annotations

import re

from sync.workbook.limits import Limits
from sync.workbook.refreshing.orders import DATE, MARKED, NUMBER, TEXT
from sync.workbook.refreshing.spans import Element, Outline, closing, with_attributes
from sync.workbook.serials import is_date_format

_FIRST_CUSTOM = 164
_BUILT_IN = {"General": 0, "0": 1, "0.00": 2, "@": 49}
TEXT_FORMAT, DATE_FORMAT, GENERAL = "@", "yyyy-mm-dd", "0"


class Styles:
    """The cell styles of a workbook by index, and those that were added to them."""

    def __init__(self, content: bytes, limits: Limits) -> None:
        self._outline = Outline(content, limits, 3)
        self._formats = self._outline.named("xf", "cellXfs")
        self._codes = {
            one.attributes.get("numFmtId", ""): one.attributes.get("formatCode", "")
            for one in self._outline.named("numFmt", "numFmts")
        }
        self._made: dict[tuple[str, str, str], str] = {}
        self._added: list[bytes] = []
        self._new_codes: dict[str, str] = {}

    def fitting(self, index: str, kind: str, code: str) -> str:
        """Return the style for a kind of cell in a column of a number format: the cell's own where that will do."""
        known = self._made.get((index, kind, code))
        if known is None:
            known = self._made[index, kind, code] = self._fitting(index, kind, code)
        return known

    def _fitting(self, index: str, kind: str, code: str) -> str:
        place = int(index) if index.isdecimal() else 0
        if place >= len(self._formats):
            return index
        own = self._formats[place]
        changes = {}
        code = DATE_FORMAT if kind == DATE and not is_date_format(_FIRST_CUSTOM, code) else code
        number = own.attributes.get("numFmtId", "0")
        if self._is_lost(number, kind, code):
            changes = {"numFmtId": self._number_of(code), "applyNumberFormat": "1"}
        if kind == MARKED and own.attributes.get("quotePrefix", "0") not in {"1", "true"}:
            changes["quotePrefix"] = "1"
        if not changes:
            return index
        self._added.append(self._changed(own, changes))
        return str(len(self._formats) + len(self._added) - 1)

    def _is_lost(self, number: str, kind: str, code: str) -> bool:
        """Tell whether a cell with a number format no longer shows its column's values as what they are."""
        shows_dates = number.isdecimal() and is_date_format(int(number), self._codes.get(number))
        if kind == DATE:
            return not shows_dates
        if kind == NUMBER:
            return shows_dates
        return kind in {TEXT, MARKED, ""} and code == TEXT_FORMAT and number == GENERAL

    def _number_of(self, code: str) -> str:
        if code in _BUILT_IN:
            return str(_BUILT_IN[code])
        known = next((number for number, other in self._codes.items() if _plain(other) == _plain(code)), None)
        if known is None:
            taken = [int(number) for number in self._codes if number.isdecimal()]
            known = str(max([_FIRST_CUSTOM - 1, *taken]) + 1)
            self._codes[known] = self._new_codes[known] = code
        return known

    def _changed(self, own: Element, changes: dict[str, str]) -> bytes:
        tag = self._outline.tag(own)
        return with_attributes(tag, **changes) + self._outline.raw(own)[len(tag) :]

    @property
    def is_unchanged(self) -> bool:
        """Tell whether no style was added."""
        return not self._added

    def content(self) -> bytes:
        """Return the part with the new styles at the end of the others."""
        outline = self._outline
        (cells,) = outline.named("cellXfs", "styleSheet")
        added = outline.grown(cells, b"".join(self._added), len(self._formats) + len(self._added))
        return outline.with_edits([*added, *self._code_edits()])

    def _code_edits(self) -> list[tuple[int, int, bytes]]:
        outline, p = self._outline, self._outline.prefix
        new = b"".join(
            with_attributes(b"<" + p + b"numFmt/>", numFmtId=number, formatCode=code)
            for number, code in self._new_codes.items()
        )
        if not new:
            return []
        found = outline.named("numFmts", "styleSheet")
        if found:
            return outline.grown(found[0], new, len(self._codes))
        tag = with_attributes(b"<" + p + b"numFmts>", count=str(len(self._new_codes)))
        at = outline.root.inside
        return [(at, at, tag + new + closing(tag))]


def _plain(code: str) -> str:
    """Return a format without the backslashes that LibreOffice puts before every mark."""
    return re.sub(r"\\([-/.: ])", r"\1", code).lower()
