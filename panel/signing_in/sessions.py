"""Sessions: a random token in the cookie, its digest in our table, so that they can be seen and ended.

Flask-Login knows the user by `User.session_key`, which changes with the password and so ends all of them at once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Sequence

from flask import current_app, g, request, session
from flask_login import current_user, login_user, logout_user
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.exc import OperationalError

from panel.audit import plain
from panel.database import BUSY_MILLISECONDS, is_sqlite
from panel.extensions import db, login_manager
from panel.models import User, UserSession
from panel.models.columns import aware, now
from panel.signing_in.limits import client_address

TOKEN_BYTES = 32
SEEN_EVERY = dt.timedelta(minutes=5)
CONFIRMED_FOR = dt.timedelta(minutes=5)
KEPT = dt.timedelta(days=30)
_TOKEN = "sign-in"  # where the visitor's cookie keeps it
_BRIEFLY = 50  # milliseconds that a page waits for the lock only to say when somebody was seen


def start_session(user: User) -> None:
    """Sign a user in with a new session; for the caller to commit."""
    moment, token = now(), secrets.token_urlsafe(TOKEN_BYTES)
    session.clear()  # whatever was in the visitor's cookie is no part of the user's session
    session.permanent = True
    session[_TOKEN] = token
    agent = plain(request.user_agent.string)
    row = UserSession(digest=_digest(token), user_id=user.id, address=client_address(), agent=agent)
    row.started_at = row.seen_at = row.confirmed_at = user.last_login_at = moment
    db.session.add(row)
    db.session.execute(delete(UserSession).where(UserSession.started_at < moment - KEPT - _longest()))
    login_user(user)
    g.user_session = row


def end_session() -> None:
    """Sign the visitor out: the cookie is emptied, and an old copy of it opens nothing; for the caller to commit."""
    current = current_session()
    if current is not None:
        current.ended_at = now()
    logout_user()
    session.clear()


def end_sessions(user: User, *, but: UserSession | None = None, only: int | None = None) -> int:
    """End all sessions of a user, all but one, or one of them; return how many; for the caller to commit."""
    which = [UserSession.user_id == user.id, UserSession.ended_at.is_(None)]
    if but is not None:
        which.append(UserSession.id != but.id)
    if only is not None:
        which.append(UserSession.id == only)
    ended = db.session.execute(update(UserSession).where(*which).values(ended_at=now()).returning(UserSession.id))
    return len(ended.all())


def open_sessions(user: User) -> Sequence[UserSession]:
    """Return a user's sessions that still open something, the last used first."""
    query = select(UserSession).where(UserSession.user_id == user.id, *_alive(now()))
    return db.session.scalars(query.order_by(UserSession.seen_at.desc(), UserSession.id.desc())).all()


def current_session() -> UserSession | None:
    """Return the session of the signed-in visitor."""
    return g.get("user_session") if current_user.is_authenticated else None


@login_manager.user_loader
def _load_user(session_key: str) -> User | None:
    """Return whose session the cookie names, if it is neither ended nor too old and the user still active."""
    query = (
        select(User, UserSession)
        .join(UserSession, UserSession.user_id == User.id)
        .where(User.session_key == session_key, User.active)
        .where(UserSession.digest == _digest(str(session.get(_TOKEN, ""))), *_alive(now()))
    )
    found = db.session.execute(query).one_or_none()
    if found is None:
        return None
    user, g.user_session = found
    return user


def _alive(moment: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    idle = dt.timedelta(minutes=current_app.config["ROLLBOOK_SESSION_IDLE_MINUTES"])
    return (
        UserSession.ended_at.is_(None),
        UserSession.started_at > moment - _longest(),
        UserSession.seen_at > moment - idle,
    )


def _longest() -> dt.timedelta:
    return dt.timedelta(minutes=current_app.config["ROLLBOOK_SESSION_MINUTES"])


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def note_seen() -> None:
    """Say that a session is in use: the one thing that reading a page writes, once in five minutes at most.

    It is written on a connection of its own, and not at all where another writer holds the database.
    """
    current = current_session() if request.endpoint not in {None, "static", "health", "api.access"} else None
    if current is None or request.method != "GET" or aware(current.seen_at) > now() - _seen_every():
        return
    seen = update(UserSession).where(UserSession.id == current.id, UserSession.ended_at.is_(None))
    try:
        with db.engine.connect() as connection:
            wait = "PRAGMA busy_timeout = {}" if is_sqlite(connection) else ""
            try:
                if wait:
                    connection.exec_driver_sql(wait.format(_BRIEFLY))
                connection.execute(seen.values(seen_at=now()))
                connection.commit()
            finally:
                connection.rollback()
                if wait:
                    connection.exec_driver_sql(wait.format(BUSY_MILLISECONDS))
    except OperationalError as error:
        current_app.logger.info("A session's last use was not noted: %s", error.orig)


def _seen_every() -> dt.timedelta:
    return min(SEEN_EVERY, dt.timedelta(minutes=current_app.config["ROLLBOOK_SESSION_IDLE_MINUTES"]) / 4)


def confirm_session() -> None:
    """Note that the user has just given the password or a code again; for the caller to commit."""
    current = current_session()
    if current is not None:
        current.confirmed_at = now()


def is_confirmed() -> bool:
    """Tell whether the user gave the password or a code in this session within the last minutes."""
    current = current_session()
    return bool(current and current.confirmed_at and aware(current.confirmed_at) > now() - CONFIRMED_FOR)
