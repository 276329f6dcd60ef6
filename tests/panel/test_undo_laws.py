"""Laws of undoing: whatever came in which order, a cell that was undone is what it was, unless edited since."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from panel.database import reading, writing
from panel.extensions import db
from panel.imports.aftermath import Source
from panel.imports.at_once import import_at_once
from panel.imports.options import ImportOptions, Viewer
from panel.imports.undo_journey import undo_import
from panel.models import Customer, Revision
from panel.signature import signature
from sync.errors import SyncError
from tests.builders import customer, edit

ME = Viewer("test", "command")
FIELDS = ("city", "street")
ROWS = 3
Cell = tuple[int, str]
PLACES = [(row, field) for row in range(ROWS) for field in FIELDS]
VALUES = st.sampled_from(["Brno", "Zlin", "Praha"])
CELLS = st.dictionaries(st.sampled_from(PLACES), VALUES, min_size=1, max_size=4)
PARTS = st.tuples(st.integers(0, 5), st.sampled_from([None, *range(ROWS)]), st.sampled_from([None, *FIELDS]))
STEPS = st.one_of(
    st.tuples(st.just("bring"), CELLS),
    st.tuples(st.just("type"), CELLS),
    st.tuples(st.just("undo"), PARTS),
)


class _World:
    """Customers written in every way, and what each cell is to be, told step by step."""

    numbers = itertools.count()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ids = [customer(city="Old", street="Old") for _row in range(ROWS)]
        self.now: dict[Cell, str] = dict.fromkeys(PLACES, "Old")
        self.wrote: list[tuple[int, dict[Cell, tuple[str, str]]]] = []

    def bring(self, cells: dict[Cell, str]) -> None:
        """Import a file in which these cells differ; the others say what the panel says."""
        wanted = {**self.now, **cells}
        lines = [f"{self.ids[row]},{wanted[row, 'city']},{wanted[row, 'street']}" for row in range(ROWS)]
        file = self.folder / f"{next(self.numbers)}.csv"
        file.write_text("\n".join(["ID,City,Street", *lines]) + "\n", encoding="utf-8")
        _planned, number = import_at_once(file, ImportOptions(accept_unknown=True), ME, dry_run=False)
        assert number is not None
        self.wrote.append((number, {at: (self.now[at], new) for at, new in cells.items() if self.now[at] != new}))
        self.now |= cells

    def type(self, cells: dict[Cell, str]) -> None:
        """Write these cells by hand."""
        for (row, field), value in cells.items():
            edit(self.ids[row], **{field: value})
        self.now |= cells

    def undo(self, part: tuple[int, int | None, str | None]) -> None:
        """Undo a part of one of the imports: what it wrote and nobody changed since is what it was."""
        index, row, field = part
        if not self.wrote:
            return
        number, cells = self.wrote[index % len(self.wrote)]
        record_id = None if row is None else self.ids[row]
        source = Source(number, record_id=record_id, fields=None if field is None else frozenset({field}))
        taken = [at for at in cells if row in {None, at[0]} and field in {None, at[1]}]
        back = {at: cells[at][0] for at in taken if self.now[at] == cells[at][1]}
        try:
            undone = undo_import(number, ME, part=source)
        except SyncError:  # undone whole before
            assert not back
            return
        assert undone.reverted == len(back)
        assert {(self.ids.index(one.id), one.field) for one in undone.kept} == {
            at for at in taken if at not in back and self.now[at] != cells[at][0]
        }
        self.now |= back
        for at in back:
            del cells[at]

    def kept(self) -> dict[Cell, str | None]:
        """Return what the database holds."""
        db.session.rollback()
        rows = [db.session.get_one(Customer, one, populate_existing=True) for one in self.ids]
        return {(row, field): getattr(one, field) for row, one in enumerate(rows) for field in FIELDS}

    def check(self) -> None:
        """Compare the database with what it is to be, and each line of the log with the one before."""
        assert self.kept() == self.now
        for row, record_id in enumerate(self.ids):
            log: dict[str, Any] = {}
            mine = select(Revision).where(Revision.record_id == record_id).order_by(Revision.number)
            for entry in db.session.scalars(mine):
                assert all(log.get(key) == old for key, (old, _new) in entry.changes.items())
                log |= {key: new for key, (_old, new) in entry.changes.items()}
            assert {field: log[field] for field in FIELDS} == {field: self.now[row, field] for field in FIELDS}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=3, max_size=9))
def test_undone_cells_are_what_they_were_unless_edited_since(
    app: Flask, tmp_path: Path, steps: list[tuple[str, Any]]
) -> None:
    with app.app_context():
        world = _World(tmp_path)
        for step, value in steps:
            getattr(world, step)(value)
            world.check()
            assert world.kept() == world.now


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CELLS, min_size=1, max_size=3), st.lists(st.sampled_from(FIELDS), max_size=2))
def test_undone_in_the_reverse_order_in_whatever_parts_nothing_is_left(
    app: Flask, tmp_path: Path, files: list[dict[Cell, str]], parts: list[str]
) -> None:
    with app.app_context():
        world = _World(tmp_path)
        with reading() as connection:
            before = signature(connection)
        for cells in files:
            world.bring(cells)
        for number, _cells in reversed(world.wrote):
            for field in parts:
                undo_import(number, ME, part=Source(number, fields=frozenset({field})))
            undo_import(number, ME)
        with reading() as connection:
            assert signature(connection) == before


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_the_laws_notice_a_value_that_nobody_wrote(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        world = _World(tmp_path)
        world.bring({(0, "city"): "Brno"})
        with writing():
            db.session.get_one(Customer, world.ids[0]).city = "Zlin"
        with pytest.raises(AssertionError):
            world.check()
