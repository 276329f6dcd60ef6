"""Row R37: a new key for all secrets, made while people work and killed on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select, update

from panel.changelog import Write, write_in_bulk
from panel.database import reading, writing
from panel.extensions import db
from panel.keys import KEY_FILE, KeyFileError, key_number
from panel.models import Base, Customer, Event, User
from panel.rotating import StillInUse, remove_old_keys, rotate
from panel.schema import current_schema
from panel.sealed import sealed_values
from panel.signing_in.second_factor import TOTP
from tests.builders import additional_field, customer, edit
from tests.databases import Database
from tests.panel.pages import sign_in
from tests.panel.test_changelog import BULK

ROOT = Path(__file__).resolve().parents[2]
one_engine = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
pytestmark = pytest.mark.asvs("R37")

KILLED = """
import os, signal
from panel import create_app, rotating
renewed, batches = rotating._renewed, []
def renew_and_die(*arguments):
    done = renewed(*arguments)
    batches.append(done)
    if len(batches) == 2:  # written and not committed
        os.kill(os.getpid(), signal.SIGKILL)
    return done
rotating._renewed = renew_and_die
with create_app().app_context():
    rotating.rotate()
"""


def with_secrets(app: Flask, count: int) -> None:
    """Add customers with two secrets each, one of them of an additional field, and a user's second factor."""
    keyring = app.extensions["keyring"]
    with app.app_context():
        additional_field("pin", "password", label="PIN")
        customer(new_password="clear-1", extra={"pin": "pin-1"})
        with writing() as connection:
            schema, like = current_schema(connection), connection.execute(select(Customer.__table__)).mappings().one()
            plain = {"status": like["status_id"], "partner": like["partner_id"], "location": like["location_id"]}
            plain |= {"billing_type": "recurring", "category": "person"}
            writes = []
            for number in range(2, count + 1):
                own = {"full_name": f"N{number}", "login": f"l{number}", "password": f"clear-{number}"}
                values = plain | own | {"pin": f"pin-{number}"}
                writes.append(Write(number, 1, {key: (None, value) for key, value in values.items()}))
            write_in_bulk(connection, schema, keyring, writes, BULK)
            connection.execute(update(User).values(tf_totp_secret=keyring.encrypt("totp-1", "user", 1, TOTP)))


def keys_in_use(app: Flask) -> Counter[int]:
    with app.app_context(), reading() as connection:
        texts = [one.text for one in sealed_values(connection)]
        texts += db.session.scalars(select(User.tf_totp_secret).where(User.tf_totp_secret.is_not(None)))
    return Counter(map(key_number, texts))


def clear_texts(app: Flask) -> set[str]:
    """Return every secret in the clear, read as the panel reads it."""
    keyring = app.extensions["keyring"]
    with app.app_context(), reading() as connection:
        sealed = list(sealed_values(connection))
        user = db.session.scalars(select(User.tf_totp_secret)).first()
    clear = {keyring.decrypt(one.text, "customer", one.record_id, one.field) for one in sealed}
    return clear | {keyring.decrypt(str(user), "user", 1, TOTP)}


def test_r37_a_killed_rotation_leaves_everything_readable_and_is_brought_to_its_end(
    app: Flask, database: Database, runner: FlaskCliRunner
) -> None:
    with_secrets(app, 1_000)
    every = {f"{word}-{number}" for number in range(1, 1_001) for word in ("clear", "pin")} | {"totp-1"}
    environment = {**os.environ, "ROLLBOOK_INSTANCE": str(database.instance), "ROLLBOOK_DATABASE_URL": database.url}
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert keys_in_use(app) == {1: 1_000, 2: 1_001}
    assert clear_texts(app) == every  # this process has learnt of the new key by itself
    with app.app_context(), pytest.raises(StillInUse):
        remove_old_keys()
    said = runner.invoke(args=["rotate-keys"])
    assert "Key 2 encrypts from now on; 1,000 secrets" in said.output
    assert keys_in_use(app) == {2: 2_001}
    assert clear_texts(app) == every
    assert "removed: 1." in runner.invoke(args=["rotate-keys", "--remove-old"]).output
    assert list(json.loads((database.instance / KEY_FILE).read_text("utf-8"))["ciphers"]) == ["2"]
    assert clear_texts(app) == every
    with app.app_context():
        assert list(db.session.scalars(select(Event.name).order_by(Event.id)))[-2:] == [
            "keys rotated",
            "old keys removed",
        ]


@one_engine
def test_r37_the_old_key_reads_nothing_any_more(app: Flask, database: Database) -> None:
    with_secrets(app, 3)
    before = (database.instance / KEY_FILE).read_bytes()
    with app.app_context():
        assert rotate() == (2, 7)
        remove_old_keys()
    (database.instance / KEY_FILE).write_bytes(before)
    with pytest.raises(KeyFileError):
        clear_texts(app)


def test_r37_people_go_on_editing_and_the_first_page_shows_what_they_did(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    with_secrets(app, 10)
    with app.app_context():
        rotate()
    assert client.get("/").text.count("/customers/details/?id=") >= 8
    assert "by a new key" not in client.get("/customers/details/?id=2").text
    with app.app_context():
        edit(2, city="Brno", extra={"pin": "fresh"})
        edit(3, city="Brno")
    texts = clear_texts(app)
    assert {"clear-2", "fresh", "clear-3", "pin-3"} < texts
    assert "pin-2" not in texts


@one_engine
def test_r37_no_key_and_no_secret_is_in_the_database(app: Flask, database: Database) -> None:
    with_secrets(app, 3)
    with app.app_context():
        rotate()
        rows = [db.session.execute(select(table)).all() for table in Base.metadata.sorted_tables]
    files = [path.read_bytes() for path in database.instance.iterdir() if path.name.startswith("rollbook.db")]
    held = repr(rows).encode() + b"".join(files)
    plain = json.loads((database.instance / KEY_FILE).read_text("utf-8"))
    for secret in (*plain["ciphers"].values(), plain["session"], plain["tokens"], plain["digests"]):
        assert secret.encode() not in held
    assert not any(word in held for word in (b"clear-1", b"pin-1", b"totp-1"))
    assert "v1:1:" not in repr(rows)
