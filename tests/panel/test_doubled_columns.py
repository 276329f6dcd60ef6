"""Two columns of one field: neither counts before a person chose, and no command guesses which."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from openpyxl.utils import get_column_letter
from werkzeug.datastructures import MultiDict

from panel.extensions import db
from panel.models import AdditionalField, Customer, Import
from tests.builders import customer
from tests.panel.pages import sign_in
from tests.panel.test_mapping import Bench, form_of, page_of, sent
from tests.sheets import read_keys

SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
pytestmark = SQLITE
BOTH = "Columns {0} and {1} both hold City."


@pytest.fixture
def bench(app: Flask, runner: FlaskCliRunner, tmp_path: Path) -> Bench:
    return Bench(runner, tmp_path)


@pytest.fixture
def doubled(app: Flask, runner: FlaskCliRunner, tmp_path: Path) -> tuple[Path, str, str]:
    """Export Ann and Bob, copy the city to the right end, and edit the copy; return the file and both letters."""
    with app.app_context():
        customer("Ann", city="Brno"), customer("Bob", city="Plzen")
    path = tmp_path / "out.xlsx"
    runner.invoke(args=["export", str(path)])
    city = read_keys(path)["city"]
    book = openpyxl.load_workbook(path)
    sheet = book["Customers"]
    copy = get_column_letter(sheet.max_column + 1)
    for row in range(1, 5):
        sheet[f"{copy}{row}"] = sheet[f"{city}{row}"].value
    sheet[f"{copy}3"] = "Cheb"
    book.save(path)
    return path, city, copy


def cities(app: Flask) -> list[str | None]:
    with app.app_context():
        return [one.city for one in db.session.query(Customer).order_by(Customer.id)]


def map_column(client: FlaskClient, address: str, **targets: str) -> str:
    """Choose on the page what the columns with these letters are; return the page then."""
    page = page_of(client, address, "columns")
    form = form_of(page, "mapping")
    letters = [header.rpartition("(")[2].rstrip(")") for header in form.getlist("header")]
    chosen = [targets.get(column, was) for column, was in zip(letters, form.getlist("target"), strict=True)]
    form.setlist("target", chosen)
    client.post(f"{address}options/", data=form)
    return page_of(client, address)


def test_the_command_refuses_a_copied_column_and_takes_it_with_its_letters(
    app: Flask, bench: Bench, doubled: tuple[Path, str, str]
) -> None:
    path, city, copy = doubled
    refused = bench.back(path)
    assert (set(refused), refused["exit"]) == ({"error", "exit", "said"}, 1)
    assert BOTH.format(city, copy) in refused["error"]
    assert f'--map "City ({copy})=-"' in refused["error"]
    assert bench.back(path, "--map", f"City ({copy})=-")["updated"] == 0
    assert bench.back(path, "--map", f"City ({city})=-")["updated"] == 1
    assert cities(app) == ["Cheb", "Plzen"]


def test_a_copied_column_is_offered_on_the_page_and_blocks_until_one_is_left_out(
    app: Flask, client: FlaskClient, doubled: tuple[Path, str, str]
) -> None:
    path, city, copy = doubled
    address = sent(sign_in(client), path)
    first = page_of(client, address)
    assert BOTH.format(city, copy) in first
    assert first.count("City is there twice") == 2
    client.post(f"{address}options/", data={"_only": "options", "skip_problems": "1"})
    refused = client.post(f"{address}apply/", follow_redirects=True).text
    assert "Two columns hold the same field" in refused
    assert cities(app) == ["Brno", "Plzen"]
    assert "both hold" not in map_column(client, address, **{city: "-"})
    client.post(f"{address}apply/")
    assert cities(app) == ["Cheb", "Plzen"]


def test_a_copied_column_becomes_a_new_field_once(
    app: Flask, client: FlaskClient, doubled: tuple[Path, str, str]
) -> None:
    path, _city, copy = doubled
    sign_in(client)
    for _time in range(2):
        address = sent(client, path)
        map_column(client, address, **{copy: "+"})
        client.post(f"{address}apply/")
    with app.app_context():
        made = db.session.query(AdditionalField).one()
        found = [one.extra[made.key] for one in db.session.query(Customer).order_by(Customer.id)]
        assert (made.label, found) == ("City 2", ["Cheb", "Plzen"])
        assert [one.counts["cells_updated"] for one in db.session.query(Import).order_by(Import.id)] == [2, 0]
    assert cities(app) == ["Brno", "Plzen"]


def test_doubled_headers_of_a_foreign_file_are_mapped_apart(app: Flask, client: FlaskClient, bench: Bench) -> None:
    path = bench.csv("Name,Address,Address,Login,Login", "Ann,Long 1,Brno,ann,x", "Bob,Short 2,Cheb,bob,y")
    address = sent(sign_in(client), path)
    page = page_of(client, address)
    assert "Columns D and E both hold Login." in page
    form = MultiDict({"_only": "mapping", "key": "login", "remembered": "Two addresses"})
    told = {"Name": "full_name", "Address (B)": "street", "Address (C)": "city", "Login (D)": "", "Login (E)": ""}
    form.setlist("header", [*told])
    form.setlist("target", [*told.values()])
    client.post(f"{address}options/", data=form)
    waiting = page_of(client, address, "columns")
    assert "Columns D and E both hold Login." in waiting
    assert form_of(waiting, "mapping")["key"] == "login"
    map_column(client, address, E="-")
    client.post(f"{address}apply/")
    with app.app_context():
        found = {one.login: (one.full_name, one.street, one.city) for one in db.session.query(Customer)}
    assert found == {"ann": ("Ann", "Long 1", "Brno"), "bob": ("Bob", "Short 2", "Cheb")}
    path = bench.csv("Name,Address,Address,Login,Login", "Cyd,Long 3,Aš,cyd,x")
    again = sent(client, path)
    assert "both hold" not in page_of(client, again)
    named = bench.back(path, "--mapping", "Two addresses")
    assert (named["created"], named["exit"]) == (1, 0)


def test_what_texts_mean_is_said_of_the_right_one_of_two_columns(app: Flask, client: FlaskClient, bench: Bench) -> None:
    path = bench.csv("Full name,State,State", "Ann,Brno,Aktivní")
    taken = ("--map", "State (B)=city", "--map", "State (C)=status")
    answer = bench.back(path, *taken, "--map-value", "State (C):Aktivní=Active")
    assert (answer["created"], answer["exit"]) == (1, 0)
    with app.app_context():
        ann = db.session.query(Customer).one()
        assert (ann.city, ann.status.label) == ("Brno", "Active")


def test_two_ids_are_no_guess_whom_a_row_means(app: Flask, client: FlaskClient, bench: Bench) -> None:
    with app.app_context():
        customer("Ann", city="Brno"), customer("Bob", city="Plzen")
    path = bench.csv("ID,City,ID", "1,Cheb,2")
    assert "Columns A and C both hold ID." in bench.back(path, "--accept-unknown")["error"]
    address = sent(sign_in(client), path)
    assert "Columns A and C both hold ID." in page_of(client, address)


def test_no_value_of_a_doubled_password_is_kept(app: Flask, client: FlaskClient, bench: Bench) -> None:
    address = sent(sign_in(client), bench.csv("Full name,Password,Password", "Ann,verysecret1,verysecret2"))
    assert "both hold" in page_of(client, address)
    with app.app_context():
        assert "verysecret" not in str(db.session.query(Import).one().reading)
    assert "verysecret" not in page_of(client, address, "columns")
