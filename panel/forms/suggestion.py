"""What the Generate buttons offer: a login and a password that would do, taken only when the customer is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from panel.changelog import allocate_ids, owners_of
from panel.database import is_sqlite
from panel.generator import DRAWS, Newcomer, PatternError, make_login, newcomer_of, parse_pattern, read_config
from panel.models import GeneratorConfig
from panel.newcomers import today


def suggest_login(connection: Connection, values: Mapping[str, Any], record_id: int | None = None) -> str:
    """Return a free login for these canonical values; raise `PatternError` where the pattern makes none."""
    config = read_config(connection)
    parts = parse_pattern(config.login_pattern)
    first = record_id or _next_id(connection)
    for step in range(DRAWS):
        newcomer = newcomer_of(first if record_id else first + step, values)
        login = make_login(parts, newcomer, config.login_characters, today(), config.next_number + step)
        wanted = {"field": "login", "value": login.casefold()}
        if owners_of(connection, [wanted]).get(("login", login.casefold()), record_id) == record_id:
            return login
    raise PatternError(f"The login pattern {config.login_pattern} made no free login. Type one, or change the pattern.")


def _next_id(connection: Connection) -> int:
    if is_sqlite(connection):
        return allocate_ids(connection, 1)[0]
    # Drawing from the sequence would give the customer another ID than the login was made of.
    return int(connection.execute(text("SELECT last_value + is_called::int FROM customer_id_seq")).scalar_one())


def examples(config: GeneratorConfig, partner_id: int, location_id: int) -> list[str]:
    """Return three logins that a pattern could make; raise `PatternError` where it cannot be read."""
    parts = parse_pattern(config.login_pattern)
    made = []
    for step in range(3):
        newcomer = Newcomer(1042 + step, "anna@example.com", "+420 603 123 456", partner_id, location_id)
        made.append(make_login(parts, newcomer, config.login_characters, today(), config.next_number + step))
    return made
