"""What happened and changed no record, as events: who signed in, was refused, looked at a password."""

from __future__ import annotations

from typing import Any

from panel.extensions import db
from panel.models import Event, User


def record(name: str, actor: User | None = None, /, *, by: str = "", **detail: Any) -> None:
    """Add an event to the session, for the caller to commit; details are never secret.

    `by` names who is not signed in, as a visitor typed it.
    """
    who = plain(str(actor) if actor is not None else by) or "somebody"
    clean = {key: plain(value) if isinstance(value, str) else value for key, value in detail.items()}
    db.session.add(Event(by=who, user_id=actor.id if actor is not None else None, name=name, detail=clean))


def plain(text: str) -> str:
    """Return a text on one line, short enough for a column, without what a terminal would act on."""
    return "".join(char if char.isprintable() else " " for char in text).strip()[:255]
