"""Additional fields over their lives: defined with a preview, ordered, renamed, changed, retired and restored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.database import writing
from panel.exporting import export_workbook
from panel.extensions import db
from panel.fields_work import listing, rewriting
from panel.fields_work.listing import fields_in_use
from panel.imports.at_once import import_at_once
from panel.imports.options import ImportOptions, Viewer
from panel.imports.undo_journey import undo_import
from panel.jobs import run_pending
from panel.models import AdditionalField, Customer, Revision, UniqueValue
from panel.models.columns import now
from panel.records import records_by_id
from panel.schema import current_schema
from panel.structures import existing
from sync.types import FIELD_TYPES
from sync.values import read_json
from tests.builders import additional_field, customer
from tests.panel.pages import add_user, form_with, sign_in
from tests.sheets import change, read_keys

SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
FIELD = {"label": "Code", "key": "code", "type": "string", "category": "all", "add": "y", "position": "0"}


# The preview


def preview(client: FlaskClient, **typed: Any) -> Any:
    answer = client.post("/fields/preview/", data=FIELD | typed)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


@SQLITE
@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ({}, ['name="sample"', ">Code</label>"]),
        ({"required": "y"}, ["form-label required"]),
        ({"label": "<b>"}, ["&lt;b&gt;"]),
        ({"default": "A1"}, ['value="A1"']),
        ({"type": "text"}, ["<textarea"]),
        ({"type": "select", "options": "Fibre\nRadio", "default": "Radio"}, ['value="Radio" selected']),
        ({"type": "relation", "target": "location"}, ['<option value="Main"']),
        ({"type": "phone"}, ['id="sample-hint">', "+420"]),
        ({"type": "integer", "default": "many"}, ["is no whole number"]),
        ({"type": "integer", "min": "wrong", "max": "nan"}, ['name="sample"']),
        ({"read_only": "y"}, ["For reading only.", 'disabled="True"']),
        ({}, ["It is seen in the add window, on the edit page, in workbooks."]),
        ({"add": "", "show_in_list": "y", "searchable": "y"}, ["on the edit page, in the list, by the search, in"]),
        ({"type": "password", "show_in_list": "y"}, ["It is seen in the add window, on the edit page."]),
        ({"hidden": "y"}, ["seen nowhere but in history"]),
        ({"category": "company"}, ["Only customers of the category Company have it."]),
    ],
)
def test_a_field_is_shown_as_it_will_look_while_it_is_defined(
    app: Flask, client: FlaskClient, typed: dict[str, str], seen: list[str]
) -> None:
    html = preview(sign_in(client), **typed)["html"]
    for words in seen:
        assert words in html


@SQLITE
@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"sample": "A1", "max": "1"}, "has 2 characters"),
        ({"sample": "", "required": "y"}, "Code is required."),
        ({"sample": "x", "type": "integer"}, "is no whole number"),
        ({"sample": "1", "type": "integer"}, ""),
    ],
)
def test_a_sample_is_judged_as_a_customers_value_would_be(
    app: Flask, client: FlaskClient, typed: dict[str, str], problem: str
) -> None:
    problems = preview(sign_in(client), **typed)["problems"]
    assert problem in " ".join(problems)
    assert bool(problems) == bool(problem)


@SQLITE
def test_a_preview_writes_nothing_and_is_for_those_who_configure(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), writing():
        db.session.add(AdditionalField(key="code", label="Code"))
    preview(sign_in(client))
    assert client.post("/fields/preview/?id=1", data={"label": "Other"}).status_code == 200
    assert client.post("/fields/preview/", data=FIELD | {"type": "secret"}).status_code == 400
    with app.app_context():
        assert [one.label for one in db.session.query(AdditionalField)] == ["Code"]
        add_user("eva@example.com", "manager")
    client.get("/sign-out/")
    eva = sign_in(app.test_client(), "eva@example.com", "four words and a comma")
    assert eva.post("/fields/preview/", data=FIELD).status_code == 403


@SQLITE
def test_a_field_that_comes_after_the_most_that_are_indexed_is_said_to_be_slower(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("panel.structures.MOST_INDEXED", 2)
    with app.app_context():
        for number, where in enumerate(("show_in_list", "add", "searchable", "show_in_list")):
            additional_field(f"f{number}", position=number, **{where: True})
        names = existing(db.session.connection())
        assert {name[:17] for name in names if name.startswith("ix_customer_cf_")} == {
            "ix_customer_cf_f0",
            "ix_customer_cf_f2",
        }
    sign_in(client)

    def is_slower(key: str = "", **typed: str) -> bool:
        address = f"/fields/preview/?id={1 + int(key[1])}" if key else "/fields/preview/"
        return "Lists are slower by it" in client.post(address, data=FIELD | typed).get_json()["html"]

    assert is_slower(show_in_list="y")
    assert is_slower("f3", searchable="y")
    assert not is_slower("f3")
    assert not is_slower("f1", searchable="y")
    assert not is_slower("f2", searchable="y")
    assert not is_slower(type="password", show_in_list="y")


# The list: order, use, retiring


def order() -> list[str]:
    return [one.key for one in fields_in_use()]


def three(app: Flask) -> None:
    with app.app_context():
        for place, key in enumerate(("a", "b", "c")):
            additional_field(key, position=place)


@pytest.mark.parametrize("data", [{"ids": "3,1,2"}, {"ids": "3,1"}, {"ids": "3,3,1,99,x"}])
def test_the_order_that_was_dragged_is_the_order_of_forms(
    app: Flask, client: FlaskClient, data: dict[str, str]
) -> None:
    three(app)
    assert sign_in(client).post("/fields/order/", data=data).status_code == 204
    with app.app_context():
        assert order() == ["c", "a", "b"]
    page = client.get("/customers/new/").text
    assert page.index('name="c"') < page.index('name="a"') < page.index('name="b"')


@SQLITE
def test_a_field_moves_by_its_buttons_and_a_new_one_is_the_last(app: Flask, client: FlaskClient) -> None:
    three(app)
    sign_in(client)
    for field_id, to in ((3, "up"), (1, "up"), (2, "down")):
        assert client.post("/fields/move/", data={"id": field_id, "to": to}).status_code == 302
    client.post("/fields/new/", data=FIELD)
    with app.app_context():
        assert order() == ["a", "c", "b", "code"]


@SQLITE
@pytest.mark.parametrize("address", ["/fields/order/", "/fields/move/", "/fields/restore/"])
def test_only_those_who_configure_order_and_restore(app: Flask, client: FlaskClient, address: str) -> None:
    three(app)
    with app.app_context():
        add_user("eva@example.com", "manager")
    sign_in(client, "eva@example.com", "four words and a comma")
    assert client.post(address, data={"ids": "3,2,1", "id": 3, "to": "up"}).status_code == 403
    with app.app_context():
        assert order() == ["a", "b", "c"]


def test_the_list_says_for_how_many_a_field_is_filled_in_and_leads_to_them(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    three(app)
    with app.app_context():
        additional_field("sets", "multi_select", options=[["x", "X"]])
        customer("Ann", extra={"a": "1", "b": "", "sets": []})
        customer("Bob", extra={"a": "2", "sets": ["x"]})
        customer("Gone", extra={"a": "3"}, deleted_at=now())
    page = sign_in(client).get("/fields/").text
    assert page.count("2 of 2<") == 1
    assert page.count("1 of 2<") == 1
    assert page.count("0 of 2<") == 2
    listed = client.get("/customers/?flt_a_empty=No").text
    assert 'href="/customers/?flt_a_empty=No"' in page
    assert ">Ann</a>" in listed
    assert ">Bob</a>" in listed
    monkeypatch.setattr(listing, "COUNTED", 1)
    assert "of 2<" not in client.get("/fields/").text
    assert "2 of 2<" in client.get("/fields/?counted=1").text


def test_a_restored_field_has_its_values_back_and_claims_them_anew(app: Flask, client: FlaskClient) -> None:
    sign_in(client).post("/fields/new/", data=FIELD | {"is_unique": "y"})
    with app.app_context():
        ann, bob = customer("Ann", extra={"code": "A1"}), customer("Bob", extra={"code": "B2"})
    held = select(UniqueValue.value, UniqueValue.record_id).where(UniqueValue.field == "code")
    client.post("/fields/delete/", data={"id": 1})
    with app.app_context():
        assert order() == []
        assert db.session.execute(held).all() == []
    client.post("/fields/restore/", data={"id": 1})
    assert "Code was restored." in client.get("/fields/").text
    with app.app_context():
        assert {(value, owner) for value, owner in db.session.execute(held)} == {("a1", ann), ("b2", bob)}
    assert "A1" in client.get(f"/customers/details/?id={ann}").text


def test_a_field_stays_retired_while_it_is_unique_and_its_values_are_not(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        additional_field("code")
        customer("Ann", extra={"code": "A1"})
        customer("Bob", extra={"code": "a1"})
        with writing():
            one = db.session.query(AdditionalField).one()
            one.retired = one.is_unique = True
    sign_in(client).post("/fields/restore/", data={"id": 1})
    page = client.get("/fields/").text
    assert "It stays retired. This cannot be unique yet" in page
    with app.app_context():
        assert order() == []


@SQLITE
def test_there_are_at_most_as_many_fields_as_the_setting_says(app: Flask, client: FlaskClient) -> None:
    three(app)
    app.config["ROLLBOOK_FIELDS"] = 3
    answer = sign_in(client).post("/fields/new/", data=FIELD)
    assert "There may be 3 additional fields." in answer.text
    client.post("/fields/delete/", data={"id": 3})
    assert client.post("/fields/new/", data=FIELD).status_code == 302
    client.post("/fields/restore/", data={"id": 3})
    assert "It stays retired. There may be 3" in client.get("/fields/").text
    with app.app_context():
        assert order() == ["a", "b", "code"]


# Options

ALPHA_BETA = [["a", "Alpha"], ["b", "Beta"], ["c", "Gamma"]]
ME = Viewer("command line", "command")


def edited(client: FlaskClient, **typed: Any) -> Any:
    form = form_with(client.get("/fields/edit/?id=1").text, "label")
    return client.post("/fields/edit/?id=1", data=form | typed)


def taken(file: Path) -> dict[str, int]:
    planned, _id = import_at_once(file, ImportOptions(), ME, dry_run=False)
    return {"changed": len(planned.plan.updates), "problems": len(planned.plan.problems)}


def options() -> Any:
    return db.session.scalars(select(AdditionalField.options).execution_options(populate_existing=True)).one()


def values(key: str = "code") -> list[Any]:
    db.session.rollback()
    return [(one or {}).get(key) for one in db.session.scalars(select(Customer.extra).order_by(Customer.id))]


@SQLITE
@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([("a", "Alpha"), ("b", "Beta")], [["a", "Alpha"], ["b", "Beta"]]),
        ([("b", "Bold"), ("a", "Alpha")], [["b", "Bold"], ["a", "Alpha"]]),
        ([("a", "Beta"), ("b", "Alpha")], [["a", "Beta"], ["b", "Alpha"]]),
        ([("a", "Alpha"), ("b", "Beta"), ("", "a")], [["a", "Alpha"], ["b", "Beta"], ["a 2", "a"]]),
        ([("a", "Alpha"), ("", "Beta"), ("zz", "New")], [["a", "Alpha"], ["b", "Beta"], ["New", "New"]]),
        ([("a", "Alpha\nBeta\nNew")], [["a", "Alpha"], ["b", "Beta"], ["New", "New"]]),
        ([("a", "Alpha"), ("b", " ")], [["a", "Alpha"]]),
    ],
)
def test_an_option_keeps_its_key_under_another_label_and_in_another_place(
    app: Flask, client: FlaskClient, rows: list[tuple[str, str]], kept: list[list[str]]
) -> None:
    with app.app_context():
        additional_field("code", "select", options=ALPHA_BETA[:2])
    keys, labels = [key for key, _label in rows], [label for _key, label in rows]
    assert edited(sign_in(client), options=labels, options_key=keys).status_code == 302
    with app.app_context():
        assert options() == kept


def test_a_workbook_that_is_out_follows_a_renamed_option(app: Flask, client: FlaskClient, tmp_path: Path) -> None:
    with app.app_context():
        additional_field("code", "select", options=ALPHA_BETA)
        customer(extra={"code": "a"})
        customer(extra={"code": "b"})
        out = tmp_path / "out.xlsx"
        export_workbook(out, fields=None, where=(), viewer=ME)
    edited(sign_in(client), options=["First", "Beta", "Gamma"], options_key=["a", "b", "c"])
    with app.app_context():
        assert taken(out) == {"changed": 0, "problems": 0}
        back = change(out, tmp_path / "back.xlsx", {f"{read_keys(out)['code']}4": "Alpha"})
        assert taken(back) == {"changed": 1, "problems": 0}
        assert values() == ["a", "a"]


def assert_old_names_are_followed(out: Path, folder: Path) -> None:
    assert taken(out) == {"changed": 0, "problems": 0}
    cells = {f"{read_keys(out)['code']}8": "Beta"}
    assert taken(change(out, folder / "back.xlsx", cells)) == {"changed": 1, "problems": 0}


@pytest.mark.parametrize(("type_", "plain"), [("select", str), ("multi_select", lambda key: [key])])
@pytest.mark.parametrize("most", [5_000, 0])
def test_an_option_that_customers_have_goes_where_it_is_said_and_comes_back_by_undoing(
    app: Flask, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, type_: str, plain: Any, most: int
) -> None:
    monkeypatch.setattr(rewriting, "MOST_IN_A_REQUEST", most)
    monkeypatch.setattr(rewriting, "AT_ONCE", 2)
    with app.app_context():
        additional_field("code", type_, options=ALPHA_BETA)
        for key in "abcbb":
            customer(extra={"code": plain(key)})
        customer(extra={"code": plain("b")}, deleted_at=now())
        customer()
        out = tmp_path / "out.xlsx"
        export_workbook(out, fields=None, where=(), viewer=ME)
    rows: dict[str, Any] = {"options": ["Alpha"], "options_key": ["a"]}
    page = edited(sign_in(client), **rows).text
    for words in ("Say where they go.", "Beta is taken away.", ">4 customers</a>", ">1 customer</a>"):
        assert words in page
    answer = edited(client, **rows, gone=["b", "c"], gone_to=["to:a", "clear"])
    assert answer.status_code == 302
    with app.app_context():
        assert run_pending() == (0 if most else 1)
        moved, none = plain("a"), None
        assert values() == [moved, moved, none, moved, moved, moved, none]
        assert options() == [["a", "Alpha"]]
        last = db.session.scalars(select(Revision).where(Revision.record_id == 2, Revision.number == 2)).one()
        assert (last.changes, last.by) == ({"code": [plain("b"), moved]}, "Admin")
        assert_old_names_are_followed(out, tmp_path)
        assert values()[6] == moved
    job = answer.headers["Location"]
    assert "<strong>5</strong>" in client.get(f"{job}undo/").text
    client.post(f"{job}undo/")
    with app.app_context():
        assert run_pending() == 1
        assert values() == [*map(plain, "abcbbb"), moved]
        assert {key for key, _label in options()} == {"a", "b", "c"}


@SQLITE
def test_nobody_is_moved_to_where_there_is_nothing(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        additional_field("code", "select", options=ALPHA_BETA, required=True)
        customer(extra={"code": "b"})
    sign_in(client)
    rows: dict[str, Any] = {"options": ["Alpha"], "options_key": ["a"], "gone": ["b"]}
    for to in ("", "to:b", "to:c", "clear", "a"):
        assert "Say where they go." in edited(client, **rows, gone_to=[to]).text
    with app.app_context():
        assert values() == ["b"]
        assert options() == ALPHA_BETA


# The default for all


@pytest.mark.parametrize("most", [5_000, 0])
@pytest.mark.parametrize(("which", "after"), [("blank", [7, 7, 1, 7]), ("all", [7, 7, 7, 7])])
def test_a_default_is_given_to_all_after_a_look_and_taken_back(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, which: str, after: list[int], most: int
) -> None:
    monkeypatch.setattr(rewriting, "MOST_IN_A_REQUEST", most)
    with app.app_context():
        additional_field("code", "integer", category="company")
        for value in ({}, {"code": 7}, {"code": 1}, {}):
            customer(category="company", extra=value)
        customer()
        customer(category="company", deleted_at=now())
    answer = edited(sign_in(client), default="7", set_default="y")
    page = client.get(answer.headers["Location"]).text
    for words in ("is 7.", "Only those without a value: 2 customers", "All: 4 customers", ">2 customers</a>"):
        assert words in page
    with app.app_context():
        assert values()[:4] == [None, 7, 1, None]
    job = client.post("/fields/default/", data={"id": 1, "which": which}).headers["Location"]
    with app.app_context():
        assert run_pending() == (0 if most else 1)
        assert values() == [*after, None, None]
        last = db.session.scalars(select(Revision).where(Revision.record_id == 1, Revision.number == 2)).one()
        assert (last.changes, last.reason) == ({"code": [None, 7]}, "The default value was set for all.")
    client.post(f"{job}undo/")
    with app.app_context():
        assert run_pending() == 1
        assert values() == [None, 7, 1, None, None, None]


@SQLITE
@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"default": None}, "has no default value. Give it one first."),
        ({"default": "7", "is_unique": True}, "is unique: only one customer can have its default value."),
        ({"default": "7"}, "Nobody would get it: every customer has a value."),
    ],
)
def test_a_default_for_all_that_makes_no_sense_is_refused(
    app: Flask, client: FlaskClient, field: dict[str, Any], words: str
) -> None:
    with app.app_context():
        additional_field("code", **field)
        customer(extra={"code": "1"})
    sign_in(client).post("/fields/default/", data={"id": 1, "which": "blank"})
    assert words in client.get("/fields/").text


# Limits


@SQLITE
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"min": "-1"}, "A length is counted: write a whole number that is not negative."),
        ({"max": "2.5"}, "A length is counted"),
        ({"type": "multi_select", "options": "a\nb", "min": "3"}, "There are only 2 options."),
        ({"type": "boolean", "is_unique": "y"}, "A field of the type Yes or no cannot be unique."),
        ({"type": "boolean", "searchable": "y"}, "A field of the type Yes or no is not searched."),
        ({"type": "password", "show_in_list": "y"}, "is not shown in lists."),
        ({"required": "y", "hidden": "y"}, "Nobody could fill it in: it is hidden."),
        ({"required": "y", "read_only": "y"}, "Nobody could fill it in: it is for reading only."),
        ({"required": "y", "disabled": "y"}, "Nobody could fill it in: it is disabled."),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    app: Flask, client: FlaskClient, wrong: dict[str, str], sentence: str
) -> None:
    assert sentence in sign_in(client).post("/fields/new/", data=FIELD | wrong).text


@SQLITE
@pytest.mark.parametrize(
    "right",
    [
        {"type": "integer", "min": "-5", "max": "-1"},
        {"type": "decimal", "min": "0.5"},
        {"required": "y", "read_only": "y", "default": "x"},
        {"type": "boolean", "required": "y"},
    ],
)
def test_what_makes_sense_is_taken(app: Flask, client: FlaskClient, right: dict[str, str]) -> None:
    assert sign_in(client).post("/fields/new/", data=FIELD | right).status_code == 302


@SQLITE
def test_what_keeps_a_field_from_being_unique_is_named_with_links(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        additional_field("code")
        for text in ("A1", "B2", "a1", "B2", "C3"):
            customer(extra={"code": text})
    page = edited(sign_in(client), is_unique="y").text
    assert "A1: #1, #3; B2: #2, #4" in page
    assert '<a href="/customers/details/?id=3">#3</a>' in page


# Another type


def test_a_type_is_changed_after_a_dry_run_and_workbooks_that_are_out_stay_good(
    app: Flask, client: FlaskClient, tmp_path: Path
) -> None:
    with app.app_context():
        additional_field("code", searchable=True, show_in_list=True)
        for text in ("007", "12", "many", "5"):
            customer(extra={"code": text})
        customer()
        out = tmp_path / "out.xlsx"
        export_workbook(out, fields=None, where=(), viewer=ME)
    page = sign_in(client).get("/fields/type/?id=1&to=integer").text
    for words in ("3 values convert.", "1 value does not convert", "many", "is no whole number"):
        assert words in page
    client.post("/fields/type/", data={"id": 1, "to": "integer"})
    assert "Some values do not convert. Nothing was written" in client.get("/fields/").text
    job = client.post("/fields/type/", data={"id": 1, "to": "integer", "clear": "y"}).headers["Location"]
    assert "1 was cleared." in client.get(job).text
    with app.app_context():
        assert values() == [7, 12, None, 5, None]
        last = db.session.scalars(select(Revision).where(Revision.record_id == 3, Revision.number == 2)).one()
        assert last.changes == {"code": ["many", None]}
        assert taken(out) == {"changed": 0, "problems": 0}
        letters = read_keys(out)["code"]
        back = change(out, tmp_path / "back.xlsx", {f"{letters}3": "08", f"{letters}7": "9"})
        assert taken(back) == {"changed": 2, "problems": 0}
        assert values() == [8, 12, None, 5, 9]
    for address in ("/customers/?sort=code", "/customers/?search=12", "/customers/details/?id=3"):
        assert client.get(address).status_code == 200
    assert "many" in client.get("/customers/details/?id=3").text


JSON_OF = {"string": "5", "text": "5", "integer": 5, "boolean": True, "multi_select": ["a"], "select": "a"}


@pytest.mark.parametrize("to", ["string", "integer", "decimal", "date", "select", "multi_select", "boolean", "email"])
@pytest.mark.parametrize("from_", sorted(JSON_OF))
def test_pages_and_undoing_stand_a_field_that_was_of_another_type(
    app: Flask, client: FlaskClient, tmp_path: Path, from_: str, to: str
) -> None:
    if from_ == to:
        return
    with app.app_context():
        additional_field("code", from_, options=[["a", "Alpha"]] if "select" in from_ else [], show_in_list=True)
        customer(extra={"code": JSON_OF[from_]})
        out = tmp_path / "out.xlsx"
        export_workbook(out, fields=None, where=(), viewer=ME)
        cleared = change(out, tmp_path / "cleared.xlsx", {f"{read_keys(out)['code']}3": None})
        _planned, number = import_at_once(cleared, ImportOptions(), ME, dry_run=False)
        customer(extra={"code": JSON_OF[from_]})
    data = {"id": 1, "to": to, "clear": "y"}
    assert sign_in(client).post("/fields/type/", data=data).status_code == 302
    with app.app_context():
        run_pending()
        field = db.session.query(AdditionalField).one()
        assert field.type == to
        assert taken(out) == {"changed": 0, "problems": 0}
        undo_import(number, ME)
        db.session.rollback()
        with writing() as connection:
            schema = current_schema(connection)
            for one in records_by_id(connection, schema.fields, [1, 2]).values():
                value = one.values["code"]
                assert value is None or read_json(FIELD_TYPES[to].to_json(value), schema.field("code")) == value
    for address in ("/customers/?sort=code", "/customers/details/?id=1", "/customers/edit/?id=2", "/fields/"):
        assert client.get(address).status_code == 200


@SQLITE
@pytest.mark.parametrize(
    ("from_", "to", "words"),
    [
        ("password", "string", "A password is never shown"),
        ("string", "password", "History would go on showing in the clear"),
        ("string", "string", "cannot get this type"),
        ("relation", "string", "cannot get this type"),
        ("string", "nothing", "cannot get this type"),
    ],
)
def test_some_types_stay_or_are_not_to_be_had(app: Flask, client: FlaskClient, from_: str, to: str, words: str) -> None:
    with app.app_context():
        additional_field("code", from_, target="location")
    sign_in(client).post("/fields/type/", data={"id": 1, "to": to})
    assert words in client.get("/fields/").text
