"""Whatever happens to an import on its way, the database is what it was or what it should be, never between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import func, select

from panel.database import reading
from panel.extensions import db
from panel.models import Customer, Import
from panel.signature import signature
from tests.databases import Database

ROOT = Path(__file__).resolve().parents[2]
ROWS = 2_000


def state(app: Flask) -> str:
    with app.app_context(), reading() as connection:
        return signature(connection)


def started(database: Database, *arguments: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "ROLLBOOK_INSTANCE": str(database.instance),
        "ROLLBOOK_DATABASE_URL": database.url,
    }
    command = [sys.executable, "-m", "flask", "--app", "run", *arguments]
    quiet: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **quiet)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "new.csv"
    lines = "".join(f"Person {n},City {n % 50}\n" for n in range(ROWS))
    path.write_text("Full name,City\n" + lines, encoding="utf-8")
    return path


@pytest.mark.asvs("R20")
@pytest.mark.parametrize("share", [0.35, 0.55, 0.7, 0.85])
def test_a_killed_import_leaves_all_or_nothing(app: Flask, database: Database, source: Path, share: float) -> None:
    before = state(app)
    began = time.monotonic()
    started(database, "import", str(source), "--dry-run").communicate(timeout=120)
    process = started(database, "import", str(source))
    time.sleep((time.monotonic() - began) * share * 1.6)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    with app.app_context():
        count = db.session.scalar(select(func.count()).select_from(Customer))
        states = db.session.scalars(select(Import.state)).all()
        db.session.rollback()
    assert (count, states) in [(0, []), (ROWS, ["applied"])]
    assert (state(app) == before) == (count == 0)
    again = started(database, "import", str(source), "--json")
    answer = json.loads(again.communicate(timeout=120)[0])
    assert (again.returncode, answer["created"] + answer["unchanged"]) == (0, ROWS)
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Customer)) == ROWS


def test_the_same_file_imported_by_two_at_once_makes_no_customer_twice(
    app: Flask, database: Database, source: Path
) -> None:
    both = [started(database, "import", str(source), "--json") for _ in range(2)]
    answers = [json.loads(process.communicate(timeout=120)[0]) for process in both]
    assert sorted(answer["created"] for answer in answers) == [0, ROWS]
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Customer)) == ROWS


def test_several_at_once_draw_different_logins(app: Flask, database: Database, tmp_path: Path) -> None:
    files = []
    for n in range(6):
        files.append(tmp_path / f"{n}.csv")
        files[-1].write_text("Full name\n" + "".join(f"P {n} {m}\n" for m in range(50)), encoding="utf-8")
    running = [started(database, "import", str(path)) for path in files]
    assert [process.communicate(timeout=120) and process.returncode for process in running] == [0] * 6
    with app.app_context():
        logins = db.session.scalars(select(Customer.login)).all()
        assert len(logins) == len(set(logins)) == 300


@pytest.mark.asvs("R20")
def test_an_import_that_fails_while_writing_writes_nothing(
    app: Flask, runner: FlaskCliRunner, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, writes = state(app), 0

    def fail_late(*_arguments: Any, **_named: Any) -> None:
        nonlocal writes
        writes += 1
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("panel.imports.applying._remember", fail_late)
    result = runner.invoke(args=["import", str(source)])
    assert (result.exit_code, writes) == (2, 1)
    assert state(app) == before
