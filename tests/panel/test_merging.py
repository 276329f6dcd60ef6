"""Partners and locations: who has them, and merging one into another while workbooks are out."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel import merging
from panel.authors import COMMAND_LINE
from panel.database import writing
from panel.exporting import export_workbook
from panel.extensions import db
from panel.imports.at_once import import_at_once
from panel.imports.options import ImportOptions, Viewer
from panel.jobs import run_pending
from panel.lifecycle import run_day
from panel.merging import merge_or_enqueue
from panel.models import Customer, Event, Location, Partner, Revision
from panel.models.columns import now
from panel.schema import column_of
from panel.words import today
from tests.builders import additional_field, customer, edit
from tests.panel.pages import add_user, options_of, sign_in
from tests.sheets import change, read_keys

SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
BOTH = pytest.mark.parametrize(("key", "address"), [("partner", "/partners"), ("location", "/locations")])
ME = Viewer("command line", "command")
MAIN, NORTH = 1, 2


def add_north() -> None:
    with writing():
        db.session.add_all([Partner(name="North"), Location(name="North")])


def place_of(record_id: int, key: str) -> int:
    number: int = db.session.execute(
        select(Customer.__table__.c[column_of(key)]).where(Customer.id == record_id)
    ).scalar_one()
    return number


@BOTH
@SQLITE
def test_the_list_counts_who_is_there_and_leads_to_them(
    app: Flask, client: FlaskClient, key: str, address: str
) -> None:
    with app.app_context():
        add_north()
        customer(full_name="Ann Novak")
        customer(full_name="Bob Maly", **{f"{key}_id": NORTH})
        customer(full_name="Eva Mala", deleted_at=now(), **{f"{key}_id": NORTH})
    page = sign_in(client).get(f"{address}/").text
    link = f"/customers/?flt_{key}_is={NORTH}"
    assert f'href="{link}"' in page
    assert 'aria-label="North: 1 customer"' in page
    found = client.get(link).text
    assert ">Bob Maly</a>" in found
    assert ">Ann Novak</a>" not in found


@BOTH
def test_a_merge_moves_everybody_with_a_revision_and_takes_the_choice_away(
    app: Flask, client: FlaskClient, key: str, address: str
) -> None:
    with app.app_context():
        add_north()
        there, binned = customer(), customer(deleted_at=now())
    page = sign_in(client).get(f"{address}/merge/?id={MAIN}&into={NORTH}").text
    assert "1 customer moves" in page
    assert "and 1 in the bin" in page
    assert client.post(f"{address}/merge/", data={"id": MAIN, "into": NORTH}).status_code == 302
    with app.app_context():
        assert [place_of(one, key) for one in (there, binned)] == [NORTH, NORTH]
        last = db.session.scalars(select(Revision).where(Revision.record_id == there, Revision.number == 2)).one()
        assert (last.changes, last.by, last.reason) == ({key: [MAIN, NORTH]}, "Admin", "Main was merged into North.")
        told = db.session.scalars(select(Event).where(Event.name == f"{key} merged")).one()
        assert told.detail["customers"] == 2
    assert options_of(client.get(f"/customers/edit/?id={there}").text, key) == ["North"]
    assert ">Ann Novak</a>" in client.get(f"/customers/?flt_{key}_is={MAIN}").text
    assert client.get(f"{address}/edit/?id={MAIN}").status_code == 404
    client.post(f"{address}/delete/", data={"id": NORTH})
    with app.app_context():
        assert len(db.session.scalars(select(merging.PLACES[key])).all()) == 2


def test_a_workbook_that_is_out_means_the_merged_one(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        add_north()
        for partner_id in (NORTH, MAIN):
            customer(partner_id=partner_id, city="Brno")
        out = tmp_path / "out.xlsx"
        export_workbook(out, fields=None, where=(), viewer=ME)
        merge_or_enqueue("partner", NORTH, MAIN, COMMAND_LINE)
        cells = {f"{read_keys(out)['city']}3": "Zlin", f"{read_keys(out)['partner']}4": "North"}
        back = change(out, tmp_path / "back.xlsx", cells)
        planned, _id = import_at_once(back, ImportOptions(), ME, dry_run=False)
        assert (len(planned.plan.updates), planned.plan.problems) == (1, [])
        assert [place_of(one, "partner") for one in (1, 2)] == [MAIN, MAIN]


def _bind(_app: Flask) -> None:
    add_user("eva@example.com", "staff", NORTH)


def _point(_app: Flask) -> None:
    additional_field("seller", "relation", label="Seller", target="partner")
    customer()
    edit(1, extra={"seller": NORTH})


@SQLITE
@pytest.mark.parametrize(
    ("prepare", "target", "words"),
    [
        (_bind, MAIN, "1 user is bound to North. Bind them to another partner first."),
        (_point, MAIN, "1 customer has North as Seller."),
        (lambda _app: None, NORTH, "Choose another one"),
        (lambda _app: None, 99, "not there any more"),
    ],
)
def test_a_merge_that_would_show_or_lose_something_is_refused(
    app: Flask, client: FlaskClient, prepare: object, target: int, words: str
) -> None:
    with app.app_context():
        add_north()
        prepare(app)  # type: ignore[operator]
    answer = sign_in(client).post("/partners/merge/", data={"id": NORTH, "into": target}, follow_redirects=True)
    assert words in answer.text
    with app.app_context():
        assert db.session.scalars(select(Partner.merged_into)).all() == [None, None]


@SQLITE
def test_a_user_who_is_bound_to_a_partner_merges_nothing(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        add_north()
        add_user("eva@example.com", "admin", MAIN)
    sign_in(client, "eva@example.com", "four words and a comma")
    assert "/merge/" not in client.get("/locations/").text
    assert client.post("/locations/merge/", data={"id": NORTH, "into": MAIN}).status_code == 403


def test_many_are_moved_by_a_job_and_who_came_meanwhile_by_the_day(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "MOST_IN_A_REQUEST", 2)
    monkeypatch.setattr(merging, "AT_ONCE", 2)
    with app.app_context():
        add_north()
        ids = [customer() for _step in range(5)]
        assert merge_or_enqueue("location", MAIN, NORTH, COMMAND_LINE) is not None
        assert run_pending() == 1
        assert {place_of(one, "location") for one in ids} == {NORTH}
        late = customer(location_id=MAIN)
        list(run_day(today()))
        assert place_of(late, "location") == NORTH
