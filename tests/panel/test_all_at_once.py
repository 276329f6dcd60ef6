"""Many at the same customers at once: an import is applied once, and every acknowledged write is in the log."""

from __future__ import annotations

import csv
import logging
import os
import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from panel.database import reading
from panel.exporting import export_workbook
from panel.extensions import db
from panel.imports.at_once import import_at_once
from panel.imports.options import ImportOptions, Viewer
from panel.models import Customer, Import, Revision
from panel.signature import signature
from tests.databases import Database
from tests.panel.edited import edited_workbook
from tests.panel.pages import form_with, sign_in
from tests.servers import Visitor, running

pytestmark = [pytest.mark.asvs("R21"), pytest.mark.timeout(600)]
AT_ONCE = 10
CUSTOMERS = 30
APPLIED = "The import was applied."
ALREADY = "applied this import already, so nothing was done twice"
MOVED = "Something changed since this plan was made, so nothing was written"

SOAKED = 1_000
SOAK_SECONDS = float(os.environ.get("SOAK_SECONDS", "15"))
PEOPLE, IMPORTERS = 4, 2
EDITED = ("city", "street", "zip_code")
logger = logging.getLogger(__name__)


def upload(client: FlaskClient, path: Path) -> int:
    """Upload a workbook, accept its new field, and return the import's number."""
    with path.open("rb") as file:
        address: str = client.post("/imports/upload/", data={"file": (file, path.name)}).location
    client.post(f"{address}options/", data={"_only": "options", "create_fields": "y"})
    return int(address.strip("/").rpartition("/")[2])


def apply_together(app: Flask, numbers: list[int]) -> list[str]:
    """Press Apply on each of these imports in a browser of its own, all at once; return what each page says."""
    clients, barrier = [sign_in(app.test_client()) for _number in numbers], threading.Barrier(len(numbers))

    def press(client: FlaskClient, number: int) -> str:
        barrier.wait()
        answer = client.post(f"/imports/{number}/apply/", follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return answer.text

    with ThreadPoolExecutor(len(numbers)) as threads:
        return list(threads.map(press, clients, numbers))


def revisions(app: Flask) -> Counter[int]:
    """Return how many revisions each record has, which is the number of its newest one."""
    with app.app_context(), reading() as connection:
        newest = select(Revision.record_id, func.max(Revision.number)).group_by(Revision.record_id)
        return Counter(dict(tuple(row) for row in connection.execute(newest)))


def test_an_import_that_ten_apply_at_once_is_applied_once(app: Flask, client: FlaskClient, tmp_path: Path) -> None:
    number = upload(sign_in(client), edited_workbook(app, tmp_path / "out.xlsx", CUSTOMERS))
    before = revisions(app)
    said = apply_together(app, [number] * AT_ONCE)
    assert Counter((APPLIED in page, ALREADY in page) for page in said) == {
        (True, False): 1,
        (False, True): AT_ONCE - 1,
    }
    written = revisions(app) - before
    assert (len(written), set(written.values())) == (CUSTOMERS + 2, {1})


def test_a_file_that_ten_upload_and_apply_at_once_is_applied_once(
    app: Flask, client: FlaskClient, tmp_path: Path
) -> None:
    path = edited_workbook(app, tmp_path / "out.xlsx", CUSTOMERS)
    sign_in(client)
    numbers = [upload(client, path) for _time in range(AT_ONCE)]
    before = revisions(app)
    said = apply_together(app, numbers)
    assert Counter((APPLIED in page, MOVED in page) for page in said) == {(True, False): 1, (False, True): AT_ONCE - 1}
    written = revisions(app) - before
    assert (len(written), set(written.values())) == (CUSTOMERS + 2, {1})
    after = state(app)
    for number in numbers:
        page = client.post(f"/imports/{number}/apply/", follow_redirects=True).text
        assert APPLIED in page or ALREADY in page, page
    assert state(app) == after
    with app.app_context():
        assert set(db.session.scalars(select(Import.state))) == {"applied"}


def state(app: Flask) -> tuple[str, int]:
    with app.app_context(), reading() as connection:
        count = connection.execute(select(func.count()).select_from(Revision)).scalar_one()
        return signature(connection), count


@dataclass
class Told:
    """What people and imports were told: which writes were acknowledged, and how many were refused with words."""

    written: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    conflicts: Counter[str] = field(default_factory=Counter)


def test_every_acknowledged_write_of_people_and_imports_is_in_the_log(
    app: Flask, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "all.csv"
    path.write_text("Full name,City\n" + "".join(f"Person {n},City {n}\n" for n in range(SOAKED)), encoding="utf-8")
    assert app.test_cli_runner().invoke(args=["import", str(path)]).exit_code == 0
    told, over = Told(), threading.Event()
    with running(database, 2) as servers, ThreadPoolExecutor(PEOPLE + IMPORTERS) as threads:
        people = [Visitor().sign_in(servers[at % 2]) for at in range(PEOPLE)]
        work: list[Callable[[], None]] = [
            lambda at=at: write(servers[at % 2], people[at], f"p{at}", told, over)  # type: ignore[misc]
            for at in range(PEOPLE)
        ]
        work += [
            lambda at=at: bring(app, tmp_path / f"{at}.csv", f"i{at}", told, over)  # type: ignore[misc]
            for at in range(IMPORTERS)
        ]
        doing = [threads.submit(one) for one in work]
        over.wait(SOAK_SECONDS)
        over.set()
        for one in doing:
            one.result()
    assert told.conflicts["saved"] > PEOPLE
    assert told.conflicts["imported"] >= IMPORTERS
    account_for(app, told)
    logger.warning("%s writes in all: %s", len(told.written), dict(told.conflicts))


def write(server: str, visitor: Visitor, who: str, told: Told, over: threading.Event) -> None:
    """Edit one customer after another by the form, until it is over; half of the time one that others edit too."""
    draw, count = random.Random(who), 0
    while not over.is_set():
        record_id, count = draw.choice((draw.randint(1, 20), draw.randint(1, SOAKED))), count + 1
        address, name = f"{server}/customers/edit/?id={record_id}", draw.choice(EDITED)
        form = form_with(visitor.get(address)[1], "full_name")
        status, page = visitor.send(address, {**form, name: [f"{who} {count}"]})
        assert status in {200, 409}, page
        if "1 field was saved" in page:
            told.written.append((record_id, {name: f"{who} {count}"}))
            told.conflicts["saved"] += 1
        else:
            assert "In the panel now" in page or "Somebody else was writing" in page, page
            told.conflicts["shown to a person"] += 1


def bring(app: Flask, path: Path, who: str, told: Told, over: threading.Event) -> None:
    """Export everybody, edit a third of the cells of one column, and import that, until it is over."""
    draw, count = random.Random(who), 0
    with app.app_context():
        while not over.is_set():
            count += 1
            name = draw.choice(EDITED)
            export_workbook(path, fields=list(EDITED), where=(), viewer=Viewer(who, "command"))
            edit_a_third(path, name, f"{who} {count}", draw)
            options = ImportOptions(prefer="panel")
            planned, number = import_at_once(path, options, Viewer(who, "command"), dry_run=False)
            told.conflicts["of an import"] += len(planned.plan.conflicts)
            told.conflicts["imported" if number else "not imported"] += 1
            if number:
                rows = [row for row in planned.plan.updates if row.id is not None]
                told.written += [(row.id or 0, {one.field: str(one.value) for one in row.writes}) for row in rows]


def edit_a_third(path: Path, name: str, value: str, draw: random.Random) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        keys, *rows = list(csv.reader(file))
    column = keys.index(name)
    for number, row in enumerate(rows[1:]):
        if draw.random() < 1 / 3:
            row[column] = f"{value} {number}"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([keys, *rows])


def account_for(app: Flask, told: Told) -> None:
    """See that the log has each acknowledged write once and no other, each upon the one before, and today's values."""
    acknowledged = Counter(record_id for record_id, _values in told.written)
    logged: Counter[tuple[int, str, str]] = Counter()
    with app.app_context(), reading() as connection:
        now = {row["id"]: dict(row) for row in connection.execute(select(Customer.__table__)).mappings()}
        upon: dict[tuple[int, str], Any] = {}
        query = select(Revision.record_id, Revision.number, Revision.changes)
        for record_id, number, changes in connection.execute(query.order_by(Revision.record_id, Revision.number)):
            for key, (old, new) in changes.items():
                assert upon.get((record_id, key)) == old, (record_id, number, key)
                upon[record_id, key] = new
                if number > 1:
                    logged[record_id, key, new] += 1
    assert {one: row["revision"] for one, row in now.items()} == {one: 1 + acknowledged[one] for one in now}
    assert logged == Counter((one, *pair) for one, values in told.written for pair in values.items())
    for (record_id, key), value in upon.items():
        if key in EDITED:
            assert now[record_id][key] == value, (record_id, key)
