"""A workbook that invites editing: rows for new customers, a column of actions, rules that reach over both."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from panel.exporting import export_workbook
from panel.extensions import db
from panel.imports.approving import apply_import
from panel.imports.journey import receive
from panel.imports.options import ImportOptions, Viewer
from panel.models import Customer, Export, Import
from sync.fields import Field, Option
from sync.types import FIELD_TYPES
from sync.workbook.dropdowns import hint_of
from tests import office
from tests.builders import additional_field, customer, edit
from tests.sheets import cells_of, change, read_keys, sheet_of

ANA = Viewer("Ana", "panel")
BLANK_ROWS = 20
INACTIVE = 4


def exported(path: Path, viewer: Viewer = ANA, **asked: Any) -> Path:
    export_workbook(path, viewer=viewer, **({"fields": None, "where": []} | asked))
    return path


def planned(path: Path, viewer: Viewer = ANA) -> Import:
    with path.open("rb") as file:
        number = receive(file, path.name, ImportOptions(), viewer)
    return db.session.get_one(Import, number, populate_existing=True)


def applied(path: Path, viewer: Viewer = ANA) -> Import:
    found = planned(path, viewer)
    apply_import(found.id, viewer)
    return db.session.get_one(Import, found.id, populate_existing=True)


@pytest.fixture
def out(app: Flask, tmp_path: Path) -> Any:
    """Yield a real export of three customers, one of them in a status in which customers may be deleted."""
    with app.app_context():
        additional_field("speed", "select", label="Speed", options=[["a", "10, fast"], ["b", "20"]])
        for name in ("Ann", "Bob", "Cyd"):
            customer(full_name=name, city="Praha")
        edit(3, status_id=INACTIVE)
        yield exported(tmp_path / "Customers.xlsx")


def test_blank_rows_are_typed_like_their_columns_and_rules_reach_over_them(out: Path) -> None:
    sheet, keys = sheet_of(out), read_keys(out)
    tokens = [sheet[f"A{row}"].value for row in range(6, 6 + BLANK_ROWS)]
    first = int(tokens[0].split(".")[1])
    assert [token.split(".")[:2] for token in tokens] == [["N1", str(first + n)] for n in range(BLANK_ROWS)]
    assert sheet.max_row == 5 + BLANK_ROWS
    for letters in keys.values():
        assert sheet[f"{letters}10"].number_format == sheet.column_dimensions[letters].number_format, letters
    assert [cell.value for cell in sheet[10][1:]] == [None] * (len(keys) - 1)
    last = list(keys.values())[-1]
    assert sheet.auto_filter.ref == f"A2:{last}5"
    rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    assert {address.partition(":")[2].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for address in rules} == {"525"}
    assert rules[f"{last}3:{last}525"].formula1 == '"delete"'
    assert rules[f"{keys['speed']}3:{keys['speed']}525"].formula1.startswith("_lists!")
    assert db.session.scalars(select(Export.prepared)).one() == BLANK_ROWS


@pytest.mark.parametrize("saved_by", ["nobody", "openpyxl", "LibreOffice", "LibreOffice, by way of .ods"])
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_blank_rows_that_nobody_filled_are_nothing(out: Path, tmp_path: Path, saved_by: str) -> None:
    back = out
    if saved_by == "openpyxl":
        back = change(out, tmp_path / "back.xlsx", {})
    elif saved_by != "nobody":
        back = office.resave(out, tmp_path / "back.xlsx", via="ods" if ".ods" in saved_by else "xlsx")
    counts = planned(back).counts
    assert (counts["rows"], counts["unchanged"], counts["problems"]) == (3, 3, 0)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_filled_blank_row_is_one_new_customer_however_often_it_comes_back(out: Path, tmp_path: Path) -> None:
    name = read_keys(out)["full_name"]
    back = change(out, tmp_path / "back.xlsx", {f"{name}9": "Dan", f"{name}7": "Eve"})
    assert [applied(back).counts["created"], planned(back).counts["created"]] == [2, 0]
    assert db.session.scalars(select(Customer.full_name).order_by(Customer.id)).all()[3:] == ["Eve", "Dan"]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_blank_row_that_was_copied_to_another_workbook_is_the_same_customer_there(out: Path, tmp_path: Path) -> None:
    other = exported(tmp_path / "other.xlsx")
    name, token = read_keys(out)["full_name"], sheet_of(out)["A6"].value
    there = {"A26": token, f"{name}26": "Dan", f"{name}6": "Eve"}
    assert applied(change(other, tmp_path / "there.xlsx", there)).counts["created"] == 2
    counts = planned(change(out, tmp_path / "here.xlsx", {f"{name}6": "Dan"})).counts
    assert (counts["created"], counts["unchanged"], counts["problems"]) == (0, 4, 0)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_sorted_by_people_every_row_keeps_its_customer_and_its_new_ones(out: Path, tmp_path: Path) -> None:
    keys = read_keys(out)
    cells = {f"{keys['full_name']}8": "Aaron", f"{keys['city']}8": "Brno", f"{keys['city']}4": "Plzen"}
    back = office.edit(out, tmp_path / "back.xlsx", office.typed(cells), office.sorted_by(keys["full_name"]))
    assert cells_of(back, keys["full_name"])[3] == "Aaron"
    counts = applied(back).counts
    assert (counts["rows"], counts["created"], counts["updated"], counts["problems"]) == (4, 1, 1, 0)
    found = db.session.execute(select(Customer.full_name, Customer.city).order_by(Customer.id)).all()
    assert [tuple(one) for one in found] == [("Ann", "Praha"), ("Bob", "Plzen"), ("Cyd", "Praha"), ("Aaron", "Brno")]


@pytest.mark.parametrize("number", [0, 3])
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_the_number_of_blank_rows_is_a_setting(app: Flask, tmp_path: Path, number: int) -> None:
    app.config["ROLLBOOK_EXPORT_BLANK_ROWS"] = number
    with app.app_context():
        path = exported(tmp_path / "a.xlsx")  # nobody is in it
        assert (sheet_of(path).max_row, db.session.scalars(select(Export.prepared)).one()) == (2 + number, number)
        assert sheet_of(path).auto_filter.ref.endswith("2")
        back = change(path, tmp_path / "b.xlsx", {f"{read_keys(path)['full_name']}3": "Ann"})
        assert applied(back).counts["created"] == 1


@pytest.mark.parametrize(
    ("typed", "deleted", "problems"),
    [("delete", 1, 0), (" Delete ", 1, 0), ("", 0, 0), ("remove", 0, 1)],
)
@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_what_the_column_of_actions_says_is_done(
    out: Path, tmp_path: Path, suffix: str, typed: str, deleted: int, problems: int
) -> None:
    back = exported(tmp_path / f"a{suffix}")
    if suffix == ".csv":
        keys, labels, *lines = back.read_text("utf-8-sig").splitlines()
        assert (keys.split(",")[-1], labels.split(",")[-1], lines[2][-1]) == ("action", "Action", ",")
        back.write_text("\n".join([keys, labels, *lines[:2], lines[2] + typed]), "utf-8")
    else:
        back = change(back, tmp_path / "b.xlsx", {f"{read_keys(back)['action']}5": typed or None})
    counts = planned(back).counts
    assert (counts["rows"], counts["deleted"], counts["problems"]) == (3, deleted, problems)


def test_who_may_not_delete_is_not_asked_to(out: Path, tmp_path: Path) -> None:
    theirs = exported(tmp_path / "a.xlsx", Viewer("Eva", "panel", lacks=frozenset({"customer.delete"})))
    assert list(read_keys(out))[1:] == [*list(read_keys(theirs))[1:], "action"]


def test_the_guide_tells_everything_in_plain_words(out: Path) -> None:
    guide = " ".join(cell.value for cell in sheet_of(out).parent["Guide"]["A"])
    for word in ("Action", "blank rows", "conflict", "do not touch", "Import", "ignored", "clears"):
        assert word in guide, word


OPTIONS = (Option("a", "Fibre"), Option("b", "Radio"))


@pytest.mark.parametrize("key", sorted(FIELD_TYPES))
def test_every_type_says_beside_its_cells_what_they_take(key: str) -> None:
    field = Field("a", "A", key, options=OPTIONS, required=True)
    hint = hint_of(field)
    assert hint.endswith(".")
    assert ".." not in hint
    assert ("Required." in hint) is FIELD_TYPES[key].typed
    assert "ignored" in hint_of(Field("a", "A", key, read_only=True))


@pytest.mark.parametrize(
    ("type_", "rules", "words"),
    [
        ("integer", {"min": 1, "max": 1000}, "A whole number, such as 1234. At least 1. At most 1,000."),
        ("string", {"max": 10}, "Any text. At most 10 characters."),
        ("multi_select", {"max": 2}, "Options, separated by commas: Fibre, Radio. At most 2 of them."),
        ("string", {"generated": True}, "Any text. Blank in a new row: it is made when the row comes in."),
    ],
)
def test_a_hint_holds_the_rules_of_its_field(type_: str, rules: dict[str, Any], words: str) -> None:
    field = Field("a", "A", type_, options=OPTIONS if "select" in type_ else (), required="generated" in rules)
    bounds = {name: Decimal(value) for name, value in rules.items() if name != "generated"}
    assert hint_of(replace(field, generated="generated" in rules, **bounds)) == words
