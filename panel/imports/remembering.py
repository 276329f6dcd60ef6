"""Mappings of foreign files, kept under a name when they are applied, for the next file with the same headers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, insert, select, true, update

from panel.audit import plain
from panel.imports.options import ImportOptions, Viewer
from panel.imports.planned import Planned
from panel.imports.reading import Reading
from panel.models import RememberedMapping
from panel.models.columns import now
from panel.schema import ENTITY
from sync.errors import UnknownField
from sync.words import later, say

NOT_KEPT = "-"
"""The name of a mapping that a person does not want to be kept."""
LONGEST_NAME = 200
KEPT = ("of", "key", "mapping", "sheet", "header_row", "values", "date_orders", "date_order")
NO_SUCH = later("There is no remembered mapping %(name)s. Remembered are: %(names)s.")
NONE_YET = later("There is no remembered mapping %(name)s, and none yet at all. Say with --map what the columns are.")


def kept_of(options: ImportOptions) -> dict[str, Any]:
    """Return what of a file's options is worth keeping, by name."""
    given = options.to_json()
    return {name: given[name] for name in KEPT if given[name]}


def recalled(connection: Connection, reading: Reading, viewer: Viewer) -> ImportOptions | None:
    """Return the options of a file that was read for the first time, as one with the same headers was applied last.

    None for a workbook of ours, where a person said something already, and where no such mapping is kept.
    """
    if not reading.is_foreign or kept_of(reading.options):
        return None
    table = RememberedMapping.__table__.c
    query = select(RememberedMapping.__table__).where(table.headers == reading.digest, *_mine(viewer))
    row = connection.execute(query.order_by(table.at.desc(), table.id.desc()).limit(1)).mappings().first()
    return None if row is None else _with(row, reading.options)


def named(connection: Connection, options: ImportOptions, viewer: Viewer) -> ImportOptions:
    """Return the options with the mapping that they name; what is said beside it goes before it.

    A name that nobody used yet is for the mapping that is said beside it. Raises `UnknownField` where none is.
    """
    if not options.remembered:
        return options
    row = _find(connection, options.remembered, viewer)
    if row is not None:
        return _with(row, options)
    if kept_of(options):
        return options
    names = [one["name"] for one in remembered(connection, viewer)]
    said = say(NO_SUCH if names else NONE_YET, name=repr(options.remembered), names=", ".join(names))
    raise UnknownField(said)


def remember(connection: Connection, planned: Planned, viewer: Viewer) -> None:
    """Keep the mapping of a foreign file that is being applied, in place of the one of the same name."""
    reading = planned.reading
    kept, name = kept_of(reading.options), _name(planned, viewer)
    if not (reading.is_foreign and kept and name):
        return
    values = {"headers": reading.options.headers or reading.digest, "options": kept, "at": now()}
    row = _find(connection, name, viewer)
    if row is not None:
        connection.execute(update(RememberedMapping).where(RememberedMapping.id == row["id"]).values(**values))
        return
    who = {"by": plain(viewer.name), "user_id": viewer.user_id}
    connection.execute(insert(RememberedMapping).values(entity=ENTITY, name=name, **who, **values))


def remembered(connection: Connection, viewer: Viewer) -> Sequence[RowMapping]:
    """Return the mappings that are kept, as far as the viewer may use them, by name."""
    table = RememberedMapping.__table__
    query = select(table).where(*_mine(viewer)).order_by(table.c.name, table.c.id)
    return connection.execute(query).mappings().all()


def forget(connection: Connection, number: int, viewer: Viewer) -> None:
    """Keep a mapping no longer."""
    connection.execute(delete(RememberedMapping).where(RememberedMapping.id == number, *_mine(viewer)))


def _mine(viewer: Viewer) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of the mappings that a viewer may use: what texts mean may name other partners."""
    table = RememberedMapping.__table__.c
    own = true() if viewer.partner_id is None else table.user_id == viewer.user_id
    return (table.entity == ENTITY, own)


def _find(connection: Connection, name: str, viewer: Viewer) -> RowMapping | None:
    found = (one for one in remembered(connection, viewer) if one["name"].casefold() == name.strip().casefold())
    return next(found, None)


def _with(row: RowMapping, options: ImportOptions) -> ImportOptions:
    kept, given = row["options"], kept_of(options)
    both = {name: _over(kept.get(name), given.get(name)) for name in KEPT if name in kept or name in given}
    return replace(options, **both, remembered=row["name"], recalled=row["at"].date().isoformat())


def _over(kept: Any, given: Any) -> Any:
    return {**kept, **given} if isinstance(kept, dict) and isinstance(given, dict) else given or kept


def _name(planned: Planned, viewer: Viewer) -> str:
    """Return under which name to keep a mapping: a command keeps none that was not named."""
    name = planned.reading.options.remembered
    if name == NOT_KEPT or (viewer.through == "command" and not name):
        return ""
    return (name or PurePath(planned.file.name).stem)[:LONGEST_NAME]
