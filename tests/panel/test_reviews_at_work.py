"""Reviews of large imports: long work that is left and found again, kept for some days for who asked for it."""

from __future__ import annotations

import datetime as dt
import io
import os
from pathlib import Path
from types import SimpleNamespace

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from panel.authors import COMMAND_LINE
from panel.database import writing
from panel.erasing import erase, remove_files
from panel.exporting import export_workbook
from panel.exports import keeping, running
from panel.extensions import db
from panel.imports.options import Viewer
from panel.jobs import run_pending
from panel.models import Event, Job, User
from panel.models.columns import now
from tests.builders import customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in
from tests.sheets import change, read_keys

EVA, IDA = "eva@example.com", "ida@example.com"
READY = "March – review.xlsx is ready."


@pytest.fixture
def eva(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """Return the browser of a manager whose import 1 has a conflict, where more than one row is many."""
    monkeypatch.setattr(running, "AT_ONCE", 1)
    out = tmp_path / "March.xlsx"
    with app.app_context():
        for email in (EVA, IDA):
            add_user(email, "manager")
        for name in ("Ann", "Bob"):
            customer(name, city="Brno")
        export_workbook(out, fields=None, where=[], viewer=Viewer("Eva", "panel"))
        edit(1, city="Praha")
    back = change(out, out, {f"{read_keys(out)['city']}3": "Zlin"})
    client = sign_in(app.test_client(), EVA, STAFF_PASSWORD)
    client.post("/imports/upload/", data={"file": (io.BytesIO(back.read_bytes()), back.name)})
    return client


def work(app: Flask) -> None:
    with app.app_context():
        run_pending()


def files(app: Flask) -> list[Path]:
    with app.app_context():
        return list(keeping.folder().iterdir())


def asked(app: Flask, client: FlaskClient) -> str:
    """Have a review written; return the address from which it is sent."""
    page = str(client.post("/imports/1/review/").location)
    work(app)
    return page.replace("/jobs/", "/reviews/")


def test_a_large_review_is_left_and_found_again(app: Flask, eva: FlaskClient) -> None:
    page = eva.post("/imports/1/review/").location
    assert eva.post("/imports/1/review/").location == page  # it is being written already
    assert "It begins in a moment" in eva.get(f"{page}progress/").json["sentence"]
    assert page in eva.get("/jobs/").text
    work(app)
    assert READY in eva.get(page).text
    sent = eva.post(page.replace("/jobs/", "/reviews/"), buffered=True)
    assert "March%20%E2%80%93%20review.xlsx" in sent.headers["Content-Disposition"]
    book = openpyxl.load_workbook(io.BytesIO(sent.data))
    assert "Zlin" in {cell.value for row in book.worksheets[0] for cell in row}
    with app.app_context():
        names = db.session.scalars(select(Event.name).order_by(Event.id)).all()
        assert names[-2:] == ["review", "review downloaded"]


def test_a_review_is_for_nobody_else(app: Flask, eva: FlaskClient) -> None:
    address = asked(app, eva)
    ida, admin = sign_in(app.test_client(), IDA, STAFF_PASSWORD), sign_in(app.test_client())
    assert (ida.post(address).status_code, admin.post(address).status_code) == (404, 404)
    assert 'action="/reviews/' not in admin.get(address.replace("/reviews/", "/jobs/")).text


@pytest.mark.parametrize("wrong", ["field", "partner"])
def test_rights_count_as_of_the_moment_that_it_is_sent(app: Flask, eva: FlaskClient, wrong: str) -> None:
    address = asked(app, eva)
    with app.app_context(), writing():
        user = db.session.scalars(select(User).where(User.email == EVA)).one()
        if wrong == "field":
            user.roles[0].field_rights = {"city": "none"}
        else:
            user.partner_id = 1
    assert eva.post(address).status_code == 302
    assert "You may no longer see all that is in this review" in eva.get(address.replace("/reviews/", "/jobs/")).text


def test_reviews_are_kept_for_some_days_and_not_longer(app: Flask, eva: FlaskClient) -> None:
    address = asked(app, eva)
    (path,) = files(app)
    os.utime(path, (0, 0))
    with app.app_context():
        keeping.sweep()
    assert files(app) == [path]
    with app.app_context(), writing() as connection:
        connection.execute(update(Job).values(finished_at=now() - dt.timedelta(days=400)))
    assert eva.post(address).status_code == 302
    assert "not kept any more" in eva.get(address.replace("/reviews/", "/jobs/")).text
    with app.app_context():
        keeping.sweep()
    assert files(app) == []


def test_an_erasure_removes_reviews_and_stops_those_at_work(
    app: Flask, eva: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def erased(record_id: int) -> None:
        edit(record_id, deleted_at=now())
        with writing() as connection:
            gone = erase(connection, record_id, COMMAND_LINE)
        remove_files(gone)

    asked(app, eva)
    assert len(files(app)) == 1
    with app.app_context():
        other = customer("Cyd")
        erased(other)
    assert files(app) == []
    page = eva.post("/imports/1/review/").location

    def written_meanwhile(*_args: object) -> SimpleNamespace:
        erased(2)
        return SimpleNamespace(columns=())

    monkeypatch.setattr("panel.imports.review_work.review_import", written_meanwhile)
    work(app)
    assert "was erased while this was written" in eva.get(page).text
    assert files(app) == []


def test_a_review_with_nothing_to_look_at_says_so_and_leaves_no_file(app: Flask, eva: FlaskClient) -> None:
    page = eva.post("/imports/1/review/").location
    eva.post("/imports/1/discard/")
    work(app)
    assert "This import was discarded" in eva.get(page).text
    assert files(app) == []
