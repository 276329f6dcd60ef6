"""Measure the customer list on the server, page and all, with few customers and with many."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from flask.testing import FlaskClient
from sqlalchemy.engine import make_url

from tests.benchmarks.measure import ROOT

FEW = 10_000
TIMES, MOST_TIMES, GAIN = 8, 60, 0.98
SIGNS = ("/customers/details/", "flt_date_added_from", "cells")
"""What is in an answer: a link to a customer, to those of a week, or the map."""
EMAIL, PASSWORD = "admin@example.com", "one horse, one battery"
SORTS = ("full_name", "login", "status", "city", "date_added", "zip_code", "phones", "contract", "monthly_fee")
FILTERS = {
    "filter, status": "flt_status_is=2",
    "filter, ZIP code": "flt_zip_code_is={zip_code}",
    "filter, name starts with": "flt_full_name_starts=Anna+N",
    "filter, added since": "flt_date_added_from=2025-06-01",
    "filter, fee at most": "flt_monthly_fee_to=6",
    "filter and sort": "flt_status_is=2&sort=full_name",
}


@dataclass(frozen=True)
class Instance:
    """A panel with made-up customers, on a database of its own."""

    folder: Path
    url: str | None

    def settings(self) -> dict[str, str]:
        """Return the environment of its commands."""
        place = {"ROLLBOOK_DATABASE_URL": self.url} if self.url else {}
        return {"ROLLBOOK_INSTANCE": str(self.folder), "ROLLBOOK_ADMIN_PASSWORD": PASSWORD, **place}

    def fill(self, count: int) -> None:
        """Make the customers, and let the database know how many there are of what."""
        command = [sys.executable, "-m", "flask", "--app", "run", "demo", str(count)]
        subprocess.run(command, cwd=ROOT, env={**os.environ, **self.settings()}, check=True, capture_output=True)

    def browser(self) -> FlaskClient:
        """Return an admin's browser."""
        from panel import create_app  # noqa: PLC0415 (other benchmarks run without the panel)

        app = create_app(instance=self.folder, database_url=self.url)
        app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
        client = app.test_client()
        answer = client.post("/login/", data={"email": EMAIL, "password": PASSWORD})
        if answer.status_code != 302:
            sys.exit(f"Nobody could sign in at {self.folder}.")
        return client


def main(arguments: list[str]) -> None:
    """Print a table for each database."""
    options = options_of("lists", __doc__, arguments)
    with tempfile.TemporaryDirectory(prefix="rollbook-lists-") as name:
        folder = options.folder or Path(name)
        for engine, server in (("SQLite", None), ("PostgreSQL", options.postgres)):
            if engine == "PostgreSQL" and server is None:
                print("\nPostgreSQL was left out: name a server with --postgres.")
                continue
            few, many = (instance_of(folder, server, count) for count in (FEW, options.rows))
            print(f"\nLists on {engine}, ms{'':24}{FEW:>12,}{options.rows:>12,}{'ratio':>8}")
            for label, before, after in compare(options.rows, few, many):
                print(f"{label:40}{before:12.1f}{after:12.1f}{after / before:8.2f}", flush=True)


def options_of(name: str, description: str | None, arguments: list[str]) -> argparse.Namespace:
    """Return what a benchmark of many customers, on either database, is asked for."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.benchmarks {name}", description=description)
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000, metavar="ROWS")
    parser.add_argument("--postgres", metavar="URL", help="a server where databases may be made")
    parser.add_argument("--folder", type=Path, help="keep the instances here, and use them if they are there")
    return parser.parse_args(arguments)


def instance_of(folder: Path, server: str | None, count: int) -> Instance:
    """Return an instance with so many customers, in a folder of its own; it is made where it is not there."""
    place = folder / f"{'postgresql' if server else 'sqlite'}-{count}"
    url = None
    if server:
        name = f"rollbook_lists_{count}"
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
    instance = Instance(place, url)
    if not (place / "filled").exists():
        place.mkdir(parents=True, exist_ok=True)
        if server:
            _make_database(server, name)
        started = time.perf_counter()
        instance.fill(count)
        (place / "filled").touch()
        print(f"{count:,} customers made in {time.perf_counter() - started:.0f} s", flush=True)
    return instance


def _make_database(server: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())


def compare(many: int, few: Instance, more: Instance) -> Iterator[tuple[str, float, float]]:
    """Yield each request's name with its milliseconds among few customers and among many."""
    browsers = few.browser(), more.browser()
    asked = [requests_of(browser, count) for browser, count in zip(browsers, (FEW, many), strict=True)]
    for name in asked[0]:
        before, after = milliseconds([(browser, one[name]) for browser, one in zip(browsers, asked, strict=True)])
        yield name, before, after


def milliseconds(requests: Sequence[tuple[FlaskClient, str]]) -> list[float]:
    """Return the least time of each request; all are made in turn, until none has become faster for `TIMES` rounds.

    Others on the machine then slow all of them alike, and the least time is what is left without them.
    """
    for browser, address in requests:
        _ask(browser, address)
    least, idle = [_ask(browser, address) for browser, address in requests], 0
    for _round in range(MOST_TIMES):
        took = [_ask(browser, address) for browser, address in requests]
        gained = any(now < GAIN * before for now, before in zip(took, least, strict=True))
        least, idle = [min(pair) for pair in zip(took, least, strict=True)], 0 if gained else idle + 1
        if idle == TIMES:
            break
    return [seconds * 1000 for seconds in least]


def _ask(browser: FlaskClient, address: str) -> float:
    started = time.perf_counter()
    answer = browser.get(address)
    took = time.perf_counter() - started
    if answer.status_code != 200 or not any(sign in answer.text for sign in SIGNS):
        sys.exit(f"{address} answered {answer.status_code} and no customer.")
    return took


def requests_of(browser: FlaskClient, count: int) -> dict[str, str]:
    """Return the addresses to measure, with values that are there."""
    middle = count // 2
    page = browser.get(f"/customers/details/?id={middle}").text
    email = re.search(r"[^\s<>:\"]+\.\d+@example\.com", page)
    phone = re.search(r"\+420 (\d{3} \d{3} \d{3})", page)
    if email is None or phone is None:
        sys.exit(f"Customer {middle} has no email or phone.")
    search = {
        "first page": "",
        "search, ID": f"search=%23{middle}",
        "search, login": f"search={middle:06d}",
        "search, email": f"search={email[0]}",
        "search, phone": f"search={phone[1].replace(' ', '+')}",
        "search, login begins": f"search={middle:06d}"[:-2],
        "search, email begins": f"search={email[0].partition('@')[0]}",
        "search, contains in names": "search=vora",
        "search, serial contains": "search=N0001",
    }
    zip_code = re.search(r"<dd[^>]*>\s*(\d{5})\s*</dd>", page)
    filters = {name: query.format(zip_code=zip_code[1] if zip_code else "12345") for name, query in FILTERS.items()}
    queries = {**search, **filters, **{f"sort, {key}": f"sort={key}" for key in SORTS}}
    addresses = {name: f"/customers/?{query}" for name, query in queries.items()}
    for name in ("first page", *(f"sort, {key}" for key in SORTS)):
        first = browser.get(addresses[name]).text
        addresses[f"{name}: next"] = _link(first, "next")
        addresses[f"{name}: last"] = _link(first, "last")
    return {"home": "/", "home, map": "/places.json", **addresses}


def _link(page: str, rel: str) -> str:
    found = re.search(rf'href="([^"]+)"[^>]*? rel="{rel}"', page)
    if found is None:
        sys.exit(f"The list has no {rel} page.")
    return found[1].replace("&amp;", "&")
