"""Users and roles: nobody gives more than they hold, nobody is locked out, and all of it is recorded once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from panel.database import writing
from panel.extensions import db
from panel.models import Event, Partner, Role, Status, User
from panel.models.columns import now
from panel.permissions import ADMIN, GROUPS, STAFF
from tests.databases import ADMIN as ADMIN_EMAIL
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, options_of, sign_in

EVA = "eva@example.com"


def role_id(name: str) -> int:
    return db.session.scalars(select(Role.id).where(Role.name == name)).one()


def user_of(email: str) -> User:
    return db.session.scalars(select(User).where(User.email == email)).one()


def add_role(name: str, permissions: list[str], **rights: str) -> None:
    with writing():
        db.session.add(Role(name=name, permissions=permissions, field_rights=rights))


def events(*but: str) -> list[str]:
    """Return what was recorded of signed-in people, without sign-ins."""
    query = select(Event.name).where(Event.user_id.is_not(None)).order_by(Event.id)
    return [name for name in db.session.scalars(query) if name not in {"sign-in", *but}]


@pytest.fixture
def limited(app: Flask) -> FlaskClient:
    """Return the browser of Eva, who may add users and is no admin: staff, users, and no passport."""
    with app.app_context():
        add_role("clerk", [*STAFF, "users"], passport="none", city="see")
        add_user(EVA, "clerk")
    return sign_in(app.test_client(), EVA, STAFF_PASSWORD)


# Users


def test_a_new_user_signs_in_once_with_the_password_that_was_shown_once(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        staff = role_id("staff")
    typed = {"email": " Bob@Example.com ", "name": "Bob\r\nroot", "roles": [staff], "partner": "0", "active": "y"}
    page = sign_in(client).post("/users/new/", data=typed).text
    password = re.findall(r'class="one-time mono"[^>]*>([^<]+)<', page)[0]
    bob = sign_in(app.test_client(), "bob@example.com", password)
    assert bob.get("/customers/").location == "/account/password/"
    with app.app_context():
        user = user_of("bob@example.com")
        assert (user.name, [role.name for role in user.roles]) == ("Bob  root", ["staff"])
        one = db.session.scalars(select(Event).where(Event.name == "user added")).one()
        assert one.by == "Admin"
        assert one.detail["changes"]["roles"] == [[], ["staff"]]
        recorded = str([event.detail for event in db.session.scalars(select(Event))])
        assert password not in recorded
        assert user.password_hash not in recorded


def test_an_address_is_only_one_users(app: Flask, client: FlaskClient) -> None:
    page = sign_in(client).post("/users/new/", data={"email": ADMIN_EMAIL, "partner": "0"}).text
    assert "There is a user with this address already." in page


def test_a_deactivated_user_is_out_at_once_and_stays_in_the_list(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        add_user(EVA, "staff")
        number = user_of(EVA).id
    eva = sign_in(app.test_client(), EVA, STAFF_PASSWORD)
    form = form_with(sign_in(client).get(f"/users/edit/?id={number}").text, "email")
    form.pop("active")
    assert client.post(f"/users/edit/?id={number}", data=form).status_code == 302
    assert eva.get("/").location.startswith("/login/")
    assert EVA in client.get("/users/").text
    with app.app_context():
        one = db.session.scalars(select(Event).where(Event.name == "user changed")).one()
        assert one.detail["changes"] == {"active": [True, False]}


def test_a_reset_password_ends_the_sessions_and_is_recorded_once(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        add_user(EVA, "staff")
        number = user_of(EVA).id
    eva = sign_in(app.test_client(), EVA, STAFF_PASSWORD)
    page = sign_in(client).post("/users/reset/", data={"id": number}).text
    assert "one-time mono" in page
    assert eva.get("/").location.startswith("/login/")
    with app.app_context():
        assert events() == ["reset started"]


@pytest.mark.parametrize("taken", ["active", "roles"])
def test_the_last_who_may_add_users_keeps_that(app: Flask, client: FlaskClient, taken: str) -> None:
    form = form_with(sign_in(client).get("/users/edit/?id=1").text, "email")
    form.pop(taken)
    assert "Somebody has to be left who may add users" in client.post("/users/edit/?id=1", data=form).text
    with app.app_context():
        admin = user_of(ADMIN_EMAIL)
        assert admin.active
        assert admin.may("users")
        assert events() == []


@pytest.mark.asvs("R33")
def test_nobody_makes_a_user_who_may_more(app: Flask, limited: FlaskClient) -> None:
    with app.app_context():
        admin, staff = role_id("admin"), role_id("staff")
    for role in (admin, staff):  # staff sees the passport, which Eva does not
        answer = limited.post("/users/new/", data={"email": "bob@example.com", "partner": "0", "roles": [role]})
        assert "is-invalid" in answer.text or "invalid-feedback" in answer.text
    with app.app_context():
        assert db.session.scalars(select(User).where(User.email == "bob@example.com")).one_or_none() is None


@pytest.mark.asvs("R33")
def test_nobody_changes_a_user_who_may_more(app: Flask, limited: FlaskClient) -> None:
    with app.app_context():
        before = user_of(ADMIN_EMAIL).password_hash
        roles = [role.id for role in user_of(ADMIN_EMAIL).roles]
    typed = {"email": "mine@example.com", "partner": "0", "roles": roles, "active": "y"}
    assert "may do more than you" in limited.post("/users/edit/?id=1", data=typed).text
    assert "may do more than you" in limited.post("/users/reset/", data={"id": "1"}, follow_redirects=True).text
    with app.app_context():
        assert user_of(ADMIN_EMAIL).password_hash == before
        assert events() == []


@pytest.mark.asvs("R33")
def test_a_bound_user_knows_only_users_of_the_own_partner(app: Flask) -> None:
    with app.app_context():
        with writing():
            db.session.add(Partner(name="Other"))
        other = db.session.scalars(select(Partner.id).where(Partner.name == "Other")).one()
        add_role("clerk", [*STAFF, "users", "audit"])
        add_user(EVA, "clerk", other)
        add_user("bob@example.com", "staff")
        bob, staff = user_of("bob@example.com").id, role_id("staff")
    eva = sign_in(app.test_client(), EVA, STAFF_PASSWORD)
    sign_in(app.test_client(), "bob@example.com", STAFF_PASSWORD)
    assert "bob@example.com" not in eva.get("/users/").text
    assert "bob@example.com" not in eva.get("/audit/").text
    assert eva.get(f"/users/edit/?id={bob}").status_code == 404
    assert eva.post("/users/reset/", data={"id": bob}).status_code == 404
    typed = {"email": "new@example.com", "roles": [staff], "partner": "0"}
    assert "one-time" not in eva.post("/users/new/", data=typed).text
    assert "one-time" in eva.post("/users/new/", data=typed | {"partner": str(other)}).text
    with app.app_context():
        assert user_of("new@example.com").partner_id == other


# Roles


def test_a_role_is_composed_and_counts_at_once(app: Flask, client: FlaskClient, runner: FlaskCliRunner) -> None:
    typed = {"name": "auditor", "permissions": ["customer.list", "audit"], "right.city": "none", "right.street": "see"}
    assert sign_in(client).post("/roles/new/", data=typed).status_code == 302
    assert runner.invoke(args=["user", "add", EVA, "--role", "auditor"]).exit_code == 0
    with app.app_context():
        user = user_of(EVA)
        assert user.permissions == {"customer.list", "audit"}
        assert user.roles[0].field_rights == {"city": "none", "street": "see"}
        one = db.session.scalars(select(Event).where(Event.name == "role added")).one()
        assert one.detail["changes"]["permissions"][1] == ["customer.list", "audit"]
    form = form_with(client.get(f"/roles/edit/?id={one.detail['role']}").text, "name")
    assert (form["right.city"], form["right.street"], form["right.login"]) == (["none"], ["see"], ["edit"])
    client.post(f"/roles/edit/?id={one.detail['role']}", data=form | {"right.city": "edit"})
    with app.app_context():
        assert user_of(EVA).roles[0].field_rights == {"street": "see"}
        assert "Changed a role" in client.get("/audit/").text


def test_a_copy_begins_with_what_the_role_allows(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        add_role("clerk", ["customer.list", "customer.view"], city="none")
        number = role_id("clerk")
    form = form_with(sign_in(client).get(f"/roles/new/?copy={number}").text, "name")
    assert form["name"] == ["Copy of clerk"]
    assert form["permissions"] == ["customer.list", "customer.view"]
    assert form["right.city"] == ["none"]


def test_the_whole_role_stays_and_one_in_use_is_not_deleted(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        add_user(EVA, "staff")
        admin, staff, manager = role_id("admin"), role_id("staff"), role_id("manager")
    sign_in(client).post(f"/roles/edit/?id={admin}", data={"name": "admin", "permissions": []})
    for number in (admin, staff, manager):
        client.post("/roles/delete/", data={"id": number})
    with app.app_context():
        assert set(db.session.scalars(select(Role.name))) == {"admin", "staff"}
        assert set(db.session.get_one(Role, admin).permissions) == set(ADMIN)
        assert events() == ["role deleted"]


@pytest.mark.asvs("R33")
@pytest.mark.parametrize(
    "typed",
    [
        {"permissions": ["audit"]},
        {"permissions": ["customer.list"], "right.city": "edit"},
        {"permissions": ["customer.list"], "right.passport": "edit"},
    ],
)
def test_nobody_composes_a_role_that_allows_more(app: Flask, limited: FlaskClient, typed: dict[str, Any]) -> None:
    limited.post("/roles/new/", data={"name": "mine", **typed})
    with app.app_context():
        made = db.session.scalars(select(Role).where(Role.name == "mine")).one_or_none()
        assert made is None or (made.field_rights["passport"], made.field_rights["city"]) == ("none", "see")
        assert made is None or "audit" not in made.permissions


@pytest.mark.asvs("R33")
def test_nobody_changes_or_deletes_a_role_that_allows_more(app: Flask, limited: FlaskClient) -> None:
    with app.app_context():
        manager = role_id("manager")
    limited.post(f"/roles/edit/?id={manager}", data={"name": "manager", "permissions": ["customer.list"]})
    limited.post("/roles/delete/", data={"id": manager})
    with app.app_context():
        assert len(db.session.get_one(Role, manager).permissions) > 3


def test_whoever_may_not_manage_users_opens_none_of_it(app: Flask) -> None:
    with app.app_context():
        add_user(EVA, "manager")
    eva = sign_in(app.test_client(), EVA, STAFF_PASSWORD)
    for address in ("/users/", "/users/new/", "/users/edit/?id=1", "/roles/", "/roles/edit/?id=1", "/audit/"):
        assert eva.get(address).status_code == 403
    assert eva.get("/audit/events.csv").status_code == 403


def test_every_permission_has_its_words() -> None:
    assert sorted(one.name for _group, some in GROUPS for one in some) == sorted(ADMIN)


# Audit


@pytest.mark.asvs("R41")
@pytest.mark.parametrize(
    ("address", "typed", "name"),
    [
        ("/statuses/new/", {"label": "Paused", "services": "stopped", "colour": "#111111"}, "status added"),
        ("/statuses/edit/?id=2", {"label": "On", "services": "active", "colour": "#111111"}, "status changed"),
        ("/statuses/edit/?id=2", {"label": "Active", "is_default": "y", "services": "active"}, "status changed"),
        ("/partners/new/", {"name": "Other"}, "partner added"),
        ("/locations/edit/?id=1", {"name": "Other"}, "location changed"),
        ("/statuses/delete/", {"id": "2"}, "status deleted"),
        ("/statuses/merge/", {"id": "3", "into": "2"}, "status merged"),
        ("/statuses/move/", {"id": "4", "to": "up"}, "status changed, status changed"),
        ("/generator/", {"login_pattern": "{next}"}, "generator changed"),
    ],
)
def test_each_change_of_the_configuration_is_an_event(
    app: Flask, client: FlaskClient, address: str, typed: dict[str, str], name: str
) -> None:
    sign_in(client)
    if "edit" in address or address == "/generator/":
        field = next(iter(typed))
        typed = form_with(client.get(address).text, field) | typed  # type: ignore[assignment]
    assert client.post(address, data=typed).status_code == 302
    with app.app_context():
        assert ", ".join(events()) == name
        assert {one.by for one in db.session.scalars(select(Event).where(Event.user_id.is_not(None)))} == {"Admin"}


@pytest.mark.asvs("R41")
def test_a_refused_change_is_no_event(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    client.post("/statuses/delete/", data={"id": "1"})
    client.post("/partners/new/", data={"name": ""})
    with app.app_context():
        assert events() == []


@pytest.mark.asvs("R41")
def test_the_audit_is_filtered_and_saved_as_csv(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        with writing():
            db.session.add(Event(by="=cmd()", name="export", detail={"rows": 3, "fields": ["city"], "filters": []}))
        add_user(EVA, "staff")
    sign_in(client).post("/statuses/edit/?id=2", data={"label": "On", "services": "active", "colour": "#111111"})
    page = client.get("/audit/?kind=status changed").text
    assert "Changed a status" in page
    assert '<span class="old">Active</span>' in page
    assert "Exported" not in page.partition("<tbody>")[2]
    assert "Nothing of this kind" in client.get("/audit/?by=Admin&to=2020-01-01").text
    text = client.get("/audit/events.csv").text
    assert "'=cmd()" in text
    assert "Label: Active → On" in text


@pytest.mark.asvs("R41")
def test_names_with_line_ends_stay_on_one_line(app: Flask) -> None:
    with app.app_context():
        with writing():
            db.session.add(Event(by="Eva\r\nAdmin signed in", name="reveal", detail={"name": "a\nb\x1b[31m"}))
        one = db.session.scalars(select(Event)).one()
        assert (one.by, one.detail["name"]) == ("Eva  Admin signed in", "a b [31m")


@pytest.mark.asvs("R41")
def test_the_database_refuses_to_change_or_drop_an_event(app: Flask) -> None:
    with app.app_context():
        with writing():
            db.session.add(Event(by="Eva", name="reveal", detail={}))
        for statement in (update(Event).values(by="Bob"), delete(Event)):
            with pytest.raises(DBAPIError, match="what happened"):
                db.session.execute(statement)
            db.session.rollback()
        assert db.session.scalars(select(Event.by)).one() == "Eva"


def test_what_a_new_instance_comes_with_is_nobodys_deed(app: Flask) -> None:
    with app.app_context():
        assert list(db.session.scalars(select(Event))) == []
        assert db.session.scalars(select(Status)).all()
        assert now().tzinfo


def test_the_audit_offers_each_name_and_each_kind_once_that_one_may_know_of(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        with writing():
            db.session.add(Partner(name="Other"))
            rows = [("Zoe", "reveal"), ("API token x", "reveal"), ("Bob", "export"), ("Bob", "reveal")] * 3
            db.session.add_all(Event(by=by, name=name, detail={}) for by, name in rows)
        add_role("auditor", ["audit"])
        add_user(EVA, "auditor", 2)
    page = sign_in(client).get("/audit/?kind=export").text
    assert sorted(options_of(page, "by")) == ["", "API token x", "Admin", "Bob", "Zoe", "system"]
    made = ["partner added", "reveal", "role added", "sign-in", "user added"]
    assert sorted(options_of(page, "kind")) == ["", "export", *made]
    page = sign_in(app.test_client(), EVA, STAFF_PASSWORD).get("/audit/").text
    assert (options_of(page, "by"), options_of(page, "kind")) == (["", EVA], ["", "sign-in"])
