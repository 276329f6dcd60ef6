"""A worker that can be killed cheaply: a process that has read all the code, and forks for each thing to do.

    python -m tests.panel.killing URL INSTANCE

Each line that it reads is an order: what to do, and when to kill who does it with -9. Each line that it writes is what
was measured.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from flask import Flask
from sqlalchemy import event

from panel import characters
from panel.extensions import db
from panel.jobs import run_pending
from sync.workbook import writer
from tests.databases import Database, new_app

ROOT = Path(__file__).resolve().parents[2]
WRITES, DONE = b"w", b"d"
LONGEST = 60.0


class Killer:
    """The other end: gives orders to the process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, *arguments: str, wait_for_writes: bool = False, delay: float | None = None) -> dict[str, float]:
        """Run a command, or without one the work that waits; kill it after some seconds, or else once it is done.

        The seconds count from the beginning, or from the first write. Return the moments of the first write and of
        the end, as far as they came. Where nothing is written at all, the end is not waited for any longer.
        """
        assert self._process.stdin
        assert self._process.stdout
        order = {"arguments": arguments, "wait_for_writes": wait_for_writes, "delay": delay}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        measured: dict[str, float] = json.loads(self._process.stdout.readline())
        return measured


@contextmanager
def killer(database: Database) -> Iterator[Killer]:
    """Yield the process for a database."""
    command = [sys.executable, "-m", "tests.panel.killing", database.url, str(database.instance)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = {**os.environ, "TMPDIR": str(database.instance.parent)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as process:
        yield Killer(process)


def main() -> None:
    """Serve orders until there are no more."""
    app = new_app(Database(sys.argv[1], Path(sys.argv[2])))
    writer.BESIDE_FROM = 1  # few rows are written as many are: by another process
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_attempt(app, json.loads(line))) + "\n")
        sys.stdout.flush()


def _attempt(app: Flask, order: dict[str, Any]) -> dict[str, float]:
    heard, told = os.pipe()
    began, marks = time.monotonic(), {}
    child = os.fork()
    if child == 0:
        _do(app, told, order["arguments"])
    os.close(told)
    end = began + LONGEST
    if order["delay"] is not None and not order["wait_for_writes"]:
        end = began + order["delay"]
    while select.select([heard], [], [], max(end - time.monotonic(), 0))[0]:
        mark, at = os.read(heard, 1), time.monotonic() - began
        marks[mark.decode()] = at
        if mark == WRITES and order["wait_for_writes"]:
            end = began + at + order["delay"]
        is_no_more = mark == DONE and (order["delay"] is None or (order["wait_for_writes"] and len(marks) == 1))
        if not mark or is_no_more:
            break
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(heard)
    return marks


def _do(app: Flask, told: int, arguments: list[str]) -> NoReturn:
    """Do it, and then wait, as a worker waits for more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    # Equal signatures need equal passwords.
    characters.secrets = SimpleNamespace(choice=lambda chars: chars[0])  # type: ignore[assignment]
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", _Teller(told))
        if arguments:
            app.test_cli_runner().invoke(args=arguments)
        else:
            run_pending()
    os.write(told, DONE)
    time.sleep(LONGEST)
    os._exit(0)


class _Teller:
    """Tells of the first write of a plan."""

    def __init__(self, told: int) -> None:
        self._told, self._has_told = told, False

    def __call__(self, _connection: Any, _cursor: Any, sql: str, *_rest: Any) -> None:
        is_write = sql.startswith(("INSERT", "UPDATE", "DELETE")) and not sql.startswith("UPDATE job")
        if is_write and not self._has_told:
            self._has_told = True
            os.write(self._told, WRITES)


if __name__ == "__main__":
    main()
