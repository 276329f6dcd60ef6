"""Statuses: their order and colours, and merging one into another while workbooks are out."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from panel import merging, statuses
from panel.authors import COMMAND_LINE
from panel.database import writing
from panel.exporting import export_workbook
from panel.extensions import db
from panel.imports.at_once import import_at_once
from panel.imports.options import ImportOptions, Viewer
from panel.jobs import run_pending
from panel.models import Customer, PlannedStatus, Revision, Status
from panel.models.columns import now
from panel.statuses import PALETTE, effects_in_words, merge_or_enqueue
from panel.words import today
from tests.builders import customer
from tests.panel.pages import add_user, options_of, sign_in
from tests.sheets import change, read_keys

SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
ME = Viewer("command line", "command")
NEW, ACTIVE, BLOCKED, INACTIVE = 1, 2, 3, 4


def order() -> list[str]:
    return [one.label for one in statuses.statuses_in_use()]


def merged(source: int = BLOCKED, target: int = ACTIVE) -> None:
    assert merge_or_enqueue(source, target, COMMAND_LINE) is None


def taken(file: Path, **options: object) -> dict[str, int]:
    planned, _id = import_at_once(file, ImportOptions(**options), ME, dry_run=False)  # type: ignore[arg-type]
    return {"changed": len(planned.plan.updates), "problems": len(planned.plan.problems)}


def status_of(record_id: int) -> int:
    return db.session.execute(select(Customer.status_id).where(Customer.id == record_id)).scalar_one()


# The list


@pytest.mark.parametrize("data", [{"ids": "4,2,1,3"}, {"ids": "4,2,1"}, {"ids": "4,4,2,1,99,x"}])
def test_the_order_that_was_dragged_is_the_order_of_choices(
    app: Flask, client: FlaskClient, data: dict[str, str]
) -> None:
    with app.app_context():
        customer()
    assert sign_in(client).post("/statuses/order/", data=data).status_code == 204
    labels = ["Inactive", "Active", "New", "Blocked"]
    with app.app_context():
        assert order() == labels
    assert options_of(client.get("/customers/edit/?id=1").text, "status") == labels


@SQLITE
def test_a_status_moves_by_its_buttons_and_stays_at_the_ends(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    for status_id, to in ((BLOCKED, "up"), (NEW, "up"), (INACTIVE, "down")):
        assert client.post("/statuses/move/", data={"id": status_id, "to": to}).status_code == 302
    with app.app_context():
        assert order() == ["New", "Blocked", "Active", "Inactive"]


@SQLITE
def test_each_status_says_what_follows_and_links_to_those_who_have_it(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer(status_id=ACTIVE)
        customer(status_id=ACTIVE, deleted_at=now())
    page = sign_in(client).get("/statuses/").text
    assert "Services run, and the billing accounts for them. Customers cannot be deleted." in page
    assert f'<a href="/customers/?flt_status_is={ACTIVE}">1 customer</a>' in page
    assert "and 1 in the bin" in page


@SQLITE
@pytest.mark.parametrize("address", ["/statuses/order/", "/statuses/move/", "/statuses/merge/"])
def test_only_those_who_configure_order_and_merge(app: Flask, client: FlaskClient, address: str) -> None:
    with app.app_context():
        add_user("eva@example.com", "manager")
    sign_in(client, "eva@example.com", "four words and a comma")
    assert client.post(address, data={"ids": "4,3,2,1", "id": BLOCKED, "into": ACTIVE, "to": "up"}).status_code == 403
    with app.app_context():
        assert order() == ["New", "Active", "Blocked", "Inactive"]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("page", ["#ffffff", "#262626"])
@pytest.mark.parametrize("colour", [colour for _name, colour in PALETTE])
def test_a_named_colour_stands_out_on_both_pages(colour: str, page: str) -> None:
    darker, lighter = sorted((luminance(colour), luminance(page)))
    assert (lighter + 0.05) / (darker + 0.05) >= 3


def test_every_combination_of_effects_has_words_of_its_own() -> None:
    assert len(set(statuses.all_effects().values())) == 12
    assert effects_in_words("stopped", False, True) == (
        "There are no services, and nothing is charged. Customers may be deleted."
    )


# Merging


def test_a_merge_moves_everybody_with_a_revision_and_takes_the_choice_away(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        there, binned = customer(status_id=BLOCKED), customer(status_id=BLOCKED, deleted_at=now())
        other = customer(status_id=NEW)
        plan = {"customer_id": other, "status_id": BLOCKED, "day": today(), "at": now(), "by": "Eva", "message": ""}
        with writing() as connection:
            connection.execute(insert(PlannedStatus).values(**plan))
    page = sign_in(client).get(f"/statuses/merge/?id={BLOCKED}&into={ACTIVE}").text
    for words in ("1 customer,", "and 1 in the bin,", "1 planned change", "From then on: Services run,"):
        assert words in page
    client.post("/statuses/merge/", data={"id": BLOCKED, "into": ACTIVE})
    with app.app_context():
        assert [status_of(one) for one in (there, binned, other)] == [ACTIVE, ACTIVE, NEW]
        last = db.session.scalars(select(Revision).where(Revision.record_id == there, Revision.number == 2)).one()
        assert (last.changes, last.by, last.through) == ({"status": [BLOCKED, ACTIVE]}, "Admin", "panel")
        assert last.reason == "Blocked was merged into Active."
        assert db.session.scalars(select(PlannedStatus.status_id)).all() == [ACTIVE]
        assert order() == ["New", "Active", "Inactive"]
    assert options_of(client.get(f"/customers/edit/?id={there}").text, "status") == ["New", "Active", "Inactive"]
    assert "Blocked" in client.get(f"/customers/details/?id={there}").text
    assert ">Ann Novak</a>" in client.get(f"/customers/?flt_status_is={BLOCKED}").text
    assert client.get(f"/statuses/edit/?id={BLOCKED}").status_code == 404


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        (NEW, ACTIVE, "is the status of new customers"),
        (ACTIVE, ACTIVE, "Choose another status"),
        (BLOCKED, 99, "not there any more"),
    ],
)
@SQLITE
def test_a_merge_that_makes_no_sense_is_refused(
    app: Flask, client: FlaskClient, source: int, target: int, words: str
) -> None:
    answer = sign_in(client).post("/statuses/merge/", data={"id": source, "into": target}, follow_redirects=True)
    assert words in answer.text
    with app.app_context():
        assert len(order()) == 4


def test_a_workbook_that_is_out_means_the_merged_status(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        for status_id in (BLOCKED, BLOCKED, ACTIVE, NEW):
            customer(status_id=status_id, city="Brno")
        out = tmp_path / "out.xlsx"
        export_workbook(out, fields=None, where=(), viewer=ME)
        merged()
        assert taken(out) == {"changed": 0, "problems": 0}
        letters = read_keys(out)
        status, city = letters["status"], letters["city"]
        # Row 3 another column, 4 another status, 5 the old name of its own status, 6 the old name as an edit.
        cells = {f"{city}3": "Zlin", f"{status}4": "Inactive", f"{status}5": "Blocked", f"{status}6": "Blocked"}
        assert taken(change(out, tmp_path / "back.xlsx", cells)) == {"changed": 3, "problems": 0}
        assert [status_of(one) for one in (1, 2, 3, 4)] == [ACTIVE, INACTIVE, ACTIVE, ACTIVE]
        assert db.session.execute(select(Customer.city).where(Customer.id == 1)).scalar_one() == "Zlin"


def test_a_status_renamed_while_a_workbook_is_out_changes_nothing(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        customer(status_id=BLOCKED)
        out = tmp_path / "out.xlsx"
        export_workbook(out, fields=None, where=(), viewer=ME)
        with writing():
            db.session.get_one(Status, BLOCKED).label = "On hold"
        assert taken(out) == {"changed": 0, "problems": 0}


@SQLITE
def test_old_names_follow_to_the_last_merge_and_are_not_given_again(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        merged(BLOCKED, INACTIVE)
        merged(INACTIVE, ACTIVE)
        assert set(db.session.scalars(select(Status.merged_into).where(Status.id.in_([3, 4])))) == {ACTIVE}
    sign_in(client)
    answer = client.post("/statuses/new/", data={"label": "blocked", "services": "active", "colour": "#3b82d9"})
    assert "which was merged into Active" in answer.text
    client.post("/statuses/delete/", data={"id": ACTIVE})
    assert "workbooks that are out still name it" in client.get("/").text
    with app.app_context():
        assert order() == ["New", "Active"]


def test_many_customers_are_moved_by_a_job(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statuses, "MOST_IN_A_REQUEST", 2)
    monkeypatch.setattr(merging, "AT_ONCE", 2)
    with app.app_context():
        ids = [customer(status_id=BLOCKED) for _step in range(5)]
        assert merge_or_enqueue(BLOCKED, ACTIVE, COMMAND_LINE) is not None
        assert {status_of(one) for one in ids} == {BLOCKED}
        assert run_pending() == 1
        assert {status_of(one) for one in ids} == {ACTIVE}
        assert order() == ["New", "Active", "Inactive"]
