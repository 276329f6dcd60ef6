"""The page of several workbooks: made by an upload or of what waits, decided between people, applied as a whole."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.extensions import db
from panel.imports import journey, waiting
from panel.jobs import run_pending
from panel.models import Customer, Import, Partner
from tests.builders import customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in
from tests.panel.test_views_imports import exported, write
from tests.sheets import change, read_keys

NAMES = ("Ann", "Bob", "Cyd")


@pytest.fixture
def everybody(app: Flask) -> None:
    with app.app_context():
        for name in NAMES:
            customer(name, city="Brno", street="Long 1")


def books(client: FlaskClient, folder: Path, *edits: dict[int, str]) -> list[Path]:
    """Return copies of one workbook in which somebody changed the cities of customers, by their IDs."""
    exported(client).save(out := folder / "out.xlsx")
    column = read_keys(out)["city"]
    return [
        change(out, folder / f"{number}.xlsx", {f"{column}{one + 2}": city for one, city in cities.items()})
        for number, cities in enumerate(edits, 1)
    ]


def upload(client: FlaskClient, *files: Path) -> str:
    """Upload files in one go, and return where the page leads to."""
    some = [(io.BytesIO(file.read_bytes()), file.name) for file in files]
    return str(client.post("/imports/upload/", data={"file": some}).location)


def cities(app: Flask) -> list[str | None]:
    with app.app_context():
        return list(db.session.scalars(select(Customer.city).order_by(Customer.id)))


def states(app: Flask) -> list[tuple[str, bool]]:
    """Return the state of each import, and if it is together with others."""
    with app.app_context():
        return [(state, batch is not None) for state, batch in db.session.execute(BATCHES)]


BATCHES = select(Import.state, Import.batch).order_by(Import.id)


def work(app: Flask) -> None:
    with app.app_context():
        run_pending()


def choose(client: FlaskClient, address: str, choice: str) -> str:
    """Press a button of the page, whichever line it is of where it is of one."""
    page = client.get(address).text
    line = next(iter(re.findall(r'name="at\.([\d.]+)" value="([^"]+)"', page)), ("", ""))
    data = {"choice": choice.replace("one", line[0]), f"at.{line[0]}": line[1]}
    return client.post(f"{address}choose/", data=data, follow_redirects=True).text


def apply(client: FlaskClient, address: str, **typed: str) -> str:
    seen = dict(re.findall(r'name="(fingerprint-\d+)" value="([^"]*)"', client.get(address).text))
    return client.post(f"{address}apply/", data=seen | typed, follow_redirects=True).text


@pytest.mark.usefixtures("everybody")
def test_files_of_one_upload_are_looked_at_on_one_page_and_applied_together(
    app: Flask, client: FlaskClient, tmp_path: Path
) -> None:
    files = books(sign_in(client), tmp_path, {1: "Zlin", 2: "Tabor"}, {1: "Cheb", 3: "Most"}, {2: "Telc"})
    address = upload(client, *files)
    work(app)
    page = client.get(address).text
    assert "3 workbooks together" in page
    assert "Where the files differ · 2</h2>" in page
    assert "The files differ in cells that nobody decided about yet." in page
    assert "Some cells wait for a decision." in apply(client, address)
    assert "The files differ in cells" in choose(client, address, "one:workbook")
    assert "The files differ in cells" not in choose(client, address, "one:panel")
    assert cities(app) == ["Brno"] * 3
    assert "All 3 workbooks were applied." in apply(client, address)
    assert (cities(app), states(app)) == (["Cheb", "Tabor", "Most"], [("applied", True)] * 3)
    assert "were looked at and applied together" in client.get(address).text


@pytest.mark.usefixtures("everybody")
def test_what_several_people_uploaded_is_looked_at_together_and_each_is_told(
    app: Flask, client: FlaskClient, tmp_path: Path
) -> None:
    files = books(sign_in(client), tmp_path, {1: "Zlin"}, {1: "Cheb"})
    with app.app_context():
        for name in ("petr@example.com", "jana@example.com"):
            add_user(name, "manager")
    people = [sign_in(app.test_client(), name, STAFF_PASSWORD) for name in ("petr@example.com", "jana@example.com")]
    for person, file in zip(people, files, strict=True):
        upload(person, file)
    inbox = re.findall(r'name="import"\s+value="(\d+)"', client.get("/imports/").text)
    assert sorted(inbox) == ["1", "2"]
    address = str(client.post("/together/", data={"import": inbox}).location)
    assert re.findall(r'class="when">(\w+)@example.com, (\d).xlsx', client.get(address).text) == [
        ("petr", "1"),
        ("jana", "2"),
    ]
    preview = client.get("/imports/2/?group=conflict").text
    assert "in 1.xlsx, by petr@example.com" in preview
    assert "All workbooks together" in preview
    assert people[0].post(f"{address}apply/").status_code == 403
    choose(client, address, "all:workbook")
    apply(client, address)
    assert cities(app)[0] == "Cheb"
    assert all("Applied by" in person.get("/imports/").text for person in people)


@pytest.mark.asvs("R19")
@pytest.mark.usefixtures("everybody")
@pytest.mark.parametrize("rows", [1_000, 0])
def test_what_moved_meanwhile_holds_up_all_files_until_somebody_looked(
    app: Flask, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(waiting, "SMALL_ROWS", rows)
    address = upload(client, *books(sign_in(client), tmp_path, {1: "Zlin"}, {2: "Cheb"}))
    work(app)
    with app.app_context():
        edit(2, city="Plzen")
    told = apply(client, address)
    work(app)
    assert "Something changed since this plan was made" in told + client.get(address).text
    assert (cities(app), states(app)) == (["Brno", "Plzen", "Brno"], [("planned", True)] * 2)
    client.post("/imports/2/choose/", data={"group": "conflict", "all": "workbook"})
    work(app)
    apply(client, address)
    work(app)
    assert (cities(app), states(app)) == (["Zlin", "Cheb", "Brno"], [("applied", True)] * 2)


@pytest.mark.usefixtures("everybody")
def test_a_file_that_is_taken_out_or_discarded_leaves_the_others_as_if_it_never_was_there(
    app: Flask, client: FlaskClient, tmp_path: Path
) -> None:
    files = books(sign_in(client), tmp_path, {1: "Zlin"}, {1: "Cheb"}, {1: "Most"}, {2: "Tabor"})
    address = upload(client, *files)
    work(app)
    client.post(f"{address}take-out/", data={"import": "1"})
    client.post("/imports/2/discard/")
    work(app)
    assert states(app) == [("planned", False), ("rejected", False), ("planned", True), ("planned", True)]
    assert "The files differ" not in client.get(address).text
    assert client.post(f"{address}take-out/", data={"import": "1"}).status_code == 404
    apply(client, address)
    assert cities(app) == ["Most", "Tabor", "Brno"]
    assert "Something changed since this plan was made" in apply(client, "/imports/1/")


@pytest.mark.usefixtures("everybody")
def test_a_file_that_cannot_be_read_is_named_among_the_others_and_holds_up_none(
    app: Flask, client: FlaskClient, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK nothing of the kind")
    address = upload(client, *books(sign_in(client), tmp_path, {1: "Zlin"}, {1: "Most", 2: "Cheb"}), broken)
    work(app)
    page = client.get(address).text
    assert "broken.xlsx" in page
    assert "Could not be read" in page
    choose(client, address, "all:workbook")
    apply(client, address)
    assert (cities(app), states(app)[2][0]) == (["Most", "Cheb", "Brno"], "failed")


@pytest.mark.asvs("R22")
def test_r22_numbers_are_typed_for_each_file_and_two_admins_approve_a_batch(
    app: Flask, client: FlaskClient, tmp_path: Path
) -> None:
    with app.app_context():
        for number in range(24):
            customer(f"P{number}", city=f"City {number}")
        add_user("eva@example.com", "admin")
    app.config.update(ROLLBOOK_SECOND_ADMIN="guards")
    halves = [dict.fromkeys(range(first, first + 12), name) for first, name in ((1, "Zlin"), (13, "Cheb"))]
    address = upload(client, *books(sign_in(client), tmp_path, *halves))
    work(app)
    before = cities(app)
    assert "type 12." in apply(client, address)
    assert "type 12." in apply(client, address, **{"confirm-1": "12"})
    typed = {"confirm-1": "12", "confirm-2": "12"}
    assert "Another admin has to look at it now" in apply(client, address, **typed)
    assert "Another admin has to look at it" in apply(client, address, **typed)
    assert cities(app) == before
    assert "All 2 workbooks were applied." in apply(
        sign_in(app.test_client(), "eva@example.com", STAFF_PASSWORD), address
    )
    assert cities(app) == ["Zlin"] * 12 + ["Cheb"] * 12


@pytest.mark.usefixtures("everybody")
def test_approval_is_of_the_files_and_plans_that_were_on_screen(
    app: Flask, client: FlaskClient, tmp_path: Path
) -> None:
    files = books(sign_in(client), tmp_path, {1: "Zlin"}, {2: "Cheb"}, {3: "Most"})
    address = upload(client, *files[:2])
    work(app)
    with app.app_context():
        seen = {f"fingerprint-{one.id}": one.fingerprint for one in db.session.scalars(select(Import))}
    client.post("/imports/2/choose/", data={"group": "change", "all": "panel"})
    assert "Somebody chose otherwise while you were looking" in apply(client, address, **seen)
    # One file of several is never applied by itself.
    client.post("/imports/1/apply/")
    assert cities(app) == ["Brno"] * 3
    upload(client, files[2])
    third = str(client.post("/together/", data={"import": ["2", "3"]}).location)
    assert (client.get(address).status_code, client.get(third).text.count("Take out</button>")) == (404, 3)
    apply(client, third)
    assert cities(app) == ["Zlin", "Brno", "Most"]


@pytest.mark.usefixtures("everybody")
def test_who_is_bound_to_a_partner_sees_no_batch_of_others(app: Flask, client: FlaskClient, tmp_path: Path) -> None:
    address = upload(client, *books(sign_in(client), tmp_path, {1: "Zlin"}, {2: "Cheb"}))
    with app.app_context():
        add_user("jan@example.com", "manager", 1)
    bound = sign_in(app.test_client(), "jan@example.com", STAFF_PASSWORD)
    asked = (f"{address}choose/", f"{address}take-out/", f"{address}apply/")
    assert [bound.get(address).status_code, *(bound.post(one, data={"import": "1"}).status_code for one in asked)] == [
        404
    ] * 4
    assert bound.post("/together/", data={"import": ["1", "2"]}).status_code == 404


@pytest.mark.usefixtures("everybody")
def test_workbooks_that_went_out_by_the_same_name_and_are_not_back_are_listed(
    app: Flask, client: FlaskClient, tmp_path: Path
) -> None:
    sign_in(client)
    slices = [exported(client, name="March", note="") for _ in range(3)]
    for number, book in enumerate(slices[:2], 1):
        write(book, number, "city", "Zlin")
        book.save(tmp_path / f"{number}.xlsx")
    address = upload(client, tmp_path / "1.xlsx", tmp_path / "2.xlsx")
    work(app)
    page = client.get(address).text
    assert "1 of 3 workbooks that went out by this name are not back yet:" in page
    apply(client, address)
    assert cities(app) == ["Zlin", "Zlin", "Brno"]


@pytest.mark.usefixtures("everybody")
def test_whoever_chooses_in_one_file_narrows_and_answers_for_no_other(
    app: Flask, client: FlaskClient, tmp_path: Path
) -> None:
    with app.app_context():
        db.session.add(Partner(name="Second"))
        db.session.commit()
        customer("Dan", city="Brno", partner_id=2)
        for name, partner in (("petr@example.com", None), ("jan@example.com", 2)):
            add_user(name, "manager", partner)
    files = books(sign_in(client), tmp_path, {1: "Zlin"}, {4: "Cheb"})
    people = [sign_in(app.test_client(), name, STAFF_PASSWORD) for name in ("petr@example.com", "jan@example.com")]
    for person, file in zip(people, files, strict=True):
        upload(person, file)
    address = str(client.post("/together/", data={"import": ["1", "2"]}).location)
    client.post("/imports/1/choose/", data={"group": "change", "all": "panel"})
    people[1].post("/imports/2/choose/", data={"group": "change", "all": "workbook"})
    with app.app_context():
        counts = [one.counts for one in db.session.scalars(select(Import).order_by(Import.id))]
        assert counts[0]["problems"] == 0
        assert [one["cells_updated"] for one in counts] == [0, 1]
    client.post("/imports/2/options/", data={"_only": "options", "skip_problems": "1"})
    apply(client, address)
    assert cities(app) == ["Brno", "Brno", "Brno", "Cheb"]


@pytest.mark.usefixtures("everybody")
def test_a_choice_made_while_another_is_planned_with_is_kept(
    app: Flask, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = upload(client, *books(sign_in(client), tmp_path, {1: "Zlin"}, {2: "Cheb"}))
    work(app)
    other, plan = sign_in(app.test_client()), journey.plan_together

    def slow(*arguments: Any) -> Any:
        found = plan(*arguments)
        monkeypatch.setattr(journey, "plan_together", plan)
        other.post("/imports/2/choose/", data={"group": "change", "all": "panel"})
        return found

    monkeypatch.setattr(journey, "plan_together", slow)
    client.post("/imports/1/choose/", data={"group": "change", "all": "panel"})
    with app.app_context():
        assert [one.counts["cells_updated"] for one in db.session.scalars(select(Import))] == [0, 0]
    assert "Apply" in client.get(address).text


@pytest.mark.usefixtures("everybody")
def test_a_file_is_taken_out_while_its_plan_waits_and_the_others_are_planned_without_it(
    app: Flask, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SMALL_ROWS", 0)
    address = upload(client, *books(sign_in(client), tmp_path, {1: "Zlin"}, {1: "Cheb"}, {2: "Most"}))
    work(app)
    choose(client, address, "all:workbook")
    client.post(f"{address}take-out/", data={"import": "1"})
    work(app)
    assert "Where the files differ" not in client.get(address).text
    apply(client, address)
    work(app)
    assert cities(app) == ["Cheb", "Most", "Brno"]
