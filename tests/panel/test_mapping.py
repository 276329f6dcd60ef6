"""Files from elsewhere: which sheet and headers are meant, what is suggested, asked and mapped; nothing is guessed."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from werkzeug.datastructures import MultiDict

from panel.extensions import db
from panel.models import Customer, Location
from tests.builders import additional_field, customer
from tests.panel.pages import sign_in
from tests.sheets import change, read_keys

SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class Bench:
    """A runner of imports that answers in JSON."""

    def __init__(self, runner: FlaskCliRunner, folder: Path) -> None:
        self._runner, self._folder = runner, folder

    def csv(self, *rows: str) -> Path:
        path = self._folder / "in.csv"
        path.write_text("\n".join(rows), encoding="utf-8")
        return path

    def book(self, **sheets: list[list[Any]]) -> Path:
        book = openpyxl.Workbook()
        book.remove(book.worksheets[0])
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        book.save(self._folder / "in.xlsx")
        return self._folder / "in.xlsx"

    def back(self, path: Path, *arguments: str) -> dict[str, Any]:
        result = self._runner.invoke(args=["import", str(path), "--json", *arguments])
        answer: dict[str, Any] = json.loads(result.stdout)
        return {**answer, "exit": result.exit_code, "said": result.stderr}

    def plan(self, path: Path, *arguments: str) -> dict[str, Any]:
        return self.back(path, "--dry-run", *arguments)


@pytest.fixture
def bench(app: Flask, runner: FlaskCliRunner, tmp_path: Path) -> Bench:
    return Bench(runner, tmp_path)


def messages(plan: dict[str, Any]) -> list[tuple[str, str]]:
    assert "error" not in plan, plan["error"]
    return [(one["at"], one["message"]) for one in plan["problems"]]


# Sheets and headers


@SQLITE
def test_a_sheet_and_its_header_are_named_and_addresses_stay_the_sheets_own(app: Flask, bench: Bench) -> None:
    data = [["Customers of Brno"], [], ["Full name", "Email"], ["Ann", "no mail"]]
    path = bench.book(Summary=[["Full name", "Total"], ["x", 1]], Data=data)
    plan = bench.plan(path, "--sheet", "data")
    assert messages(plan)[0][0] == "Data!B4"
    assert "Row 3 was taken as the header" in plan["said"]
    assert "Of the 2 sheets, Summary was read" in bench.plan(path)["said"]
    assert bench.plan(path, "--sheet", "data", "--header-row", "3")["rows"] == 1


@SQLITE
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--sheet", "Nowhere"), "There is no sheet 'Nowhere'. The sheets are: Data."),
        (("--header-row", "9"), "Row 9 of the sheet is empty"),
        (("--date-order", "City=ymd"), "write dmy, mdy"),
        (("--date-order", "Nothing=dmy"), "There is no column 'Nothing' in the file"),
        (("--map-value", "Full name"), "--map-value"),
        (("--map-value", "Status:x=Nonsense"), "cannot stand for 'Nonsense'"),
    ],
)
def test_what_does_not_fit_the_file_is_refused(bench: Bench, arguments: tuple[str, ...], said: str) -> None:
    answer = bench.plan(bench.book(Data=[["Full name", "Status"], ["Ann", "x"]]), *arguments)
    assert (said in answer["error"], answer["exit"]) == (True, 1)


# Suggestions


@SQLITE
def test_likeness_suggests_and_the_command_applies_none_of_it(app: Flask, bench: Bench) -> None:
    path = bench.csv(
        "Full name,Telefon,Contact,Town,Kind",
        *(f"Ann {number},+420 603 123 {number},ann{number}@example.com,Brno,{'Active' if number % 2 else 'New'}"
          for number in range(100, 120)),
    )  # fmt: skip
    plan = bench.plan(path)
    found = {one["header"]: (one["field"], one["evidence"]) for one in plan["suggestions"]}
    assert found["Telefon"] == ("phones", "named like Phone number; 100% of the values are phone numbers")
    assert found["Contact"] == ("emails", "100% of the values are email addresses")
    assert found["Town"] == ("city", "named like City")
    assert 'Take it with --map "Contact=emails".' in plan["said"]
    assert bench.back(path)["created"] == 20
    with app.app_context():
        assert {one.city for one in db.session.query(Customer)} == {None}


@SQLITE
def test_a_file_of_unknown_headers_alone_is_refused_with_what_they_may_be(bench: Bench) -> None:
    answer = bench.plan(bench.csv("Jméno,Telefon", "Ann,+420 603 123 456"))
    assert answer["exit"] == 1
    assert 'Column "Jméno" may be Full name' in answer["error"]


# Values


@SQLITE
def test_a_text_that_is_no_option_is_mapped_once(app: Flask, bench: Bench) -> None:
    with app.app_context():
        db.session.add(Location(name="Prague"))
        db.session.commit()
        additional_field("tv", "boolean", label="TV")
    path = bench.csv("Full name,Location,TV", "Ann,Praha 2,Yup", "Bob,PRAHA 2 ,No", "Cyd,Main,")
    assert bench.plan(path)["refused"] == 2
    answer = bench.back(path, "--map-value", "Location:Praha 2=Prague", "--map-value", "TV:yup=Yes")
    assert (answer["created"], answer["exit"]) == (3, 0)
    with app.app_context():
        found = {one.full_name: (db.session.get_one(Location, one.location_id).name, one.extra.get("tv"))
                 for one in db.session.query(Customer)}  # fmt: skip
    assert found == {"Ann": ("Prague", True), "Bob": ("Prague", False), "Cyd": ("Main", None)}


@SQLITE
def test_what_a_text_means_counts_in_a_workbook_of_ours_too(app: Flask, runner: FlaskCliRunner, bench: Bench) -> None:
    with app.app_context():
        db.session.add(Location(name="Prague"))
        db.session.commit()
        customer("Ann"), customer("Bob")
    path = bench.csv("").with_name("out.xlsx")
    runner.invoke(args=["export", str(path)])
    column = read_keys(path)["location"]
    back = change(path, path, {f"{column}3": "praha 2"})
    answer = bench.back(back, "--map-value", "Location:Praha 2=Prague")
    assert [(one["id"], one["base"], one["workbook"]) for one in answer["changes"]] == [(1, "Main", "Prague")]
    assert (answer["updated"], answer["unchanged"], answer["exit"]) == (1, 1, 0)


# Dates


@SQLITE
def test_dates_that_can_be_read_two_ways_are_asked_about_once_for_a_column(app: Flask, bench: Bench) -> None:
    with app.app_context():
        additional_field("since", "date", label="Since")
    path = bench.csv(
        "Full name,Date of birth,Since",
        "Ann,03/04/1984,2024-04-03",
        "Bob,5.6.84,3.4.2024",
        "Cyd,25/12/1984,5 Jan 2024",
        "Dan,01/02/1984,",
    )
    plan = bench.plan(path)
    assert [at for at, _message in messages(plan)] == ["CSV!B2", "CSV!C3"]
    asked = messages(plan)[0][1]
    assert "3 dates of Date of birth can be read two ways, such as '03/04/1984': 1984-04-03 or 1984-03-04" in asked
    assert "--date-order date_of_birth=dmy" in asked
    assert "'25/12/1984' in CSV!B4, is day first" in asked
    assert (plan["refused"], plan["exit"]) == (3, 0 if plan["exit"] == 0 else 1)
    answer = bench.back(path, "--date-order", "Date of birth=dmy", "--date-order", "since=mdy")
    assert (answer["created"], answer["exit"]) == (4, 0)
    with app.app_context():
        born = {one.full_name: one.date_of_birth for one in db.session.query(Customer)}
        since = [one.extra.get("since") for one in db.session.query(Customer).order_by(Customer.id)]
    assert born == {
        "Ann": dt.date(1984, 4, 3),
        "Bob": dt.date(1984, 6, 5),
        "Cyd": dt.date(1984, 12, 25),
        "Dan": dt.date(1984, 2, 1),
    }
    assert since == ["2024-04-03", "2024-03-04", "2024-01-05", None]


@SQLITE
def test_one_order_for_a_column_goes_before_the_one_for_all(app: Flask, bench: Bench) -> None:
    path = bench.csv("Full name,Date of birth,Date added", "Ann,03/04/1984,03/04/2024")
    answer = bench.back(path, "--date-order", "mdy", "--date-order", "date_of_birth=dmy")
    assert answer["exit"] == 0
    with app.app_context():
        ann = db.session.query(Customer).one()
    assert (ann.date_of_birth, ann.date_added) == (dt.date(1984, 4, 3), dt.date(2024, 3, 4))


# Letters


@SQLITE
def test_letters_that_were_misread_before_are_noted_and_kept(bench: Bench) -> None:
    said = bench.plan(bench.csv("Full name,City", "JiÅ™Ã\u00ad NovÃ¡k,Brno", "Façade,ÄŚesko"))["said"]
    assert "CSV!A2 'JiÅ™Ã\u00ad NovÃ¡k' looks as if it had been read in a wrong encoding" in said
    assert "meant 'Jiří Novák'" in said
    assert "2 cells in all" in said


# Keys


@pytest.fixture
def known(app: Flask) -> tuple[int, int]:
    with app.app_context():
        return (
            customer("Ann", login="AB-1", emails=["ann@example.com", "ann@work.com"], phones=["+420 603 123 456"]),
            customer("Bob", login="007", emails=["bob@example.com", "ann@work.com"], city="Brno"),
        )


@pytest.mark.parametrize(
    ("key", "rows", "at", "said"),
    [
        ("login", ["ab-1,x"], "CSV!A2", "'ab-1' is nobody's, and customer 1 has 'AB-1'"),
        ("login", ["A B - 1,x"], "CSV!A2", "customer 1 has 'AB-1'"),
        ("login", ["7,x"], "CSV!A2", "customer 2 has '007'"),
        ("login", [",x"], "CSV!A2", "is the key, and it is blank"),
        ("login", ["AB-1,x", "AB-1,y"], "CSV!2", "The same customer is in rows 2, 3"),
        ("login", ["new,x", "NEW ,y"], "CSV!2", "The key 'new' is in rows 2, 3"),
        ("emails", ["ann@work.com,x"], "CSV!A2", "belongs to 2 of them"),
        ("emails", ["Bob@example.com,x"], "CSV!A2", "customer 2 has 'bob@example.com'"),
        ("emails", ["new@example.com,x", "a@b.cz;new@example.com,y"], "CSV!2", "The key 'new@example.com' is in rows"),
        ("phones", ["603123456,x"], "", ""),
        ("phones", ["+420603123456,x"], "", ""),
    ],
)
def test_a_key_means_one_customer_or_nobody(
    bench: Bench, known: tuple[int, int], key: str, rows: list[str], at: str, said: str
) -> None:
    plan = bench.plan(bench.csv(f"{key},full_name", *rows), "--key", key, "--accept-unknown")
    assert plan["created"] == 0 or not at
    assert messages(plan)[:1] == [(at, messages(plan)[0][1])] if at else not messages(plan)
    assert not at or said in messages(plan)[0][1]


def test_one_member_of_a_set_is_enough_of_a_key(bench: Bench, known: tuple[int, int]) -> None:
    plan = bench.plan(bench.csv("emails,city", "bob@example.com,Praha"), "--key", "emails", "--accept-unknown")
    assert [(one["id"], one["field"]) for one in plan["changes"]] == [(2, "emails"), (2, "city")]


# The page


def page_of(client: FlaskClient, address: str, group: str = "") -> str:
    return client.get(f"{address}?group={group}" if group else address).text


@SQLITE
def test_the_page_reads_another_sheet_takes_the_suggestions_and_maps_texts(
    app: Flask, client: FlaskClient, bench: Bench
) -> None:
    rows = [["Ann", "+420 603 123 456", "Aktivní"], ["Bob", "+420 603 123 457", "Active"]]
    path = bench.book(Summary=[["Total", "x"], ["y", 1]], Data=[["Title"], [], ["Jméno", "Telefon", "Status"], *rows])
    address = sent(sign_in(client), path)
    first = page_of(client, address)
    assert "No column of this file is a field yet" in first
    assert "Data · 4 rows" in first
    client.post(f"{address}options/", data={"_only": "sheet", "sheet": "Data", "was": "Summary", "header_row": "1"})
    found = page_of(client, address)
    assert "row 3: Jméno, Telefon, Status" in found
    assert "Take all 2 suggestions" in found
    client.post(f"{address}options/", data=MultiDict([*form_of(found, "mapping").items(multi=True), ("accept", "1")]))
    texts = page_of(client, address, "columns")
    assert "Texts that are no option" in texts
    client.post(
        f"{address}options/",
        data={"_only": "meanings", "column": "Status", "text": "Aktivní", "meaning": "Active"},
    )
    client.post(f"{address}apply/")
    with app.app_context():
        found_ones = {one.full_name: (one.phones, one.status.label) for one in db.session.query(Customer)}
    assert found_ones == {"Ann": (["+420 603 123 456"], "Active"), "Bob": (["+420 603 123 457"], "Active")}


@SQLITE
def test_the_page_asks_about_dates_with_both_readings(app: Flask, client: FlaskClient, bench: Bench) -> None:
    path = bench.csv("Full name,Date of birth", "Ann,03/04/1984", "Bob,25/12/1984")
    address = sent(sign_in(client), path)
    asked = page_of(client, address)
    for words in ("1 date can be read two ways.", "1984-04-03, day first", "1984-03-04, month first", "is day first"):
        assert words in asked
    client.post(f"{address}options/", data={"_only": "order", "field": "date_of_birth", "order": "dmy"})
    assert "can be read two ways" not in page_of(client, address)
    client.post(f"{address}apply/")
    with app.app_context():
        assert db.session.query(Customer).filter_by(full_name="Ann").one().date_of_birth == dt.date(1984, 4, 3)


@SQLITE
def test_a_mapping_is_remembered_under_a_name_and_taken_again_for_the_same_headers(
    app: Flask, client: FlaskClient, bench: Bench
) -> None:
    lines = ("Kunde,Stav,Geboren", "Ann,Aktivní,03/04/1984")
    address = sent(sign_in(client), bench.csv(*lines))
    told = {"header": ["Kunde", "Stav", "Geboren"], "target": ["full_name", "status", "date_of_birth"]}
    client.post(f"{address}options/", data={"_only": "mapping", "remembered": "Billing export", **told})
    client.post(f"{address}options/", data={"_only": "order", "field": "date_of_birth", "order": "dmy"})
    meaning = {"column": "Stav", "text": "Aktivní", "meaning": "Active"}
    client.post(f"{address}options/", data={"_only": "meanings", **meaning})
    client.post(f"{address}apply/")
    assert "Billing export" in client.get("/imports/").text
    again = sent(client, bench.csv(lines[0], "Bob,Aktivní,05/06/1984"))
    assert "Columns are taken as in “Billing export” of" in page_of(client, again, "columns")
    client.post(f"{again}options/", data={"_only": "afresh"})
    assert "No column of this file is a field yet" in page_of(client, again)
    assert bench.plan(bench.csv(lines[0], "Cyd,Aktivní,05/06/1984"))["exit"] == 1
    named = bench.back(bench.csv(lines[0], "Cyd,Aktivní,05/06/1984"), "--mapping", "billing export")
    assert (named["created"], named["exit"]) == (1, 0)
    with app.app_context():
        found = {one.full_name: one.date_of_birth for one in db.session.query(Customer)}
    assert found == {"Ann": dt.date(1984, 4, 3), "Cyd": dt.date(1984, 6, 5)}
    client.post("/imports/mappings/1/forget/")
    assert "Billing export" not in client.get("/imports/").text
    refused = bench.plan(bench.csv(*lines), "--mapping", "Billing export")
    assert "There is no remembered mapping 'Billing export'" in refused["error"]


@SQLITE
def test_a_command_keeps_a_mapping_only_under_a_name_that_it_was_given(app: Flask, bench: Bench) -> None:
    assert bench.back(bench.csv("Kunde", "Ann"), "--map", "Kunde=full_name")["created"] == 1
    assert bench.plan(bench.csv("Kunde", "Bob"), "--mapping", "in")["exit"] == 1
    kept = ("--mapping", "Kunden", "--map", "Kunde=full_name")
    assert bench.back(bench.csv("Kunde", "Bob"), *kept)["created"] == 1
    assert bench.back(bench.csv("Kunde", "Cyd"), "--mapping", "Kunden")["created"] == 1


def sent(client: FlaskClient, path: Path) -> str:
    data = {"file": (io.BytesIO(path.read_bytes()), path.name)}
    return str(client.post("/imports/upload/", data=data).location)


def form_of(page: str, name: str) -> MultiDict[str, str]:
    """Return the fields of one of the page's forms, by its hidden name."""
    form = next(one for one in re.findall(r"<form.*?</form>", page, re.DOTALL) if f'name="_only" value="{name}"' in one)
    found = MultiDict((field, unescape(value)) for field, value in re.findall(r'name="(\w+)" value="([^"]*)"', form))
    for field, options in re.findall(r'<select[^>]*name="(\w+)".*?>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found.add(field, unescape(chosen[1]) if chosen else "")
    return found
