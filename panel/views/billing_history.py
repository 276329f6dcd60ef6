"""What happened to a customer's services or payments, in words, from the change log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from panel.entities import Entity
from panel.extensions import db
from panel.forms.registry import shown_json
from panel.models import Payment, Revision
from panel.schema import current_schema
from panel.views.history import Origin, Step, origins_of
from panel.words import day_in_words, money_in_words
from sync.fields import Field

SHOWN = 30


@dataclass(frozen=True, slots=True)
class PastLine:
    """One revision: ``added``, ``changed``, ``deleted`` or ``restored``, of what, and the fields with both values."""

    origin: Origin
    kind: str
    subject: str
    steps: Sequence[Step]
    reason: str


def past_of(customer_id: int, entity: Entity) -> list[PastLine]:
    """Return the newest revisions of a customer's services or payments, those in the bin included."""
    table = entity.table.c
    mine = select(table.id).where(table.customer_id == customer_id)
    where = (Revision.entity == entity.key, Revision.record_id.in_(mine))
    query = (
        select(Revision).where(*where).order_by(Revision.at.desc(), Revision.record_id.desc(), Revision.number.desc())
    )
    revisions = list(db.session.scalars(query.limit(SHOWN)))
    numbers = {one.record_id for one in revisions}
    records: Any = db.session.scalars(select(entity.model).where(table.id.in_(numbers)))
    subjects = {one.id: _subject(one) for one in records}
    fields = [field for field in current_schema(db.session.connection(), entity).fields if field.key != "customer"]
    return [_line(one, subjects[one.record_id], fields) for one in revisions]


def _subject(record: Any) -> str:
    if not isinstance(record, Payment):
        return str(record)
    amount, day = money_in_words(record.amount), day_in_words(record.day)
    return str(_("a payment of %(amount)s on %(day)s", amount=amount, day=day))


def _line(revision: Revision, subject: str, fields: Sequence[Field]) -> PastLine:
    origin = origins_of([revision])[revision.number]
    steps = list(_steps(revision.changes, fields))
    return PastLine(origin, _kind(revision), subject, steps, revision.reason or "")


def _kind(revision: Revision) -> str:
    if revision.number == 1:
        return "added"
    if "deleted" in revision.changes:
        return "deleted" if revision.changes["deleted"][1] else "restored"
    return "changed"


def _steps(changes: Mapping[str, Sequence[object]], fields: Sequence[Field]) -> Iterator[Step]:
    for field in fields:
        if field.key in changes:
            old, new = (shown_json(plain, field) for plain in changes[field.key])
            yield Step(field.key, field.name, old, new, "")
