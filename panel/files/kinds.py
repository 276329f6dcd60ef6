"""Which files may be kept: by their extension, which their content has to bear out."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from sync.errors import SyncError

Check = Callable[[BinaryIO], bool]
"""Whether the content of a file is what its extension says."""

_HEAD = 16
_SEPARATORS = re.compile(r"[\s,;]+")
# What text has beside printable characters: tab, line ends, form feed.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_MACROS = "vbaProject.bin"


class UnusableTypes(SyncError):
    """The setting names a type of file that Rollbook cannot check."""


def _begins(*marks: bytes) -> Check:
    return lambda file: file.read(_HEAD).startswith(marks)


def _is_webp(file: BinaryIO) -> bool:
    head = file.read(_HEAD)
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _is_text(file: BinaryIO) -> bool:
    content = file.read()
    if content.startswith(b"%PDF-"):  # the one other kind that may hold nothing but text
        return False
    if content.startswith(_WIDE):
        return not _NO_TEXT.search(content.decode("utf-16", "replace"))
    # One byte a character is enough to find what no text holds, whatever the encoding.
    return not _NO_TEXT.search(content.decode("latin-1"))


def _holds(part: str) -> Check:
    """Return the check of an Office file without macros: a ZIP archive in which this part is."""

    def check(file: BinaryIO) -> bool:
        names = _names(file)
        return {"[Content_Types].xml", part} <= names and not any(name.endswith(_MACROS) for name in names)

    return check


def _names(file: BinaryIO) -> set[str]:
    try:
        with zipfile.ZipFile(file) as archive:
            return set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError):
        return set()


def _says(kind: str) -> Check:
    """Return the check of an OpenDocument file: its first entry, never compressed, names its kind."""
    wanted = f"mimetypeapplication/vnd.oasis.opendocument.{kind}".encode()

    def check(file: BinaryIO) -> bool:
        head = file.read(200)
        return head.startswith(b"PK\x03\x04") and head[30:].startswith(wanted) and "content.xml" in _names(file)

    return check


_PDF, _JPEG, _TIFF = _begins(b"%PDF-"), _begins(b"\xff\xd8\xff"), _begins(b"II*\0", b"MM\0*")

KINDS: Mapping[str, Check] = {
    "pdf": _PDF,
    "png": _begins(b"\x89PNG\r\n\x1a\n"),
    "jpg": _JPEG,
    "jpeg": _JPEG,
    "gif": _begins(b"GIF87a", b"GIF89a"),
    "webp": _is_webp,
    "tif": _TIFF,
    "tiff": _TIFF,
    "txt": _is_text,
    "csv": _is_text,
    "xlsx": _holds("xl/workbook.xml"),
    "docx": _holds("word/document.xml"),
    "pptx": _holds("ppt/presentation.xml"),
    "ods": _says("spreadsheet"),
    "odt": _says("text"),
    "odp": _says("presentation"),
}
"""Every extension that can be permitted."""


def read_types(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the permitted extensions of the settings; raise `UnusableTypes` for one that cannot be checked."""
    listed = _SEPARATORS.split(settings["ROLLBOOK_FILE_TYPES"].strip().lower())
    types = tuple(dict.fromkeys(one.removeprefix(".") for one in listed if one))
    if unknown := [one for one in types if one not in KINDS]:
        raise UnusableTypes(f"ROLLBOOK_FILE_TYPES names {unknown[0]!r}. It may list {', '.join(KINDS)}.")
    return types


def agrees(extension: str, file: BinaryIO) -> bool:
    """Tell whether a file's content is what its extension says; it is read from the beginning."""
    file.seek(0)
    return KINDS[extension](file)
