"""An upload parsed in a process of its own, whose end, whatever it is, harms nobody."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sync.cells import Address
from sync.errors import UnreadableWorkbook
from sync.workbook.limits import Limits
from sync.workbook.refusals import refused
from sync.workbook.shape import Shape
from sync.workbook.table import ANY, Asked, Line, Look, Row, Table
from sync.workbook.wire import decode

ROOT = Path(__file__).resolve().parents[2]
START = "import sys; sys.path.insert(0, sys.argv[1]); from sync.workbook.child import main; main(sys.argv[2:])"
ISOLATED = ("-I", "-S", "-B")
"""No environment, no site packages, nothing written beside the code."""
LOOK_SECONDS = 0.05
"""How long past its end a limit may be noticed."""
KEPT_ENVIRONMENT = ("TMPDIR", "TEMP", "TMP", "SYSTEMROOT")

_log = logging.getLogger(__name__)


@contextmanager
def open_table(path: Path, limits: Limits, asked: Asked = ANY) -> Iterator[Table]:
    """Open an uploaded workbook or CSV file, parsed by a child process under limits.

    Raises `UnreadableWorkbook`, also while the rows are walked. The child is gone when the
    context is left, however it is left.
    """
    child = _Child(path, limits, asked)
    try:
        yield child.table()
    finally:
        child.stop()


class _Clock(threading.Thread):
    """Counts the seconds that somebody waits, and when they are used up, ends what is waited for.

    One thread for all waiting: to start one takes longer than most of it.
    """

    def __init__(self, seconds: float, end: Callable[[], None]) -> None:
        super().__init__(name="reading-clock", daemon=True)
        self.is_late = False
        self._left, self._end, self._since = seconds, end, 0.0
        self._over = threading.Event()

    def run(self) -> None:
        """Look at the time now and then."""
        while not self._over.wait(LOOK_SECONDS):
            since = self._since
            if since and time.monotonic() - since > self._left:
                self.is_late = True
                self._end()
                return

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time that a block takes."""
        began = self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = 0.0
            self._left -= time.monotonic() - began

    def stop(self) -> None:
        """Forget the time."""
        self._over.set()


class _Child:
    """The running process and the time that it has left."""

    def __init__(self, path: Path, limits: Limits, asked: Asked) -> None:
        command = [
            sys.executable,
            *ISOLATED,
            "-c",
            START,
            str(ROOT),
            json.dumps(limits.to_json()),
            str(path.absolute()),
            json.dumps(asdict(asked)),
        ]
        self._process = subprocess.Popen(  # noqa: S603 (our own interpreter; the file's name is one argument)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ},
            start_new_session=True,
        )
        self._clock = _Clock(float(limits.wall_seconds), self._process.kill)
        self._clock.start()

    def table(self) -> Table:
        """Return the table, whose rows come as they are parsed."""
        header = _message(self._line())["table"]
        lists: dict[str, Any] = {name: tuple(header[name]) for name in ("keys", "labels", "sheets")}
        lists["head"] = tuple((number, tuple(texts)) for number, texts in header["head"])
        lists["lines"] = _lines(header["lines"])
        lists["looks"] = tuple(Look(sheet, rows, _lines(lines)) for sheet, rows, lines in header["looks"])
        lists["copies"] = tuple(Address(*one) for one in header["copies"])
        shape = Shape()
        return Table(**{**header, **lists}, rows=self._rows(shape), shape=shape)

    def stop(self) -> None:
        """End the process if it has not ended, and forget it."""
        self._clock.stop()
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _rows(self, shape: Shape) -> Iterator[Row]:
        while (line := self._line()).startswith(b"["):
            yield from decode(line)
        end = _message(line)
        shape.hidden += [(first, last) for first, last in end["hidden"]]
        shape.hidden_columns += [(first, last) for first, last in end["hidden_columns"]]
        shape.merges += end["merges"]

    def _line(self) -> bytes:
        """Return the child's next line; only the time spent waiting for it counts."""
        assert self._process.stdout is not None  # noqa: S101 (narrows the type)
        with self._clock.running():
            line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise self._death()
        return line

    def _death(self) -> UnreadableWorkbook:
        status = self._process.wait()
        _log.warning("The process that parses uploads ended with status %s.", status)
        if self._clock.is_late or status < 0:
            return refused("Reading the file took too long or needed too much memory.")
        return refused("The file could not be read.")


def _lines(plain: list[Any]) -> tuple[Line, ...]:
    return tuple(Line(number, tuple(texts)) for number, texts in plain)


def _message(line: bytes) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(line)
    if "error" in message:
        raise UnreadableWorkbook(message["error"])
    return message
