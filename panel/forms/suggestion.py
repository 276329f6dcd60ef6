"""What the Generate buttons offer: a login and a password that would do, taken only when the customer is saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, text

from panel.changelog import allocate_ids, owners_of
from panel.database import is_sqlite
from panel.generator import (
    DRAWS,
    MOST_SCANNED,
    SCANNED_AT_ONCE,
    LoginMaker,
    maker_of,
    neighbours,
    newcomer_of,
    no_free_login,
    read_config,
    used_before,
)
from panel.pattern import Newcomer
from panel.words import today


def suggest_login(connection: Connection, values: Mapping[str, Any], record_id: int | None = None) -> str:
    """Return a free login for these canonical values; raise `PatternError` where the pattern makes none."""
    config = read_config(connection)
    maker = maker_of(config, today())
    newcomer = newcomer_of(record_id or _next_id(connection), values)
    for some in _candidates(maker, newcomer, config.next_number, is_new=record_id is None):
        owners = owners_of(connection, [{"field": "login", "value": login.casefold()} for login in some])
        used = used_before(connection, some)
        free = (
            login
            for login in some
            if owners.get(("login", login.casefold()), record_id) == record_id and login.casefold() not in used
        )
        if found := next(free, None):
            return found
    raise no_free_login(maker, newcomer, 1, 1)


def _candidates(maker: LoginMaker, newcomer: Newcomer, number: int, *, is_new: bool) -> Iterator[list[str]]:
    steps = MOST_SCANNED if maker.uses("next") or (is_new and maker.uses("id")) else DRAWS
    for first in range(0, steps, SCANNED_AT_ONCE):
        logins = []
        for step in range(first, min(first + SCANNED_AT_ONCE, steps)):
            record_id = newcomer.id + step if is_new else newcomer.id
            one = Newcomer(record_id, newcomer.email, newcomer.phone, newcomer.partner_id, newcomer.location_id)
            logins.append(maker.draw(one, number + step))
        yield logins
    if steps == DRAWS:
        yield from neighbours(maker.places(newcomer))


def _next_id(connection: Connection) -> int:
    if is_sqlite(connection):
        return allocate_ids(connection, 1)[0]
    # Drawing from the sequence would give the customer another ID than the login was made of.
    return int(connection.execute(text("SELECT last_value + is_called::int FROM customer_id_seq")).scalar_one())
