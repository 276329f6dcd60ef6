"""How often somebody may try: counted in the database, because several processes answer the same visitor."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass

from flask import current_app, request
from flask_babel import ngettext
from sqlalchemy import delete, select

from panel.database import writing
from panel.extensions import db
from panel.keys import Keyring
from panel.models import Attempt
from panel.models.columns import aware, now
from sync.errors import SyncError

KEPT = dt.timedelta(days=1)
_SITE_BITS = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """So many tries at one thing within a time; when they are used up, one has to wait for the first to grow old."""

    what: str
    most: int
    within: dt.timedelta


# A stranger who floods one email from elsewhere delays nobody: tries count for an address and an email together.
SIGN_IN = Limit("sign-in", 10, dt.timedelta(minutes=15))
SIGN_IN_FROM_ADDRESS = Limit("sign-in from", 60, dt.timedelta(minutes=15))  # a whole office may share one
CODE = Limit("code", 10, dt.timedelta(minutes=15))
CONFIRM = Limit("confirm", 10, dt.timedelta(minutes=15))
RESET_FROM_ADDRESS = Limit("reset from", 10, dt.timedelta(hours=1))
RESET = Limit("reset", 3, dt.timedelta(hours=1))
REVEAL = Limit("reveal", 30, dt.timedelta(hours=1))


class TooManyTries(SyncError):
    """The tries of this hour are used up; the message says how long to wait, `seconds` likewise."""

    status = 429

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, round(seconds))
        super().__init__(_sentence(self.seconds))


def _sentence(seconds: int) -> str:
    minutes = -(-seconds // 60)
    sentence = ngettext(
        "That was tried too often. Wait %(num)d minute, then try again.",
        "That was tried too often. Wait %(num)d minutes, then try again.",
        minutes,
    )
    return str(sentence)


def client_address() -> str:
    """Return where the request comes from, as far as the settings let proxies say so."""
    return (request.remote_addr or "unknown")[:255]


def whence() -> str:
    """Return what tries from an address count for: of IPv6 the network, all of which one visitor has."""
    try:
        address = ipaddress.ip_address(client_address())
    except ValueError:
        return client_address()
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, _SITE_BITS), strict=False))


def spend(limit: Limit, whose: str) -> int:
    """Use up one try, in a transaction of its own, and return its ID; raise `TooManyTries` where none is left.

    The try is written before it is counted, so that many at once, in any number of processes, all see each other.
    """
    moment = now()
    with writing():
        attempt = Attempt(name=_name(limit, whose), at=moment)
        db.session.add(attempt)
        db.session.flush()
        number = attempt.id
    recent = select(Attempt.at).where(Attempt.name == _name(limit, whose), Attempt.at > moment - limit.within)
    times = [aware(at) for at in db.session.scalars(recent.order_by(Attempt.at.desc()))]
    db.session.rollback()
    if len(times) <= limit.most:
        return number
    give_back(number)  # a refused try makes nobody wait longer
    raise TooManyTries((times[limit.most] + limit.within - moment).total_seconds())


def give_back(number: int) -> None:
    """Take one try back."""
    with writing() as connection:
        connection.execute(delete(Attempt).where(Attempt.id == number))


def clear(limit: Limit, whose: str) -> None:
    """Forget the tries at something that succeeded, in the caller's transaction; and whatever is old."""
    db.session.execute(delete(Attempt).where(Attempt.name == _name(limit, whose)))
    db.session.execute(delete(Attempt).where(Attempt.at < now() - KEPT))


def _name(limit: Limit, whose: str) -> str:
    # A digest, because whose may be what a stranger typed, of any length.
    keyring: Keyring = current_app.extensions["keyring"]
    return f"{limit.what}:{keyring.digest(whose)}"
