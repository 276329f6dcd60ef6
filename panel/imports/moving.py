"""What moved between a look at a plan and the attempt to apply it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from panel.imports.lines import ASKED, DECIDED, MOVED, Line, lines_of
from panel.imports.planned import Planned
from panel.models import ImportItem
from sync.plan import TAKEN

_COLUMNS = ("group", "at", "sheet_row", "record_id", "field", "panel", "workbook", "choice")


def moved_lines(connection: Connection, import_id: int, planned: Planned) -> list[Line]:
    """Return the lines of what is no longer written, written anew, or in place of another value than was shown.

    A line's base is then the panel's value as it was shown, its panel the value now, and its outcome the group in
    which the cell is by now, blank where nothing of it is left.
    """
    table = ImportItem.__table__.c
    query = select(*(table[name] for name in _COLUMNS)).where(table.import_id == import_id)
    rows = connection.execute(query.where(table.group.in_((*ASKED, *DECIDED)))).mappings()
    before = {_place(line): line for line in map(dict, rows)}
    after = {_place(line): line for line in lines_of(planned) if line["group"] in (*ASKED, *DECIDED)}
    found = [place for place in before if _differs(before[place], after.get(place))]
    found += [place for place in after if place not in before and _writes(after[place])]
    return [_moved(before.get(place), after.get(place)) for place in found]


def _place(line: Mapping[str, Any]) -> tuple[str, str]:
    return line["at"], line.get("field", "")


def _differs(was: Mapping[str, Any], now: Mapping[str, Any] | None) -> bool:
    if now is None or not _writes(now):
        return _writes(was)
    return not _writes(was) or any(was.get(side) != now.get(side) for side in ("panel", "workbook"))


def _writes(line: Mapping[str, Any]) -> bool:
    return line.get("choice") in TAKEN or (line["group"] in DECIDED and not line.get("choice"))


def _moved(was: Mapping[str, Any] | None, now: Line | None) -> Line:
    line = dict(now or was or {})
    line |= {"base": was and was["panel"], "panel": now and now["panel"], "group": MOVED, "choice": ""}
    return line | {"outcome": now["group"] if now else "", "message": ""}
