"""A workbook that is out with a manager, and comes back by the command: of three customers, or of what they have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
from flask.testing import FlaskCliRunner
from openpyxl.worksheet.worksheet import Worksheet

from panel.extensions import db
from panel.models import Customer
from tests.builders import additional_field, customer
from tests.sheets import read_keys

ANN, BOB, EVA = 3, 4, 5
"""The rows of the three customers, whose IDs are 1, 2 and 3."""


class Out:
    """A workbook that is out with a manager."""

    def __init__(self, runner: FlaskCliRunner, path: Path, sheet_name: str = "Customers", *arguments: str) -> None:
        self._runner, self.path = runner, path
        result = runner.invoke(args=["export", str(path), "--of", sheet_name.lower(), *arguments])
        assert result.exit_code == 0, result.output
        self.columns = read_keys(path, sheet_name)
        self.book = openpyxl.load_workbook(path)
        sheet = self.book[sheet_name]
        assert isinstance(sheet, Worksheet)
        self.sheet = sheet

    def put(self, row: int, **values: Any) -> None:
        for key, value in values.items():
            self.sheet[f"{self.columns[key]}{row}"] = value

    def plan(self, *arguments: str) -> dict[str, Any]:
        return self.back("--dry-run", *arguments)

    def back(self, *arguments: str) -> dict[str, Any]:
        self.book.save(self.path)
        return self.read(*arguments)

    def read(self, *arguments: str) -> dict[str, Any]:
        """Import the file as it lies there."""
        result = self._runner.invoke(args=["import", str(self.path), "--json", *arguments])
        answer: dict[str, Any] = json.loads(result.stdout)
        return {**answer, "exit": result.exit_code, "said": result.stderr}


def three_customers() -> None:
    """Add the customers and fields of these stories, in the application's context."""
    additional_field("serial", label="Serial")
    additional_field("tariff", "select", label="Tariff", options=[["basic", "Basic"], ["pro", "Pro"]])
    additional_field("tags", "multi_select", label="Tags", options=[["a", "A"], ["b", "B"], ["c", "C"]])
    additional_field("internal", label="Internal", read_only=True)
    everybody = {"city": "Brno", "zip_code": "00420", "emails": ["a@x.cz"]}
    for name in ("Ann", "Bob", "Eva"):
        extra = {"serial": "12E5", "tariff": "basic", "tags": ["a"], "internal": "kept"}
        customer(full_name=name, login=name.lower(), extra=extra, **everybody)


def one(record_id: int) -> Customer:
    db.session.rollback()
    return db.session.get_one(Customer, record_id)


def outcomes(plan: dict[str, Any], group: str = "changes") -> list[tuple[Any, ...]]:
    return [(item["id"], item["field"], item["outcome"], item["workbook"]) for item in plan[group]]
