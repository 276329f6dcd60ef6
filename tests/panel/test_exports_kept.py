"""Exports in the panel: small ones come at once, large ones as long work, and files are kept for a while for some."""

from __future__ import annotations

import datetime as dt
import errno
import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from panel.audit import record
from panel.authors import COMMAND_LINE
from panel.database import writing
from panel.erasing import erase, remove_files
from panel.exporting import write_export
from panel.exports import keeping, running
from panel.extensions import db
from panel.jobs import LEASE, run_pending
from panel.models import Customer, Event, Export, Job, Partner, Role, User
from panel.models.columns import now
from tests.builders import additional_field, customer, edit
from tests.databases import Database
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in

ROOT = Path(__file__).resolve().parents[2]
EVA, IDA = "eva@example.com", "ida@example.com"


@pytest.fixture
def world(app: Flask, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """Return a manager's browser in a panel in which more than two customers are many."""
    monkeypatch.setattr(running, "AT_ONCE", 2)
    with app.app_context():
        additional_field("speed", "integer", label="Speed")
        for name in ("Ann", "Bob", "Cyd"):
            customer(full_name=name, city="Brno")
        edit(1, city="Praha")
        for email in (EVA, IDA):
            add_user(email, "manager")
    return sign_in(app.test_client(), EVA, STAFF_PASSWORD)


def export(client: FlaskClient, **asked: Any) -> str:
    """Order an export of everybody, and return the address of its page."""
    answer = client.post("/exports/new/", data={"format": "xlsx"} | asked)
    assert answer.status_code == 302, answer.text
    return str(answer.location)


def work(app: Flask) -> None:
    with app.app_context():
        run_pending()


def names_in(data: bytes) -> list[str]:
    keys, _labels, *rows = openpyxl.load_workbook(io.BytesIO(data))["Customers"].iter_rows(values_only=True)
    return [row[keys.index("full_name")] for row in rows if row[1]]


def downloaded(client: FlaskClient, address: str) -> Any:
    return client.post(f"{address}download/", buffered=True)


def refused(client: FlaskClient, address: str) -> str:
    """Return the sentence with which a download is refused."""
    assert downloaded(client, address).status_code == 302
    return client.get(address).text


def files(app: Flask) -> list[Path]:
    with app.app_context():
        return sorted(keeping.folder().iterdir())


def set_export(app: Flask, **values: Any) -> None:
    with app.app_context(), writing() as connection:
        connection.execute(update(Export).values(**values))


def test_a_small_export_comes_at_once_and_again_from_its_page(app: Flask, world: FlaskClient) -> None:
    with world.get("/exports/") as page:
        assert "Note" in page.text
    first = world.post("/exports/new/", data={"fields": ["full_name"], "status": "New", "note": "x", "view": ""})
    assert first.status_code == 302  # three are many here
    asked = {
        "query": "flt_city_is=Praha",
        "list": "flt_city_is=Praha",
        "format": "xlsx",
        "name": "P",
        "note": "For Bob",
    }
    answer = world.post("/exports/view/", data=asked, buffered=True)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    again = downloaded(world, "/exports/2/")
    assert again.data == answer.data
    for page in (world.get("/exports/").text, world.get("/exports/2/").text):
        assert "For Bob" in page
        assert "City is Praha" in page
        assert re.search(r"P \d{4}-\d\d-\d\d.xlsx", page)
    with app.app_context():
        assert db.session.scalars(select(Event.name).order_by(Event.id.desc())).first() == "export downloaded"


def test_a_large_export_is_long_work_that_is_found_again(app: Flask, world: FlaskClient) -> None:
    address = export(world)
    page = world.get(address).text
    assert "About to begin" in page
    assert "<noscript>" in page
    assert "Download" not in page
    assert world.get(f"{address}progress/").get_json()["at_work"]
    assert "being kept" not in page
    work(app)
    assert not world.get(f"{address}progress/").get_json()["at_work"]
    page = world.get(address).text
    assert "Ready" in page
    assert names_in(downloaded(world, address).data) == ["Ann", "Bob", "Cyd"]
    job = world.get("/jobs/1/")
    assert (job.status_code, job.location) == (302, address)
    with app.app_context():
        one = db.session.scalars(select(Export)).one()
        assert (one.rows, one.state, one.prepared, len(one.sha256)) == (3, "ready", 20, 64)
        assert one.sha256 in page
        assert db.session.scalars(select(Event).where(Event.name == "export")).one().by == EVA


def test_ticked_customers_go_out_as_they_were_ticked_also_later(app: Flask, world: FlaskClient) -> None:
    sent = {"id": ["1", "3", "2"], "list": "sort=full_name&desc=1&columns=full_name", "format": "csv"}
    answer = world.post("/exports/view/", data=sent)
    work(app)
    lines = downloaded(world, answer.location).data.decode("utf-8-sig").splitlines()
    assert [line.split(",")[2] for line in lines[2:]] == ["Cyd", "Bob", "Ann"]
    assert "Ticked one by one: 3" in world.get(answer.location).text


def test_a_file_is_for_who_made_it_and_for_admins(app: Flask, world: FlaskClient) -> None:
    address = export(world)
    work(app)
    ida = sign_in(app.test_client(), IDA, STAFF_PASSWORD)
    assert "only for who made it" in ida.get(address).text
    assert downloaded(ida, address).status_code == 403
    assert downloaded(sign_in(app.test_client()), address).status_code == 200
    assert downloaded(app.test_client(), address).status_code == 302  # to sign in
    assert world.get("/exports/99/").status_code == 404


def hide_a_column() -> None:
    db.session.scalars(select(Role).where(Role.name == "manager")).one().field_rights = {"city": "none"}


def bind_to_a_partner() -> None:
    db.session.add(Partner(name="North"))
    db.session.flush()
    north = db.session.scalars(select(Partner.id).where(Partner.name == "North")).one()
    db.session.execute(update(User).where(User.email == EVA).values(partner_id=north))
    db.session.execute(update(Export).values(user_id=select(User.id).where(User.email == EVA).scalar_subquery()))


@pytest.mark.parametrize(("shrink", "words"), [(hide_a_column, "every column"), (bind_to_a_partner, "every row")])
def test_rights_that_shrank_since_refuse_the_file_with_a_sentence(
    app: Flask, world: FlaskClient, shrink: Any, words: str
) -> None:
    address = export(world)
    work(app)
    assert downloaded(world, address).status_code == 200
    with app.app_context(), writing():
        shrink()
    assert f"You may no longer see {words}" in refused(world, address)
    if shrink is hide_a_column:
        assert "City" not in world.get(address).text.partition("<dl")[2]


def test_who_may_no_longer_export_gets_no_file_of_work_that_waited(app: Flask, world: FlaskClient) -> None:
    address = export(world)
    with app.app_context(), writing():
        role = db.session.scalars(select(Role).where(Role.name == "manager")).one()
        role.permissions = [one for one in role.permissions if one != "customer.export"]
    work(app)
    admin = sign_in(app.test_client())
    assert "may not do this any more" in admin.get(address).text
    assert (files(app), downloaded(world, address).status_code) == ([], 403)


def test_a_column_that_is_hidden_while_the_export_waits_fails_it_with_a_sentence(
    app: Flask, world: FlaskClient
) -> None:
    address = export(world, fields=["full_name", "city"])
    with app.app_context(), writing():
        hide_a_column()
    work(app)
    assert "There is no field" in world.get(address).text
    assert files(app) == []


def test_files_are_removed_when_their_days_are_over_and_the_record_stays(app: Flask, world: FlaskClient) -> None:
    address = export(world)
    work(app)
    set_export(app, expires_at=now() - dt.timedelta(seconds=1))
    assert "not kept any more" in refused(world, address)  # swept or not
    assert len(files(app)) == 1
    with app.app_context():
        keeping.sweep()
        one = db.session.scalars(select(Export)).one()
        assert (one.state, one.stored_as, one.rows) == ("expired", "", 3)
    assert files(app) == []
    assert "File removed" in world.get(address).text


def test_what_a_killed_process_left_is_swept_away(app: Flask, world: FlaskClient) -> None:
    export(world)
    work(app)
    with app.app_context():
        for name in (".abc-x.part", "orphan.xlsx"):
            (keeping.folder() / name).write_bytes(b"half")
            os.utime(keeping.folder() / name, (0, 0))
        (keeping.folder() / ".new-x.part").write_bytes(b"being written")
        os.utime(keeping.folder() / db.session.scalars(select(Export.stored_as)).one(), (0, 0))
        with writing() as connection:
            left = {"entity": "customer", "by": "Eva", "through": "panel", "state": "running"}
            connection.execute(Export.__table__.insert().values(**left, at=now() - dt.timedelta(hours=2)))
        keeping.sweep()
        assert [one.name.endswith(".xlsx") for one in files(app)] == [False, True]
        assert db.session.scalars(select(Export.state).order_by(Export.id)).all() == ["ready", "failed"]


def test_an_export_that_fails_leaves_no_file_and_says_so(
    app: Flask, world: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any, **_options: Any) -> None:
        raise RuntimeError("the disk went away")

    monkeypatch.setattr("panel.exporting.hashlib.file_digest", broken)
    address = export(world)
    work(app)
    page = world.get(address).text
    assert "a fault of Rollbook" in page
    assert "Not done" in page
    assert "disk" not in page
    with pytest.raises(RuntimeError, match="disk"):
        world.post("/exports/view/", data={"query": "flt_city_is=Praha", "format": "xlsx"})
    assert files(app) == []
    with app.app_context():
        assert db.session.scalars(select(Export.state)).all() == ["failed", "failed"]


def test_a_full_disk_is_said_in_words(app: Flask, world: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: Any, **_options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("panel.exporting.write_columns", full)
    address = export(world)
    work(app)
    assert "could not be written: No space left on device" in world.get(address).text
    back = world.post("/exports/view/", data={"query": "flt_city_is=Praha", "format": "xlsx"})
    assert "could not be written: No space left on device" in world.get(back.location).text
    assert files(app) == []


def test_nobody_is_erased_from_the_panel_and_left_in_a_file_that_was_being_written(
    app: Flask, world: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*args: Any, **options: Any) -> Any:
        written = write_export(*args, **options)
        with writing():
            record("erasure", customer=2)
        return written

    monkeypatch.setattr(running, "write_export", meanwhile)
    address = export(world)
    work(app)
    assert "was erased while this was written" in world.get(address).text
    assert files(app) == []


@pytest.mark.asvs("R23")
def test_one_user_has_few_exports_running_and_others_are_not_held_up(app: Flask, world: FlaskClient) -> None:
    for _n in range(running.MOST_RUNNING):
        export(world)
    assert export(world) == "/exports/"
    assert "3 of your exports are being written" in world.get("/exports/").text
    ida = sign_in(app.test_client(), IDA, STAFF_PASSWORD)
    assert export(ida) != "/exports/"
    work(app)
    assert export(world) != "/exports/"


@pytest.mark.parametrize("name", ['a/b: "c"', "..", "ÄÖ €\r\nX: y", "x" * 300, "con<script>"])
def test_a_name_of_any_kind_is_one_that_files_may_have(app: Flask, world: FlaskClient, name: str) -> None:
    address = export(world, name=name, note=f"<b>{name}")
    work(app)
    answer = downloaded(world, address)
    assert answer.status_code == 200
    assert "X" not in answer.headers
    assert "<script>" not in world.get(address).text.partition("<main")[2]
    assert "<b>" not in world.get("/exports/").text


def test_no_erased_customer_stays_in_a_kept_file(app: Flask, world: FlaskClient) -> None:
    export(world)
    work(app)
    with app.app_context():
        edit(1, status_id=4)
    sign_in(app.test_client()).post("/customers/delete/", data={"id": "1"})
    with app.app_context():
        with writing() as connection:
            gone = erase(connection, 1, COMMAND_LINE)
        remove_files(gone)
        assert db.session.scalars(select(Customer.erased_at).where(Customer.id == 1)).one() is not None
        assert db.session.scalars(select(Export.state)).one() == "expired"
    assert files(app) == []


KILLED = """
import os, signal, sys
from panel import create_app
from panel.exports import running
from panel.jobs import run_pending

moment, calls = sys.argv[1], 0
app = create_app()
if moment == "writing":
    import panel.exporting as place
    name = "named"
else:
    place, name = running, "finish_export"
setattr(place, name, lambda *_args, **_options: os.kill(os.getpid(), signal.SIGKILL))
with app.app_context():
    run_pending()
"""


@pytest.mark.parametrize("moment", ["writing", "recording"])
def test_killed_in_the_middle_it_is_picked_up_again_and_leaves_nothing_behind(
    app: Flask, world: FlaskClient, database: Database, moment: str
) -> None:
    address = export(world)
    environment = {**os.environ, "ROLLBOOK_INSTANCE": str(app.config["ROLLBOOK_INSTANCE"])}
    environment["ROLLBOOK_DATABASE_URL"] = app.config["ROLLBOOK_DATABASE_URL"]
    done = subprocess.run([sys.executable, "-c", KILLED, moment], cwd=ROOT, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(files(app)) == 1
    assert "Being written" in world.get(address).text
    with app.app_context(), writing() as connection:
        connection.execute(update(Job).values(leased_until=now() - LEASE))
    work(app)
    assert names_in(downloaded(world, address).data) == ["Ann", "Bob", "Cyd"]
    with app.app_context():
        kept = db.session.scalars(select(Export.stored_as)).one()
        for one in files(app):
            os.utime(one, (time.time() - 2 * keeping.ABANDONED_SECONDS,) * 2)
        keeping.sweep()
    assert [one.name for one in files(app)] == [kept]
