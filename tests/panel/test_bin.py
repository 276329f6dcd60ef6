"""The bin and beyond: deleted is not gone, restored is what it was, erased is nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from panel.database import writing
from panel.extensions import db
from panel.jobs import run_pending
from panel.models import Base, Customer, Event, Export, GeneratorConfig, Partner, Revision, Role, SavedView, UniqueValue
from tests.builders import additional_field, customer, edit
from tests.databases import Database
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, sign_in

INACTIVE = 4


def added(app: Flask, name: str = "Ann Novak", **values: Any) -> int:
    with app.app_context():
        return customer(name, **values)


def deleted(app: Flask, client: FlaskClient, name: str = "Ann Novak", **values: Any) -> int:
    record_id = added(app, name, status_id=INACTIVE, **values)
    client.post("/customers/delete/", data={"id": str(record_id)})
    assert get(app, record_id).deleted_at is not None
    return record_id


def get(app: Flask, record_id: int) -> Customer:
    with app.app_context():
        return db.session.get_one(Customer, record_id)


def pattern(app: Flask, text: str) -> None:
    with app.app_context(), writing():
        db.session.get_one(GeneratorConfig, 1).login_pattern = text


def is_back(app: Flask, *ids: int) -> list[bool]:
    return [get(app, one).deleted_at is None for one in ids]


def test_a_deleted_customer_is_in_the_bin_and_comes_back_as_it_was(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    record_id = deleted(app, client, city="Brno", login="ann")
    page = client.get("/bin/")
    assert "Ann Novak" in page.text
    assert "Admin" in page.text
    assert "Ann Novak" not in client.get("/bin/?search=bob").text
    assert client.get(f"/customers/details/?id={record_id}").status_code == 404
    client.post("/bin/restore/", data={"id": str(record_id)})
    one = get(app, record_id)
    assert (one.deleted_at, one.city, one.login, one.status_id) == (None, "Brno", "ann", INACTIVE)
    assert "Ann Novak" not in client.get("/bin/").text


def test_the_message_about_a_deletion_takes_it_back(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    record_id = deleted(app, client)
    address = client.get("/customers/").text.split('class="offer"')[0].rsplit('action="', 1)[1].split('"')[0]
    client.post(address)
    assert is_back(app, record_id) == [True]


def test_a_login_in_the_bin_may_be_typed_but_is_not_made(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    pattern(app, "c{next}")
    record_id = deleted(app, client, login="c1")
    assert client.post("/generate/login/").json == {"value": "c2"}
    assert get(app, added(app, "Bob")).login == "c2"
    assert get(app, added(app, "Cyd", login="C1")).login == "C1"
    with app.app_context():
        held = db.session.scalars(select(UniqueValue.value).where(UniqueValue.record_id == record_id)).all()
        assert [value.startswith("digest:") for value in held] == [True]


def test_who_lost_the_login_meanwhile_is_asked_for_another(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    with app.app_context():
        additional_field("contract", is_unique=True)
    record_id = deleted(app, client, login="ann", extra={"contract": "C1"})
    added(app, "Bob", login="ANN", extra={"contract": "C1"})
    answer = client.post("/bin/restore/", data={"id": str(record_id)})
    assert answer.location == f"/bin/{record_id}/"
    page = client.get(answer.location).text
    form = form_with(page, "login")
    assert "2 Bob" in page
    assert (form["login"], form["contract"]) == (["ann"], ["C1"])
    refused = client.post(answer.location, data={"login": "ann", "contract": "C2"})
    assert "Another customer has this" in refused.text
    assert is_back(app, record_id) == [False]
    client.post(answer.location, data={"login": "ann2", "contract": "C2"})
    one = get(app, record_id)
    assert (one.deleted_at, one.login, one.extra) == (None, "ann2", {"contract": "C2"})
    with app.app_context():
        entry = db.session.scalars(select(Revision).where(Revision.record_id == record_id, Revision.number == 3)).one()
        assert entry.changes == {"deleted": [True, None], "login": ["ann", "ann2"], "contract": ["C1", "C2"]}


@pytest.mark.asvs("R33")
def test_coming_back_gives_no_field_a_value_that_may_not_be_edited(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    record_id = deleted(app, client, login="ann")
    added(app, "Bob", login="ann")
    with app.app_context():
        with writing():
            may = ["customer.list", "customer.view", "customer.restore"]
            db.session.add(Role(name="brings back", permissions=may, field_rights={"login": "see"}))
        add_user("eva@example.com", "brings back")
    eva = sign_in(app.test_client(), "eva@example.com", STAFF_PASSWORD)
    assert 'name="login"' not in eva.get(f"/bin/{record_id}/").text
    eva.post(f"/bin/{record_id}/", data={"login": "ann2"})
    assert (get(app, record_id).login, is_back(app, record_id)) == ("ann", [False])


def test_of_several_those_come_back_that_can(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    ids = [deleted(app, client, name, login=login) for name, login in (("Ann", "ann"), ("Bob", "bob"), ("Cyd", "ann"))]
    client.post("/bin/restore/", data={"id": [str(one) for one in ids]})
    assert is_back(app, *ids) == [True, True, False]
    assert "Customer 3 stays in the bin: another has its Login by now." in client.get("/bin/").text


def test_the_bin_is_for_those_who_may_and_for_their_partners_customers(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    with app.app_context():
        with writing():
            db.session.add(Partner(name="Other"))
        add_user("eva@example.com", "staff")
        add_user("max@example.com", "admin", partner_id=2)
    ours, theirs = deleted(app, client, "Ann"), deleted(app, client, "Bob", partner_id=2)
    staff = sign_in(app.test_client(), "eva@example.com", STAFF_PASSWORD)
    assert staff.get("/bin/").status_code == staff.post("/bin/restore/").status_code == 403
    bound = sign_in(app.test_client(), "max@example.com", STAFF_PASSWORD)
    assert "Ann" not in bound.get("/bin/").text
    for address in (f"/bin/{ours}/", f"/bin/{ours}/erase/"):
        assert bound.get(address).status_code == 404
    bound.post("/bin/restore/", data={"id": [str(ours), str(theirs)]})
    assert is_back(app, ours, theirs) == [False, True]


CANARY = "Canary-Quetzal"


def fill_with_traces(app: Flask, client: FlaskClient, runner: FlaskCliRunner, folder: Path) -> int:
    """Make a customer who leaves traces in everything that remembers customers; return the ID."""
    with app.app_context():
        additional_field("note", "text")
        path = folder / "in.csv"
        path.write_text(f"Full name,City,Street\n{CANARY} One,Brno,{CANARY} street\nBob,Brno,x\n", "utf-8")
    answer = json.loads(runner.invoke(args=["import", str(path), "--accept-unknown", "--json"]).stdout)
    assert answer["created"] == 2
    with app.app_context():
        edit(1, login=f"{CANARY}-login".lower(), emails=[f"{CANARY}@x.cz"], passport=f"{CANARY}-P")
        edit(1, extra={"note": f"{CANARY} in a note " * 500})
        edit(1, emails=[], city=f"{CANARY} city", extra={"note": None})
    export = folder / "out.xlsx"
    runner.invoke(args=["export", str(export)])
    retyped(export, 1, {"full_name": f"{CANARY} Two"})
    with export.open("rb") as file:
        client.post("/imports/upload/", data={"file": (file, "out.xlsx")})
    with app.app_context(), writing():
        db.session.add(Event(by="x", name="seen", detail={"words": f"saw {CANARY} One"}))
        db.session.add(Export(entity="customer", by="x", through="panel", filters=[f"full_name={CANARY} One"]))
        db.session.add(SavedView(user_id=1, name="mine", query=f"search={CANARY}+One&flt_city_is=Brno"))
    start = client.post("/bulk/choose/", data={"id": "1"}).location
    client.post(f"{start}fields/", data={"how.street": "set", "street": f"{CANARY} bulk"})
    client.post(f"{start}apply/")
    with app.app_context():
        run_pending()
        edit(1, status_id=INACTIVE)
    client.post("/customers/delete/", data={"id": "1"})
    return 1


def retyped(path: Path, record_id: int, values: dict[str, str]) -> None:
    """Type values into a customer's row of an exported workbook."""
    book = openpyxl.load_workbook(path)
    sheet = book["Customers"]
    keys = [cell.value for cell in sheet[1]]
    row = next(row for row in sheet.iter_rows(min_row=3) if row[1].value == record_id)
    for key, value in values.items():
        row[keys.index(key)].value = value
    book.save(path)


def dump() -> str:
    """Return everything that the database's tables hold."""
    rows = [list(map(tuple, db.session.execute(select(table)).all())) for table in Base.metadata.sorted_tables]
    db.session.rollback()
    return repr(rows)


@pytest.mark.asvs("R40")
def test_an_erased_customer_is_nowhere(
    app: Flask, client: FlaskClient, runner: FlaskCliRunner, database: Database, tmp_path: Path
) -> None:
    sign_in(client)
    record_id = fill_with_traces(app, client, runner, tmp_path)
    with app.app_context():
        assert dump().lower().count(CANARY.lower()) > 10
    number = get(app, record_id).revision
    answer = client.post(f"/bin/{record_id}/erase/", data={"name": f"{CANARY} One"})
    assert answer.location == "/bin/"
    with app.app_context():
        assert CANARY.lower() not in dump().lower()
        numbers = db.session.scalars(select(Revision.number).where(Revision.record_id == record_id)).all()
        assert sorted(numbers) == list(range(1, number + 2))
        event = db.session.scalars(select(Event).where(Event.name == "erasure")).one()
        assert event.detail == {"customer": record_id}
        assert db.session.scalars(select(SavedView.query)).one() == "search=erased&flt_city_is=Brno"
        assert "Bob" in dump()
    one = get(app, record_id)
    assert (one.revision, one.full_name, bool(one.erased_at)) == (number + 1, "", True)
    for path in [path for path in database.instance.rglob("*") if path.is_file()]:
        assert CANARY.lower().encode() not in path.read_bytes().lower(), path
    assert "/bin/1/" not in client.get("/bin/").text


def test_an_erased_customers_login_is_never_made_again(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    record_id = deleted(app, client, login="c1")
    client.post(f"/bin/{record_id}/erase/", data={"name": str(record_id)})
    pattern(app, "c{next}")
    assert get(app, added(app, "Cyd")).login == "c2"


def test_a_workbook_that_still_has_an_erased_customer_is_told_so(
    app: Flask, client: FlaskClient, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    sign_in(client)
    record_id, other = added(app, status_id=INACTIVE), added(app, "Bob")
    workbook, typed = tmp_path / "out.xlsx", tmp_path / "typed.csv"
    runner.invoke(args=["export", str(workbook)])
    client.post("/customers/delete/", data={"id": str(record_id)})
    client.post(f"/bin/{record_id}/erase/", data={"name": "Ann Novak"})
    retyped(workbook, record_id, {"city": "Brno"})
    retyped(workbook, other, {"city": "Brno"})
    typed.write_text(f"ID,City\n{record_id},Brno\n", "utf-8")
    results = [runner.invoke(args=["import", str(path), "--dry-run", "--json"]) for path in (workbook, typed)]
    answers = [json.loads(result.stdout) for result in results]
    assert [answer["problems"][0]["message"].split(".")[0] for answer in answers] == [
        "This customer was erased for good after the export",
        "This row's customer is not there, or not yours to change",
    ]
    assert [answer["updated"] for answer in answers] == [1, 0]


@pytest.mark.parametrize("name", ["", "ann", "2", "Ann"])
def test_erasing_wants_the_name_or_the_number(app: Flask, client: FlaskClient, name: str) -> None:
    sign_in(client)
    record_id = deleted(app, client)
    answer = client.post(f"/bin/{record_id}/erase/", data={"name": name})
    assert "nothing was erased" in answer.text
    assert get(app, record_id).erased_at is None


def test_only_a_customer_in_the_bin_is_erased_and_only_by_who_may(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    alive, record_id = added(app, "Bob"), deleted(app, client)
    assert client.post(f"/bin/{alive}/erase/", data={"name": "Bob"}).status_code == 404
    with app.app_context(), writing():
        role = db.session.scalars(select(Role).where(Role.name == "admin")).one()
        role.permissions = ["customer.list", "customer.restore"]
    assert client.get(f"/bin/{record_id}/erase/").status_code == 403
    assert client.post(f"/bin/{record_id}/erase/", data={"name": "Ann Novak"}).status_code == 403
    assert "Erase" not in client.get("/bin/").text


@pytest.mark.parametrize(
    ("statement", "erased"),
    [
        ("UPDATE revision SET changes = '{}'", False),
        ("UPDATE revision SET cells = '{}'", False),
        ("UPDATE customer SET erased_at = CURRENT_TIMESTAMP, revision = revision + 1", False),
        ("UPDATE customer SET erased_at = NULL, revision = revision + 1", True),
        ("UPDATE customer SET deleted_at = NULL, revision = revision + 1", True),
    ],
)
def test_the_database_lets_erasure_alone_blank_the_log(
    app: Flask, client: FlaskClient, statement: str, erased: bool
) -> None:
    sign_in(client)
    if erased:
        client.post(f"/bin/{deleted(app, client)}/erase/", data={"name": "1"})
    else:
        added(app)
    with app.app_context(), pytest.raises(DatabaseError, match="erased"), writing() as connection:
        connection.execute(text(statement))
