"""Files of customers: sent with a form, kept with their history, seen by whoever sees the field."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select

from panel.authors import SYSTEM
from panel.database import reading, writing
from panel.erasing import erase, remove_files
from panel.extensions import db
from panel.files.storing import MOST_WAITING, WAITS, folder
from panel.models import AdditionalField, Customer, Partner, Role, StoredFile, User
from panel.models.columns import now
from panel.rights import NONE, SEE
from panel.setup import prepare
from panel.signature import signature
from tests.builders import additional_field, customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, sign_in
from tests.sheets import change, read_keys, sheet_of

PDF = b"%PDF-1.7 a contract"
OTHER = b"%PDF-1.7 another one"
one_engine = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def ann(app: Flask) -> int:
    """Add Ann, and the fields contract and photo."""
    with app.app_context():
        additional_field("contract", "file", label="Contract", show_in_list=True)
        additional_field("photo", "file", label="Photo")
        return customer("Ann", login="ann")


def sent(content: bytes = PDF, name: str = "contract.pdf") -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), name


def post(client: FlaskClient, record_id: int, /, **changed: Any) -> Any:
    """Open a customer's form, change it, send it as a browser does, and return the answer."""
    address = f"/customers/edit/?id={record_id}"
    form = form_with(client.get(address).text, "full_name")
    return client.post(address, data=form | changed, content_type="multipart/form-data")


def saved(client: FlaskClient, record_id: int, /, **changed: Any) -> None:
    answer = post(client, record_id, **changed)
    assert answer.status_code == 302, answer.text


def extra_of(app: Flask, record_id: int) -> dict[str, Any]:
    with app.app_context():
        return dict(db.session.get_one(Customer, record_id, populate_existing=True).extra)


def stored(app: Flask) -> list[StoredFile]:
    with app.app_context():
        return list(db.session.scalars(select(StoredFile).order_by(StoredFile.id)))


def on_disk(app: Flask) -> set[str]:
    with app.app_context():
        return {path.name for path in folder().iterdir()}


def state(app: Flask) -> str:
    with app.app_context(), reading() as connection:
        return signature(connection)


def test_a_file_is_sent_shown_replaced_and_taken_away(app: Flask, client: FlaskClient, ann: int) -> None:
    page = sign_in(client).get(f"/customers/edit/?id={ann}").text
    assert 'enctype="multipart/form-data"' in page
    saved(client, ann, contract=sent())
    first = extra_of(app, ann)["contract"]
    link = f'<a href="/files/{first}/">contract.pdf</a>'
    assert link in client.get(f"/customers/details/?id={ann}").text
    assert "contract.pdf" in client.get("/customers/").text
    with client.get(f"/files/{first}/") as answer:
        assert answer.data == PDF
        headers = answer.headers
    assert headers["Content-Disposition"] == "attachment; filename=contract.pdf"
    assert (headers["Content-Type"], headers["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    assert headers["Cache-Control"] == "no-store"
    saved(client, ann, contract=sent(OTHER, "contract-2.pdf"))
    second = extra_of(app, ann)["contract"]
    before = state(app)
    saved(client, ann)
    assert state(app) == before, "opening and saving changes nothing"
    saved(client, ann, **{"contract-remove": "1"})
    assert extra_of(app, ann) == {}
    history = " ".join(client.get(f"/customers/details/?id={ann}").text.split())
    new = f'<a href="/files/{second}/">contract-2.pdf</a>'
    assert f'from <span class="old">{link}</span> to <span class="new">{new}</span>' in history
    assert f'from <span class="old">{new}</span> to blank' in history
    with client.get(f"/files/{first}/") as answer:
        assert answer.data == PDF, "an old version stays"


def test_a_new_customer_comes_with_a_file_that_survives_a_form_shown_again(
    app: Flask, client: FlaskClient, ann: int
) -> None:
    sign_in(client)
    page = client.post("/customers/new/", data={"full_name": "", "contract": sent()}).text
    assert "Full name is required" in page
    assert "contract.pdf" in page
    (waiting,) = stored(app)
    assert client.get(f"/files/{waiting.id}/").status_code == 404, "it is nobody's yet"
    form = form_with(page, "full_name")
    assert form["contract"] == [str(waiting.id)]
    answer = client.post("/customers/new/", data=form | {"full_name": "Eva"})
    new = int(answer.location.rpartition("=")[2])
    assert extra_of(app, new) == {"contract": waiting.id}
    with client.get(f"/files/{waiting.id}/") as answer:
        assert answer.data == PDF
    again = client.post("/customers/new/", data=form | {"full_name": "Eva again"})
    assert "Choose it again" in again.text, "a file is one customer's"


def test_an_old_file_comes_back_from_history(app: Flask, client: FlaskClient, ann: int) -> None:
    sign_in(client)
    for content in (PDF, OTHER):
        saved(client, ann, contract=sent(content))
    first, second = (one.id for one in stored(app))
    form = {"id": ann, "_revision": "3", "number": "3", "field": "contract"}
    assert client.post("/customers/put-back/", data=form).status_code == 302
    assert extra_of(app, ann) == {"contract": first}
    assert first != second


@one_engine
def test_two_editors_see_each_others_files(app: Flask, client: FlaskClient, ann: int) -> None:
    mine = form_with(sign_in(client).get(f"/customers/edit/?id={ann}").text, "full_name")
    other = sign_in(app.test_client())
    saved(other, ann, contract=sent(PDF, "theirs.pdf"))
    address = f"/customers/edit/?id={ann}"
    page = client.post(address, data=mine | {"photo": sent(OTHER, "photo.pdf")}, follow_redirects=True).text
    assert "theirs.pdf" in page
    assert "photo.pdf" in page, "another field merges"
    conflicting = client.post(address, data=mine | {"contract": sent(OTHER, "mine.pdf")}).text
    words = " ".join(conflicting.split())
    assert "<dt>In the panel now</dt> <dd>theirs.pdf</dd> <dt>Yours</dt> <dd>mine.pdf</dd>" in words
    assert f'data-take="{stored(app)[0].id}"' in conflicting
    answer = client.post(address, data=form_with(conflicting, "full_name"))
    assert answer.status_code == 302
    assert [one.name for one in stored(app) if one.id == extra_of(app, ann)["contract"]] == ["mine.pdf"]


@one_engine
@pytest.mark.parametrize("whose", ["another customer's", "another field's", "another user's", "nobody's", "no number"])
def test_a_form_takes_no_file_of_others(app: Flask, client: FlaskClient, ann: int, whose: str) -> None:
    with app.app_context():
        add_user("eva@example.com", "admin")
        bob = customer("Bob", login="bob")
    eva = sign_in(app.test_client(), "eva@example.com", STAFF_PASSWORD)
    sign_in(client)
    if whose == "another customer's":
        saved(client, bob, contract=sent())
    elif whose == "another field's":
        saved(client, ann, photo=sent())
    elif whose == "another user's":
        assert post(eva, ann, full_name="", contract=sent()).status_code == 200
    number = str(stored(app)[0].id) if stored(app) else "7"
    answer = post(client, ann, contract="7x" if whose == "no number" else number, full_name="Ann B")
    assert "contract" not in extra_of(app, ann)
    if whose != "no number":
        assert "This file is not there any more. Choose it again." in answer.text
        assert "contract.pdf" not in answer.text or whose == "another field's"


def test_a_file_is_seen_by_whoever_sees_the_customer_and_the_field(app: Flask, client: FlaskClient, ann: int) -> None:
    saved(sign_in(client), ann, contract=sent())
    (file,) = stored(app)
    address = f"/files/{file.id}/"
    answers = {}
    with app.app_context():
        with writing():
            for right in (SEE, NONE):
                role = Role(
                    name=right, permissions=["customer.list", "customer.view"], field_rights={"contract": right}
                )
                db.session.add(role)
            db.session.add(Role(name="lists", permissions=["customer.list"]))
        for name in (SEE, NONE, "lists"):
            add_user(f"{name}@example.com", name)
        with writing():
            db.session.add(Partner(name="North"))
        add_user("north@example.com", "admin", 2)
    for name in (SEE, NONE, "lists", "north"):
        visitor = sign_in(app.test_client(), f"{name}@example.com", STAFF_PASSWORD)
        with visitor.get(address) as answer:
            answers[name] = answer.status_code
    with app.test_client().get(address) as answer:
        answers["nobody"] = answer.status_code
    assert answers == {SEE: 200, NONE: 404, "lists": 403, "north": 404, "nobody": 302}
    assert client.get(f"/files/{2**63}/").status_code == 404
    with app.app_context():
        edit(ann, deleted_at=now())
    assert client.get(address).status_code == 404, "a customer in the bin is not to be seen"


@one_engine
def test_a_workbook_shows_names_and_an_edit_there_counts_for_nothing(
    app: Flask, client: FlaskClient, runner: FlaskCliRunner, ann: int, tmp_path: Path
) -> None:
    with app.app_context():
        edit(ann, city="Brno")
        bob = customer("Bob", login="bob")
        with writing():
            db.session.scalars(select(AdditionalField).where(AdditionalField.key == "contract")).one().required = True
    for record_id in (ann, bob):
        saved(sign_in(client), record_id, contract=sent(name=f"{record_id}.pdf"))
    out = tmp_path / "out.xlsx"
    assert runner.invoke(args=["export", str(out)]).exit_code == 0
    letters = read_keys(out)
    sheet = sheet_of(out)
    cells = f"{letters['contract']}3", f"{letters['contract']}4"
    assert {sheet[cell].value for cell in cells} == {f"{ann}.pdf", f"{bob}.pdf"}
    before = state(app)
    back = change(out, tmp_path / "back.xlsx", {cells[0]: "new.pdf", cells[1]: None, f"{letters['full_name']}5": "New"})
    answer = json.loads(runner.invoke(args=["import", str(back), "--dry-run", "--json"]).stdout)
    assert [(one["workbook"], one["outcome"]) for one in answer["ignored"]] == [("new.pdf", "ignored")]
    assert (answer["problems"], answer["changes"], answer["created"]) == ([], [], 1)
    assert state(app) == before


@one_engine
def test_a_list_is_filtered_by_the_name_and_neither_sorted_nor_edited_by_files(
    app: Flask, client: FlaskClient, ann: int
) -> None:
    with app.app_context():
        bob = customer("Bob", login="bob")
        customer("Eva", login="eva")
    saved(sign_in(client), ann, contract=sent(name="Lease.pdf"))
    saved(client, bob, contract=sent(name="photo of it.pdf"))

    def found(query: str) -> set[str]:
        page = client.get(f"/customers/?{query}").text
        return {name for name in ("Ann", "Bob", "Eva") if f">{name}</a>" in page}

    assert found("flt_contract_named=lease") == {"Ann"}
    assert found("flt_contract_named=.pdf") == {"Ann", "Bob"}
    assert found("flt_contract_empty=Yes") == {"Eva"}
    page = client.get("/customers/").text
    assert "sort=full_name" in page
    assert "sort=contract" not in page
    assert client.get("/customers/?sort=contract").status_code == 200


def test_erasing_a_customer_removes_its_files_and_no_others(app: Flask, client: FlaskClient, ann: int) -> None:
    with app.app_context():
        bob = customer("Bob", login="bob")
    sign_in(client)
    for content in (PDF, OTHER):
        saved(client, ann, contract=sent(content))
    saved(client, bob, contract=sent())
    with app.app_context():
        edit(ann, deleted_at=now())
        with writing() as connection:
            files = erase(connection, ann, SYSTEM)
        remove_files(files)
    (kept,) = stored(app)
    assert kept.customer_id == bob
    assert on_disk(app) == {kept.stored_as}


def test_what_was_never_saved_is_swept_and_what_was_is_kept(app: Flask, client: FlaskClient, ann: int) -> None:
    sign_in(client)
    saved(client, ann, contract=sent())
    for name in ("late.pdf", "new.pdf"):
        assert post(client, ann, full_name="", contract=sent(name=name)).status_code == 200
    with app.app_context(), writing():
        late = db.session.scalars(select(StoredFile).where(StoredFile.name == "late.pdf")).one()
        late.at = now() - WAITS * 2
        left = folder() / "left by a process that was killed"
        left.write_bytes(PDF)
        fresh = folder() / "of an upload that goes on"
        fresh.write_bytes(PDF)
        os.utime(left, (1, 1))
    prepare(app)
    assert [one.name for one in stored(app)] == ["contract.pdf", "new.pdf"]
    assert on_disk(app) == {one.stored_as for one in stored(app)} | {fresh.name}


@one_engine
def test_what_fails_while_it_is_stored_leaves_nothing(
    app: Flask, client: FlaskClient, ann: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    sign_in(client)
    monkeypatch.setattr("panel.files.storing.os.fsync", full)
    assert post(client, ann, contract=sent()).status_code == 507
    assert (stored(app), on_disk(app), extra_of(app, ann)) == ([], set(), {})


@one_engine
def test_a_field_of_files_has_no_default_and_is_not_unique(app: Flask, client: FlaskClient) -> None:
    form = {"label": "Lease", "key": "lease", "type": "file", "category": "all", "position": "0", "add": "y"}
    refused = sign_in(client).post("/fields/new/", data=form | {"is_unique": "y", "searchable": "y"}).text
    assert "A field of the type File cannot be unique." in refused
    assert "A field of the type File is not searched." in refused
    answer = client.post("/fields/new/", data=form | {"default": "a.pdf"})
    assert answer.status_code == 302, answer.text
    with app.app_context():
        field = db.session.scalars(select(AdditionalField)).one()
        assert (field.type, field.default, field.is_unique, field.searchable) == ("file", None, False, False)
    assert "data-file" in client.get("/customers/new/").text


@one_engine
def test_so_many_files_of_a_user_wait_and_no_more(app: Flask, client: FlaskClient, ann: int) -> None:
    with app.app_context(), writing():
        user_id = db.session.scalars(select(User.id)).one()
        for number in range(MOST_WAITING):
            db.session.add(
                StoredFile(name="a.pdf", size=1, sha256="", stored_as=str(number), by="", user_id=user_id, field="x")
            )
    assert "of your files wait for their forms" in post(sign_in(client), ann, contract=sent()).text
    assert on_disk(app) == set()
