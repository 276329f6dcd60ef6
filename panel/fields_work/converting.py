"""Giving a field another type: a dry run says what converts and what would not, then every value is written anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from sqlalchemy import ColumnElement, Connection, and_, select

from panel.authors import Author
from panel.extensions import db
from panel.fields_work.rewriting import do_or_enqueue, rewrite
from panel.forms.expressions import AdditionalValue
from panel.forms.registry import in_words, settings_of
from panel.forms.uniqueness import claim_existing, release_all
from panel.jobs import Work, kind
from panel.models import AdditionalField, Customer, Job
from panel.schema import Schema, current_schema, forget_schema
from panel.structures import dropping, existing
from panel.views.customer_query import visible
from sync.errors import SyncError
from sync.fields import Bad, Field, Option
from sync.rows import convert
from sync.types import FIELD_TYPES
from sync.words import say

KIND = "change_type"
SAMPLES = 5
MOST_OPTIONS = 100
_FIXED = frozenset({"file", "relation", "multi_relation"})
_ROWS = 1_000


@dataclass(slots=True)
class DryRun:
    """What a change of type would do: how many values convert, and some; how many would not, and some with why."""

    field: Field
    wanted: Field
    converted: int = 0
    lost: int = 0
    samples: list[tuple[int, str, str]] = dataclasses.field(default_factory=list)
    problems: list[tuple[int, str, str]] = dataclasses.field(default_factory=list)

    def note(self, record_id: int, value: Any, made: Any, *, is_visible: bool) -> None:
        """Count one value and what it becomes."""
        text = in_words(value, self.field)
        if isinstance(made, Bad):
            self.lost += 1
            self.problems += [(record_id, text, made.message)] if is_visible and len(self.problems) < SAMPLES else []
        else:
            self.converted += 1
            words = in_words(made, self.wanted)
            self.samples += [(record_id, text, words)] if is_visible and len(self.samples) < SAMPLES else []


def types_for(type_key: str) -> dict[str, str]:
    """Return the types that a field of a type may get, by key with their labels; none for one that stays as it is."""
    if type_key in _FIXED or FIELD_TYPES[type_key].secret:
        return {}
    return {
        key: one.label
        for key, one in FIELD_TYPES.items()
        if one.additional and not one.secret and key not in _FIXED | {type_key}
    }


def dry_run(connection: Connection, key: str, to: str) -> DryRun:
    """Return what a change of type would do as of now; raise `SyncError` where there is no such change."""
    before = current_schema(connection).field(key)
    if to not in types_for(before.type):
        raise SyncError(_refusal(before, to))
    run = DryRun(before, _wanted(before, to, _options(connection, before) if "options" in settings_of(to) else ()))
    for record_id, value, is_visible in _values(connection, before):
        run.note(record_id, value, convert(value, before, run.wanted), is_visible=is_visible)
    return run


def _refusal(before: Field, to: str) -> str:
    if FIELD_TYPES[before.type].secret:
        return str(_("A password is never shown, so that it cannot become anything else."))
    if to in FIELD_TYPES and FIELD_TYPES[to].secret:
        return str(_("History would go on showing in the clear what it was. Add a new password field instead."))
    return str(_("%(label)s cannot get this type. Add a new field, and retire this one.", label=before.label))


def _wanted(before: Field, to: str, options: tuple[Option, ...]) -> Field:
    return Field(
        before.key,
        before.label,
        to,
        options,
        required=before.required,
        unique=before.unique and "is_unique" in settings_of(to),
        read_only=before.read_only,
        additional=True,
        category=before.category,
    )


def _options(connection: Connection, before: Field) -> tuple[Option, ...]:
    """Return an option for each text that a value has now."""
    if before.options:
        return before.options
    texts: dict[str, None] = {}
    for _id, value, _is_visible in _values(connection, before):
        texts[str(FIELD_TYPES[before.type].render(value, before))] = None
        if len(texts) > MOST_OPTIONS:
            raise SyncError(_("More than %(most)s different values are too many for options.", most=MOST_OPTIONS))
    folded = {text.casefold(): text for text in reversed(texts)}
    return tuple(Option(text[:200], text[:200]) for text in texts if folded[text.casefold()] == text)


def _filled(key: str) -> tuple[ColumnElement[bool], ...]:
    return (AdditionalValue(key, "text").is_not(None),)


def _values(connection: Connection, before: Field) -> Iterator[tuple[int, Any, bool]]:
    """Yield every customer's ID and value, and whether the signed-in user may see that customer."""
    table, from_json = Customer.__table__.c, FIELD_TYPES[before.type].from_json
    query = select(table.id, table.extra, and_(*visible())).where(table.erased_at.is_(None), *_filled(before.key))
    for record_id, extra, seen in connection.execute(query.order_by(table.id), execution_options={"yield_per": _ROWS}):
        yield record_id, from_json(extra[before.key]), bool(seen)


def start(key: str, to: str, author: Author, *, clear: bool) -> Job:
    """Have the type changed, in the caller's transaction; `clear` allows that what does not convert is cleared."""
    run = dry_run(db.session.connection(), key, to)
    options = [[one.key, one.label] for one in run.wanted.options]
    asked = {"field": key, "from": run.field.type, "to": to, "options": options, "clear": clear}
    return do_or_enqueue(KIND, asked, run.converted + run.lost, author, _change)


def _told(result: Mapping[str, Any]) -> list[str]:
    changed, cleared = int(result.get("changed", 0)), int(result.get("cleared", 0))
    said = [ngettext("%(num)d value was written anew.", "%(num)d values were written anew.", changed)]
    return said + ([ngettext("%(num)d was cleared.", "%(num)d were cleared.", cleared)] if cleared else [])


@kind(KIND, permission="config", label=lazy_gettext("Change the type of a field"), tell=_told)
def _run(work: Work) -> None:
    with work.writing():
        work.finish(_change(work.options, work.author, work))


def _change(options: Mapping[str, Any], author: Author, work: Work | None) -> dict[str, Any]:
    connection = db.session.connection()
    schema = current_schema(connection)
    before = schema.field(str(options["field"]))
    if before.type != options["from"]:
        raise SyncError(_("%(label)s got another type meanwhile. Nothing was written.", label=before.label))
    wanted = _wanted(before, str(options["to"]), tuple(Option(*one) for one in options["options"]))
    cleared = [0]

    def become(plain: Any) -> Any:
        made = convert(FIELD_TYPES[before.type].from_json(plain), before, wanted)
        cleared[0] += isinstance(made, Bad)
        return None if made is None or isinstance(made, Bad) else FIELD_TYPES[wanted.type].to_json(made)

    _drop_structures(connection, before.key)
    # What only one customer may have is claimed anew at the end, of all values at once.
    release_all(connection, before.key)
    to_type = say(FIELD_TYPES[wanted.type].label)
    why = _("%(label)s became a field of the type %(type)s.", label=before.label, type=to_type)
    changed = rewrite(
        connection,
        _with(schema, replace(wanted, unique=False)),
        before.key,
        become,
        replace(author, reason=str(why)),
        where=_filled(before.key),
        work=work,
    )
    if cleared[0] and not options["clear"]:
        raise SyncError(_("Some values do not convert. Nothing was written: look at the preview again."))
    _redefine(connection, wanted)
    if wanted.unique:
        claim_existing(connection, wanted)
    return {"changed": changed, "cleared": cleared[0]}


def _with(schema: Schema, wanted: Field) -> Schema:
    return replace(schema, fields=tuple(wanted if one.key == wanted.key else one for one in schema.fields))


def _redefine(connection: Connection, wanted: Field) -> None:
    """Write the definition; the commit makes what lists need of it."""
    row = db.session.scalars(select(AdditionalField).where(AdditionalField.key == wanted.key)).one()
    row.type, row.target, row.former_options = wanted.type, "", []
    row.options = [[str(one.key), one.label] for one in wanted.options]
    row.min = row.max = row.scale = None
    settings = settings_of(wanted.type)
    row.is_unique = row.is_unique and "is_unique" in settings
    row.searchable = row.searchable and "searchable" in settings
    row.show_in_list = row.show_in_list and "show_in_list" in settings
    db.session.flush()
    forget_schema()
    if row.default and current_schema(connection).field(wanted.key).default is None:
        row.default = None


def _drop_structures(connection: Connection, key: str) -> None:
    """Drop what indexes the old type: it may not take the new values, or hold another kind under the same name."""
    for name in sorted(existing(connection)):
        if f"_{key}" in name:
            for statement in dropping(connection, name):
                connection.exec_driver_sql(statement)
