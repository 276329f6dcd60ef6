"""Telling an uploader what came of a workbook: on the next page, on the list of imports, and by mail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select

from panel.entities import CUSTOMER
from panel.extensions import db
from panel.forms.showing import count
from panel.mail import can_mail, link, mail
from panel.models import Import, User

ENDED = ("applied", "rejected")
MOST_TOLD = 5
_REJECTED_IN = frozenset({"change", "clear", "new", "delete"})


def news_of(user_id: int) -> list[Import]:
    """Return the imports of somebody that others ended, and of which nobody said yet that it was seen."""
    mine = (Import.user_id == user_id, Import.told_at.is_(None), Import.state.in_(ENDED))
    return list(db.session.scalars(select(Import).where(*mine).order_by(Import.id.desc()).limit(MOST_TOLD)))


def my_news() -> list[Import]:
    """Return what the signed-in user is to be told on any page."""
    return news_of(current_user.id) if current_user.is_authenticated and current_user.may("import.upload") else []


def outcome(one: Import) -> str:
    """Return what came of an import, in one line."""
    if one.state != "applied":
        return one.message
    by = _("Applied by %(name)s", name=one.applied_by)
    return f"{by}: {', '.join(_parts(one)) or _('nothing changed')}."


def _parts(one: Import) -> Iterator[str]:
    counts = one.counts or {}
    came_and_went = (
        ("created", "%(number)s new record", "%(number)s new records"),
        ("deleted", "%(number)s record deleted", "%(number)s records deleted"),
    )
    if one.entity == CUSTOMER.key:
        came_and_went = (
            ("created", "%(number)s new customer", "%(number)s new customers"),
            ("deleted", "%(number)s customer deleted", "%(number)s customers deleted"),
        )
    words = (
        ("cells_updated", "%(number)s cell changed", "%(number)s cells changed"),
        *came_and_went,
        ("refused", "%(number)s row refused", "%(number)s rows refused"),
    )
    yield from (count(counts[name], single, several) for name, single, several in words if counts.get(name))
    if number := rejected(counts):
        yield count(number, "%(number)s rejected", "%(number)s rejected")


def rejected(counts: dict[str, Any]) -> int:
    """Return how many lines a person said no to."""
    tallies = counts.get("tallies", ())
    return sum(tally[3] for tally in tallies if tally[0] in _REJECTED_IN and tally[2] == "panel")


def tell_uploader(import_id: int) -> None:
    """Send a mail to whoever uploaded an import that somebody else ended, where mail is set up."""
    if not can_mail():
        return
    one = db.session.get(Import, import_id, populate_existing=True)
    if one is None or one.told_at is not None or one.user_id is None:
        return
    user = db.session.get(User, one.user_id)
    if user is not None and user.active:
        address = link(url_for("imports.preview", number=one.id))
        subject = _("%(file)s: what came of it", file=one.file_name)
        mail(user.email, subject.replace("\n", " "), f"{outcome(one)}\n\n{address}\n")
    db.session.rollback()
