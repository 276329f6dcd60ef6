"""What happened lately: single edits, imports as a whole, each with a link."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select, text

from panel.access import may
from panel.database import TooSlow, within
from panel.extensions import db
from panel.forms.ordering import ByRow
from panel.models import Customer, Revision
from panel.models.log import ALONE, NO_CHARGE
from panel.schema import ENTITY, Schema
from panel.views.customer_query import WALK_SECONDS, name_column, visible
from panel.views.imports import recent

SHOWN = 8
_TABLE = Customer.__table__.c


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that somebody did: who, what in words, to whom, when."""

    at: dt.datetime
    by: str
    words: str
    subject: str
    url: str


def recent_deeds(schema: Schema) -> list[Deed]:
    """Return what was done lately to customers whom the signed-in user may see, the newest first."""
    deeds = [*_edits(schema), *(_imports() if may("import.upload") else ())]
    return sorted(deeds, key=lambda deed: _utc(deed.at), reverse=True)[:SHOWN]


def _utc(at: dt.datetime) -> dt.datetime:
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)  # SQLite forgets that it is UTC


def _edits(schema: Schema) -> Iterator[Deed]:
    """Yield what people changed lately one by one."""
    # By row, or SQLite goes through all revisions of the entity instead of the newest.
    mine = (ByRow(Revision.entity == ENTITY), Revision.record_id == _TABLE.id)
    query = select(Revision, name_column()).where(text(ALONE), text(f"revision.{NO_CHARGE}"), *mine, *visible())
    labels = {field.key: field.name for field in schema.fields}
    try:
        with within(db.session.connection(), WALK_SECONDS):
            rows = db.session.execute(query.order_by(Revision.at.desc()).limit(SHOWN)).all()
    except TooSlow:
        return  # all that is new is of customers whom the user may not see
    for revision, called in rows:
        words = _deed(revision, labels)
        if words:
            name = called or f"#{revision.record_id}"
            url = url_for("customers.details_view", id=revision.record_id)
            yield Deed(revision.at, revision.by, words, name, url)


def _deed(revision: Revision, labels: dict[str, str]) -> str:
    """Return what a revision did, in words; nothing where it only touched what the user may not see."""
    if revision.number == 1:
        return _("added")
    if "deleted" in revision.changes:
        return _("restored")
    seen = [labels[key] for key in labels if key in revision.changes]
    if len(seen) > 2:
        return ngettext("changed %(num)d field of", "changed %(num)d fields of", len(seen))
    return _("changed %(fields)s of", fields=_(" and ").join(seen)) if seen else ""


def _imports() -> Iterator[Deed]:
    for one in recent(SHOWN, "applied"):
        customers = sum((one.counts or {}).get(name, 0) for name in ("created", "updated", "deleted"))
        words = ngettext("imported %(num)d customer from", "imported %(num)d customers from", customers)
        url = url_for("imports.preview", number=one.id)
        yield Deed(one.applied_at or one.at, one.applied_by or one.by, words, one.file_name, url)
