"""Rows of the security requirements about files that people send: with a customer's form, and as workbooks."""

from __future__ import annotations

import io
import json
import re
import zipfile
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from panel.database import writing
from panel.extensions import db
from panel.files.kinds import KINDS, UnusableTypes, read_types
from panel.files.storing import MOST_WAITING, clean_name, folder
from panel.imports.files import uploads
from panel.models import Customer, Import, Role, StoredFile
from tests.builders import additional_field, customer
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, sign_in
from tests.resources import ROOT

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
MEGABYTE = 1 << 20
PNG = b"\x89PNG\r\n\x1a\n and so on"


def archive(*names: str, **entries: bytes) -> bytes:
    """Return a ZIP archive with entries of these names, uncompressed."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as parts:
        for name in names:
            parts.writestr(name, entries.get(name, b""))
    return made.getvalue()


REAL: dict[str, bytes] = {
    "pdf": b"%PDF-1.7 text",
    "png": PNG,
    "jpg": b"\xff\xd8\xff\xe0\0 picture",
    "jpeg": b"\xff\xd8\xff\xe0\0 picture",
    "gif": b"GIF89a\1\0 picture",
    "webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "tif": b"II*\0 picture",
    "tiff": b"MM\0* picture",
    "txt": "Příliš žluťoučký\tkůň\r\n".encode(),
    "csv": "a;b\r\n".encode("utf-16"),
    "xlsx": archive("[Content_Types].xml", "xl/workbook.xml"),
    "docx": archive("[Content_Types].xml", "word/document.xml"),
    "pptx": archive("[Content_Types].xml", "ppt/presentation.xml"),
    **{
        kind: archive("mimetype", "content.xml", mimetype=f"application/vnd.oasis.opendocument.{name}".encode())
        for kind, name in {"ods": "spreadsheet", "odt": "text", "odp": "presentation"}.items()
    },
}


@pytest.fixture
def ann(app: Flask) -> int:
    with app.app_context():
        additional_field("contract", "file", label="Contract")
        return customer("Ann", login="ann")


def multipart(sent: dict[str, Any]) -> dict[str, Any]:
    """Return a form's body, in memory: the test client leaves the temporary file of a large one open."""
    boundary, body = encode_multipart(sent)
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def post(client: FlaskClient, record_id: int, content: bytes, name: str) -> Any:
    """Send a file with a customer's form, as a browser does."""
    address = f"/customers/edit/?id={record_id}"
    form = form_with(client.get(address).text, "full_name")
    sent = {key: value for key, (value, *_more) in form.items()}
    return client.post(address, **multipart(sent | {"contract": FileStorage(io.BytesIO(content), name)}))


def upload(client: FlaskClient, content: bytes, name: str) -> Any:
    """Upload a workbook, and return the page that follows."""
    body = multipart({"file": FileStorage(io.BytesIO(content), name)})
    return client.post("/imports/upload/", follow_redirects=True, **body)


def names_of(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(StoredFile.name).order_by(StoredFile.id)))


def nothing_was_kept(app: Flask) -> bool:
    with app.app_context():
        return not names_of(app) and not list(folder().iterdir()) and not list(uploads().iterdir())


@pytest.mark.asvs("R1")
def test_r1_the_readme_lists_the_limits_of_each_upload_and_the_settings_set_them(app: Flask) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for setting in ("FILE_MEGABYTES", "FILE_TYPES", "UPLOAD_MEGABYTES", "IMPORT_UNPACKED_MEGABYTES"):
        assert f"`ROLLBOOK_{setting}`" in readme
        assert app.config[f"ROLLBOOK_{setting}"]
    assert app.config["ROLLBOOK_FILE_TYPES"] in readme
    assert app.extensions["file_types"] == tuple(app.config["ROLLBOOK_FILE_TYPES"].split(", "))
    assert set(KINDS) == set(REAL)


@pytest.mark.asvs("R1")
@pytest.mark.parametrize("listed", ["pdf, exe", "svg"])
def test_r1_a_type_that_cannot_be_checked_is_not_permitted(app: Flask, listed: str) -> None:
    with pytest.raises(UnusableTypes, match="It may list pdf"):
        read_types({**app.config, "ROLLBOOK_FILE_TYPES": listed})


@pytest.mark.asvs("R1")
def test_r1_one_byte_more_than_the_limit_is_refused(app: Flask, client: FlaskClient, ann: int) -> None:
    app.config["ROLLBOOK_FILE_MEGABYTES"] = app.config["ROLLBOOK_UPLOAD_MEGABYTES"] = 1
    sign_in(client)
    head = REAL["pdf"]
    page = post(client, ann, head.ljust(MEGABYTE + 1), "big.pdf").text
    assert "big.pdf is larger than 1 MB. Make it smaller." in page
    assert 'aria-invalid="true"' in page
    assert "The file is larger than 1 MB." in upload(client, b"a\n".ljust(MEGABYTE + 1), "big.csv").text
    assert nothing_was_kept(app)
    assert post(client, ann, head.ljust(MEGABYTE), "fits.pdf").status_code == 302


@pytest.mark.asvs("R2")
@pytest.mark.parametrize("address", ["/customers/edit/?id=1", "/imports/upload/"])
def test_r2_what_is_larger_than_any_upload_is_refused_before_it_is_read(
    app: Flask, client: FlaskClient, ann: int, address: str
) -> None:
    class Unread(io.BytesIO):
        def read(self, *_size: Any) -> bytes:
            raise AssertionError("the body was read")

    sign_in(client)
    environment = {"CONTENT_LENGTH": str(app.config["MAX_CONTENT_LENGTH"] + 1)}
    form = "multipart/form-data; boundary=x"
    answer = client.post(address, input_stream=Unread(), content_type=form, environ_overrides=environment)
    assert answer.status_code == 413
    assert nothing_was_kept(app)


@pytest.mark.asvs("R3")
@pytest.mark.parametrize("kind", REAL)
def test_r3_a_file_is_what_its_extension_says_or_is_not_kept(
    app: Flask, client: FlaskClient, ann: int, kind: str
) -> None:
    sign_in(client)
    # JPEG and TIFF have two spellings; text of any kind is text.
    alike = [{"jpg", "jpeg"}, {"tif", "tiff"}, {"txt", "csv"}]
    same = next((group for group in alike if kind in group), {kind})
    for other in REAL.keys() - same:
        page = post(client, ann, REAL[other], f"x.{kind}").text
        assert f"x.{kind} is no {kind} file inside" in page, other
    assert nothing_was_kept(app)
    assert post(client, ann, REAL[kind], f"x.{kind.upper()}").status_code == 302
    assert names_of(app) == [f"x.{kind.upper()}"]


@pytest.mark.asvs("R3")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.xlsx.exe", b"MZ"),
        ("x.pdf\0.php", REAL["pdf"]),
        ("x", REAL["pdf"]),
        (".pdf", REAL["pdf"]),
        ("x.svg", b"<svg/>"),
        ("x.html", b"<script>alert(1)</script>"),
        ("x.txt", b"MZ\x90\0\x03"),
        ("x.xlsx", archive("[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin")),
        ("x.docx", archive("word/document.xml")),
        ("x.odt", archive("content.xml", "mimetype", mimetype=b"application/vnd.oasis.opendocument.text")),
        ("x.xlsx", REAL["xlsx"][:-30]),
        ("x.pdf", b""),
    ],
)
def test_r3_double_endings_active_content_and_broken_files_are_not_kept(
    app: Flask, client: FlaskClient, ann: int, name: str, content: bytes
) -> None:
    answer = post(sign_in(client), ann, content, name)
    assert answer.status_code == 200
    assert 'id="contract-error"' in answer.text
    assert nothing_was_kept(app)


@pytest.mark.asvs("R3")
@pytest.mark.parametrize("content", [PNG, b"<html></html>", b"%PDF-1.7", archive("a.txt"), REAL["docx"], REAL["ods"]])
def test_r3_what_is_no_workbook_inside_is_refused_with_a_sentence(
    app: Flask, client: FlaskClient, content: bytes
) -> None:
    page = upload(sign_in(client), content, "x.xlsx").text
    assert re.search(r'<h1[^>]*>x\.xlsx</h1>[\s\S]*?role="alert"[\s\S]*?<div>[A-Z][^<]+\.</div>', page)
    with app.app_context():
        assert db.session.scalars(select(Import.state)).all() == ["failed"]
    assert nothing_was_kept(app)


@pytest.mark.asvs("R5")
def test_r5_files_that_wait_are_few(app: Flask, client: FlaskClient, ann: int) -> None:
    sign_in(client)
    address = f"/customers/edit/?id={ann}"
    for _number in range(MOST_WAITING + 2):
        form = form_with(client.get(address).text, "full_name") | {"full_name": ""}
        page = client.post(address, data=form | {"contract": (io.BytesIO(REAL["pdf"]), "a.pdf")}).text
    assert f"{MOST_WAITING} of your files wait for their forms to be saved." in page
    with app.app_context():
        assert len(list(folder().iterdir())) == MOST_WAITING


@pytest.mark.asvs("R6")
@pytest.mark.parametrize("entry", ["../../evil.txt", "/etc/evil.txt", "..\\evil.txt"])
def test_r6_paths_and_links_in_an_archive_write_nothing(app: Flask, client: FlaskClient, ann: int, entry: str) -> None:
    made = io.BytesIO(REAL["xlsx"])
    with zipfile.ZipFile(made, "a") as parts:
        parts.writestr(entry, "evil")
        link = zipfile.ZipInfo("xl/link.xml")
        link.external_attr = 0o120777 << 16
        parts.writestr(link, "/etc/passwd")
    sign_in(client)
    instance: Path = app.config["ROLLBOOK_INSTANCE"]
    assert post(client, ann, made.getvalue(), "x.xlsx").status_code == 302
    upload(client, made.getvalue(), "x.xlsx")
    assert not [path for path in instance.parent.rglob("*") if path.is_symlink() or "evil" in path.name]


@pytest.mark.asvs("R7")
@pytest.mark.parametrize("folders", ["../../", "..\\..\\", "/etc/", "C:\\"])
def test_r7_a_file_lies_under_a_name_of_ours_that_no_address_has(
    app: Flask, client: FlaskClient, ann: int, folders: str
) -> None:
    assert post(sign_in(client), ann, REAL["pdf"], f"{folders}rollbook.pdf").status_code == 302
    (name,) = names_of(app)
    assert name in {"rollbook.pdf", "C_rollbook.pdf"}
    with app.app_context():
        (path,) = folder().iterdir()
    assert re.fullmatch("[0-9a-f]{32}", path.name)
    assert path.read_bytes() == REAL["pdf"]
    assert path.parent.stat().st_mode & 0o077 == 0
    for address in (f"/files/{path.name}", f"/files/{path.name}/", f"/static/../files/{path.name}", f"/{path.name}"):
        assert client.get(address).status_code == 404


@pytest.mark.asvs("R8")
def test_r8_whatever_a_file_was_called_its_header_is_one_line_that_parses(
    app: Flask, client: FlaskClient, ann: int, shared_data: Path
) -> None:
    strings: list[str] = json.loads((shared_data / "naughty-strings.json").read_text("utf-8"))
    assert len(strings) > 400
    sign_in(client)
    assert post(client, ann, REAL["pdf"], "a.pdf").status_code == 302
    with app.app_context():
        number = db.session.scalars(select(StoredFile.id)).one()
    for text in [*strings, "a\r\nSet-Cookie: x=1", 'a"; filename="b.exe', "\u202efdp.exe", "x" * 500]:
        name = clean_name(f"{text}.pdf")
        assert 0 < len(name) <= 120
        assert name.isprintable()
        assert not set("/\\\r\n\0") & set(name)
        with app.app_context(), writing():
            db.session.get_one(StoredFile, number).name = name
        with client.get(f"/files/{number}/") as answer:
            assert answer.status_code == 200
            header = answer.headers["Content-Disposition"]
        assert header.isascii()
        assert "\n" not in header
        message = Message()
        message["Content-Disposition"] = header
        assert message.get_content_disposition() == "attachment"
        spelled = re.search(r"; filename\*=UTF-8''([^\s;\"]+)$", header)
        assert (unquote(spelled[1]) if spelled else message.get_filename()) == name, header


@pytest.mark.asvs("R9")
def test_r9_nobody_sends_files_without_signing_in_a_permission_and_the_forms_token(
    app: Flask, client: FlaskClient, ann: int
) -> None:
    with app.app_context():
        with writing():
            db.session.add(Role(name="looks", permissions=["customer.list", "customer.view"]))
        add_user("looks@example.com", "looks")
    looker = sign_in(app.test_client(), "looks@example.com", STAFF_PASSWORD)
    sign_in(client)
    app.config["WTF_CSRF_ENABLED"] = True
    statuses = {}
    inputs = {f"/customers/edit/?id={ann}": "contract", "/customers/new/": "contract", "/imports/upload/": "file"}
    for address, name in inputs.items():
        for who, visitor in (("nobody", app.test_client()), ("looks", looker), ("admin", client)):
            app.config["WTF_CSRF_ENABLED"] = who == "admin"
            answer = visitor.post(address, data={name: (io.BytesIO(REAL["pdf"]), "a.pdf"), "full_name": "Ann"})
            statuses[address, who] = answer.status_code
    assert {(who, status) for (_address, who), status in statuses.items()} == {
        ("nobody", 302),
        ("looks", 403),
        ("admin", 400),
    }
    assert nothing_was_kept(app)
    with app.app_context():
        assert db.session.execute(select(func.count()).select_from(Customer)).scalar_one() == 1


@pytest.mark.asvs("R9")
def test_r9_a_field_that_is_only_seen_takes_no_file(app: Flask, client: FlaskClient, ann: int) -> None:
    with app.app_context():
        with writing():
            may = ["customer.list", "customer.view", "customer.edit"]
            db.session.add(Role(name="edits", permissions=may, field_rights={"contract": "see"}))
        add_user("edits@example.com", "edits")
    visitor = sign_in(client, "edits@example.com", STAFF_PASSWORD)
    assert post(visitor, ann, REAL["pdf"], "a.pdf").status_code == 302
    assert nothing_was_kept(app)
