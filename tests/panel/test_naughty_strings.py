"""Every string that ever broke something, through every text field, a real LibreOffice, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from panel.database import reading, writing
from panel.extensions import db
from panel.models import Customer
from panel.schema import current_schema
from panel.signature import signature
from sync.fields import Bad
from sync.values import parse_value
from sync.workbook import Limits, open_table
from tests import office
from tests.builders import additional_field
from tests.foreign import write_foreign

TEXT_COLUMNS = ("passport", "street", "zip_code", "city")


@pytest.fixture
def naughty(app: Flask, shared_data: Path) -> list[str]:
    """Return the strings as text fields take them, each in a customer of its own, in every text field."""
    texts = json.loads((shared_data / "naughty-strings.json").read_text("utf-8"))
    with app.app_context():
        additional_field("short")
        additional_field("long", "text")
        field = current_schema(db.session.connection()).field("street")
        values = [parse_value(text, field) for text in texts]
        taken = [value for value in values if value is not None and not isinstance(value, Bad)]
        with writing():
            for value in taken:
                # A row of nothing but white space is no row, and a person has a name.
                one = Customer(full_name=value if value.strip() else "Ann", extra={"short": value, "long": value})
                for name in TEXT_COLUMNS:
                    setattr(one, name, value)
                db.session.add(one)
    return taken


def test_nearly_all_of_them_are_values(naughty: list[str], shared_data: Path) -> None:
    texts = json.loads((shared_data / "naughty-strings.json").read_text("utf-8"))
    changed = [text for text in texts if text and text not in naughty]
    # What no workbook can hold: control characters, and CR, which every program makes LF.
    assert all(any(ord(c) < 32 or ord(c) in {0x7F, 0xFFFD, 0xFFFE, 0xFFFF} for c in text) for text in changed)
    assert len(changed) < 10


@pytest.mark.office
@pytest.mark.parametrize("via", ["xlsx", "ods"])
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_they_come_back_from_libreoffice_as_they_went(
    app: Flask, runner: FlaskCliRunner, naughty: list[str], tmp_path: Path, via: Any
) -> None:
    with app.app_context(), reading() as connection:
        before = signature(connection)
    assert runner.invoke(args=["export", str(tmp_path / "out.xlsx")]).exit_code == 0
    saved = office.resave(tmp_path / "out.xlsx", tmp_path / "back.xlsx", via)
    answer = json.loads(runner.invoke(args=["import", str(saved), "--json"]).stdout)
    assert (answer["rows"], answer["unchanged"], answer["problems"]) == (len(naughty), len(naughty), [])
    assert answer["conflicts"] == []
    # An .ods keeps no tab inside of a text: that is seen as damage, and putting it back is offered.
    assert all(via == "ods" and "\t" in item["base"] for item in answer["repairs"])
    with app.app_context(), reading() as connection:
        assert signature(connection) == before


@pytest.mark.asvs("R12")
@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_they_come_back_in_another_instance_as_they_are(
    app: Flask, runner: FlaskCliRunner, naughty: list[str], tmp_path: Path, suffix: str
) -> None:
    """As new rows, without the panel's own value to fall back to: what the file holds is what comes in."""
    out = tmp_path / f"out.{suffix}"
    assert runner.invoke(args=["export", str(out), "--fields", "full_name,street,short,long"]).exit_code == 0
    stripped = _without_identity(out, tmp_path / f"foreign.{suffix}", naughty)
    answer = json.loads(runner.invoke(args=["import", str(stripped), "--json"]).stdout)
    assert (answer["created"], answer["problems"]) == (len(naughty), [])
    with app.app_context():
        rows = db.session.scalars(select(Customer).where(Customer.id > len(naughty)).order_by(Customer.id)).all()
        assert [row.street for row in rows] == naughty
        assert [row.extra["short"] for row in rows] == [row.extra["long"] for row in rows] == naughty


def _without_identity(path: Path, out: Path, naughty: list[str]) -> Path:
    """Write the same cells as a foreign file: no tokens, no IDs, no export."""
    with open_table(path, Limits()) as table:
        rows = [cells[2:] for _number, cells in table.rows if any(cells[1:])]
        labels = [label or "" for label in table.labels[2:]]
    assert len(rows) == len(naughty)
    return write_foreign(out, labels, rows)
