"""Names that may be one and the same: in any order of words, with or without accents, mistyped as it sounds.

Each customer's name is kept as marks: all of its words but one as they are written, and that one as it sounds, for each
word in turn. Who has a mark is found by an index, and compared letter by letter only then.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher

from sqlalchemy import Connection, delete, insert, select

from panel.models import Customer, CustomerLikeness
from panel.records import BATCH, batches

MOST_WORDS = 6
LONGEST_MARK = 120
_ROWS_AT_ONCE = 5_000

_PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_NOT_OF_THE_NAME = frozenset(
    "bc ing mgr ph mudr judr phdr rndr phd mba dr prof mr mrs ms miss ltd limited llc inc corp gmbh sro spol".split()
)
_SOUNDS = {
    letter: str(number)
    for number, letters in enumerate(("bfpvw", "cgjkqsxz", "dt", "l", "mn", "r"), 1)
    for letter in letters
} | dict.fromkeys("aeiouyh", "")
_VOWEL_FIRST = "0"


def words_of(name: str) -> tuple[str, ...]:
    """Return a name's words in order of the alphabet, in plain small letters, without titles and single letters."""
    apart = unicodedata.normalize("NFKD", name.casefold().translate(_PLAIN))
    plain = "".join(char for char in apart if not unicodedata.combining(char))
    # What was written with an apostrophe is one word: O'Neil, ONeil.
    words = "".join(char if char.isalnum() else "" if char in "'’" else " " for char in plain).split()
    telling = [word for word in words if len(word) > 1 and word not in _NOT_OF_THE_NAME] or words
    return tuple(sorted(sorted(telling, key=len, reverse=True)[:MOST_WORDS]))


def sound_of(word: str) -> str:
    """Return what a word sounds like: classes of its consonants, and letters of other alphabets as they are."""
    said, last = "" if _SOUNDS.get(word[0], word[0]) else _VOWEL_FIRST, ""
    for letter in word:
        sound = _SOUNDS.get(letter, letter)
        said += sound if sound != last else ""
        last = sound
    return said


def marks_of(name: str) -> frozenset[str]:
    """Return the marks of a name; names with one in common are worth comparing."""
    words = words_of(name)
    others = ((word, [*words[:place], *words[place + 1 :]]) for place, word in enumerate(words))
    return frozenset(f"{sound_of(word)}|{' '.join(rest)}"[:LONGEST_MARK] for word, rest in others)


def likeness(one: str, other: str) -> float:
    """Return how much alike two names are: 1 where only accents, titles or the order of words differ."""
    return SequenceMatcher(None, " ".join(words_of(one)), " ".join(words_of(other)), autojunk=False).ratio()


def follow_names(connection: Connection, names: Mapping[int, str | None]) -> None:
    """Keep the marks of customers' new names, by ID, in the caller's transaction; of no name, none."""
    table = CustomerLikeness.__table__
    for some in batches(names, BATCH):
        connection.execute(delete(CustomerLikeness).where(table.c.customer_id.in_(some)))
    rows = ({"mark": mark, "customer_id": one} for one, name in names.items() for mark in marks_of(name or ""))
    for some_rows in batches(rows, _ROWS_AT_ONCE):
        connection.execute(insert(CustomerLikeness), some_rows)


def mark_all(connection: Connection) -> None:
    """Make the marks of customers who were there before there were any."""
    if connection.execute(select(CustomerLikeness.customer_id).limit(1)).first() is None:
        for names in batches(_all_names(connection), _ROWS_AT_ONCE):
            follow_names(connection, dict(names))


def _all_names(connection: Connection) -> Iterator[tuple[int, str]]:
    table, last = Customer.__table__.c, 0
    while True:
        query = select(table.id, table.full_name).where(table.id > last, table.erased_at.is_(None))
        rows = connection.execute(query.order_by(table.id).limit(_ROWS_AT_ONCE)).all()
        if not rows:
            return
        yield from (tuple(row) for row in rows)
        last = rows[-1].id
