"""Measure on the running server how soon a network hears whether a login may be used, also while another writes."""

from __future__ import annotations

import http.client
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.benchmarks.lists import Instance, instance_of, options_of
from tests.benchmarks.measure import ROOT
from tests.databases import Database, another_writer
from tests.servers import running

TIMES, ASKERS = 3_000, 4
PROMISED = 5.0
"""Milliseconds that an answer may take."""


def main(arguments: list[str]) -> None:
    """Print a table for each database."""
    options = options_of("access", __doc__, arguments)
    with tempfile.TemporaryDirectory(prefix="rollbook-access-") as name:
        folder = options.folder or Path(name)
        print(
            f"{'Access of one login':60}{'median ms':>12}{'99% ms':>12}{'processor ms':>14}{'a second':>12}", flush=True
        )
        for engine, server in (("SQLite", None), ("PostgreSQL", options.postgres)):
            if engine == "PostgreSQL" and server is None:
                print("PostgreSQL was left out: name a server with --postgres.")
                continue
            measure(engine, instance_of(folder, server, options.rows), options.rows)


def measure(engine: str, instance: Instance, rows: int) -> None:
    """Print a line for each kind of question."""
    database = Database(instance.url or f"sqlite:///{instance.folder / 'rollbook.db'}", instance.folder)
    with running(database) as servers:
        for words, flags in (("", []), (", with the password", ["--passwords"])):
            token = _token(instance, *flags)
            for beside, busy in (("", False), (", while another writes", True)):
                if busy and engine != "SQLite":
                    continue
                with another_writer(database) if busy else nullcontext():
                    _print(f"{engine}, {rows:,}{words}{beside}", servers[0], token, rows)
            _print(f"{engine}, {rows:,}{words}, {ASKERS} at once", servers[0], token, rows, ASKERS)


def _token(instance: Instance, *flags: str) -> str:
    name = f"benchmark {time.time_ns()}"
    command = [sys.executable, "-m", "flask", "--app", "run", "token", "add", name, *flags]
    environment = {**os.environ, **instance.settings()}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _took(server: str, token: str, rows: int, times: int, chance: random.Random) -> list[float]:
    """Return the milliseconds of each of so many questions about customers at random, one after the other."""
    place = urlsplit(server)
    line = http.client.HTTPConnection(str(place.hostname), place.port or 80)
    took = []
    for _ in range(times):
        login = f"{chance.randint(1, rows):06d}"
        began = time.perf_counter()
        line.request("GET", f"/api/access/{login}", headers={"Authorization": f"Bearer {token}"})
        answer = line.getresponse()
        content = answer.read()
        took.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            sys.exit(f"{login} was answered with {answer.status}: {content!r}")
    line.close()
    return took


def _print(words: str, server: str, token: str, rows: int, at_once: int = 1) -> None:
    """Ask, and print how long it took and how long the server's process worked for one answer."""
    found: list[float] = []

    def ask(number: int) -> None:
        found.extend(_took(server, token, rows, TIMES // at_once, random.Random(number)))

    askers = [threading.Thread(target=ask, args=(number,)) for number in range(at_once)]
    worked, began = _processor(), time.perf_counter()
    for one in askers:
        one.start()
    for one in askers:
        one.join()
    took, worked = time.perf_counter() - began, _processor() - worked
    median, slowest = statistics.median(found), statistics.quantiles(found, n=100)[98]
    held = "" if median < PROMISED else f"  not within {PROMISED:g} ms"
    each = worked / len(found) * 1000
    print(f"{words:60}{median:12.2f}{slowest:12.2f}{each:14.2f}{len(found) / took:12.0f}{held}", flush=True)


def _processor() -> float:
    """Return the seconds that the server has worked: the one process that this one has started."""
    (server,) = psutil.Process().children()
    times = server.cpu_times()
    return float(times.user + times.system)
