"""API tokens: made by who may, shown once, known by their digest, revoked at once, all of it recorded."""

from __future__ import annotations

import datetime as dt
import hashlib
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select

from panel.database import writing
from panel.extensions import db
from panel.merging import plan_merge
from panel.models import ApiToken, Base, Event, Partner, Role
from panel.models.columns import now
from sync.errors import SyncError
from tests.builders import customer
from tests.panel.authenticator import age_sessions
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, sign_in
from tests.panel.test_api_access import ask, token

SHOWN = re.compile(r"rbk_\d+_[0-9a-f]{64}")


def add(client: FlaskClient, **typed: str) -> str:
    """Send the form of a new token, and return the page."""
    return client.post("/tokens/new/", data={"name": "radius", "partner": "0", **typed}).text


def token_events() -> list[Event]:
    return list(db.session.scalars(select(Event).where(Event.name.like("token %")).order_by(Event.id)))


@pytest.mark.asvs("R29")
def test_a_token_is_shown_once_and_only_its_digest_is_kept(app: Flask, client: FlaskClient) -> None:
    page = add(sign_in(client), passwords="y")
    (text,) = set(SHOWN.findall(page))
    with app.app_context():
        customer(login="anna")
        row = db.session.scalars(select(ApiToken)).one()
        secret = text.removeprefix(f"rbk_{row.id}_")
        assert row.digest == hashlib.sha256(secret.encode()).hexdigest()
        assert (row.name, row.passwords, row.partner_id, row.by, row.used_on) == ("radius", True, None, "Admin", None)
        tables = Base.metadata.sorted_tables
        assert secret not in repr([db.session.execute(select(table)).all() for table in tables])
        (one,) = token_events()
        assert (one.name, one.by) == ("token added", "Admin")
        assert one.detail == {
            "token": 1,
            "name": "radius",
            "changes": {"name": [None, "radius"], "passwords": [None, True]},
        }
    assert ask(client, "anna", text).json["password"]
    for address in ("/tokens/", "/tokens/new/", "/audit/"):
        page = client.get(address).text
        assert not SHOWN.search(page)
        assert secret not in page


def test_a_revoked_token_opens_nothing_from_the_next_question_on_and_stays_in_the_list(
    app: Flask, client: FlaskClient
) -> None:
    text = SHOWN.findall(add(sign_in(client)))[0]
    with app.app_context():
        customer(login="anna")
    assert ask(client, "anna", text).status_code == 200
    assert "Revoke the token radius" in client.get("/tokens/").text
    assert "radius was revoked" in client.post("/tokens/revoke/", data={"id": "1"}, follow_redirects=True).text
    assert ask(client, "anna", text).status_code == 401
    page = client.get("/tokens/").text
    assert ">radius<" in page
    assert "Revoke the token radius" not in page
    with app.app_context():
        at = db.session.get_one(ApiToken, 1).revoked_at
        client.post("/tokens/revoke/", data={"id": "1"})
        assert db.session.get_one(ApiToken, 1, populate_existing=True).revoked_at == at
        assert [one.name for one in token_events()] == ["token added", "token changed"]
    assert "Revoked an API token" in client.get("/audit/").text


@pytest.mark.asvs("R32")
def test_a_token_is_made_by_who_has_just_given_the_password(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    age_sessions(app, confirmed_at=now() - dt.timedelta(minutes=6))
    assert client.get("/tokens/").status_code == 200
    assert client.get("/tokens/new/").location.startswith("/account/confirm/?next=/tokens/new/")
    assert client.post("/tokens/new/", data={"name": "radius", "partner": "0"}).location.startswith("/account/confirm/")
    with app.app_context():
        assert db.session.scalars(select(ApiToken)).all() == []


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"name": ""}, "Name is required. Fill it in."),
        ({"name": " \n "}, "Name is required. Fill it in."),
        ({"name": "x" * 256}, ""),
        ({"name": "OLD"}, "There is a token of this name already"),
        ({"partner": "99"}, "Not a valid choice"),
        ({"partner": "x"}, "invalid"),
    ],
)
def test_what_is_typed_wrong_makes_no_token(
    app: Flask, client: FlaskClient, typed: dict[str, str], sentence: str
) -> None:
    with app.app_context():
        token("old")
    page = add(sign_in(client), **typed)
    assert sentence in page
    assert bool(SHOWN.search(page)) is (typed == {"name": "x" * 256})  # cut to what the column holds


@pytest.mark.asvs("R33")
def test_nobody_makes_a_token_that_tells_more_than_they_may_see(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        with writing():
            db.session.add(Partner(name="Other"))
            db.session.add(Role(name="blind", permissions=["config"], field_rights={"password": "none"}))
            db.session.add(Role(name="teller", permissions=["config", "customer.reveal"], field_rights={}))
            db.session.add(
                Role(name="half", permissions=["config", "customer.reveal"], field_rights={"password": "none"})
            )
            db.session.add(Role(name="no logins", permissions=["config"], field_rights={"login": "none"}))
        token("theirs", partner_id=1)
        for role in ("blind", "teller", "half", "no logins"):
            add_user(f"{role.split()[0]}@example.com", role, 2 if role == "teller" else None)
    made = {}
    for who in ("blind", "half", "no", "teller"):
        other = sign_in(app.test_client(), f"{who}@example.com", STAFF_PASSWORD)
        made[who] = [
            bool(SHOWN.search(add(other, name=f"{who} 1", passwords="y"))),
            bool(SHOWN.search(add(other, name=f"{who} 2", partner="2"))),
            bool(SHOWN.search(add(other, name=f"{who} 3", partner="1"))),
        ]
    with app.app_context():
        passwords = list(db.session.scalars(select(ApiToken.name).where(ApiToken.passwords)))
    # What the form does not offer is not taken.
    assert made == {
        "blind": [True, True, True],
        "half": [False, True, True],
        "no": [False, False, False],
        "teller": [False, True, False],
    }
    assert passwords == []
    teller = sign_in(app.test_client(), "teller@example.com", STAFF_PASSWORD)
    page = teller.get("/tokens/").text
    assert ("teller 2" in page, "theirs" in page, "blind 1" in page) == (True, False, False)
    assert teller.post("/tokens/revoke/", data={"id": "1"}).status_code == 404
    assert list(form_with(teller.get("/tokens/new/").text, "partner")["partner"]) == ["2"]


@pytest.mark.asvs("R33")
def test_tokens_are_for_who_may_configure_and_nobody_edits_or_deletes_one(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        token()
        add_user("eva@example.com", "manager")
    eva = sign_in(app.test_client(), "eva@example.com", STAFF_PASSWORD)
    assert {eva.get(f"/tokens/{page}").status_code for page in ("", "new/")} == {403}
    assert eva.post("/tokens/revoke/", data={"id": "1"}).status_code == 403
    sign_in(client)
    for page in ("edit", "delete", "details"):
        assert client.get(f"/tokens/{page}/?id=1").status_code == client.post(f"/tokens/{page}/").status_code == 404


def test_a_partner_with_a_token_is_not_merged_away(app: Flask) -> None:
    with app.app_context():
        with writing():
            db.session.add(Partner(name="North"))
        token(partner_id=2)
        with pytest.raises(SyncError, match="1 API token is bound to North"):
            plan_merge("partner", 2, 1)
        with writing():
            db.session.get_one(ApiToken, 1).revoked_at = db.session.get_one(ApiToken, 1).at
        assert plan_merge("partner", 2, 1).customers == 0


def test_the_commands_make_list_and_revoke(app: Flask, client: FlaskClient, runner: FlaskCliRunner) -> None:
    with app.app_context():
        customer(login="anna")
        with writing():
            db.session.add(Partner(name="North"))
    made = runner.invoke(args=["token", "add", "Ěra", "--passwords"])
    assert made.exit_code == 0
    assert SHOWN.fullmatch(made.stdout.strip())
    assert ask(client, "anna", made.stdout.strip()).json["password"]
    assert runner.invoke(args=["token", "add", "hotspot", "--partner", "north"]).exit_code == 0
    for arguments, sentence in (
        (["add", "ĚRA"], "There is a token of this name already"),
        (["add", " "], "A token needs a name."),
        (["add", "x", "--partner", "South"], "There is no partner South. The partners are: Main, North."),
        (["revoke", "x"], "There is no token x."),
    ):
        refused = runner.invoke(args=["token", *arguments])
        assert (refused.exit_code, refused.stdout, sentence in refused.stderr) == (1, "", True)
    assert runner.invoke(args=["token", "revoke", "ěra"]).stdout == "Ěra was revoked.\n"
    assert "Ěra is revoked already." in runner.invoke(args=["token", "revoke", "Ěra"]).stderr
    assert ask(client, "anna", made.stdout.strip()).status_code == 401
    listed = runner.invoke(args=["token", "list"]).stdout.splitlines()
    assert re.fullmatch(r"hotspot · customers of North · made [\d-]+ by command line · never used", listed[0])
    last = r"Ěra · may ask for passwords · made [\d-]+ by command line · last used [\d-]+ · revoked [\d-]+"
    assert re.fullmatch(last, listed[1])
    with app.app_context():
        assert {one.by for one in token_events()} == {"command line"}
