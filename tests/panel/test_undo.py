"""Undoing: what can go back goes back, what cannot is kept and listed, and nothing stands in the way of the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from panel.blaming import blame
from panel.database import reading, writing
from panel.extensions import db
from panel.models import AdditionalField, Customer, Import, Partner
from panel.models.columns import now
from panel.signature import signature
from tests.builders import additional_field, customer, edit
from tests.panel.plans import plans
from tests.sheets import change, read_keys

Bring = Callable[..., int]


@pytest.fixture
def bring(runner: FlaskCliRunner, tmp_path: Path) -> Bring:
    """Return what imports the lines of a CSV and gives the import's number."""

    def call(*lines: str, name: str = "in.csv", options: tuple[str, ...] = ()) -> int:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        answer = json.loads(runner.invoke(args=["import", str(path), "--accept-unknown", "--json", *options]).stdout)
        assert answer["applied"], answer
        return int(answer["import"])

    return call


@pytest.fixture
def undo(runner: FlaskCliRunner) -> Callable[..., dict[str, Any]]:
    def call(number: int, *options: str) -> dict[str, Any]:
        result = runner.invoke(args=["undo", str(number), "--json", *options])
        assert result.exit_code == 0, result.stderr
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    return call


def state(app: Flask) -> str:
    with app.app_context(), reading() as connection:
        return signature(connection)


def test_a_login_that_a_created_customer_took_goes_back(app: Flask, bring: Bring, undo: Any) -> None:
    with app.app_context():
        customer(login="ann")
    before = state(app)
    number = bring("ID,Login,Full name", "1,ann2,Ann Novak", ",ann,Other")
    undone = undo(number)
    assert (undone["reverted"], undone["removed"], undone["kept"]) == (1, 1, [])
    assert state(app) == before


def test_what_another_has_now_is_kept_and_the_rest_goes_back(app: Flask, bring: Bring, undo: Any) -> None:
    with app.app_context():
        customer(login="ann", city="Brno")
        customer(login="bob")
    number = bring("ID,Login,City", "1,ann2,Zlin")
    with app.app_context():
        edit(2, login="ann")
    undone = undo(number)
    assert (undone["reverted"], [(one["id"], one["field"]) for one in undone["kept"]]) == (1, [(1, "login")])
    assert "customer 2" in undone["kept"][0]["reason"]
    with app.app_context():
        assert db.session.get_one(Customer, 1).city == "Brno"


def test_a_partner_that_is_gone_is_kept_and_the_rest_goes_back(app: Flask, bring: Bring, undo: Any) -> None:
    with app.app_context():
        with writing():
            db.session.add(Partner(name="Old"))
        customer(partner_id=2, city="Brno")
    number = bring("ID,Partner,City", "1,Main,Zlin")
    with app.app_context(), writing():
        db.session.delete(db.session.get_one(Partner, 2))
    undone = undo(number)
    assert (undone["reverted"], [one["field"] for one in undone["kept"]]) == (1, ["partner"])


def test_undoing_in_the_reverse_order_restores_everything(app: Flask, bring: Bring, undo: Any) -> None:
    before = state(app)
    first = bring("Full name,City", "Ann,Brno")
    between = state(app)
    second = bring("ID,City", "1,Zlin", name="second.csv")
    undo(second)
    assert state(app) == between
    undo(first)
    assert state(app) == before


def test_an_import_of_which_nothing_could_go_back_stays_applied(app: Flask, bring: Bring, undo: Any) -> None:
    with app.app_context():
        customer(city="Brno")
    before = state(app)
    first = bring("ID,City", "1,Zlin")
    second = bring("ID,City", "1,Praha", name="second.csv")
    assert undo(first)["undone"] is False
    with app.app_context():
        assert db.session.get_one(Import, first).state == "applied"
    undo(second)
    assert undo(first)["undone"] is True
    assert state(app) == before


def test_a_created_customer_that_was_kept_is_not_created_again(app: Flask, bring: Bring, undo: Any) -> None:
    first = bring("Full name,City", "Ann,Brno", "Bob,Brno")
    with app.app_context():
        edit(1, city="Praha")
    assert undo(first)["removed"] == 1
    bring("Full name,City", "Ann,Brno", "Bob,Brno")
    with app.app_context():
        alive = db.session.scalars(select(Customer.full_name).where(Customer.deleted_at.is_(None))).all()
        assert sorted(alive) == ["Ann", "Bob"]


def test_a_unique_additional_value_goes_back(app: Flask, bring: Bring, undo: Any) -> None:
    with app.app_context():
        additional_field("contract", is_unique=True)
        customer(extra={"contract": "C1"})
        customer(full_name="Bob")
    before = state(app)
    undo(bring("ID,Contract", "1,C2", "2,C1"))
    assert state(app) == before


@pytest.mark.parametrize("number", ["0", "99", "99999999999999999999", "x"])
def test_an_import_that_is_not_there_is_answered_with_a_sentence(runner: FlaskCliRunner, number: str) -> None:
    result = runner.invoke(args=["undo", number])
    assert result.exit_code in {1, 2}
    assert result.stderr
    assert isinstance(result.exception, SystemExit)


# Parts: a row, a column, a cell

TWO = ("ID,City,Street", "1,Zlin,New 1", "2,Zlin,New 2")


def cells(app: Flask) -> list[str | None]:
    """Return city and street of the customers, in the order of their IDs."""
    with app.app_context():
        query = select(Customer.city, Customer.street).where(Customer.deleted_at.is_(None)).order_by(Customer.id)
        return [value for row in db.session.execute(query) for value in row]


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (("--row", "1"), ["Brno", "Old 1", "Zlin", "New 2"]),
        (("--row", "CSV!3"), ["Zlin", "New 1", "Brno", "Old 2"]),
        (("--row", "CSV!B3"), ["Zlin", "New 1", "Brno", "Old 2"]),
        (("--field", "city"), ["Brno", "New 1", "Brno", "New 2"]),
        (("--field", "Street"), ["Zlin", "Old 1", "Zlin", "Old 2"]),
        (("--row", "2", "--field", "city"), ["Zlin", "New 1", "Brno", "New 2"]),
        (("--cell", "CSV!C2"), ["Zlin", "Old 1", "Zlin", "New 2"]),
        (("--cell", "B2"), ["Brno", "New 1", "Zlin", "New 2"]),
    ],
)
def test_a_part_goes_back_and_the_rest_can_follow(
    app: Flask, bring: Bring, undo: Any, options: tuple[str, ...], left: list[str]
) -> None:
    with app.app_context():
        for number in (1, 2):
            customer(city="Brno", street=f"Old {number}")
    before = state(app)
    number = bring(*TWO)
    once = undo(number, *options)
    assert (cells(app), once["reverted"]) == (left, sum(value in {"Brno", "Old 1", "Old 2"} for value in left))
    assert undo(number, *options)["reverted"] == 0
    with app.app_context():
        one = db.session.get_one(Import, number)
        assert (one.state, one.counts["undone"]) == ("applied", once["reverted"])
    assert undo(number)["reverted"] == 4 - once["reverted"]
    assert state(app) == before
    with app.app_context():
        assert db.session.get_one(Import, number).state == "undone"


@pytest.mark.parametrize("place", [("--cell", "CSV!Z9"), ("--cell", "CSV!2"), ("--row", "CSV!99"), ("--row", "x")])
def test_a_place_that_the_import_did_not_write_is_named(
    app: Flask, runner: FlaskCliRunner, bring: Bring, place: tuple[str, str]
) -> None:
    with app.app_context():
        customer(city="Brno")
    result = runner.invoke(args=["undo", str(bring("ID,City", "1,Zlin")), *place])
    assert (result.exit_code, place[1] in result.stderr) == (1, True)


def test_what_somebody_typed_after_a_part_went_back_is_theirs(app: Flask, bring: Bring, undo: Any) -> None:
    with app.app_context():
        customer(city="Brno", street="Old 1")
    number = bring("ID,City,Street", "1,Zlin,New 1")
    undo(number, "--field", "city")
    with app.app_context():
        edit(1, city="Zlin")
    assert undo(number)["reverted"] == 1
    assert cells(app) == ["Zlin", "Old 1"]


def test_a_created_customers_cells_go_back_to_blank_and_then_the_customer(app: Flask, bring: Bring, undo: Any) -> None:
    before = state(app)
    number = bring("Full name,City", "Ann,Brno")
    assert undo(number, "--field", "city")["reverted"] == 1
    kept = undo(number, "--field", "full_name")["kept"]
    assert [(one["id"], one["field"]) for one in kept] == [(1, "full_name")]
    assert cells(app) == [None, None]
    assert undo(number)["removed"] == 1
    assert state(app) == before


def test_who_edited_since_is_said(app: Flask, bring: Bring, undo: Any) -> None:
    with app.app_context():
        customer(city="Brno")
    number = bring("ID,City", "1,Zlin")
    bring("ID,City", "1,Praha", name="second.csv")
    kept = undo(number)["kept"]
    assert [(one["reason"], one["by"], one["since"] != "") for one in kept] == [("edited since", "command line", True)]


def test_a_customer_in_the_bin_keeps_its_values_until_it_is_back(app: Flask, bring: Bring, undo: Any) -> None:
    with app.app_context():
        customer(city="Brno")
        customer(city="Brno")
    number = bring("ID,City", "1,Zlin", "2,Zlin")
    with app.app_context():
        edit(1, deleted_at=now())
    once = undo(number)
    assert (once["reverted"], ["bin" in one["reason"] for one in once["kept"]]) == (1, [True])
    with app.app_context():
        edit(1, deleted_at=None)
    assert undo(number)["reverted"] == 1
    assert cells(app) == ["Brno", None, "Brno", None]


def test_a_created_customer_with_another_password_by_now_stays(app: Flask, bring: Bring, undo: Any) -> None:
    number = bring("Full name", "Ann", "Bob")
    with app.app_context(), writing():
        db.session.get_one(Customer, 1).set_password("another one")
    undone = undo(number)
    assert (undone["removed"], [one["id"] for one in undone["kept"]]) == (1, [1])


def test_created_customers_whom_others_point_to_stay(app: Flask, bring: Bring, undo: Any) -> None:
    with app.app_context():
        additional_field("parent", "relation", target="customer")
        customer()
    before = state(app)
    number = bring("Full name", "Ann", "Bob", "Cid")
    with app.app_context():
        edit(1, extra={"parent": 2})
    undone = undo(number)
    assert (undone["removed"], [(one["id"], one["field"]) for one in undone["kept"]]) == (2, [(2, "deleted")])
    assert "customer 1 points to it in Parent" in undone["kept"][0]["reason"]
    with app.app_context():
        edit(1, extra={"parent": None})
    assert undo(number)["removed"] == 1
    assert state(app) == before


def test_a_deletion_whose_login_is_taken_by_now_stays_and_says_what_to_do(
    app: Flask, runner: FlaskCliRunner, undo: Any, tmp_path: Path
) -> None:
    with app.app_context():
        for login in ("ann", "bob"):
            customer(login=login, status_id=4)
    before = state(app)
    out = tmp_path / "out.xlsx"
    runner.invoke(args=["export", str(out)])
    column = read_keys(out)["action"]
    back = change(out, tmp_path / "back.xlsx", {f"{column}{row}": "delete" for row in (3, 4)})
    done = json.loads(runner.invoke(args=["import", str(back), "--json", "--confirm", "2"]).stdout)
    number = done["import"]
    assert done["deleted"] == 2, done
    with app.app_context():
        taker = customer(login="ann")
    undone = undo(number)
    assert (undone["restored"], [one["id"] for one in undone["kept"]]) == (1, [1])
    assert f"Login belongs to customer {taker} now" in undone["kept"][0]["reason"]
    with app.app_context():
        edit(taker, login="other")
    assert undo(number)["restored"] == 1
    with app.app_context():
        edit(taker, deleted_at=now())
    assert state(app) == before


# Fields that an import made

NEW_FIELD = ("ID,Full name,Speed", "1,Ann,100", ",Bob,200")


def fields_in_use(app: Flask) -> list[str]:
    with app.app_context():
        wanted = select(AdditionalField.key).where(AdditionalField.retired.is_(False))
        return list(db.session.scalars(wanted.order_by(AdditionalField.id)))


@pytest.fixture
def with_speed(app: Flask, bring: Bring) -> tuple[str, int]:
    """Return the signature before an import that makes a field, a customer and a change, and its number."""
    with app.app_context():
        customer("Ann")
    return state(app), bring(*NEW_FIELD, options=("--create-fields",))


def test_a_field_goes_with_its_import_and_comes_with_it_again(
    app: Flask, with_speed: tuple[str, int], bring: Bring, undo: Any
) -> None:
    before, number = with_speed
    applied = state(app)
    undone = undo(number)
    assert (undone["reverted"], undone["removed"], undone["retired"], undone["kept"]) == (1, 1, ["speed"], [])
    assert (state(app), fields_in_use(app)) == (before, [])
    again = bring(*NEW_FIELD, options=("--create-fields",))
    assert len(fields_in_use(app)) == 1
    assert state(app) not in {before, applied}  # another customer in Bob's place, another field in the first one's
    undo(again)
    assert (state(app), fields_in_use(app)) == (before, [])


@pytest.mark.parametrize("reason", ["value", "label", "kept customer"])
def test_a_field_that_somebody_has_use_for_stays(
    app: Flask, with_speed: tuple[str, int], undo: Any, reason: str
) -> None:
    with app.app_context():
        if reason == "value":
            customer("Cid", extra={"speed": 300})
        elif reason == "kept customer":
            edit(2, city="Praha")
        else:
            with writing():
                db.session.scalars(select(AdditionalField)).one().label = "Line speed"
    undone = undo(with_speed[1])
    assert (undone["retired"], fields_in_use(app)) == ([], ["speed"])
    assert [one["field"] for one in undone["kept"] if one["id"] == 0] == ["speed"]
    with app.app_context():
        assert "speed" not in db.session.get_one(Customer, 1).extra


def test_a_column_that_made_a_field_takes_it_along(app: Flask, with_speed: tuple[str, int], undo: Any) -> None:
    undone = undo(with_speed[1], "--field", "speed")
    assert (undone["reverted"], undone["removed"], undone["retired"]) == (2, 0, ["speed"])
    assert fields_in_use(app) == []


def test_a_partly_undone_import_can_be_brought_again(app: Flask, bring: Bring, undo: Any) -> None:
    with app.app_context():
        customer(city="Brno", street="Old 1")
    applied = [state(app)][:0]
    number = bring("ID,City,Street", "1,Zlin,New 1", ",,")
    applied.append(state(app))
    undo(number, "--cell", "B2")
    bring("ID,City,Street", "1,Zlin,New 1")
    assert state(app) == applied[0]


def test_a_created_customer_whose_row_was_undone_is_created_again(app: Flask, bring: Bring, undo: Any) -> None:
    number = bring("Full name", "Ann", "Bob")
    undo(number, "--row", "1")
    again = bring("Full name", "Ann", "Bob")
    with app.app_context():
        assert db.session.get_one(Import, again).counts["created"] == 1
        alive = db.session.scalars(select(Customer.full_name).where(Customer.deleted_at.is_(None))).all()
        assert sorted(alive) == ["Ann", "Bob"]


# Blame


def test_blame_says_file_cell_editor_and_approver_of_every_value(
    app: Flask, runner: FlaskCliRunner, bring: Bring, undo: Any
) -> None:
    def blamed() -> dict[str, Any]:
        answer = json.loads(runner.invoke(args=["blame", "1", "--json"]).stdout)
        return {one["field"]: one for one in answer["fields"]}

    first = bring("Full name,City,Speed", "Ann,Brno,100", options=("--create-fields",))
    found = blamed()
    for key, cell in (("full_name", "A2"), ("city", "B2"), ("speed", "C2")):
        assert (found[key]["import"], found[key]["file"], found[key]["cell"]) == (first, "in.csv", f"CSV!{cell}")
    assert (found["login"]["cell"], found["login"]["import"], found["password"]["value"]) == ("", first, None)
    second = bring("ID,City", "1,Zlin", name="second.csv")
    with app.app_context(), writing():
        db.session.get_one(Import, second).by = "Eva"
    city = blamed()["city"]
    assert [city[key] for key in ("value", "by", "approved_by", "file")] == [
        "Zlin",
        "Eva",
        "command line",
        "second.csv",
    ]
    undo(second)
    city = blamed()["city"]
    assert [city[key] for key in ("value", "by", "undo_of", "import")] == ["Brno", "command line", second, None]
    with app.app_context():
        edit(1, city="Praha")
    result = runner.invoke(args=["blame", "1", "--field", "City"])
    assert result.stdout.startswith("city: Praha · system, ")
    assert runner.invoke(args=["blame", "9"]).exit_code == 1


def test_blame_is_one_query_that_reads_one_customers_log(app: Flask) -> None:
    with app.app_context():
        customer()
        with reading() as connection:
            with plans(connection) as found:
                blame(connection, 1)
            assert len(found) == 1
            assert "SCAN revision" not in found[0]
            assert "Seq Scan" not in found[0].replace("Seq Scan on import", "")
