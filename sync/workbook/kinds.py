"""What kind of file an upload is: its content decides, and its name has to agree."""

from __future__ import annotations

import mmap
from enum import Enum
from pathlib import Path

from sync.workbook.csv_text import BOMS
from sync.workbook.limits import Limits
from sync.workbook.refusals import refused, too_large

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_NAMED = {
    ".xls": "The file is an old Excel workbook (.xls).",
    ".xlsb": "The file is a binary Excel workbook (.xlsb).",
    ".xlsm": "The file is a workbook with macros (.xlsm).",
    ".xltm": "The file is a template with macros (.xltm).",
    ".ods": "The file is an OpenDocument file (.ods).",
}


class Kind(Enum):
    """A kind of file that is read."""

    WORKBOOK = "workbook"
    TEXT = "text"
    UNNAMED = "unnamed"
    """An archive whose name says nothing: what is in it says what to save instead."""


_SUFFIXES = {".xlsx": Kind.WORKBOOK, ".csv": Kind.TEXT, ".txt": Kind.TEXT, ".tsv": Kind.TEXT}


def kind_of(path: Path, limits: Limits) -> Kind:
    """Return the kind of a file, or refuse it with a sentence that says what to save instead."""
    size, suffix = path.stat().st_size, path.suffix.lower()
    if size > limits.upload_bytes:
        raise too_large("The file", limits.upload_bytes)
    with path.open("rb") as file:
        head = file.read(512)
    if not head or head in dict(BOMS):
        raise refused("The file is empty.")
    if head.startswith(OLE):
        raise refused(_ole(path))
    named = _SUFFIXES.get(suffix)
    if named is None and suffix not in _NAMED and head.startswith(ZIP):
        return Kind.UNNAMED
    if named is None:
        raise refused(_NAMED.get(suffix, "The file is neither an Excel workbook nor a CSV file."))
    if named is Kind.WORKBOOK and not head.startswith(ZIP):
        raise refused(_disguised(head))
    if named is Kind.TEXT and (head.startswith((b"PK", b"%PDF")) or _is_markup(head)):
        raise refused("The file's name says CSV, but it is not one.")
    return named


def _ole(path: Path) -> str:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        encrypted = content.find(_ENCRYPTED) >= 0
    return "The file is protected by a password." if encrypted else "The file is an old Excel workbook (.xls)."


def _disguised(head: bytes) -> str:
    if _is_markup(head):
        return "The file is a web page or XML named .xlsx."
    return "The file's name ends in .xlsx, but it is not an Excel workbook."


def _is_markup(head: bytes) -> bool:
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    return text.startswith((b"<!doctype", b"<html", b"<?xml", b"<table", b"<head", b"<body"))
