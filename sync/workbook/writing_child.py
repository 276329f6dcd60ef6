"""The process that writes a workbook's parts while another makes its rows; it imports the standard library and this.

It is started with the project's folder and three paths, and told, as lengths and what `marshal` makes of it, the frame,
the rows, and that there are no more. It ends with the number of the error that it met with.
"""

from __future__ import annotations

import errno
import gc
import marshal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from sync.workbook.filling import Places, fill_columns
from sync.workbook.layout import Frame, HeldColumns

LENGTH = 8
"""Bytes of a length."""
FAULT = 1
"""The status of a process that an unforeseen exception ended."""


def main(arguments: list[str]) -> None:
    """Write the workbook that the arguments name."""
    gc.disable()  # a short life without cycles
    source = sys.stdin.buffer
    try:
        fill_columns(Places(*map(Path, arguments)), Frame.from_plain(_told(source)), _columns(source))
    except OSError as error:
        raise SystemExit(error.errno or FAULT) from None
    except MemoryError:
        raise SystemExit(errno.ENOMEM) from None


def _columns(source: BinaryIO) -> Iterator[HeldColumns]:
    while (some := _told(source)) is not None:
        yield some


def _told(source: BinaryIO) -> Any:
    """Return the next message; end the process where whoever tells them is gone."""
    length = int.from_bytes(source.read(LENGTH), "big")
    content = source.read(length)
    if not content or len(content) < length:
        raise SystemExit(errno.EPIPE)
    return marshal.loads(content)  # noqa: S302 (from the process that started this one)
