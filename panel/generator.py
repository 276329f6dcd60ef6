"""Logins by pattern and passwords by length, as Config → Main → Customers sets them."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select, update

from panel.changelog import allocate_ids, claim_free
from panel.models import GeneratorConfig
from panel.schema import ENTITY
from sync.errors import SyncError

VARIABLES = (
    "id",
    "email",
    "phone",
    "partner_id",
    "location_id",
    "rand_string",
    "rand_number",
    "year",
    "month",
    "day",
    "next",
)
RANDOM_LENGTH = 6
DRAWS = 20
_TOKEN = re.compile(r"\{([a-z_]+)(?:\|(\d{1,3}))?\}")


class PatternError(SyncError):
    """A login pattern that cannot be read, or that makes no more free logins."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a pattern: a literal text, or a variable with its length (0 for its own)."""

    literal: str = ""
    variable: str = ""
    length: int = 0


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What a pattern may use of a customer whose login is to be made."""

    id: int
    email: str = ""
    phone: str = ""
    partner_id: int = 0
    location_id: int = 0


def parse_pattern(pattern: str) -> tuple[Part, ...]:
    """Return the parts of ``{var|length}`` with literals between; a `PatternError` names the place of a mistake."""
    if not pattern.strip():
        raise PatternError("The login pattern is empty. Write one such as {id|6}.")
    parts: list[Part] = []
    end = 0
    for match in _TOKEN.finditer(pattern):
        parts.append(_literal(pattern, end, match.start()))
        parts.append(_variable(match))
        end = match.end()
    parts.append(_literal(pattern, end, len(pattern)))
    return tuple(part for part in parts if part.literal or part.variable)


def _literal(pattern: str, start: int, end: int) -> Part:
    literal = pattern[start:end]
    for brace in "{}":
        if brace in literal:
            place = start + literal.index(brace) + 1
            raise PatternError(
                f"Character {place} of the pattern: '{brace}' opens no variable. Write {{id}} or {{id|6}}."
            )
    return Part(literal=literal)


def _variable(match: re.Match[str]) -> Part:
    name, length = match.group(1), int(match.group(2) or 0)
    if name not in VARIABLES:
        known = ", ".join(VARIABLES)
        raise PatternError(f"Character {match.start() + 1} of the pattern: there is no {{{name}}}. There are: {known}.")
    return Part(variable=name, length=length)


def make_login(parts: Sequence[Part], newcomer: Newcomer, characters: str, day: dt.date, number: int) -> str:
    """Return one login; random parts differ from call to call, numbers are padded with zeros and never cut."""
    values = _values(newcomer, day, number)
    made = "".join(part.literal or _fill(part, values, characters) for part in parts)
    if not made.strip():
        raise PatternError(
            "The login pattern gives an empty login for this customer. Fill in what it uses, or the login."
        )
    return made


def _values(newcomer: Newcomer, day: dt.date, number: int) -> dict[str, str]:
    return {
        "id": str(newcomer.id),
        "email": newcomer.email,
        "phone": "".join(c for c in newcomer.phone if c.isdigit()),
        "partner_id": str(newcomer.partner_id),
        "location_id": str(newcomer.location_id),
        "year": f"{day.year:04d}",
        "month": f"{day.month:02d}",
        "day": f"{day.day:02d}",
        "next": str(number),
    }


def _fill(part: Part, values: Mapping[str, str], characters: str) -> str:
    if part.variable == "rand_string":
        return draw(characters, part.length or RANDOM_LENGTH)
    if part.variable == "rand_number":
        return draw("0123456789", part.length or RANDOM_LENGTH)
    value = values[part.variable]
    if part.variable in {"email", "phone"}:
        return value[: part.length] if part.length else value
    return value.zfill(part.length)


def draw(characters: str, length: int) -> str:
    """Return random characters of a set, each drawn with equal chance."""
    return "".join(secrets.choice(characters) for _ in range(length))


def generate_password(config: GeneratorConfig) -> str:
    """Return a password of the configured characters and length."""
    return draw(config.password_characters, config.password_length)


def read_config(connection: Connection) -> GeneratorConfig:
    """Return the generator's settings, detached from any session."""
    row = connection.execute(select(GeneratorConfig.__table__)).mappings().one()
    return GeneratorConfig(**row)


def claim_logins(connection: Connection, newcomers: Sequence[Newcomer], day: dt.date) -> list[tuple[int, str]]:
    """Return each newcomer's ID and a login that is now theirs.

    A login that is taken is drawn again, with a new ID where the pattern uses it; raises `PatternError` where
    none is free after `DRAWS` attempts.
    """
    config = read_config(connection)
    parts = parse_pattern(config.login_pattern)
    made: dict[int, tuple[int, str]] = {}
    open_ones = dict(enumerate(newcomers))
    for _attempt in range(DRAWS):
        if not open_ones:
            return [made[at] for at in range(len(newcomers))]
        drawn = _draw_logins(connection, config, parts, open_ones, day)
        wanted = [
            {"entity": ENTITY, "field": "login", "value": v.casefold(), "record_id": i} for i, v in drawn.values()
        ]
        owners = claim_free(connection, wanted)
        won = {at: one for at, one in drawn.items() if owners["login", one[1].casefold()] == one[0]}
        made |= won
        open_ones = _with_new_ids(connection, {at: one for at, one in open_ones.items() if at not in won})
    raise PatternError(
        f"The login pattern {config.login_pattern} made no free login in {DRAWS} attempts. "
        "Change it under Config → Main → Customers, for example by adding {rand_string|4}."
    )


def _draw_logins(
    connection: Connection,
    config: GeneratorConfig,
    parts: Sequence[Part],
    newcomers: Mapping[int, Newcomer],
    day: dt.date,
) -> dict[int, tuple[int, str]]:
    first = _take_numbers(connection, parts, len(newcomers))
    return {
        at: (one.id, make_login(parts, one, config.login_characters, day, first + offset))
        for offset, (at, one) in enumerate(newcomers.items())
    }


def _take_numbers(connection: Connection, parts: Sequence[Part], count: int) -> int:
    if not any(part.variable == "next" for part in parts):
        return 0
    table = GeneratorConfig.__table__
    step = update(GeneratorConfig).values(next_number=table.c.next_number + count).returning(table.c.next_number)
    return int(connection.execute(step).scalar_one()) - count


def _with_new_ids(connection: Connection, newcomers: Mapping[int, Newcomer]) -> dict[int, Newcomer]:
    ids = allocate_ids(connection, len(newcomers)) if newcomers else []
    return {at: replace(one, id=new) for (at, one), new in zip(newcomers.items(), ids, strict=True)}


def newcomer_of(record_id: int, values: Mapping[str, Any]) -> Newcomer:
    """Return what a pattern may use of these canonical values."""
    emails, phones = values.get("emails") or (), values.get("phones") or ()
    return Newcomer(
        record_id,
        email=emails[0] if emails else "",
        phone=phones[0] if phones else "",
        partner_id=values.get("partner") or 0,
        location_id=values.get("location") or 0,
    )
