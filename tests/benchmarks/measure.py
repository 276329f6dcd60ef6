"""Run one step as a program of its own and measure it from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_SECONDS = 0.02


@dataclass(frozen=True)
class Measured:
    """What one program took: seconds, the most megabytes that it and its children held at once, and what it printed.

    `processor` are the seconds that processors worked, where the program says so.
    """

    seconds: float
    megabytes: float
    output: str
    failure: str = ""
    processor: float = 0.0


def run(command: Sequence[str], settings: Mapping[str, str] | None = None) -> Measured:
    """Run a program in the project's folder; where it exits with an error, its last words are the failure."""
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(settings or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        peak = _Peak(program.pid)
        peak.start()
        output, complaints = program.communicate()
        seconds = time.perf_counter() - started
        peak.join()
    failure = _last_line(complaints) or f"exit {program.returncode}" if program.returncode else ""
    return Measured(seconds, peak.megabytes, output, failure)


def run_step(name: str, *arguments: object, settings: Mapping[str, str] | None = None) -> Measured:
    """Run a function of `steps` in a fresh interpreter; its seconds leave out what starting and importing take."""
    measured = run([sys.executable, "-m", "tests.benchmarks.steps", name, *map(str, arguments)], settings)
    if measured.failure:
        return measured
    told = json.loads(measured.output)
    return replace(measured, seconds=told["seconds"], processor=told["processor"])


class _Peak(threading.Thread):
    """Watch the resident memory of a process and its children until it ends."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.process = psutil.Process(pid)
        self.megabytes = 0.0

    def run(self) -> None:
        while (held := self._held()) is not None:
            self.megabytes = max(self.megabytes, held / 1e6)
            time.sleep(SAMPLE_SECONDS)

    def _held(self) -> int | None:
        try:
            if self.process.status() == psutil.STATUS_ZOMBIE:
                return None
            family = [self.process, *self.process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return None
        return sum(_resident(process) for process in family)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]
