"""Files that are there when they are complete, and of which a process that dies leaves nothing behind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4


@contextmanager
def appearing(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that takes the name `path` if all goes well.

    Where the system can, it has no name before, so that it is gone however the process ends.
    """
    handle = _nameless(path.parent)
    if handle is None:
        with _named(path) as file:
            yield file
        return
    with os.fdopen(handle, "w+b") as file:
        yield file
        file.flush()
        _name(file.fileno(), path)


def _nameless(folder: Path) -> int | None:
    flag = getattr(os, "O_TMPFILE", None)
    if flag is not None and Path("/proc/self/fd").exists():
        with suppress(OSError):  # not every file system has them
            return os.open(folder, flag | os.O_RDWR, 0o600)
    return None


def _name(handle: int, path: Path) -> None:
    beside = path.with_name(f".{path.name[:40]}-{uuid4().hex}.part")
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        # Given a folder, the call follows the link that stands for the open file.
        os.link(f"/proc/self/fd/{handle}", beside, src_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)
    beside.replace(path)


@contextmanager
def _named(path: Path) -> Iterator[IO[bytes]]:
    handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
        Path(name).replace(path)
    except BaseException:  # an interrupted write leaves nothing behind either
        Path(name).unlink(missing_ok=True)
        raise
