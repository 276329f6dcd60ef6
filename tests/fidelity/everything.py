"""A panel with fields of every type, and in them whatever ever broke a program, with its workbook."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import permutations
from pathlib import Path
from typing import Any

from flask import Flask, current_app
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openpyxl.cell.cell import ERROR_CODES

from panel.authors import COMMAND_LINE
from panel.changelog import Write, write_in_bulk
from panel.database import reading, writing
from panel.extensions import db
from panel.imports.showing import display
from panel.models import Location, Partner, StoredFile
from panel.newcomers import complete
from panel.schema import current_schema
from sync.cells import Scalar
from sync.columns import is_writable
from sync.fields import Bad, Field
from sync.types import FIELD_TYPES
from sync.types.text import as_text
from sync.values import parse_value
from sync.workbook.held import held_by
from tests.builders import additional_field
from tests.databases import Database, dispose, new_app
from tests.resources import shared
from tests.sheets import read_keys
from tests.values import OPTIONS, VALUES

DRAWN = 150
"""Values that hypothesis makes up for each type."""
EDITS = 4
"""Cells of each field that are edited."""
FIRST = 3
ESCAPES = ("_x000D_", "a_x005F_x000D_b", "_x005f_", "__x0041_", "_xD83D_", "x005F_")
"""Texts that the format reserves, which programs disagree about."""
TARGETS = {"relation": ("customer", "partner", "location"), "multi_relation": ("customer", "partner", "location")}


def draw(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """Return so many values of a strategy, the same ones each time."""
    drawn: list[Any] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: Any) -> None:
        drawn.append(value)

    collect()
    return drawn


@cache
def naughty() -> list[str]:
    """Return the strings that broke programs."""
    strings: list[str] = json.loads((shared("data") / "naughty-strings.json").read_text("utf-8"))
    return strings


def values_of(field: Field) -> list[Any]:
    """Return values of a field: naughty strings and examples that it takes, and drawn ones."""
    field_type = FIELD_TYPES[field.type]
    if not field_type.typed:
        return _made_up(field)
    raws = [*naughty(), *ESCAPES, *(example.raw for example in field_type.examples)]
    shown = [field_type.render(value, field) for value in _made_up(field)]
    parsed = (parse_value(raw, field) for raw in [*raws, *shown])
    return [value for value in parsed if value is not None and not isinstance(value, Bad)]


def _made_up(field: Field) -> list[Any]:
    if not (field.options or field.target):
        return draw(VALUES[field.type], DRAWN)
    keys = [option.key for option in field.options] or list(range(1, 6))
    return list(permutations(keys, 2))[:50] if FIELD_TYPES[field.type].many else keys


@dataclass(frozen=True, slots=True)
class Edit:
    """A cell that somebody changes, and what the plan has to say of it."""

    at: str
    field: str
    cell: Scalar
    workbook: Any
    counts: bool

    @property
    def address(self) -> str:
        """Return where the cell is, without the sheet."""
        return self.at.partition("!")[2]

    @property
    def typed(self) -> str:
        """Return the cell as a person types it."""
        return as_text(self.cell)


class Everything:
    """A panel that has everything, and the workbook that its customers went out in."""

    def __init__(self, app: Flask, folder: Path) -> None:
        self.app, self.path, self._folder = app, folder / "out.xlsx", folder
        with app.app_context():
            self._furnish()
            with reading() as connection:
                schema = current_schema(connection)
            usual = {field.key for field in schema.on_workbooks}
            self.fields = tuple(one for one in schema.fields if one.key in usual or (one.part and not one.derived))
            self.people = self._people()
            self._write()
        self.run("export", self.path, "--fields", ",".join(field.key for field in self.fields))
        self.columns = read_keys(self.path)

    def run(self, *arguments: str | Path) -> dict[str, Any]:
        """Run a command and return its JSON, if it prints any, with its exit status and what it said."""
        result = self.app.test_cli_runner().invoke(args=[*map(str, arguments)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        answer = json.loads(result.stdout) if "--json" in arguments else {}
        return {**answer, "exit": result.exit_code, "said": result.stderr}

    def plan(self, path: Path, *options: str) -> dict[str, Any]:
        """Return what importing a file would do."""
        return self.run("import", path, "--dry-run", "--json", *options)

    def _furnish(self) -> None:
        for place, (key, field_type) in enumerate(FIELD_TYPES.items()):
            for target in TARGETS.get(key, ("",)) if field_type.additional else ():
                options = [[one.key, one.label] for one in OPTIONS.get(key, ())] if not field_type.target else []
                rules = {"target": target, "options": [] if target else options, "position": place}
                additional_field(f"a_{key}_{target}".strip("_"), key, label=f"{key} {target}".strip(), **rules)
        additional_field("a_whole", "decimal", label="Whole", scale=0)
        additional_field("a_thousandth", "decimal", label="Thousandth", scale=3)
        with writing():
            for name in ("North, East", "2", "007", "=1+1", " outer "):
                db.session.add_all([Partner(name=name), Location(name=name)])
            for number, name in enumerate(("007.pdf", "=a.pdf", "a, b.pdf")):
                stored = f"stored{number}"
                db.session.add(
                    StoredFile(name=name, size=1, sha256="", stored_as=stored, by="", field="a_file", customer_id=None)
                )

    @cached_property
    def pools(self) -> dict[str, list[Any]]:
        """Return the values of each field that the customers have in turn."""
        pools = {field.key: values_of(field) for field in self.fields}
        pools["full_name"] = [text for text in pools["full_name"] if text.strip()]
        del pools["login"]
        return pools

    def _people(self) -> list[dict[str, Any]]:
        count = max(map(len, self.pools.values()))
        rows = [{key: pool[row % len(pool)] for key, pool in self.pools.items()} for row in range(count)]
        logins = ("{0:06d}", "={0}+1", "{0}E5", "+420 {0}", "1-{0}", "#N/A {0}", " {0} x", "žluť😀{0}")
        return [{**values, "login": logins[row % len(logins)].format(row)} for row, values in enumerate(rows)]

    def _write(self) -> None:
        with writing() as connection:
            schema = current_schema(connection)
            fields = {field.key: field for field in schema.fields}
            writes = []
            for record_id, values in complete(connection, schema, self.people):
                plain = {key: FIELD_TYPES[fields[key].type].to_json(value) for key, value in values.items()}
                writes.append(Write(record_id, 1, {key: (None, value) for key, value in plain.items()}))
            write_in_bulk(connection, schema, current_app.extensions["keyring"], writes, COMMAND_LINE)

    # Edits

    def edits(self) -> list[Edit]:
        """Return edits of some cells of each field, no two in one row."""
        found: list[Edit] = []
        for place, field in enumerate(self.fields):
            others = self._others(field)
            for number in range(EDITS):
                row = place * EDITS + number
                base = self.people[row].get(field.key)
                value = next(one for one in others[number:] + others if _differs(field, base, one))
                found.append(self._edit(field, row, value))
        return found

    def _others(self, field: Field) -> Sequence[Any]:
        if field.key == "login":
            return [f"new login {number}" for number in range(99)]
        render = FIELD_TYPES[field.type].render
        return [one for one in reversed(self.pools[field.key]) if _is_plain(render(one, field)) and not _is_old(one)]

    def _edit(self, field: Field, row: int, value: Any) -> Edit:
        cell = FIELD_TYPES[field.type].render(value, field)
        assert cell is not None
        if isinstance(as_text := held_by(cell), str):
            cell = as_text
        counts = is_writable(field)
        shown = display(value, field) if counts else cell
        return Edit(f"Customers!{self.columns[field.key]}{FIRST + row}", field.key, cell, shown, counts)


def _differs(field: Field, base: Any, value: Any) -> bool:
    field_type = FIELD_TYPES[field.type]
    return base is None or not field_type.unchanged(base, field_type.render(value, field), field)


def _is_plain(cell: Scalar | None) -> bool:
    """Tell whether no program makes anything else of what is typed: openpyxl makes formulas and errors of texts."""
    if not isinstance(cell, str):
        return cell is not None
    special = cell[0] in "='" or cell in ERROR_CODES or "_x" in cell
    return cell.isprintable() and cell == cell.strip() and not special


def _is_old(value: Any) -> bool:
    """Tell whether a date is one that programs count differently, so that typing it makes a problem."""
    return isinstance(value, dt.date) and value.year <= 1900


@contextmanager
def everything(template: Database, folder: Path) -> Iterator[Everything]:
    """Yield a panel that has everything, on a copy of a prepared database."""
    instance = folder / "instance"
    shutil.copytree(template.instance, instance)
    app = new_app(replace(template, url=f"sqlite:///{instance / 'rollbook.db'}", instance=instance))
    app.config.update(TESTING=True)
    try:
        yield Everything(app, folder)
    finally:
        dispose(app)
