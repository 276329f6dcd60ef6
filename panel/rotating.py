"""A new key for what is encrypted: every ciphertext is made anew, some at a time, and may be interrupted anywhere.

How far it is needs no record: each ciphertext names its key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import Connection, Row, select, text, update

from panel.audit import record
from panel.authors import COMMAND_LINE, Author
from panel.changelog import Write, append_revisions
from panel.database import is_sqlite, writing
from panel.entities import CUSTOMER
from panel.extensions import db
from panel.keys import Keyring, add_cipher, changing_keys, keep_newest_cipher, key_number
from panel.models import Customer, User
from panel.schema import ENTITY
from panel.sealed import sealed_in, sealed_values, secret_keys
from panel.signing_in.second_factor import TOTP
from sync.errors import SyncError

ROWS_AT_ONCE = 500
THROUGH = "keys"
_CUSTOMERS, _USERS = Customer.__table__.c, User.__table__.c


class StillInUse(SyncError):
    """Something is encrypted with a key that was to be removed."""


def rotate(tell: Callable[[int], None] = lambda _done: None) -> tuple[int, int]:
    """Encrypt every secret with a new key; return the key's number and how many secrets were encrypted anew.

    A rotation that was interrupted is brought to its end instead of begun again. Colleagues go on working: old and
    new key are both read meanwhile, and the old one stays in the key file.
    """
    instance: Path = current_app.config["ROLLBOOK_INSTANCE"]
    with changing_keys(instance):
        newest = _keyring().ciphers.newest
        if not _old_ones(newest):
            newest = add_cipher(instance)
        done = _users(newest)
        for some in _customers(newest):
            tell(done := done + some)
        with writing():
            record("keys rotated", by=COMMAND_LINE.name, key=newest, secrets=done)
        return newest, done


def remove_old_keys() -> list[int]:
    """Remove every key but the newest from the key file, and return their numbers. Raises `StillInUse`."""
    instance: Path = current_app.config["ROLLBOOK_INSTANCE"]
    with changing_keys(instance), writing() as connection:
        if not is_sqlite(connection):  # whoever has encrypted something with the old key writes it first
            connection.execute(text('LOCK TABLE customer, "user" IN SHARE MODE'))
        if left := _old_ones(_keyring().ciphers.newest):
            raise StillInUse(f"{left:,} secrets are still encrypted with an older key. Run rotate-keys first.")
        removed = keep_newest_cipher(instance)
        record("old keys removed", by=COMMAND_LINE.name, removed=removed)
        return removed


def _old_ones(newest: int) -> int:
    """Return how many secrets an older key encrypts."""
    connection = db.session.connection()
    users = connection.execute(select(_USERS.tf_totp_secret).where(_USERS.tf_totp_secret.is_not(None))).scalars()
    texts = chain(users, (one.text for one in sealed_values(connection)))
    return sum(key_number(one) < newest for one in texts if one)


def _users(newest: int) -> int:
    """Encrypt the secrets of second factors anew."""
    keyring, done = _keyring(), 0
    with writing() as connection:
        query = select(_USERS.id, _USERS.tf_totp_secret).where(_USERS.tf_totp_secret.is_not(None)).with_for_update()
        for number, sealed in connection.execute(query).all():
            if key_number(sealed) < newest:
                fresh = keyring.encrypt(keyring.decrypt(sealed, "user", number, TOTP), "user", number, TOTP)
                connection.execute(update(User).where(_USERS.id == number).values(tf_totp_secret=fresh))
                done += 1
    return done


def _customers(newest: int) -> Iterator[int]:
    """Encrypt customers' secrets anew, a transaction a batch; yield how many there were in each."""
    columns = (_CUSTOMERS.id, _CUSTOMERS.revision, _CUSTOMERS.password, _CUSTOMERS.extra)
    after: int | None = 0
    while after is not None:
        with writing() as connection:
            query = select(*columns).where(_CUSTOMERS.id > after).order_by(_CUSTOMERS.id).limit(ROWS_AT_ONCE)
            rows = connection.execute(query.with_for_update()).all()
            done = _renewed(connection, rows, newest)
        after = rows[-1].id if rows else None
        yield done


def _renewed(connection: Connection, rows: Sequence[Row[Any, Any, Any, Any]], newest: int) -> int:
    """Write these customers' secrets with the newest key, each with a revision that changes no value."""
    keyring, keys, done = _keyring(), secret_keys(connection), 0
    for row in rows:
        old = [one for one in sealed_in(row.id, row.password, row.extra, keys) if key_number(one.text) < newest]
        if not old:
            continue
        clear = {one.field: keyring.decrypt(one.text, ENTITY, row.id, one.field) for one in old}
        fresh = {key: keyring.encrypt(clear[key], ENTITY, row.id, key) for key in clear}
        write = Write(row.id, row.revision + 1, {})
        extra = {**(row.extra or {}), **{key: fresh[key] for key in fresh if key not in CUSTOMER.keys}}
        values = {"password": fresh.get("password", row.password), "extra": extra}
        append_revisions(connection, [write], Author(COMMAND_LINE.name, THROUGH))
        numbered = {"revision": write.number, "stamp": write.stamp}
        connection.execute(update(Customer).where(_CUSTOMERS.id == row.id).values(**values, **numbered))
        done += len(old)
    return done


def _keyring() -> Keyring:
    keyring: Keyring = current_app.extensions["keyring"]
    return keyring
