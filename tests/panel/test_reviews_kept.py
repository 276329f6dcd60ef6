"""Reviews of all sorts of files, edited with real programs: what was typed is kept, what is secret is not."""

from __future__ import annotations

import datetime as dt
import io
import random
import zipfile
from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import func, select

from panel.database import writing
from panel.extensions import db
from panel.imports.journey import replan
from panel.imports.options import ImportOptions, Viewer
from panel.models import Customer, Event, Import, ImportItem, Role, User
from sync.types.secret import MASK
from tests import office
from tests.builders import additional_field, customer, edit
from tests.databases import Database
from tests.fidelity.programs import LIBRARIES, by_office
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in
from tests.panel.test_reviews import (
    KEEP,
    LISTS,
    TAKE,
    Run,
    back,
    fills_of,
    first_sheet,
    labels_of,
    run,
    state,
    values_of,
    write_into,
)
from tests.sheets import read_keys

__all__ = ["back", "run"]

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

PROGRAMS = {**LIBRARIES, "libreoffice": by_office}


@pytest.mark.office
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_chosen_in_a_real_program_is_what_is_resolved(
    app: Flask, run: Run, back: Path, tmp_path: Path, program: str
) -> None:
    review = tmp_path / "review.xlsx"
    run(back, "--review", review)
    keys, labels = read_keys(review), labels_of(review)
    cells = {
        f"{labels['Choose: Street']}3": KEEP,
        f"{labels['Choose: City']}3": TAKE,
        f"{keys['city']}5": "Jihlava",
        f"{keys['date_of_birth']}4": "",
        f"{keys['emails']}5": "eva@example.com",
        "B7": 5,
    }
    done = run(PROGRAMS[program](review, tmp_path / "mended.xlsx", cells))
    assert done["applied"], done["said"]
    with app.app_context():
        first, third = (db.session.get_one(Customer, number) for number in (1, 3))
        assert (first.street, first.city) == ("Panel 9", "Olomouc")
        assert (third.city, list(third.emails)) == ("Jihlava", ["eva@example.com"])


@pytest.mark.office
@pytest.mark.parametrize("via", ["xlsx", "ods"])
def test_libreoffice_offers_the_choices_and_changes_nothing_by_saving(
    run: Run, back: Path, tmp_path: Path, via: Any
) -> None:
    review = tmp_path / "review.xlsx"
    answer = run(back, "--review", review)
    saved = office.resave(review, tmp_path / "saved.xlsx", via)
    again = run(saved)
    assert {name: again[name] for name in LISTS} == {name: answer[name] for name in LISTS}
    place = f"{labels_of(saved)['Choose: City']}3"
    rules = [one for one in first_sheet(saved).data_validations.dataValidation if place in one.sqref]
    assert [(one.type, one.formula1) for one in rules] == [("list", f'"{KEEP},{TAKE}"')]


@pytest.mark.office
def test_a_review_that_was_sorted_is_answered_where_its_rows_went(run: Run, back: Path, tmp_path: Path) -> None:
    review = tmp_path / "review.xlsx"
    run(back, "--skip-problems", "--review", review)
    labels = labels_of(review)
    chosen = {f"{labels['Choose: Street']}3": KEEP, f"{labels['Choose: City']}3": TAKE}
    moved = (office.typed(chosen), office.sorted_by(labels["Review"]))
    answer = run(office.edit(review, tmp_path / "sorted.xlsx", *moved), "--dry-run")
    # The sides keep the choices: one is kept, one is taken, and the row is another one by now.
    assert [(one["id"], one["field"], one["choice"]) for one in answer["conflicts"]] == [
        (1, "street", "panel"),
        (1, "city", "workbook"),
    ]
    assert read_keys(tmp_path / "sorted.xlsx") == read_keys(review)


TYPED: list[Any] = [
    "Zlin", "", "007", 7, 42, 12.5, True, dt.date(2024, 3, 4), "=1+1", "#N/A", "#REF!", "31/31/2024", "03/04/2024",
    dt.datetime(2024, 3, 4, 5, 6, 7),  # noqa: DTZ001 (a cell's date has no zone)
    "  blanks ", "two\nlines", "no address", "a@example.com; b@example.com", "+420 603 111 222", "1e5", "'quoted",
    12345678901234567, "Company", "Active", "nowhere", MASK, "delete", 99,
]  # fmt: skip
EDITED = (
    "city",
    "street",
    "date_of_birth",
    "emails",
    "phones",
    "category",
    "status",
    "contract",
    "seats",
    "day",
    "paid",
)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_was_typed_a_review_asks_and_answers_the_same(
    app: Flask, run: Run, runner: FlaskCliRunner, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    with app.app_context():
        for key, kind in (("contract", "string"), ("seats", "integer"), ("day", "date"), ("paid", "boolean")):
            additional_field(key, kind)
        for number in range(60):
            customer(
                f"Customer {number}", city="Praha", street="Long 1", extra={"contract": f"000{number}", "seats": 3}
            )
    assert runner.invoke(args=["export", str(tmp_path / "out.xlsx")]).exit_code == 0
    keys = read_keys(tmp_path / "out.xlsx")
    typed = {f"{keys[chance.choice(EDITED)]}{chance.randrange(3, 43)}": chance.choice(TYPED) for _ in range(60)}
    typed |= {f"{keys[chance.choice(EDITED[:2])]}{row}": f"Typed {row}" for row in chance.sample(range(43, 63), 12)}
    typed |= {"A20": None, f"{keys['full_name']}63": "Somebody New", f"{keys['city']}63": chance.choice(TYPED)}
    uploaded = write_into(tmp_path / "out.xlsx", tmp_path / "back.xlsx", typed)
    with app.app_context():
        for number in chance.sample(range(1, 61), 45):
            edit(
                number,
                city=chance.choice(("Brno", "Plzen")),
                street="Panel 9",
                extra={"contract": f"P{number}", "seats": 4},
            )

    answer = run(uploaded, "--review", tmp_path / "review.xlsx")
    review = tmp_path / "review.xlsx"
    again = run(review, "--dry-run", "--review", tmp_path / "second.xlsx")
    # A formula that nobody calculated comes back as the error that stands for it: what it was is said beside.
    for one in (one for one in answer["problems"] if one["value"] == ""):
        one |= {"value": "#N/A", "message": next(two["message"] for two in again["problems"] if two["at"] == one["at"])}
    assert {name: again[name] for name in LISTS} == {name: answer[name] for name in LISTS}
    assert again["created"] == answer["created"]
    assert values_of(tmp_path / "second.xlsx") == values_of(review)

    labels, chosen, cells = labels_of(review), {}, {}
    names = {"city": "City", "street": "Street", "contract": "Contract", "seats": "Seats"}
    for one in answer["conflicts"]:
        if one["field"] in names and (side := chance.choice(("panel", "workbook", ""))):
            row = one["at"].rpartition("!")[2].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
            cells[f"{labels['Choose: ' + names[one['field']]]}{row}"] = KEEP if side == "panel" else TAKE
            chosen[one["at"]] = side
    resolved = run(write_into(review, tmp_path / "chosen.xlsx", cells), "--dry-run")
    assert chosen
    assert {one["at"]: one["choice"] for one in [*resolved["conflicts"], *resolved["changes"]] if "choice" in one} == {
        **chosen,
        **{one["at"]: one["choice"] for one in answer["changes"] if "choice" in one},
    }


FOREIGN = """\
Our customers;;
;;
Name;E-mail;City;Note
Ann;ann@example.com;Brno;x
Bob;no address;=Zlin;y
Cid;cid@example.com;;z
"""


def test_the_review_of_a_foreign_file_keeps_its_addresses_and_creates_nobody_twice(
    app: Flask, run: Run, tmp_path: Path
) -> None:
    source = tmp_path / "List of friends.csv"
    source.write_text(FOREIGN, "utf-8")
    options = ("--map", "Name=full_name", "--map", "E-mail=emails")
    review = tmp_path / "review.xlsx"
    first = run(source, *options, "--skip-problems", "--review", review)
    assert (first["created"], first["refused"], [one["at"] for one in first["problems"]]) == (2, 1, ["CSV!B5"])
    sheet = first_sheet(review)
    assert sheet.title == "CSV"
    assert [[sheet.cell(row, column).value for column in range(1, 5)] for row in (1, 3, 5)] == [
        ["Our customers", None, None, None],
        ["Name", "E-mail", "City", "Note"],
        ["Bob", "no address", "=Zlin", "y"],
    ]
    assert sheet["C5"].data_type == "s"
    assert fills_of(review)["B5"] == "red"
    again = run(review, "--dry-run")
    assert (again["created"], again["refused"], again["unchanged"]) == (0, 1, 2)
    assert again["problems"] == first["problems"]
    assert [one["header"] for one in again["new_fields"]] == ["Note"]

    mended = write_into(review, tmp_path / "mended.xlsx", {"B5": "bob@example.com"})
    done = run(mended)
    assert (done["created"], done["unchanged"], done["review"]) == (1, 2, None)
    before = state(app)
    for path in (mended, source, review):
        assert run(path, *options, "--skip-problems")["created"] == 0
    assert state(app) == before
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Customer)) == 3


READ = (
    "--key", "login", "--map", "No.=login", "--map", "Town=city", "--map", "State=status",
    "--map", "Born=date_of_birth", "--map", "Rest=-", "--map-value", "State:gone=Inactive",
    "--date-order", "date_of_birth=dmy",
)  # fmt: skip
OLD_LIST = """\
No.;Town;State;Born;Rest
ann;Zlin;gone;03/04/1984;x
bob;Cheb;gone;05/06/1984;y
cid;Cheb;gone;31/31/1984;z
"""


@pytest.fixture
def old_list(app: Flask, tmp_path: Path) -> Path:
    with app.app_context():
        for name in ("ann", "bob", "cid"):
            customer(name.title(), login=name, city="Brno")
    source = tmp_path / "Old list.csv"
    source.write_text(OLD_LIST, "utf-8")
    return source


def without_column(path: Path, out: Path, header: str) -> Path:
    book = openpyxl.load_workbook(path)
    at = next(cell.column for cell in book.worksheets[0][1] if cell.value == header)
    book.worksheets[0].delete_cols(at)
    book.save(out)
    return out


def test_the_review_of_a_foreign_file_is_read_as_the_file_was(
    app: Flask, run: Run, old_list: Path, tmp_path: Path
) -> None:
    review = tmp_path / "review.xlsx"
    first = run(old_list, *READ, "--dry-run", "--review", review)
    assert (len(first["conflicts"]), len(first["problems"]), first["new_fields"]) == (6, 1, [])
    again = run(review, "--dry-run")
    names = ("conflicts", "problems", "changes", "new_fields", "suggestions")
    assert {name: again[name] for name in names} == {name: first[name] for name in names}
    assert again["exit"] == 1  # nothing that was approved goes along

    other = run(review, "--dry-run", "--map", "Town=street")
    assert {one["field"] for one in other["conflicts"]} == {"street", "status", "date_of_birth"}
    fewer = run(without_column(review, tmp_path / "fewer.xlsx", "State"), "--dry-run")
    assert {one["field"] for one in fewer["conflicts"]} == {"city", "date_of_birth"}

    labels = labels_of(review, row=1)
    mended = write_into(review, tmp_path / "mended.xlsx", {f"{labels['Born']}4": "07/08/1984"})
    assert run(mended, "--accept-unknown")["cells_updated"] == 9
    with app.app_context():
        found = db.session.scalars(select(Customer).order_by(Customer.id)).all()
        assert [(one.city, one.status.label, one.date_of_birth) for one in found] == [
            ("Zlin", "Inactive", dt.date(1984, 4, 3)),
            ("Cheb", "Inactive", dt.date(1984, 6, 5)),
            ("Cheb", "Inactive", dt.date(1984, 8, 7)),
        ]


def test_options_that_no_cell_can_hold_stay_behind(run: Run, old_list: Path, tmp_path: Path) -> None:
    review = tmp_path / "review.xlsx"
    many = [f"State:{'x' * 200}{number}=Inactive" for number in range(200)]
    told = [part for one in many for part in ("--map-value", one)]
    assert run(old_list, *READ, *told, "--dry-run", "--review", review)["exit"] == 1
    assert run(review, "--dry-run", *READ)["conflicts"] != []
    assert "No column's header is a field" in run(review, "--dry-run")["error"]


def test_whoever_uploads_a_review_in_the_panel_finds_its_columns_taken_and_may_take_them_otherwise(
    app: Flask, client: FlaskClient, run: Run, old_list: Path, tmp_path: Path
) -> None:
    review = tmp_path / "review.xlsx"
    run(old_list, *READ, "--dry-run", "--review", review)
    sign_in(client)
    client.post("/imports/upload/", data={"file": (io.BytesIO(review.read_bytes()), "review.xlsx")})
    with app.app_context():
        (options,) = db.session.scalars(select(Import.options)).all()
        assert (options["key"], options["mapping"]["Town"], options["values"]) == (
            "login", "city", {"State": {"gone": "Inactive"}},
        )  # fmt: skip
        viewer = Viewer("Admin", "panel", 1)
        mapping = {header: field for header, field in options["mapping"].items() if header != "Town"}
        replan(1, replace(ImportOptions.from_json(options), mapping=mapping), viewer)
        items = db.session.scalars(select(ImportItem.field).where(ImportItem.group == "unknown")).all()
        assert set(items) == {"status", "date_of_birth"}


def test_a_typed_password_is_not_written_into_the_review(app: Flask, run: Run, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (("full_name", "password", "city", "emails"), ("Ann", "Very secret 1", "Brno", "none")):
        book.worksheets[0].append(row)
    book.save(tmp_path / "in.xlsx")
    run(tmp_path / "in.xlsx", "--review", tmp_path / "review.xlsx")
    assert values_of(tmp_path / "review.xlsx")["B2"] == MASK
    text = (tmp_path / "review.xlsx").read_bytes()
    assert b"Very secret" not in b"".join(office_parts(text))
    labels = labels_of(tmp_path / "review.xlsx", row=1)
    assert "not written" in first_sheet(tmp_path / "review.xlsx")[f"{labels['Also noted']}2"].value


def office_parts(content: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        return [parts.read(name) for name in parts.namelist()]


def test_the_page_sends_the_review_and_the_audit_says_so(
    app: Flask, client: FlaskClient, back: Path, tmp_path: Path
) -> None:
    sign_in(client)
    answer = client.post("/imports/upload/", data={"file": (back.open("rb"), "March.xlsx")})
    page = client.get(answer.location)
    assert "Review workbook" in page.text
    sent = client.post(f"{answer.location}review/", buffered=True)
    assert "March%20%E2%80%93%20review.xlsx" in sent.headers["Content-Disposition"]
    (tmp_path / "review.xlsx").write_bytes(sent.data)
    assert values_of(tmp_path / "review.xlsx") == values_of(back)
    with app.app_context():
        event = db.session.scalars(select(Event).where(Event.name == "review")).one()
        assert event.detail["file"] == "March.xlsx"
        assert event.user_id is not None
    assert client.get(f"{answer.location}review/").status_code == 405


def test_what_was_chosen_in_the_preview_goes_along_into_the_review(
    app: Flask, run: Run, client: FlaskClient, back: Path, tmp_path: Path
) -> None:
    keys = read_keys(back)
    new = {f"{keys['full_name']}{row}": name for row, name in ((8, "Wanted"), (9, "Declined"))}
    path = write_into(back, tmp_path / "in.xlsx", {**new, f"{keys['city']}6": "Turned down"})
    sign_in(client)
    address = client.post("/imports/upload/", data={"file": (path.open("rb"), "March.xlsx")}).location
    with app.app_context():
        lines = {one.at.partition("!")[2]: one.number for one in db.session.scalars(select(ImportItem))}
    street, city, change, declined = (
        lines[at] for at in (f"{keys['street']}3", f"{keys['city']}3", f"{keys['city']}6", "9")
    )
    client.post(f"{address}choose/", data={f"choice.{street}": "panel", "group": "conflict"})
    client.post(f"{address}choose/", data={f"choice.{city}": "other", f"other.{city}": "Plzen", "group": "conflict"})
    client.post(f"{address}choose/", data={"line": [change], "group": "change"})
    client.post(f"{address}choose/", data={"line": [declined], "group": "new"})
    review = tmp_path / "review.xlsx"
    review.write_bytes(client.post(f"{address}review/", buffered=True).data)
    labels, sheet = labels_of(review), first_sheet(review)
    chosen = {
        label: sheet[f"{labels[f'Choose: {label}']}{row}"].value for label, row in (("Street", 3), ("New customer", 9))
    }
    assert chosen == dict.fromkeys(chosen, KEEP)
    assert [sheet[f"{labels['Choose: City']}{row}"].value for row in (3, 5, 6)] == [None, None, KEEP]

    mended = {
        f"{keys['date_of_birth']}4": None,
        f"{keys['emails']}5": None,
        f"{labels['Choose: City']}5": TAKE,
        "B7": 5,
    }
    done = run(write_into(review, tmp_path / "mended.xlsx", mended))
    assert done["applied"], done["said"]
    with app.app_context():
        first, fourth = (db.session.get_one(Customer, number) for number in (1, 4))
        assert (first.street, first.city) == ("Panel 9", "Plzen")
        assert (fourth.street, fourth.city) == ("Short 2", "Praha")
        names = set(db.session.scalars(select(Customer.full_name).where(Customer.id > 5)))
        assert names == {"Wanted"}


def test_a_column_that_the_viewer_may_not_see_is_left_out_whole(
    app: Flask, client: FlaskClient, back: Path, tmp_path: Path
) -> None:
    with app.app_context():
        add_user("limited@example.com", "manager")
        with writing():
            user = db.session.scalars(select(User).where(User.email == "limited@example.com")).one()
            manager = user.roles[0]
            user.roles = [Role(name="limited", permissions=manager.permissions, field_rights={"street": "none"})]
    sign_in(client, "limited@example.com", STAFF_PASSWORD)
    address = client.post("/imports/upload/", data={"file": (back.open("rb"), "March.xlsx")}).location
    review = tmp_path / "review.xlsx"
    review.write_bytes(client.post(f"{address}review/", buffered=True).data)
    assert "street" not in read_keys(review)
    assert not {"Mine 3", "Short 2", "Panel 9", "Long 1"} & set(values_of(review).values())
    assert "Choose: City" in labels_of(review)


def test_what_an_applied_import_left_out_can_be_reviewed_while_its_file_is_there(
    run: Run, client: FlaskClient, back: Path, tmp_path: Path, database: Database
) -> None:
    done = run(back, "--prefer", "workbook", "--skip-problems")
    sign_in(client)
    sent = client.post(f"/imports/{done['import']}/review/", buffered=True)
    (tmp_path / "review.xlsx").write_bytes(sent.data)
    assert {place.lstrip(ascii_uppercase) for place in fills_of(tmp_path / "review.xlsx")} == {"4", "5", "7"}
    again = run(tmp_path / "review.xlsx", "--dry-run")
    assert (again["refused"], again["updated"], again["conflicts"]) == (done["refused"], 0, [])
    for path in (database.instance / "uploads").iterdir():
        path.unlink()
    gone = client.post(f"/imports/{done['import']}/review/", follow_redirects=True)
    assert "not kept any more" in gone.text
