"""A customer's history: one line a revision, and in it each field's old and new value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask_login import current_user
from sqlalchemy import select

from panel.extensions import db
from panel.forms.showing import shown_json
from panel.models import AdditionalField, Import, Revision
from panel.relations import named
from panel.rights import reach_of, rights_of
from panel.schema import ENTITY, Schema
from panel.sealed import secret_keys
from sync.fields import Field

LINES = 200
_THROUGH = {
    "panel": "in the panel",
    "import": "by an import",
    "undo": "by undoing an import",
    "bulk": "together with others",
    "bulk_undo": "by undoing what was done together with others",
    "command": "by a command",
    "system": "by itself",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One field's change: its label, the values in words, and the cell that the new one came from."""

    label: str
    old: str
    new: str
    cell: str


@dataclass(frozen=True, slots=True)
class Line:
    """One revision in words."""

    number: int
    at: dt.datetime
    by: str
    through: str
    file: str
    import_id: int | None
    steps: Sequence[Step]
    reason: str = ""


def history_of(record_id: int, schema: Schema) -> list[Line]:
    """Return the newest revisions of a customer, newest first, as far as the schema's viewer sees their fields."""
    mine = (Revision.entity == ENTITY, Revision.record_id == record_id)
    query = select(Revision).where(*mine).order_by(Revision.number.desc()).limit(LINES)
    revisions = list(db.session.scalars(query))
    files = _files({one.undo_of or one.import_id for one in revisions} - {None})
    seen = (side for one in revisions for side in _sides(one.changes))
    fields = named(db.session.connection(), schema.fields, seen, reach_of(current_user))
    words = _Words(fields, rights_of(current_user).unseen)
    lines = (_line(revision, files, words) for revision in revisions)
    return [line for line in lines if line.steps or line.number == 1]


def _sides(changes: Mapping[str, Sequence[object]]) -> Iterator[dict[str, object]]:
    """Yield what a revision's values were, and what they became."""
    for side in (0, 1):
        yield {key: pair[side] for key, pair in changes.items()}


def _files(ids: set[int | None]) -> dict[int, str]:
    return dict(db.session.execute(select(Import.id, Import.file_name).where(Import.id.in_(ids))).all())


def _line(revision: Revision, files: Mapping[int, str], words: _Words) -> Line:
    import_id = revision.undo_of or revision.import_id
    return Line(
        revision.number,
        revision.at,
        revision.by,
        _THROUGH.get(revision.through, revision.through),
        files.get(import_id or 0, ""),
        import_id,
        list(words.steps(revision)),
        revision.reason,
    )


class _Words:
    """Labels of fields, those that are hidden or retired included."""

    def __init__(self, fields: Sequence[Field], unseen: frozenset[str]) -> None:
        self._fields = {field.key: field for field in fields}
        self._order = {key: place for place, key in enumerate(self._fields)}
        self._unseen = unseen
        self._gone = dict(db.session.execute(select(AdditionalField.key, AdditionalField.label)).all())
        self._secret = secret_keys(db.session.connection())

    def steps(self, revision: Revision) -> Iterator[Step]:
        """Yield a revision's changes in the order of the form."""
        cells = revision.cells or {}
        seen = revision.changes.keys() - self._unseen
        for key in sorted(seen, key=lambda key: (self._order.get(key, len(self._order)), key)):
            old, new = revision.changes[key]
            yield self._step(key, old, new, cells.get(key, ""))

    def _step(self, key: str, old: object, new: object, cell: str) -> Step:
        if key == "deleted":
            return Step("Bin", *(("", "moved to the bin") if new else ("in the bin", "restored")), cell)
        field = self._fields.get(key)
        label = field.label if field else self._gone.get(key, key)
        if key in self._secret:
            return Step(label, "•••" if old else "", "•••" if new else "", cell)
        return Step(label, shown_json(old, field), shown_json(new, field), cell)
