"""Who may see or edit which field: the widest right of a user's roles, and what it leaves of the schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask_login import current_user

from panel.entities import BILLING, CUSTOMER, Entity
from panel.extensions import db
from panel.models import User
from panel.permissions import ADMIN
from panel.relations import Reach
from panel.schema import Schema, current_schema

EDIT, SEE, NONE = "edit", "see", "none"
_FROM_NARROW_TO_WIDE = (NONE, SEE, EDIT)


@dataclass(frozen=True, slots=True)
class FieldRights:
    """The keys of the fields that somebody may not edit: those that are `seen`, and those that are `unseen`."""

    seen: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()

    def of(self, key: str) -> str:
        """Return the right for one field."""
        return NONE if key in self.unseen else SEE if key in self.seen else EDIT

    def both(self, other: FieldRights) -> FieldRights:
        """Return what is left where the rights of two people count."""
        unseen = self.unseen | other.unseen
        return FieldRights((self.seen | other.seen) - unseen, unseen)

    def on(self, entity: Entity) -> FieldRights:
        """Return the rights for an entity's fields: roles narrow those of customers only."""
        return self if entity is CUSTOMER else EVERY_FIELD

    def narrow(self, schema: Schema) -> Schema:
        """Return a schema without the unseen fields, the others that may not be edited for reading only."""
        if schema.entity is not CUSTOMER or not (self.seen or self.unseen):
            return schema
        kept = (field for field in schema.fields if field.key not in self.unseen)
        return replace(
            schema,
            fields=tuple(replace(field, read_only=True) if field.key in self.seen else field for field in kept),
            unseen=tuple(field for field in schema.fields if field.key in self.unseen),
        )


EVERY_FIELD = FieldRights()
_BILLED = frozenset(field.key for field in CUSTOMER.fields if field.part == BILLING)


def rights_of(user: User) -> FieldRights:
    """Return a user's rights; for each field the widest of the user's roles, where they show the billing at all."""
    return as_billing_allows(widest(role.field_rights or {} for role in user.roles), is_seen=user.may("billing.view"))


def as_billing_allows(rights: FieldRights, *, is_seen: bool) -> FieldRights:
    """Return rights without any to what a customer owes and is billed by, unless the billing is seen."""
    return rights if is_seen else FieldRights(rights.seen - _BILLED, rights.unseen | _BILLED)


def lacks_of(user: User) -> frozenset[str]:
    """Return the permissions that a user does not have."""
    return frozenset(ADMIN) - user.permissions


def widest(granted: Iterable[Mapping[str, str]]) -> FieldRights:
    """Return what several roles allow together: each maps a field's key to its right, where less than edit."""
    maps = list(granted)
    keys = {key for one in maps for key in one}
    rights = {key: max((one.get(key, EDIT) for one in maps), key=_FROM_NARROW_TO_WIDE.index) for key in keys}
    return FieldRights(*(frozenset(key for key in keys if rights[key] == right) for right in (SEE, NONE)))


def schema_for(user: User) -> Schema:
    """Return the fields of this moment as a user may see and edit them."""
    return rights_of(user).narrow(current_schema(db.session.connection()))


def reach_of(user: User) -> Reach:
    """Return which customers a user may point to."""
    return Reach(user.partner_id, rights_of(user).unseen)


def the_schema() -> Schema:
    """Return the fields of this moment as the signed-in user may see and edit them."""
    return schema_for(current_user)


def name_of(record_id: int, values: Mapping[str, Any]) -> str:
    """Return what a customer is called on screen, of the values that the viewer sees: name, login or ID."""
    return str(values.get("full_name") or values.get("login") or f"#{record_id}")
