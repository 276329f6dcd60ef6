"""Several workbooks at once: planned as if those before were written, applied whole, and no edit lost on another."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from panel.database import reading
from panel.extensions import db
from panel.imports.at_once import import_at_once, import_together
from panel.imports.options import ImportOptions, Viewer
from panel.imports.undo_journey import undo_import
from panel.models import AdditionalField, Customer, Import
from panel.signature import signature
from tests.builders import additional_field, customer, edit
from tests.sheets import change, read_keys

ME = Viewer("Me", "command")
NAMES = ("Ann", "Bob", "Cyd", "Dan")
FIRST, BLANK = 3, 7
"""The sheet's rows of the first customer and of the first blank row."""


class Outbox:
    """One workbook of everybody, of which people edit copies."""

    def __init__(self, runner: FlaskCliRunner, folder: Path) -> None:
        self._runner, self._folder = runner, folder
        self._out = folder / "out.xlsx"
        result = runner.invoke(args=["export", str(self._out)])
        assert result.exit_code == 0, result.output
        self._columns = read_keys(self._out)

    def copy(self, name: str, *edits: tuple[int, dict[str, Any]], head: str = "") -> Path:
        """Return a copy with cells changed, by row and field; `head` is the header of a new column."""
        columns = self._columns | ({"new": "AZ"} if head else {})
        cells = {f"{columns[key]}{row}": value for row, values in edits for key, value in values.items()}
        return change(self._out, self._folder / name, cells | ({"AZ2": head} if head else {}))

    def back(self, *arguments: str | Path) -> dict[str, Any]:
        result = self._runner.invoke(args=["import", "--json", *map(str, arguments)])
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer | {"exit": result.exit_code, "said": result.stderr}


@pytest.fixture
def outbox(app: Flask, runner: FlaskCliRunner, tmp_path: Path) -> Outbox:
    with app.app_context():
        additional_field("tags", "multi_select", label="Tags", options=[["a", "A"], ["b", "B"], ["c", "C"]])
        additional_field("serial", label="Serial", is_unique=True)
        for name in NAMES:
            customer(name, login=name.lower(), city="Brno", emails=[f"{name.lower()}@x.cz"], extra={"tags": ["a"]})
    return Outbox(runner, tmp_path)


def values(app: Flask, field: str) -> list[Any]:
    with app.app_context():
        everybody = db.session.scalars(select(Customer).where(Customer.deleted_at.is_(None)).order_by(Customer.id))
        return [one.extra.get(field) if field in {"tags", "serial"} else getattr(one, field) for one in everybody]


def states(app: Flask) -> list[tuple[str, int | None]]:
    with app.app_context():
        return [tuple(row) for row in db.session.execute(select(Import.state, Import.batch).order_by(Import.id))]


def test_edits_of_several_people_are_all_written_and_share_a_batch(app: Flask, outbox: Outbox) -> None:
    files = [
        outbox.copy("ann.xlsx", (3, {"city": "Zlin", "emails": "ann@x.cz, ann@work.cz"})),
        outbox.copy("bob.xlsx", (3, {"street": "Long 1", "emails": "ann@x.cz, ann@home.cz"}), (4, {"city": "Tabor"})),
        outbox.copy("cyd.xlsx", (3, {"city": "Zlin"}), (5, {"tags": "A, B"})),
    ]
    answer = outbox.back(*files)
    assert (answer["exit"], [one["cells_updated"] for one in answer["imports"]]) == (0, [2, 3, 1])
    assert values(app, "city") == ["Zlin", "Tabor", "Brno", "Brno"]
    assert values(app, "street")[0] == "Long 1"
    first, *more = values(app, "emails")[0]
    assert (first, sorted(more)) == ("ann@x.cz", ["ann@home.cz", "ann@work.cz"])
    assert values(app, "tags")[2] == ["a", "b"]
    assert states(app) == [("applied", 1)] * 3
    again = outbox.back(*files)
    assert [(one["updated"], one["created"], one["conflicts"]) for one in again["imports"]] == [(0, 0, [])] * 3


def test_a_conflict_between_files_names_the_other_file_and_nothing_is_applied(app: Flask, outbox: Outbox) -> None:
    files = [
        outbox.copy("ann.xlsx", (3, {"city": "Zlin"}), (4, {"city": "Tabor"})),
        outbox.copy("bob.xlsx", (3, {"city": "Cheb"})),
        outbox.copy("cyd.xlsx", (3, {"city": "Most"})),
    ]
    answer = outbox.back(*files)
    first, second, third = answer["imports"]
    assert (answer["exit"], first["conflicts"], values(app, "city")) == (1, [], ["Brno"] * 4)
    assert [(one["base"], one["panel"], one["workbook"], one["against"]) for one in second["conflicts"]] == [
        ("Brno", "Zlin", "Cheb", "ann.xlsx")
    ]
    # Nobody decided yet, so that what stands in the way of the third is the first.
    assert [(one["panel"], one["against"]) for one in third["conflicts"]] == [("Zlin", "ann.xlsx")]
    assert "bob.xlsx: 1 cells were changed both in the panel and in the workbook." in answer["said"]
    decided = outbox.back(*files, "--prefer", "workbook")
    assert (decided["exit"], values(app, "city")) == (0, ["Most", "Tabor", "Brno", "Brno"])
    assert [one["against"] for one in decided["imports"][2]["conflicts"]] == ["bob.xlsx"]


def test_a_problem_in_one_file_holds_up_all_of_them(app: Flask, outbox: Outbox) -> None:
    files = [outbox.copy("ann.xlsx", (3, {"city": "Zlin"})), outbox.copy("bob.xlsx", (4, {"status": "Gone"}))]
    answer = outbox.back(*files)
    assert (answer["exit"], values(app, "city"), states(app)) == (1, ["Brno"] * 4, [])
    assert "bob.xlsx: Customers!" in answer["said"]
    assert outbox.back(*files, "--skip-problems")["exit"] == 0
    assert values(app, "city")[0] == "Zlin"


def test_copies_of_a_workbook_have_the_same_blank_rows_and_different_people_in_them(app: Flask, outbox: Outbox) -> None:
    jana = {"full_name": "Jana Dvorak", "emails": "jana@x.cz"}
    files = [
        outbox.copy("one.xlsx", (BLANK, jana)),
        outbox.copy("two.xlsx", (BLANK, {"full_name": "Karel Zeman"}), (BLANK + 1, {"full_name": "Eva Mala"})),
        outbox.copy("three.xlsx", (BLANK, jana), (BLANK + 1, {"full_name": "Ota Kral"})),
    ]
    answer = outbox.back(*files)
    assert (answer["exit"], [one["created"] for one in answer["imports"]]) == (0, [1, 2, 1])
    everybody = [*NAMES, "Jana Dvorak", "Karel Zeman", "Eva Mala", "Ota Kral"]
    assert values(app, "full_name") == everybody
    for some in (files, files[::-1], files[1:2]):
        again = outbox.back(*some)
        each = again["imports"] if len(some) > 1 else [again]
        assert [(one["created"], one["updated"]) for one in each] == [(0, 0)] * len(some)
    # Whoever mends a spelling means the same customer, and so does who keeps the address.
    mended = outbox.copy("two.xlsx", (BLANK, {"full_name": "Karel Zemann"}), (BLANK + 1, {"full_name": "Eva Mala"}))
    assert (outbox.back(mended)["updated"], values(app, "full_name")) == (
        1,
        [name.replace("Zeman", "Zemann") for name in everybody],
    )
    married = outbox.copy("one.xlsx", (BLANK, jana | {"full_name": "Jana Horakova-Kucerova"}))
    assert (outbox.back(married)["updated"], values(app, "full_name")[4]) == (1, "Jana Horakova-Kucerova")


def test_one_new_customer_with_other_values_in_two_files_is_a_question(app: Flask, outbox: Outbox) -> None:
    files = [
        outbox.copy("one.xlsx", (BLANK, {"full_name": "Jana Dvorak", "city": "Zlin"})),
        outbox.copy("two.xlsx", (BLANK, {"full_name": "Jana Dvorak", "city": "Cheb"})),
    ]
    answer = outbox.back(*files)
    assert answer["exit"] == 1
    words = (
        f"Jana Dvorak is new in row {BLANK} of one.xlsx, too, with other values. Make both rows alike, or remove one."
    )
    assert [(one["at"], one["message"]) for one in answer["imports"][1]["problems"]] == [(f"Customers!{BLANK}", words)]
    assert outbox.back(files[0])["created"] == 1
    assert outbox.back(files[1], "--prefer", "workbook")["updated"] == 1
    assert (values(app, "city")[4:], len(values(app, "city"))) == (["Cheb"], 5)


def test_a_value_that_only_one_may_have_is_given_once_by_all_files(app: Flask, outbox: Outbox) -> None:
    files = [
        outbox.copy("one.xlsx", (3, {"serial": "S1", "login": "annie"}), (BLANK, {"full_name": "Zoe", "serial": "S2"})),
        outbox.copy("two.xlsx", (4, {"serial": "s1", "login": "ann"}), (5, {"serial": "S2"}), (6, {"serial": "S3"})),
    ]
    answer = outbox.back(*files)
    told = {one["at"]: one["message"] for one in answer["imports"][1]["problems"]}
    assert len(told) == 2, told
    assert any("belongs to customer 1" in words for words in told.values())
    assert any("belongs to a new customer in another of these files" in words for words in told.values())
    assert outbox.back(*files, "--skip-problems")["exit"] == 0
    assert values(app, "serial") == ["S1", None, None, "S3", "S2"]
    # The login that the first file set free is there for the second, though its row was refused for its serial.
    freed = [outbox.copy("one.xlsx", (3, {"login": "ann2"})), outbox.copy("two.xlsx", (4, {"login": "annie"}))]
    assert outbox.back(*freed, "--prefer", "workbook")["exit"] == 0
    assert values(app, "login")[:2] == ["ann2", "annie"]


def test_a_deletion_in_one_file_and_an_edit_in_another_are_a_conflict_either_way(app: Flask, outbox: Outbox) -> None:
    with app.app_context():
        for one in range(1, 5):
            edit(one, status_id=4)
    fresh = Outbox(outbox._runner, outbox._folder)
    gone, edited = fresh.copy("gone.xlsx", (3, {"action": "delete"})), fresh.copy("edited.xlsx", (3, {"city": "Zlin"}))
    for files in ([gone, edited], [edited, gone]):
        answer = fresh.back(*files)
        conflicts = answer["imports"][1]["conflicts"]
        told = [(one["field"], one["against"]) for one in conflicts]
        assert (answer["exit"], told) == (1, [("deleted", files[0].name)])
    assert fresh.back(gone, edited, "--prefer", "workbook")["exit"] == 0
    assert values(app, "city") == ["Zlin", "Brno", "Brno", "Brno"]


def test_a_new_column_in_several_files_is_one_field_and_no_question(app: Flask, outbox: Outbox) -> None:
    files = [
        outbox.copy("one.xlsx", (3, {"new": "blue"}), (4, {"new": "red"}), head="Colour"),
        outbox.copy("two.xlsx", (5, {"new": "green"}), (4, {"new": "pink"}), head="Colour"),
    ]
    answer = outbox.back(*files, "--create-fields")
    assert (answer["exit"], [len(one["conflicts"]) for one in answer["imports"]]) == (1, [0, 1])
    assert outbox.back(*files, "--create-fields", "--prefer", "panel")["exit"] == 0
    with app.app_context():
        made = list(db.session.scalars(select(AdditionalField).where(AdditionalField.label == "Colour")))
        assert [one.extra.get(made[0].key) for one in db.session.scalars(select(Customer).order_by(Customer.id))] == [
            "blue",
            "red",
            "green",
            None,
        ]
        assert len(made) == 1


def test_files_at_once_come_to_what_they_come_to_one_after_the_other(app: Flask, outbox: Outbox) -> None:
    seed = int(os.environ.get("TOGETHER_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
    draw = random.Random(seed)
    with app.app_context():
        start = signature_now()
        for number in range(12):
            files, prefer = _edited_at_random(outbox, draw), draw.choice(["panel", "workbook"])
            said = f"seed {seed}, round {number}"
            every = tuple(range(len(NAMES) + 1))
            options = ImportOptions(prefer=prefer, skip_problems=True, accept_unknown=True, confirm=every)
            foreseen, _none = import_together(files, options, ME, dry_run=True)
            planned, together = import_together(files, options, ME, dry_run=False)
            assert [one.fingerprint for one in planned] == [one.fingerprint for one in foreseen], said
            at_once = signature_now()
            assert len(together) == len(files), said
            counts = [one.plan.counts() for one in planned]
            _take_back(together)
            assert signature_now() == start, said
            apart = [import_at_once(file, options, ME, dry_run=False) for file in files]
            assert [one.plan.counts() for one, _number in apart] == counts, said
            assert signature_now() == at_once, said
            _take_back([one for _planned, one in apart if one])
            start = signature_now()


def signature_now() -> str:
    with reading() as connection:
        return signature(connection)


def _take_back(numbers: Sequence[int]) -> None:
    for number in reversed(numbers):
        undo_import(number, ME)


def _edited_at_random(outbox: Outbox, draw: random.Random) -> list[Path]:
    choices = {
        "city": ["Brno", "Zlin", "Cheb", None],
        "emails": ["ann@x.cz", "ann@x.cz, two@x.cz", "three@x.cz", None],
        "tags": ["A", "A, B", "B, C", None],
        "serial": ["S1", "S2", None],
        "login": ["ann", "bob", "x1"],
        "full_name": ["Ann", "Jana Dvorak", None],
    }

    def edits(row: int) -> tuple[int, dict[str, Any]]:
        fields = draw.sample(sorted(choices), draw.randrange(1, 4))
        return row, {field: draw.choice(choices[field]) for field in fields}

    rows = [FIRST + number for number in range(len(NAMES))]
    return [outbox.copy(f"{number}.xlsx", *map(edits, draw.sample(rows, draw.randrange(1, 4)))) for number in range(3)]


def test_a_new_customer_who_is_known_by_a_key_in_two_foreign_files_is_one(outbox: Outbox, tmp_path: Path) -> None:
    head, zoe = "Full name,Email,City\n", "Zoe Mala,zoe@x.cz,"
    files = [tmp_path / "one.csv", tmp_path / "two.csv", tmp_path / "three.csv"]
    for file, city in zip(files, ("Zlin", "Zlin", "Cheb"), strict=True):
        file.write_text(f"{head}{zoe}{city}\n", "utf-8")
    for arguments in (["--dry-run"], []):
        answer = outbox.back(*files, "--key", "emails", *arguments)
        assert (answer["exit"], [one["created"] for one in answer["imports"]]) == (1, [1, 0, 0])
        assert [len(one["problems"]) for one in answer["imports"]] == [0, 0, 1]
        assert "Zoe Mala is new in row 2 of one.csv, too" in answer["said"]
    assert outbox.back(*files[:2], "--key", "emails")["exit"] == 0


def test_a_file_that_says_something_else_once_another_is_written_says_what(app: Flask, outbox: Outbox) -> None:
    with app.app_context():
        additional_field("friend", "relation", label="Friend", target="customer")
        edit(4, status_id=4)
    fresh = Outbox(outbox._runner, outbox._folder)
    files = [fresh.copy("one.xlsx", (6, {"action": "delete"})), fresh.copy("two.xlsx", (3, {"friend": "#4"}))]
    answer = fresh.back(*files)
    assert answer["exit"] == 1
    assert "two.xlsx: Customers!" in answer["said"]
    assert answer["imports"][1]["problems"]
    assert (len(values(app, "city")), states(app)) == (len(NAMES), [])


def test_to_delete_whom_another_file_creates_is_a_question(outbox: Outbox) -> None:
    inactive = {"full_name": "Jana Dvorak", "status": "Inactive"}
    files = [
        outbox.copy("one.xlsx", (BLANK, inactive)),
        outbox.copy("two.xlsx", (BLANK, inactive | {"action": "delete"})),
    ]
    for arguments in (["--dry-run"], []):
        answer = outbox.back(*files, *arguments)
        assert (answer["exit"], len(answer["imports"][1]["problems"])) == (1, 1)
