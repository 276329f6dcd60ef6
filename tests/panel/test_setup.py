"""Starting: a second start changes nothing, and several at once get in nobody's way."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text

from panel import create_app
from panel.extensions import db
from panel.keys import KEY_FILE, KeyFileError
from panel.models import GeneratorConfig, Location, Partner, Status, User
from panel.setup import prepare
from panel.structures import OURS
from tests.databases import Database, dispose

ROOT = Path(__file__).resolve().parents[2]


def everything(app: Flask) -> str:
    with app.app_context():
        tables = sorted(db.metadata.tables)
        connection = db.session.connection()
        rows = {name: [tuple(row) for row in connection.execute(db.metadata.tables[name].select())] for name in tables}
        return repr(rows)


def test_a_new_instance_has_statuses_partner_location_and_generator(app: Flask) -> None:
    with app.app_context():
        labels = db.session.scalars(select(Status.label).order_by(Status.position)).all()
        assert labels == ["New", "Active", "Blocked", "Inactive"]
        default = db.session.scalars(select(Status).where(Status.is_default)).one()
        assert (default.label, default.services, default.accounted) == ("New", "stopped", False)
        assert db.session.scalars(select(Status.label).where(Status.deletable)).all() == ["Inactive"]
        assert db.session.scalars(select(Partner.name)).all() == ["Main"]
        assert db.session.scalars(select(Location.name)).all() == ["Main"]
        config = db.session.scalars(select(GeneratorConfig)).one()
        assert (config.login_pattern, config.password_length) == ("{id|6}", 8)


def test_a_second_start_changes_nothing(app: Flask) -> None:
    before = everything(app)
    assert prepare(app) is None
    assert everything(app) == before


@pytest.mark.asvs("R29")
def test_the_first_admins_password_is_told_once_and_has_to_be_changed(empty_database: Database) -> None:
    app = create_app(instance=empty_database.instance, database_url=empty_database.url)
    try:
        password = prepare(app)
        assert password
        assert len(password) >= 12
        assert prepare(app) is None
        with app.app_context():
            user = db.session.scalars(select(User)).one()
            assert user.password_hash.startswith("$argon2id$")
            assert user.must_change_password
    finally:
        dispose(app)


def test_several_processes_may_start_at_once(empty_database: Database) -> None:
    environment = {
        **os.environ,
        "ROLLBOOK_INSTANCE": str(empty_database.instance),
        "ROLLBOOK_DATABASE_URL": empty_database.url,
    }
    command = [sys.executable, "-m", "flask", "--app", "run", "init"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    outputs = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], outputs
    assert sum("one-time password" in out for out, _err in outputs) == 1


def test_the_key_file_is_for_its_owner_only(app: Flask) -> None:
    path = app.config["ROLLBOOK_INSTANCE"] / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        create_app(instance=app.config["ROLLBOOK_INSTANCE"])


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_no_new_key_file_is_made_for_an_old_database(app: Flask) -> None:
    (app.config["ROLLBOOK_INSTANCE"] / KEY_FILE).unlink()
    with pytest.raises(KeyFileError, match="Put the key file back"):
        create_app(instance=app.config["ROLLBOOK_INSTANCE"])


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_sqlite_is_set_up_for_many_readers_and_one_writer(app: Flask) -> None:
    with app.app_context():
        ask = db.session.connection().exec_driver_sql
        assert ask("PRAGMA journal_mode").scalar() == "wal"
        assert ask("PRAGMA foreign_keys").scalar() == 1
        assert ask("PRAGMA busy_timeout").scalar() == 30_000


def test_a_password_is_readable_only_for_its_own_record(app: Flask) -> None:
    keyring = app.extensions["keyring"]
    sealed = keyring.encrypt("canary", "customer", 7, "password")
    assert "canary" not in sealed
    assert keyring.decrypt(sealed, "customer", 7, "password") == "canary"
    with pytest.raises(KeyFileError):
        keyring.decrypt(sealed, "customer", 8, "password")


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_schema_of_the_models_is_the_schema_of_the_migrations(app: Flask) -> None:
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 (only this test compares)
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

    with app.app_context():
        # What lists are quick by is no part of any migration.
        options = {"include_name": lambda name, _kind, _parents: not (name or "").startswith(OURS)}
        context = MigrationContext.configure(db.session.connection(), opts=options)
        differences = [one for one in compare_metadata(context, db.metadata) if "alembic" not in json.dumps(str(one))]
        assert differences == []
        assert db.session.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
