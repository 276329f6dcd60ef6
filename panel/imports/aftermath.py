"""What an import or a job wrote to each record, and what has happened to the record since."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select

from panel.entities import CUSTOMER, ENTITIES, Entity
from panel.models import Import, Revision
from panel.models.columns import aware
from panel.records import BATCH, batches

CREATED = "+"
"""Among the fields of a source: the customers that it created."""
KEYS = "keys"
"""Through what a new key writes: the values are what they were."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is undone: an import or a job, or of an import one customer's part, some fields' part, or both: a cell.

    Among `fields` may also be `CREATED` and ``deleted``, which stands for deletions.
    """

    import_id: int | None = None
    job_id: int | None = None
    record_id: int | None = None
    fields: frozenset[str] | None = None

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is left out."""
        return self.record_id is None and self.fields is None

    @property
    def written(self) -> ColumnElement[bool]:
        """Return the condition on the log that the source wrote an entry."""
        if self.job_id is not None:
            return Revision.job_id == self.job_id
        mine = and_(Revision.import_id == self.import_id, Revision.undo_of.is_(None))
        return mine if self.record_id is None else and_(mine, Revision.record_id == self.record_id)

    def takes(self, key: str) -> bool:
        """Tell whether a field's values are to go back."""
        return self.fields is None or key in self.fields

    def undid(self, entry: Later) -> bool:
        """Tell whether an entry of the log took a part of this source back."""
        return self.import_id is not None and entry.undo_of == self.import_id


@dataclass(slots=True)
class Written:
    """What a source wrote to one record as one: its first and last revision, each field's first old and last new.

    `cells` maps the fields to the addresses that their values came from.
    """

    record_id: int
    first: int
    last: int = 0
    changes: dict[str, list[Any]] = field(default_factory=dict)
    cells: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Later:
    """An entry of a record's log that is newer than what is undone."""

    number: int
    at: dt.datetime
    by: str
    through: str
    undo_of: int | None
    changes: Mapping[str, Sequence[Any]]


def entity_of(connection: Connection, source: Source) -> Entity:
    """Return what a source wrote: what its import was of, or customers."""
    found = connection.execute(select(Import.entity).where(Import.id == source.import_id)).scalar()
    return ENTITIES[found or CUSTOMER.key]


def written_by(connection: Connection, source: Source, entity: Entity = CUSTOMER) -> list[Written]:
    """Return what a source wrote, in the order of the records' IDs."""
    table = Revision.__table__.c
    columns = select(table.record_id, table.number, table.changes, table.cells)
    rows = connection.execute(columns.where(table.entity == entity.key, source.written))
    found: dict[int, Written] = {}
    for record_id, number, changes, cells in sorted(rows, key=lambda row: (row[0], row[1])):
        one = found.setdefault(record_id, Written(record_id, number))
        one.last = number
        one.cells.update(cells or {})
        for key, (old, new) in changes.items():
            one.changes[key] = [one.changes[key][0] if key in one.changes else old, new]
    return list(found.values())


def later_than(connection: Connection, last: Mapping[int, int], entity: Entity = CUSTOMER) -> dict[int, list[Later]]:
    """Return each record's entries of the log after the revision given for it (record ID → revision number)."""
    table = Revision.__table__.c
    columns = select(
        table.record_id, table.number, table.at, table.by, table.through, table.undo_of, table.changes
    ).order_by(table.record_id, table.number)
    found: dict[int, list[Later]] = defaultdict(list)
    for some in batches(sorted(last), BATCH):
        after = min(last[record_id] for record_id in some)
        wanted = (table.entity == entity.key, table.record_id.in_(some), table.number > after)
        for record_id, number, at, *entry in connection.execute(columns.where(*wanted)):
            if number > last[record_id]:
                found[record_id].append(Later(number, aware(at), *entry))
    return found


def edits(later: Sequence[Later], source: Source) -> Iterator[Later]:
    """Yield the entries that are somebody's, newest first: neither an undoing of this source nor a new key's."""
    return (entry for entry in reversed(later) if not (source.undid(entry) or entry.through == KEYS))


def last_edit(later: Sequence[Later], source: Source, key: str = "") -> Later | None:
    """Return the newest entry that is somebody's; with a key, of those that wrote that field."""
    return next((entry for entry in edits(later, source) if not key or key in entry.changes), None)
