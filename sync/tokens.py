"""The token that travels with a row: which record it is, and at which revision it was exported."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

FORMAT = "rollbook1"
REF = "_ref"
CHECK_LENGTH = 12
_ROW = re.compile(r"R(\d{1,18})\.(\d{1,18})\.(\d{1,9})\.([0-9a-f]+)")
_NEW = re.compile(r"N(\d{1,18})\.(\d{1,9})\.([0-9a-f]+)")
_WHOLE = re.compile(rf"(?:R\d{{1,18}}\.\d{{1,18}}\.\d{{1,9}}|N\d{{1,18}}\.\d{{1,9}})\.[0-9a-f]{{{CHECK_LENGTH}}}")
_REF = re.compile(rf"{REF}\|{FORMAT}\|(\d{{1,18}})\|(\d{{1,9}})")


@dataclass(frozen=True, slots=True)
class RowToken:
    """The identity of an exported row."""

    export: int
    id: int
    revision: int
    check: str


@dataclass(frozen=True, slots=True)
class NewToken:
    """The identity of a prepared blank row; good for one new record."""

    export: int
    number: int
    check: str


class TokenMaker:
    """Writes and checks the tokens of one entity; the check is integrity, not authority."""

    def __init__(self, key: bytes, entity: str) -> None:
        self._entity = entity
        # A keyed digest (RFC 2104) of which all is done that the key alone decides: an export has one for each row.
        block = key.ljust(hashlib.sha256().block_size, b"\0")
        self._inner, self._outer = (hashlib.sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))

    def row(self, export: int, record_id: int, revision: int, stamp: str) -> str:
        """Return the token of an exported row."""
        return f"R{export}.{record_id}.{revision}.{self._check(export, record_id, revision, stamp)}"

    def new(self, export: int, number: int) -> str:
        """Return the token of a prepared blank row."""
        return f"N{export}.{number}.{self._check(export, 'new', number, '')}"

    def holds(self, token: RowToken, stamp: str) -> bool:
        """Tell whether the token was made for a revision with this stamp."""
        return hmac.compare_digest(token.check, self._check(token.export, token.id, token.revision, stamp))

    def holds_new(self, token: NewToken) -> bool:
        """Tell whether a prepared row's token is one of ours."""
        return hmac.compare_digest(token.check, self._check(token.export, "new", token.number, ""))

    def _check(self, export: int, record_id: int | str, revision: int, stamp: str) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(f"{self._entity}|{export}|{record_id}|{revision}|{stamp}".encode())
        outer.update(inner.digest())
        return outer.hexdigest()[:CHECK_LENGTH]


def parse_token(text: str) -> RowToken | NewToken | None:
    """Return the token that a cell holds, or None where the text is none of ours."""
    row = _ROW.fullmatch(text)
    if row:
        return RowToken(int(row[1]), int(row[2]), int(row[3]), row[4])
    new = _NEW.fullmatch(text)
    return NewToken(int(new[1]), int(new[2]), new[3]) if new else None


def export_of(cell: object) -> int | None:
    """Return the export that a cell's token names, or None where the cell holds no token, whole as it was written."""
    text = cell.strip() if isinstance(cell, str) else ""
    token = parse_token(text) if _WHOLE.fullmatch(text) else None
    return token.export if token else None


def make_ref(export: int, schema_version: int) -> str:
    """Return the text of the workbook's first cell."""
    return f"{REF}|{FORMAT}|{export}|{schema_version}"


def parse_ref(text: str | None) -> int | None:
    """Return the export that a workbook's first cell names, or None."""
    match = _REF.fullmatch(text.strip()) if text else None
    return int(match[1]) if match else None
