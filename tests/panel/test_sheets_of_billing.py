"""Services, payments and plans go to a workbook and back by the same rules as customers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from panel.extensions import db
from panel.models import Account, Charge, Customer, Payment, Plan, Revision, Service
from panel.words import today
from tests.panel.billed import DAY, END, FIRST, NEW, SECOND, Opened, charge, edit, one, state, three_billed
from tests.panel.out import Out


@pytest.fixture
def opened(app: Flask, runner: FlaskCliRunner, tmp_path: Path) -> Iterator[Opened]:
    """Return what exports a sheet of three billed customers."""
    with app.app_context():
        three_billed()
        yield lambda name, *arguments: Out(runner, tmp_path / f"{name}.xlsx", name, *arguments)


def told(plan: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(problem["at"], problem["field"]) for problem in plan["problems"]]


def test_a_sheet_shows_its_records_typed_with_what_follows_from_them_for_reading(opened: Opened) -> None:
    services = opened("Services")
    shown = {key: services.sheet[f"{at}{FIRST}"].value for key, at in services.columns.items()}
    assert (shown["customer"], shown["plan"], shown["price"], shown["state"]) == ("#1 Ann", "Fast", 20, "Active")
    assert shown["starts"].date() == DAY
    assert services.sheet[f"{services.columns['note']}{FIRST}"].value == "007"
    assert opened("Payments", "--where", "customer=bob").sheet["B3"].value == 2
    assert opened("Plans", "--fields", "name,price").columns.keys() >= {"name", "price"}
    balances = opened("Customers", "--fields", "full_name,balance")
    assert balances.sheet[f"{balances.columns['balance']}{FIRST}"].value == 30


@pytest.mark.parametrize("name", ["Services", "Payments", "Plans"])
def test_a_workbook_that_nobody_edited_changes_nothing(opened: Opened, name: str) -> None:
    done = opened(name).back()
    assert (done["exit"], done["applied"], done["rows"]) == (0, True, done["unchanged"])
    assert done["problems"] == done["conflicts"] == done["ignored"] == []


EDITS: list[tuple[str, type[Any], dict[str, Any], dict[str, Any]]] = [
    ("Services", Service, {"price": 15.5, "ends": "2026-12-31"}, {"price": Decimal("15.50"), "ends": END}),
    ("Payments", Payment, {"amount": 31, "method": "Cash"}, {"amount": Decimal(31), "method": "cash"}),
    ("Plans", Plan, {"name": "Faster", "price": 25}, {"name": "Faster", "price": Decimal(25)}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "model", "typed", "becomes"), EDITS)
def test_an_edit_is_written_with_its_cell_and_goes_back(
    opened: Opened, runner: FlaskCliRunner, name: str, model: Any, typed: dict[str, Any], becomes: dict[str, Any]
) -> None:
    out = opened(name)
    before = state()
    out.put(FIRST, **typed)
    done = out.back()
    assert (done["exit"], done["updated"], done["cells_updated"]) == (0, 1, len(typed))
    assert {key: getattr(one(model, 1), key) for key in becomes} == becomes
    revision = db.session.get_one(Revision, (name.lower()[:-1], 1, 2))
    assert set(revision.cells) == set(typed)
    assert out.read()["cells_updated"] == 0
    assert runner.invoke(args=["undo", str(done["import"])]).exit_code == 0
    assert state() == before


@pytest.mark.parametrize(("name", "model", "typed", "_becomes"), EDITS)
def test_both_sides_edits_of_one_cell_are_a_conflict(
    opened: Opened, name: str, model: Any, typed: dict[str, Any], _becomes: Any
) -> None:
    out, field = opened(name), next(iter(typed))
    edit(model, 1, **{field: "Other" if field == "name" else Decimal(99)})
    out.put(FIRST, **{field: typed[field]})
    done = out.back()
    assert (done["exit"], [item["field"] for item in done["conflicts"]]) == (1, [field])
    assert out.back("--prefer", "panel")["exit"] == 0
    assert out.back()["conflicts"] == []


def test_a_stale_workbook_undoes_nobodys_edit_and_a_blank_clears(opened: Opened) -> None:
    out = opened("Services")
    edit(Service, 1, price=Decimal(12))
    out.put(FIRST, note=None)
    done = out.back()
    assert (done["cleared"], one(Service, 1).price, one(Service, 1).note) == (1, Decimal(12), None)


def test_new_rows_are_made_once_and_get_what_nobody_typed(opened: Opened, runner: FlaskCliRunner) -> None:
    services, payments, plans = opened("Services"), opened("Payments"), opened("Plans")
    before = state()
    services.put(NEW, customer="#2", plan="Slow", note="007")
    payments.put(NEW, customer="ann", amount=5)
    plans.put(NEW + 1, name="New one", price=1)
    done = [out.back() for out in (services, payments, plans)]
    assert [(one["exit"], one["created"]) for one in done] == [(0, 1)] * 3
    service, payment, plan = one(Service, 3), one(Payment, 3), one(Plan, 4)
    assert (service.customer_id, service.price, service.starts, service.note) == (2, Decimal(10), today(), "007")
    assert (payment.customer_id, payment.day, payment.method) == (1, today(), "transfer")
    assert plan.billing_type == "recurring"
    assert db.session.get_one(Account, 1).balance == Decimal(35)
    assert [out.read()["created"] for out in (services, payments, plans)] == [0, 0, 0]
    for answer in reversed(done):
        assert runner.invoke(args=["undo", str(answer["import"])]).exit_code == 0
    assert (state(), db.session.get_one(Account, 1).balance) == (before, Decimal(30))


def test_copies_of_one_workbook_hold_payments_of_their_own(opened: Opened, tmp_path: Path) -> None:
    out = opened("Payments")
    out.put(NEW, customer="#1", amount=5)
    assert out.back()["created"] == 1
    out.put(NEW, customer="#2", amount=5)
    done = out.back()
    assert (done["created"], done["cells_updated"], one(Payment, 4).customer_id) == (1, 0, 2)
    out.put(NEW, customer="#2", amount=6)
    assert (out.back()["cells_updated"], one(Payment, 4).amount) == (1, Decimal(6))


WRONG: list[tuple[str, int, dict[str, Any], str]] = [
    ("Services", FIRST, {"ends": "2025-12-31"}, "ends"),
    ("Services", FIRST, {"plan": "Ahead"}, "plan"),
    ("Services", SECOND, {"plan": "Slow"}, "plan"),
    ("Services", SECOND, {"customer": "#1"}, "customer"),
    ("Services", FIRST, {"customer": "#99"}, "customer"),
    ("Services", FIRST, {"price": -1}, "price"),
    ("Services", FIRST, {"price": None}, "price"),
    ("Services", NEW, {"customer": "eva", "plan": "Fast"}, "plan"),
    ("Services", NEW, {"customer": "nobody", "plan": "Fast"}, "customer"),
    ("Services", NEW, {"plan": "Fast"}, "customer"),
    ("Payments", FIRST, {"amount": 0}, "amount"),
    ("Payments", NEW, {"customer": "#1", "amount": 0}, "amount"),
    ("Plans", FIRST, {"billing_type": "Prepaid"}, "billing_type"),
    ("Plans", FIRST, {"name": "slow"}, "name"),
]


@pytest.mark.parametrize(("name", "row", "typed", "field"), WRONG)
def test_what_may_not_be_is_a_problem_at_its_cell(
    opened: Opened, name: str, row: int, typed: dict[str, Any], field: str
) -> None:
    out = opened(name)
    charge(2, 2)
    out.put(row, **typed)
    done = out.back()
    assert (done["exit"], told(done)) == (1, [(f"{name}!{out.columns[field]}{row}", field)])


@pytest.mark.parametrize(
    ("name", "row", "goes"),
    [("Services", FIRST, True), ("Services", SECOND, False), ("Plans", FIRST, False), ("Plans", SECOND, True),
     ("Payments", FIRST, True)],
)  # fmt: skip
def test_what_others_follow_from_is_not_deleted(opened: Opened, name: str, row: int, goes: bool) -> None:
    out = opened(name)
    charge(2, 2)
    out.put(row, action="delete")
    done = out.back()
    assert (done["exit"], done["deleted"], len(done["problems"])) == ((0, 1, 0) if goes else (1, 0, 1))


def test_a_service_that_was_charged_since_stays_when_its_import_is_undone(
    opened: Opened, runner: FlaskCliRunner
) -> None:
    out = opened("Services")
    out.put(NEW, customer="#2", plan="Slow")
    number = out.back()["import"]
    charge(3, 2)
    assert "was charged for" in runner.invoke(args=["undo", str(number)]).stderr
    assert one(Service, 3).deleted_at is None


def test_a_foreign_file_says_what_its_rows_are(opened: Opened, runner: FlaskCliRunner, tmp_path: Path) -> None:
    out = opened("Payments")
    path = tmp_path / "bank.csv"
    path.write_text("Customer;Amount;Date;Note\nann;12,50;2026-02-01;0012\nbob;7;2026-02-02;\n", encoding="utf-8")
    out.path = path
    done = out.read("--of", "payments")
    assert (done["exit"], done["created"], one(Payment, 3).amount, one(Payment, 3).note) == (
        0,
        2,
        Decimal("12.5"),
        "0012",
    )
    assert out.read("--of", "payments")["created"] == 0
    out.path = tmp_path / "Payments.xlsx"
    assert "holds Payments" in out.read("--of", "plans")["error"]


def test_typing_into_what_follows_from_others_changes_nothing(opened: Opened) -> None:
    out = opened("Services")
    out.put(FIRST, state="Stopped")
    assert out.back()["unchanged"] == 2


def test_files_of_several_kinds_are_imported_at_once(opened: Opened, runner: FlaskCliRunner) -> None:
    plans, services = opened("Plans"), opened("Services")
    plans.put(FIRST, price=99)
    services.put(FIRST, price=98)
    for out in (plans, services):
        out.book.save(out.path)
    result = runner.invoke(args=["import", str(plans.path), str(services.path)])
    assert result.exit_code == 0, result.stderr
    assert (one(Plan, 1).price, one(Service, 1).price) == (Decimal(99), Decimal(98))


def test_a_refreshed_workbook_shows_today_and_comes_back_unchanged(
    opened: Opened, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    out, fresh = opened("Services"), tmp_path / "fresh.xlsx"
    edit(Service, 1, price=Decimal(12), ends=DAY)
    result = runner.invoke(args=["refresh", str(out.path), str(fresh)])
    assert result.exit_code == 0, result.output
    sheet = openpyxl.load_workbook(fresh)["Services"]
    assert [sheet[f"{out.columns[key]}{FIRST}"].value for key in ("price", "state")] == [12, "Stopped"]
    out.path = fresh
    assert out.read()["unchanged"] == 2


def test_a_review_of_services_settles_what_was_chosen_in_it(
    opened: Opened, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    out, review = opened("Services"), tmp_path / "review.xlsx"
    edit(Service, 1, price=Decimal(12))
    out.put(FIRST, price=15)
    out.put(SECOND, ends="2020-01-01")
    assert out.back("--review", str(review))["exit"] == 1
    book = openpyxl.load_workbook(review)
    sheet = book["Services"]
    headers = {sheet.cell(2, column).value: column for column in range(1, sheet.max_column + 1)}
    sheet.cell(FIRST, headers["Choose: Price a month"], "Take the workbook")
    sheet.cell(SECOND, headers["End"], "2027-01-01")
    book.save(review)
    out.path = review
    done = out.read()
    assert (done["exit"], done["cells_updated"], one(Service, 1).price) == (0, 2, Decimal(15))


def test_a_payment_by_import_that_covers_the_debt_gives_the_status_back_at_once(
    opened: Opened, runner: FlaskCliRunner
) -> None:
    edit(Payment, 1, amount=Decimal(5))
    edit(Payment, 2, amount=Decimal(5))
    for day in ("2026-12-01", "2026-12-16"):
        assert runner.invoke(args=["lifecycle", "--date", day]).exit_code == 0
    blocked = one(Customer, 1).status_id
    assert blocked == one(Customer, 2).status_id != 2
    out = opened("Payments")
    out.put(NEW, customer="ann", amount=14.99)
    out.put(SECOND, amount=20)
    assert out.back()["exit"] == 0
    assert (one(Customer, 1).status_id, one(Customer, 2).status_id) == (blocked, 2)
    out = opened("Payments")
    out.put(NEW + 1, customer="ann", amount=0.01)
    assert out.back()["exit"] == 0
    assert one(Customer, 1).status_id == 2


def test_a_service_by_import_is_looked_at_and_charged_by_the_next_run(opened: Opened, runner: FlaskCliRunner) -> None:
    assert runner.invoke(args=["lifecycle", "--date", "2026-12-02"]).exit_code == 0
    charges = db.session.query(Charge).count()
    out = opened("Services")
    out.put(NEW, customer="ann", plan="Slow", starts="2027-01-01")
    assert out.back()["exit"] == 0
    assert one(Account, 1).look_on <= dt.date(2026, 12, 2)
    assert runner.invoke(args=["lifecycle", "--date", "2027-01-01"]).exit_code == 0
    assert db.session.query(Charge).filter_by(service_id=3).one().amount == Decimal(10)
    assert db.session.query(Charge).count() == charges + 3


KEYED: list[tuple[str, str, str, tuple[int, int, int], str]] = [
    ("services", "customer", "Customer,Price a month\nann,5\n#2,6\n", (2, 0, 0), ""),
    ("services", "customer", "Customer,Plan,Price a month\nEva,Ahead,5\nBOB,,6\n", (1, 1, 0), ""),
    ("services", "plan", "Plan,Note\nfast,x\n", (0, 0, 1), "Plan 'Fast' belongs to 2 of them."),
    ("payments", "customer", "Customer,Amount\nnobody,5\n", (0, 0, 1), "'nobody' is no customer."),
    ("plans", "name", "Name,Price a month\nFast,25\nNew,3\n", (1, 1, 0), ""),
    ("payments", "customer", "Foo\nbar\n", (0, 0, 0), "is a field of payments"),
]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("of", "key", "text", "counts", "said"), KEYED)
def test_a_key_says_which_record_is_meant(
    opened: Opened, tmp_path: Path, of: str, key: str, text: str, counts: tuple[int, int, int], said: str
) -> None:
    out = opened(of.capitalize())
    out.path = tmp_path / "foreign.csv"
    out.path.write_text(text, encoding="utf-8")
    done = out.read("--of", of, "--key", key if "Foo" not in text else "", "--accept-unknown")
    assert tuple(done.get(name, 0) for name in ("updated", "created", "refused")) == counts
    assert said in done["said"]
