"""What the forms of a preview say: choices for cells, for a row, a column, or everything on screen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection
from werkzeug.datastructures import MultiDict

from panel.imports.choices import OTHER, PANEL, WORKBOOK
from panel.imports.choosing import store_choice, store_other
from panel.imports.journey import open_import
from panel.imports.options import Viewer
from panel.models import ImportItem
from panel.views.customer_query import number_of
from panel.views.preview_lines import Look, conditions
from sync.errors import SyncError
from sync.words import say

MOVED_ON = "The preview changed meanwhile. Look again, and choose."


def take_choices(connection: Connection, look: Look, form: MultiDict[str, str], viewer: Viewer) -> None:
    """Store a form's choices: of single lines, of the ticks of a page, and of a button for several lines."""
    open_import(connection, look.import_id)
    for name, side in form.items():
        if name.startswith("choice."):
            _take_one(connection, look, form, (name.removeprefix("choice."), side), viewer)
    ticked = {number_of(text) for text in form.getlist("take")}
    for number in {number_of(text) for text in form.getlist("line")}:
        side = "" if number in ticked else PANEL
        store_choice(connection, look.import_id, [ImportItem.number == number], side, viewer)
    for which, side in _several(look, form):
        store_choice(connection, look.import_id, which, side, viewer)


def _take_one(
    connection: Connection, look: Look, form: MultiDict[str, str], chosen: tuple[str, str], viewer: Viewer
) -> None:
    text, side = chosen
    number = number_of(text)
    # Numbers are given anew with each plan; the cell says whether it is the one that was on screen.
    at = form.get(f"at.{text}")
    same = [] if at is None else [ImportItem.at == at]
    if side == OTHER:
        typed = form.get(f"other.{text}", "").strip()
        store_other(connection, look.import_id, [ImportItem.number == number, *same], typed, viewer)
        return
    if not store_choice(connection, look.import_id, [ImportItem.number == number, *same], side, viewer):
        raise SyncError(say(MOVED_ON))


def _several(look: Look, form: MultiDict[str, str]) -> list[tuple[list[ColumnElement[bool]], str]]:
    """Return the lines that the pressed button is about, each with its side."""
    found: list[tuple[list[ColumnElement[bool]], str]] = []
    if form.get("all") in _SIDES:
        found.append((list(conditions(look)), _SIDES[form["all"]]))
    key, _colon, side = form.get("column", "").rpartition(":")
    if side in _SIDES:
        found.append((list(conditions(replace(look, field=key))), _SIDES[side]))
    row, _colon, side = form.get("row", "").rpartition(":")
    if side in _SIDES:
        whole = {"change", "clear"} if look.group in {"change", "clear"} else {look.group}
        found.append(([ImportItem.sheet_row == number_of(row), ImportItem.group.in_(whole)], _SIDES[side]))
    return found


_SIDES: dict[Any, str] = {PANEL: PANEL, WORKBOOK: WORKBOOK, "none": ""}
