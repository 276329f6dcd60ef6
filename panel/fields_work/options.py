"""Taking options of a field away: where the customers who have them go, with a revision each, and back again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from sqlalchemy import ColumnElement, Connection, func, or_, select

from panel.authors import Author
from panel.extensions import db
from panel.fields_work.rewriting import do_or_enqueue, rewrite
from panel.forms.expressions import AdditionalValue, has_member
from panel.forms.registry import settings_of
from panel.jobs import Work, kind
from panel.models import AdditionalField, Customer, Job
from panel.schema import Schema, current_schema, forget_schema
from sync.errors import SyncError
from sync.fields import Option
from sync.types import FIELD_TYPES

CLEARED = "clear"
"""What a form sends for customers who are to have none of the options; one that they move to begins with `TO`."""
TO = "to:"
KIND = "move_options"


@dataclass(frozen=True, slots=True)
class Gone:
    """An option that is taken away although customers have it."""

    key: str
    label: str
    customers: int
    url: str


def gone_options(connection: Connection, field: AdditionalField, wanted: Sequence[Sequence[str]]) -> list[Gone]:
    """Return the options of a field that are not among those wanted, and that customers have, those in the bin too."""
    stay = {key for key, _label in wanted}
    found = [Gone(key, label, _number(connection, field, key), "") for key, label in field.options if key not in stay]
    return [replace(one, url=_url(field, one.key)) for one in found if one.customers]


def _number(connection: Connection, field: AdditionalField, key: str) -> int:
    query = select(func.count()).select_from(Customer).where(_has(field.key, field.type, key))
    return connection.execute(query).scalar_one()


def _has(field_key: str, type_key: str, option: str) -> ColumnElement[bool]:
    value = AdditionalValue(field_key, "text")
    return has_member(value, option) if FIELD_TYPES[type_key].many else value == option


def _url(field: AdditionalField, option: str) -> str:
    condition = "has" if FIELD_TYPES[field.type].many else "is"
    conditions: dict[str, Any] = {f"flt_{field.key}_{condition}": option}
    return url_for("customers.index_view", **conditions)


def moves_of(
    gone: Sequence[Gone], wanted: Sequence[Sequence[str]], sent: Mapping[str, str], *, required: bool
) -> dict[str, str | None] | None:
    """Return where each option's customers go by what a form sent, or None where that is not said of all of them."""
    stay = {key for key, _label in wanted}
    moves: dict[str, str | None] = {}
    for one in gone:
        answer = sent.get(one.key, "")
        if answer.removeprefix(TO) in stay and answer.startswith(TO):
            moves[one.key] = answer.removeprefix(TO)
        elif answer == CLEARED and not required:
            moves[one.key] = None
    return moves if len(moves) == len(gone) else None


def start_moving(field: AdditionalField, gone: Sequence[Gone], moves: Mapping[str, str | None], author: Author) -> Job:
    """Have the customers moved and the options taken away, in the caller's transaction: at once where they are few."""
    labels = {one.key: one.label for one in gone}
    field.options = [*field.options, *([one.key, one.label] for one in gone)]
    db.session.flush()
    options = {"field": field.key, "moves": dict(moves), "labels": labels}
    return do_or_enqueue(KIND, options, sum(one.customers for one in gone), author, _move)


def _told(result: Mapping[str, Any]) -> list[str]:
    moved = int(result.get("changed", 0))
    return [ngettext("%(num)d customer was changed.", "%(num)d customers were changed.", moved)]


def schema_before(schema: Schema, job: Job) -> Schema:
    """Return a schema as undoing this job makes it: the options are there again."""

    def before(options: Sequence[Option]) -> tuple[Option, ...]:
        there = [[str(one.key), one.label] for one in options]
        return tuple(Option(key, label) for key, label in _put_back(there, job))

    gone = job.options["moves"]
    return replace(
        schema,
        fields=tuple(
            replace(one, options=before(one.options), former=tuple(old for old in one.former if old.key not in gone))
            if one.key == job.options["field"]
            else one
            for one in schema.fields
        ),
    )


def revert(job: Job) -> None:
    """Give a field the options back that a job took away, in the caller's transaction."""
    field = _field(job.options["field"])
    if field.retired or "options" not in settings_of(field.type):
        raise SyncError(_("The field is retired, or of another type by now. Its options cannot come back."))
    field.options = _put_back(field.options, job)
    field.former_options = [one for one in field.former_options if one[0] not in job.options["moves"]]
    db.session.flush()
    forget_schema()


def _put_back(options: Sequence[Sequence[str]], job: Job) -> list[list[str]]:
    there = {key for key, _label in options}
    back = ([key, label] for key, label in job.options["labels"].items() if key not in there)
    return [*(list(one) for one in options), *back]


@kind(
    KIND,
    permission="config",
    label=lazy_gettext("Take options away"),
    undoable=True,
    tell=_told,
    schema_before=schema_before,
    revert=revert,
)
def _run(work: Work) -> None:
    with work.writing():
        work.finish(_move(work.options, work.author, work))


def _move(options: Mapping[str, Any], author: Author, work: Work | None) -> dict[str, Any]:
    connection, key, moves = db.session.connection(), str(options["field"]), options["moves"]
    field = _field(key)
    kept = [one for one in field.options if one[0] not in moves]
    if {one for one in moves.values() if one is not None} - {one[0] for one in kept}:
        raise SyncError(_("An option that customers were to move to is not there any more. Nothing was written."))
    forget_schema()
    why = _("Options of %(field)s were taken away.", field=field.label)
    changed = rewrite(
        connection,
        current_schema(connection),
        key,
        lambda plain: _moved(plain, moves),
        replace(author, reason=str(why)),
        where=[or_(*(_has(key, field.type, one) for one in moves))],
        work=work,
    )
    field.options, field.former_options = kept, [*_former(field, moves, options["labels"])]
    db.session.flush()
    forget_schema()
    return {"changed": changed}


def _moved(plain: Any, moves: Mapping[str, str | None]) -> Any:
    if not isinstance(plain, list):
        return moves.get(plain, plain)
    members = (moves.get(one, one) for one in plain)
    return list(dict.fromkeys(one for one in members if one is not None)) or None


def _former(field: AdditionalField, moves: Mapping[str, str | None], labels: Mapping[str, str]) -> Iterator[list[str]]:
    """Yield what workbooks that are out may still say, and the option that each means by now."""
    for one in (*field.former_options, *([key, labels[key], key] for key in moves)):
        meaning = moves.get(one[2], one[2])
        if meaning is not None:
            yield [one[0], one[1], meaning]


def _field(key: str) -> AdditionalField:
    found = db.session.scalars(select(AdditionalField).where(AdditionalField.key == key)).one_or_none()
    if found is None:
        raise SyncError(_("The field is not there any more."))
    return found
