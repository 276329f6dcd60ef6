"""The pages that bring a workbook up to date."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.exporting import export_workbook
from panel.extensions import db
from panel.imports.files import uploads
from panel.imports.options import Viewer
from panel.models import Export, Partner
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
