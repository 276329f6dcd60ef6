"""Compare the writer and the reader alone with other libraries."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import Measured, run_step

Line = tuple[str, int, Measured]

WRITERS = {
    "Rollbook write_workbook": "write_rollbook",
    "openpyxl write-only": "write_openpyxl",
    "XlsxWriter constant_memory": "write_xlsxwriter",
    "rustpy-xlsxwriter": "write_rustpy",
}
READERS = {
    "Rollbook open_table": "read_rollbook",
    "openpyxl read-only": "read_openpyxl",
    "calamine": "read_calamine",
}


def main(arguments: list[str]) -> None:
    """Run every step and print a line for each as soon as it is done."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks libraries", description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=100_000, metavar="ROWS")
    rows = parser.parse_args(arguments).rows
    with tempfile.TemporaryDirectory(prefix="rollbook-benchmark-") as name:
        folder = Path(name)
        _print(f"Writing {rows:,} rows of 25 cells", _writing(rows, folder))
        _print("Reading them, as Rollbook wrote them", _reading(rows, folder))


def _writing(rows: int, folder: Path) -> Iterator[Line]:
    for label, step in WRITERS.items():
        yield label, rows, run_step(step, rows, folder / f"{step}.xlsx")
    yield "(making the rows alone)", rows, run_step("generate", rows)


def _reading(rows: int, folder: Path) -> Iterator[Line]:
    for label, step in READERS.items():
        yield label, rows, run_step(step, folder / "write_rollbook.xlsx")


def _print(title: str, lines: Iterator[Line]) -> None:
    """Print a table of steps; the first one is ours, and the others' seconds are divided by its."""
    print(f"\n{title}\n{'':34}{'seconds':>9}{'rows/s':>10}{'peak MB':>9}{'ratio':>8}")
    ours = None
    for label, rows, measured in lines:
        ours = ours or measured
        print(f"{label:34}{_figures(rows, measured, ours)}", flush=True)


def _figures(rows: int, measured: Measured, ours: Measured) -> str:
    if measured.failure:
        return f"  failed: {measured.failure}"
    ratio = "" if ours.failure else f"{measured.seconds / ours.seconds:8.2f}"
    return f"{measured.seconds:9.2f}{rows / measured.seconds:10,.0f}{measured.megabytes:9.0f}{ratio}"
