"""A handful of customers whose workbook comes back in some shape."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
from flask import Flask
from openpyxl.worksheet.worksheet import Worksheet

from tests.builders import additional_field, customer
from tests.databases import Database, dispose, new_app
from tests.sheets import read_keys

NAMES = ("Ann", "Bob", "Eva", "Jan", "Žofie")
ANN, BOB, EVA, JAN, ZOFIE = range(3, 8)
"""The rows of the customers, whose IDs are 1 to 5."""
GROUPS = ("changes", "conflicts", "ignored", "repairs", "problems", "new_fields", "guards", "hidden_rows")

INACTIVE = 4
"""The status in which a customer may be deleted: the last of them has it."""

Change = Callable[["Book"], None]


class Book:
    """The workbook as openpyxl has it open."""

    def __init__(self, path: Path, columns: dict[str, str]) -> None:
        self.book = openpyxl.load_workbook(path, rich_text=True)
        sheet = self.book["Customers"]
        assert isinstance(sheet, Worksheet)
        self.sheet, self.columns = sheet, columns

    def put(self, row: int, **values: Any) -> None:
        """Write values into a row, by the fields' keys."""
        for key, value in values.items():
            self.sheet[f"{self.columns[key]}{row}"] = value


class Small:
    """A panel with five customers, and the workbook that they went out in."""

    def __init__(self, app: Flask, folder: Path) -> None:
        self.app, self.out, self.back = app, folder / "out.xlsx", folder / "back.xlsx"
        with app.app_context():
            additional_field("fee", "money", label="Fee")
            additional_field("since", "date", label="Since")
            additional_field("paid", "boolean", label="Paid")
            additional_field("note", "text", label="Note")
            for number, name in enumerate(NAMES):
                extra = {"fee": "29.90", "since": f"2024-01-{number + 1:02}", "paid": number % 2 == 0, "note": " a "}
                status = {"status_id": INACTIVE} if number == len(NAMES) - 1 else {}
                rest = status | {
                    "login": name.lower(),
                    "emails": [f"{name[0]}@x.cz"],
                    "date_added": dt.date(2024, 5, 1),
                }
                customer(name, city=f"Brno {number}", zip_code="00420", extra=extra, **rest)
        assert app.test_cli_runner().invoke(args=["export", str(self.out)]).exit_code == 0
        self.columns = read_keys(self.out)

    def changed(self, *changes: Change) -> Path:
        """Return the workbook after somebody changed it in a program, and saved."""
        book = Book(self.out, self.columns)
        for change in changes:
            change(book)
        book.book.save(self.back)
        return self.back

    def plan(self, path: Path, *options: str) -> dict[str, Any]:
        """Return what importing a file would do."""
        result = self.app.test_cli_runner().invoke(args=["import", str(path), "--dry-run", "--json", *options])
        return {**json.loads(result.stdout), "exit": result.exit_code, "said": result.stderr}


@contextmanager
def small(template: Database, folder: Path) -> Iterator[Small]:
    """Yield a panel with five customers, on a copy of a prepared database."""
    instance = folder / "instance"
    shutil.copytree(template.instance, instance)
    app = new_app(replace(template, url=f"sqlite:///{instance / 'rollbook.db'}", instance=instance))
    app.config.update(TESTING=True)
    try:
        yield Small(app, folder)
    finally:
        dispose(app)
