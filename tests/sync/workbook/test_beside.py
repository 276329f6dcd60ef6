"""Rows written by a process beside: the same parts as in this one, its failures told here, and nobody left behind."""

from __future__ import annotations

import datetime as dt
import errno
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest

from sync.errors import SyncError
from sync.workbook import beside, writer
from sync.workbook.writer import BESIDE_FROM, UNFINISHED
from tests.sync.workbook.workbooks import save

TYPES = ("string", "integer", "decimal", "date", "datetime", "boolean", "text")
NOON = dt.datetime.combine(dt.date(2024, 1, 5), dt.time(12, 30, 1))
STRANGE = (
    (
        "=1+1",
        10**20,
        Decimal("0.12345678901234567"),
        dt.date(1900, 2, 28),
        NOON.replace(year=1899),
        True,
        " \ud83d<&\x00",
    ),
    ("x" * 40_000, 1.5, Decimal("NaN"), "no date", NOON, 7, "\U0001f600_x000D_"),
    (None,) * 7,
)


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    """Yield rows of all kinds, strange ones among the usual."""
    for number in range(count):
        day = dt.date(1980, 1, 1) + dt.timedelta(number)
        usual = (f"{number:06d}", number, Decimal(number) / 4, day, NOON, "Yes", f"City {number % 9}")
        yield STRANGE[number // 700 % 3] if number % 700 == 699 else usual


@pytest.fixture(autouse=True)
def nobody_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    before = children()
    yield
    assert children() == before
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not list(tmp_path.glob(".*.part"))


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def writing() -> psutil.Process:
    """Return the process that writes for this one."""
    (found,) = (child for child in psutil.Process().children() if "writing_child" in " ".join(child.cmdline()))
    return found


def test_every_part_is_the_same_whichever_process_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr(writer, "fill_beside", lambda *given: started.append(beside.fill_beside(*given)))
    paths = []
    for least in (1, BESIDE_FROM + 10_000):
        monkeypatch.setattr(writer, "BESIDE_FROM", least)
        paths.append(save(tmp_path / f"{least}.xlsx", rows(2_500), *TYPES))
    one, other = ({part: file.read(part) for part in file.namelist()} for file in map(zipfile.ZipFile, paths))
    assert len(started) == 1
    changing = "docProps/core.xml"  # it says when
    assert one.pop(changing)
    assert other.pop(changing)
    assert list(one) == list(other)
    assert one == other


def failing(count: int, act: Callable[[], object]) -> Iterator[tuple[Any, ...]]:
    """Yield rows, and do something after some."""
    for number, row in enumerate(rows(30 * BESIDE_FROM)):
        if number == count:
            act()
        yield row


def test_a_process_that_is_killed_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="memory") as raised:
        save(tmp_path / "a.xlsx", failing(3 * BESIDE_FROM, lambda: writing().kill()), *TYPES)
    assert raised.value.errno == errno.ENOMEM
    assert not (tmp_path / "a.xlsx").exists()


@pytest.mark.parametrize("size", [1_000, 200_000])
def test_a_full_disk_is_told_as_it_is_told_of_this_process(tmp_path: Path, size: int) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)

    def no_more() -> None:
        resource.prlimit(writing().pid, resource.RLIMIT_FSIZE, (size, usual[1]))

    with pytest.raises(OSError, match="File too large") as raised:
        save(tmp_path / "a.xlsx", failing(3 * BESIDE_FROM, no_more), *TYPES)
    assert raised.value.errno == errno.EFBIG


def test_a_fault_in_the_process_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "START", "import sys; sys.stdin.read(9); raise SystemExit(1)")
    with pytest.raises(RuntimeError):
        save(tmp_path / "a.xlsx", rows(2 * BESIDE_FROM), *TYPES)


def test_what_fails_here_ends_the_process(tmp_path: Path) -> None:
    def fail() -> None:
        assert writing().is_running()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        save(tmp_path / "a.xlsx", failing(3 * BESIDE_FROM, fail), *TYPES)


def test_more_rows_than_the_grid_has_are_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "GRID_ROWS", BESIDE_FROM + 3_000)
    with pytest.raises(SyncError, match="Narrow the export down"):
        save(tmp_path / "a.xlsx", rows(2 * BESIDE_FROM), *TYPES)


PARENT = """
import os, sys, tempfile, time
from pathlib import Path
from tests.sync.workbook.test_beside import TYPES, failing, writing
from tests.sync.workbook.workbooks import save

def tell():
    print(writing().pid, flush=True)
    if sys.argv[2] == "waits":
        time.sleep(60)

tempfile.tempdir = sys.argv[1]
save(Path(sys.argv[1], "a.xlsx"), failing(20_000, tell), *TYPES)
"""


@pytest.mark.parametrize("how", ["waits", "works"])
def test_the_process_ends_when_who_started_it_is_killed(tmp_path: Path, how: str) -> None:
    left = tmp_path / "left"
    left.mkdir()
    command = [sys.executable, "-c", PARENT, str(left), how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)
    end = time.monotonic() + 5
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < end:
        time.sleep(0.02)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert {path.name.startswith((".", UNFINISHED)) for path in left.iterdir()} == {True}
