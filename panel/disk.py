"""What a disk that takes no more means for the person at the screen, and files that are old."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sync.errors import SyncError
from sync.words import later, say

FULL = later(
    "The server's disk is full, so this was not stored. "
    "Tell whoever runs this server, and try again when there is room."
)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
logger = logging.getLogger(__name__)


class DiskFull(SyncError):
    """No file can be written."""

    status = 507


def is_full(error: OSError) -> bool:
    """Tell whether a file could not be written for want of room."""
    return error.errno in _FULL


@contextmanager
def told_if_full() -> Iterator[None]:
    """Run a block that writes files; raise `DiskFull` where there is no room for them."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        logger.exception("a file could not be written")
        raise DiskFull(say(FULL)) from None


def written_before(paths: Iterable[Path], instant: float) -> Iterator[Path]:
    """Yield the files and folders that were written before an instant; what is gone meanwhile is not among them."""
    for path in paths:
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < instant:
                yield path
