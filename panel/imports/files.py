"""Uploaded files: stored under a name of ours, known by their digest, read within the limits."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from flask import current_app

from panel.disk import told_if_full, written_before
from sync.errors import UnreadableWorkbook
from sync.workbook import Limits

CHUNK = 1 << 20
ABANDONED_SECONDS = 3600
"""Longer than any import takes between storing its file and naming it in the database."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that came in: where it is kept, what it was called, and the SHA-256 of its bytes."""

    path: Path
    name: str
    sha256: str


def limits() -> Limits:
    """Return the limits that the settings set."""
    settings, megabyte = current_app.config, 1 << 20
    return Limits(
        upload_bytes=settings["ROLLBOOK_UPLOAD_MEGABYTES"] * megabyte,
        part_bytes=settings["ROLLBOOK_IMPORT_UNPACKED_MEGABYTES"] * megabyte,
        total_bytes=settings["ROLLBOOK_IMPORT_UNPACKED_MEGABYTES"] * megabyte,
        rows=settings["ROLLBOOK_IMPORT_ROWS"],
        cells=settings["ROLLBOOK_IMPORT_CELLS"],
        wall_seconds=settings["ROLLBOOK_IMPORT_SECONDS"],
        cpu_seconds=settings["ROLLBOOK_IMPORT_SECONDS"],
        memory_bytes=settings["ROLLBOOK_IMPORT_MEMORY_MEGABYTES"] * megabyte,
    )


def store(source: BinaryIO, name: str) -> StoredFile:
    """Copy a file into the instance folder; raise `UnreadableWorkbook` where it is too large, or `DiskFull`."""
    suffix = Path(name).suffix.lower()
    path = uploads() / f"{uuid.uuid4().hex}{suffix if suffix in {'.xlsx', '.csv', '.tsv', '.txt'} else '.bin'}"
    try:
        with told_if_full():
            digest = _copy(source, path)
    except BaseException:  # an interrupted upload leaves no file either
        path.unlink(missing_ok=True)
        raise
    return StoredFile(path, Path(name).name, digest)


def _copy(source: BinaryIO, path: Path) -> str:
    digest, size, most = hashlib.sha256(), 0, limits().upload_bytes
    with path.open("xb") as out:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > most:
                raise UnreadableWorkbook(f"The file is larger than {most >> 20} MB. Split it, and send the parts.")
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def sweep(kept: Collection[str]) -> None:
    """Remove files that no import knows, left by a process that was killed; `kept` are the known names."""
    oldest = time.time() - ABANDONED_SECONDS
    for path in written_before(uploads().iterdir(), oldest):
        if path.name not in kept:
            path.unlink(missing_ok=True)


def uploads() -> Path:
    """Return the folder of uploaded files."""
    folder: Path = current_app.config["ROLLBOOK_INSTANCE"] / "uploads"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
