"""Which workbooks are out with a customer: said on the customer's pages, and before the next export."""

from __future__ import annotations

import datetime as dt
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_login import login_user
from sqlalchemy import insert, select, update

from panel.database import writing
from panel.exporting import export_workbook
from panel.exports.membership import blocks_of, common, holds, save_blocks, unpacked
from panel.exports.out import workbooks_out, workbooks_with
from panel.extensions import db
from panel.imports.approving import apply_import
from panel.imports.journey import receive
from panel.imports.options import ImportOptions, Viewer
from panel.models import Export, ExportedBlock, Partner, User
from panel.models.columns import now
from tests.builders import customer, edit
from tests.databases import ADMIN
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in
from tests.panel.plans import plans
from tests.sheets import change, read_keys

ANA = Viewer("Ana", "panel")
IDS = [1, 2, 65_535, 65_536, 65_537, 1_000_000, 2**40]


def test_a_bitmap_holds_the_ids_that_were_put_into_it(app: Flask) -> None:
    blocks = blocks_of(IDS)
    assert sorted(blocks) == [0, 1, 15, 2**24]
    with app.app_context():
        with writing() as connection:
            number = connection.execute(insert(Export).values(entity="customer", by="Ana", through="panel"))
            save_blocks(connection, number.inserted_primary_key[0], IDS)
        stored = {one.block: one.bits for one in db.session.scalars(select(ExportedBlock))}
    around = {one + step for one in IDS for step in (-1, 0, 1, 8, 65_536)} - {0}
    found = [one for one in sorted(around) if one >> 16 in stored and holds(stored[one >> 16], one)]
    assert found == sorted(set(IDS) & around)
    assert sum(common(stored[place], unpacked(stored[place])) for place in stored) == len(IDS)
    assert common(stored[0], blocks_of([2, 3, 4])[0]) == 1


@pytest.fixture
def folder(app: Flask, tmp_path: Path) -> Iterator[Path]:
    """Yield a folder; three customers are there, and Ana has a workbook with two of them, who live in Brno."""
    with app.app_context():
        for name, city in (("Ann", "Brno"), ("Bob", "Brno"), ("Cyd", "Praha")):
            customer(full_name=name, city=city)
        export_workbook(tmp_path / "March.xlsx", fields=None, where=["city=Brno"], viewer=ANA)
        add_user("eva@example.com", "manager")
        add_user("sue@example.com", "staff")
        yield tmp_path


def said(client: FlaskClient, record_id: int) -> list[bool]:
    """Return whether the details and the edit page say that Ana's workbook is out with a customer."""
    pages = [client.get(f"/customers/{page}/?id={record_id}").text for page in ("details", "edit")]
    return ["1 workbook is out with this customer" in page and "Ana" in page and "March.xlsx" in page for page in pages]


def banner(client: FlaskClient, record_id: int = 1) -> bool:
    first, second = said(client, record_id)
    assert first == second
    return first


def test_a_customers_pages_say_which_workbooks_are_out(folder: Path, client: FlaskClient) -> None:
    sign_in(client)
    assert [banner(client, record_id) for record_id in (1, 2, 3)] == [True, True, False]
    assert "/exports/1/" in client.get("/customers/details/?id=1").text


def test_staff_who_may_not_export_are_told_without_a_link(folder: Path, client: FlaskClient) -> None:
    sign_in(client, "sue@example.com", STAFF_PASSWORD)
    assert banner(client)
    assert "/exports/1/" not in client.get("/customers/details/?id=1").text


def come_back(folder: Path, client: FlaskClient) -> None:
    path = folder / "March.xlsx"
    back = change(path, folder / "back.xlsx", {f"{read_keys(path)['street']}3": "Nova 1"})
    with back.open("rb") as file:
        number = receive(file, back.name, ImportOptions(), ANA)
    assert banner(client)  # looked at is not applied
    cells = re.findall(r'<td class="number">(\d*)</td>', client.get("/exports/").text.partition("Out now")[2])
    assert cells[:2] == ["2", "2"]  # customers, and rows that came back
    apply_import(number, ANA)


def be_closed(_folder: Path, client: FlaskClient) -> None:
    client.post("/exports/1/close/")


def grow_old(_folder: Path, client: FlaskClient) -> None:
    long = dt.timedelta(days=client.application.config["ROLLBOOK_WORKBOOK_DAYS"], minutes=1)
    with writing() as connection:
        connection.execute(update(Export).values(at=now() - long))


def fail(_folder: Path, _client: FlaskClient) -> None:
    with writing() as connection:
        connection.execute(update(Export).values(state="failed"))


@pytest.mark.parametrize("end", [come_back, be_closed, grow_old, fail])
def test_a_workbook_is_out_until(folder: Path, client: FlaskClient, end: Any) -> None:
    sign_in(client)
    assert "Out now" in client.get("/exports/").text
    end(folder, client)
    assert not banner(client)
    assert "Out now" not in client.get("/exports/").text
    client.post("/exports/1/reopen/")
    assert banner(client) is (end in {come_back, be_closed})


def test_a_workbook_whose_file_is_gone_is_still_out(folder: Path, client: FlaskClient) -> None:
    with writing() as connection:
        connection.execute(update(Export).values(state="expired"))
    assert banner(sign_in(client))


def overlap(client: FlaskClient, page: str = "new", **asked: Any) -> str:
    answer = client.post("/exports/overlap/", data=asked)
    assert answer.status_code == 200
    return str(answer.get_json()["words"])


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ({}, 2),
        ({"status": "New"}, 2),
        ({"status": "Active"}, 0),
        ({"list": "", "query": "flt_city_is=Brno&search=Ann"}, 1),
        ({"list": "", "query": "flt_city_is=Praha"}, 0),
        ({"list": "", "id": ["2", "3"]}, 1),
        ({"list": "", "query": "flt_gone_is=1"}, 0),
    ],
)
def test_before_an_export_it_is_said_who_has_the_same_customers(
    folder: Path, client: FlaskClient, asked: dict[str, Any], number: int
) -> None:
    words = overlap(sign_in(client), **asked)
    assert (f"with {number} of these customers" in words and "Ana" in words) if number else words == ""


def test_it_stops_nobody_and_the_exports_page_says_it_too(folder: Path, client: FlaskClient) -> None:
    sign_in(client)
    asked = {"list": "", "query": "search=Ann", "format": "csv"}
    with client.post("/exports/view/", data=asked) as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment")
    page = client.get("/exports/2/").text
    assert "1 other workbook is out with some of these customers" in page
    assert "with 1 of these customers" in page
    assert "<strong>you</strong>" in client.get("/customers/details/?id=1").text


def test_who_is_bound_to_a_partner_is_told_of_no_others_workbooks(
    app: Flask, folder: Path, client: FlaskClient
) -> None:
    with writing():
        db.session.add(Partner(name="North"))
        db.session.flush()
    north = db.session.scalars(select(Partner.id).where(Partner.name == "North")).one()
    edit(1, partner_id=north)
    add_user("nora@example.com", "manager", north)
    nora = sign_in(client, "nora@example.com", STAFF_PASSWORD)
    assert not banner(nora)
    assert (overlap(nora), "Ana" in nora.get("/exports/").text) == ("", False)
    for action in ("", "progress/"):
        assert nora.get(f"/exports/1/{action}").status_code == 404
    for action in ("close/", "reopen/", "download/"):
        assert nora.post(f"/exports/1/{action}").status_code == 404
    with nora.post("/exports/new/", data={"format": "csv"}) as answer:
        assert answer.status_code == 200
    assert "<strong>you</strong>" in nora.get("/customers/details/?id=1").text
    assert "with 1 of these customers" in overlap(nora)


def test_who_may_not_export_may_neither_close_nor_ask(folder: Path, client: FlaskClient) -> None:
    sue = sign_in(client, "sue@example.com", STAFF_PASSWORD)
    for address in ("1/close/", "1/reopen/", "1/download/", "overlap/"):
        assert sue.post(f"/exports/{address}").status_code == 403, address
    assert banner(sue)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_fifty_workbooks_of_a_million_customers_are_looked_through_by_one_block_each(app: Flask) -> None:
    million = range(1, 1_000_001)
    with app.app_context(), app.test_request_context():
        with writing() as connection:
            made = {"entity": "customer", "by": "Ana", "through": "panel", "rows": len(million), "state": "ready"}
            # What cannot be compressed stands for the IDs of a million customers who were picked here and there.
            made["record_ids"] = b"".join(hash(n).to_bytes(8, "little") for n in range(200_000))
            for _n in range(50):
                connection.execute(insert(Export).values(**made))
            for block, bits in blocks_of(million).items():
                rows = [{"export_id": n, "block": block, "bits": zlib.compress(bits)} for n in range(1, 51)]
                connection.execute(insert(ExportedBlock), rows)
        login_user(db.session.scalars(select(User).where(User.email == ADMIN)).one())
        with plans(db.session.connection()) as found:
            for record_id in (5, 70_000, 999_999, 500_000, 3):
                assert len(workbooks_with(record_id)) == 50
            assert workbooks_with(2_000_000) == []
        asked = [plan for plan in found if "exported_block" in plan]
        assert len(asked) == 6
        assert not [plan for plan in asked if "SCAN exported_block" in plan]
        assert len(workbooks_out()) == 50
