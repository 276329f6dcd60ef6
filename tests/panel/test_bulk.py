"""Changing many at once: what was shown is what is written, whole or not at all, and it can be taken back."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.database import writing
from panel.extensions import db
from panel.jobs import run_pending
from panel.models import Customer, Job, Partner, Revision, Role, Status
from tests.builders import additional_field, customer, edit
from tests.panel.pages import STAFF_PASSWORD, add_user, options_of, sign_in


@pytest.fixture
def three(app: Flask) -> Flask:
    with app.app_context():
        customer("Ann", city="Brno", emails=["ann@x.cz", "all@x.cz"])
        customer("Bob", city="Zlin", emails=["bob@x.cz"], category="company")
        customer("Cyd", city="Zlin")
    return app


def number_of(address: str) -> int:
    return int(address.rstrip("/").split("/")[-1])


def planned(client: FlaskClient, ids: str = "1 2 3", **edits: Any) -> int:
    """Choose customers and plan edits: ``city=("set", "Praha")``."""
    start = client.post("/bulk/choose/", data={"id": ids.split()})
    number = number_of(start.location)
    form: dict[str, Any] = {}
    for key, (how, *texts) in edits.items():
        form[f"how.{key}"] = how
        form[key] = texts
    answer = client.post(f"/bulk/{number}/fields/", data=form)
    assert answer.status_code == 302, answer.text
    return number


def applied(app: Flask, client: FlaskClient, number: int, **form: str) -> Job:
    answer = client.post(f"/bulk/{number}/apply/", data=form)
    assert answer.location == f"/jobs/{number}/", client.get(answer.location).text
    with app.app_context():
        run_pending()
        return db.session.get_one(Job, number)


def values(app: Flask, name: str) -> list[Any]:
    with app.app_context():
        return [getattr(one, name) for one in db.session.scalars(select(Customer).order_by(Customer.id))]


def groups(app: Flask, number: int) -> dict[str, int]:
    with app.app_context():
        found: dict[str, int] = db.session.get_one(Job, number).result["groups"]
        return found


def test_what_was_shown_is_written_logged_and_taken_back(three: Flask, client: FlaskClient) -> None:
    sign_in(client)
    number = planned(client, city=("set", "Zlin"))
    page = client.get(f"/bulk/{number}/").text
    assert "Change 1 customer" in page
    assert '<span class="old">Brno</span>' in page
    assert groups(three, number) == {"change": 1, "same": 2}
    assert "Bob" in client.get(f"/bulk/{number}/?group=same").text
    job = applied(three, client, number)
    assert (job.state, values(three, "city")) == ("done", ["Zlin", "Zlin", "Zlin"])
    assert values(three, "revision") == [2, 1, 1]
    with three.app_context():
        entry = db.session.scalars(select(Revision).where(Revision.number == 2)).one()
        assert (entry.job_id, entry.through, entry.by) == (number, "bulk", "Admin")
    assert "1 customer was changed" in client.get(f"/jobs/{number}/").text
    client.post(f"/jobs/{number}/undo/")
    with three.app_context():
        run_pending()
    assert values(three, "city") == ["Brno", "Zlin", "Zlin"]


@pytest.mark.parametrize(
    ("edits", "name", "after", "found"),
    [
        ({"city": ("clear",)}, "city", [None, None, None], {"change": 3}),
        ({"status": ("set", "Active")}, "status_id", [2, 2, 2], {"change": 3}),
        (
            {"emails": ("add", "ALL@x.cz, new@x.cz")},
            "emails",
            [["ann@x.cz", "all@x.cz", "new@x.cz"], ["bob@x.cz", "ALL@x.cz", "new@x.cz"], ["ALL@x.cz", "new@x.cz"]],
            {"change": 3},
        ),
        ({"emails": ("remove", "ALL@x.cz")}, "emails", [["ann@x.cz"], ["bob@x.cz"], []], {"change": 1, "same": 2}),
        ({"emails": ("set", "one@x.cz")}, "emails", [["one@x.cz"]] * 3, {"change": 3}),
        ({"vat": ("set", "CZ1")}, "extra", [{}, {"vat": "CZ1"}, {}], {"change": 1, "other": 2}),
        (
            {"category": ("set", "Company"), "vat": ("set", "CZ1")},
            "extra",
            [{"vat": "CZ1"}] * 3,
            {"change": 3},
        ),
        ({"tags": ("add", "tv")}, "extra", [{"tags": ["tv"]}] * 3, {"change": 3}),
    ],
)
def test_fields_are_set_cleared_and_sets_get_or_lose_members(
    three: Flask, client: FlaskClient, edits: Any, name: str, after: list[Any], found: dict[str, int]
) -> None:
    with three.app_context():
        additional_field("vat", category="company")
        additional_field("tags", "multi_select", options=[["tv", "TV"], ["net", "Net"]])
    sign_in(client)
    number = planned(client, **edits)
    assert groups(three, number) == found
    assert client.get(f"/bulk/{number}/").status_code == 200
    applied(three, client, number)
    assert values(three, name) == after


def test_a_customer_with_a_problem_is_left_as_it_is_if_somebody_says_so(three: Flask, client: FlaskClient) -> None:
    with three.app_context():
        additional_field("tags", "multi_select", options=[["tv", "TV"], ["net", "Net"]], required=True)
        edit(1, extra={"tags": ["tv"]})
        edit(2, extra={"tags": ["tv", "net"]})
    sign_in(client)
    number = planned(client, tags=("remove", "tv"))
    assert groups(three, number) == {"change": 1, "problem": 1, "same": 1}
    assert "Tags is required" in client.get(f"/bulk/{number}/?group=problem").text
    refused = client.post(f"/bulk/{number}/apply/")
    assert refused.location == f"/bulk/{number}/"
    applied(three, client, number, skip_problems="1")
    assert values(three, "extra") == [{"tags": ["tv"]}, {"tags": ["net"]}, {}]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"how.city": ""}, "Nothing was planned yet"),
        ({"how.date_of_birth": "set", "date_of_birth": "soon"}, "soon"),
        ({"how.full_name": "set", "full_name": ""}, "Full name is required"),
        ({"how.full_name": "clear"}, "Nothing was planned yet"),
        ({"how.login": "set", "login": "same"}, "Nothing was planned yet"),
        ({"how.password": "set", "password": "same-for-all"}, "Nothing was planned yet"),
    ],
)
def test_what_cannot_be_for_many_is_not_planned(
    three: Flask, client: FlaskClient, form: dict[str, str], words: str
) -> None:
    sign_in(client)
    number = number_of(client.post("/bulk/choose/", data={"id": ["1"]}).location)
    answer = client.post(f"/bulk/{number}/fields/", data=form)
    assert answer.status_code == 200
    assert words in answer.text
    assert "clear" not in options_of(answer.text, "how.full_name")


@pytest.mark.asvs("R19")
def test_a_customer_that_changed_after_the_preview_stops_the_whole(three: Flask, client: FlaskClient) -> None:
    sign_in(client)
    number = planned(client, city=("set", "Praha"))
    with three.app_context():
        edit(2, city="Ostrava")
        edit(3, street="Main 1")
    job = applied(three, client, number)
    assert (job.state, values(three, "city")) == ("planned", ["Brno", "Ostrava", "Zlin"])
    page = client.get(f"/bulk/{number}/").text
    assert "Somebody changed 1 of these customers after the preview (ID 2)" in page
    assert "Ostrava" in page
    job = applied(three, client, number)
    assert (job.state, values(three, "city")) == ("done", ["Praha"] * 3)
    assert values(three, "street") == [None, None, "Main 1"]


@pytest.mark.asvs("R19")
@pytest.mark.parametrize("what", ["bin", "field", "option"])
def test_nothing_is_written_where_what_was_shown_is_gone(three: Flask, client: FlaskClient, what: str) -> None:
    with three.app_context():
        additional_field("note")
    sign_in(client)
    number = planned(client, note=("set", "x"), status=("set", "Active"))
    with three.app_context(), writing():
        if what == "bin":
            db.session.get_one(Customer, 1).deleted_at = db.session.get_one(Job, number).at
        elif what == "field":
            db.session.execute(db.text("UPDATE additional_field SET retired = true"))
            db.session.execute(db.text("UPDATE schema_version SET version = version + 1"))
        else:
            db.session.add(Status(label="Paused"))
    client.post(f"/bulk/{number}/apply/")
    with three.app_context():
        run_pending()
        assert db.session.get_one(Job, number).state in {"planned", "failed"}
        assert db.session.scalars(select(Customer.status_id).distinct()).all() == [1]


def test_rights_count_at_every_step(three: Flask, client: FlaskClient) -> None:
    with three.app_context():
        add_user("eva@example.com", "staff")
        add_user("max@example.com", "manager")
    staff = sign_in(three.test_client(), "eva@example.com", STAFF_PASSWORD)
    assert staff.post("/bulk/choose/", data={"id": "1"}).status_code == 403
    manager = sign_in(three.test_client(), "max@example.com", STAFF_PASSWORD)
    assert manager.post("/bulk/delete/", data={"id": "1"}).status_code == 403
    number = planned(manager, city=("set", "Praha"))
    sign_in(client)
    for address in (f"/bulk/{number}/", f"/bulk/{number}/fields/"):
        assert client.get(address).status_code == 404
    for address in ("apply", "discard"):
        assert client.post(f"/bulk/{number}/{address}/").status_code == 404
    with three.app_context(), writing():
        role = db.session.scalars(select(Role).where(Role.name == "manager")).one()
        role.permissions = [name for name in role.permissions if name != "customer.bulk_edit"]
    assert manager.post(f"/bulk/{number}/apply/").status_code == 403


@pytest.mark.parametrize("right", ["see", "none"])
def test_a_field_that_may_not_be_edited_any_more_stops_the_work(three: Flask, client: FlaskClient, right: str) -> None:
    with three.app_context():
        add_user("max@example.com", "manager")
    sign_in(client, "max@example.com", STAFF_PASSWORD)
    number = planned(client, city=("set", "Praha"))
    client.post(f"/bulk/{number}/apply/")
    with three.app_context():
        with writing():
            db.session.scalars(select(Role).where(Role.name == "manager")).one().field_rights = {"city": right}
        run_pending()
        assert db.session.get_one(Job, number).state == "failed"
    assert values(three, "city") == ["Brno", "Zlin", "Zlin"]
    start = client.post("/bulk/choose/", data={"id": "1"}).location
    assert "how.city" not in client.get(start, follow_redirects=True).text


def test_a_bound_user_changes_that_partners_customers_only(three: Flask, client: FlaskClient) -> None:
    with three.app_context():
        with writing():
            db.session.add(Partner(name="Other"))
        edit(2, partner_id=2)
        add_user("max@example.com", "manager", partner_id=2)
    sign_in(client, "max@example.com", STAFF_PASSWORD)
    start = client.post("/bulk/choose/", data={"query": ""})
    assert "how.partner" not in client.get(start.location, follow_redirects=True).text
    number = planned(client, city=("set", "Praha"))
    with three.app_context():
        edit(2, partner_id=1)
    job = applied(three, client, number)
    assert (job.state, values(three, "city")) == ("planned", ["Brno", "Zlin", "Zlin"])


def test_a_thousand_are_edited_by_the_lists_filter_and_those_added_later_are_not(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        for n in range(30):
            customer(f"P{n}", city="Brno" if n % 2 else "Zlin")
    sign_in(client)
    start = client.post("/bulk/choose/", data={"query": "flt_city_is=Brno"})
    number = number_of(start.location)
    client.post(f"/bulk/{number}/fields/", data={"how.street": "set", "street": "Main 1"})
    with app.app_context():
        customer("Late", city="Brno")
    assert applied(app, client, number).result["changed"] == 15
    assert values(app, "street").count("Main 1") == 15


def test_only_those_whose_status_allows_it_are_deleted_and_undo_brings_them_back(
    three: Flask, client: FlaskClient
) -> None:
    with three.app_context():
        edit(1, status_id=4)
        edit(2, status_id=4)
    sign_in(client)
    number = number_of(client.post("/bulk/delete/", data={"query": ""}).location)
    page = client.get(f"/bulk/{number}/").text
    assert "Delete 2 customers" in page
    assert "Customers with the status New are not deleted" in client.get(f"/bulk/{number}/?group=problem").text
    applied(three, client, number)
    assert [bool(at) for at in values(three, "deleted_at")] == [True, True, False]
    with three.app_context():
        customer("Other", login="000001")
    client.post(f"/jobs/{number}/undo/")
    with three.app_context():
        run_pending()
    assert [bool(at) for at in values(three, "deleted_at")] == [True, False, False, False]
    assert "belongs to customer 4 now" in client.get(f"/jobs/{number + 1}/").text


def test_a_plan_that_was_discarded_is_gone(three: Flask, client: FlaskClient) -> None:
    sign_in(client)
    number = planned(client, city=("set", "Praha"))
    client.post(f"/bulk/{number}/discard/")
    assert client.get(f"/bulk/{number}/").status_code == 404
