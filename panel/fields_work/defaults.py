"""Giving a field's default value to all customers: looked at first, written with a revision each, taken back whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from sqlalchemy import ColumnElement, Connection, func, select

from panel.authors import Author
from panel.extensions import db
from panel.fields_work.rewriting import do_or_enqueue, rewrite
from panel.forms.expressions import AdditionalValue
from panel.forms.ordering import is_empty
from panel.forms.registry import ENTRIES, in_words
from panel.jobs import Work, kind
from panel.models import Customer, Job
from panel.schema import current_schema
from panel.views.customer_query import visible
from sync.errors import SyncError
from sync.fields import Field
from sync.types import FIELD_TYPES

KIND = "default_for_all"


@dataclass(frozen=True, slots=True)
class Plan:
    """What giving the default to all does: how many customers have no value, and how many have one."""

    field: Field
    blank: int
    filled: int

    @property
    def words(self) -> str:
        """Return the default as people read it."""
        return in_words(self.field.default, self.field)


def plan_default(connection: Connection, key: str) -> Plan:
    """Return what it would do as of now; raise `SyncError` where the field cannot have the same value for all."""
    field = _field(connection, key)
    value = AdditionalValue(field.key, ENTRIES[field.type].storage)
    total = _number(connection, _mine(field))
    blank = _number(connection, (*_mine(field), is_empty(value)))
    return Plan(field, blank, total - blank)


def _field(connection: Connection, key: str) -> Field:
    field = current_schema(connection).field(key)
    if field.default is None:
        raise SyncError(_("%(label)s has no default value. Give it one first.", label=field.label))
    if field.unique:
        raise SyncError(_("%(label)s is unique: only one customer can have its default value.", label=field.label))
    return field


def _mine(field: Field) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that leave the customers who get the default."""
    category = Customer.__table__.c.category
    return visible() if field.category == "all" else (*visible(), category == field.category)


def _number(connection: Connection, where: tuple[ColumnElement[bool], ...]) -> int:
    return int(connection.execute(select(func.count()).select_from(Customer).where(*where)).scalar_one())


def start(key: str, author: Author, *, overwrite: bool) -> Job:
    """Have the default given to those without a value, or to all, in the caller's transaction."""
    plan = plan_default(db.session.connection(), key)
    number = plan.blank + (plan.filled if overwrite else 0)
    if not number:
        raise SyncError(_("Nobody would get it: every customer has a value."))
    value = FIELD_TYPES[plan.field.type].to_json(plan.field.default)
    options = {"field": key, "value": value, "overwrite": overwrite}
    return do_or_enqueue(KIND, options, number, author, _give)


def _told(result: Mapping[str, Any]) -> list[str]:
    number = int(result.get("changed", 0))
    return [ngettext("%(num)d customer got the default value.", "%(num)d customers got the default value.", number)]


@kind(KIND, permission="config", label=lazy_gettext("Set default value for all"), undoable=True, tell=_told)
def _run(work: Work) -> None:
    with work.writing():
        work.finish(_give(work.options, work.author, work))


def _give(options: Mapping[str, Any], author: Author, work: Work | None) -> dict[str, Any]:
    connection, value = db.session.connection(), options["value"]
    field = _field(connection, str(options["field"]))
    if FIELD_TYPES[field.type].to_json(field.default) != value:
        raise SyncError(_("The default value of %(label)s was changed. Look at it again.", label=field.label))
    where = _mine(field)
    if not options["overwrite"]:
        where = (*where, is_empty(AdditionalValue(field.key, ENTRIES[field.type].storage)))
    why = str(_("The default value was set for all."))
    schema = current_schema(connection)
    changed = rewrite(
        connection, schema, field.key, lambda _old: value, replace(author, reason=why), where=where, work=work
    )
    return {"changed": changed}
