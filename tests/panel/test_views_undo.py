"""Undoing by the pages: looked at, narrowed to a column, a row or a cell, done whole or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import Connection, func, select

from panel.changelog import LostRace, write_in_bulk
from panel.database import reading, writing
from panel.entities import Entity
from panel.extensions import db
from panel.imports import applying, undo_journey, undo_preview, undoing
from panel.jobs import run_pending
from panel.models import Customer, Event, Import, Job, Partner, Revision, UndoLine, User
from tests.builders import customer, edit
from tests.panel.pages import ADMIN, STAFF_PASSWORD, add_user, sign_in
from tests.panel.plans import plans
from tests.panel.test_views_imports import tabs

Bring = Callable[..., int]
SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def number(app: Flask, runner: FlaskCliRunner, tmp_path: Path, client: FlaskClient) -> int:
    """Return an applied import: two columns of two customers, and one new customer."""
    with app.app_context():
        for one in (1, 2):
            customer(f"Person {one}", city="Brno", street=f"Old {one}")
    path = tmp_path / "March.csv"
    path.write_text("ID,City,Street,Full name\n1,Zlin,New 1,Person 1\n2,Zlin,New 2,Person 2\n,Cheb,,New One\n", "utf-8")
    answer = json.loads(runner.invoke(args=["import", str(path), "--accept-unknown", "--json"]).stdout)
    assert (answer["cells_updated"], answer["created"]) == (4, 1), answer
    sign_in(client)
    return int(answer["import"])


def start(client: FlaskClient, number: int, **part: str) -> str:
    """Ask for an undoing; return the address of its preview."""
    answer = client.post("/undo/start/", data={"import": number, **part})
    assert answer.status_code == 302, answer.text
    return str(answer.location)


def cities(app: Flask) -> list[str | None]:
    with app.app_context():
        query = select(Customer.city).where(Customer.deleted_at.is_(None)).order_by(Customer.id)
        return list(db.session.scalars(query))


def state_of(app: Flask, number: int) -> str:
    with app.app_context():
        return db.session.get_one(Import, number).state


def test_the_preview_shows_what_goes_back_and_writes_nothing(app: Flask, client: FlaskClient, number: int) -> None:
    with app.app_context():
        edit(2, city="Praha")
    address = start(client, number)
    page = client.get(address).text
    assert tabs(page) == {"change": 3, "bin": 1, "kept": 1}
    assert "Undo 4 changes" in page
    assert re.search(r'class="old">Zlin</span> →\s*<span class="new">Brno<', page)
    kept = client.get(f"{address}?group=kept").text
    assert "edited since" in kept
    assert re.search(r"Praha.*system, ", kept, re.DOTALL)
    assert cities(app) == ["Zlin", "Praha", "Cheb"]


def test_what_was_looked_at_is_done_as_a_whole_and_told(app: Flask, client: FlaskClient, number: int) -> None:
    address = start(client, number)
    page = client.post(f"{address}apply/", follow_redirects=True).text
    assert "4 values were put back." in page
    assert "1 new customer was moved to the bin." in page
    assert (cities(app), state_of(app, number)) == (["Brno", "Brno"], "undone")
    with app.app_context():
        event = db.session.scalars(select(Event).where(Event.name == "import undone")).one()
        assert (event.detail["import"], event.detail["undone"], event.detail["kept"]) == (number, 5, 0)
        assert db.session.scalar(select(func.count()).select_from(UndoLine)) == 0
    assert "Undo…" not in client.get(f"/imports/{number}/").text


@pytest.mark.parametrize(
    ("form", "left"),
    [
        ({"only": "1:city"}, ["Brno", "Zlin", "Cheb"]),
        ({"only": "2:"}, ["Zlin", "Brno", "Cheb"]),
        ({"field": ["city"]}, ["Brno", "Brno", None]),
        ({"field": ["+"]}, ["Zlin", "Zlin"]),
        ({"field": ["city", "street", "+"], "customer": "1"}, ["Brno", "Zlin", "Cheb"]),
    ],
)
def test_a_cell_a_row_or_a_column_is_chosen_on_the_page(
    app: Flask, client: FlaskClient, number: int, form: dict[str, str | list[str]], left: list[str | None]
) -> None:
    address = client.post(f"{start(client, number)}narrow/", data=form).location
    client.post(f"{address}apply/")
    assert (cities(app), state_of(app, number)) == (left, "applied")
    page = client.get(f"/imports/{number}/").text
    assert "partly undone" in page
    assert "Undo…" in page


@SQLITE
def test_no_column_ticked_is_said(client: FlaskClient, number: int) -> None:
    address = client.post(f"{start(client, number)}narrow/", data={"customer": ""}).location
    assert "Tick at least one column." in client.get(address).text


def test_what_moved_since_the_look_is_shown_anew_and_nothing_is_undone(
    app: Flask, client: FlaskClient, number: int
) -> None:
    address = start(client, number)
    with app.app_context():
        edit(2, city="Praha")
    page = client.post(f"{address}apply/", follow_redirects=True).text
    assert "Somebody changed 1 of these customers after the preview (ID 2), so nothing was undone." in page
    assert tabs(page) == {"change": 3, "bin": 1, "kept": 1}
    assert (cities(app), state_of(app, number)) == (["Zlin", "Praha", "Cheb"], "applied")
    client.post(f"{address}apply/")
    assert cities(app) == ["Brno", "Praha"]


def test_who_looked_twice_has_the_rest_undone_however_busy_the_panel_is(
    app: Flask, client: FlaskClient, number: int
) -> None:
    address = start(client, number)
    with app.app_context():
        edit(2, city="Praha")
    client.post(f"{address}apply/")
    with app.app_context():
        edit(1, city="Telc")
    page = client.post(f"{address}apply/", follow_redirects=True).text
    assert (cities(app), state_of(app, number)) == (["Telc", "Praha"], "undone")
    assert "2 values were kept." in page
    with app.app_context():
        assert [one.street for one in db.session.scalars(select(Customer).order_by(Customer.id))][:2] == [
            "Old 1",
            "Old 2",
        ]


def test_what_nobody_saw_does_not_go_back_at_any_look(app: Flask, client: FlaskClient, number: int) -> None:
    address = start(client, number)
    with app.app_context():
        edit(2, city="Praha")
    client.post(f"{address}apply/")
    with app.app_context():
        edit(2, city="Zlin")  # could go back again
    page = client.post(f"{address}apply/", follow_redirects=True).text
    assert "(ID 2), so nothing was undone" in page
    assert cities(app) == ["Zlin", "Zlin", "Cheb"]


@pytest.mark.parametrize("through", ["page", "command"])
def test_who_came_too_late_once_undoes_while_nobody_else_writes(
    app: Flask,
    client: FlaskClient,
    runner: FlaskCliRunner,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
    through: str,
) -> None:
    held: list[bool] = []

    def hold_still(connection: Connection, entities: Iterable[Entity]) -> None:
        applying.hold_still(connection, entities)
        held.append(True)

    def always_late(*args: Any) -> None:
        if not held:
            raise LostRace("A customer changed a moment ago.")
        write_in_bulk(*args)

    monkeypatch.setattr(undo_journey, "hold_still", hold_still)
    monkeypatch.setattr(undoing, "write_in_bulk", always_late)
    if through == "page":
        client.post(f"{start(client, number)}apply/")
    else:
        assert runner.invoke(args=["undo", str(number)]).exit_code == 0
    assert (held, cities(app), state_of(app, number)) == ([True], ["Brno", "Brno"], "undone")


def test_an_edit_of_another_field_is_no_reason_to_look_again(app: Flask, client: FlaskClient, number: int) -> None:
    address = start(client, number)
    with app.app_context():
        edit(2, zip_code="602 00")
    client.post(f"{address}apply/")
    assert cities(app) == ["Brno", "Brno"]


def test_of_two_undoings_the_second_has_nothing_left(app: Flask, client: FlaskClient, number: int) -> None:
    both = [start(client, number), start(client, number)]
    for address in both:
        client.post(f"{address}apply/")
    page = client.get(both[1], follow_redirects=True).text
    assert "so there is nothing to undo" in page
    with app.app_context():
        undone = select(func.count()).select_from(Revision).where(Revision.undo_of == number)
        assert db.session.scalar(undone) == 3


def test_a_large_one_is_long_work_that_waits_for_a_look(
    app: Flask, client: FlaskClient, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("panel.views.undoing.AT_ONCE", 1)
    address = start(client, number)
    assert "data-progress" in client.get(address, follow_redirects=True).text
    with app.app_context():
        run_pending()
    assert tabs(client.get(address, follow_redirects=True).text) == {"change": 4, "bin": 1}
    client.post(f"{address}apply/")
    assert cities(app) == ["Zlin", "Zlin", "Cheb"]
    with app.app_context():
        run_pending()
    assert cities(app) == ["Brno", "Brno"]


def test_cancelling_forgets_it(app: Flask, client: FlaskClient, number: int) -> None:
    address = start(client, number)
    assert client.post(f"{address}discard/").location == f"/imports/{number}/"
    assert client.get(address).status_code == 404
    assert cities(app) == ["Zlin", "Zlin", "Cheb"]


@SQLITE
def test_nobody_sees_or_does_anothers_undoing(app: Flask, client: FlaskClient, number: int) -> None:
    address = start(client, number)
    with app.app_context():
        add_user("eva@example.com", "manager")
        add_user("bob@example.com", "admin")
    for email, status in (("eva@example.com", 403), ("bob@example.com", 404)):
        other = sign_in(app.test_client(), email, STAFF_PASSWORD)
        assert other.get(address).status_code == status
        assert [other.post(f"{address}{act}/").status_code for act in ("apply", "narrow", "discard")] == [status] * 3


@SQLITE
def test_somebody_of_one_partner_undoes_their_own_imports_only(app: Flask, client: FlaskClient, number: int) -> None:
    with app.app_context():
        add_user("bob@example.com", "admin")
        with writing():
            db.session.add(Partner(name="North"))
            db.session.flush()
            db.session.scalars(select(User).where(User.email == "bob@example.com")).one().partner_id = 2
    bob = sign_in(app.test_client(), "bob@example.com", STAFF_PASSWORD)
    assert bob.post("/undo/start/", data={"import": number}).status_code == 404


@SQLITE
def test_who_may_no_longer_undo_has_nothing_done(app: Flask, client: FlaskClient, number: int) -> None:
    address = start(client, number)
    with app.app_context(), writing() as connection:
        job = db.session.scalars(select(Job).where(Job.kind == undo_preview.UNDO)).one()
        undo_preview.approve_undo(job.id)
        connection.execute(User.__table__.update().where(User.email == ADMIN).values(active=False))
    with app.app_context():
        run_pending()
    assert cities(app) == ["Zlin", "Zlin", "Cheb"]
    assert client.get(address).status_code == 302


@SQLITE
def test_a_page_of_many_thousand_lines_is_found_by_its_place(app: Flask, client: FlaskClient, number: int) -> None:
    address = start(client, number)
    job_id = int(address.rstrip("/").rpartition("/")[2])
    many = 100_000
    with app.app_context(), writing() as connection:
        connection.execute(UndoLine.__table__.delete())
        line = {"job_id": job_id, "group": "change", "at": "CSV!C2", "record_id": 1, "field": "city", "panel": "Zlin"}
        line |= {"before": "Brno", "message": "", "by": "", "since": None}
        connection.execute(UndoLine.__table__.insert(), [{**line, "number": at} for at in range(1, many + 1)])
        job = db.session.get_one(Job, job_id)
        job.result = {**job.result, "groups": {"change": many}, "count": many}
    with app.app_context(), reading() as connection, plans(connection) as found:
        for page in (0, 500, 999):
            assert client.get(f"{address}?page={page}").text.count("Only this cell") == 100
    asked = [plan for plan in found if "undo_line" in plan]
    assert len(asked) >= 3
    assert not [plan for plan in asked if "SCAN undo_line" in plan]


def test_a_cell_and_a_row_are_undone_from_a_customers_history(app: Flask, client: FlaskClient, number: int) -> None:
    page = client.get("/customers/details/?id=1").text
    assert page.count("Undo cell…") == 2
    assert page.count("Undo row…") == 1
    address = start(client, number, customer="1", field="street")
    assert tabs(client.get(address).text) == {"change": 1}
    client.post(f"{address}apply/")
    with app.app_context():
        one = db.session.get_one(Customer, 1)
        assert (one.street, one.city) == ("Old 1", "Zlin")


@SQLITE
def test_a_customers_page_says_who_uploaded_and_who_approved_each_value(
    app: Flask, client: FlaskClient, number: int
) -> None:
    with app.app_context(), writing():
        db.session.get_one(Import, number).by = "Eva"
    page = client.get("/customers/details/?id=1").text
    cell = r"<a class=\"nowrap\" href=\"[^\"]+\">CSV!B2</a>"
    words = rf"Set by Eva\s*·.*?March\.csv</a>\s*,\s*{cell}\s*, approved by command line"
    assert re.search(words, page, re.DOTALL)
    assert "<strong>Eva</strong> changed 2 fields" in page
    assert "changed 2 fields" in client.get("/customers/details/?id=1&by=Eva").text
    client.post(f"{start(client, number, customer='1', field='city')}apply/")
    page = client.get("/customers/details/?id=1").text
    assert re.search(r"Set by Admin\s*·.*?by undoing an import ·\s*<a[^>]*>March\.csv", page, re.DOTALL)
