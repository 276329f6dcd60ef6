"""What a network asks: may this login be used, and with which password?"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select
from werkzeug.test import TestResponse

from panel.api.tokens import add_token, revoke
from panel.database import writing
from panel.extensions import db
from panel.models import ApiToken, Customer, Event, Partner, PlannedStatus, Status
from panel.models.columns import now
from panel.words import today
from tests.builders import customer, edit
from tests.panel.billing.made import lasting
from tests.panel.pages import sign_in

NEW, ACTIVE, BLOCKED, INACTIVE = 1, 2, 3, 4
DAY = dt.timedelta(days=1)
one_engine = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def token(name: str = "radius", *, passwords: bool = False, partner_id: int | None = None) -> str:
    """Make a token and return its text."""
    with writing():
        return add_token(name, passwords=passwords, partner_id=partner_id, by="Admin")[1]


def ask(client: FlaskClient, login: str, text: str, query: str = "") -> TestResponse:
    """Ask for a login's access as a network does."""
    address = f"/api/access/{quote(login, safe='')}{query}"
    return client.get(address, headers={"Authorization": f"Bearer {text}"})


def events() -> list[tuple[str, str, dict[str, object]]]:
    found = db.session.scalars(select(Event).order_by(Event.id))
    return [(one.name, one.by, one.detail) for one in found if one.name not in {"sign-in", "token added"}]


@pytest.mark.parametrize(
    ("status", "days", "access"),
    [
        # days are those from today on which a service starts and ends
        (NEW, [], "stopped"),
        (ACTIVE, [], "active"),
        (BLOCKED, [], "suspended"),
        (INACTIVE, [], "stopped"),
        (ACTIVE, [(0, None)], "active"),
        (ACTIVE, [(-9, 0)], "active"),
        (ACTIVE, [(0, 0)], "active"),
        (ACTIVE, [(1, None)], "stopped"),
        (ACTIVE, [(-9, -1)], "stopped"),
        (ACTIVE, [(-9, -1), (-1, 1)], "active"),
        (BLOCKED, [(-9, None)], "suspended"),
        (BLOCKED, [(-9, -1)], "stopped"),
        (NEW, [(-9, None)], "stopped"),
        (INACTIVE, [(-9, None)], "stopped"),
    ],
)
def test_access_follows_from_the_status_and_the_services_of_today(
    app: Flask, client: FlaskClient, status: int, days: list[tuple[int, int | None]], access: str
) -> None:
    with app.app_context():
        record_id = customer(login="Anna", status_id=status)
        customer(login="Other", status_id=ACTIVE)
        for start, end in days:
            lasting(record_id, today() + start * DAY, None if end is None else today() + end * DAY)
        text, label = token(), db.session.get_one(Status, status).label
    answer = ask(client, "Anna", text)
    assert (answer.status_code, answer.json) == (200, {"login": "Anna", "access": access, "status": label})
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_service_in_the_bin_counts_for_nothing(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(login="anna", status_id=ACTIVE)
        lasting(record_id, today() + DAY, deleted=True)
        text = token()
        assert ask(client, "anna", text).json["access"] == "active"
        lasting(record_id, today() + DAY)
        lasting(record_id, today() - DAY, deleted=True)
        assert ask(client, "anna", text).json["access"] == "stopped"


def test_a_change_counts_at_the_next_question(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id, text = customer(login="anna", status_id=ACTIVE), token()
        for status, access in ((BLOCKED, "suspended"), (INACTIVE, "stopped"), (ACTIVE, "active")):
            edit(record_id, status_id=status)
            assert ask(client, "anna", text).json["access"] == access
        edit(record_id, login="eva")
        assert (ask(client, "anna", text).status_code, ask(client, "eva", text).status_code) == (404, 200)


def test_a_change_by_an_import_its_undoing_or_a_plan_counts_at_the_next_question(
    app: Flask, client: FlaskClient, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    file = tmp_path / "blocked.csv"
    file.write_text("id,status\n1,Blocked\n", "utf-8")
    with app.app_context():
        record_id, text = customer(login="anna", status_id=ACTIVE), token()
    found = []
    for command in (["import", str(file), "--accept-unknown"], ["undo", "1"]):
        assert runner.invoke(args=command).exit_code == 0
        found.append(ask(client, "anna", text).json["access"])
    with app.app_context():
        with writing():
            db.session.add(PlannedStatus(customer_id=record_id, status_id=INACTIVE, day=today(), by="Eva"))
        found.append(ask(client, "anna", text).json["access"])
    assert runner.invoke(args=["lifecycle"]).exit_code == 0
    assert [*found, ask(client, "anna", text).json["access"]] == ["suspended", "active", "active", "stopped"]


ODD = [
    "a/b", "/a", "a//b", "a/", "a b", "100%", "%41", "%2F", "a?b=c", "a#b", "a;b", "ěščř", "Straße", "日本", "🦊",
    "a+b", "a&b", "..", "../../healthz", "a\\b", 'a"b', "a'b", "{{7*7}}", "<b>", "a@b.cz", "a\tb", "a\nb", "x" * 128,
]  # fmt: skip


def test_a_login_may_hold_whatever_an_address_carries(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        for login in ODD:
            customer(login=login, status_id=ACTIVE)
        text = token()
    for login in ODD:
        answer = ask(client, login, text)
        assert (answer.status_code, answer.json["login"]) == (200, login)
    assert ask(client, "STRASSE", text).json["login"] == "Straße"  # as logins are unique


@pytest.mark.parametrize(
    "login", ["b", "\0", "a\0", "a\x01", "\ufffe", "%", "x" * 300, "x" * 60_000, "' OR 1=1 --", " "]
)
def test_a_login_that_nobody_has_is_not_found(app: Flask, client: FlaskClient, login: str) -> None:
    with app.app_context():
        customer(login="a")
        text = token()
    answer = ask(client, login, text)
    assert (answer.status_code, answer.json) == (404, {"error": "There is no customer with this login."})


@one_engine
@pytest.mark.parametrize("path", [b"%FF%FE", b"%ED%A0%80", b"%C0%AF"])
def test_bytes_that_are_no_text_are_nobodys_login(app: Flask, client: FlaskClient, path: bytes) -> None:
    with app.app_context():
        text = token()
    answer = client.get(f"/api/access/{path.decode()}", headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 404


def test_who_is_in_the_bin_erased_or_another_partners_is_as_unknown_as_nobody(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        with writing():
            db.session.add(Partner(name="Other"))
        texts = token("all"), token("main", partner_id=1), token("other", partner_id=2)
        gone = customer(login="gone", status_id=ACTIVE)
        edit(gone, deleted_at=now())
        customer(login="anna", status_id=ACTIVE, partner_id=1)
        customer(login="bob", status_id=ACTIVE, partner_id=2)
    found = {login: [ask(client, login, text).status_code for text in texts] for login in ("gone", "anna", "bob")}
    assert found == {"gone": [404, 404, 404], "anna": [200, 200, 404], "bob": [200, 404, 200]}
    assert ask(client, "bob", texts[1]).json == ask(client, "nobody", texts[1]).json


# Passwords


PASSWORDS = ["simple", 'a"b', "a'b", "ěšč 🦊", "100% %{User-Name}", "back\\slash \\n", " both ends ", "x" * 512]


def test_a_password_is_told_to_the_token_that_may_and_each_time_is_one_event(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        for number, password in enumerate(PASSWORDS, 1):
            record_id = customer(login=f"l{number}", status_id=ACTIVE)
            with writing():
                db.session.get_one(Customer, record_id).set_password(password)
        may, may_not = token("with", passwords=True), token("without")
    for number, password in enumerate(PASSWORDS, 1):
        assert ask(client, f"l{number}", may).json["password"] == password
        assert "password" not in ask(client, f"l{number}", may_not).json
        assert "password" not in ask(client, f"nobody{number}", may).json
    ask(client, "l1", may)
    with app.app_context():
        found = events()
        told = [detail["customer"] for name, _by, detail in found if name == "reveal"]
        assert told == [1, 2, 3, 4, 5, 6, 7, 8, 1]
        assert len(found) == 9
        detail = {"customer": 1, "field": "password", "through": "api", "token": "with", "address": "127.0.0.1"}
        assert found[0] == ("reveal", "API token with", detail)
        assert all(password not in str(found) for password in PASSWORDS)


def test_no_password_leaves_without_its_event(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        customer(login="anna", status_id=ACTIVE)
        may, may_not = token("with", passwords=True), token("without")

    def fails(*_what: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("panel.api.answers.note", fails)
    answer = ask(client, "anna", may)
    assert (answer.status_code, list(answer.json)) == (503, ["error"])
    assert ask(client, "anna", may, "?format=freeradius").status_code == 503
    assert ask(client, "anna", may_not).json["access"] == "active"


def test_a_password_that_the_key_file_does_not_open_is_no_answer(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer(login="anna", status_id=ACTIVE)
        customer(login="bob", status_id=ACTIVE)
        text = token(passwords=True)
        with writing() as connection:
            sealed = db.session.get_one(Customer, 1).password
            changed = {"password": sealed, "revision": 2}
            connection.exec_driver_sql(
                'INSERT INTO revision (entity, record_id, number, stamp, at, "by", through, changes) '
                'SELECT entity, record_id, 2, stamp, at, "by", through, changes FROM revision WHERE record_id = 2'
            )
            connection.execute(Customer.__table__.update().where(Customer.id == 2).values(**changed))
    answer = ask(client, "bob", text)
    assert (answer.status_code, "key file" in answer.json["error"]) == (503, True)


# The form for FreeRADIUS


def test_freeradius_is_told_what_to_expand_and_what_is_no_escape(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(login="anna", status_id=BLOCKED)
        with writing():
            db.session.get_one(Customer, record_id).set_password("a\\n%{x}")
        may, may_not = token("with", passwords=True), token("without")
    access = {"control:Tmp-String-0": {"value": "suspended", "do_xlat": False}}
    password = {"control:Cleartext-Password": {"value": "a\\\\n%{x}", "do_xlat": False}}
    assert ask(client, "anna", may, "?format=freeradius").json == access | password
    assert ask(client, "anna", may_not, "?format=freeradius").json == access
    assert ask(client, "nobody", may, "?format=freeradius").status_code == 404
    assert ask(client, "anna", may, "?format=xml").status_code == 400
    with app.app_context():
        assert [name for name, _by, _detail in events()] == ["reveal"]


# Tokens


@pytest.mark.asvs("R31")
def test_only_a_good_token_opens_anything(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer(login="anna", status_id=ACTIVE)
        good, gone = token("good"), token("gone")
        with writing():
            revoke(db.session.scalars(select(ApiToken).where(ApiToken.name == "gone")).one())
    secret = good.removeprefix("rbk_1_")
    bad = [
        gone, f"rbk_2_{secret}", f"rbk_9_{secret}", f"rbk_1_{secret[:-1]}", f"{good}x", f"rbk_01_{secret}", secret,
        f"rbk_99999999999999999999_{secret}", f"rbk_٣_{secret}", good.upper(), "rbk_1_", "", "x" * 10_000,
    ]  # fmt: skip
    for text in bad:
        answer = ask(client, "anna", text)
        assert (answer.status_code, list(answer.json)) == (401, ["error"]), text
        assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
    for header in (f"Basic {good}", good, f"Bearer{good}", "Bearer", 'Bearer token="x"'):
        assert client.get("/api/access/anna", headers={"Authorization": header}).status_code == 401
    assert client.get("/api/access/anna").status_code == 401
    assert client.get(f"/api/access/anna?token={good}").status_code == 401
    assert sign_in(client).get("/api/access/anna").status_code == 401
    for header in (f"bearer {good}", f"BEARER   {good} "):
        assert client.get("/api/access/anna", headers={"Authorization": header}).status_code == 200


@pytest.mark.asvs("R41")
def test_tokens_that_are_not_good_are_recorded_and_then_have_to_wait_while_good_ones_never_do(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        customer(login="anna", status_id=ACTIVE)
        good = token("good")
    wrong = [ask(client, "anna", f"{good[:-1]}!") for _ in range(70)]
    assert [one.status_code for one in wrong] == [401] * 60 + [429] * 10
    assert 0 < int(wrong[-1].headers["Retry-After"]) <= 15 * 60
    assert "Wait 15 minutes" in wrong[-1].json["error"]
    assert ask(client, "anna", good).status_code == 200
    elsewhere = client.get(
        "/api/access/anna", headers={"Authorization": "Bearer x"}, environ_base={"REMOTE_ADDR": "192.0.2.7"}
    )
    assert elsewhere.status_code == 401
    with app.app_context():
        found = events()
        assert len(found) == 61
        assert found[0] == ("failed token", "somebody", {"token": "", "address": "127.0.0.1"})
        assert good.removeprefix("rbk_1_")[:20] not in str(found)


def test_the_last_use_of_a_token_is_noted_by_the_day(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer(login="anna")
        text = token()
        ask(client, "anna", f"{text}x")
        assert db.session.get_one(ApiToken, 1).used_on is None
        ask(client, "anna", text)
        assert db.session.get_one(ApiToken, 1, populate_existing=True).used_on == today()
        with writing():
            db.session.get_one(ApiToken, 1).used_on = today() - DAY
        ask(client, "nobody", text)
        assert db.session.get_one(ApiToken, 1, populate_existing=True).used_on == today()


@one_engine
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"])
def test_nothing_but_asking_is_possible(app: Flask, client: FlaskClient, method: str) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    with app.app_context():
        customer(login="anna")
        text = token(passwords=True)
    answer = client.open("/api/access/anna", method=method, headers={"Authorization": f"Bearer {text}"})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    with app.app_context():
        assert events() == []


@one_engine
@pytest.mark.parametrize("path", ["/api/access/", "/api/access", "/api/", "/api/nothing"])
def test_what_is_not_there_is_said_in_json(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, list(answer.json or {})) == (404, ["error"])


@one_engine
def test_a_fault_is_said_in_json_and_shows_nothing(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    monkeypatch.setattr("panel.api.answers.bearer_of", lambda *_what: 1 / 0)
    answer = client.get("/api/access/anna")
    assert (answer.status_code, list(answer.json)) == (500, ["error"])
    assert "Tell whoever runs Rollbook the number" in answer.json["error"]
    assert "ZeroDivision" not in answer.text
