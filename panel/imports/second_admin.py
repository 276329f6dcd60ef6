"""Two admins for what is dangerous, where a setting asks for them: one types the numbers, another one applies."""

from __future__ import annotations

from flask import current_app
from sqlalchemy import Connection, RowMapping, update

from panel.imports.options import Viewer
from panel.imports.planned import Planned
from panel.models import Import
from sync.errors import StalePlan
from sync.types import FIELD_TYPES
from sync.words import later, say

SAME = later("You confirmed this yourself. Another admin has to look at it, and apply it.")
ASKED_OF_COMMANDS = later(
    "Two admins have to approve this, so no command applies it. Upload the file in the panel: one admin confirms it "
    "there, and another one applies it."
)
GUARDS, PASSWORDS = "guards", "passwords"
_YES = {"1", "true", "yes", "on", GUARDS}


def asked_for() -> frozenset[str]:
    """Return what two admins are needed for by the setting: nothing, `GUARDS`, `PASSWORDS` or both."""
    words = str(current_app.config["ROLLBOOK_SECOND_ADMIN"]).lower().replace(",", " ").split()
    return frozenset(GUARDS if word in _YES else word for word in words) & {GUARDS, PASSWORDS}


def needs_second(planned: Planned) -> bool:
    """Tell whether one admin is not enough for this plan."""
    asked = asked_for()
    return (GUARDS in asked and bool(planned.guards)) or (PASSWORDS in asked and _touches_passwords(planned))


def _touches_passwords(planned: Planned) -> bool:
    secret = {key for key, type_key in planned.types.items() if FIELD_TYPES[type_key].secret}
    in_new = (row.creates.values for row in planned.plan.creations if row.creates)
    return any(item.field in secret for item in planned.plan.changes) or any(secret & set(one) for one in in_new)


def is_confirmed(row: RowMapping, planned: Planned) -> bool:
    """Tell whether somebody confirmed exactly this plan."""
    return bool(row["confirmed_by"]) and row["confirmed_fingerprint"] == planned.fingerprint


def refuse_same(row: RowMapping, viewer: Viewer) -> None:
    """Refuse that one person does both. Raises `StalePlan`."""
    if viewer.user_id is None or row["confirmed_user_id"] == viewer.user_id:
        raise StalePlan(say(SAME))


def confirm_first(connection: Connection, import_id: int, planned: Planned, viewer: Viewer) -> None:
    """Record the first approval, of this plan and no other."""
    values = {
        "confirmed_by": viewer.name,
        "confirmed_user_id": viewer.user_id,
        "confirmed_fingerprint": planned.fingerprint,
    }
    connection.execute(update(Import).where(Import.id == import_id).values(**values))
