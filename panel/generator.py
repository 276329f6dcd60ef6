"""Logins by pattern and passwords by length, as Config → Main → Customers sets them."""

from __future__ import annotations

import datetime as dt
import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import Connection, select, update

from panel.changelog import allocate_ids, claim_free, owners_of, remembered
from panel.characters import Alphabet
from panel.models import GeneratorConfig
from panel.pattern import ENDLESS, PERSONAL, Newcomer, Part, PatternError, parse_pattern, places_of
from panel.schema import ENTITY

DRAWS = 20
SCANNED_AT_ONCE = 500
MOST_SCANNED = 100_000
"""Where so many neighbours are all taken, a pattern counts as used up."""


@dataclass(frozen=True, slots=True)
class LoginMaker:
    """A pattern ready to make logins of, on one day."""

    pattern: str
    parts: tuple[Part, ...]
    alphabets: Mapping[str, Alphabet]
    day: dt.date

    def places(self, newcomer: Newcomer, number: int = 0) -> tuple[str, ...]:
        """Return what each character of a customer's login may be."""
        return places_of(self.parts, newcomer, self.day, number, self.alphabets)

    def draw(self, newcomer: Newcomer, number: int = 0) -> str:
        """Return one login; random parts differ from call to call."""
        return "".join(secrets.choice(place) for place in self.places(newcomer, number))

    def uses(self, *variables: str) -> bool:
        """Tell whether the pattern has one of these variables."""
        return any(part.variable in variables for part in self.parts)

    @property
    def is_endless(self) -> bool:
        """Tell whether each customer brings a number of its own."""
        return self.uses(*ENDLESS)


def maker_of(config: GeneratorConfig, day: dt.date) -> LoginMaker:
    """Return what makes logins by these settings; raise `PatternError` where the pattern cannot be read."""
    clear = bool(config.clear_characters)
    alphabets = {
        "rand_string": Alphabet(config.login_characters, clear),
        "rand_number": Alphabet("0123456789", clear),
    }
    return LoginMaker(config.login_pattern, parse_pattern(config.login_pattern), alphabets, day)


def capacity(places: Sequence[str]) -> int:
    """Return how many logins there are that differ by more than capital letters."""
    return math.prod(len(_folded(place)) for place in places)


def _folded(place: str) -> list[str]:
    """Return the characters of a place, those that differ by case only as one text."""
    alike: dict[str, str] = {}
    for char in place:
        alike[char.casefold()] = alike.get(char.casefold(), "") + char
    return list(alike.values())


def login_at(places: Sequence[str], index: int) -> str:
    """Return one of all logins by its number; any index has one, and neighbours differ."""
    chars = []
    for place in map(_folded, reversed(places)):
        index, at = divmod(index, len(place))
        chars.append(secrets.choice(place[at]))
    return "".join(reversed(chars))


def neighbours(places: Sequence[str]) -> Iterator[list[str]]:
    """Yield all logins of these places in batches, from a random one on; of very many only the first ones."""
    size = capacity(places)
    start = secrets.randbelow(size)
    for first in range(0, min(size, MOST_SCANNED), SCANNED_AT_ONCE):
        last = min(first + SCANNED_AT_ONCE, size)
        yield [login_at(places, (start + step) % size) for step in range(first, last)]


def generate_password(config: GeneratorConfig) -> str:
    """Return a password of the configured characters and length."""
    return Alphabet(config.password_characters, bool(config.clear_characters)).draw(config.password_length)


def read_config(connection: Connection) -> GeneratorConfig:
    """Return the generator's settings, detached from any session."""
    row = connection.execute(select(GeneratorConfig.__table__)).mappings().one()
    return GeneratorConfig(**row)


def claim_logins(
    connection: Connection, newcomers: Sequence[Newcomer], day: dt.date, last_id: int = 0
) -> list[tuple[int, str]]:
    """Return each newcomer's ID and a login that is now theirs; `last_id` is the highest ID given away so far.

    A login that is taken is drawn again, with a new ID where the pattern uses it, and after `DRAWS` attempts
    looked for; raises `PatternError` where none is free.
    """
    claims = _Claims(connection, maker_of(read_config(connection), day), newcomers, last_id)
    claims.refuse_too_many()
    for _attempt in range(DRAWS):
        if not claims.open:
            break
        claims.draw()
    claims.search()
    return claims.in_order()


class _Claims:
    """Logins being claimed for newcomers, who are known by their place."""

    def __init__(self, connection: Connection, maker: LoginMaker, newcomers: Sequence[Newcomer], last_id: int) -> None:
        self._connection, self._maker = connection, maker
        self._total = len(newcomers)
        self._last_id = max([last_id, *(one.id for one in newcomers)])
        self._made: dict[int, tuple[int, str]] = {}
        self.open = dict(enumerate(newcomers))

    def in_order(self) -> list[tuple[int, str]]:
        """Return everybody's ID and login."""
        return [self._made[at] for at in range(self._total)]

    def refuse_too_many(self) -> None:
        """Refuse at once where the pattern makes fewer logins than are needed."""
        maker = self._maker
        if self.open and not maker.is_endless and not maker.uses(*PERSONAL, "partner_id", "location_id"):
            size = capacity(maker.places(self.open[0]))
            if size < self._total:
                raise PatternError(
                    _(
                        "The login pattern %(pattern)s makes %(size)d logins, and %(total)d are needed. %(remedy)s",
                        pattern=maker.pattern,
                        size=size,
                        total=self._total,
                        remedy=remedy(),
                    )
                )

    def draw(self) -> None:
        """Draw a login for each that is open, and keep those that are free."""
        first = self._take_numbers(len(self.open))
        drawn = {at: (one.id, self._maker.draw(one, first + step)) for step, (at, one) in enumerate(self.open.items())}
        self._keep(self._won(drawn))
        if self._maker.uses("id"):
            ids = self._new_ids(len(self.open))
            self.open = {at: replace(one, id=new) for (at, one), new in zip(self.open.items(), ids, strict=True)}

    def search(self) -> None:
        """Find a free login for each that is still open, or raise `PatternError` with how many get none."""
        for at, one in list(self.open.items()):
            for candidates in self._candidates(one):
                free = self._free(candidates)
                while free and at in self.open:
                    pick = free.pop(0 if self._maker.is_endless else secrets.randbelow(len(free)))
                    self._keep(self._won({at: pick}))
                if at not in self.open:
                    break
            else:
                raise no_free_login(self._maker, one, len(self.open), self._total)

    def _candidates(self, one: Newcomer) -> Iterator[list[tuple[int, str]]]:
        if not self._maker.is_endless:
            yield from ([(one.id, login) for login in some] for some in neighbours(self._maker.places(one)))
            return
        for _step in range(0, MOST_SCANNED, SCANNED_AT_ONCE):
            fresh = self._maker.uses("id")
            ids = self._new_ids(SCANNED_AT_ONCE) if fresh else [one.id] * SCANNED_AT_ONCE
            first = self._take_numbers(SCANNED_AT_ONCE)
            yield [(i, self._maker.draw(replace(one, id=i), first + step)) for step, i in enumerate(ids)]

    def _free(self, candidates: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
        taken = taken_of(self._connection, [login for _id, login in candidates])
        return [one for one in candidates if one[1].casefold() not in taken]

    def _won(self, drawn: Mapping[int, tuple[int, str]]) -> dict[int, tuple[int, str]]:
        used = used_before(self._connection, [login for _id, login in drawn.values()])
        fresh = {at: one for at, one in drawn.items() if one[1].casefold() not in used}
        wanted = [
            {"entity": ENTITY, "field": "login", "value": v.casefold(), "record_id": i} for i, v in fresh.values()
        ]
        owners = claim_free(self._connection, wanted)
        return {at: one for at, one in fresh.items() if owners["login", one[1].casefold()] == one[0]}

    def _keep(self, won: Mapping[int, tuple[int, str]]) -> None:
        self._made |= won
        self.open = {at: one for at, one in self.open.items() if at not in won}

    def _new_ids(self, count: int) -> list[int]:
        ids = allocate_ids(self._connection, count, self._last_id)
        self._last_id = max([self._last_id, *ids])
        return ids

    def _take_numbers(self, count: int) -> int:
        if not self._maker.uses("next"):
            return 0
        table = GeneratorConfig.__table__
        step = update(GeneratorConfig).values(next_number=table.c.next_number + count).returning(table.c.next_number)
        return int(self._connection.execute(step).scalar_one()) - count


def taken_of(connection: Connection, logins: Sequence[str]) -> set[str]:
    """Return which of these logins somebody has or had, folded."""
    wanted = [{"field": "login", "value": login.casefold()} for login in logins]
    return {value for _field, value in owners_of(connection, wanted)} | used_before(connection, logins)


def used_before(connection: Connection, logins: Sequence[str]) -> set[str]:
    """Return which of these logins a customer had who is in the bin or erased, folded."""
    return {login.casefold() for login in remembered(connection, logins, current_app.extensions["keyring"])}


def no_free_login(maker: LoginMaker, newcomer: Newcomer, without: int, total: int) -> PatternError:
    """Return the error of a pattern that is used up, with how many customers it leaves without a login."""
    places = () if maker.is_endless else maker.places(newcomer)
    size = _("It makes %(size)d, and they are taken. ", size=capacity(places)) if places else ""
    return PatternError(
        _(
            "The login pattern %(pattern)s made no free login for %(without)d of %(total)d customers. "
            "%(size)s%(remedy)s",
            pattern=maker.pattern,
            without=without,
            total=total,
            size=size,
            remedy=remedy(),
        )
    )


def remedy() -> str:
    """Return what to do about a pattern that is used up."""
    return _("Change it under Config → Main → Customers, for example by adding {rand_string|4}.")


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
