"""A customer's history: one line a revision, and in it each field's old and new value, with where it came from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from sqlalchemy import ColumnElement, Select, func, or_, select

from panel.access import may
from panel.authors import SYSTEM
from panel.blaming import Blame, blame
from panel.database import is_sqlite
from panel.extensions import db
from panel.forms.links import Link
from panel.forms.registry import ENTRIES, shown_json
from panel.lifecycle import BY_PLAN
from panel.models import AdditionalField, Import, Revision
from panel.relations import named
from panel.rights import reach_of, rights_of
from panel.schema import ENTITY, Schema
from panel.sealed import secret_keys
from sync.fields import Field
from sync.records import Record
from sync.types import FIELD_TYPES
from sync.values import read_json

LINES = 30
DOTS = "•••"
_THROUGH = {
    "panel": "",
    "import": "",
    "undo": lazy_gettext("by undoing an import"),
    "bulk": lazy_gettext("together with others"),
    "bulk_undo": lazy_gettext("by undoing what was done together with others"),
    "command": lazy_gettext("by a command"),
    "system": lazy_gettext("by itself"),
    "keys": lazy_gettext("by a new key"),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Who wrote a revision, when, and through what.

    Where it came from a workbook, that is who uploaded it, with the file and who approved it. `import_id` is there
    only where the signed-in user may open that import, `job_id` likewise; `is_import` where it can be undone.
    """

    number: int
    at: dt.datetime
    by: str
    through: str
    file: str
    approved_by: str
    import_id: int | None
    job_id: int | None
    is_import: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One field's change: its label, the values in words, and the cell that the new one came from.

    `is_open` says that the old value can be given to the customer again, and would change something; the links are
    the pages that the values lead to.
    """

    key: str
    label: str
    old: str
    new: str
    cell: str
    is_secret: bool = False
    is_open: bool = False
    old_links: Sequence[Link] = ()
    new_links: Sequence[Link] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One revision in words."""

    origin: Origin
    steps: Sequence[Step]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are shown: of one field, by one person, older than a revision; blank for all."""

    field: str = ""
    by: str = ""
    before: int | None = None

    def narrow(self, query: Select[Any]) -> Select[Any]:
        """Return a query of revisions without those that are not wanted."""
        if self.field:
            query = query.where(_touches(self.field))
        if self.by:
            uploaded = select(Import.id).where(Import.by == self.by)
            query = query.where(or_(Revision.by == self.by, Revision.import_id.in_(uploaded)))
        return query if self.before is None else query.where(Revision.number < self.before)


@dataclass(frozen=True, slots=True)
class History:
    """The newest wanted lines, the revision that older ones lie before, and what may be asked for."""

    lines: Sequence[Line]
    older: int | None
    fields: Mapping[str, str]
    people: Sequence[str]


def history_of(record: Record, schema: Schema, wanted: Wanted, open_fields: Collection[str]) -> History:
    """Return the wanted revisions of a customer, newest first, as far as one page holds them and the viewer sees them.

    `open_fields` are those that the signed-in user may write.
    """
    known = {*(field.key for field in schema.fields), *db.session.scalars(select(AdditionalField.key))}
    seen = known - rights_of(current_user).unseen
    chosen = wanted if wanted.field in seen else Wanted("", wanted.by, wanted.before)
    query = chosen.narrow(_revisions(record.id)).order_by(Revision.number.desc()).limit(LINES + 1)
    revisions = list(db.session.scalars(query))
    sides = (side for one in revisions for side in _sides(one.changes))
    fields = named(db.session.connection(), schema.fields, sides, reach_of(current_user))
    words, record_id = _Words(fields, record, open_fields), record.id
    origins = origins_of(revisions[:LINES])
    all_lines = (Line(origins[one.number], list(words.steps(one)), _reason(one)) for one in revisions[:LINES])
    lines = [line for line in all_lines if line.steps or line.origin.number == 1]
    older = revisions[LINES - 1].number if len(revisions) > LINES else None
    return History(lines, older, words.labels, _people(record_id))


def _reason(revision: Revision) -> str:
    """Return why a revision was written; what the daily run says of a debt is for those who see the billing."""
    of_debt = revision.through == SYSTEM.through and not revision.reason.startswith(BY_PLAN)
    return "" if of_debt and not may("billing.view") else revision.reason


def _people(record_id: int) -> list[str]:
    """Return who ever wrote a customer, those included whose workbooks somebody else applied."""
    mine = (Revision.entity == ENTITY, Revision.record_id == record_id)
    uploaders = select(Import.by).join(Revision, Revision.import_id == Import.id).where(*mine)
    return sorted({*db.session.scalars(select(Revision.by).where(*mine).distinct()), *db.session.scalars(uploaders)})


def _sides(changes: Mapping[str, Sequence[object]]) -> Iterator[dict[str, object]]:
    """Yield what a revision's values were, and what they became."""
    for side in (0, 1):
        yield {key: pair[side] for key, pair in changes.items()}


def blame_of(record_id: int) -> dict[str, tuple[Origin, str]]:
    """Return, for each field that ever had a value, who gave it the one of now, and from which cell."""
    found = blame(db.session.connection(), record_id)
    return {key: (_origin_of_value(one), one.cell) for key, one in found.items()}


def _origin_of_value(one: Blame) -> Origin:
    through, source = str(_THROUGH.get(one.through, one.through)), one.undo_of or one.import_id
    opens = source is not None and _may_open(one.uploader_id)
    job = one.job_id if may("customer.bulk_edit") else None
    return Origin(one.number, one.at, one.by, through, one.file, one.approved_by, source if opens else None, job)


def change_of(record_id: int, number: int, key: str) -> tuple[Any, Any] | None:
    """Return one field's old and new value, in JSON form, in one revision."""
    revision = db.session.scalars(_revisions(record_id).where(Revision.number == number)).one_or_none()
    return None if revision is None or key not in revision.changes else tuple(revision.changes[key])


def _revisions(record_id: int) -> Select[Revision]:
    return select(Revision).where(Revision.entity == ENTITY, Revision.record_id == record_id)


def _touches(key: str) -> ColumnElement[bool]:
    if is_sqlite(db.session.connection()):
        return func.json_type(Revision.changes, f'$."{key}"').is_not(None)
    return func.jsonb_exists(Revision.changes, key)


def origins_of(revisions: Iterable[Revision]) -> dict[int, Origin]:
    """Return where each of one record's revisions came from, by its number."""
    all_of_them = list(revisions)
    imports = _imports({one.undo_of or one.import_id for one in all_of_them} - {None})
    return {one.number: _origin(one, imports.get(one.undo_of or one.import_id or 0)) for one in all_of_them}


def _imports(ids: set[int | None]) -> dict[int, Import]:
    return {one.id: one for one in db.session.scalars(select(Import).where(Import.id.in_(ids)))} if ids else {}


def _origin(revision: Revision, source: Import | None) -> Origin:
    is_import = source is not None and revision.through == "import"
    return Origin(
        revision.number,
        revision.at,
        source.by if source and is_import else revision.by,
        str(_THROUGH.get(revision.through, revision.through)),
        source.file_name if source else "",
        source.applied_by if source and is_import else "",
        source.id if source and _may_open(source.user_id) else None,
        revision.job_id if may("customer.bulk_edit") else None,
        is_import,
    )


def _may_open(uploader_id: int | None) -> bool:
    own = current_user.partner_id is None or uploader_id == current_user.id
    return own and may("import.upload")


def _links(plain: object, field: Field | None) -> Sequence[Link]:
    if plain is None or field is None:
        return ()
    value = read_json(plain, field)
    return () if value is None else ENTRIES[field.type].links(value, field)


class _Words:
    """Labels of fields, those that are hidden or retired included."""

    def __init__(self, fields: Sequence[Field], record: Record, open_fields: Collection[str]) -> None:
        self._now, self._open = record.values, open_fields
        self._fields = {field.key: field for field in fields}
        self._order = {key: place for place, key in enumerate(self._fields)}
        self._secret = secret_keys(db.session.connection())
        self._unseen = rights_of(current_user).unseen
        gone = dict(db.session.execute(select(AdditionalField.key, AdditionalField.label)).all())
        labels = {key: field.name for key, field in self._fields.items()} | gone
        self.labels = {key: label for key, label in labels.items() if key not in self._unseen}

    def steps(self, revision: Revision) -> Iterator[Step]:
        """Yield a revision's changes in the order of the form."""
        cells = revision.cells or {}
        seen = revision.changes.keys() - self._unseen
        for key in sorted(seen, key=lambda key: (self._order.get(key, len(self._order)), key)):
            old, new = revision.changes[key]
            yield self._step(key, old, new, cells.get(key, ""))

    def _step(self, key: str, old: object, new: object, cell: str) -> Step:
        if key == "deleted":
            there, away = _("there"), _("in the bin")
            before, after = (there, away) if new else (away, there)
            return Step(key, _("The customer"), before, after, cell)
        field = self._fields.get(key)
        if key in self._secret:
            both = (DOTS if old else "", DOTS if new else "")
            return Step(key, self.labels.get(key, key), *both, cell, is_secret=True)
        before, after = (shown_json(plain, field) for plain in (old, new))
        is_open, links = self._is_open(key, old, field), [_links(plain, field) for plain in (old, new)]
        return Step(key, self.labels.get(key, key), before, after, cell, False, is_open, *links)

    def _is_open(self, key: str, old: object, field: Field | None) -> bool:
        if field is None or key not in self._open:
            return False
        if old is not None and read_json(old, field) is None:
            return False
        now = self._now.get(key)
        return old != (None if now is None else FIELD_TYPES[field.type].to_json(now))
