"""Let every change of users, roles and configuration become one event, however it is made through the ORM."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from panel.audit import plain
from panel.authors import COMMAND_LINE, SYSTEM, current_author
from panel.extensions import db
from panel.models import (
    AdditionalField,
    ApiToken,
    Base,
    BillingConfig,
    Event,
    GeneratorConfig,
    Location,
    Partner,
    Role,
    Status,
    User,
)

# Of a user no more than this: the rest is secret, or nobody's business.
_OF_USERS = ("email", "name", "active", "partner_id", "roles")
NOUNS: dict[type[Base], str] = {
    User: "user",
    Role: "role",
    Status: "status",
    Partner: "partner",
    Location: "location",
    AdditionalField: "field",
    GeneratorConfig: "generator",
    BillingConfig: "billing",
    ApiToken: "token",
}
_UNTOLD = frozenset({"id", "entity", "next_number", "digest", "at", "by", "used_on"})
_NOTED = "changes for the audit"
_UNRECORDED = "nothing is recorded"


def log_administration() -> None:
    """Start listening to the application's session; once a process."""
    if not event.contains(db.session, "before_flush", _note):
        event.listen(db.session, "before_flush", _note)
        event.listen(db.session, "before_commit", _record)
        event.listen(db.session, "after_rollback", _forget)
        event.listen(Event, "before_insert", _on_one_line)


@contextmanager
def unrecorded() -> Iterator[None]:
    """Run a block whose changes are nobody's deed: what a new instance comes with."""
    db.session().info[_UNRECORDED] = True
    try:
        yield
        db.session.flush()
    finally:
        db.session().info.pop(_UNRECORDED)


def _note(session: Session, _context: object, _instances: object) -> None:
    if session.info.get(_UNRECORDED):
        return
    noted: dict[Any, tuple[str, dict[str, list[Any]]]] = session.info.setdefault(_NOTED, {})
    for verb, things in (("added", session.new), ("changed", session.dirty), ("deleted", session.deleted)):
        for thing in things:
            if type(thing) in NOUNS:
                first_verb, before = noted.get(thing, (verb, {}))
                with session.no_autoflush:
                    changes = _joined(before, _changes(session, thing, verb))
                if changes or verb == "deleted":
                    noted[thing] = (first_verb if verb == "changed" else verb, changes)


def _joined(before: dict[str, list[Any]], after: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return two flushes of one transaction as one change: each name's first old and last new value."""
    return before | {name: [before.get(name, pair)[0], pair[1]] for name, pair in after.items()}


def _changes(session: Session, thing: Any, verb: str) -> dict[str, list[Any]]:
    state = inspect(thing)
    names = _OF_USERS if isinstance(thing, User) else [c.key for c in state.mapper.column_attrs if c.key not in _UNTOLD]
    found = {}
    for name in names:
        history = state.attrs[name].load_history() if verb == "changed" else state.attrs[name].history
        if verb != "deleted" and history.has_changes():
            old = [*history.deleted, *history.unchanged] if name == "roles" else history.deleted
            new = [*history.added, *history.unchanged] if name == "roles" else history.added
            pair = [_shown(session, name, side) for side in (old, new)]
            if pair[0] != pair[1] and not (verb == "added" and pair[1] in (None, "", [], {}, False)):
                found[name] = pair
    return found


def _shown(session: Session, name: str, values: Any) -> Any:
    """Return one side of an attribute's history as JSON that stays good when the thing is gone."""
    if name == "roles":
        return sorted(str(role) for role in values)
    value = values[0] if values else None
    if name.endswith("status_id") and value is not None:
        return str(session.get(Status, value) or value)
    if name == "partner_id" and value is not None:
        return str(session.get(Partner, value) or value)
    is_json = isinstance(value, (str, int, bool, list, dict)) or value is None
    return value if is_json else str(value)


def _record(session: Session) -> None:
    session.flush()
    author = current_author()
    if author is SYSTEM and click.get_current_context(silent=True) is not None:
        author = COMMAND_LINE
    for thing, (verb, changes) in session.info.pop(_NOTED, {}).items():
        noun = NOUNS[type(thing)]
        detail: dict[str, Any] = {noun: inspect(thing).identity[0] if verb != "deleted" else None, "name": _name(thing)}
        detail["changes"] = changes
        session.add(Event(by=author.name, user_id=author.user_id, name=f"{noun} {verb}", detail=detail))


def _name(thing: Any) -> str:
    return "" if isinstance(thing, GeneratorConfig | BillingConfig) else str(thing)


def _forget(session: Session) -> None:
    session.info.pop(_NOTED, None)


def _on_one_line(_mapper: object, _connection: object, one: Event) -> None:
    one.by, one.name = plain(one.by), plain(one.name)
    given = (one.detail or {}).items()
    one.detail = {key: plain(value) if isinstance(value, str) else value for key, value in given}
