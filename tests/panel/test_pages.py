"""What holds of every page: who may see it, what it may change, what it carries."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule

from panel.extensions import db
from panel.forms.registry import ENTRIES
from panel.models import Base, Customer, Event, User
from panel.models.columns import now
from panel.views.guarded import AppModelView, local_path
from sync.types import FIELD_TYPES
from tests.builders import customer
from tests.databases import ADMIN, ADMIN_PASSWORD
from tests.panel.pages import STAFF_PASSWORD, add_user, sign_in

OPEN = {"static", "health", "account.login", "account.code", "resetting.forgotten", "resetting.choose"}


def rules(app: Flask, method: str) -> Iterator[tuple[Rule, str]]:
    """Yield every rule with this method, and an address for it."""
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            if method in (rule.methods or ()):
                values = {name: 1 for name in rule.arguments if name != "filename"}
                if "filename" not in rule.arguments:
                    yield rule, rule.rule.replace("<int:number>", str(values.get("number", "")))


def everything(app: Flask) -> list[object]:
    """Return all rows of all tables."""
    with app.app_context():
        return [list(map(tuple, db.session.execute(select(table)).all())) for table in Base.metadata.sorted_tables]


@pytest.mark.asvs("R33")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_page_refuses_an_anonymous_visitor(app: Flask, client: FlaskClient, method: str) -> None:
    for rule, address in rules(app, method):
        if rule.endpoint not in OPEN and rule.endpoint != "account.logout":
            answer = client.open(address, method=method)
            refused = answer.status_code in {401, 403} or answer.location.startswith("/login/")
            assert refused, f"{method} {address} answered {answer.status}"


@pytest.mark.asvs("R26")
def test_every_post_needs_its_token(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    app.config["WTF_CSRF_ENABLED"] = True
    before = everything(app)
    for _rule, address in rules(app, "POST"):
        assert client.post(address, data={"id": "1"}).status_code == 400, address
    assert everything(app) == before


@pytest.mark.asvs("R26")
def test_no_get_changes_anything(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        record_id = customer(city="Brno")
    sign_in(client)
    before = everything(app)
    for rule, address in rules(app, "GET"):
        if rule.endpoint != "static":
            answer = client.get(f"{address}?id={record_id}")
            # What programs ask, they ask with a token.
            usual = {401} if rule.endpoint == "api.access" else {200, 302, 404}
            assert answer.status_code in usual, f"{address} answered {answer.status}"
    assert everything(app) == before


@pytest.mark.asvs("R25")
def test_every_page_carries_its_headers(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    addresses = [address for _rule, address in rules(app, "GET")]
    for address in [*addresses, "/nothing-here"]:
        headers = client.get(address).headers
        policy = headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "object-src 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.asvs("R25")
def test_pages_bring_no_script_of_their_own_and_nothing_of_another_host(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    for _rule, address in rules(app, "GET"):
        page = client.get(f"{address}?id=1").text.lower()
        for unwanted in ("jquery", "select2", "bootstrap4", "onclick=", "javascript:", "http://", "https://", "style="):
            assert unwanted not in page, f"{unwanted} in {address}"


@pytest.mark.parametrize("key", sorted(FIELD_TYPES))
def test_every_field_type_has_its_entry(key: str) -> None:
    assert ENTRIES[key].operations or FIELD_TYPES[key].secret


def test_no_entry_is_of_a_type_that_there_is_not() -> None:
    assert set(ENTRIES) == set(FIELD_TYPES)


@pytest.mark.asvs("R33")
def test_a_view_that_names_no_permission_is_open_to_nobody(app: Flask) -> None:
    with app.test_request_context():
        assert not AppModelView.is_accessible(AppModelView.__new__(AppModelView))


@pytest.mark.asvs("R33")
@pytest.mark.parametrize(
    "address", ["/statuses/", "/partners/new/", "/locations/", "/generator/", "/fields/new/", "/exports/", "/imports/"]
)
def test_staff_may_not_open_what_their_role_does_not_include(app: Flask, client: FlaskClient, address: str) -> None:
    with app.app_context():
        add_user("eva@example.com", "staff")
    sign_in(client, "eva@example.com", STAFF_PASSWORD)
    assert client.get(address).status_code == 403
    assert f'href="{address}"' not in client.get("/").text


@pytest.mark.parametrize("address", ["/nothing", "/imports/99/", "/customers/details/?id=x", "/statuses/edit/?id=99"])
def test_what_is_not_there_is_a_page_in_the_frame(client: FlaskClient, address: str) -> None:
    answer = sign_in(client).get(address)
    assert answer.status_code == 404
    assert "Not here" in answer.text
    assert "Sign out" in answer.text


@pytest.mark.asvs("R38")
def test_a_fault_shows_no_traceback(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(client)
    app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    monkeypatch.setattr("panel.views.home._by_status", lambda: 1 / 0)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "Something broke" in answer.text
    assert "ZeroDivisionError" not in answer.text


def test_a_file_that_is_too_large_is_refused_in_words(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    app.config["MAX_CONTENT_LENGTH"] = 100
    answer = client.post("/imports/upload/", data={"file": (io.BytesIO(b"x" * 1000), "large.csv")})
    assert answer.status_code == 413
    assert "Too large" in answer.text


def test_health_answers_everybody(client: FlaskClient) -> None:
    assert client.get("/healthz").text == "ok\n"


def test_signing_in_is_recorded_and_signing_out_ends_the_session(app: Flask, client: FlaskClient) -> None:
    sign_in(client)
    with app.app_context():
        assert list(db.session.scalars(select(Event.name))) == ["sign-in"]
    assert client.get("/").status_code == 200
    client.post("/logout/")
    assert client.get("/").location.startswith("/login/")


def test_a_wrong_password_is_refused_without_saying_what_is_wrong(client: FlaskClient) -> None:
    known = client.post("/login/", data={"email": ADMIN, "password": "no"})
    unknown = client.post("/login/", data={"email": "nobody@example.com", "password": "no"})
    assert (known.status_code, unknown.status_code) == (401, 401)
    sentences = [re.findall(r'role="alert">(.*?)<', page.text) for page in (known, unknown)]
    assert sentences[0] == sentences[1] != []


def test_signing_in_starts_a_session_of_its_own(client: FlaskClient) -> None:
    with client.session_transaction() as session:
        session["planted"] = "by somebody else"
    sign_in(client)
    with client.session_transaction() as session:
        assert "planted" not in session
        assert session.permanent


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/customers/", "/customers/"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_after_signing_in_only_a_path_of_ours_is_gone_to(target: str | None, path: str) -> None:
    assert local_path(target) == path


def test_a_one_time_password_is_changed_before_anything_else(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        user = db.session.scalars(select(User)).one()
        user.must_change_password = True
        db.session.commit()
    sign_in(client)
    assert client.get("/customers/").location == "/account/password/"
    words = {"current": ADMIN_PASSWORD, "new": "three horses run", "again": "three horses run"}
    assert client.post("/account/password/", data=words | {"again": "two"}).status_code == 200
    assert client.get("/customers/").location == "/account/password/"
    assert client.post("/account/password/", data=words).location == "/"
    assert client.get("/customers/").status_code == 200


def test_a_new_password_ends_the_other_sessions(app: Flask, client: FlaskClient) -> None:
    other = sign_in(app.test_client())
    sign_in(client)
    words = {"current": ADMIN_PASSWORD, "new": "three horses run", "again": "three horses run"}
    client.post("/account/password/", data=words)
    assert client.get("/").status_code == 200
    assert other.get("/").location.startswith("/login/")


@pytest.mark.parametrize("new", ["short", "aaaaaaaaaaaaaaaa", ADMIN, ADMIN_PASSWORD])
def test_a_password_that_is_easily_guessed_is_refused(client: FlaskClient, new: str) -> None:
    sign_in(client)
    answer = client.post("/account/password/", data={"current": ADMIN_PASSWORD, "new": new, "again": new})
    assert answer.status_code == 200
    assert "invalid-feedback" in answer.text


def test_the_first_page_counts_customers_by_status_and_links_to_them(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer(), customer()
        gone = customer()
        db.session.get_one(Customer, gone).deleted_at = now()
        db.session.commit()
    page = sign_in(client).get("/").text
    assert '<span class="tile-number">2</span>' in page
    assert "/customers/?flt_status_is=1" in page
