"""Compare speed and memory with other libraries, side by side: `python -m tests.benchmarks [ROWS]`.

`python -m tests.benchmarks lists [ROWS]` measures the customer list instead.

Seconds of writing and reading leave out starting Python; those of commands are the whole command.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import lists
from tests.benchmarks.measure import ROOT, Measured, run, run_step

PEER = ROOT.parent / "shared" / "peers" / "django_import_export.py"
PEER_PACKAGES = ("django", "django-import-export", "openpyxl")

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


def main() -> None:
    """Run every step and print a line for each as soon as it is done."""
    if sys.argv[1:2] == ["lists"]:
        lists.main(sys.argv[2:])
        return
    options = _options()
    with tempfile.TemporaryDirectory(prefix="rollbook-benchmark-") as name:
        folder = Path(name)
        _print(f"Writing {options.rows:,} rows of 25 cells", _writing(options.rows, folder))
        _print("Reading them, as Rollbook wrote them", _reading(options.rows, folder))
        _print(f"Commands on {options.rows:,} customers", _commands(options.rows, folder), compare=False)
        if options.peer:
            _peer(options.peer_rows, folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=100_000, metavar="ROWS")
    parser.add_argument("--peer", action="store_true", help="install and run django-import-export too")
    parser.add_argument("--peer-rows", type=int, default=5_000, help="its number of customers")
    return parser.parse_args()


def _writing(rows: int, folder: Path) -> Iterator[Line]:
    for label, step in WRITERS.items():
        yield label, rows, run_step(step, rows, folder / f"{step}.xlsx")
    yield "(making the rows alone)", rows, run_step("generate", rows)


def _reading(rows: int, folder: Path) -> Iterator[Line]:
    for label, step in READERS.items():
        yield label, rows, run_step(step, folder / "write_rollbook.xlsx")


def _commands(rows: int, folder: Path) -> Iterator[Line]:
    workbook = str(folder / "customers.xlsx")
    for label, arguments in {
        "init": ["init"],
        "demo": ["demo", str(rows)],
        "export": ["export", workbook],
        "import, unchanged, dry run": ["import", workbook, "--dry-run"],
    }.items():
        yield label, rows, _rollbook(arguments, folder)


def _rollbook(arguments: list[str], folder: Path) -> Measured:
    command = [sys.executable, "-m", "flask", "--app", "run", *arguments]
    return run(command, {"ROLLBOOK_INSTANCE": str(folder / "instance")})


def _print(title: str, lines: Iterator[Line], compare: bool = True) -> None:
    """Print a table of steps; with `compare`, the first one is ours and the others' seconds are divided by its."""
    print(f"\n{title}\n{'':34}{'seconds':>9}{'rows/s':>10}{'peak MB':>9}{'ratio' if compare else '':>8}")
    ours = None
    for label, rows, measured in lines:
        if ours is None:
            ours = measured
        print(f"{label:34}{_figures(rows, measured, ours if compare else None)}", flush=True)


def _figures(rows: int, measured: Measured, ours: Measured | None) -> str:
    if measured.failure:
        return f"  failed: {measured.failure}"
    ratio = f"{measured.seconds / ours.seconds:8.2f}" if ours and not ours.failure else ""
    return f"{measured.seconds:9.2f}{rows / measured.seconds:10,.0f}{measured.megabytes:9.0f}{ratio}"


def _peer(rows: int, folder: Path) -> None:
    """Print what the peer's own script says of its steps, on the same machine in the same run."""
    if not PEER.exists():
        sys.exit("The peer's script is not beside the project, in ../shared/peers.")
    python = folder / "peer" / "bin" / "python"
    for command in (
        [sys.executable, "-m", "venv", str(folder / "peer")],
        [str(python), "-m", "pip", "install", "-q", *PEER_PACKAGES],
    ):
        if (made := run(command)).failure:
            sys.exit(f"The peer could not be installed: {made.failure}")
    measured = run([str(python), str(PEER), str(rows)])
    print(f"\ndjango-import-export on {rows:,} customers, peak {measured.megabytes:.0f} MB {measured.failure}")
    print(measured.output)


if __name__ == "__main__":
    main()
