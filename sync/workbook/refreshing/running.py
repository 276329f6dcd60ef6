"""A workbook or CSV file refreshed: written by a process that may come to harm, and there when it is complete."""

from __future__ import annotations

import csv
import datetime as dt
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import IO

from sync.cells import Broken, Formula, RawCell, Scalar
from sync.errors import UnreadableWorkbook
from sync.workbook.appearing import appearing
from sync.workbook.csv_writer import csv_text
from sync.workbook.held import held_by
from sync.workbook.limits import Limits
from sync.workbook.refreshing.orders import (
    BLANK_CELL,
    DATE,
    MARKED,
    NUMBER,
    TEXT,
    TRUTH,
    Cell,
    Order,
    RefreshedRow,
    row_line,
)
from sync.workbook.refusals import refused
from sync.workbook.shared_text import fitting, is_mistakable
from sync.workbook.supervised import ISOLATED, KEPT_ENVIRONMENT, ROOT

START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from sync.workbook.refreshing.child import main; main(sys.argv[2:])"
)
_log = logging.getLogger(__name__)


def refresh_workbook(path: Path, out: Path, order: Order, rows: Iterable[RefreshedRow], limits: Limits) -> None:
    """Write the workbook at `path` to `out` with new values in the cells of some rows.

    The rows come in the order in which `open_table` gives them, and are walked once. The file appears when it is
    complete, or not at all. Raises `UnreadableWorkbook`.
    """
    with appearing(out) as file, tempfile.TemporaryFile() as lines:
        lines.write(order.to_line())
        for number, cells in rows:
            lines.write(row_line(number, {column: stored_cell(value) for column, value in cells.items()}))
        lines.seek(0)
        _run(path, lines, file, limits)


def refresh_csv(out: Path, rows: Iterable[Sequence[RawCell]]) -> None:
    """Write a CSV file of all its rows, the two of the header among them; it appears when it is complete."""
    with appearing(out) as file:
        text = TextIOWrapper(file, "utf-8-sig", newline="")
        csv.writer(text).writerows([csv_text(_shown(cell)) for cell in row] for row in rows)
        text.detach()


def stored_cell(value: Scalar | None) -> Cell:
    """Return a value as a cell of a workbook stores it."""
    stored = held_by(value)
    if stored is None:
        return BLANK_CELL
    if isinstance(stored, str):
        return _text(stored)
    if isinstance(stored, bool):
        return Cell(TRUTH, str(int(stored)))
    return Cell(DATE if isinstance(value, dt.date) else NUMBER, str(stored))


def _text(value: str) -> Cell:
    text = fitting(value)
    return Cell(MARKED if is_mistakable(text) else TEXT, text)


def _shown(cell: RawCell) -> Scalar | None:
    if isinstance(cell, Formula):
        return cell.value
    return cell.text if isinstance(cell, Broken) else cell


def _run(path: Path, lines: IO[bytes], out: IO[bytes], limits: Limits) -> None:
    files = (lines.fileno(), out.fileno())
    arguments = [str(ROOT), json.dumps(limits.to_json()), str(path.absolute()), *map(str, files)]
    lines.flush()
    try:
        done = subprocess.run(  # noqa: S603 (our own interpreter; the file's name is one argument)
            [sys.executable, *ISOLATED, "-c", START, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ},
            pass_fds=files,
            start_new_session=True,
            timeout=limits.wall_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _died() from None
    if done.returncode or not re.match(rb"\{.*}\Z", done.stdout):
        _log.warning("The process that refreshes workbooks ended with status %s.", done.returncode)
        raise _died()
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise UnreadableWorkbook(answer["error"])


def _died() -> UnreadableWorkbook:
    return refused("Refreshing the file took too long or needed too much memory.")
