"""Signing in: staff passwords by argon2id, sessions that end when the password changes."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error
from flask import abort
from flask_login import current_user
from sqlalchemy import select

from panel.extensions import db, login_manager
from panel.models import User

_hasher = PasswordHasher()  # argon2id with the library's current parameters
# Verified where nobody has the address, so that the time taken does not tell which addresses exist.
_NOBODY = _hasher.hash(secrets.token_hex(16))


def hash_password(text: str) -> str:
    """Return the hash under which a staff password is kept."""
    return _hasher.hash(text)


def find_user(email: str, password: str) -> User | None:
    """Return the active user with these credentials, or None."""
    user = db.session.scalars(select(User).where(User.email == email.strip().lower())).one_or_none()
    matches = _matches(user.password_hash if user else _NOBODY, password)
    return user if user and user.active and matches else None


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except Argon2Error:
        return False


def set_password(user: User, password: str) -> None:
    """Give a user a new password and end the user's sessions."""
    user.password_hash = hash_password(password)
    user.session_key = secrets.token_hex(16)


@login_manager.user_loader
def _load_user(session_key: str) -> User | None:
    return db.session.scalars(select(User).where(User.session_key == session_key, User.active)).one_or_none()


def may(permission: str) -> bool:
    """Tell whether the signed-in user may do this; nobody may do anything without signing in."""
    return bool(current_user.is_authenticated and current_user.may(permission))


def needs(permission: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Refuse a view to everybody without this permission: to sign in first, or with 403."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if not current_user.is_authenticated:
                return login_manager.unauthorized()
            if not may(permission):
                abort(403)
            return view(*args, **kwargs)

        return checked

    return decorate
