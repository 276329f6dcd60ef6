"""Out to a workbook and back, by the panel's pages alone."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.extensions import db
from panel.imports.files import uploads
from panel.models import AdditionalField, Customer, Export, Import, Partner
from tests.builders import customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, sign_in


def exported(client: FlaskClient, **asked: Any) -> Any:
    answer = client.post("/exports/new/", data={"format": "xlsx"} | asked, buffered=True)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return openpyxl.load_workbook(io.BytesIO(answer.data))


def uploaded(client: FlaskClient, book: Any, name: str = "March.xlsx", **options: str) -> str:
    """Upload a workbook, or the text of a CSV file; return the address of its preview."""
    content = io.BytesIO(book.encode() if isinstance(book, str) else b"")
    if not isinstance(book, str):
        book.save(content)
        content.seek(0)
    answer = client.post("/imports/upload/", data={"file": (content, name), **options})
    assert answer.status_code == 302, answer.text
    return str(answer.location)


def write(book: Any, record_id: int, key: str, value: Any) -> None:
    sheet = book["Customers"]
    keys = [cell.value for cell in sheet[1]]
    row = next(row for row in range(3, sheet.max_row + 1) if sheet.cell(row, 2).value == record_id)
    sheet.cell(row, keys.index(key) + 1).value = value


def add_row(book: Any, **values: Any) -> None:
    sheet = book["Customers"]
    keys, row = [cell.value for cell in sheet[1]], sheet.max_row + 1
    for key, value in values.items():
        sheet.cell(row, keys.index(key) + 1).value = value


def city(record_id: int) -> str | None:
    return db.session.get_one(Customer, record_id, populate_existing=True).city


def tabs(page: str) -> dict[str, int]:
    """Return the counts on a preview's tabs."""
    return {key: int(number) for key, number in re.findall(r'class="tab-number (\w+)">([\d,]+)<', page)}


@pytest.fixture
def three(app: Flask) -> tuple[int, int, int]:
    with app.app_context():
        return customer("Ann", city="Brno"), customer("Bob", city="Praha"), customer("Cyd", city="Plzen")


@pytest.fixture
def march(app: Flask, client: FlaskClient, three: tuple[int, int, int]) -> str:
    """Upload a workbook with a change, a conflict, a problem and a new row; return the address of its preview."""
    ann, bob, cyd = three
    book = exported(sign_in(client))
    write(book, ann, "city", "Olomouc")
    write(book, bob, "city", "Tabor")
    write(book, cyd, "emails", "no mail")
    add_row(book, full_name="New One", city="Cheb")
    with app.app_context():
        edit(bob, city="Zlin")
    return uploaded(client, book)


def decide(client: FlaskClient, address: str) -> None:
    """Take the workbook's value in the conflict, and skip the row with a problem."""
    conflict = client.get(f"{address}?group=conflict").text
    number = re.findall(r'name="(choice\.\d+)" value="workbook"', conflict)
    client.post(f"{address}choose/", data={number[0]: "workbook"})
    client.post(f"{address}options/", data={"_only": "options", "skip_problems": "1"})


def test_the_preview_counts_and_shows_what_would_happen(client: FlaskClient, march: str) -> None:
    page = client.get(march).text
    assert tabs(page) == {"problem": 1, "conflict": 1, "change": 1, "new": 1}
    assert "&#39;no mail&#39; is no email address" in page
    assert "Apply 1 change and 1 new customer" in page
    conflict = client.get(f"{march}?group=conflict").text
    for words in ("When exported", "In the panel now", "In the workbook", "Praha", "Zlin", "Tabor"):
        assert words in conflict


@pytest.mark.asvs("R19")
def test_nothing_is_applied_before_everything_is_decided(
    app: Flask, client: FlaskClient, march: str, three: tuple[int, int, int]
) -> None:
    client.post(f"{march}apply/")
    assert "wait for a decision" in client.get(march).text
    with app.app_context():
        assert [city(one) for one in three] == ["Brno", "Zlin", "Plzen"]


def test_a_decided_import_is_applied_and_is_in_the_history(
    app: Flask, client: FlaskClient, march: str, three: tuple[int, int, int]
) -> None:
    decide(client, march)
    assert "Apply 2 changes and 1 new customer" in client.get(march).text
    client.post(f"{march}apply/")
    with app.app_context():
        assert [city(one) for one in three] == ["Olomouc", "Tabor", "Plzen"]
        assert db.session.scalars(select(Customer).where(Customer.full_name == "New One")).one().city == "Cheb"
    details = client.get(f"/customers/details/?id={three[1]}").text
    assert "March.xlsx" in details
    assert re.search(r"Customers![A-Z]+4", details)


def test_undoing_puts_back_what_nobody_edited_since(
    app: Flask, client: FlaskClient, march: str, three: tuple[int, int, int]
) -> None:
    decide(client, march)
    client.post(f"{march}apply/")
    with app.app_context():
        edit(three[0], city="Kept")
    preview = client.post("/undo/start/", data={"import": 1}).location
    assert tabs(client.get(preview).text) == {"change": 1, "bin": 1, "kept": 1}
    undone = client.post(f"{preview}apply/", follow_redirects=True).text
    for sentence in ("1 value was put back.", "1 new customer was moved to the bin.", "1 value was kept."):
        assert sentence in undone
    with app.app_context():
        assert [city(one) for one in three] == ["Kept", "Zlin", "Plzen"]


def test_an_unchanged_workbook_changes_nothing(client: FlaskClient, three: tuple[int, int, int]) -> None:
    page = client.get(uploaded(client, exported(sign_in(client)))).text
    assert "Nothing would change: this file says what the panel says." in page
    assert "Apply" not in page


def test_all_conflicts_are_answered_at_once(app: Flask, client: FlaskClient, three: tuple[int, int, int]) -> None:
    book = exported(sign_in(client))
    for one in three:
        write(book, one, "city", "Theirs")
        with app.app_context():
            edit(one, city="Ours")
    address = uploaded(client, book)
    client.post(f"{address}options/", data={"_only": "prefer", "prefer": "workbook"})
    client.post(f"{address}apply/")
    with app.app_context():
        assert [city(one) for one in three] == ["Theirs"] * 3


def test_an_unknown_column_is_left_out_mapped_or_made_a_field(
    app: Flask, client: FlaskClient, three: tuple[int, int, int]
) -> None:
    text = "Login,Where,Size\n" + "".join(f"{one:06d},Kolin,{one}\n" for one in three)
    address = uploaded(sign_in(client), text, "list.csv", key="login")
    page = client.get(f"{address}?group=columns").text
    assert tabs(page)["columns"] == 2
    form = form_with(page, "header")
    assert form["header"] == ["Login", "Where", "Size"]
    data = {"_only": "mapping", "header": ["Where", "Size"], "target": ["city", "+"]}
    client.post(f"{address}options/", data=data)
    client.post(f"{address}options/", data={"_only": "options", "key": "login", "accept_unknown": "1"})
    client.post(f"{address}apply/")
    with app.app_context():
        field = db.session.scalars(select(AdditionalField)).one()
        assert (field.label, field.type) == ("Size", "integer")
        ann = db.session.get_one(Customer, three[0])
        assert (ann.city, ann.extra) == ("Kolin", {"size": three[0]})


def test_a_discarded_import_is_closed(app: Flask, client: FlaskClient, three: tuple[int, int, int]) -> None:
    book = exported(sign_in(client))
    write(book, three[0], "city", "Olomouc")
    address = uploaded(client, book)
    client.post(f"{address}discard/")
    client.post(f"{address}apply/")
    assert "Discarded" in client.get(address).text
    with app.app_context():
        assert city(three[0]) == "Brno"
        assert db.session.scalars(select(Import.state)).one() == "rejected"


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"no workbook", "list.xlsx"), (b"", "empty.csv"), (b"\xd0\xcf\x11\xe0" + b"x" * 600, "a.xls")],
)
def test_a_file_that_cannot_be_read_is_one_sentence(app: Flask, client: FlaskClient, content: bytes, name: str) -> None:
    answer = sign_in(client).post("/imports/upload/", data={"file": (io.BytesIO(content), name)})
    page = client.get(answer.location).text
    assert "Could not be read" in page
    assert "Traceback" not in page
    with app.app_context():
        (one,) = db.session.scalars(select(Import)).all()
        assert (one.state, one.message in html.unescape(page)) == ("failed", True)
        assert list(uploads().iterdir()) == []


def test_no_file_is_asked_for(client: FlaskClient) -> None:
    sign_in(client).post("/imports/upload/")
    assert "Choose a workbook or a CSV file first." in client.get("/imports/").text


def test_an_export_takes_the_ticked_columns_and_the_chosen_status(
    app: Flask, client: FlaskClient, three: tuple[int, int, int]
) -> None:
    with app.app_context():
        edit(three[1], status_id=2)
    book = exported(sign_in(client), fields=["full_name", "city"], status="Active")
    rows = list(book["Customers"].iter_rows(min_row=2, max_row=3, min_col=2, values_only=True))
    assert [row[:3] for row in rows] == [("ID", "Full name", "City"), (three[1], "Bob", "Praha")]
    page = client.get("/exports/").text
    assert "status=Active" in page
    assert "password" not in [value.get("key") for value in _fields_of_the_export(app)]


def _fields_of_the_export(app: Flask) -> list[dict[str, Any]]:
    with app.app_context():
        return list(db.session.scalars(select(Export.fields)).one())


def test_nothing_of_an_export_is_left_on_the_disk_but_the_file_that_is_kept(
    app: Flask, client: FlaskClient, three: tuple[int, int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = app.config["ROLLBOOK_INSTANCE"] / "exports"
    before = {path for path in tmp_path.rglob("*") if path.is_file() and kept not in path.parents}
    exported(sign_in(client))
    after = {path for path in tmp_path.rglob("*") if path.is_file() and kept not in path.parents}
    assert {path.name for path in after - before} <= {"rollbook.db-wal", "rollbook.db-shm"}
    (one,) = kept.iterdir()
    assert one.stat().st_mode & 0o077 == 0


def test_a_manager_uploads_and_an_admin_applies(app: Flask, client: FlaskClient, three: tuple[int, int, int]) -> None:
    with app.app_context():
        add_user("eva@example.com", "manager")
    sign_in(client, "eva@example.com", STAFF_PASSWORD)
    book = exported(client)
    write(book, three[0], "city", "Olomouc")
    address = uploaded(client, book)
    assert "Somebody who may apply imports has to look at this." in client.get(address).text
    assert client.post(f"{address}apply/").status_code == 403
    assert client.post("/undo/start/", data={"import": 1}).status_code == 403
    admin = sign_in(app.test_client())
    admin.post(f"{address}apply/")
    with app.app_context():
        assert city(three[0]) == "Olomouc"


def test_a_bound_user_sees_their_own_exports_and_imports_only(
    app: Flask, client: FlaskClient, three: tuple[int, int, int]
) -> None:
    with app.app_context():
        db.session.add(Partner(name="North"))
        db.session.commit()
        north = db.session.scalars(select(Partner.id).where(Partner.name == "North")).one()
        edit(three[0], partner_id=north)
        add_user("eva@example.com", "manager", north)
    address = uploaded(sign_in(client), exported(client), "everybody.xlsx")
    eva = sign_in(app.test_client(), "eva@example.com", STAFF_PASSWORD)
    assert eva.get(address).status_code == 404
    assert "everybody.xlsx" not in eva.get("/imports/").text
    book = exported(eva)
    assert [row[1] for row in book["Customers"].iter_rows(min_row=3, values_only=True) if row[1]] == [three[0]]
    assert set(re.findall(r"/exports/(\d+)/", eva.get("/exports/").text)) == {"2"}
    assert eva.get("/exports/1/").status_code == 404
