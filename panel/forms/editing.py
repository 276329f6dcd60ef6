"""Saving a form that may be older than its record: merged field by field, and nothing overwritten unseen."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select
from wtforms.form import BaseForm

from panel.changelog import value_then
from panel.entities import CUSTOMER, Entity
from panel.forms.controls import Note, ValueInput
from panel.forms.customer import applies
from panel.forms.showing import moment, shown
from panel.models import Revision
from sync.fields import Bad, Field
from sync.merge import Merged, Outcome, Versions, merge, merge_sets
from sync.records import Change, Record
from sync.types import FIELD_TYPES
from sync.values import check_required, parse_value

_DOTS = "•••"
_WRITTEN = frozenset({Outcome.WORKBOOK, Outcome.MERGED})


@dataclass(slots=True)
class Meanwhile:
    """The values that a form was opened with, and who changed which field since."""

    base: Mapping[str, Any]
    changed_by: dict[str, str] = field(default_factory=dict)


def since(
    connection: Connection, record: Record, fields: Sequence[Field], opened_at: int, entity: Entity = CUSTOMER
) -> Meanwhile:
    """Return what the record was when the form was opened, from the change log."""
    columns = (Revision.number, Revision.stamp, Revision.changes, Revision.by, Revision.at)
    newer = (Revision.entity == entity.key, Revision.record_id == record.id, Revision.number > opened_at)
    rows = connection.execute(select(*columns).where(*newer).order_by(Revision.number)).all()
    keys = {one.key for one in fields}
    authors = {key: f"{row.by}, {moment(row.at)}" for row in rows for key in row.changes if key in keys}
    plain = [one for one in fields if not FIELD_TYPES[one.type].secret]
    base = value_then(record, [Change(row.number, row.stamp, row.changes) for row in rows], plain)
    return Meanwhile(base, authors)


def merge_form(form: BaseForm, now: Mapping[str, Any], meanwhile: Meanwhile) -> dict[str, Any]:
    """Return the values to write; problems and conflicts are noted beside their inputs, which then show the merge."""
    written: dict[str, Any] = {}
    yours = _touched_of_a_category(form, meanwhile)
    for control in _open_inputs(form):
        key = control.field.key
        versions = Versions(meanwhile.base.get(key), _panel(control, now, meanwhile), _yours(control, meanwhile))
        merged = _merged(control, versions)
        if merged.outcome in _WRITTEN:
            written[key] = merged.value
        if merged.outcome is Outcome.CONFLICT:
            control.note = _note(control, versions, meanwhile.changed_by.get(key, ""))
        elif not control.errors and not FIELD_TYPES[control.field.type].secret:
            control.process_data(merged.value)
    _keep_category(form, now, meanwhile, yours)
    return written


def kept_of(
    fields: Sequence[Field], now: Mapping[str, Any], meanwhile: Meanwhile, decided: Container[str]
) -> dict[str, list[str]]:
    """Return the labels of what others changed meanwhile and the form has nothing to decide of, by who and when."""
    kept: dict[str, list[str]] = {}
    for one in fields:
        is_secret = FIELD_TYPES[one.type].secret
        differs = is_secret or now.get(one.key) != meanwhile.base.get(one.key)
        if one.key in meanwhile.changed_by and one.key not in decided and differs:
            kept.setdefault(meanwhile.changed_by[one.key], []).append(one.name)
    return kept


def _touched_of_a_category(form: BaseForm, meanwhile: Meanwhile) -> list[ValueInput]:
    """Return the inputs that a person changed and that not every customer has."""
    mine = (one for one in _open_inputs(form) if one.field.category != "all")
    return [one for one in mine if one.touched(meanwhile.base.get(one.field.key))]


def _keep_category(form: BaseForm, now: Mapping[str, Any], meanwhile: Meanwhile, yours: Sequence[ValueInput]) -> None:
    """Make the category a conflict where somebody changed it meanwhile, and so would drop what this form says."""
    dropped = next((one.field for one in yours if not applies(one.field, form)), None)
    if dropped is None:
        return
    control = form["category"]
    control.process_data(dropped.category)
    versions = Versions(meanwhile.base.get("category"), now.get("category"), dropped.category)
    control.note = _note(control, versions, meanwhile.changed_by.get("category", ""))


def conflicts_of(form: BaseForm) -> list[ValueInput]:
    """Return the inputs that a person has to decide."""
    return [control for control in form if control.note]


def _open_inputs(form: BaseForm) -> Iterator[ValueInput]:
    return (control for control in form if not control.locked and applies(control.field, form))


def _panel(control: ValueInput, now: Mapping[str, Any], meanwhile: Meanwhile) -> Any:
    # Nobody is told a secret, but that it changed is known.
    key, is_secret = control.field.key, FIELD_TYPES[control.field.type].secret
    return _DOTS if is_secret and key in meanwhile.changed_by else now.get(key)


def _yours(control: ValueInput, meanwhile: Meanwhile) -> Any:
    base = meanwhile.base.get(control.field.key)
    return control.parsed() if control.touched(base) else base


def _merged(control: ValueInput, versions: Versions) -> Merged:
    yours, field_type = versions.workbook, FIELD_TYPES[control.field.type]
    if isinstance(yours, Bad):
        control.errors = control.refusals(yours)
        return Merged(Outcome.UNCHANGED if versions.panel == versions.base else Outcome.CONFLICT, versions.panel)
    merged = merge_sets(versions) if field_type.many else merge(versions)
    if merged.outcome in _WRITTEN and (problem := _problem(merged, control.field)):
        control.errors = [problem]
    return merged


def _problem(merged: Merged, field: Field) -> str | None:
    if merged.outcome is Outcome.MERGED:
        again = parse_value(shown(merged.value, field), field)
        return again.message if isinstance(again, Bad) else None
    return check_required(merged.value, field)


def _note(control: ValueInput, versions: Versions, changed_by: str) -> Note:
    if FIELD_TYPES[control.field.type].secret:
        return Note(_DOTS, _DOTS, _DOTS, changed_by, take="")
    base, panel = (control.words(value) for value in (versions.base, versions.panel))
    return Note(base, panel, control.typed, changed_by, take=control.taken(versions.panel))
