"""The language of login patterns: ``{var|length}`` with text between, and mistakes that know their place."""

from __future__ import annotations

import datetime as dt
import difflib
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from panel.characters import REFUSED, UNSAFE, Alphabet, spelled
from sync.errors import SyncError

LONGEST_LOGIN = 128
"""As the login's field takes it."""
LONGEST_PART = 64
RANDOM_LENGTH = 6
"""The length of a random part that names none."""
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
RANDOM = frozenset({"rand_string", "rand_number"})
PERSONAL = frozenset({"email", "phone"})
ENDLESS = frozenset({"id", "next"})
DATED = ("day", "month", "year")
_NAMED = re.compile(r"\{([^{}]*)\}")


class PatternError(SyncError):
    """A login pattern that cannot be read, or that makes no more free logins.

    `start` and `end` bound the mistake in the pattern, where it has a place.
    """

    def __init__(self, message: str, start: int | None = None, end: int | None = None) -> None:
        super().__init__(message)
        self.start = start
        self.end = end if end is not None or start is None else start + 1


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a pattern: a literal text, or a variable with its length (0 for its own)."""

    literal: str = ""
    variable: str = ""
    length: int = 0

    @property
    def width(self) -> int:
        """Return how many characters it makes at least, or at most where it cuts."""
        own = RANDOM_LENGTH if self.variable in RANDOM else 0
        return len(self.literal) or self.length or own


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What a pattern may use of a customer whose login is to be made."""

    id: int
    email: str = ""
    phone: str = ""
    partner_id: int = 0
    location_id: int = 0


def parse_pattern(pattern: str) -> tuple[Part, ...]:
    """Return the parts of a pattern; a `PatternError` names the place of a mistake and the remedy."""
    if not pattern.strip():
        raise PatternError(_("The login pattern is empty. Write one such as {id|6}."))
    parts = tuple(_parts(pattern))
    if sum(part.width for part in parts) > LONGEST_LOGIN:
        raise PatternError(_("The pattern makes logins of more than %(most)d characters.", most=LONGEST_LOGIN))
    return parts


def check_pattern(pattern: str) -> tuple[Part, ...]:
    """Return the parts of a pattern that is to be kept: one that also tells customers apart."""
    parts = parse_pattern(pattern)
    if {part.variable for part in parts} <= {"", "partner_id", "location_id", *DATED}:
        raise PatternError(
            _("Nothing in the pattern tells two customers apart. Add {id|6}, {next|6} or {rand_string|6}.")
        )
    return parts


def _parts(pattern: str) -> Iterator[Part]:
    at = 0
    while at < len(pattern):
        if pattern[at] == "{":
            part, at = _variable(pattern, at)
        else:
            part, at = _literal(pattern, at)
        yield part


def _literal(pattern: str, start: int) -> tuple[Part, int]:
    end = pattern.find("{", start)
    literal = pattern[start : end if end >= 0 else len(pattern)]
    for place, char in enumerate(literal, start):
        if reason := _why_not(char, is_first=place == 0, is_last=place == len(pattern) - 1):
            raise _mistake(reason, place)
    return Part(literal=literal), start + len(literal)


def _why_not(char: str, *, is_first: bool, is_last: bool) -> str:
    if char == "}":
        return _("'}' closes nothing. A variable is written as {id} or {id|6}.")
    if char == "|":
        return _("'|' has no variable before it. Put both into braces, as in {id|6}.")
    if char not in string.printable or char.isspace() or char in REFUSED:
        return _("%(char)s cannot be part of a login. Write letters, digits, '.', '_' or '-'.", char=spelled(char))
    if char in UNSAFE and (is_first or is_last):
        return _("A login does not begin or end with '%(char)s', which spreadsheets take for a formula.", char=char)
    return ""


def _mistake(reason: str, start: int, end: int | None = None) -> PatternError:
    where = _("Character %(place)d of the pattern:", place=start + 1)
    return PatternError(f"{where} {reason}", start, end)


def _variable(pattern: str, start: int) -> tuple[Part, int]:
    found = _NAMED.match(pattern, start)
    if found is None:
        until = next((at for at in range(start + 1, len(pattern)) if pattern[at] in "{}"), len(pattern))
        raise _mistake(_("this '{' is never closed. Write {id} or {id|6}."), start, until)
    name, sign, length = found[1].partition("|")
    inner = start + 1
    if not name.strip():
        raise _mistake(_("a variable is missing here. Write {id} or {id|6}."), start, found.end())
    if name not in VARIABLES:
        raise _mistake(_unknown(name), inner, inner + len(name))
    if sign:
        _check_length(name, length, inner + len(name) + 1, found.end())
    return Part(variable=name, length=int(length or 0)), found.end()


def _unknown(name: str) -> str:
    known = ", ".join(f"{{{one}}}" for one in VARIABLES)
    wanted = name.strip().lower().replace("-", "_").replace(" ", "_")
    near = [one for one in VARIABLES if wanted and (one.startswith(wanted) or wanted.startswith(one))]
    near = near or difflib.get_close_matches(wanted, VARIABLES, 1, 0.5)
    if near:
        return _(
            "there is no {%(name)s}. Did you mean {%(near)s}? There are: %(known)s.",
            name=name,
            near=near[0],
            known=known,
        )
    return _("there is no {%(name)s}. There are: %(known)s.", name=name, known=known)


def _check_length(name: str, length: str, start: int, end: int) -> None:
    most = LONGEST_PART
    if not (length.isascii() and length.isdecimal()):
        raise _mistake(_("after '|' comes a length, as in {%(name)s|6}.", name=name), start, end - 1 if length else end)
    if not 1 <= int(length[:9]) <= most:
        reason = _("a length is 1 to %(most)d. Write {%(name)s|6}, for example.", most=most, name=name)
        raise _mistake(reason, start, end - 1)


def places_of(
    parts: Sequence[Part], newcomer: Newcomer, day: dt.date, number: int, alphabets: Mapping[str, Alphabet]
) -> tuple[str, ...]:
    """Return, for each character of a login, those that it may be: one, or those of a random part's alphabet.

    Numbers are padded with zeros and never cut; an email gives its first characters, a phone its last digits.
    """
    values = _values(newcomer, day, number)
    places: list[str] = []
    for part in parts:
        if part.variable in RANDOM:
            places.extend(alphabets[part.variable].at(place, part.width) for place in range(part.width))
        else:
            places.extend(part.literal or _cut_or_padded(part, values[part.variable]))
    _refuse_length(len(places))
    return tuple(places)


def _refuse_length(length: int) -> None:
    if not length:
        raise PatternError(
            _("The login pattern gives an empty login for this customer. Fill in what it uses, or the login.")
        )
    if length > LONGEST_LOGIN:
        raise PatternError(
            _(
                "The login pattern gives this customer a login of %(length)d characters; %(most)d are the most. "
                "Give its variables a length, such as {email|20}.",
                length=length,
                most=LONGEST_LOGIN,
            )
        )


def _values(newcomer: Newcomer, day: dt.date, number: int) -> dict[str, str]:
    return {
        "id": str(newcomer.id),
        "email": newcomer.email.casefold(),
        "phone": "".join(c for c in newcomer.phone if c.isascii() and c.isdigit()),
        "partner_id": str(newcomer.partner_id),
        "location_id": str(newcomer.location_id),
        "year": f"{day.year:04d}",
        "month": f"{day.month:02d}",
        "day": f"{day.day:02d}",
        "next": str(number),
    }


def _cut_or_padded(part: Part, value: str) -> str:
    if part.variable == "email":
        return value[: part.length] if part.length else value
    return value[-part.length :] if part.variable == "phone" else value.zfill(part.length)
