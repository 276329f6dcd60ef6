"""Row R33, as an attacker asks: whatever somebody names, they reach what they may and nothing else."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from panel.database import writing
from panel.extensions import db
from panel.models import Partner, Role
from panel.rights import NONE
from tests.builders import additional_field, customer
from tests.panel.pages import STAFF_PASSWORD, add_user, form_with, sign_in

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.mark.asvs("R33")
def test_r33_defining_fields_tells_no_value_of_customers_or_fields_that_are_not_seen(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        with writing():
            db.session.add(Partner(name="Other"))
            db.session.add(Role(name="defines", permissions=["customer.list", "config"], field_rights={"pin": NONE}))
        for key in ("line", "pin"):
            additional_field(key)
        lines = (("Ann", 1, "QZ-ours"), ("Bob", 1, "QZ-ours"), ("Cyd", 2, "QZ-5"), ("Dan", 2, "QZ-5"))
        for name, partner_id, line in lines:
            customer(name, partner_id=partner_id, extra={"line": line, "pin": "QZ-pin"})
        add_user("max@example.com", "defines", partner_id=2)
    sign_in(client, "max@example.com", STAFF_PASSWORD)
    pages = [client.get(f"/fields/type/?id=1&to={to}").text for to in ("integer", "text")]
    unique = form_with(client.get("/fields/edit/?id=1").text, "label") | {"is_unique": "y"}
    pages.append(client.post("/fields/edit/?id=1", data=unique).text)
    assert [("QZ-5" in page, "QZ-ours" in page) for page in pages] == [(True, False)] * 3
    assert {client.get(f"/fields/{page}/?id=2&to=text").status_code for page in ("type", "edit", "default")} == {404}
    assert "/fields/edit/?id=2" not in client.get("/fields/").text
