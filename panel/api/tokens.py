"""API tokens: made, shown once, known again by the digest of their secret part, revoked."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import Connection, bindparam, select

from panel.extensions import db
from panel.models import ApiToken
from panel.models.columns import now
from sync.errors import SyncError

SECRET_BYTES = 32
# A beginning of their own, so that whoever looks for leaked secrets recognises them; the ID finds the row.
_SHAPE = re.compile(r"rbk_([1-9][0-9]{0,17})_([0-9a-f]{64})")
_TABLE = ApiToken.__table__.c
_ROW = select(_TABLE.name, _TABLE.digest, _TABLE.passwords, _TABLE.partner_id, _TABLE.used_on, _TABLE.revoked_at).where(
    _TABLE.id == bindparam("id")
)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that somebody showed: `is_good` where it is ours and not revoked, `name` blank where there is none."""

    id: int = 0
    name: str = ""
    is_good: bool = False
    passwords: bool = False
    partner_id: int | None = None
    used_on: dt.date | None = None


NOBODY = Bearer()


def bearer_of(connection: Connection, text: str) -> Bearer:
    """Return what a token is, by one look at its row."""
    shape = _SHAPE.fullmatch(text)
    row = shape and connection.execute(_ROW, {"id": int(shape[1])}).one_or_none()
    if not shape or row is None:
        return NOBODY
    name, digest, passwords, partner_id, used_on, revoked_at = row
    is_good = hmac.compare_digest(digest, digest_of(shape[2])) and revoked_at is None
    return Bearer(int(shape[1]), name, is_good, passwords, partner_id, used_on)


def digest_of(secret: str) -> str:
    """Return under what a secret is kept: nobody guesses 256 random bits, so that a fast digest is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add_token(name: str, *, passwords: bool, partner_id: int | None, by: str) -> tuple[ApiToken, str]:
    """Make a token in the caller's transaction; return it with its text, for the only time. Raises `SyncError`."""
    if token_named(name) is not None:
        raise SyncError(_("There is a token of this name already, maybe a revoked one. Choose another name."))
    secret = secrets.token_hex(SECRET_BYTES)
    token = ApiToken(name=name, digest=digest_of(secret), passwords=passwords, partner_id=partner_id, by=by)
    db.session.add(token)
    db.session.flush()
    return token, f"rbk_{token.id}_{secret}"


def token_named(name: str) -> ApiToken | None:
    """Return the token of a name, compared without letter case."""
    wanted = name.strip().casefold()
    return next((token for token in db.session.scalars(select(ApiToken)) if token.name.casefold() == wanted), None)


def revoke(token: ApiToken) -> None:
    """Let a token open nothing from now on, for the caller to commit."""
    token.revoked_at = token.revoked_at or now()
