"""Signing in: second factors, recovery codes, sessions that end, forgotten passwords, tries that are counted."""

from __future__ import annotations

import datetime as dt
import re
import socketserver
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select, update

from panel.database import writing
from panel.extensions import db
from panel.models import Attempt, Event, Role, User, UserSession
from panel.models.columns import now
from panel.signing_in.passwords import weakness
from panel.signing_in.resetting import start_reset
from tests.builders import customer
from tests.databases import ADMIN, ADMIN_PASSWORD, Database
from tests.panel.authenticator import age_sessions, code_of, forget_last_code, set_up
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in

NEW_PASSWORD = "three horses run"
CREDENTIALS = {"email": ADMIN, "password": ADMIN_PASSWORD}


def events(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(Event.name).order_by(Event.id)))


def is_in(client: FlaskClient) -> bool:
    return client.get("/account/").status_code == 200


@pytest.fixture
def guarded(app: Flask, client: FlaskClient) -> tuple[str, list[str]]:
    """Let the admin have a second factor, and be signed out."""
    sign_in(client)
    secret, codes = set_up(client)
    client.post("/logout/")
    forget_last_code(app)
    return secret, codes


# The second factor


def test_a_second_factor_is_asked_for_after_the_password(client: FlaskClient, guarded: tuple[str, list[str]]) -> None:
    assert client.post("/login/?next=/customers/", data=CREDENTIALS).location == "/login/code/"
    assert not is_in(client)
    assert client.post("/login/code/", data={"code": "000000"}).status_code == 401
    assert not is_in(client)
    assert client.post("/login/code/", data={"code": code_of(guarded[0])}).location == "/customers/"
    assert is_in(client)


@pytest.mark.asvs("R28")
def test_a_code_lets_in_once(app: Flask, client: FlaskClient, guarded: tuple[str, list[str]]) -> None:
    code = code_of(guarded[0])
    client.post("/login/", data=CREDENTIALS)
    assert client.post("/login/code/", data={"code": code}).status_code == 302
    other = app.test_client()
    other.post("/login/", data=CREDENTIALS)
    assert other.post("/login/code/", data={"code": code}).status_code == 401
    assert not is_in(other)


def test_a_recovery_code_lets_in_once(app: Flask, client: FlaskClient, guarded: tuple[str, list[str]]) -> None:
    typed = guarded[1][0].upper().replace("-", " ")
    for status in (302, 401):
        visitor = app.test_client()
        visitor.post("/login/", data=CREDENTIALS)
        assert visitor.post("/login/code/", data={"code": typed}).status_code == status
    assert events(app).count("recovery code used") == 1
    assert "8 recovery codes are left" in signed_in_with(app, guarded[1][1]).get("/account/").text


def signed_in_with(app: Flask, code: str) -> FlaskClient:
    visitor = app.test_client()
    visitor.post("/login/", data=CREDENTIALS)
    assert visitor.post("/login/code/", data={"code": code}).status_code == 302
    return visitor


def test_new_recovery_codes_end_the_old_ones(app: Flask, client: FlaskClient, guarded: tuple[str, list[str]]) -> None:
    client = signed_in_with(app, guarded[1][0])
    fresh = re.findall(r"<li>([0-9a-f-]{14})</li>", client.post("/account/recovery-codes/").text)
    assert len(fresh) == 10
    for code, status in ((guarded[1][1], 401), (fresh[0], 302)):
        visitor = app.test_client()
        visitor.post("/login/", data=CREDENTIALS)
        assert visitor.post("/login/code/", data={"code": code}).status_code == status


def test_a_password_alone_is_no_sign_in_for_longer_than_ten_minutes(
    client: FlaskClient, guarded: tuple[str, list[str]]
) -> None:
    client.post("/login/", data=CREDENTIALS)
    with client.session_transaction() as cookie:
        cookie["half-in"] = {**cookie["half-in"], "at": time.time() - 601}
    assert client.post("/login/code/", data={"code": code_of(guarded[0])}).location == "/login/"
    assert not is_in(client)


def test_a_second_factor_is_turned_off_by_its_owner(app: Flask, client: FlaskClient) -> None:
    set_up(sign_in(client))
    client.post("/account/two-factor/off/")
    assert is_in(sign_in(app.test_client()))
    assert events(app)[-3:] == ["second factor on", "second factor off", "sign-in"]


def test_a_secret_is_set_up_by_who_it_was_shown_to_only(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        add_user("eva@example.com", "staff")
    page = sign_in(client).get("/account/two-factor/").text
    sealed, secret = (
        re.search(pattern, page)[1] for pattern in (r'name="sealed" value="([^"]+)"', r'secret-text"[^>]*>([^<]+)<')
    )
    eva = sign_in(app.test_client(), "eva@example.com", STAFF_PASSWORD)
    for foreign in (sealed, "x", "v1:1:xx:xx"):
        answer = eva.post("/account/two-factor/", data={"sealed": foreign, "code": code_of(secret)})
        assert (answer.status_code, "recovery-codes" in answer.text) == (200, False)


def test_whose_role_asks_for_a_second_factor_sets_it_up_before_anything_else(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), writing() as connection:
        connection.execute(update(Role).where(Role.name == "admin").values(needs_two_factor=True))
    sign_in(client)
    for path in ("/", "/customers/", "/account/"):
        assert client.get(path).location == "/account/two-factor/"
    assert client.post("/customers/reveal/", data={"id": 1}).location == "/account/two-factor/"
    set_up(client)
    assert client.get("/customers/").status_code == 200


def test_a_user_who_lost_the_app_is_helped_by_a_command(
    app: Flask, client: FlaskClient, runner: FlaskCliRunner, guarded: tuple[str, list[str]]
) -> None:
    said = runner.invoke(args=["user", "reset", ADMIN]).stdout
    assert "second factor was turned off" in said
    password = re.search(r"one-time password (\S+)", said)[1]
    assert sign_in(client, ADMIN, password).get("/").location == "/account/password/"


# Sessions


def test_a_session_that_was_ended_elsewhere_opens_nothing(app: Flask, client: FlaskClient) -> None:
    other, third = sign_in(app.test_client()), sign_in(app.test_client())
    sign_in(client)
    with app.app_context():
        first = db.session.scalars(select(UserSession.id).order_by(UserSession.id)).first()
    client.post("/account/sessions/end/", data={"id": first})
    assert (is_in(other), is_in(third), is_in(client)) == (False, True, True)
    client.post("/account/sessions/end/")
    assert (is_in(third), is_in(client)) == (False, True)


def test_nobody_ends_somebody_elses_session(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        add_user("eva@example.com", "staff")
    sign_in(client)
    with app.app_context():
        number = db.session.scalars(select(UserSession.id)).one()
    eva = sign_in(app.test_client(), "eva@example.com", STAFF_PASSWORD)
    assert "no other session" in eva.post("/account/sessions/end/", data={"id": number}, follow_redirects=True).text
    assert is_in(client)


def test_a_list_of_sessions_says_on_what_and_from_where(client: FlaskClient) -> None:
    agent = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0"
    client.post("/login/", data=CREDENTIALS, headers={"User-Agent": agent})
    page = client.get("/account/").text
    assert "Edge on Windows" in page
    assert "from 127.0.0.1" in page


def test_reading_pages_notes_every_few_minutes_that_the_session_is_used(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    for ago, noted in ((dt.timedelta(minutes=2), False), (dt.timedelta(minutes=6), True)):
        seen = now() - ago
        age_sessions(app, seen_at=seen)
        assert client.get("/customers/").status_code == 200
        with app.app_context():
            after = db.session.scalars(select(UserSession.seen_at)).one()
        assert (after.replace(tzinfo=dt.UTC) > seen + dt.timedelta(minutes=1)) is noted


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_page_does_not_wait_for_a_writer_to_note_that_its_session_is_used(
    app: Flask, database: Database, client: FlaskClient
) -> None:
    sign_in(client)
    age_sessions(app, seen_at=now() - dt.timedelta(minutes=6))
    with closing(sqlite3.connect(database.instance / "rollbook.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert is_in(client)
        assert time.monotonic() - began < 10  # the lock is waited for three times as long


# Forgotten passwords


class _Mailbox(socketserver.StreamRequestHandler):
    """Enough of an SMTP server to take a mail."""

    def handle(self) -> None:
        self._say("220 mailbox")
        while line := self.rfile.readline().decode().strip():
            if line.upper().startswith("DATA"):
                self._say("354 go on")
                text = b"".join(iter(self.rfile.readline, b".\r\n")).decode()
                self.server.mails.append(text)  # type: ignore[attr-defined]
            if line.upper().startswith("QUIT"):
                self._say("221 bye")
                return
            self._say("250 fine")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def mails(app: Flask) -> Iterator[list[str]]:
    """Let the application send mails to a server of this test, and yield those that have come."""
    with _Server(("127.0.0.1", 0), _Mailbox) as server:
        server.mails = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        app.config.update(
            ROLLBOOK_MAIL_HOST="127.0.0.1",
            ROLLBOOK_MAIL_PORT=server.server_address[1],
            ROLLBOOK_MAIL_SECURITY="none",
            ROLLBOOK_ADDRESS="https://rollbook.example/",
        )
        yield server.mails  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def _link(mails: list[str]) -> str:
    deadline = time.monotonic() + 10
    while not mails and time.monotonic() < deadline:
        time.sleep(0.02)
    quoted = mails[-1].replace("=\r\n", "").replace("=3D", "=")
    return re.search(r"https://rollbook\.example(/login/reset/\?token=\S+)", quoted)[1]


def asked_for(client: FlaskClient, email: str) -> str:
    """Ask for a link, and return the page without its token, which has the time in it."""
    answer = client.post("/login/forgotten/", data={"email": email})
    assert answer.status_code == 200
    return re.sub('name="csrf-token" content="[^"]+"', "", answer.text)


@pytest.mark.asvs("R29")
def test_a_forgotten_password_is_replaced_under_a_link_that_is_good_once(
    app: Flask, client: FlaskClient, mails: list[str]
) -> None:
    before = sign_in(app.test_client())
    # Whoever asks may claim any host; the link is of the address in the settings.
    client.post("/login/forgotten/", data={"email": ADMIN.upper()}, headers={"Host": "evil.example"})
    address = _link(mails)
    assert client.get(address).location == "/login/reset/"
    short = client.post("/login/reset/", data={"new": "short", "again": "short"})
    assert "invalid-feedback" in short.text
    assert client.post("/login/reset/", data={"new": NEW_PASSWORD, "again": NEW_PASSWORD}).location == "/login/"
    assert not is_in(before)
    assert is_in(sign_in(client, ADMIN, NEW_PASSWORD))
    again = app.test_client()
    again.get(address)
    assert again.get("/login/reset/").location == "/login/forgotten/"
    assert [name for name in events(app) if name.startswith("reset")] == ["reset started", "reset finished"]


def test_asking_for_a_link_tells_nobody_who_has_an_account(client: FlaskClient, app: Flask, mails: list[str]) -> None:
    assert asked_for(client, ADMIN) == asked_for(client, "nobody@example.com")
    _link(mails)
    assert [mail for mail in mails if "nobody@" in mail] == []


@pytest.mark.parametrize("token", ["", "x", "WyJ4Il0.aaaa.bbbb"])
def test_an_invented_link_leads_nowhere(client: FlaskClient, token: str) -> None:
    client.get(f"/login/reset/?token={token}")
    words = {"new": NEW_PASSWORD, "again": NEW_PASSWORD}
    assert client.post("/login/reset/", data=words).location == "/login/forgotten/"
    assert is_in(sign_in(client))


def test_a_link_is_worth_nothing_after_an_hour(
    client: FlaskClient, mails: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/login/forgotten/", data={"email": ADMIN})
    client.get(_link(mails))
    later = time.time() + 3601
    monkeypatch.setattr(time, "time", lambda: later)
    assert client.get("/login/reset/").location == "/login/forgotten/"


def test_without_a_mail_server_an_admin_is_asked(app: Flask, client: FlaskClient) -> None:
    page = client.get("/login/forgotten/").text
    assert "Ask an admin" in page
    assert 'name="email"' not in page
    with app.app_context():
        user = db.session.scalars(select(User)).one()
        password = start_reset(user)
        db.session.commit()
    assert password
    assert sign_in(client, ADMIN, password).get("/").location == "/account/password/"


# Tries


@pytest.mark.asvs("R27")
def test_tries_run_out_and_the_page_says_how_long_to_wait(app: Flask, client: FlaskClient) -> None:
    wrong = CREDENTIALS | {"password": "no"}
    assert [client.post("/login/", data=wrong).status_code for _ in range(10)] == [401] * 10
    refused = client.post("/login/", data=CREDENTIALS)
    assert refused.status_code == 429
    assert "Wait 15 minutes" in refused.text
    # Nobody else is delayed, and the user is not from elsewhere.
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    assert client.post("/login/", data=CREDENTIALS, environ_overrides=elsewhere).status_code == 302
    with app.app_context(), writing() as connection:
        connection.execute(update(Attempt).values(at=now() - dt.timedelta(minutes=16)))
    assert is_in(sign_in(app.test_client()))


def test_a_right_password_clears_the_wrong_ones(app: Flask, client: FlaskClient) -> None:
    for _ in range(3):
        for _ in range(7):
            client.post("/login/", data=CREDENTIALS | {"password": "no"})
        sign_in(app.test_client())
    with app.app_context():
        names = list(db.session.scalars(select(Attempt.name)))
    assert all(name.startswith("sign-in from:") for name in names)


@pytest.mark.asvs("R27")
def test_an_address_that_tries_many_emails_is_slowed_down(client: FlaskClient) -> None:
    for number in range(60):
        client.post("/login/", data={"email": f"{number}@example.com", "password": ""})
        client.post("/login/", data={"email": f"{number}@example.com", "password": "no"})
    assert client.post("/login/", data={"email": "new@example.com", "password": "no"}).status_code == 429


@pytest.mark.asvs("R28")
def test_codes_cannot_be_guessed(client: FlaskClient, guarded: tuple[str, list[str]]) -> None:
    client.post("/login/", data=CREDENTIALS)
    statuses = [client.post("/login/code/", data={"code": "000000"}).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    assert client.post("/login/code/", data={"code": code_of(guarded[0])}).status_code == 429


def test_asking_for_links_is_limited_without_a_different_answer(
    app: Flask, client: FlaskClient, mails: list[str]
) -> None:
    pages = {asked_for(client, ADMIN) for _ in range(5)}
    assert len(pages) == 1
    _link(mails)
    assert events(app).count("reset started") == 3


def test_old_tries_are_swept(app: Flask, client: FlaskClient) -> None:
    client.post("/login/", data={"email": "x@example.com", "password": "no"})
    with app.app_context(), writing() as connection:
        connection.execute(update(Attempt).values(at=now() - dt.timedelta(days=2)))
    sign_in(client)
    with app.app_context():
        assert db.session.scalars(select(Attempt)).all() == []


# Giving the password again


def test_what_is_guarded_asks_for_the_password_again(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(new_password="secret words")
    sign_in(client)
    age_sessions(app, confirmed_at=now() - dt.timedelta(minutes=6))
    fetch = {"X-Requested-With": "fetch"}
    refused = client.post("/customers/reveal/", data={"id": record_id}, headers=fetch)
    assert (refused.status_code, refused.json["confirm"]) == (403, "/account/confirm/")
    for password, status in (("no", 401), (ADMIN_PASSWORD, 200)):
        assert client.post("/account/confirm/", data={"password": password}, headers=fetch).status_code == status
    answer = client.post("/customers/reveal/", data={"id": record_id}, headers=fetch)
    assert (answer.json, answer.headers["Cache-Control"]) == ({"password": "secret words"}, "no-store")


def test_a_person_is_sent_to_confirm_and_back(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    age_sessions(app, confirmed_at=None)
    assert client.get("/account/two-factor/").location == "/account/confirm/?next=/account/two-factor/"
    answer = client.post("/account/confirm/?next=/account/two-factor/", data={"password": ADMIN_PASSWORD})
    assert answer.location == "/account/two-factor/"
    assert client.get("/account/two-factor/").status_code == 200


@pytest.mark.parametrize("path", ["/account/two-factor/off/", "/account/recovery-codes/", "/customers/reveal/"])
def test_an_unlocked_screen_is_not_enough(app: Flask, client: FlaskClient, path: str) -> None:
    with app.app_context():
        record_id = customer(new_password="secret words")
    set_up(sign_in(client))
    age_sessions(app, confirmed_at=now() - dt.timedelta(minutes=6))
    referrer = {"Referer": "http://localhost/account/"}
    answer = client.post(path, data={"id": record_id}, headers=referrer)
    assert answer.location == "/account/confirm/?next=/account/"
    assert "second factor off" not in events(app)


@pytest.mark.asvs("R32")
def test_reveals_are_limited(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(new_password="secret words")
    sign_in(client)
    statuses = [client.post("/customers/reveal/", data={"id": record_id}).status_code for _ in range(31)]
    assert statuses == [200] * 30 + [429]
    assert events(app).count("reveal") == 30


# Passwords


@pytest.mark.asvs("R27")
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "password",
    [
        "elevenchars",
        "x" * 201,
        "password1234",
        "qwertyuiop12",
        "iloveyou1234",
        "abcabcabcabc",
        "Jana.Novakova",
        "jana@isp.example",
    ],
)
def test_a_weak_password_is_refused(app: Flask, password: str) -> None:
    with app.test_request_context():
        assert weakness(password, "jana@isp.example", "Jana.Novakova")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "password",
    ["three horses run", "lower case only, no digit", "žluté kolo a tři švestky", f"three horses run {'and on ' * 26}"],
)
def test_any_characters_and_any_length_are_good(app: Flask, password: str) -> None:
    with app.test_request_context():
        assert weakness(password, "jana@isp.example", "Jana") == ""
