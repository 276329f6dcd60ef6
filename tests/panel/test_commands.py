"""The command line: stable answers, one sentence for what is wrong, and never a traceback."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from panel.database import reading
from panel.extensions import db
from panel.models import Import, User
from panel.schema import current_schema
from panel.signature import signature
from panel.structures import existing, indexes_trigrams, structures
from tests import hostile, office
from tests.builders import additional_field, customer
from tests.databases import Database
from tests.sheets import change, read_keys

ROOT = Path(__file__).resolve().parents[2]
SECONDS, BYTES = 20, 1 << 30


@pytest.fixture
def workbook(app: Flask, runner: FlaskCliRunner, tmp_path: Path) -> Path:
    with app.app_context():
        for name in ("Ann", "Bob", "Eva"):
            customer(full_name=name, city="Brno", zip_code="00420")
    path = tmp_path / "all.xlsx"
    assert runner.invoke(args=["export", str(path)]).exit_code == 0
    return path


def state(app: Flask) -> str:
    with app.app_context(), reading() as connection:
        return signature(connection)


def in_a_process(database: Database, *arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run a command as people do, with the memory that it and its children may have."""
    environment = {
        **os.environ,
        "ROLLBOOK_INSTANCE": str(database.instance),
        "ROLLBOOK_DATABASE_URL": database.url,
    }
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "run", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 * BYTES, 2 * BYTES)),
    )
    return done, time.monotonic() - began


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("spoil", hostile.REFUSED)
def test_a_hostile_file_is_refused_in_one_sentence_and_in_time(
    app: Flask, database: Database, workbook: Path, tmp_path: Path, spoil: Callable[[Path, Path], Path]
) -> None:
    before = state(app)
    bad = spoil(workbook, tmp_path / "bad.xlsx")
    done, seconds = in_a_process(database, "import", str(bad), "--json")
    assert done.returncode in {1, 2}, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    if done.returncode == 2:
        assert len(done.stderr.strip().splitlines()) == 1
        assert json.loads(done.stdout) == {"error": done.stderr.strip()}
    assert seconds < SECONDS
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < BYTES
    assert state(app) == before
    assert list((database.instance / "uploads").iterdir()) == []


@pytest.mark.office
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("suffix", [".xls", ".ods", ".html"])
def test_other_formats_are_told_what_to_save_instead(
    app: Flask, runner: FlaskCliRunner, workbook: Path, tmp_path: Path, suffix: str
) -> None:
    other = office.convert(workbook, tmp_path / f"other{suffix}")
    for name in (other, other.rename(tmp_path / "renamed.xlsx")):
        result = runner.invoke(args=["import", str(name)]) if name.exists() else None
        if result is not None:
            assert result.exit_code == 2
            assert ".xlsx" in result.stderr


def test_an_imports_answer_has_every_promised_key(app: Flask, runner: FlaskCliRunner, workbook: Path) -> None:
    answer = json.loads(runner.invoke(args=["import", str(workbook), "--dry-run", "--json"]).stdout)
    counts = ("rows", "unchanged", "created", "updated", "deleted", "refused", "cells_updated", "cleared", "absent")
    lists = ("changes", "conflicts", "ignored", "repairs", "problems", "new_fields", "guards", "notes", "hidden_rows")
    lists += ("hidden_columns",)
    assert set(answer) == {"import", "applied", "review", "suggestions", *counts, *lists}
    assert (answer["import"], answer["applied"], answer["rows"], answer["unchanged"]) == (None, False, 3, 3)


def test_an_item_says_where_it_is_and_what_its_three_versions_are(
    app: Flask, runner: FlaskCliRunner, workbook: Path, tmp_path: Path
) -> None:
    letters = read_keys(workbook)
    cells = {f"{letters['city']}4": "Zlin", f"{letters['status']}5": "Active"}
    edited = change(workbook, tmp_path / "edited.xlsx", cells)
    answer = json.loads(runner.invoke(args=["import", str(edited), "--dry-run", "--json"]).stdout)
    assert answer["changes"] == [
        {
            "at": f"Customers!{letters['city']}4",
            "id": 2,
            "field": "city",
            "base": "Brno",
            "base_known": True,
            "panel": "Brno",
            "workbook": "Zlin",
            "outcome": "workbook",
        },
        {
            "at": f"Customers!{letters['status']}5",
            "id": 3,
            "field": "status",
            "base": "New",
            "base_known": True,
            "panel": "New",
            "workbook": "Active",
            "outcome": "workbook",
        },
    ]


def test_one_problem_stops_the_whole_unless_its_row_is_skipped(
    app: Flask, runner: FlaskCliRunner, workbook: Path, tmp_path: Path
) -> None:
    letters, before = read_keys(workbook), state(app)
    wrong = f"{letters['date_of_birth']}3"
    edited = change(workbook, tmp_path / "edited.xlsx", {wrong: "31/31/2024", f"{letters['city']}4": "Zlin"})
    refused = runner.invoke(args=["import", str(edited), "--json"])
    (problem,) = json.loads(refused.stdout)["problems"]
    assert refused.exit_code == 1
    assert (problem["at"], problem["id"], problem["value"]) == (f"Customers!{wrong}", 1, "31/31/2024")
    assert "2024-12-31" in problem["message"]
    assert state(app) == before
    assert runner.invoke(args=["import", str(edited), "--skip-problems"]).exit_code == 0
    assert state(app) != before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--map", "Nothing=city"], "no column headed"),
        (["--map", "City=nothing"], "no field 'nothing'"),
        (["--map", "City"], 'write "Header=field"'),
        (["--key", "nothing"], "no field 'nothing'"),
        (["--as", "nobody@example.com"], "no active user"),
    ],
)
def test_a_wrong_option_is_answered_with_a_sentence(
    runner: FlaskCliRunner, workbook: Path, arguments: list[str], said: str
) -> None:
    result = runner.invoke(args=["import", str(workbook), *arguments])
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_file_that_is_not_there_is_said_so(runner: FlaskCliRunner, tmp_path: Path) -> None:
    result = runner.invoke(args=["import", str(tmp_path / "none.xlsx")])
    assert (result.exit_code, "cannot be read" in result.stderr) == (2, True)


def test_fields_and_rows_of_an_export_may_be_chosen(
    app: Flask, runner: FlaskCliRunner, workbook: Path, tmp_path: Path
) -> None:
    out = tmp_path / "some.xlsx"
    arguments = ["export", str(out), "--fields", "full_name,City", "--where", "full_name=Eva"]
    assert runner.invoke(args=arguments).exit_code == 0
    assert list(read_keys(out))[1:] == ["id", "full_name", "city"]
    answer = json.loads(runner.invoke(args=["import", str(out), "--json"]).stdout)
    assert (answer["rows"], answer["unchanged"], answer["absent"]) == (1, 1, 0)


@pytest.mark.parametrize("fields", ["password", "full_name,nothing"])
def test_an_export_refuses_fields_that_it_cannot_give(runner: FlaskCliRunner, tmp_path: Path, fields: str) -> None:
    result = runner.invoke(args=["export", str(tmp_path / "x.xlsx"), "--fields", fields])
    assert result.exit_code == 1
    assert not (tmp_path / "x.xlsx").exists()


def test_csv_goes_both_ways(app: Flask, runner: FlaskCliRunner, workbook: Path, tmp_path: Path) -> None:
    out = tmp_path / "all.csv"
    assert runner.invoke(args=["export", str(out)]).exit_code == 0
    answer = json.loads(runner.invoke(args=["import", str(out), "--json"]).stdout)
    assert (answer["rows"], answer["unchanged"]) == (3, 3)
    out.write_text(out.read_text("utf-8-sig").replace("Brno", "Zlin", 1), encoding="utf-8")
    answer = json.loads(runner.invoke(args=["import", str(out), "--json"]).stdout)
    assert [item["field"] for item in answer["changes"]] == ["city"]
    assert answer["changes"][0]["at"].startswith("CSV!")


def test_users_are_added_with_a_role_and_helped_when_locked_out(app: Flask, runner: FlaskCliRunner) -> None:
    added = runner.invoke(args=["user", "add", "Jana@Example.com", "--role", "manager"])
    assert "one-time password" in added.stdout
    assert runner.invoke(args=["user", "add", "jana@example.com", "--role", "manager"]).exit_code == 1
    assert "staff, manager, admin" in runner.invoke(args=["user", "add", "x@example.com", "--role", "boss"]).stderr
    with app.app_context():
        user = db.session.scalars(select(User).where(User.email == "jana@example.com")).one()
        session_key = user.session_key
        assert user.may("customer.export")
        assert not user.may("import.apply")
    assert runner.invoke(args=["user", "reset", "jana@example.com"]).exit_code == 0
    with app.app_context():
        again = db.session.scalars(select(User).where(User.email == "jana@example.com")).one()
        assert again.session_key != session_key


def test_a_user_acts_with_their_own_rights(app: Flask, runner: FlaskCliRunner, workbook: Path) -> None:
    runner.invoke(args=["user", "add", "jana@example.com", "--role", "manager"])
    refused = runner.invoke(args=["import", str(workbook), "--as", "jana@example.com"])
    assert (refused.exit_code, "import.apply" in refused.stderr) == (1, True)
    assert runner.invoke(args=["import", str(workbook), "--dry-run", "--as", "jana@example.com"]).exit_code == 0
    with app.app_context():
        assert db.session.scalars(select(Import)).all() == []


def test_demo_customers_have_additional_fields_and_lists_their_indexes(app: Flask, runner: FlaskCliRunner) -> None:
    assert runner.invoke(args=["demo", "30"]).exit_code == 0
    assert runner.invoke(args=["demo", "30"]).exit_code == 0
    with app.app_context():
        connection = db.session.connection()
        schema = current_schema(connection)
        assert len(schema.additional) == 9
        wanted = structures(connection, schema, trigrams=indexes_trigrams(connection))
        assert existing(connection) == {one.name for one in wanted}


def test_an_additional_field_is_exported_and_imported_at_once(
    app: Flask, runner: FlaskCliRunner, workbook: Path, tmp_path: Path
) -> None:
    with app.app_context():
        additional_field("vlan", "integer", label="VLAN")
    out = tmp_path / "again.xlsx"
    runner.invoke(args=["export", str(out)])
    edited = change(out, tmp_path / "edited.xlsx", {f"{read_keys(out)['vlan']}3": 120})
    answer = json.loads(runner.invoke(args=["import", str(edited), "--json"]).stdout)
    assert [(item["field"], item["workbook"]) for item in answer["changes"]] == [("vlan", 120)]
    # The older workbook does not show the field, and has no opinion on it.
    assert json.loads(runner.invoke(args=["import", str(workbook), "--json"]).stdout)["cells_updated"] == 0
