"""How many logins a pattern can make, and how many of them are taken, in words."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import ColumnElement, Connection, func, or_, select

from panel.database import is_sqlite
from panel.generator import LoginMaker, capacity
from panel.models import Location, Partner, UniqueValue
from panel.pattern import DATED, PERSONAL, Newcomer
from panel.schema import ENTITY

HALF, NEARLY = 0.5, 0.9
MOST_COMBINED = 100
"""So many pairs of partner and location are counted one by one."""


@dataclass(frozen=True, slots=True)
class Supply:
    """What a pattern can make: `size` logins, None where there is no end, of which `taken` are somebody's."""

    words: str
    size: int | None = None
    taken: int = 0

    @property
    def share(self) -> float:
        """Return how much of it is taken, 0 to 1."""
        return self.taken / self.size if self.size else 0.0

    @property
    def warning(self) -> str:
        """Return what a person should know before the pattern runs out, if it is going to."""
        if self.share >= 1:
            return _("All of them are taken: the next customer would get no login. Make the pattern longer.")
        if self.share >= NEARLY:
            return _("The pattern is nearly used up. Make it longer, for example by {rand_string|4}.")
        return _("More than half of them are taken. Make the pattern longer soon.") if self.share >= HALF else ""


def supply_of(connection: Connection, maker: LoginMaker) -> Supply:
    """Return how many logins a pattern can make and how many of those are taken."""
    if maker.is_endless:
        return Supply(_("It makes an unlimited number of logins."))
    if maker.uses(*PERSONAL):
        size = capacity(maker.places(Newcomer(1, "a@example.com", "1", 1, 1)))
        what = _("email") if maker.uses("email") else _("phone number")
        words = ngettext(
            "It makes %(made)s login for each %(what)s.",
            "It makes %(made)s logins for each %(what)s.",
            size,
            made=_grouped(size),
            what=what,
        )
        return Supply(words)
    spaces = list(_spaces(connection, maker))
    size, taken = sum(map(capacity, spaces)), _taken(connection, spaces)
    return Supply(_in_words(maker, size, taken), size, taken)


def _spaces(connection: Connection, maker: LoginMaker) -> Iterator[tuple[str, ...]]:
    """Yield the places of a login for each partner and location that the pattern tells apart."""
    used = (("partner_id", Partner), ("location_id", Location))
    ids = [
        list(connection.execute(select(model.id).where(model.merged_into.is_(None)).order_by(model.id)).scalars())
        if maker.uses(name)
        else [0]
        for name, model in used
    ]
    seen: set[tuple[str, ...]] = set()
    for partner_id, location_id in itertools.islice(itertools.product(*ids), MOST_COMBINED):
        places = maker.places(Newcomer(0, partner_id=partner_id, location_id=location_id))
        if places not in seen:
            seen.add(places)
            yield places


def _in_words(maker: LoginMaker, size: int, taken: int) -> str:
    spans = {"day": _(" a day"), "month": _(" in each month"), "year": _(" in each year")}
    span = next((words for name, words in spans.items() if name in DATED and maker.uses(name)), "")
    total = ngettext("It makes %(made)s login", "It makes %(made)s logins", size, made=_grouped(size))
    left = _("%(taken)s of them are taken (%(percent)s).", taken=_grouped(taken), percent=_percent(taken, size))
    return f"{total}{span}. {left}" if taken else _("%(total)s%(span)s. None of them is taken.", total=total, span=span)


def _grouped(number: int) -> str:
    return f"{number:,}" if number < 10**15 else f"{number:.1e}".replace("e+", " × 10^")


def _percent(taken: int, size: int) -> str:
    share = 100 * taken / size
    return "< 1 %" if share < 1 else f"{share:.0f} %"


def _taken(connection: Connection, spaces: Sequence[tuple[str, ...]]) -> int:
    """Return how many logins look as the pattern makes them."""
    value = UniqueValue.__table__.c.value
    alike: list[ColumnElement[bool]] = [
        value.op("GLOB")(_glob(one)) if is_sqlite(connection) else value.op("~")(_expression(one)) for one in spaces
    ]
    mine = (UniqueValue.entity == ENTITY, UniqueValue.field == "login")
    return connection.execute(select(func.count()).select_from(UniqueValue).where(*mine, or_(*alike))).scalar_one()


def _glob(places: Sequence[str]) -> str:
    return "".join(map(_for_glob, places))


def _for_glob(place: str) -> str:
    chars = set(place.casefold())
    if len(chars) == 1 and not chars & set("*?["):
        return chars.pop()
    # Within brackets, ] means itself only as the first, ^ only where it is not, - only at an end.
    plain = "".join(sorted(chars - set("]^-")))
    first, caret, dash = (char if char in chars else "" for char in "]^-")
    return f"[{first}{plain}{caret}{dash}]" if first or plain else "[-^]"


def _expression(places: Sequence[str]) -> str:
    def escaped(char: str) -> str:
        return char if char.isalnum() else f"\\{char}"

    return "^" + "".join(f"[{''.join(map(escaped, sorted(set(place.casefold()))))}]" for place in places) + "$"
