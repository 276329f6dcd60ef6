"""Signing in with a staff password, and what the signed-in user may do."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable
from typing import Any

from argon2 import PasswordHasher
from flask import abort
from flask_login import current_user
from flask_security import hash_password as _hash
from flask_security import verify_password
from sqlalchemy import select

from panel.extensions import db, login_manager
from panel.models import User
from panel.signing_in.sessions import end_sessions

# Verified where nobody has the address, so that the time taken does not tell which addresses exist.
_NOBODY = PasswordHasher().hash(secrets.token_hex(16))


def hash_password(text: str) -> str:
    """Return the argon2id hash under which a staff password is kept."""
    return str(_hash(text))


def find_user(email: str, password: str) -> User | None:
    """Return the active user with these credentials, or None."""
    user = db.session.scalars(select(User).where(User.email == email.strip().lower())).one_or_none()
    matches = _matches(user.password_hash if user else _NOBODY, password)
    return user if user and user.active and matches else None


def is_password_of(user: User, password: str) -> bool:
    """Tell whether this is the user's password."""
    return _matches(user.password_hash, password)


def _matches(stored: str, password: str) -> bool:
    try:
        return bool(verify_password(password, stored))
    except ValueError:  # no hash at all, or a password that none was made of
        return False


def set_password(user: User, password: str) -> None:
    """Give a user a new password and end the user's sessions."""
    user.password_hash = hash_password(password)
    user.session_key = secrets.token_hex(16)
    end_sessions(user)


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
