"""A new password for who has forgotten theirs: by a link in a mail, or by an admin."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from flask import current_app, has_request_context, url_for
from flask_babel import gettext as _
from flask_login import current_user
from flask_security.utils import check_and_get_token_status
from sqlalchemy import select

from panel.access import set_password
from panel.audit import record
from panel.authors import COMMAND_LINE
from panel.extensions import db
from panel.mail import can_mail, link, mail
from panel.models import User
from panel.signing_in.second_factor import turn_off
from panel.signing_in.security import security

VALID_FOR = dt.timedelta(hours=1)


def start_reset(user: User) -> str | None:
    """Help a user who is locked out, for the caller to commit: mail a link and return None.

    Where no mail can be sent, return a new one-time password instead; the user's sessions end.
    """
    if can_mail():
        mail_link(user)
        return None
    return give_one_time_password(user)


def give_one_time_password(user: User) -> str:
    """Return a new password that is good for one sign-in, for the caller to commit; the user's sessions end."""
    password = secrets.token_urlsafe(12)
    set_password(user, password)
    user.must_change_password = True
    _record_about(user, "reset started", by_mail=False)
    return password


def lose_second_factor(user: User) -> bool:
    """Let a user who lost app and recovery codes in with the password alone; tell whether there was a factor."""
    had_one = user.has_two_factor
    turn_off(user)
    if had_one:
        _record_about(user, "second factor off", lost=True)
    return had_one


def mail_link(user: User) -> None:
    """Mail a user a link under which a new password is chosen; for the caller to commit."""
    # The key changes with every new password: a link is good once.
    token = security(current_app).reset_serializer.dumps([user.session_key])
    text = _(
        "Somebody, probably you, asked for a new password for Rollbook.\n\n"
        "Choose it here within an hour:\n%(link)s\n\n"
        "If it was not you, do nothing: your password stays as it is.\n",
        link=link(url_for("resetting.choose", token=token)),
    )
    mail(user.email, _("A new password for Rollbook"), text)
    _record_about(user, "reset started", by_mail=True)


def _record_about(user: User, name: str, **detail: Any) -> None:
    """Record what was done for a user, by whoever did it: the user is not signed in."""
    if not has_request_context():
        record(name, by=COMMAND_LINE.name, user=user.email, **detail)
    elif current_user.is_authenticated:
        record(name, db.session.get_one(User, current_user.id), user=user.email, **detail)
    else:
        record(name, by=user.email, user=user.email, **detail)


def user_of_link(token: str) -> User | None:
    """Return the active user to whom a link was mailed, if it is neither used nor an hour old."""
    expired, invalid, data = check_and_get_token_status(token, "reset", VALID_FOR)
    if expired or invalid or not isinstance(data, list) or not data:
        return None
    query = select(User).where(User.session_key == str(data[0]), User.active)
    return db.session.scalars(query.with_for_update()).one_or_none()
