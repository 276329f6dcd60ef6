"""The fields of a customer as of now: built in and additional, one list for form, list, export and import."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from flask import g, has_request_context
from flask_babel import gettext as _
from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.orm import InstrumentedAttribute

from panel.entities import CUSTOMER, ENTITIES, PLAN, SERVICE, Entity
from panel.models import AdditionalField, Customer, Location, Partner, Plan, SchemaVersion, Status
from sync.columns import NEW_FIELD
from sync.errors import UnknownField, UnseenField, WithheldField
from sync.fields import Bad, Field, Former, Option
from sync.types import FIELD_TYPES
from sync.types.choices import CUSTOMER as TO_CUSTOMER
from sync.values import parse_value
from sync.words import later

ENTITY = CUSTOMER.key
BUILT_IN = CUSTOMER.fields
_LISTED: dict[str, type[Partner | Location]] = {"partner": Partner, "location": Location}
TARGETS = (TO_CUSTOMER, *_LISTED)
"""What a relation may point to."""
HELP = {TO_CUSTOMER: later("A customer: # and the ID, as in #1042, or the login.")}
"""How to write a value, by what it points to."""
RESERVED_KEYS = CUSTOMER.keys | {"id", "deleted", "action", "csrf_token", *Customer.__table__.columns.keys()}


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an additional field is shown: everything about it that is no rule for its values."""

    add: bool
    show_in_list: bool
    searchable: bool
    disabled: bool
    hidden: bool
    made_from: str


@dataclass(frozen=True, slots=True)
class Schema:
    """One consistent view of the fields and their options; immutable, so that threads may share it.

    `unseen` are the fields that somebody's rights took out of `fields` (`panel.rights`).
    """

    version: int
    fields: tuple[Field, ...]
    placements: Mapping[str, Placement]
    unseen: tuple[Field, ...] = ()
    entity: Entity = CUSTOMER

    @property
    def additional(self) -> tuple[Field, ...]:
        """Return the additional fields that are in use, in their order."""
        return tuple(field for field in self.fields if field.additional)

    @property
    def on_workbooks(self) -> tuple[Field, ...]:
        """Return the fields that an export takes unless told otherwise: not those that few records have values of."""
        return tuple(field for field in self.exported if not field.part)

    @property
    def exported(self) -> tuple[Field, ...]:
        """Return the fields that an export may take: all but secrets, disabled and hidden ones."""
        return tuple(field for field in self.fields if not (self._is_withheld(field) or FIELD_TYPES[field.type].secret))

    def _is_withheld(self, field: Field) -> bool:
        placement = self.placements.get(field.key)
        return placement is not None and (placement.disabled or placement.hidden)

    def exchanged(self, name: str) -> Field:
        """Return the field that a workbook's header means.

        Raises `UnseenField` for one that the viewer may not see, `WithheldField` for one kept out of workbooks.
        """
        unseen = _named(name, self.unseen)
        if unseen is not None and _named(name, self.fields) is None:
            raise UnseenField(unseen.label)
        field = self.field(name)
        if self._is_withheld(field):
            raise WithheldField(field.label)
        return field

    def made_from(self, header: str, target: str) -> str:
        """Return where a column goes: to the field that an earlier import made of its header, where it made one."""
        wanted = header.strip().casefold()
        made = (key for key, placement in self.placements.items() if placement.made_from == wanted)
        return next(made, target) if target == NEW_FIELD else target

    def field(self, name: str) -> Field:
        """Return the field with this key or label; both are compared without case."""
        field = _named(name, self.fields)
        if field is not None:
            return field
        keys = ", ".join(one.key for one in self.fields)
        raise UnknownField(_("There is no field %(name)s. The fields are: %(keys)s.", name=repr(name), keys=keys))


def _named(name: str, fields: Sequence[Field]) -> Field | None:
    wanted = name.strip().casefold()
    for attribute in ("key", "label"):
        for field in fields:
            if getattr(field, attribute).casefold() == wanted:
                return field
    return None


_cache: dict[tuple[str, str], Schema] = {}


def current_schema(connection: Connection, entity: Entity = CUSTOMER) -> Schema:
    """Return an entity's schema of this moment: read once a request, and from memory while its version stands."""
    known: dict[str, Schema] = g.setdefault("schemas", {}) if has_request_context() else {}
    if entity.key not in known:
        known[entity.key] = _read_if_newer(connection, entity)
    return known[entity.key]


def forget_schema() -> None:
    """Let this request read the schema anew, after it changed it."""
    if has_request_context():
        g.pop("schemas", None)


def _read_if_newer(connection: Connection, entity: Entity) -> Schema:
    wanted = select(SchemaVersion.version).where(SchemaVersion.entity == entity.key)
    version = connection.execute(wanted).scalar_one()
    place = connection.engine.url.render_as_string(hide_password=False), entity.key
    cached = _cache.get(place)
    if cached is None or cached.version != version:
        cached = _cache[place] = _READERS[entity.key](connection, version, entity)
    return cached


def _read(connection: Connection, version: int, entity: Entity) -> Schema:
    in_use = select(Status.id, Status.label).where(Status.merged_into.is_(None))
    statuses = connection.execute(in_use.order_by(Status.position, Status.id))
    options = {target: target_options(connection, target) for target in _LISTED}
    options["status"] = _unique_labels(tuple(row) for row in statuses)
    former = {"status": _former(connection, Status.label)}
    former |= {target: _former(connection, model.name) for target, model in _LISTED.items()}
    built_in = (
        replace(field, options=options.get(field.key, field.options), former=former.get(field.key, ()))
        for field in entity.fields
    )
    wanted = select(AdditionalField.__table__).where(AdditionalField.retired.is_(False))
    rows = connection.execute(wanted.order_by(AdditionalField.position, AdditionalField.id)).mappings().all()
    placements = {row["key"]: _placement(row) for row in rows}
    return Schema(version, (*built_in, *(_additional(row, options, former) for row in rows)), placements)


def _read_plain(_connection: Connection, version: int, entity: Entity) -> Schema:
    return Schema(version, entity.fields, {}, entity=entity)


def _read_services(connection: Connection, version: int, entity: Entity) -> Schema:
    table = Plan.__table__.c
    plans = connection.execute(select(table.id, table.name, table.deleted_at).order_by(table.name, table.id)).all()
    options = _unique_labels((row.id, row.name) for row in plans if row.deleted_at is None)
    fields = (replace(field, options=options) if field.key == PLAN.key else field for field in entity.fields)
    return Schema(version, tuple(fields), {}, entity=entity)


_READERS: dict[str, Callable[[Connection, int, Entity], Schema]] = {
    **dict.fromkeys(ENTITIES, _read_plain),
    CUSTOMER.key: _read,
    SERVICE.key: _read_services,
}
"""How the fields of each entity are read."""


def _former(connection: Connection, label: InstrumentedAttribute[str]) -> tuple[Former, ...]:
    """Return the statuses, partners or locations that were merged into others."""
    table = label.class_.__table__.c
    query = select(table.id, label, table.merged_into).where(table.merged_into.is_not(None))
    rows = connection.execute(query.order_by(table.id))
    return tuple(Former(key, label, now) for key, label, now in rows if now is not None)


def _unique_labels(pairs: Iterable[tuple[Any, ...]]) -> tuple[Option, ...]:
    named = list(pairs)
    counts: dict[str, int] = {}
    for _id, label in named:
        counts[label.casefold()] = counts.get(label.casefold(), 0) + 1
    return tuple(Option(id, label if counts[label.casefold()] == 1 else f"#{id} {label}") for id, label in named)


def _placement(row: RowMapping) -> Placement:
    return Placement(
        row["add"], row["show_in_list"], row["searchable"], row["disabled"], row["hidden"], row["made_from"]
    )


def target_options(connection: Connection, target: str) -> tuple[Option, ...]:
    """Return the records that a relation may point to, where they are few enough to list."""
    model = _LISTED.get(target)
    if model is None:
        return ()
    rows = connection.execute(select(model.id, model.name).where(model.merged_into.is_(None)).order_by(model.name))
    return _unique_labels(tuple(row) for row in rows)


def _additional(
    row: RowMapping, targets: Mapping[str, tuple[Option, ...]], former: Mapping[str, tuple[Former, ...]]
) -> Field:
    field = Field(
        key=row["key"],
        label=row["label"],
        type=row["type"],
        options=targets.get(row["target"]) or tuple(Option(key, label) for key, label in row["options"] or ()),
        required=row["required"],
        unique=row["is_unique"] and not FIELD_TYPES[row["type"]].secret,
        read_only=row["read_only"],
        additional=True,
        min=_plain_bound(row["min"]),
        max=_plain_bound(row["max"]),
        scale=row["scale"],
        category=row["category"],
        target=FIELD_TYPES[row["type"]].target or row["target"],
        former=former.get(row["target"]) or tuple(Former(*one) for one in row["former_options"] or ()),
        help=str(HELP.get(row["target"], "")),
    )
    default = parse_value(row["default"], field)
    return field if isinstance(default, Bad) else replace(field, default=default)


def _plain_bound(stored: Decimal | None) -> Decimal | None:
    # The column keeps six places; messages shall say "at most 3".
    return None if stored is None else Decimal(f"{stored.normalize():f}")


def column_of(key: str) -> str:
    """Return the name of a built-in field's column of customers."""
    return CUSTOMER.column_name(key)
