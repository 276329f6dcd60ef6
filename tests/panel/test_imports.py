"""What silence, edits, damage and tampering in a workbook mean: design's table, row by row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from panel.database import reading, writing
from panel.extensions import db
from panel.imports.approving import apply_import
from panel.imports.journey import choose, receive
from panel.imports.options import ImportOptions, Viewer
from panel.models import AdditionalField, Customer, ImportItem, Partner, Status, User
from panel.models.columns import now
from panel.signature import signature
from sync.errors import StalePlan, UnknownField
from sync.tokens import TokenMaker
from tests.builders import additional_field, customer, edit
from tests.panel.out import ANN, BOB, EVA, Out, one, outcomes, three_customers


@pytest.fixture
def out(app: Flask, runner: FlaskCliRunner, tmp_path: Path) -> Iterator[Out]:
    with app.app_context():
        three_customers()
        yield Out(runner, tmp_path / "out.xlsx")


def test_both_sides_edits_of_different_fields_survive(out: Out) -> None:
    edit(1, extra={"tariff": "pro"})
    out.put(ANN, phones="603111222")
    done = out.back()
    assert (done["exit"], done["conflicts"]) == (0, [])
    assert (one(1).extra["tariff"], one(1).phones) == ("pro", ["603111222"])


def test_the_same_edit_on_both_sides_is_agreed(out: Out) -> None:
    edit(1, city="Praha")
    out.put(ANN, city="Praha")
    done = out.back()
    assert (done["cells_updated"], done["conflicts"], one(1).revision) == (0, [], 2)


def test_different_edits_of_one_cell_are_a_conflict_with_three_values(out: Out) -> None:
    edit(1, city="Praha")
    out.put(ANN, city="Zlin")
    (conflict,) = out.plan()["conflicts"]
    assert [conflict[name] for name in ("base", "panel", "workbook")] == ["Brno", "Praha", "Zlin"]
    assert out.back()["exit"] == 1
    assert out.back("--prefer", "workbook")["cells_updated"] == 1
    assert one(1).city == "Zlin"


def test_a_stale_workbook_undoes_nobodys_edit(out: Out) -> None:
    for record_id in (1, 2, 3):
        edit(record_id, city="Praha", street="Nova 1")
    done = out.back()
    assert (done["exit"], done["unchanged"], done["cells_updated"]) == (0, 3, 0)
    assert one(1).city == "Praha"


def test_members_of_a_set_merge_one_by_one(out: Out) -> None:
    edit(1, emails=["a@x.cz", "b@x.cz"], extra={"tags": ["a", "b"]})
    out.put(ANN, emails="a@x.cz, c@x.cz", tags="A, C")
    done = out.back()
    assert {item["outcome"] for item in done["changes"]} == {"merged"}
    assert (set(one(1).emails), set(one(1).extra["tags"])) == ({"a@x.cz", "b@x.cz", "c@x.cz"}, {"a", "b", "c"})


def test_two_emails_replaced_differently_are_a_conflict(out: Out) -> None:
    edit(1, emails=["b@x.cz"])
    out.put(ANN, emails="c@x.cz")
    assert outcomes(out.plan(), "conflicts") == [(1, "emails", "conflict", ["c@x.cz"])]


def test_a_blank_where_there_was_a_value_is_a_clear_and_is_counted(out: Out) -> None:
    out.put(ANN, city=None, street=None)
    done = out.back()
    assert (done["cleared"], outcomes(done)) == (1, [(1, "city", "workbook", None)])
    assert one(1).city is None


def test_a_required_value_cannot_be_cleared(out: Out) -> None:
    out.put(ANN, full_name=None)
    plan = out.back()
    assert (plan["exit"], plan["refused"], plan["problems"][0]["field"]) == (1, 1, "full_name")


def test_a_column_left_off_the_sheet_changes_nothing(out: Out) -> None:
    out.sheet.delete_cols(openpyxl.utils.column_index_from_string(out.columns["city"]))
    assert out.back()["unchanged"] == 3
    assert one(1).city == "Brno"


def test_rows_left_out_are_listed_and_never_deleted(out: Out) -> None:
    out.sheet.delete_rows(BOB)
    done = out.back()
    assert (done["rows"], done["absent"], done["deleted"], one(2).deleted_at) == (2, 1, 0, None)


def test_a_row_without_identity_is_a_new_customer_once(out: Out) -> None:
    out.put(6, full_name="New", city="Zlin")
    assert out.back()["created"] == 1
    assert out.back()["created"] == 0
    new = db.session.scalars(select(Customer).where(Customer.full_name == "New")).one()
    assert (new.login, new.status.label, new.password is not None) == ("000004", "New", True)


def test_a_new_row_with_a_taken_login_is_a_problem(out: Out) -> None:
    out.put(6, full_name="New", login="ANN")
    (problem,) = out.back()["problems"]
    assert (problem["field"], "belongs to customer 1" in problem["message"]) == ("login", True)


def test_a_new_row_without_a_name_is_a_problem_at_its_cell(out: Out) -> None:
    out.put(6, city="Zlin")
    (problem,) = out.back()["problems"]
    assert problem["at"] == f"Customers!{out.columns['full_name']}6"


def test_two_customers_may_exchange_logins(out: Out) -> None:
    out.put(ANN, login="bob")
    out.put(BOB, login="ann")
    assert out.back()["cells_updated"] == 2
    assert (one(1).login, one(2).login) == ("bob", "ann")


def test_an_id_without_a_token_is_that_customer_with_an_unknown_base(out: Out) -> None:
    out.sheet[f"A{ANN}"] = None
    out.put(ANN, city="Zlin", street=None)
    plan = out.plan()
    assert outcomes(plan, "conflicts") == [(1, "city", "base-unknown", "Zlin")]
    assert plan["conflicts"][0]["base_known"] is False
    assert out.back()["exit"] == 1
    assert out.back("--accept-unknown")["cells_updated"] == 1


def test_a_token_that_disagrees_with_the_id_beside_it_is_a_problem(out: Out) -> None:
    out.sheet[f"B{ANN}"] = 2
    plan = out.plan()
    assert (plan["created"], plan["refused"], plan["problems"][0]["at"]) == (0, 1, "Customers!3")


@pytest.mark.parametrize("text", ["R1.1.1.000000000000x", "hello", "R1.999.1.000000000000"])
def test_a_token_that_is_none_of_ours_is_a_problem_and_never_a_new_customer(out: Out, text: str) -> None:
    out.sheet[f"A{ANN}"] = text
    plan = out.plan()
    assert (plan["created"], plan["refused"]) == (0, 1)


def test_a_token_with_a_wrong_check_has_an_unknown_base(out: Out) -> None:
    token = str(out.sheet[f"A{ANN}"].value)
    out.sheet[f"A{ANN}"] = token[:-4] + ("0000" if not token.endswith("0000") else "1111")
    out.put(ANN, city="Zlin")
    assert outcomes(out.plan(), "conflicts") == [(1, "city", "base-unknown", "Zlin")]


def test_the_same_token_twice_is_a_problem_on_both_rows(out: Out) -> None:
    out.sheet[f"A{BOB}"] = out.sheet[f"A{ANN}"].value
    out.sheet[f"B{BOB}"] = 1
    plan = out.plan()
    assert [problem["at"] for problem in plan["problems"]] == ["Customers!3", "Customers!4"]
    assert all("rows 3, 4" in problem["message"] for problem in plan["problems"])


def test_rows_may_be_sorted_and_columns_moved_and_renamed(out: Out) -> None:
    rows = [[cell.value for cell in row] for row in out.sheet.iter_rows(min_row=1)]
    order = [len(rows[0]) - 1 - n for n in range(len(rows[0]))]
    moved = [rows[0], rows[1], rows[4], rows[2], rows[3]]
    for at, row in enumerate(moved, 1):
        for column, source in enumerate(order, 1):
            out.sheet.cell(at, column).value = row[source]
    city = order.index(openpyxl.utils.column_index_from_string(out.columns["city"]) - 1) + 1
    out.sheet.cell(2, city).value = "Mesto"
    out.sheet.cell(3, city).value = "Zlin"
    plan = out.plan()
    assert (outcomes(plan), plan["new_fields"], plan["unchanged"]) == ([(3, "city", "workbook", "Zlin")], [], 2)


def test_sheets_moved_renamed_and_added_do_not_matter(out: Out) -> None:
    out.book.create_sheet("Notes", 0)["A1"] = "my notes"
    for name in ("_manifest", "_lists", "Guide"):
        if name in out.book.sheetnames:
            del out.book[name]
    out.sheet.title = "Zakaznici"
    out.book.active = 0
    out.put(ANN, city="Zlin")
    plan = out.plan()
    assert [item["at"] for item in plan["changes"]] == [f"Zakaznici!{out.columns['city']}3"]


def test_an_unknown_header_is_proposed_and_made_a_field_only_when_accepted(out: Out) -> None:
    letters = openpyxl.utils.get_column_letter(out.sheet.max_column + 1)
    for row, value in ((2, "VLAN"), (ANN, 120), (BOB, 130)):
        out.sheet[f"{letters}{row}"] = value
    plan = out.plan()
    assert [(f["header"], f["key"], f["type"], f["accepted"]) for f in plan["new_fields"]] == [
        ("VLAN", "vlan", "integer", False)
    ]
    assert "VLAN" in plan["said"]
    done = out.back("--create-fields")
    assert (done["exit"], done["cells_updated"], one(1).extra["vlan"]) == (0, 2, 120)


def test_a_read_only_cell_that_was_changed_is_ignored_and_reported(out: Out) -> None:
    out.put(ANN, internal="edited")
    done = out.back()
    assert (done["exit"], outcomes(done, "ignored")) == (0, [(1, "internal", "ignored", "edited")])
    assert one(1).extra["internal"] == "kept"


@pytest.mark.parametrize(("value", "said"), [("#N/A", "#N/A"), ("=1+1", "formula")])
def test_an_error_or_an_uncalculated_formula_is_a_problem_and_never_a_clear(out: Out, value: str, said: str) -> None:
    out.put(ANN, city=value)
    (problem,) = out.plan()["problems"]
    assert said in problem["message"]


@pytest.mark.parametrize(("key", "damaged"), [("zip_code", 420), ("serial", 1200000)])
def test_what_a_program_did_to_a_code_is_repaired_in_silence_where_it_is_certain(
    out: Out, key: str, damaged: Any
) -> None:
    out.put(ANN, **{key: damaged})
    done = out.back()
    assert (done["exit"], done["cells_updated"], len(done["repairs"]), done["unchanged"]) == (0, 0, 1, 3)


def test_damage_that_is_not_certain_is_offered(out: Out) -> None:
    out.put(ANN, zip_code="420")
    plan = out.back()
    assert (plan["exit"], plan["cells_updated"], len(plan["repairs"])) == (1, 0, 1)
    assert out.plan("--accept-unknown")["cells_updated"] == 1
    assert out.back("--repair")["exit"] == 0
    assert one(1).zip_code == "00420"


def test_a_status_renamed_while_the_workbook_is_out_makes_no_change(out: Out) -> None:
    with writing():
        db.session.scalars(select(Status).where(Status.label == "New")).one().label = "Fresh"
    out.put(BOB, status="Active")
    plan = out.plan()
    assert outcomes(plan) == [(2, "status", "workbook", "Active")]
    assert plan["changes"][0]["panel"] == "Fresh"


def test_an_option_renamed_while_the_workbook_is_out_makes_no_change(out: Out) -> None:
    with writing():
        field = db.session.scalars(select(AdditionalField).where(AdditionalField.key == "tariff")).one()
        field.options = [["basic", "Starter"], ["pro", "Pro"]]
    out.put(BOB, tariff="Pro")
    assert outcomes(out.plan()) == [(2, "tariff", "workbook", "Pro")]


def test_a_field_retired_while_the_workbook_is_out_is_left_out_and_said(out: Out) -> None:
    with writing():
        db.session.scalars(select(AdditionalField).where(AdditionalField.key == "serial")).one().retired = True
    plan = out.plan()
    assert (plan["new_fields"], plan["unchanged"], "retired" in plan["said"]) == ([], 3, True)


def test_a_value_that_newer_rules_refuse_blocks_nothing_while_untouched(out: Out) -> None:
    with writing():
        field = db.session.scalars(select(AdditionalField).where(AdditionalField.key == "serial")).one()
        field.max = 2
    out.put(ANN, city="Zlin")
    assert (out.plan()["problems"], out.plan()["cells_updated"]) == ([], 1)


def signature_now() -> str:
    with reading() as connection:
        return signature(connection)


def make_inactive(record_id: int) -> None:
    inactive = db.session.scalars(select(Status.id).where(Status.label == "Inactive")).one()
    edit(record_id, status_id=inactive)


def bin_ann(out: Out) -> None:
    """Delete Ann while the workbook is out, and edit her row there."""
    make_inactive(1)
    edit(1, deleted_at=now())
    out.put(ANN, city="Zlin")


def test_a_deleted_customer_left_alone_is_reported_and_no_question(out: Out) -> None:
    make_inactive(1)
    edit(1, deleted_at=now())
    plan = out.plan()
    assert (plan["exit"], plan["unchanged"], plan["conflicts"]) == (0, 3, [])
    assert "1 rows are of customers that were deleted after the export" in plan["said"]


def test_a_deleted_customer_edited_in_the_workbook_is_restored_or_dropped_by_a_person(out: Out) -> None:
    bin_ann(out)
    plan = out.plan()
    assert (plan["exit"], plan["unchanged"], plan["cells_updated"]) == (1, 3, 0)
    asked = plan["conflicts"][0]
    assert [asked[name] for name in ("at", "id", "field", "base", "panel", "workbook")] == [
        "Customers!3",
        1,
        "deleted",
        False,
        True,
        False,
    ]
    dropped = out.back("--prefer", "panel")
    assert (dropped["exit"], dropped["updated"], one(1).deleted_at is None) == (0, 0, False)
    assert out.plan()["conflicts"] == []
    out.put(ANN, zip_code="99999")
    assert [item["field"] for item in out.plan()["conflicts"]] == ["deleted"]


def test_a_deleted_customer_is_restored_with_the_edits_of_the_workbook(out: Out, runner: FlaskCliRunner) -> None:
    bin_ann(out)
    before = signature_now()
    done = out.back("--prefer", "workbook")
    assert (done["exit"], done["updated"], outcomes(done)) == (0, 1, [(1, "city", "workbook", "Zlin")])
    assert (one(1).deleted_at, one(1).city, one(1).login) == (None, "Zlin", "ann")
    assert out.plan()["unchanged"] == 3
    assert runner.invoke(args=["undo", str(done["import"])]).exit_code == 0
    assert (one(1).deleted_at is None, one(1).city, signature_now()) == (False, "Brno", before)


def test_a_deleted_customer_whose_login_another_has_is_not_restored(out: Out) -> None:
    bin_ann(out)
    edit(2, login="ann")
    plan = out.plan("--prefer", "workbook")
    assert [(one["at"], one["field"], one["value"]) for one in plan["problems"]] == [("Customers!3", "login", "ann")]
    assert (plan["refused"], plan["cells_updated"]) == (1, 0)


def test_who_may_not_delete_restores_nobody(app: Flask, out: Out, tmp_path: Path) -> None:
    bin_ann(out)
    out.book.save(out.path)
    with app.test_request_context(), out.path.open("rb") as source:
        number = receive(
            source,
            "out.xlsx",
            ImportOptions(prefer="workbook"),
            Viewer("Jana", "panel", lacks=frozenset({"customer.delete"})),
        )
        lines = db.session.scalars(select(ImportItem).where(ImportItem.import_id == number)).all()
    assert [(line.group, line.record_id) for line in lines] == [("kind", 1), ("problem", 1)]


def test_to_delete_who_changed_since_the_export_is_a_conflict(out: Out) -> None:
    make_inactive(2)
    out.put(BOB, action="Delete")
    plan = out.plan()
    assert (plan["exit"], plan["deleted"], outcomes(plan, "conflicts")) == (1, 0, [(2, "deleted", "conflict", True)])
    assert out.plan("--prefer", "panel")["deleted"] == 0
    assert out.back("--prefer", "workbook")["deleted"] == 1
    assert one(2).deleted_at is not None


def test_a_user_of_one_partner_reaches_that_partners_customers_only(
    app: Flask, out: Out, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    runner.invoke(args=["user", "add", "jana@example.com", "--role", "admin"])
    with writing():
        other = Partner(name="Other")
        db.session.add(other)
        db.session.flush()
        db.session.scalars(select(User).where(User.email == "jana@example.com")).one().partner_id = other.id
        other_id = other.id
    edit(2, partner_id=other_id)
    out.put(ANN, city="Zlin")
    out.put(BOB, city="Zlin")
    out.put(6, full_name="New")
    plan = out.plan("--as", "jana@example.com", "--skip-problems")
    assert outcomes(plan) == [(2, "city", "workbook", "Zlin")]
    assert {problem["id"] for problem in plan["problems"]} == {1, 3}
    mine = tmp_path / "mine.xlsx"
    runner.invoke(args=["export", str(mine), "--as", "jana@example.com"])
    assert [cell.value for cell in openpyxl.load_workbook(mine)["Customers"]["B"][2:] if cell.value] == [2]


def test_a_prepared_row_becomes_one_customer_and_is_edited_later(app: Flask, out: Out) -> None:
    tokens = TokenMaker(app.extensions["keyring"].tokens, "customer")
    out.sheet["A6"] = tokens.new(1, 1)
    assert out.plan()["rows"] == 3
    out.put(6, full_name="New", city="Zlin")
    assert out.back()["created"] == 1
    out.put(6, city="Praha")
    done = out.back()
    assert (done["created"], outcomes(done)) == (0, [(4, "city", "workbook", "Praha")])


def test_a_password_column_that_comes_back_blank_or_masked_is_no_opinion(
    app: Flask, out: Out, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    source = tmp_path / "passwords.csv"
    source.write_text("ID,Password\n1,\n2,••••••••\n3,canary-99\n", encoding="utf-8")
    plan = json.loads(runner.invoke(args=["import", str(source), "--json", "--accept-unknown"]).stdout)
    assert [(item["id"], item["workbook"]) for item in plan["changes"]] == [(3, "••••••••")]
    assert "canary-99" not in json.dumps(plan)
    assert not any(b"canary-99" in kept.read_bytes() for kept in (tmp_path / "instance").rglob("*") if kept.is_file())
    keyring = app.extensions["keyring"]
    assert keyring.decrypt(str(one(3).password), "customer", 3, "password") == "canary-99"


def test_a_key_that_several_customers_have_is_a_problem_and_never_a_guess(
    app: Flask, out: Out, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    customer(full_name="Ann")
    source = tmp_path / "keys.csv"
    source.write_text("Full name,City\nAnn,Zlin\nBob,Zlin\nEva,Zlin\nEva,Praha\n", encoding="utf-8")
    arguments = ["import", str(source), "--json", "--key", "full_name", "--accept-unknown", "--dry-run"]
    plan = json.loads(runner.invoke(args=arguments).stdout)
    assert [(problem["at"], problem["field"]) for problem in plan["problems"]] == [
        ("CSV!A2", "full_name"),
        ("CSV!4", None),
        ("CSV!5", None),
    ]
    assert outcomes(plan) == [(2, "city", "base-unknown", "Zlin")]
    assert plan["changes"][0]["choice"] == "workbook"


def test_deletion_is_asked_for_in_words_and_only_where_the_status_allows_it(out: Out) -> None:
    inactive = db.session.scalars(select(Status.id).where(Status.label == "Inactive")).one()
    out.put(ANN, action="delete")
    plan = out.plan()
    assert (plan["refused"], plan["deleted"], plan["problems"][0]["at"]) == (
        1,
        0,
        f"Customers!{out.columns['action']}{ANN}",
    )
    edit(1, status_id=inactive)
    assert out.plan()["conflicts"][0]["message"].startswith("This customer changed after the export.")


def test_a_value_that_was_taken_back_in_the_panel_is_asked_about(out: Out) -> None:
    out.put(ANN, city="Zlin", emails="a@x.cz, b@x.cz")
    assert out.back()["cells_updated"] == 2
    edit(1, city="Brno", emails=["a@x.cz"])
    plan = out.plan()
    assert outcomes(plan, "conflicts") == [
        (1, "emails", "conflict", ["a@x.cz", "b@x.cz"]),
        (1, "city", "conflict", "Zlin"),
    ]
    assert plan["cells_updated"] == 0


def test_a_merge_that_gives_what_the_panel_has_writes_nothing(out: Out) -> None:
    edit(1, emails=["a@x.cz", "c@x.cz"])
    out.put(ANN, emails="a@x.cz, c@x.cz")
    edit(2, emails=["b@x.cz", "a@x.cz"])
    out.put(BOB, emails="a@x.cz, b@x.cz")
    plan = out.plan()
    assert (plan["cells_updated"], plan["exit"]) == (0, 0)


def test_a_typed_row_is_no_second_customer_when_its_extra_column_becomes_a_field(out: Out) -> None:
    letters = openpyxl.utils.get_column_letter(out.sheet.max_column + 1)
    out.sheet[f"{letters}2"] = "VLAN"
    out.put(6, full_name="New", serial="X1")
    out.sheet[f"{letters}6"] = 120
    assert out.back()["created"] == 1
    done = out.back("--create-fields")
    assert (done["created"], done["cells_updated"]) == (0, 1)
    new = db.session.scalars(select(Customer).where(Customer.full_name == "New")).one()
    assert new.extra["vlan"] == 120
    with writing():
        db.session.scalars(select(AdditionalField).where(AdditionalField.key == "serial")).one().retired = True
    assert out.back()["created"] == 0


def test_a_field_made_of_a_column_is_found_again_by_the_same_mapping(
    app: Flask, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    source = tmp_path / "in.csv"
    source.write_text("Full name,Partner\nAnn,Yes\nBob,No\n", encoding="utf-8")
    arguments = ["import", str(source), "--map", "Partner=+", "--json"]
    first, again = (json.loads(runner.invoke(args=arguments).stdout) for _ in range(2))
    assert [one["key"] for one in first["new_fields"]] == ["partner_2"]
    assert (again["new_fields"], again["created"], again["unchanged"]) == ([], 0, 2)


def test_a_row_that_depends_on_a_refused_one_is_refused_with_it(out: Out) -> None:
    customer(full_name="Dan", login="dan")
    out.put(ANN, login="bob")
    out.put(BOB, login="dan")
    out.put(EVA, city="Zlin")
    done = out.back("--skip-problems")
    assert (done["exit"], done["refused"], outcomes(done)) == (0, 2, [(3, "city", "workbook", "Zlin")])


def test_an_answer_never_lets_a_user_move_a_customer_to_another_partner(app: Flask, out: Out, tmp_path: Path) -> None:
    with writing():
        db.session.add(Partner(name="Other"))
    edit(1, partner_id=2)
    viewer = Viewer("Jana", "panel", None, partner_id=2)
    source = tmp_path / "move.csv"
    source.write_text("ID,Partner,City\n1,Main,Zlin\n", encoding="utf-8")
    with source.open("rb") as file:
        number = receive(file, "move.csv", ImportOptions(), viewer)
    items = db.session.scalars(select(ImportItem).where(ImportItem.group == "unknown")).all()
    choose(number, {item.number: "workbook" for item in items}, viewer)
    with pytest.raises(StalePlan):
        apply_import(number, viewer)
    assert (one(1).partner_id, one(1).city) == (2, "Brno")


def test_damage_that_a_person_means_is_written(app: Flask, out: Out) -> None:
    viewer = Viewer("Jana", "panel")
    out.put(ANN, zip_code="420")
    out.book.save(out.path)
    with out.path.open("rb") as file:
        number = receive(file, "out.xlsx", ImportOptions(), viewer)
    (item,) = db.session.scalars(select(ImportItem).where(ImportItem.group == "repair")).all()
    choose(number, {item.number: "workbook"}, viewer)
    apply_import(number, viewer)
    assert one(1).zip_code == "420"


def test_a_password_that_is_a_problem_is_not_repeated(runner: FlaskCliRunner, tmp_path: Path) -> None:
    source = tmp_path / "long.csv"
    source.write_text("Full name,Password\nAnn," + "canary" * 100 + "\n", encoding="utf-8")
    result = runner.invoke(args=["import", str(source), "--json"])
    assert result.exit_code == 1
    assert "canary" not in result.stdout + result.stderr
    keyed = runner.invoke(args=["import", str(source), "--key", "password"])
    assert (keyed.exit_code, "canary" in keyed.output) == (1, False)


def test_a_header_that_no_database_can_hold_becomes_a_clean_label(
    app: Flask, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    source = tmp_path / "in.csv"
    source.write_text(f"Full name,a\x0bb,{'x' * 400}\nAnn,1,2\n", encoding="utf-8")
    assert runner.invoke(args=["import", str(source), "--create-fields"]).exit_code == 0
    with app.app_context():
        labels = db.session.scalars(select(AdditionalField.label).order_by(AdditionalField.position)).all()
        assert labels[0].isprintable()
        assert len(labels[1]) <= 255
    assert runner.invoke(args=["export", str(tmp_path / "out.xlsx")]).exit_code == 0
    assert runner.invoke(args=["import", str(tmp_path / "out.xlsx")]).exit_code == 0


def test_a_field_kept_out_of_workbooks_is_not_written_by_typing_its_header(
    app: Flask, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    with app.app_context():
        additional_field("secretive", label="Secretive", hidden=True)
        customer(extra={"secretive": "kept"})
    source = tmp_path / "in.csv"
    source.write_text("ID,City,Secretive\n1,Zlin,typed\n", encoding="utf-8")
    result = runner.invoke(args=["import", str(source), "--accept-unknown", "--json"])
    assert "kept out of workbooks" in result.stderr
    assert '"kept"' not in result.stdout
    with app.app_context():
        assert one(1).extra["secretive"] == "kept"


@pytest.mark.parametrize(
    ("text", "said"),
    [("Full name\nNovak, Ann\n", "more cells than the header"), ('Full name,City\nAnn,"Brno\nBob,Zlin\n', "quot")],
)
def test_a_csv_that_would_lose_text_is_refused(runner: FlaskCliRunner, tmp_path: Path, text: str, said: str) -> None:
    source = tmp_path / "in.csv"
    source.write_text(text, encoding="utf-8")
    result = runner.invoke(args=["import", str(source)])
    assert result.exit_code in {1, 2}
    assert said in result.stderr


def test_without_its_first_columns_a_workbook_still_makes_no_customer_of_its_labels(
    out: Out, runner: FlaskCliRunner
) -> None:
    out.sheet.delete_cols(1, 2)
    plan = out.plan("--key", "login")
    assert (plan["created"], plan["rows"], plan["unchanged"]) == (0, 3, 3)


def test_without_its_first_cell_a_workbook_still_knows_its_rows(out: Out) -> None:
    out.sheet["A1"] = None
    out.put(ANN, city="Zlin")
    plan = out.plan("--create-fields")
    assert (plan["new_fields"], plan["created"]) == ([], 0)
    assert outcomes(plan) == [(1, "city", "workbook", "Zlin")]


def test_a_user_who_may_not_define_fields_makes_none_by_an_import(app: Flask, out: Out, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("Full name,VLAN\nAnn,1\n", encoding="utf-8")
    viewer = Viewer("Jana", "panel", None, may_config=False)
    with source.open("rb") as file, pytest.raises(UnknownField, match="may not define fields"):
        receive(file, "in.csv", ImportOptions(create_fields=True), viewer)


def test_an_approval_lends_an_uploader_no_other_partners_customers(
    app: Flask, out: Out, runner: FlaskCliRunner
) -> None:
    runner.invoke(args=["user", "add", "jana@example.com", "--role", "manager"])
    with writing():
        db.session.add(Partner(name="Other"))
        db.session.flush()
        jana = db.session.scalars(select(User).where(User.email == "jana@example.com")).one()
        jana.partner_id = 2
        uploader = jana.id
    edit(2, partner_id=2)
    out.put(ANN, city="Zlin")
    out.put(BOB, city="Zlin")
    out.book.save(out.path)
    with out.path.open("rb") as file:
        skipping = ImportOptions(skip_problems=True)
        number = receive(file, "out.xlsx", skipping, Viewer("Jana", "panel", uploader, partner_id=2))
    apply_import(number, Viewer("Admin", "panel"))
    assert (one(1).city, one(2).city) == ("Brno", "Zlin")
