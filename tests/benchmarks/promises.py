"""Measure what is promised of the round trip, ours and others' side by side in one run, and say what holds."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.benchmarks.measure import ROOT, Measured, run, run_step
from tests.benchmarks.panel_steps import COLUMNS, PASSWORD

PEER = ROOT.parent / "shared" / "peers" / "django_import_export.py"
PEER_PACKAGES = ("django", "django-import-export", "openpyxl")
PEER_LINE = re.compile(r"(?P<step>.+?) +[0-9.]+ s +(?P<rate>[0-9]+) rows/s")
PEER_EXPORT, PEER_DRY_RUN, PEER_BULK = (
    "export xlsx",
    "import unchanged, dry run (skip_unchanged)",
    "import 10% changed, bulk apply",
)
TIMES_LONGER = 11
"""At most, for ten times the rows."""


@dataclass(frozen=True)
class Promise:
    """One line: what is compared, with what, and the ratio or figure that is wanted, at least or at most."""

    what: str
    ours: float
    theirs: float | None
    wanted: float
    at_least: bool = False

    @property
    def ratio(self) -> float:
        """Return ours in theirs, or ours alone where nobody is compared with."""
        return self.ours if self.theirs is None else self.ours / self.theirs

    @property
    def holds(self) -> bool:
        """Tell whether it is kept."""
        return self.ratio >= self.wanted if self.at_least else self.ratio <= self.wanted

    def __str__(self) -> str:
        theirs, ratio = ("", "") if self.theirs is None else (f"{self.theirs:,.1f}", f"{self.ratio:.1f}")
        wanted = f"{'at least' if self.at_least else 'at most'} {self.wanted:,g}"
        return f"{self.what:62}{self.ours:>10,.1f}{theirs:>10}{ratio:>8}{wanted:>15}  {'yes' if self.holds else 'NO'}"


def main(arguments: list[str]) -> None:
    """Print a line for each promise as soon as it is measured."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="rollbook-benchmark-") as name:
        folder = options.folder or Path(name)
        rates = _peer(options.peer_rows, folder, options.times) if options.peer_rows else {}
        few = _Bench(folder, options.rows, options.times)
        print(f"\n{options.rows:,} customers of {len(COLUMNS)} columns, SQLite")
        print(f"{'':62}{'ours':>10}{'theirs':>10}{'ratio':>8}{'wanted':>15}  holds")
        kept = [_shown(promise) for promise in _promises(few, rates)]
        if options.ten_times:
            kept += [_shown(promise) for promise in _ten_times(few, _Bench(folder, 10 * options.rows, options.times))]
    sys.exit(0 if all(kept) else 1)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=100_000, metavar="ROWS")
    parser.add_argument("--ten-times", action="store_true", help="measure ten times the rows, too")
    parser.add_argument(
        "--peer-rows", type=int, default=5_000, help="customers of django-import-export; 0 leaves it out"
    )
    parser.add_argument(
        "--times", type=int, default=3, help="measure everything so often and take the least: others slow it by chance"
    )
    parser.add_argument("--folder", type=Path, help="keep the customers here, and use them if they are there")
    return parser.parse_args(arguments)


def _shown(promise: Promise) -> bool:
    print(promise, flush=True)
    return promise.holds


class _Bench:
    """Customers in an instance of their own, and the workbooks that are made of them."""

    def __init__(self, folder: Path, rows: int, times: int) -> None:
        self.rows, self._folder, self._times = rows, folder / str(rows), times
        self.instance, self.workbook = self._folder / "instance", self._folder / "customers.xlsx"
        # A million rows are more than uploads are by default.
        self._settings = {"ROLLBOOK_UPLOAD_MEGABYTES": "1024", "ROLLBOOK_IMPORT_SECONDS": "1800"}
        if not self.instance.exists():
            self._fill()

    def _fill(self) -> None:
        self.instance.mkdir(parents=True)
        settings = {"ROLLBOOK_INSTANCE": str(self.instance), "ROLLBOOK_ADMIN_PASSWORD": PASSWORD}
        command = [sys.executable, "-m", "flask", "--app", "run"]
        for arguments in (["init"], ["demo", str(self.rows)]):
            subprocess.run(
                [*command, *arguments], cwd=ROOT, env={**os.environ, **settings}, check=True, capture_output=True
            )

    def step(self, name: str, *arguments: object) -> Measured:
        """Run a step several times, and return the least seconds of it and the most memory."""
        runs = [self._run(name, *arguments) for _time in range(self._times)]
        least = min(runs, key=lambda one: one.seconds)
        return replace(least, megabytes=max(one.megabytes for one in runs))

    def _run(self, name: str, *arguments: object) -> Measured:
        """Run a step, and say what it took of the processors too: on a busy machine that tells more than the clock."""
        measured = run_step(name, *arguments, settings=self._settings)
        if measured.failure:
            sys.exit(f"{name}: {measured.failure}")
        print(
            f"  ({name}: {measured.seconds:.2f} s, processors {measured.processor:.2f} s, {measured.megabytes:.0f} MB)"
        )
        return measured

    def changed(self, step: int) -> Path:
        """Return the workbook with every so-many-th row changed."""
        out = self._folder / f"changed-{step}.xlsx"
        self._run("change_every", step, self.workbook, out)
        return out

    def export(self) -> Measured:
        """Write the workbook."""
        return self.step("export_customers", self.instance, self.workbook)

    def plan(self) -> Measured:
        """Plan the workbook as it was exported."""
        return self.step("plan_customers", self.instance, self.workbook)


def _promises(bench: _Bench, rates: dict[str, float]) -> Iterator[Promise]:
    export = bench.export()
    if PEER_EXPORT in rates:
        yield _faster("export, rows/s; django-import-export's", bench, export, rates[PEER_EXPORT], 20)
    rust = bench.step("write_rustpy_same", bench.workbook, bench.workbook.with_name("rustpy.xlsx"))
    yield Promise("export, s; rustpy-xlsxwriter from memory", export.seconds, rust.seconds, 2.5)
    plan = bench.plan()
    if PEER_DRY_RUN in rates:
        yield _faster("plan, nothing changed, rows/s; its dry run", bench, plan, rates[PEER_DRY_RUN], 15)
    calamine = bench.step("read_calamine", bench.workbook)
    yield Promise("plan, nothing changed, s; calamine's reading alone", plan.seconds, calamine.seconds, 3)
    apply = bench.step("apply_customers", bench.instance, bench.changed(10))
    if PEER_BULK in rates:
        yield _faster("apply, every tenth row changed, rows/s; its bulk mode", bench, apply, rates[PEER_BULK], 60)
    yield Promise("memory of the export, MB, all processes", export.megabytes, None, 300)
    yield Promise("memory of the plan, MB, all processes", plan.megabytes, None, 300)
    preview = bench.step("preview_changes", bench.instance, bench.changed(1))
    yield Promise("preview page of a plan that changes every row, ms", preview.seconds * 1000, None, 200)


def _faster(what: str, bench: _Bench, measured: Measured, rate: float, wanted: float) -> Promise:
    return Promise(what, bench.rows / measured.seconds, rate, wanted, at_least=True)


def _ten_times(few: _Bench, many: _Bench) -> Iterator[Promise]:
    for what, before, after in (("export", few.export(), many.export()), ("plan", few.plan(), many.plan())):
        yield Promise(f"{what} of {many.rows:,} rows, s; of {few.rows:,}", after.seconds, before.seconds, TIMES_LONGER)
        yield Promise(f"memory of the {what} of {many.rows:,} rows, MB", after.megabytes, None, 400)


def _peer(rows: int, folder: Path, times: int) -> dict[str, float]:
    """Return the rows a second of each step of django-import-export, as its own script says, on this machine."""
    if not PEER.exists():
        print("django-import-export was left out: its script is not beside the project, in ../shared/peers.")
        return {}
    python = folder / "peer" / "bin" / "python"
    if not python.exists():
        for command in (
            [sys.executable, "-m", "venv", str(folder / "peer")],
            [str(python), "-m", "pip", "install", "-q", *PEER_PACKAGES],
        ):
            if (made := run(command)).failure:
                sys.exit(f"The peer could not be installed: {made.failure}")
    best: dict[str, float] = {}
    for _time in range(times):
        measured = run([str(python), str(PEER), str(rows)])
        said = f"{measured.output}{measured.failure}"
        print(f"django-import-export on {rows:,} customers, {measured.megabytes:.0f} MB\n{said}")
        found = (PEER_LINE.fullmatch(line.strip()) for line in measured.output.splitlines())
        for one in filter(None, found):
            best[one["step"]] = max(best.get(one["step"], 0.0), float(one["rate"]))
    return best
