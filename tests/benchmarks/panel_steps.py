"""The round trip of customers as steps: from database to file, and from file to plan to database.

Each makes the application before the clock starts; what the step itself needs, a process that parses included, counts.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.cells import SHEET

# ruff: noqa: PLC0415 (each step loads what it needs and no more, because memory is measured)

if TYPE_CHECKING:
    from flask import Flask

    from panel.imports.options import Viewer

Work = Callable[[], object]
COLUMNS = (
    "status", "login", "billing_type", "full_name", "emails", "phones", "category", "date_of_birth", "passport",
    "partner", "location", "date_added", "street", "zip_code", "city", "geo", "contract", "monthly_fee",
    "installed_on", "autopay", "router_serial", "router_mac", "static_ip", "tenure", "note",
)  # fmt: skip
"""The 25 fields that go to the workbook and back; the last nine are additional ones."""
CHANGED = "city"
CITIES = tuple(f"Changed {number}" for number in range(7))
"""Several, so that it is no accident that all of them are alike."""
EMAIL, PASSWORD = "admin@example.com", "one horse, one battery"
SHEET_PART, STRINGS_PART = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"


def export_customers(instance: str, path: str) -> Work:
    """Write all customers to a workbook."""
    from panel.exporting import export_workbook

    app, viewer = _panel(instance)

    def work() -> None:
        with app.app_context():
            export_workbook(Path(path), fields=COLUMNS, where=(), viewer=viewer)

    return work


def plan_customers(instance: str, path: str) -> Work:
    """Take a workbook in, plan it and store the plan."""
    from panel.imports.journey import receive
    from panel.imports.options import ImportOptions

    app, viewer = _panel(instance)

    def work() -> int:
        with app.app_context(), Path(path).open("rb") as source:
            return receive(source, Path(path).name, ImportOptions(), viewer)

    return work


def apply_customers(instance: str, path: str) -> Work:
    """Take a workbook in, plan it and write the plan to the database; the customers are a copy's."""
    from panel.imports.at_once import import_at_once
    from panel.imports.options import ImportOptions

    copy = Path(path).with_suffix("")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(instance, copy)
    app, viewer = _panel(str(copy))

    def work() -> None:
        with app.app_context():
            _planned, applied = import_at_once(Path(path), ImportOptions(), viewer, dry_run=False)
        if applied is None:
            raise SystemExit("Nothing was applied.")

    return work


def preview_changes(instance: str, path: str) -> Work:
    """Plan a workbook, and show the first page of its changes."""
    from panel.extensions import db
    from panel.models import Import

    plan = plan_customers(instance, path)
    app, _viewer = _panel(instance)
    browser = app.test_client()
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    browser.post("/login/", data={"email": EMAIL, "password": PASSWORD})
    number = plan()
    with app.app_context():
        changes = db.session.get_one(Import, number).counts["cells_updated"]
        if not changes:
            raise SystemExit("Nothing would be changed.")
    address = f"/imports/{number}/?group=change"
    browser.get(address)

    def work() -> None:
        answer = browser.get(address)
        if answer.status_code != 200 or CITIES[1] not in answer.text:
            raise SystemExit(f"{address} answered {answer.status_code} and no change.")

    return work


def write_rustpy_same(path: str, out: str) -> Work:
    """Write the cells of a workbook again from memory, with rust_xlsxwriter behind its Python binding."""
    from rustpy_xlsxwriter import FastExcel

    from sync.workbook import Limits, read_table

    with read_table(Path(path), Limits(rows=2_000_000, cells=60_000_000)) as table:
        keys = [key or "_ref" for key in table.keys]
        blank = [None] * len(keys)
        records = [dict(zip(keys, [*cells, *blank], strict=False)) for _number, cells in table.rows]
    return lambda: FastExcel(out).sheet(SHEET, records).save()


def change_every(step: str, path: str, out: str) -> Work:
    """Write a workbook in which every so-many-th row has another city, and the rest is as it was."""
    return lambda: _change_every(int(step), Path(path), Path(out))


def _change_every(step: int, path: Path, out: Path) -> None:
    from sync.cells import column_letters
    from sync.workbook.layout import FIRST_ROW

    cell = re.compile(rf'(<c r="{column_letters(COLUMNS.index(CHANGED) + 2)}([0-9]+)"[^>]*><v>)[0-9]+')
    with zipfile.ZipFile(path) as source:
        parts = {name: source.read(name).decode() for name in source.namelist()}
    first = parts[STRINGS_PART].count("<si>")

    def changed(match: re.Match[str]) -> str:
        rows, rest = divmod(int(match[2]) - FIRST_ROW, step)
        return match[0] if rest or rows < 0 else f"{match[1]}{first + rows % len(CITIES)}"

    items = "".join(f"<si><t>{city}</t></si>" for city in CITIES)
    parts[STRINGS_PART] = parts[STRINGS_PART].replace("</sst>", f"{items}</sst>")
    parts[SHEET_PART] = cell.sub(changed, parts[SHEET_PART])
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=2) as target:
        for name, text in parts.items():
            target.writestr(name, text)


def _panel(instance: str) -> tuple[Flask, Viewer]:
    from panel import create_app
    from panel.imports.options import Viewer

    return create_app(instance=Path(instance)), Viewer("benchmark", "command")
