"""The zip archive of a workbook, opened with distrust."""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO

from sync.workbook.limits import Limits
from sync.workbook.markup import refuse_doctype
from sync.workbook.refusals import damaged, over_limit, refused, too_large, unsafe

CHUNK = 128 * 1024
LOCAL_HEADER = 30
DIRECTORY_ENTRY = 46 + 400  # a central directory entry with a generous name and extra field
END_RECORD = 22
ZIP_FAILURES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)
MARKUP = (".xml", ".rels", ".vml")
UNSAFE_NAME = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.(/|$)|\0")


class Archive:
    """The parts of a workbook by name; letter case and kind of slash make no difference."""

    def __init__(self, file: zipfile.ZipFile, limits: Limits) -> None:
        self._file, self._limits = file, limits
        self._infos = _checked(file, limits)
        for name in self._infos:
            if name.endswith(MARKUP):
                with closing(self.chunks(name)) as chunks:
                    refuse_doctype(chunks, limits)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all parts, in lower case."""
        return tuple(self._infos)

    @property
    def entries(self) -> tuple[zipfile.ZipInfo, ...]:
        """Return what the directory says of each part, in its order."""
        return tuple(self._infos.values())

    def __contains__(self, name: str) -> bool:
        return _canonical(name) in self._infos

    def chunks(self, name: str) -> Generator[bytes, None, None]:
        """Yield the content of a part; at most its declared size is ever unpacked."""
        info = self._infos.get(_canonical(name))
        if info is None:
            raise damaged()
        try:
            with self._file.open(info) as stream:
                while chunk := stream.read(CHUNK):
                    yield chunk
        except ZIP_FAILURES as failure:
            raise damaged() from failure


@contextmanager
def open_archive(path: Path, limits: Limits) -> Iterator[Archive]:
    """Open a zip archive after checking everything that its directory says."""
    with path.open("rb") as file:
        _check_end(file, limits)
        try:
            archive = zipfile.ZipFile(file)
        except ZIP_FAILURES as failure:
            raise damaged() from failure
        with archive:
            yield Archive(archive, limits)


def _check_end(file: IO[bytes], limits: Limits) -> None:
    """Refuse a directory that is too large, before it is loaded into memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - END_RECORD - 0xFFFF))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < END_RECORD:
        raise damaged()
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    if directory != 0xFFFFFFFF and directory > limits.entries * DIRECTORY_ENTRY:
        raise over_limit("parts", limits.entries)
    file.seek(0)


def _checked(file: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    infos = file.infolist()
    if len(infos) > limits.entries:
        raise over_limit("parts", limits.entries)
    _check_overlap(infos, file.start_dir)
    parts: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        _check_entry(info, limits)
        name = _canonical(info.filename)
        if name in parts:
            raise unsafe("two parts of the same name")
        if not name.endswith("/") and not name.startswith("__macosx/"):
            parts[name] = info
    if sum(info.file_size for info in infos) > limits.total_bytes:
        raise too_large("The unpacked workbook", limits.total_bytes)
    return parts


def _canonical(name: str) -> str:
    return name.replace("\\", "/").casefold()


def _check_entry(info: zipfile.ZipInfo, limits: Limits) -> None:
    if UNSAFE_NAME.search(info.orig_filename.replace("\\", "/")):
        raise unsafe("a part with an unsafe name")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise unsafe("a link to another file")
    if info.flag_bits & 1:
        raise refused("The file is protected by a password.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise refused("The file is packed in an unusual way.")
    if info.file_size > limits.part_bytes:
        raise too_large("A part of the unpacked workbook", limits.part_bytes)
    if info.file_size > max(limits.ratio_from_bytes, info.compress_size * limits.ratio):
        raise unsafe("a part packed far more tightly than any real one")


def _check_overlap(infos: list[zipfile.ZipInfo], directory: int) -> None:
    """Refuse entries that share bytes: a small file could unpack to any size."""
    spans = sorted((i.header_offset, i.header_offset + LOCAL_HEADER + len(i.filename) + i.compress_size) for i in infos)
    if any(end > start for (_, end), (start, _) in pairwise([*spans, (directory, directory)])):
        raise unsafe("overlapping parts")
