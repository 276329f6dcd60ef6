"""Which passwords are good enough for people who work in the panel."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flask_babel import gettext as _

SHORTEST, LONGEST = 12, 200
GUESSED_SLOWLY = 3
"""From 0 to 4 by zxcvbn, which knows 30,000 common passwords, names, words, dates and rows of keys: 10^8 guesses."""
_LOOKED_AT = 72  # zxcvbn takes no more


def weakness(password: str, *about_user: str) -> str:
    """Return what is wrong with a new password, or nothing; there is no rule about kinds of characters."""
    if not SHORTEST <= len(password) <= LONGEST:
        return str(_("Write %(least)d to %(most)d characters.", least=SHORTEST, most=LONGEST))
    known = [part for text in about_user for part in (text, *text.replace("@", " ").replace(".", " ").split())]
    lowered = password.casefold()
    told = any(lowered == part.casefold() for part in known)
    if told or _estimate()(password[:_LOOKED_AT], user_inputs=["rollbook", *known])["score"] < GUESSED_SLOWLY:
        return str(_("This is easily guessed. Choose another: a few words that have nothing to do with each other."))
    return ""


@functools.cache
def _estimate() -> Callable[..., dict[str, Any]]:
    # Its lists take a tenth of a second to load, which no command needs.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    estimate: Callable[..., dict[str, Any]] = zxcvbn
    return estimate
