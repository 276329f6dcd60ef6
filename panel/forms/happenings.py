"""Events of the audit in words: what somebody did, and what changed from what to what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from panel.exporting import conditions_shown
from panel.models import Event
from panel.permissions import GROUPS
from panel.schema import Schema
from sync.types import FIELD_TYPES
from sync.words import say

WORDS = {
    "sign-in": lazy_gettext("Signed in"),
    "sign-out": lazy_gettext("Signed out"),
    "failed sign-in": lazy_gettext("Failed to sign in"),
    "failed confirmation": lazy_gettext("Failed to confirm who it is"),
    "password change": lazy_gettext("Changed the own password"),
    "password reset": lazy_gettext("Reset a user's password"),
    "reset started": lazy_gettext("Asked for a new password"),
    "reset finished": lazy_gettext("Set a new password by a link"),
    "second factor on": lazy_gettext("Turned the second factor on"),
    "second factor off": lazy_gettext("Turned the second factor off"),
    "recovery codes made": lazy_gettext("Made recovery codes"),
    "recovery code used": lazy_gettext("Used a recovery code"),
    "session ended": lazy_gettext("Ended sessions"),
    "refused": lazy_gettext("Was refused a page"),
    "export": lazy_gettext("Exported"),
    "export downloaded": lazy_gettext("Downloaded an export"),
    "export closed": lazy_gettext("Said that a workbook is not out any more"),
    "export reopened": lazy_gettext("Said that a workbook is out after all"),
    "import": lazy_gettext("Applied an import"),
    "review": lazy_gettext("Took a review of an import"),
    "import undone": lazy_gettext("Undid an import"),
    "reveal": lazy_gettext("Looked at a password"),
    "erasure": lazy_gettext("Erased a customer for good"),
    "user added": lazy_gettext("Added a user"),
    "user changed": lazy_gettext("Changed a user"),
    "user deleted": lazy_gettext("Deleted a user"),
    "role added": lazy_gettext("Added a role"),
    "role changed": lazy_gettext("Changed a role"),
    "role deleted": lazy_gettext("Deleted a role"),
    "status added": lazy_gettext("Added a status"),
    "status changed": lazy_gettext("Changed a status"),
    "status deleted": lazy_gettext("Deleted a status"),
    "status merged": lazy_gettext("Merged a status into another"),
    "partner merged": lazy_gettext("Merged a partner into another"),
    "location merged": lazy_gettext("Merged a location into another"),
    "partner added": lazy_gettext("Added a partner"),
    "partner changed": lazy_gettext("Changed a partner"),
    "partner deleted": lazy_gettext("Deleted a partner"),
    "location added": lazy_gettext("Added a location"),
    "location changed": lazy_gettext("Changed a location"),
    "location deleted": lazy_gettext("Deleted a location"),
    "field added": lazy_gettext("Added an additional field"),
    "field changed": lazy_gettext("Changed an additional field"),
    "field deleted": lazy_gettext("Deleted an additional field"),
    "keys rotated": lazy_gettext("Encrypted all secrets with a new key"),
    "old keys removed": lazy_gettext("Removed old keys"),
    "token added": lazy_gettext("Added an API token"),
    "token changed": lazy_gettext("Revoked an API token"),
    "failed token": lazy_gettext("Showed an API token that is not good"),
    "statement exported": lazy_gettext("Exported a statement"),
    "billing changed": lazy_gettext("Changed the rules of billing"),
    "generator changed": lazy_gettext("Changed the generator"),
}
_LABELS = {
    "address": lazy_gettext("From"),
    "fields": lazy_gettext("Fields"),
    "filters": lazy_gettext("Only"),
    "partner_id": lazy_gettext("Partner"),
    "is_default": lazy_gettext("Default"),
    "is_unique": lazy_gettext("Unique"),
    "field_rights": lazy_gettext("Fields"),
    "name": lazy_gettext("Name"),
    "label": lazy_gettext("Label"),
    "description": lazy_gettext("Description"),
    "email": lazy_gettext("Email"),
    "active": lazy_gettext("Active"),
    "roles": lazy_gettext("Roles"),
    "permissions": lazy_gettext("Permissions"),
    "needs_two_factor": lazy_gettext("Needs two factor"),
    "services": lazy_gettext("Services"),
    "accounted": lazy_gettext("Accounted"),
    "deletable": lazy_gettext("Deletable"),
    "colour": lazy_gettext("Colour"),
    "position": lazy_gettext("Position"),
    "merged_into": lazy_gettext("Merged into"),
    "key": lazy_gettext("Key"),
    "type": lazy_gettext("Type"),
    "category": lazy_gettext("Category"),
    "options": lazy_gettext("Options"),
    "default": lazy_gettext("Default"),
    "min": lazy_gettext("Min"),
    "max": lazy_gettext("Max"),
    "scale": lazy_gettext("Scale"),
    "required": lazy_gettext("Required"),
    "add": lazy_gettext("Add"),
    "show_in_list": lazy_gettext("Show in list"),
    "searchable": lazy_gettext("Searchable"),
    "read_only": lazy_gettext("Read only"),
    "disabled": lazy_gettext("Disabled"),
    "hidden": lazy_gettext("Hidden"),
    "retired": lazy_gettext("Retired"),
    "made_from": lazy_gettext("Made from"),
    "target": lazy_gettext("Target"),
    "login_change_on_add": lazy_gettext("Login change on add"),
    "login_change_on_edit": lazy_gettext("Login change on edit"),
    "login_characters": lazy_gettext("Login characters"),
    "login_pattern": lazy_gettext("Login pattern"),
    "show_generate": lazy_gettext("Show generate"),
    "password_characters": lazy_gettext("Password characters"),
    "password_length": lazy_gettext("Password length"),
    "default_billing_type": lazy_gettext("Default billing type"),
    "clear_characters": lazy_gettext("Clear characters"),
    "billing_day": lazy_gettext("Billing day"),
    "payment_due": lazy_gettext("Payment due"),
    "blocking_period": lazy_gettext("Blocking period"),
    "grace_period": lazy_gettext("Grace period"),
    "minimum_balance": lazy_gettext("Minimum balance"),
    "blocks_on_weekends": lazy_gettext("Block on weekends"),
    "blocks_on_holidays": lazy_gettext("Block on holidays"),
    "holidays": lazy_gettext("Holidays of"),
    "blocked_status_id": lazy_gettext("Status of the blocked"),
    "inactive_status_id": lazy_gettext("Status after the grace period"),
    "sessions": lazy_gettext("Sessions"),
    "left": lazy_gettext("Left"),
    "with_code": lazy_gettext("With code"),
    "by_mail": lazy_gettext("By mail"),
    "path": lazy_gettext("Path"),
    "method": lazy_gettext("Method"),
    "file": lazy_gettext("File"),
    "rows": lazy_gettext("Rows"),
    "export": lazy_gettext("Export"),
    "import": lazy_gettext("Import"),
    "created": lazy_gettext("Created"),
    "updated": lazy_gettext("Updated"),
    "deleted": lazy_gettext("Deleted"),
    "undone": lazy_gettext("Undone"),
    "digest": lazy_gettext("Digest"),
    "new_fields": lazy_gettext("New fields"),
    "kept": lazy_gettext("Kept"),
    "field": lazy_gettext("Field"),
    "customer": lazy_gettext("Customer"),
    "format": lazy_gettext("Format"),
    "user": lazy_gettext("User"),
    "retired_at": lazy_gettext("Retired at"),
    "revoked_at": lazy_gettext("Revoked at"),
    "passwords": lazy_gettext("May ask for passwords"),
    "token": lazy_gettext("API token"),
    "through": lazy_gettext("Through"),
}
# Numbers of what is named beside them.
_NUMBERS = frozenset({"role", "status", "partner", "location", "generator", "billing"})
_RIGHTS = {"edit": lazy_gettext("edit"), "see": lazy_gettext("see"), "none": lazy_gettext("not shown")}


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing about an event; a change has an old side."""

    label: str
    new: str
    old: str | None = None

    def __str__(self) -> str:
        return f"{self.label}: {self.new}" if self.old is None else f"{self.label}: {self.old} → {self.new}"


def words_of(name: str) -> str:
    """Return what somebody did; one that has no words yet is called as it is recorded."""
    return str(WORDS.get(name, name[:1].upper() + name[1:]))


def details_of(event: Event, schema: Schema) -> Iterator[Detail]:
    """Yield what is recorded of an event, without what the schema's viewer may not see."""
    labels = {field.key: field.name for field in schema.fields}
    unseen = {field.key for field in schema.unseen}
    detail = event.detail or {}
    for name, value in detail.items():
        if name == "changes":
            yield from _changes(value, labels, is_new=event.name.endswith(" added"))
        elif name == "fields":
            keys = (key for key in value if key not in unseen)
            yield Detail(_label(name), ", ".join(labels.get(key, key) for key in keys))
        elif name == "filters":
            shown = conditions_shown(value, schema)
            yield from ([Detail(_label(name), ", ".join(shown))] if shown else ())
        elif _is_said(name, value, detail):
            yield Detail(_label(name), _plain(labels.get(value, value) if name == "field" else value))


def _is_said(name: str, value: Any, detail: Mapping[str, Any]) -> bool:
    """Tell whether a detail is worth words: neither blank, nor a number of what is named, nor said by the changes."""
    is_number = name in _NUMBERS or ("changes" in detail and isinstance(value, int))
    is_repeated = name == "name" and value in _named_by(detail)
    return not (is_number or is_repeated or value in (None, "", [], {}))


def _named_by(detail: Mapping[str, Any]) -> list[Any]:
    """Return the new names among an event's changes."""
    changes = detail.get("changes", {})
    return [changes[key][1] for key in ("name", "label", "email") if key in changes]


def _changes(changes: Mapping[str, Sequence[Any]], labels: Mapping[str, str], *, is_new: bool) -> Iterator[Detail]:
    for name, (old, new) in changes.items():
        if name == "field_rights":
            for key in sorted({*(old or {}), *(new or {})}):
                sides = [str(_RIGHTS[(one or {}).get(key, "edit")]) for one in (old, new)]
                if sides[0] != sides[1]:
                    yield Detail(labels.get(key, _("a field")), sides[1], sides[0])
        elif name == "type":
            sides = [say(FIELD_TYPES[one].label) if one in FIELD_TYPES else "" for one in (old, new)]
            yield Detail(_label(name), sides[1], None if is_new else sides[0])
        elif name == "permissions":
            yield from _permissions(set(old or ()), set(new or ()))
        else:
            yield Detail(_label(name), _plain(new) or _("blank"), None if is_new else _plain(old) or _("blank"))


def _permissions(old: set[str], new: set[str]) -> Iterator[Detail]:
    words = {one.name: f"{group}: {one.label}" for group, some in GROUPS for one in some}
    for label, names in ((_("Allowed"), new - old), (_("No longer allowed"), old - new)):
        if names:
            yield Detail(label, ", ".join(words.get(name, name) for name in words if name in names))


def _label(name: str) -> str:
    return str(_LABELS.get(name) or name.replace("_", " ").capitalize())


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(_("Yes") if value else _("No"))
    if isinstance(value, list):
        return ", ".join(_plain(one[-1] if isinstance(one, list) and one else one) for one in value)
    return "" if value is None else str(value)
