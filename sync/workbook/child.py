"""The process that parses an upload: it has no more rights and resources than that needs.

It is started with the project's folder, the limits and the path of the file, imports the standard
library and this package only, and writes lines: what the table is, its rows, and an end, so that
a reader can tell a finished table from a process that died.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from sync.errors import UnreadableWorkbook
from sync.workbook.limits import Limits
from sync.workbook.reader import read_table
from sync.workbook.refusals import refused, too_large
from sync.workbook.table import Asked, Row, Table
from sync.workbook.wire import encode

BATCH = 500
"""Rows on a line."""
HEADER = (
    "sheet", "ref", "ref_column", "keys", "labels", "sheets", "is_csv", "head", "header_row", "above", "lines", "looks",
    "key_row", "rows_of",
)  # fmt: skip
OPEN_FILES = 64
GRACE = 5
"""Seconds between the system's warning and its kill."""


def main(arguments: list[str]) -> None:
    """Parse the file that the arguments name under the limits that they hold."""
    limits = Limits.from_json(json.loads(arguments[0]))
    confine(limits)
    gc.disable()  # a short life without cycles, in which looking for them takes a tenth of the time
    try:
        _send(Path(arguments[1]), limits, Asked(**json.loads(arguments[2])), sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None


def _send(path: Path, limits: Limits, asked: Asked, out: BinaryIO) -> None:
    try:
        with read_table(path, limits, asked) as table:
            out.write(_line({"table": _header(table)}))
            out.writelines(_lines(table.rows, limits))
            end = {"end": True, **asdict(table.shape)}
        out.write(_line(end))
    except UnreadableWorkbook as refusal:
        out.write(_line({"error": str(refusal)}))
    except MemoryError:
        out.write(_line({"error": str(refused("Reading the file needs too much memory."))}))


def _header(table: Table) -> dict[str, Any]:
    copies = [[one.sheet, one.column, one.row] for one in table.copies]
    return {name: getattr(table, name) for name in HEADER} | {"copies": copies}


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _lines(rows: Iterable[Row], limits: Limits) -> Iterator[bytes]:
    """Yield rows as lines; one long text may stand in very many cells, so what is sent is bounded too."""
    sent = 0
    for batch in _batches(rows):
        line = encode(batch)
        sent += len(line)
        if sent > limits.total_bytes:
            raise too_large("The text in the sheet", limits.total_bytes)
        yield line


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        yield batch


def confine(limits: Limits) -> None:
    """Give up what parsing a file does not need: memory, time, room on the disk and open files beyond the limits."""
    try:
        import resource  # noqa: PLC0415 (Windows has none)
    except ImportError:
        return
    bounds = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.total_bytes,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, bound in bounds.items():
        _, hard = resource.getrlimit(kind)
        ceiling = bound + GRACE if kind == resource.RLIMIT_CPU else bound
        allowed = ceiling if hard == resource.RLIM_INFINITY else min(ceiling, hard)
        resource.setrlimit(kind, (min(bound, allowed), allowed))
