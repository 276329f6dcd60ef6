"""What random logins and passwords are drawn from: each character with equal chance, none that is misread."""

from __future__ import annotations

import math
import secrets
import string
import unicodedata
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import ngettext

UNSAFE = "=+-@'"
"""What no login or password begins or ends with: spreadsheets and shells read it as something else."""
REFUSED = '"\\#%:`'
"""What no generated login or password holds: RADIUS files and addresses read it as something else."""
AMBIGUOUS = "0O1lI|5S2Z8B"
"""What people take for another character."""

GUESSES = 10_000_000_000
"""Tries a second of one good graphics card at the hashes that network gear keeps."""
FEWEST_BITS, WEAK_BITS, GOOD_BITS = 20, 48, 64
ADVISED_LENGTH = 12
_SAFE_ENDS = frozenset(string.ascii_letters + string.digits)


def spelled(char: str) -> str:
    """Return a character as a sentence names it; one that nobody sees by its number."""
    unseen = not char.isprintable() or char.isspace() or unicodedata.category(char).startswith("M")
    return f"U+{ord(char):04X}" if unseen else f"'{char}'"


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The characters of a setting, each once; `clear` leaves out those that people take for another."""

    text: str
    clear: bool = False

    @property
    def inner(self) -> str:
        """Return what a character within may be."""
        kept = dict.fromkeys(self.text)
        return "".join(char for char in kept if not (self.clear and char in AMBIGUOUS))

    @property
    def outer(self) -> str:
        """Return what the first and the last character may be."""
        return "".join(char for char in self.inner if char in _SAFE_ENDS)

    def at(self, place: int, length: int) -> str:
        """Return what the character at a place of a text of this length may be."""
        return self.outer if place in {0, length - 1} else self.inner

    def draw(self, length: int) -> str:
        """Return a random text; each character is drawn with equal chance."""
        outer, inner = self.outer, self.inner
        return "".join(secrets.choice(outer if place in {0, length - 1} else inner) for place in range(length))

    def bits(self, length: int) -> float:
        """Return how many bits of chance are in a text of this length."""
        return sum(math.log2(len(self.at(place, length))) for place in range(length)) if self.outer else 0.0


def problem_of(text: str, *, clear: bool) -> str | None:
    """Return what is wrong with a setting's characters, and the remedy."""
    wrong = next((c for c in text if c not in string.printable or c.isspace() or c in REFUSED), None)
    if wrong is not None:
        return _(
            "Leave out %(char)s: write letters, digits and signs that every device can type, without white space "
            "and without any of %(refused)s",
            char=spelled(wrong),
            refused=" ".join(REFUSED),
        )
    twice = "".join(dict.fromkeys(char for char in text if text.count(char) > 1))
    if twice:
        return _("Write each character once: '%(twice)s' came more often.", twice=twice)
    return _too_few(Alphabet(text, clear))


def _too_few(alphabet: Alphabet) -> str | None:
    if len(alphabet.outer) >= 2:
        return None
    return _(
        "At least two letters or digits are needed, because a login or password does not begin or end with any of "
        "%(unsafe)s or another sign.%(more)s",
        unsafe=" ".join(UNSAFE),
        more=_(" Characters that people take for another do not count.") if alphabet.clear else "",
    )


@dataclass(frozen=True, slots=True)
class Strength:
    """A password's entropy in words; `level` is ``refused``, ``weak``, ``fair`` or ``good``."""

    bits: int
    level: str
    words: str


def strength_of(alphabet: Alphabet, length: int) -> Strength:
    """Return how hard the passwords of a setting are to guess."""
    exact = alphabet.bits(length)
    bits = int(exact)
    if exact < FEWEST_BITS:
        return Strength(bits, "refused", _("%(bits)d bits: too weak, guessed at once. Take more.", bits=bits))
    time = _duration(2 ** (exact - 1) / GUESSES)
    if exact >= GOOD_BITS:
        return Strength(bits, "good", _("%(bits)d bits: good, guessed in %(time)s on average.", bits=bits, time=time))
    level, word = ("weak", _("weak")) if exact < WEAK_BITS else ("fair", _("fair"))
    words = _(
        "%(bits)d bits: %(word)s, guessed in %(time)s on average by 10,000,000,000 tries a second. "
        "Advice: %(good)d bits, which are %(length)d of these characters.",
        bits=bits,
        word=word,
        time=time,
        good=GOOD_BITS,
        length=_length_for(alphabet),
    )
    return Strength(bits, level, words)


def _length_for(alphabet: Alphabet) -> int:
    return next(n for n in range(ADVISED_LENGTH, 1000) if alphabet.bits(n) >= GOOD_BITS)


def _duration(seconds: float) -> str:
    """Return a time as people say it, rounded to one unit."""
    hours, days, years = seconds / 3600, seconds / 86400, seconds / 31_557_600
    if seconds < 90:
        return _("seconds") if seconds >= 1 else _("less than a second")
    if hours < 1.5:
        return ngettext("%(num)d minute", "%(num)d minutes", round(seconds / 60))
    if days < 2:
        return ngettext("%(num)d hour", "%(num)d hours", round(hours))
    if years < 2:
        return ngettext("%(num)d day", "%(num)d days", round(days))
    if years < 10_000:
        return ngettext("%(num)d year", "%(num)d years", round(years))
    return _("more than 10,000 years")
