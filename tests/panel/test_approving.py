"""From a look to the log: what was approved is what is written, by two where so set, and the uploader is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import func, select

from panel import mail
from panel.extensions import db
from panel.imports import together, waiting
from panel.jobs import run_pending
from panel.models import Customer, Import, ImportItem, Job, Revision, User
from tests.builders import customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in
from tests.panel.test_views_imports import add_row, exported, tabs, uploaded, write
from tests.sheets import change, read_keys

MANY = 12


@pytest.fixture
def three(app: Flask) -> None:
    with app.app_context():
        for name in ("Ann", "Bob", "Cyd"):
            customer(name, city="Brno", street="Long 1")


def cities(app: Flask) -> list[str | None]:
    with app.app_context():
        return list(db.session.scalars(select(Customer.city).order_by(Customer.id)))


def moved(app: Flask) -> list[tuple[Any, ...]]:
    with app.app_context():
        rows = db.session.scalars(select(ImportItem).where(ImportItem.group == "moved").order_by(ImportItem.number))
        return [(one.record_id, one.field, one.base, one.panel, one.workbook, one.outcome) for one in rows]


def applied(client: FlaskClient, address: str, **data: Any) -> str:
    return client.post(f"{address}apply/", data=data, follow_redirects=True).text


@pytest.mark.asvs("R19")
@pytest.mark.usefixtures("three")
def test_what_moved_since_the_look_is_shown_and_all_else_is_as_it_was_left(app: Flask, client: FlaskClient) -> None:
    book = exported(sign_in(client))
    for number, city in enumerate(("Zlin", "Tabor", "Cheb"), 1):
        write(book, number, "city", city)
    address = uploaded(client, book)
    client.post(f"{address}choose/", data={"group": "change", "row": "5:panel"})
    with app.app_context():
        edit(2, city="Plzen")
    page = applied(client, address)
    assert "Something changed since this plan was made, so nothing was written." in page
    assert cities(app) == ["Brno", "Plzen", "Brno"]
    assert moved(app) == [(2, "city", "Brno", "Plzen", "Tabor", "conflict")]
    assert tabs(page) == {"moved": 1, "conflict": 1, "change": 2}
    assert ", today " in client.get(f"{address}?group=moved").text
    client.post(f"{address}choose/", data={"group": "conflict", "all": "workbook"})
    assert tabs(client.get(address).text)["moved"] == 1
    applied(client, address)
    assert cities(app) == ["Zlin", "Tabor", "Brno"]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("meanwhile", [{"street": "Short 2"}, {"phones": ["603111222"]}])
def test_a_write_that_nobody_approved_anything_about_holds_up_nothing(
    app: Flask, client: FlaskClient, meanwhile: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    book = exported(sign_in(client))
    write(book, 1, "city", "Zlin")
    address = uploaded(client, book)
    plan = together.plan_again

    def slow(*arguments: Any) -> Any:
        planned = plan(*arguments)
        monkeypatch.setattr(together, "plan_again", plan)
        edit(1, **meanwhile)  # between the plan and the write
        return planned

    monkeypatch.setattr(together, "plan_again", slow)
    assert "The import was applied." in applied(client, address)
    with app.app_context():
        one = db.session.get_one(Customer, 1)
        assert (one.city, one.revision) == ("Zlin", 3)
        assert {name: getattr(one, name) for name in meanwhile} == meanwhile


@pytest.mark.usefixtures("three")
def test_a_large_plan_that_moved_before_its_job_ran_is_not_applied(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = exported(sign_in(client))
    write(book, 1, "city", "Zlin")
    write(book, 2, "city", "Tabor")
    address = uploaded(client, book)
    monkeypatch.setattr(waiting, "SMALL_ROWS", 0)
    applied(client, address)
    with app.app_context():
        edit(2, city="Plzen")
        run_pending()
    page = client.get(address).text
    assert "Something changed since this plan was made, so nothing was written." in page
    assert tabs(page) == {"moved": 1, "conflict": 1, "change": 1}
    client.post(f"{address}choose/", data={"group": "conflict", "all": "panel"})
    with app.app_context():
        run_pending()
    assert "Something changed since" not in client.get(address).text
    applied(client, address)
    with app.app_context():
        run_pending()
    assert cities(app) == ["Zlin", "Plzen", "Brno"]


@pytest.mark.usefixtures("three")
def test_a_plan_that_somebody_else_chose_otherwise_in_is_not_the_one_approved(app: Flask, client: FlaskClient) -> None:
    book = exported(sign_in(client))
    write(book, 1, "city", "Zlin")
    write(book, 2, "city", "Zlin")
    address = uploaded(client, book)
    with app.app_context():
        seen = db.session.scalars(select(Import.fingerprint)).one()
    client.post(f"{address}choose/", data={"group": "change", "row": "3:panel"})
    assert "Somebody chose otherwise while you were looking" in applied(client, address, fingerprint=seen)
    assert cities(app) == ["Brno"] * 3


@pytest.mark.asvs("R21")
@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("large", [False, True])
def test_ten_requests_at_once_apply_once_and_nine_are_told(
    app: Flask, client: FlaskClient, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(waiting, "SMALL_ROWS", 0)
    book = exported(sign_in(client))
    write(book, 1, "city", "Zlin")
    add_row(book, full_name="New One")
    address = uploaded(client, book)
    visitors = [sign_in(app.test_client()) for _ in range(10)]
    barrier = Barrier(len(visitors))

    def press(visitor: FlaskClient) -> str:
        barrier.wait()
        return applied(visitor, address)

    with ThreadPoolExecutor(len(visitors)) as threads:
        pages = list(threads.map(press, visitors))
    with app.app_context():
        run_pending()
        assert db.session.scalar(select(func.count()).select_from(Revision).where(Revision.import_id == 1)) == 2
        assert db.session.scalars(select(Job.kind).where(Job.kind == "apply")).all() == (["apply"] if large else [])
    words = "is applying this import" if large else "applied this import already"
    told = sum(words in page or "Somebody else was writing" in page for page in pages)
    assert told == len(pages) - 1


@pytest.fixture
def twelve(app: Flask) -> None:
    with app.app_context():
        for number in range(MANY):
            customer(f"P{number}", city=f"City {number}")
        add_user("eva@example.com", "admin")
        add_user("jan@example.com", "manager")
    app.config.update(ROLLBOOK_SECOND_ADMIN="guards")


@pytest.fixture
def eva(app: Flask) -> Callable[[], FlaskClient]:
    return lambda: sign_in(app.test_client(), "eva@example.com", STAFF_PASSWORD)


def guarded(client: FlaskClient) -> str:
    """Upload a workbook that gives everybody one city."""
    book = exported(client)
    for number in range(1, MANY + 1):
        write(book, number, "city", "Praha")
    return uploaded(client, book)


@pytest.mark.asvs("R22")
@pytest.mark.usefixtures("twelve")
def test_r22_one_admin_confirms_and_another_applies(
    app: Flask, client: FlaskClient, eva: Callable[[], FlaskClient]
) -> None:
    address = guarded(sign_in(client))
    before = cities(app)
    assert "Confirm 12 changes" in client.get(address).text
    assert "type 12." in applied(client, address)
    assert "Another admin has to look at it now" in applied(client, address, confirm="12")
    for numbers in ({}, {"confirm": "12"}):
        assert "You confirmed this yourself." in applied(client, address, **numbers)
    assert cities(app) == before
    page = eva().get(address).text
    assert "Admin confirmed this." in page
    assert "To apply it all the same" not in page
    applied(eva(), address)
    assert cities(app) == ["Praha"] * MANY


@pytest.mark.asvs("R22")
@pytest.mark.usefixtures("twelve")
def test_r22_a_confirmation_is_void_when_the_plan_moves(
    app: Flask, client: FlaskClient, eva: Callable[[], FlaskClient]
) -> None:
    address = guarded(sign_in(client))
    applied(client, address, confirm="12")
    other = eva()
    other.post(f"{address}choose/", data={"group": "change", "row": "3:panel"})
    assert "type 11." in applied(other, address)
    assert "Another admin has to look at it now" in applied(other, address, confirm="11")
    with app.app_context():
        edit(5, city="Moved")
    assert "Something changed since" in applied(client, address)
    with app.app_context():
        assert db.session.scalars(select(Import.confirmed_by)).one() == ""
    assert "Praha" not in cities(app)


@pytest.mark.asvs("R22")
@pytest.mark.usefixtures("twelve")
def test_r22_a_command_applies_nothing_that_two_have_to_approve(
    app: Flask, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    out = tmp_path / "out.xlsx"
    runner.invoke(args=["export", str(out)])
    cells = {f"{read_keys(out)['city']}{row}": "Praha" for row in range(3, MANY + 3)}
    back = change(out, tmp_path / "back.xlsx", cells)
    before = cities(app)
    result = runner.invoke(args=["import", str(back), "--json", "--confirm", "12"])
    assert (result.exit_code, json.loads(result.stdout)["applied"], cities(app)) == (1, False, before)
    assert "one admin confirms it there, and another one applies it" in result.stderr
    app.config.update(ROLLBOOK_SECOND_ADMIN="")
    assert runner.invoke(args=["import", str(back), "--json", "--confirm", "12"]).exit_code == 0


@pytest.mark.asvs("R22")
@pytest.mark.usefixtures("twelve")
@pytest.mark.parametrize(("setting", "asked"), [("passwords", True), ("guards, passwords", True), ("guards", False)])
def test_r22_passwords_want_two_where_so_set(app: Flask, client: FlaskClient, setting: str, asked: bool) -> None:
    app.config.update(ROLLBOOK_SECOND_ADMIN=setting)
    address = uploaded(sign_in(client), "ID,Password\n1,correct horse\n", "secrets.csv", mapping="Password = password")
    client.post(f"{address}choose/", data={"group": "unknown", "all": "workbook"})
    assert ("Confirm 1 change" in client.get(address).text) is asked
    assert ("Another admin has to look at it now" in applied(client, address)) is asked


@pytest.mark.usefixtures("twelve")
def test_a_managers_upload_waits_in_the_admins_inbox_and_the_manager_is_told(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.config.update(ROLLBOOK_MAIL_HOST="mail.example.com", ROLLBOOK_ADDRESS="https://panel.example.com")
    mails: list[tuple[str, str, str]] = []
    monkeypatch.setattr("panel.imports.telling.mail", lambda *one: mails.append(one))
    jan = sign_in(app.test_client(), "jan@example.com", STAFF_PASSWORD)
    book = exported(jan)
    write(book, 1, "city", "Zlin")
    write(book, 2, "city", "Tabor")
    write(book, 3, "city", "Cheb")
    address = uploaded(jan, book)
    assert "Waiting for review" not in jan.get("/imports/").text
    admin = sign_in(client)
    inbox = admin.get("/imports/").text
    assert "Waiting for review" in inbox
    assert "jan@example.com" in inbox
    admin.post(f"{address}choose/", data={"group": "change", "row": "5:panel"})
    assert "Zlin" not in jan.get("/").text
    applied(admin, address)
    words = "Applied by Admin: 2 cells changed, 1 rejected."
    for page in ("/", "/customers/", "/imports/"):
        assert words in jan.get(page).text
    assert "March.xlsx</strong>" not in admin.get("/").text
    assert [(to, words in text, f"https://panel.example.com{address}" in text) for to, _subject, text in mails] == [
        ("jan@example.com", True, True)
    ]
    jan.get("/")
    assert admin.post("/imports/told/", data={"id": "1"}).status_code == 302
    assert words in jan.get("/").text
    assert jan.post("/imports/told/", data={"id": "1"}).location == address
    assert words not in jan.get("/").text
    assert words in jan.get("/imports/").text


@pytest.mark.usefixtures("twelve")
def test_a_discard_says_why(app: Flask, client: FlaskClient) -> None:
    jan = sign_in(app.test_client(), "jan@example.com", STAFF_PASSWORD)
    book = exported(jan)
    write(book, 1, "city", "Zlin")
    address = uploaded(jan, book, "April.xlsx")
    sign_in(client).post(f"{address}discard/", data={"reason": "Wrong month <b>"})
    page = jan.get("/").text
    assert "Discarded by Admin: Wrong month &lt;b&gt;" in page
    assert "Wrong month" in jan.get("/imports/").text
    assert "Wrong month" not in client.get("/").text


def test_nobody_is_mailed_where_no_mail_is_set_up(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "_deliver", lambda *_arguments: pytest.fail("mailed"))
    with app.app_context():
        customer("Ann", city="Brno")
        add_user("jan@example.com", "manager")
        assert db.session.scalars(select(User)).all()
    jan = sign_in(app.test_client(), "jan@example.com", STAFF_PASSWORD)
    book = exported(jan)
    write(book, 1, "city", "Zlin")
    address = uploaded(jan, book)
    applied(sign_in(client), address)
    assert cities(app) == ["Zlin"]
