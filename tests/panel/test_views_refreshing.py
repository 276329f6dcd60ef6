"""The pages that bring a workbook up to date."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.exporting import export_workbook
from panel.exports.keeping import folder
from panel.extensions import db
from panel.imports import waiting
from panel.imports.files import uploads
from panel.imports.options import Viewer
from panel.jobs import run_pending
from panel.models import Export, Job, Partner, User
from tests.builders import customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in
from tests.sheets import cells_of, change, read_keys

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def workbook(app: Flask, tmp_path: Path) -> Path:
    out = tmp_path / "March.xlsx"
    with app.app_context():
        for name, city in (("Ann", "Praha"), ("Bob", "Brno")):
            customer(name, city=city)
        export_workbook(out, fields=None, where=[], viewer=Viewer("Eva", "panel"))
    return out


def typed(path: Path, city: str) -> Path:
    return change(path, path.with_name("typed.xlsx"), {f"{read_keys(path)['city']}3": city})


def sent(client: FlaskClient, address: str, path: Path, **form: str) -> tuple[int, str, str]:
    data = {"file": (io.BytesIO(path.read_bytes()), path.name), **form}
    with client.post(address, data=data, content_type="multipart/form-data") as answer:
        return answer.status_code, answer.location or "", answer.get_data(as_text=True)


def downloaded(client: FlaskClient, address: str, out: Path) -> Path:
    with client.post(f"{address}download/") as answer:
        out.write_bytes(answer.data)
    return out


def cities(path: Path) -> list[str]:
    return [value for value in cells_of(path, read_keys(path)["city"]).values() if value]


def test_an_uploaded_workbook_becomes_an_export_that_can_be_downloaded(
    app: Flask, workbook: Path, tmp_path: Path
) -> None:
    client = sign_in(app.test_client())
    with app.app_context():
        edit(2, city="Telc")
    status, place, _text = sent(client, "/refresh/new/", workbook)
    assert (status, place) == (302, "/exports/2/")
    assert cities(downloaded(client, place, tmp_path / "fresh.xlsx")) == ["Praha", "Telc"]
    with app.app_context():
        assert db.session.scalars(select(Export.name)).all()[-1] == "March refreshed.xlsx"
        assert list(uploads().iterdir()) == []


def test_an_applied_import_leads_to_its_workbook_of_today(app: Flask, workbook: Path, tmp_path: Path) -> None:
    client = sign_in(app.test_client())
    _status, place, _text = sent(client, "/imports/upload/", typed(workbook, "Kolin"))
    client.post(f"{place}apply/")
    assert "/refresh/import/1/" in client.get(place).text
    answer = client.post("/refresh/import/1/")
    assert cities(downloaded(client, answer.location, tmp_path / "fresh.xlsx")) == ["Kolin", "Brno"]
    with app.app_context():
        for one in uploads().iterdir():
            one.unlink()
    assert client.post("/refresh/import/1/").location == "/refresh/"
    assert "is not kept" in client.get("/refresh/").text


def test_what_was_never_imported_is_asked_about(app: Flask, workbook: Path, tmp_path: Path) -> None:
    client = sign_in(app.test_client())
    path = typed(workbook, "Kolin")
    status, _place, text = sent(client, "/refresh/new/", path)
    assert status == 200
    assert "1 edited cell" in text
    _status, place, _text = sent(client, "/refresh/new/", path, keep="y")
    assert cities(downloaded(client, place, tmp_path / "fresh.xlsx")) == ["Kolin", "Brno"]
    _status, place, _text = sent(client, "/imports/upload/", path)
    with app.app_context():
        before = len(db.session.scalars(select(Export)).all())
    stopped = client.post("/refresh/import/1/").text
    assert "1 edited cell" in stopped
    assert 'action="/refresh/import/1/"' in stopped
    assert client.post("/refresh/import/1/", data={"keep": "y"}).status_code == 302
    with app.app_context():
        assert len(db.session.scalars(select(Export)).all()) == before + 1


def test_staff_and_other_partners_get_nothing(app: Flask, workbook: Path, tmp_path: Path) -> None:
    admin = sign_in(app.test_client())
    sent(admin, "/imports/upload/", typed(workbook, "Kolin"))
    with app.app_context():
        add_user("staff@example.com", "staff")
        db.session.add(Partner(name="Other"))
        db.session.commit()
        add_user("bound@example.com", "manager", partner_id=2)
    staff = sign_in(app.test_client(), "staff@example.com", STAFF_PASSWORD)
    assert sent(staff, "/refresh/new/", workbook)[0] == 403
    assert staff.post("/refresh/import/1/").status_code == 403
    bound = sign_in(app.test_client(), "bound@example.com", STAFF_PASSWORD)
    assert bound.post("/refresh/import/1/").status_code == 404
    _status, place, _text = sent(bound, "/refresh/new/", workbook)
    with app.app_context():
        assert db.session.scalars(select(Export.rows)).all() == [2, 0]
    with app.app_context():
        edit(1, city="Secret")
    _status, place, _text = sent(bound, "/refresh/new/", workbook)
    assert "Secret" not in cities(downloaded(bound, place, tmp_path / "fresh.xlsx"))


def test_a_file_from_elsewhere_is_refused_in_a_sentence(app: Flask, workbook: Path, tmp_path: Path) -> None:
    client = sign_in(app.test_client())
    foreign = tmp_path / "leads.csv"
    foreign.write_text("Full name,City\nAnn,Brno\n", "utf-8")
    assert sent(client, "/refresh/new/", foreign)[1] == "/refresh/"
    assert "was not exported here" in client.get("/refresh/").text


# Long work


@pytest.fixture
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave every file to a job."""
    monkeypatch.setattr(waiting, "SMALL_BYTES", 0)


def worked(app: Flask) -> None:
    with app.app_context():
        run_pending()


@pytest.mark.usefixtures("nothing_is_small")
def test_a_large_workbook_is_long_work_that_is_left_and_found_again(app: Flask, workbook: Path, tmp_path: Path) -> None:
    client = sign_in(app.test_client())
    with app.app_context():
        edit(2, city="Telc")
    status, place, _text = sent(client, "/refresh/new/", workbook)
    assert (status, place) == (302, "/exports/2/")
    page = client.get(place).text
    assert "About to begin" in page
    assert client.get(f"{place}progress/").json["at_work"] is True
    assert "March refreshed.xlsx" in client.get("/exports/").text
    assert client.get("/jobs/1/").location == place
    worked(app)
    ready = client.get(place).text
    assert "1 cell was brought up to date." in ready
    assert cities(downloaded(client, place, tmp_path / "fresh.xlsx")) == ["Praha", "Telc"]
    with app.app_context():
        assert list(uploads().iterdir()) == []
        first, second = db.session.scalars(select(Export).order_by(Export.id))
        assert (first.state, second.state, second.rows, second.expires_at is None) == ("ready", "ready", 2, False)


@pytest.mark.usefixtures("nothing_is_small")
def test_long_work_stops_at_what_was_never_imported_and_goes_on_where_it_is_kept(
    app: Flask, workbook: Path, tmp_path: Path
) -> None:
    client = sign_in(app.test_client())
    sent(client, "/imports/upload/", typed(workbook, "Kolin"))
    worked(app)
    stopped = client.post("/refresh/import/1/").location
    worked(app)
    page = client.get(stopped).text
    assert "Not done" in page
    assert "1 edited cell" in page
    assert 'action="/refresh/import/1/"' in page
    assert client.post(f"{stopped}download/").status_code == 302
    kept = client.post("/refresh/import/1/", data={"keep": "y"}).location
    worked(app)
    assert cities(downloaded(client, kept, tmp_path / "fresh.xlsx")) == ["Kolin", "Brno"]
    with app.app_context():
        assert [one.stored_as for one in db.session.scalars(select(Export).order_by(Export.id))][1] == ""
        assert len(list(uploads().iterdir())) == 1  # the import's own file is still there
        assert len(list(folder().iterdir())) == 1


@pytest.mark.usefixtures("nothing_is_small")
def test_long_work_that_fails_leaves_no_file_and_says_why(app: Flask, workbook: Path, tmp_path: Path) -> None:
    client = sign_in(app.test_client())
    foreign = tmp_path / "leads.csv"
    foreign.write_text("Full name,City\nAnn,Brno\n", "utf-8")
    place = sent(client, "/refresh/new/", foreign)[1]
    worked(app)
    assert "was not exported here" in client.get(place).text
    with app.app_context():
        assert db.session.scalars(select(Job.state)).one() == "failed"
        assert db.session.scalars(select(Export.state).order_by(Export.id.desc())).first() == "failed"
        assert (list(uploads().iterdir()), list(folder().iterdir())) == ([], [])


@pytest.mark.usefixtures("nothing_is_small")
def test_only_three_of_ones_workbooks_are_written_at_a_time(app: Flask, workbook: Path) -> None:
    client = sign_in(app.test_client())
    for _time in range(3):
        assert sent(client, "/refresh/new/", workbook)[1].startswith("/exports/")
    assert sent(client, "/refresh/new/", workbook)[1] == "/refresh/"
    assert "3 of your exports are being written" in client.get("/refresh/").text
    with app.app_context():
        assert len(list(uploads().iterdir())) == 3


@pytest.mark.usefixtures("nothing_is_small")
def test_rights_count_when_the_work_is_done(app: Flask, workbook: Path) -> None:
    with app.app_context():
        add_user("eva@example.com", "manager")
    eva = sign_in(app.test_client(), "eva@example.com", STAFF_PASSWORD)
    place = sent(eva, "/refresh/new/", workbook)[1]
    with app.app_context():
        db.session.scalars(select(User).where(User.email == "eva@example.com")).one().active = False
        db.session.commit()
    worked(app)
    with app.app_context():
        assert "may not do this any more" in db.session.scalars(select(Job.message)).one()
        assert db.session.scalars(select(Export.state).order_by(Export.id.desc())).first() == "failed"
    assert "may not do this any more" in sign_in(app.test_client()).get(place).text


def test_a_workbook_with_a_column_twice_is_not_brought_up_to_date(app: Flask, workbook: Path, tmp_path: Path) -> None:
    client = sign_in(app.test_client())
    keys = read_keys(workbook)
    double = change(workbook, tmp_path / "double.xlsx", {"X1": "city", "X2": "City", "X3": "Kolin"})
    assert sent(client, "/refresh/new/", double)[1] == "/refresh/"
    assert f"Columns {keys['city']} and X both hold City" in client.get("/refresh/").text
