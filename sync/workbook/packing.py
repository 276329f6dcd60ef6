"""Parts of an archive packed in threads beside, and put into it as they are."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import BufferedWriter, RawIOBase
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

COMPRESSION = 2
"""Rows repeat themselves so much that higher levels cost time and save little."""
BUFFER, COPIED = 1 << 16, 1 << 20
"""Bytes: what is smaller is packed together with what follows, and what is packed is copied so many at a time."""


def archive(path: Path) -> zipfile.ZipFile:
    """Return a new archive."""
    return zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION)


@contextmanager
def part_of(target: zipfile.ZipFile, name: str) -> Iterator[BufferedWriter[_Beside]]:
    """Yield a part of an archive for writing; an archive has one at a time."""
    with target.open(name, "w") as entry, BufferedWriter(_Beside(entry), BUFFER) as part:
        yield part


def move_packed(path: Path, target: zipfile.ZipFile) -> None:
    """Put the only part of another archive into one as it is, which `zipfile` has no words for."""
    with zipfile.ZipFile(path) as source, path.open("rb") as packed:
        (part,) = source.infolist()
        packed.seek(len(part.FileHeader()))
        out = target.fp
        assert out is not None  # noqa: S101 (narrows the type)
        out.seek(target.start_dir)
        part.header_offset = out.tell()
        out.write(part.FileHeader())
        left = part.compress_size
        while left:
            left -= out.write(packed.read(min(left, COPIED)))
        target.start_dir = out.tell()
        target.filelist.append(part)
        target.NameToInfo[part.filename] = part


class _Beside(RawIOBase):
    """Packs what is written in a thread beside: zlib needs no lock of Python's, so both run at once."""

    def __init__(self, entry: IO[bytes]) -> None:
        self._entry, self._thread = entry, ThreadPoolExecutor(1)
        self._packing: Future[int] = self._thread.submit(int)

    def writable(self) -> bool:
        """Tell that this is for writing."""
        return True

    def write(self, chunk: Buffer) -> int:
        """Wait for the chunk before to be packed, which may raise what went wrong, and begin with this one."""
        self._packing.result()
        self._packing = self._thread.submit(self._entry.write, bytes(chunk))
        return memoryview(chunk).nbytes

    def close(self) -> None:
        """Wait for the last chunk."""
        if not self.closed:
            with self._thread:
                super().close()
                self._packing.result()
