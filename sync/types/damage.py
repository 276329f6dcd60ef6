"""What spreadsheet programs do to text: zeros stripped, digits cut, codes and dates guessed."""

from __future__ import annotations

import datetime as dt
import decimal
import itertools
import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sync.cells import Scalar
from sync.fields import Damage
from sync.types.date_text import Day, clock_time, possible_days
from sync.types.digits import from_number, is_usable, loses_digits, read_number
from sync.types.serials import moment_of
from sync.types.truth import FALSE_WORDS, TRUE_WORDS
from sync.words import later, say

_ZEROS = later("leading zeros were stripped")
_NUMBER = later("the text became a number")
_DIGITS = later("digits after the fifteenth were lost")
_DATE = later("the text became a date")
_TIME = later("the text became a time")
_TRUTH = later("the text became a truth value")
_ENCODING = later("letters were damaged by another encoding")
_SPACES = later("white space was replaced")
_TABS = later("tabs were lost, as on the way by an .ods file")

_AS_PROGRAMS_WRITE = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.([0-9]+))?(?:E([+-][0-9]+))?")
_DAY_SECONDS = 86_400
_CODE_PAGES = ("cp1252", "cp1250", "cp1251", "latin-1")
_ROUNDS = 2
"""How often in a row a text is read in a wrong encoding and saved."""
_TRUTHS = dict.fromkeys(TRUE_WORDS, True) | dict.fromkeys(FALSE_WORDS, False)


def text_damage(base: str, shown: Scalar) -> Damage | None:
    """Return what a program did to a text cell so that it became this value, if it did.

    Certain for a number, a date or a truth value, which nobody types into such a cell; a text
    may have been typed.
    """
    reason = _REASONS[type(shown)](base, shown)
    return Damage(say(reason), certain=not isinstance(shown, str)) if reason else None


def _typed_number(base: str) -> Decimal | None:
    """Return the number that a program takes a text for, as it would on typing it in."""
    text = "".join(base.split())
    if text.endswith("%"):
        number = read_number(text[:-1])
        return None if number is None else number / 100
    return read_number(text)


def _zeros(base: str) -> bool:
    return re.match(r"\s*[+-]?0[0-9]", base) is not None


def _number_reason(base: str, shown: float | Decimal) -> str | None:
    number, seen = _typed_number(base), from_number(shown)
    if number is None or not is_usable(number) or not is_usable(seen):
        return _time_reason(base, seen) or _serial_reason(base, seen)
    if number == seen:
        return _ZEROS if _zeros(base) else _NUMBER
    return _DIGITS if loses_digits(number, seen) else _serial_reason(base, seen)


def _serial_reason(base: str, seen: Decimal) -> str | None:
    moment = moment_of(seen) if is_usable(seen) else None
    return _date_reason(base, moment) if moment else None


def _time_reason(base: str, seen: Decimal) -> str | None:
    if (time := clock_time(base.strip())) is None:
        return None
    seconds = time.hour * 3600 + time.minute * 60 + time.second
    return _TIME if abs(seen * _DAY_SECONDS - seconds) < 1 else None


def _date_reason(base: str, shown: dt.date) -> str | None:
    return _DATE if _share_a_day(possible_days(base.strip()), {Day(*shown.timetuple()[:3])}) else None


def _share_a_day(base: set[Day], shown: set[Day]) -> bool:
    return any(
        before[1:] == after[1:] and (before.year == after.year or None in (before.year, after.year))
        for before in base
        for after in shown
    )


def _truth_reason(base: str, shown: bool) -> str | None:
    return _TRUTH if base.strip().casefold() == str(shown).casefold() else None


def _text_reason(base: str, shown: str) -> str | None:
    return next((reason for reason in (look(base, shown) for look in _TEXT_REASONS) if reason), None)


def _truth_word_reason(base: str, shown: str) -> str | None:
    """Look for a truth value in the words of another language, as CSV files have it."""
    truth = _TRUTHS.get(shown.strip().casefold())
    return None if truth is None or base.casefold() == shown.casefold() else _truth_reason(base, truth)


def _shortened_reason(base: str, shown: str) -> str | None:
    """Look for a number as programs show one, in place of another spelling of it."""
    written = _AS_PROGRAMS_WRITE.fullmatch(shown.strip())
    number = read_number(base.strip())
    if written is None or number is None or (_AS_PROGRAMS_WRITE.fullmatch(base) and "E" not in shown):
        return _cut_reason(base, shown)
    if number == (seen := Decimal(written[0])):
        return _ZEROS if _zeros(base) else _NUMBER
    kept = decimal.Context(prec=1 + len(written[1] or ""))
    return _DIGITS if written[2] and kept.plus(number) == seen else None


def _cut_reason(base: str, shown: str) -> str | None:
    number, seen = read_number(base.strip()), read_number(shown.strip())
    return _DIGITS if number is not None and seen is not None and loses_digits(number, seen) else None


def _form(text: str) -> str:
    return re.sub(r"[0-9]", "9", text)


def _redated_reason(base: str, shown: str) -> str | None:
    if _form(base) == _form(shown):
        return None
    return _DATE if _share_a_day(possible_days(base.strip()), possible_days(shown.strip())) else None


def _encoding_reason(base: str, shown: str) -> str | None:
    if base.isascii():
        return None
    same = unicodedata.normalize("NFC", base) == unicodedata.normalize("NFC", shown)
    return _ENCODING if same or _lost_letters(base, shown) or _misread(base, shown) else None


def _lost_letters(base: str, shown: str) -> bool:
    """Tell whether letters beyond ASCII, and nothing else, became question marks."""
    lost = all(now == was or (now in "?\ufffd" and not was.isascii()) for was, now in zip(base, shown, strict=False))
    return lost and len(base) == len(shown)


def _misread(base: str, shown: str) -> bool:
    """Tell whether the text was read in a wrong encoding: as one of Windows where it was UTF-8, or as another one."""
    readings = {base}
    for _round in range(_ROUNDS):
        readings = {_reread(text, "utf-8", code_page) for text in readings for code_page in _CODE_PAGES}
        if shown in readings:
            return True
    pairs = itertools.permutations(_CODE_PAGES, 2)
    return any(_reread(base, saved, read) == shown for saved, read in pairs)


def _reread(text: str, saved: str, read: str) -> str:
    return text.encode(saved, "replace").decode(read, "replace")


def misdecoded(text: str) -> str | None:
    """Return what a text was before it was read in a wrong encoding, or None where it looks right.

    UTF-8 read as a Windows encoding gives letters that nobody writes in this order, so a text that reads as UTF-8
    in one of them, and becomes shorter by that, was it.
    """
    for code_page in _CODE_PAGES[:2]:
        try:
            before = text.encode(code_page).decode("utf-8")
        except UnicodeError:
            continue
        if len(before) < len(text) and before.isprintable():
            return before
    return None


def _space_reason(base: str, shown: str) -> str | None:
    plain = shown.translate({0xA0: " "})
    spaced = base.translate({0xA0: " "})
    if plain in (spaced.replace("\t", " "), spaced.replace("\t", "")) and plain != spaced:
        return _TABS
    return _SPACES if plain == spaced else None


_TEXT_REASONS = (_shortened_reason, _redated_reason, _space_reason, _encoding_reason, _truth_word_reason)

_REASONS: dict[type, Callable[[str, Any], str | None]] = {
    bool: _truth_reason,
    int: _number_reason,
    float: _number_reason,
    Decimal: _number_reason,
    dt.date: _date_reason,
    dt.datetime: _date_reason,
    str: _text_reason,
}
