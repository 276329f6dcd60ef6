"""Additional fields over their lives: defined with a preview, ordered, renamed, changed, retired and restored."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from panel.database import writing
from panel.extensions import db
from panel.models import AdditionalField
from tests.panel.pages import add_user, sign_in

SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
FIELD = {"label": "Code", "key": "code", "type": "string", "category": "all", "add": "y", "position": "0"}


# The preview


def preview(client: FlaskClient, **typed: Any) -> Any:
    answer = client.post("/fields/preview/", data=FIELD | typed)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


@SQLITE
@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ({}, ['name="sample"', ">Code</label>"]),
        ({"required": "y"}, ["form-label required"]),
        ({"label": "<b>"}, ["&lt;b&gt;"]),
        ({"default": "A1"}, ['value="A1"']),
        ({"type": "text"}, ["<textarea"]),
        ({"type": "select", "options": "Fibre\nRadio", "default": "Radio"}, ['value="Radio" selected']),
        ({"type": "relation", "target": "location"}, ['<option value="Main"']),
        ({"type": "phone"}, ['id="sample-hint">', "+420"]),
        ({"type": "integer", "default": "many"}, ["is no whole number"]),
        ({"type": "integer", "min": "wrong", "max": "nan"}, ['name="sample"']),
        ({"read_only": "y"}, ["For reading only.", 'disabled="True"']),
        ({}, ["It is seen in the add window, on the edit page, in workbooks."]),
        ({"add": "", "show_in_list": "y", "searchable": "y"}, ["on the edit page, in the list, by the search, in"]),
        ({"type": "password", "show_in_list": "y"}, ["It is seen in the add window, on the edit page."]),
        ({"hidden": "y"}, ["seen nowhere but in history"]),
        ({"category": "company"}, ["Only customers of the category Company have it."]),
    ],
)
def test_a_field_is_shown_as_it_will_look_while_it_is_defined(
    app: Flask, client: FlaskClient, typed: dict[str, str], seen: list[str]
) -> None:
    html = preview(sign_in(client), **typed)["html"]
    for words in seen:
        assert words in html


@SQLITE
@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"sample": "A1", "max": "1"}, "has 2 characters"),
        ({"sample": "", "required": "y"}, "Code is required."),
        ({"sample": "x", "type": "integer"}, "is no whole number"),
        ({"sample": "1", "type": "integer"}, ""),
    ],
)
def test_a_sample_is_judged_as_a_customers_value_would_be(
    app: Flask, client: FlaskClient, typed: dict[str, str], problem: str
) -> None:
    problems = preview(sign_in(client), **typed)["problems"]
    assert problem in " ".join(problems)
    assert bool(problems) == bool(problem)


@SQLITE
def test_a_preview_writes_nothing_and_is_for_those_who_configure(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), writing():
        db.session.add(AdditionalField(key="code", label="Code"))
    preview(sign_in(client))
    assert client.post("/fields/preview/?id=1", data={"label": "Other"}).status_code == 200
    assert client.post("/fields/preview/", data=FIELD | {"type": "secret"}).status_code == 400
    with app.app_context():
        assert [one.label for one in db.session.query(AdditionalField)] == ["Code"]
        add_user("eva@example.com", "manager")
    client.get("/sign-out/")
    eva = sign_in(app.test_client(), "eva@example.com", "four words and a comma")
    assert eva.post("/fields/preview/", data=FIELD).status_code == 403
