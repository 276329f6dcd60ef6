"""Additional fields that hold passwords: encrypted wherever they are kept, shown nowhere but on request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select

from panel.database import reading, writing
from panel.extensions import db
from panel.imports.journey import receive, viewer_of
from panel.imports.options import ImportOptions
from panel.keys import KeyFileError
from panel.models import AdditionalField, Base, Customer, Event, Import, Revision, User
from panel.sealed import Sealed, sealed_values
from panel.signature import signature
from tests.builders import additional_field, customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, sign_in

CANARY = "canary-7081"
FIELD = {"label": "PIN", "key": "pin", "type": "password", "category": "all", "position": "0", "add": "y"}


def stored_everywhere(app: Flask, *folders: Path) -> str:
    """Return everything that the database and these folders hold."""
    with app.app_context():
        rows = [db.session.execute(select(table)).all() for table in Base.metadata.sorted_tables]
    files = [path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()]
    return repr(rows) + repr(files)


def secret_of(app: Flask, record_id: int, key: str = "pin") -> str | None:
    with app.app_context():
        sealed = db.session.get_one(Customer, record_id, populate_existing=True).extra.get(key)
        return sealed and app.extensions["keyring"].decrypt(sealed, "customer", record_id, key)


@pytest.fixture
def pin(app: Flask) -> None:
    with app.app_context():
        additional_field("pin", "password", label="PIN")


def imported(runner: FlaskCliRunner, path: Path, text: str, *arguments: str) -> dict[str, Any]:
    path.write_text(text, encoding="utf-8")
    result = runner.invoke(args=["import", str(path), "--json", *arguments])
    answer: dict[str, Any] = json.loads(result.stdout)
    return {**answer, "printed": result.output}


def test_it_is_taken_by_the_forms_and_kept_as_ciphertext_of_its_record_and_field(
    app: Flask, client: FlaskClient, pin: None, tmp_path: Path
) -> None:
    form = form_with(sign_in(client).get("/customers/new/").text, "full_name")
    client.post("/customers/new/", data=form | {"full_name": "Ann", "pin": CANARY})
    assert secret_of(app, 1) == CANARY
    client.post("/customers/edit/?id=1", data=form_with(client.get("/customers/edit/?id=1").text, "full_name"))
    assert secret_of(app, 1) == CANARY
    changed = form_with(client.get("/customers/edit/?id=1").text, "full_name") | {"pin": "another " + CANARY}
    client.post("/customers/edit/?id=1", data=changed)
    assert secret_of(app, 1) == "another " + CANARY
    pages = [
        client.get(address).text for address in ("/customers/details/?id=1", "/customers/edit/?id=1", "/customers/")
    ]
    assert CANARY not in stored_everywhere(app, tmp_path) + "".join(pages)
    with app.app_context():
        changes = [one.changes.get("pin") for one in db.session.scalars(select(Revision).order_by(Revision.number))]
        assert [[str(value).split(":")[0] for value in pair] for pair in changes if pair] == [
            ["None", "digest"],
            ["digest", "digest"],
        ]
        sealed = db.session.get_one(Customer, 1).extra["pin"]
        for record_id, key in ((2, "pin"), (1, "password")):
            with pytest.raises(KeyFileError):
                app.extensions["keyring"].decrypt(sealed, "customer", record_id, key)


def test_the_same_secret_again_is_no_edit(app: Flask, pin: None) -> None:
    with app.app_context():
        record_id = customer(extra={"pin": CANARY})
        before = db.session.get_one(Customer, record_id).extra
        edit(record_id, extra={"pin": CANARY})
        one = db.session.get_one(Customer, record_id, populate_existing=True)
        assert (one.extra, one.revision) == (before, 1)


def test_it_is_revealed_by_permission_and_recorded_with_its_field(app: Flask, client: FlaskClient, pin: None) -> None:
    with app.app_context():
        add_user("eva@example.com", "staff")
        additional_field("kept", "password", hidden=True)
        additional_field("code")
        record_id = customer(extra={"pin": CANARY, "kept": CANARY, "code": "plain"})
    page = sign_in(client).get(f"/customers/details/?id={record_id}").text
    assert page.count('name="field" value="') == 2
    assert 'name="field" value="pin"' in page
    answer = client.post("/customers/reveal/", data={"id": record_id, "field": "pin"})
    assert answer.json == {"password": CANARY}
    for key in ("kept", "code", "nothing"):
        assert client.post("/customers/reveal/", data={"id": record_id, "field": key}).status_code == 403
    with app.app_context():
        event = db.session.scalars(select(Event).where(Event.name == "reveal")).one()
        assert (event.detail["customer"], event.detail["field"]) == (record_id, "pin")
    staff = sign_in(app.test_client(), "eva@example.com", STAFF_PASSWORD)
    assert staff.post("/customers/reveal/", data={"id": record_id, "field": "pin"}).status_code == 403


def test_an_import_writes_new_ones_and_takes_blank_and_mask_for_no_opinion(
    app: Flask, runner: FlaskCliRunner, pin: None, tmp_path: Path
) -> None:
    with app.app_context():
        for name in ("Ann", "Bob", "Eva"):
            customer(name, extra={"pin": "old"})
    before = signature_of(app)
    done = imported(
        runner,
        tmp_path / "in.csv",
        f"ID,Full name,PIN\n1,,\n2,,••••••••\n3,,{CANARY}\n,New,{CANARY}\n",
        "--accept-unknown",
    )
    assert [(one["id"], one["panel"], one["workbook"]) for one in done["changes"]] == [(3, "••••••••", "••••••••")]
    assert [secret_of(app, record_id) for record_id in (1, 2, 3, 4)] == ["old", "old", CANARY, CANARY]
    undone = json.loads(runner.invoke(args=["undo", str(done["import"]), "--json"]).stdout)
    assert [(one["id"], one["field"], one["now"]) for one in undone["kept"]] == [(3, "pin", None)]
    assert "only its digest was kept" in undone["kept"][0]["reason"]
    with app.app_context():
        edit(3, extra={"pin": "old"})
    assert signature_of(app) == before
    (tmp_path / "in.csv").unlink()
    assert CANARY not in done["printed"] + json.dumps(undone) + stored_everywhere(app, tmp_path)


def signature_of(app: Flask) -> str:
    with app.app_context(), reading() as connection:
        return signature(connection)


def test_a_plan_that_waits_says_only_that_it_will_change(
    app: Flask, client: FlaskClient, pin: None, tmp_path: Path
) -> None:
    source = tmp_path / "in.csv"
    source.write_text(f"ID,Full name,PIN\n1,Ann,{CANARY}\n,New,{CANARY}\n", encoding="utf-8")
    with app.app_context():
        customer("Ann", extra={"pin": "old"})
        viewer = viewer_of(db.session.scalars(select(User)).one())
        with source.open("rb") as file:
            number = receive(file, "in.csv", ImportOptions(accept_unknown=True), viewer)
        stored = db.session.get_one(Import, number).stored_as
    kept = tmp_path / "instance" / "uploads" / stored
    assert kept.exists()
    pages = [sign_in(client).get(f"/imports/{number}/?group={group}").text for group in ("unknown", "change", "new")]
    assert "••••••••" in "".join(pages)
    assert CANARY not in "".join(pages) + stored_everywhere(app)
    client.post(f"/imports/{number}/apply/")
    assert (secret_of(app, 1), kept.exists()) == (CANARY, False)


def test_a_value_that_is_refused_is_not_repeated(runner: FlaskCliRunner, app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        additional_field("pin", "password", label="PIN", max=3)
        additional_field("fixed", "password", label="Fixed", read_only=True)
    done = imported(runner, tmp_path / "in.csv", f"Full name,PIN,Fixed\nAnn,{CANARY},\nBob,,{CANARY}\n", "--dry-run")
    assert "Write at most 3 characters." in done["problems"][0]["message"]
    assert [one["workbook"] for one in done["ignored"]] == ["••••••••"]
    assert CANARY not in done["printed"]


def test_it_leaves_by_no_export(app: Flask, runner: FlaskCliRunner, pin: None, tmp_path: Path) -> None:
    with app.app_context():
        customer(extra={"pin": CANARY})
    out = tmp_path / "out.csv"
    assert runner.invoke(args=["export", str(out)]).exit_code == 0
    assert "PIN" not in out.read_text("utf-8")
    refused = runner.invoke(args=["export", str(out), "--fields", "login,pin"])
    assert (refused.exit_code, "never exported" in refused.output) == (1, True)
    keyed = runner.invoke(args=["import", str(out), "--key", "pin"])
    assert (keyed.exit_code, "stored encrypted" in keyed.output) == (1, True)


def test_the_signature_follows_the_secret_and_not_its_ciphertext(app: Flask, pin: None) -> None:
    with app.app_context():
        record_id = customer(extra={"pin": CANARY})
    first = signature_of(app)
    with app.app_context():
        edit(record_id, extra={"pin": "other"})
    assert signature_of(app) != first
    with app.app_context():
        edit(record_id, extra={"pin": CANARY})
    assert signature_of(app) == first


def test_a_field_of_it_has_no_default_no_filter_no_column_and_is_never_unique(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    for meaningless in ("is_unique", "show_in_list", "searchable"):
        refused = client.post("/fields/new/", data=FIELD | {meaningless: "y"})
        assert "A field of the type Password " in refused.text
    wanted = {"default": "same for all", "required": "y"}
    assert client.post("/fields/new/", data=FIELD | wanted).status_code == 302
    with app.app_context():
        one = db.session.scalars(select(AdditionalField)).one()
        assert (one.default, one.is_unique, one.show_in_list, one.searchable) == (None, False, False, False)
        for name in ("Ann", "Bob"):
            customer(name, extra={"pin": CANARY})
    assert "PIN was added." in client.get("/customers/").text
    page = client.get("/customers/?sort=pin&flt_pin_is=x&search=canary").text
    assert "PIN" not in page
    refused = client.post("/customers/new/", data={"full_name": "Eva", "pin": ""})
    assert "PIN is required. Fill it in." in refused.text


def test_after_it_is_retired_it_is_still_masked_and_found_for_a_new_key(
    app: Flask, client: FlaskClient, runner: FlaskCliRunner, pin: None, tmp_path: Path
) -> None:
    done = imported(runner, tmp_path / "in.csv", f"Full name,PIN\nAnn,{CANARY}\n")
    second = imported(runner, tmp_path / "more.csv", "ID,PIN\n1,9999\n", "--accept-unknown")
    with app.app_context(), writing():
        db.session.scalars(select(AdditionalField)).one().retired = True
    page = sign_in(client).get("/customers/details/?id=1").text
    assert "•••" in page
    assert "digest:" not in page
    undone = runner.invoke(args=["undo", str(second["import"]), "--json"]).stdout
    assert "v1:" not in undone
    assert done["created"] == 1
    with app.app_context(), reading() as connection:
        found = list(sealed_values(connection))
        assert [(one.record_id, one.field) for one in found] == [(1, "password"), (1, "pin")]
        keyring = app.extensions["keyring"]
        assert keyring.decrypt(found[1].text, "customer", 1, "pin") == "9999"
        assert all(isinstance(one, Sealed) for one in found)
