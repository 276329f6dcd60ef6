"""A workbook's parts written by a process beside, while its rows are made here; what goes wrong there is told here."""

from __future__ import annotations

import errno
import logging
import marshal
import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import astuple
from typing import IO, Any

from sync.workbook.filling import Places
from sync.workbook.layout import Frame, HeldColumns
from sync.workbook.supervised import ISOLATED, KEPT_ENVIRONMENT, ROOT
from sync.workbook.writing_child import FAULT, LENGTH

START = "import sys; sys.path.insert(0, sys.argv[1]); from sync.workbook.writing_child import main; main(sys.argv[2:])"
PIPE = 1 << 20
"""Bytes that may be under way, some thousands of rows."""
_log = logging.getLogger(__name__)


def fill_beside(places: Places, frame: Frame, columns: Iterable[HeldColumns]) -> None:
    """Do in another process what `fill_columns` does here; raise `OSError` for what went wrong there.

    The process is gone when this is left, however it is left; it ends by itself when this one does.
    """
    paths = (places.frame, places.target, places.strings)
    process = subprocess.Popen(  # noqa: S603 (our own interpreter; each path is one argument)
        [sys.executable, *ISOLATED, "-c", START, str(ROOT), *(str(path.absolute()) for path in paths)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ},
        start_new_session=True,
    )
    assert process.stdin is not None  # noqa: S101 (narrows the type)
    try:
        _widen(process.stdin)
        told = _tell(process.stdin, astuple(frame)) and all(_tell(process.stdin, list(some)) for some in columns)
        if told:
            _tell(process.stdin, None)
        with suppress(BrokenPipeError):
            process.stdin.close()
        _heed(process.wait())
    finally:
        process.kill()
        process.wait()
        with suppress(BrokenPipeError):  # it may hold what nobody took
            process.stdin.close()


def _widen(pipe: IO[bytes]) -> None:
    """Let more be under way than the system lets by itself, where it can be asked to: neither side waits so often."""
    try:
        import fcntl  # noqa: PLC0415 (Windows has none)

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)
    except (ImportError, AttributeError, OSError):
        return


def _tell(pipe: IO[bytes], message: list[Any] | tuple[Any, ...] | None) -> bool:
    """Send a message; tell whether somebody was there to take it."""
    content = marshal.dumps(message)
    try:
        pipe.write(len(content).to_bytes(LENGTH, "big") + content)
        pipe.flush()
    except BrokenPipeError:
        return False
    return True


def _heed(status: int) -> None:
    """Raise what a process that ended with a status has met with."""
    if not status:
        return
    _log.warning("The process that writes workbooks ended with status %s.", status)
    if status < 0:  # somebody killed it, most likely the system for want of memory
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    if status == FAULT:
        raise RuntimeError("The process that writes workbooks failed; it has written why.")
    raise OSError(status, os.strerror(status))
