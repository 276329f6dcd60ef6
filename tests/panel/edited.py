"""A small workbook that is out and comes back with one of everything: what faults and kills are tried on."""

from __future__ import annotations

from pathlib import Path

import openpyxl
from flask import Flask

from sync.actions import ACTION
from tests.builders import additional_field, customer
from tests.sheets import read_keys

INACTIVE = 4
FIRST_ROW = 3


def edited_workbook(app: Flask, path: Path, customers: int) -> Path:
    """Add customers, export them and edit the workbook.

    Every second one moves to another city, the first two exchange their logins, the third is to be deleted, two are
    new, and a header is new too.
    """
    with app.app_context():
        additional_field("serial", label="Serial")
        for number in range(1, customers + 1):
            status = {"status_id": INACTIVE} if number == 3 else {}
            customer(
                f"Person {number}", login=f"login{number}", city="Brno", extra={"serial": f"{number:05}"}, **status
            )
    result = app.test_cli_runner().invoke(args=["export", str(path)])
    assert result.exit_code == 0, result.output
    book, at = openpyxl.load_workbook(path), read_keys(path)
    sheet = book["Customers"]
    for row in range(FIRST_ROW, FIRST_ROW + customers, 2):
        sheet[f"{at['city']}{row}"] = f"Praha {row}"
    for row, login in ((FIRST_ROW, "login2"), (FIRST_ROW + 1, "login1")):
        sheet[f"{at['login']}{row}"] = login
    sheet[f"{at[ACTION.key]}{FIRST_ROW + 2}"] = "delete"
    for number in (1, 2):
        sheet[f"{at['full_name']}{FIRST_ROW + customers - 1 + number}"] = f"New {number}"
    colour = sheet.max_column + 1
    sheet.cell(FIRST_ROW - 1, colour, "Colour")
    for row in range(FIRST_ROW, FIRST_ROW + customers):
        sheet.cell(row, colour, f"Red {row}")
    book.save(path)
    return path
