"""Several processes on one database: what one defines, all of them use at the next request."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from tests.builders import customer
from tests.databases import Database
from tests.servers import Visitor, running

PROCESSES = 3
THREADS = 12
SOAK_SECONDS = 8
PAGES = (
    "/customers/",
    "/customers/new/",
    "/customers/details/?id=1",
    "/customers/edit/?id=1",
    "/customers/?search=ann&sort=full_name",
    "/customers/?flt_city_contains=b",
    "/exports/",
)

pytestmark = pytest.mark.timeout(600)


def define(server: str, visitor: Visitor, **described: str) -> None:
    """Define a field by the page for it."""
    fields = f"{server}/fields/new/"
    usual = {"category": "all", "position": "0", "add": "y", "show_in_list": "y", "searchable": "y"}
    status, page = visitor.post(fields, fields, **usual, **described)
    assert (status, f"{described['label']} was added" in page) == (200, True), page


def test_a_field_defined_in_one_process_is_used_by_all_at_the_next_request(app: Flask, database: Database) -> None:
    with running(database, PROCESSES) as servers:
        visitor = Visitor().sign_in(servers[0])
        for number in range(5):
            label = f"Contract {number}"
            define(servers[0], visitor, label=label, key=f"contract_{number}", type="string")
            places = [f"{servers[at % PROCESSES]}/customers/new/" for at in range(THREADS)]
            with ThreadPoolExecutor(THREADS) as threads:
                answers = list(threads.map(visitor.get, places))
            assert [(status, label in page) for status, page in answers] == [(200, True)] * THREADS


def test_changing_fields_under_load_disturbs_nobody(app: Flask, database: Database) -> None:
    with app.app_context():
        customer(full_name="Ann", city="Brno")
    seen: Counter[tuple[str, int]] = Counter()
    over = threading.Event()

    def read(server: str, visitor: Visitor) -> None:
        while not over.is_set():
            for page in PAGES:
                seen[page, visitor.get(server + page)[0]] += 1

    with running(database, PROCESSES) as servers, ThreadPoolExecutor(THREADS) as threads:
        visitor, reader = Visitor().sign_in(servers[0]), Visitor().sign_in(servers[0])
        readers = [threads.submit(read, servers[at % PROCESSES], reader) for at in range(THREADS)]
        try:
            defined = _change_fields(servers, visitor)
        finally:
            over.set()
        for one in readers:
            one.result()
    assert defined >= 3
    assert {status for _page, status in seen} == {200}
    assert {page for page, _status in seen} == set(PAGES)


def _change_fields(servers: list[str], visitor: Visitor) -> int:
    """Define fields and retire every second one until the time is over; return how many there were."""
    end, number = time.monotonic() + SOAK_SECONDS, 0
    while time.monotonic() < end or number < 3:
        number += 1
        server = servers[number % PROCESSES]
        define(server, visitor, label=f"Soak {number}", key=f"soak_{number}", type="integer")
        if number % 2:
            status, page = visitor.post(f"{server}/fields/delete/", f"{server}/fields/", id=str(number))
            assert (status, f"Soak {number} was retired" in page) == (200, True), page
    return number
