"""Row R21: whatever two people do at the same moment, one comes first and the other is told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from panel.extensions import db
from panel.models import AdditionalField, Customer, Location, Partner, Revision, Role, Status, User
from tests.builders import customer
from tests.panel.pages import form_with, sign_in

pytestmark = pytest.mark.asvs("R21")
AT_ONCE = 4
INACTIVE = 4


def at_once(app: Flask, address: str, *forms: dict[str, str]) -> list[int]:
    """Send forms by one person each, all at the same moment; return the statuses of the answers."""
    barrier = Barrier(len(forms))

    def send(visitor: FlaskClient, form: dict[str, str]) -> int:
        typed = {name: values for name, values in form.items() if name != "at"}
        barrier.wait()
        return visitor.post(form.get("at", address), data=typed).status_code

    visitors = [sign_in(app.test_client()) for _form in forms]
    with ThreadPoolExecutor(len(forms)) as threads:
        return list(threads.map(send, visitors, forms))


USER = {"email": "eva@example.com", "name": "Eva", "partner": "0", "roles": "1", "active": "y"}
FIELD = {"label": "Line", "key": "line", "type": "string", "category": "all", "add": "y"}
SAME: dict[str, tuple[dict[str, str], Callable[[], object]]] = {
    "/customers/new/": ({"login": "ann"}, lambda: Customer.login == "ann"),
    "/users/new/": (USER, lambda: User.email == "eva@example.com"),
    "/roles/new/": ({"name": "Twin", "permissions": "customer.list"}, lambda: Role.name == "Twin"),
    "/statuses/new/": ({"label": "Twin", "services": "active", "colour": "#111111"}, lambda: Status.label == "Twin"),
    "/partners/new/": ({"name": "Twin"}, lambda: Partner.name == "Twin"),
    "/locations/new/": ({"name": "Twin"}, lambda: Location.name == "Twin"),
    "/fields/new/": (FIELD, lambda: AdditionalField.key == "line"),
}


@pytest.mark.parametrize("address", SAME)
def test_r21_of_one_name_there_is_one(app: Flask, address: str) -> None:
    typed, same = SAME[address]
    forms = [dict(typed) for _ in range(AT_ONCE)]
    if address == "/customers/new/":
        usual = form_with(sign_in(app.test_client()).get(address).text, "full_name")
        plain = {name: values[0] for name, values in usual.items()}
        forms = [plain | typed | {"full_name": name} for name in ("Ann Ash", "Bob Birch", "Cyd Cedar", "Dan Dogwood")]
    statuses = at_once(app, address, *forms)
    assert set(statuses) <= {200, 302, 409}
    with app.app_context():
        assert db.session.scalar(select(func.count()).where(same())) == 1


def test_r21_there_is_always_one_default_status(app: Flask) -> None:
    labels = ("New", "Active", "Blocked", "Inactive")
    forms = [
        {"at": f"/statuses/edit/?id={number}", "label": label, "services": "active", "colour": "#111111"}
        | {"is_default": "y"}
        for number, label in enumerate(labels, 1)
    ]
    for _round in range(3):
        assert set(at_once(app, "", *forms)) <= {200, 302, 409}
        with app.app_context():
            assert db.session.scalar(select(func.count()).where(Status.is_default)) == 1


def test_r21_two_statuses_are_not_merged_into_each_other(app: Flask) -> None:
    forms = [{"id": "2", "into": "3"}, {"id": "3", "into": "2"}]
    assert set(at_once(app, "/statuses/merge/", *forms)) <= {302, 404, 409}
    with app.app_context():
        assert db.session.scalar(select(func.count()).where(Status.merged_into.is_not(None))) == 1


def test_r21_a_customer_is_deleted_and_restored_once(app: Flask) -> None:
    with app.app_context():
        record_id = customer("Ann", status_id=INACTIVE)
    for address, revision in (("/customers/delete/", 2), ("/bin/restore/", 3)):
        at_once(app, address, *[{"id": str(record_id)}] * AT_ONCE)
        with app.app_context():
            assert db.session.scalar(select(func.count()).select_from(Revision)) == revision
            assert db.session.get_one(Customer, record_id).revision == revision
