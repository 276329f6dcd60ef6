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

from panel.database import reading, writing
from panel.extensions import db
from panel.models import Customer, Import, Partner
from panel.signature import signature
from tests.builders import additional_field, customer, edit

Bring = Callable[..., int]


@pytest.fixture
def bring(runner: FlaskCliRunner, tmp_path: Path) -> Bring:
    """Return what imports the lines of a CSV and gives the import's number."""

    def call(*lines: str, name: str = "in.csv") -> int:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        answer = json.loads(runner.invoke(args=["import", str(path), "--accept-unknown", "--json"]).stdout)
        assert answer["applied"], answer
        return int(answer["import"])

    return call


@pytest.fixture
def undo(runner: FlaskCliRunner) -> Callable[[int], dict[str, Any]]:
    def call(number: int) -> dict[str, Any]:
        result = runner.invoke(args=["undo", str(number), "--json"])
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
