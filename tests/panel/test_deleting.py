"""Deleting customers, wherever it is asked for: the effect of the status alone says who may go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select, update

from panel.database import writing
from panel.extensions import db
from panel.jobs import run_pending
from panel.models import Customer, Status
from panel.schema import forget_schema
from tests.builders import customer
from tests.panel.out import Out
from tests.panel.pages import sign_in

ACTIVE, INACTIVE = 2, 4
GOES, STAYS = 1, 2


@pytest.fixture
def turned(app: Flask) -> Flask:
    """Let the active be deleted, and nobody else: no other effect, and no name, has a say in it."""
    with app.app_context():
        with writing() as connection:
            connection.execute(update(Status).values(deletable=Status.id == ACTIVE))
            connection.execute(update(Status).where(Status.id == ACTIVE).values(label="Inactive too"))
        forget_schema()
        assert customer("Goes", status_id=ACTIVE) == GOES
        assert customer("Stays", status_id=INACTIVE) == STAYS
    return app


def by_the_button(client: FlaskClient) -> None:
    for one in (GOES, STAYS):
        client.post("/customers/delete/", data={"id": one})


def by_the_list(client: FlaskClient) -> None:
    page = client.post("/bulk/delete/", data={"id": [GOES, STAYS]})
    client.post(f"{page.location}apply/")
    with client.application.app_context():
        run_pending()


@pytest.mark.parametrize("delete", [by_the_button, by_the_list])
def test_the_panel_deletes_by_the_effect(
    turned: Flask, client: FlaskClient, delete: Callable[[FlaskClient], None]
) -> None:
    delete(sign_in(client))
    assert _left(turned) == [STAYS]


def test_a_workbook_deletes_by_the_effect(turned: Flask, runner: FlaskCliRunner, tmp_path: Path) -> None:
    with turned.app_context():
        out = Out(runner, tmp_path / "out.xlsx")
        out.put(3, action="delete")
        out.put(4, action="delete", status="Inactive too")
        done = out.back("--skip-problems")
        assert (done["deleted"], [one["id"] for one in done["problems"]]) == (1, [STAYS])
        assert "cannot be deleted" in done["problems"][0]["message"]
    assert _left(turned) == [STAYS]


def test_an_effect_that_changes_after_the_preview_counts_when_it_is_applied(turned: Flask, client: FlaskClient) -> None:
    page = sign_in(client).post("/bulk/delete/", data={"id": [GOES, STAYS]})
    with turned.app_context(), writing() as connection:
        connection.execute(update(Status).values(deletable=Status.id == INACTIVE))
    client.post(f"{page.location}apply/")
    with turned.app_context():
        run_pending()
    assert _left(turned) == [GOES, STAYS]


def _left(app: Flask) -> list[int]:
    with app.app_context():
        return list(db.session.scalars(select(Customer.id).where(Customer.deleted_at.is_(None)).order_by(Customer.id)))
