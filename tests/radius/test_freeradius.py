"""A real FreeRADIUS, configured as operators are told to, lets in whom the panel lets in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from panel.api.tokens import add_token, revoke
from panel.database import writing
from panel.extensions import db
from panel.models import ApiToken, Customer, Event
from panel.words import today
from tests.browser import served
from tests.builders import customer, edit
from tests.panel.billing.made import lasting
from tests.radius.servers import ACCEPT, REJECT, SILENCE, SUSPENDED, Answer, Radius, freeradius

pytestmark = pytest.mark.radius

NEW, ACTIVE, BLOCKED, INACTIVE = 1, 2, 3, 4
PAP, CHAP = "User-Password", "CHAP-Password"
DAY = dt.timedelta(days=1)
one_engine = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def subscriber(login: str, password: str, status: int = ACTIVE) -> int:
    """Add a customer with a password, and return the ID."""
    record_id = customer(login=login, status_id=status)
    with writing():
        db.session.get_one(Customer, record_id).set_password(password)
    return record_id


def token(name: str, *, passwords: bool) -> str:
    with writing():
        return add_token(name, passwords=passwords, partner_id=None, by="Admin")[1]


@pytest.fixture
def radius(app: Flask, live_server: str, tmp_path: Path) -> Iterator[Radius]:
    """Yield a FreeRADIUS that may ask for passwords."""
    with app.app_context():
        text = token("radius", passwords=True)
    folder = tmp_path / "radius"
    folder.mkdir()
    with freeradius(folder, live_server, text) as running:
        yield running


QUESTIONS: list[tuple[str, str, str, Answer]] = [
    ("active", "right", PAP, ACCEPT),
    ("active", "right", CHAP, ACCEPT),
    ("ACTIVE", "right", PAP, ACCEPT),
    ("active", "wrong", PAP, REJECT),
    ("active", "wrong", CHAP, REJECT),
    ("active", "", PAP, REJECT),
    ("blocked", "right", PAP, SUSPENDED),
    ("blocked", "right", CHAP, SUSPENDED),
    ("blocked", "wrong", PAP, REJECT),
    ("inactive", "right", PAP, REJECT),
    ("inactive", "right", CHAP, REJECT),
    ("new", "right", PAP, REJECT),
    ("ended", "right", PAP, REJECT),
    ("gone", "right", PAP, REJECT),
    ("nobody", "right", PAP, REJECT),
    ("", "right", PAP, REJECT),
]


def test_an_active_customer_is_let_in_a_blocked_one_by_the_suspended_profile_and_nobody_else(
    app: Flask, radius: Radius
) -> None:
    with app.app_context():
        for login, status in (("new", NEW), ("active", ACTIVE), ("blocked", BLOCKED), ("inactive", INACTIVE)):
            subscriber(login, "right", status)
        lasting(subscriber("ended", "right"), today() - 9 * DAY, today() - DAY)
        edit(subscriber("gone", "right"), deleted_at=dt.datetime.now(dt.UTC))
    answers = radius.ask_all([question[:3] for question in QUESTIONS])
    assert list(zip(QUESTIONS, answers, strict=True)) == [(question, question[3]) for question in QUESTIONS]
    assert "right" not in radius.log
    for words in ("Login OK: [active]", "The services are stopped", "Rollbook knows nobody of this login"):
        assert words in radius.log
    with app.app_context():
        told = db.session.scalars(select(Event).where(Event.name == "reveal")).all()
        assert {one.by for one in told} == {"API token radius"}
        assert len(told) == 13  # each time that somebody of the table was found


@one_engine
def test_a_change_in_the_panel_counts_at_the_next_request(app: Flask, radius: Radius) -> None:
    with app.app_context():
        record_id = subscriber("anna", "right", NEW)
        for status, answer in (
            (NEW, REJECT),
            (ACTIVE, ACCEPT),
            (BLOCKED, SUSPENDED),
            (INACTIVE, REJECT),
            (ACTIVE, ACCEPT),
        ):
            edit(record_id, status_id=status)
            assert radius.ask("anna", "right") == answer
        with writing():
            db.session.get_one(Customer, record_id).set_password("other")
        assert radius.ask_all([("anna", "right", PAP), ("anna", "other", PAP)]) == [REJECT, ACCEPT]


ODD_PASSWORDS = [
    'a"b', "a'b", "`id`", "ěšč 🦊", "100%", "%{User-Name}", "%{exec:/bin/id}", "${token}", "a\\b", "\\n", "\\", "\\\\",
    "\\101", " both ends ", "{}", '{"value": "x"}', "a\tb", "x" * 128,
]  # fmt: skip
ODD_LOGINS = [
    "a/b", "/a", "a//b", "a b", "100%", "%2F", "%{User-Password}", "a?b=c", "a#b", "ěšč", 'a"b', "a\\b", "a&b", "..%2f",
]  # fmt: skip


@one_engine
def test_passwords_and_logins_may_hold_anything_and_nothing_in_them_is_expanded(app: Flask, radius: Radius) -> None:
    with app.app_context():
        for number, password in enumerate(ODD_PASSWORDS):
            subscriber(f"l{number}", password)
        for login in ODD_LOGINS:
            subscriber(login, "right")
    right = [(f"l{number}", password, way) for number, password in enumerate(ODD_PASSWORDS) for way in (PAP, CHAP)]
    right += [(login, "right", PAP) for login in ODD_LOGINS]
    answers = [answer for some in _tens(right) for answer in radius.ask_all(some)]
    refused = [one for one, answer in zip(right, answers, strict=True) if answer != ACCEPT]
    assert refused == []
    made_of = {"%{User-Name}": "l5", "\\101": "A", "100%": "100"}
    assert ODD_PASSWORDS[5] == "%{User-Name}"
    expanded = [(f"l{ODD_PASSWORDS.index(password)}", other) for password, other in made_of.items()]
    assert radius.ask_all([(*one, PAP) for one in expanded]) == [REJECT] * 3


def _tens(questions: list[tuple[str, str, str]]) -> Iterator[list[tuple[str, str, str]]]:
    for start in range(0, len(questions), 10):
        yield questions[start : start + 10]


@one_engine
def test_a_token_that_may_not_ask_for_passwords_lets_nobody_in_and_a_revoked_one_says_nothing(
    app: Flask, live_server: str, tmp_path: Path
) -> None:
    with app.app_context():
        subscriber("anna", "right")
        text = token("blind", passwords=False)
    with freeradius(tmp_path, live_server, text) as radius:
        assert radius.ask_all([("anna", "right", PAP), ("anna", "right", CHAP), ("anna", "", PAP)]) == [REJECT] * 3
        with app.app_context(), writing():
            revoke(db.session.scalars(select(ApiToken)).one())
        assert radius.ask("anna", "right") == SILENCE
        assert "Error: No answer for [anna]" in radius.log
    with app.app_context():
        assert "reveal" not in set(db.session.scalars(select(Event.name)))


@one_engine
def test_while_rollbook_is_down_networks_hear_nothing_and_the_log_says_so_until_it_is_back(
    app: Flask, tmp_path: Path
) -> None:
    with app.app_context():
        subscriber("anna", "right")
        text = token("radius", passwords=True)
    with served(app) as address:
        port = address.rpartition(":")[2]
    with freeradius(tmp_path, address, text) as radius:
        assert radius.ask("anna", "right") == SILENCE
        assert "Error: No answer for [anna]" in radius.log
        with served(app, int(port)):
            assert _soon(radius) == ACCEPT
        assert radius.ask("anna", "right") == SILENCE


def _soon(radius: Radius) -> Answer:
    """Return the answer of a server that waits a little before it connects again."""
    answers = (radius.ask("anna", "right") for _ in range(3))
    return next((answer for answer in answers if answer != SILENCE), SILENCE)
