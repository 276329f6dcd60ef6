"""Who lacks a permission of billing: every address of it refuses, and no figure gets out by another way."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Iterator
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from panel.access import hash_password
from panel.billing.run import run_until
from panel.database import writing
from panel.extensions import db
from panel.models import Account, BillingConfig, Customer, Job, Partner, Revision, Role, User
from panel.permissions import ADMIN
from tests.builders import customer
from tests.panel.billing.made import payment, plan, service
from tests.panel.furnished import every_page
from tests.panel.pages import STAFF_PASSWORD, sign_in

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
EVA = "eva@example.com"
ACTIVE, BLOCKED = 2, 3
TAB = ("/customers/services/?id=1", "/customers/billing/?id=1")
SERVICE_FORMS = ("/services/new/?customer=1", "/services/edit/?id=1")
PAYMENT_FORMS = ("/payments/new/?customer=1", "/payments/edit/?id=1")
OWN_RULES = "/customers/billing-settings/?id=1"
RUN = ("/daily/run/", "/daily/preview/")
TAKEN_BACK = tuple(f"/{kind}/{act}/?id=1" for kind in ("services", "payments") for act in ("delete", "restore"))
CONFIG = ("/plans/new/", "/plans/edit/?id=1", "/billing/", "/tokens/new/")
READ = {
    "billing.view": (
        *("/services/", "/payments/", *TAB, *SERVICE_FORMS, *PAYMENT_FORMS, OWN_RULES),
        *("/daily/", "/daily/customers/?day=2031-01-16&kind=block"),
    ),
    "customer.view": TAB,
    "customer.edit": (OWN_RULES,),
    "service.edit": SERVICE_FORMS,
    "payment.add": PAYMENT_FORMS,
    "billing.delete": (),
    "lifecycle.run": (),
    "config": ("/plans/", *CONFIG, "/tokens/"),
}
WRITTEN = {
    "billing.view": (
        *(*SERVICE_FORMS, "/services/end/", *PAYMENT_FORMS, OWN_RULES, *TAKEN_BACK, *RUN),
        "/customers/statement/",
    ),
    "customer.view": ("/customers/statement/",),
    "customer.edit": (OWN_RULES,),
    "service.edit": (*SERVICE_FORMS, "/services/end/"),
    "payment.add": PAYMENT_FORMS,
    "billing.delete": TAKEN_BACK,
    "lifecycle.run": RUN,
    "config": (*CONFIG, "/plans/delete/", "/plans/restore/?id=1", "/billing/example/", "/tokens/revoke/"),
}
SENT = {
    "id": "1",
    "plan": "Qzplan",
    "price": "1",
    "amount": "1",
    "day": "2031-01-16",
    "ends": "2031-01-31",
    "name": "New",
    "billing_day": "3",
    "billing_type": "Prepaid",
}
FIGURES = {b"918.27", b"123.45", b"1713.09", b"777.77", b"1836.54", b"Qzservice", b"Qzpayment"}
"""What is Ann's: prices, a payment, a balance, a rule of her own, a sum of charges, notes."""


def add_eva(app: Flask, *lacks: str, partner: int | None = None) -> FlaskClient:
    """Add Eva, who may do everything but this, and sign her in."""
    with app.app_context(), writing():
        role = Role(name="limited", permissions=[name for name in ADMIN if name not in lacks])
        eva = User(email=EVA, name="Eva", password_hash=hash_password(STAFF_PASSWORD), roles=[role])
        eva.partner_id = partner
        db.session.add(eva)
    return sign_in(app.test_client(), EVA, STAFF_PASSWORD)


def billed(app: Flask) -> None:
    """Add Ann with figures of her own, who owes 1713.09 and was blocked for it, and Bob of a partner, who owes nothing.

    An admin takes payments out to a workbook, and has had the day run.
    """
    with app.app_context():
        with writing():
            db.session.add(Partner(id=2, name="South"))
        ann = customer("Ann Novak", status_id=ACTIVE, billing_day=27, minimum_balance=Decimal("-777.77"))
        customer("Bob Maly", status_id=ACTIVE, partner_id=2)
        service(ann, plan("Qzplan", "5.00"), price=Decimal("918.27"), starts=dt.date(2030, 1, 1))
        service(ann, 1, price=Decimal("918.27"), note="Qzservice")
        payment(ann, "123.45", dt.date(2030, 1, 1), "Qzpayment")
        run_until(dt.date(2030, 12, 1))
        run_until(dt.date(2031, 1, 20))
        assert db.session.get_one(Account, ann).balance == Decimal("-1713.09")
        assert db.session.get_one(Customer, ann).status_id == BLOCKED
        with writing():
            db.session.add(Job(kind="lifecycle", state="done", by="Admin", result={"charges": 2, "charged": "1836.54"}))
    admin = sign_in(app.test_client())
    admin.post("/exports/new/", data={"of": "payments", "format": "csv", "name": "Qz"}).close()


def written(app: Flask) -> list[int]:
    """Return how much is kept of what is written."""
    with app.app_context():
        counts = (db.session.execute(select(func.count()).select_from(one)).scalar_one() for one in (Revision, Job))
        return [*counts, db.session.get_one(BillingConfig, 1).billing_day]


def unpacked(content: bytes) -> bytes:
    """Return all parts of a workbook, one after the other."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        return b"".join(parts.read(name) for name in parts.namelist())


def everything(app: Flask, client: FlaskClient) -> Iterator[bytes]:
    """Yield whatever somebody gets who opens all pages, and asks for figures in each way that there is."""
    numbers = "balance,minimum_balance,billing_day"
    ways = (f"columns=id,{numbers}", "sort=balance&columns=balance", "search=918", "flt_balance_is_not=1")
    asked = [f"/customers/?{way}" for way in ways]
    asked += ["/customers/details/?id=1&field=minimum_balance", "/daily/customers/?day=2031-01-22&kind=deactivate"]
    for address in [*every_page(app), *asked]:
        yield client.get(address).data
    for of in ("customers", "services", "payments"):
        for ending in ("csv", "xlsx"):
            data = {"of": of, "format": ending, "fields": f"full_name,{numbers}", "field": numbers.split(",")}
            answer = client.post("/exports/new/", data=data, buffered=True)
            yield unpacked(answer.data) if answer.data[:2] == b"PK" else answer.data
    listed = client.post("/exports/view/", data={"list": f"columns=id,{numbers}", "format": "csv"}, buffered=True)
    yield listed.data
    yield client.post("/exports/1/download/", buffered=True).data
    bulk = client.post("/bulk/choose/", data={"id": ["1"]}).location
    edits = {"how.minimum_balance": "set", "minimum_balance": "5", "how.city": "set", "city": "Brno"}
    yield client.post(f"{bulk}fields/", data=edits, follow_redirects=True).data
    file = (io.BytesIO(b"ID,minimum_balance,balance,city\n1,5,7,Zlin\n"), "all.csv")
    preview = client.post("/imports/upload/", data={"file": file}).location
    for group in ("", "change", "ignored", "unknown", "conflict", "problem"):
        yield client.get(f"{preview}?group={group}").data


@pytest.mark.parametrize("lacks", READ)
def test_every_address_of_billing_refuses_who_lacks_its_permission(app: Flask, lacks: str) -> None:
    billed(app)
    eva = add_eva(app, lacks)
    before = written(app)
    assert {one: eva.get(one).status_code for one in READ[lacks]} == dict.fromkeys(READ[lacks], 403)
    posted = {one: eva.post(one, data=SENT).status_code for one in WRITTEN[lacks]}
    assert posted == dict.fromkeys(WRITTEN[lacks], 403)
    assert written(app) == before


def test_the_table_of_permissions_names_every_address_of_billing(app: Flask) -> None:
    views = {"services", "payments", "plans", "billing", "daily", "tokens"}
    tabs = {"customers.services_view", "customers.billing_view", "customers.statement_view", "customers.rules_view"}
    for method, table in (("GET", READ), ("POST", WRITTEN)):
        named = {one.partition("?")[0] for addresses in table.values() for one in addresses}
        rules = [rule for rule in app.url_map.iter_rules() if method in (rule.methods or ())]
        mine = {rule.rule for rule in rules if rule.endpoint.partition(".")[0] in views or rule.endpoint in tabs}
        assert {rule for rule in mine if "filename" not in rule} == named


def test_no_figure_gets_out_to_who_may_not_see_the_billing(app: Flask) -> None:
    billed(app)
    admin = sign_in(app.test_client())
    kept = {"query": "columns=id,balance&flt_balance_is=-1713.09", "name": "Debtors", "shared": "y"}
    admin.post("/views/save/", data=kept)
    answers = b"".join(everything(app, admin))
    assert {one for one in FIGURES if one in answers} == FIGURES
    eva = add_eva(app, "billing.view")
    for answer in everything(app, eva):
        assert [one for one in FIGURES if one in answer] == []
    with app.app_context():
        assert db.session.get_one(Customer, 1).minimum_balance == Decimal("-777.77")


def test_no_figure_gets_out_to_who_sees_another_partners_customers(app: Flask) -> None:
    billed(app)
    for answer in everything(app, add_eva(app, partner=2)):
        assert [one for one in FIGURES if one in answer] == []
