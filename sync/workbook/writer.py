"""Workbooks written as a stream: rows go straight into the parts of a frame that openpyxl has built."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Protocol, TypeVar

from sync.collecting import collecting_seldom
from sync.errors import SyncError
from sync.words import later, say
from sync.workbook.beside import fill_beside
from sync.workbook.filling import Below, Numbered, Places, fill, fill_columns
from sync.workbook.frame import build_frame
from sync.workbook.held import held
from sync.workbook.layout import LABEL_ROW, MOST_ROWS, Columns, HeldColumns, Page, Rows, Sheet
from sync.workbook.limits import GRID_ROWS
from sync.workbook.shared_text import SharedText

ROWS_AT_ONCE = 1_000
BESIDE_FROM = 4_000
"""Rows from which on a process of its own takes less time than it costs."""
TOO_MANY = later("A sheet holds at most %(most)s customers. Narrow the export down, or write a .csv file.")


class Paged(Protocol):
    """A frame of any kind: what goes on the sheets beside the data."""

    @property
    def pages(self) -> Sequence[Page]:
        """Return the other sheets in their order."""


_Frame = TypeVar("_Frame", bound=Paged)


def write_workbook(path: Path, sheet: Sheet, rows: Rows) -> None:
    """Write a workbook; each row is (token, id, a cell for each field).

    The rows are walked once. The file appears when it is complete, or not at all.
    """
    write_columns(path, sheet, _in_columns(rows))


def _in_columns(rows: Rows) -> Iterator[Columns]:
    rows = iter(rows)
    while some := list(islice(rows, ROWS_AT_ONCE)):
        yield list(zip(*some, strict=True))


def write_columns(path: Path, sheet: Sheet, columns: Iterable[Columns]) -> None:
    """Write a workbook as `write_workbook` does, of rows that come some at a time, column by column.

    Where they are many, a process beside does the same as else is done here, while the next ones are being made.
    """
    with _framed(path, lambda empty: build_frame(sheet, empty)) as (places, frame):
        coming, first, count = _held(columns), [], 0
        while count < BESIDE_FROM and (some := next(coming, None)) is not None:
            first.append(some)
            count += len(some[0])
        way = fill_columns if count < BESIDE_FROM else fill_beside
        way(places, frame, chain(first, coming))


def _held(columns: Iterable[Columns]) -> Iterator[HeldColumns]:
    last = LABEL_ROW
    for some in columns:
        last += len(some[0])
        if last > GRID_ROWS:
            raise SyncError(say(TOO_MANY, most=f"{MOST_ROWS:,}"))
        yield list(map(held, some))


UNFINISHED = "rollbook-unfinished-"
"""What the names of folders begin with in which a process that was killed may have left parts of a workbook."""


def write_frame(
    path: Path,
    build: Callable[[Path], _Frame],
    data: Callable[[_Frame, SharedText], tuple[Numbered, Below]],
) -> None:
    """Write a workbook around the rows of its first sheet, which `data` returns with what stands below them.

    `build` saves the frame where it is told to.
    """
    with _framed(path, build) as (places, frame):
        fill(places, frame.pages, lambda strings: data(frame, strings))


@contextmanager
def _framed(path: Path, build: Callable[[Path], _Frame]) -> Iterator[tuple[Places, _Frame]]:
    with replacing(path) as unfinished, tempfile.TemporaryDirectory(prefix=UNFINISHED) as folder, collecting_seldom():
        places = Places(Path(folder, "frame.xlsx"), unfinished, Path(folder, "strings.zip"))
        yield places, build(places.frame)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a file beside `path` that takes its place if all goes well, and is removed otherwise."""
    handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=".part", dir=path.parent)
    os.close(handle)
    unfinished = Path(name)
    try:
        yield unfinished
        unfinished.replace(path)
    except BaseException:  # an interrupted write leaves nothing behind either
        unfinished.unlink(missing_ok=True)
        raise
