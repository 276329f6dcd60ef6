"""Additional fields that point to customers, partners and locations, through every layer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import event, select

from panel.database import reading, writing
from panel.extensions import db
from panel.models import AdditionalField, Customer, Location, Partner
from panel.models.columns import now
from panel.signature import signature
from tests.builders import additional_field, customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, sign_in
from tests.sheets import change, read_keys, sheet_of

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(runner: FlaskCliRunner) -> Run:
    def call(*arguments: object) -> dict[str, Any]:
        result = runner.invoke(args=["import", *map(str, arguments), "--json"])
        answer: dict[str, Any] = json.loads(result.stdout)
        return {**answer, "exit": result.exit_code}

    return call


@pytest.fixture
def people(app: Flask) -> None:
    """Ann (1), Novak, Jan (2) and Eva (3), each with a payer and friends; Eva belongs to the partner North."""
    with app.app_context():
        additional_field("payer", "relation", label="Payer", target="customer", show_in_list=True)
        additional_field("friends", "multi_relation", label="Friends", target="customer", max=3)
        additional_field("depot", "relation", label="Depot", target="location")
        additional_field("resellers", "multi_relation", label="Resellers", target="partner")
        with writing():
            db.session.add_all([Partner(name="North"), Location(name="Brno, east")])
        customer("Ann", login="ann")
        customer("Novak, Jan", login="novak")
        customer("Eva", login="eva", partner_id=2)
        edit(1, extra={"payer": 2, "friends": [2, 3], "depot": 2, "resellers": [1, 2]})


def extra_of(app: Flask, record_id: int = 1) -> dict[str, Any]:
    with app.app_context():
        return dict(db.session.get_one(Customer, record_id, populate_existing=True).extra)


def state(app: Flask) -> str:
    with app.app_context(), reading() as connection:
        return signature(connection)


def binned(record_id: int) -> None:
    edit(record_id, deleted_at=now())


def exported(runner: FlaskCliRunner, path: Path, *arguments: str) -> Path:
    result = runner.invoke(args=["export", str(path), *arguments])
    assert result.exit_code == 0, result.output
    return path


def test_pages_show_labels_that_follow_the_customer(app: Flask, client: FlaskClient, people: None) -> None:
    page = sign_in(client).get("/customers/details/?id=1").text
    for words in ("#2 Novak, Jan</a>", "#3 Eva</a>", "Brno, east", "Main, North"):
        assert words in page
    assert "#2 Novak, Jan" in client.get("/customers/").text
    form = form_with(client.get("/customers/edit/?id=1").text, "full_name")
    assert (form["payer"], form["friends"]) == (["#2 Novak, Jan"], ['"#2 Novak, Jan", #3 Eva'])
    assert (form["depot"], form["resellers"]) == (["Brno, east"], ["", "1", "2"])
    with app.app_context():
        edit(2, full_name="Jan Black")
        binned(3)
    page = client.get("/customers/details/?id=1").text
    assert "#2 Jan Black</a>" in page
    assert "#3 Eva (in the bin)" in page
    before = state(app)
    assert client.post("/customers/edit/?id=1", data=form).status_code == 302
    assert state(app) == before


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ({"payer": "#3"}, {"payer": 3}),
        ({"payer": "3"}, {"payer": 3}),
        ({"payer": "EVA"}, {"payer": 3}),
        ({"payer": ""}, {"payer": None}),
        ({"friends": "ann, #2"}, {"friends": [1, 2]}),
        ({"depot": "Main"}, {"depot": 1}),
        ({"resellers": ["", "2"]}, {"resellers": [2]}),
    ],
)
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_form_takes_ids_and_logins(
    app: Flask, client: FlaskClient, people: None, typed: dict[str, Any], stored: dict[str, Any]
) -> None:
    form = form_with(sign_in(client).get("/customers/edit/?id=1").text, "full_name")
    answer = client.post("/customers/edit/?id=1", data=form | typed)
    assert answer.status_code == 302, answer.text
    found = extra_of(app)
    assert {key: found.get(key) for key in stored} == stored


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"payer": "#99"}, "There is no customer #99 that you may point to."),
        ({"payer": "#3"}, "There is no customer #3 that you may point to."),
        ({"payer": "nobody"}, "is no customer. Write # and the ID"),
        ({"payer": "9223372036854775808"}, "is no customer. Write # and the ID"),
        ({"friends": "#2, #9223372036854775807"}, "There is no customer #9223372036854775807"),
        ({"friends": "#1, #2, #4, #5"}, "has 4 entries. Write at most 3 entries."),
        ({"resellers": ["", "9"]}, "is none of the options"),
    ],
)
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_form_refuses_whoever_is_not_there(
    app: Flask, client: FlaskClient, people: None, typed: dict[str, Any], said: str
) -> None:
    with app.app_context():
        edit(1, extra={"friends": [2]})
        binned(3)
    before = extra_of(app)
    form = form_with(sign_in(client).get("/customers/edit/?id=1").text, "full_name")
    answer = client.post("/customers/edit/?id=1", data=form | typed)
    assert said in answer.text
    assert extra_of(app) == before


def test_a_user_of_a_partner_neither_sees_nor_reaches_the_customers_of_others(
    app: Flask, client: FlaskClient, people: None, runner: FlaskCliRunner, run: Run, tmp_path: Path
) -> None:
    with app.app_context():
        add_user("main@example.com", "admin", 1)
    sign_in(client, "main@example.com", STAFF_PASSWORD)
    pages = [
        client.get(address).text for address in ("/customers/details/?id=1", "/customers/edit/?id=1", "/customers/")
    ]
    assert "#3</a>" in pages[0]
    assert "Eva" not in "".join(pages)
    assert client.get("/lookup/customers/?q=eva").json == []
    assert [one["value"] for one in client.get("/lookup/customers/?q=novak").json] == ["#2"]
    form = form_with(pages[1], "full_name")
    for typed in ("#3", "eva"):
        page = client.post("/customers/edit/?id=1", data=form | {"payer": typed}).text
        assert "that you may point to" in page or "is no customer" in page
    out = exported(runner, tmp_path / "out.csv", "--as", "main@example.com")
    assert "Eva" not in out.read_text("utf-8-sig")
    assert run(out, "--as", "main@example.com")["cells_updated"] == 0
    for typed in ("#3", "eva", "#99"):
        (tmp_path / "in.csv").write_text(f"ID,Payer\n1,{typed}\n", encoding="utf-8")
        refused = run(tmp_path / "in.csv", "--as", "main@example.com", "--accept-unknown")
        assert (refused["exit"], len(refused["problems"])) == (1, 1)
    assert extra_of(app)["payer"] == 2


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_a_workbook_that_is_out_while_customers_are_renamed_changes_nothing(
    app: Flask, runner: FlaskCliRunner, people: None, run: Run, tmp_path: Path, suffix: str
) -> None:
    out = exported(runner, tmp_path / f"out.{suffix}")
    with app.app_context():
        edit(2, full_name="Jan Black")
        with writing():
            db.session.get_one(Location, 2).name = "West"
            db.session.get_one(Partner, 2).name = "South"
        binned(3)
    before = state(app)
    answer = run(out)
    assert (answer["exit"], answer["cells_updated"], answer["problems"], answer["conflicts"]) == (0, 0, [], [])
    assert state(app) == before


def test_cells_are_edited_by_id_login_and_label_and_go_back(
    app: Flask, runner: FlaskCliRunner, people: None, run: Run, tmp_path: Path
) -> None:
    out = exported(runner, tmp_path / "out.xlsx")
    columns = read_keys(out)
    assert sheet_of(out)[f"{columns['payer']}3"].value == "#2 Novak, Jan"
    lists = [rule.formula1 for rule in sheet_of(out).data_validations.dataValidation]
    assert not any("Novak" in str(formula) for formula in lists)
    before = state(app)
    cells = {"payer": "eva", "friends": "#2, #1 whatever is here", "depot": "Main", "resellers": "North"}
    back = change(out, tmp_path / "back.xlsx", {f"{columns[key]}3": text for key, text in cells.items()})
    plan = run(back, "--dry-run")
    assert {(one["field"], str(one["panel"]), str(one["workbook"])) for one in plan["changes"]} == {
        ("payer", "#2", "#3"),
        ("friends", "['#2', '#3']", "['#1', '#2']"),
        ("depot", "Brno, east", "Main"),
        ("resellers", "['Main', 'North']", "['North']"),
    }
    done = run(back)
    assert extra_of(app) == {"payer": 3, "friends": [1, 2], "depot": 1, "resellers": [2]}
    assert runner.invoke(args=["undo", str(done["import"])]).exit_code == 0
    assert state(app) == before


def test_members_of_both_sides_meet_and_one_in_the_bin_blocks_nothing(
    app: Flask, runner: FlaskCliRunner, people: None, run: Run, tmp_path: Path
) -> None:
    out = exported(runner, tmp_path / "out.xlsx")
    with app.app_context():
        customer("Fourth")
        edit(1, extra={"friends": [2, 3, 4]})
        binned(3)
    back = change(out, tmp_path / "back.xlsx", {f"{read_keys(out)['friends']}3": "#3"})
    assert run(back)["problems"] == []
    assert extra_of(app)["friends"] == [3, 4]


def test_each_row_that_points_to_nobody_is_a_problem_at_its_cell(
    app: Flask, people: None, run: Run, tmp_path: Path
) -> None:
    lines = ["1,,#99,", "2,,,#1; #98", "3,,eva,", ",New,=1+1,", ",Other,ann,novak"]
    source = tmp_path / "in.csv"
    source.write_text("ID,Full name,Payer,Friends\n" + "\n".join(lines) + "\n", encoding="utf-8")
    refused = run(source, "--accept-unknown")
    assert [(one["at"], one["field"], one["value"]) for one in refused["problems"]] == [
        ("CSV!C2", "payer", "#99"),
        ("CSV!D3", "friends", "#98"),
        ("CSV!C5", "payer", "=1+1"),
    ]
    done = run(source, "--accept-unknown", "--skip-problems")
    assert (done["updated"], done["created"], done["refused"]) == (1, 1, 3)
    assert extra_of(app, 3)["payer"] == 3
    assert extra_of(app, 4) == {"payer": 1, "friends": [2]}


def test_labels_are_read_once_for_all_rows(
    app: Flask, client: FlaskClient, runner: FlaskCliRunner, people: None, run: Run, tmp_path: Path
) -> None:
    def statements(act: Callable[[], object]) -> int:
        counted: list[str] = []
        with app.app_context():
            engine = db.engine
        listen = lambda *given: counted.append(given[2])  # noqa: E731 - as short as it is
        event.listen(engine, "before_cursor_execute", listen)
        act()
        event.remove(engine, "before_cursor_execute", listen)
        return len(counted)

    def measured() -> list[int]:
        out = tmp_path / "out.csv"
        return [
            statements(lambda: client.get("/customers/")),
            statements(lambda: exported(runner, out)),
            statements(lambda: run(out, "--dry-run")),
        ]

    sign_in(client)
    few = measured()
    with app.app_context():
        for number in range(30):
            customer(f"Number {number}", extra={"payer": 1 + number % 3, "friends": [1 + number % 3]})
    assert [many - one for many, one in zip(measured(), few, strict=True)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("flt_payer_is=%232", ["Ann"]),
        ("flt_payer_not=2", ["Eva", "Novak, Jan"]),
        ("flt_payer_empty=Yes", ["Eva", "Novak, Jan"]),
        ("flt_friends_has=3", ["Ann"]),
        ("flt_friends_has=%232,%233", ["Ann"]),
        ("flt_friends_has=1", []),
        ("flt_depot_is=2", ["Ann"]),
        ("flt_depot_in=1&flt_depot_in=2", ["Ann"]),
        ("flt_resellers_has=1", ["Ann"]),
        ("flt_resellers_hasany=2", ["Ann"]),
    ],
)
def test_lists_are_filtered_and_sorted_by_what_is_pointed_to(
    app: Flask, client: FlaskClient, people: None, query: str, found: list[str]
) -> None:
    with app.app_context():
        edit(2, extra={"friends": [12, 31]})
    page = sign_in(client).get(f"/customers/?sort=payer&{query}").text
    names = [part.partition(">")[2].partition("<")[0] for part in page.split("/customers/details/?id=")[1:]]
    assert sorted(name for name in names if name) == found


def test_the_history_names_them_and_so_does_the_search(app: Flask, client: FlaskClient, people: None) -> None:
    with app.app_context(), writing():
        for one in db.session.scalars(select(AdditionalField)):
            one.searchable = True
    page = " ".join(sign_in(client).get("/customers/details/?id=1").text.split())
    link = '<a href="/customers/details/?id=2">#2 Novak, Jan</a>'
    assert f'Payer</span> to <span class="new">{link}</span>' in page
    assert ">Ann</a>" in client.get("/customers/?search=east").text
    assert ">Ann</a>" in client.get("/customers/?search=%233").text


def test_an_admin_says_what_a_field_points_to_and_that_stays(app: Flask, client: FlaskClient, people: None) -> None:
    plain = {"label": "Boss", "key": "boss", "type": "relation", "category": "all", "position": "0", "add": "y"}
    sign_in(client)
    for wrong, said in (
        ({"target": "customer", "default": "#99"}, "There is no customer #99"),
        ({"target": "location", "default": "Zlin"}, "is none of the options"),
        ({"target": "user"}, "Choose what it points to."),
    ):
        assert said in client.post("/fields/new/", data=plain | wrong).text
    assert client.post("/fields/new/", data=plain | {"target": "location", "default": "brno, east"}).status_code == 302
    assert form_with(client.get("/customers/new/").text, "full_name")["boss"] == ["Brno, east"]
    with app.app_context():
        number = db.session.scalars(select(AdditionalField.id).where(AdditionalField.key == "boss")).one()
    form = form_with(client.get(f"/fields/edit/?id={number}").text, "label")
    client.post(f"/fields/edit/?id={number}", data=form | {"target": "customer", "label": "Place"})
    with app.app_context():
        one = db.session.get_one(AdditionalField, number)
        assert (one.label, one.target) == ("Place", "location")


def test_a_place_that_a_field_points_to_is_not_deleted(app: Flask, client: FlaskClient, people: None) -> None:
    sign_in(client).post("/locations/delete/", data={"id": "2"})
    assert "1 customer has Brno, east as " in client.get("/").text
    client.post("/partners/delete/", data={"id": "2"})
    with app.app_context():
        assert (db.session.get(Location, 2) is None, db.session.get(Partner, 2) is None) == (False, False)


def test_the_lookup_answers_few_and_only_who_may_list(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        for number in range(25):
            customer(f"Anna {number}", login=f"a{number}")
    assert client.get("/lookup/customers/?q=anna").status_code in {302, 401}
    found = sign_in(client).get("/lookup/customers/?q=anna").json
    assert len(found) == 20
    assert found[0] == {"value": "#25", "text": "#25 Anna 24"}
    assert client.get("/lookup/customers/").json == []
    assert client.get("/lookup/customers/?q=%00%27%25").json == []
