"""Finding customers by what is typed into a search box: each word by indexes first, row by row where it is common.

A word that few customers match becomes the list of their IDs, which indexes give. One that many match is a condition on
the row: whatever the order, a page soon meets enough of them. Both mean the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    column,
    false,
    func,
    literal,
    or_,
    select,
    table,
    union,
    union_all,
)

from panel.database import TooSlow, is_sqlite, within
from panel.forms.registry import ENTRIES, finds
from panel.forms.searching import by_beginning, by_contact, by_digits, by_text, contact_begins, digits_in
from panel.models import Customer, CustomerContact
from panel.schema import Schema
from panel.structures import search_table, trigrammed_keys
from sync.fields import Field

FEW = 10_000
"""Of a word, so many found customers are a list; SQLite and PostgreSQL sort and join as many in no time."""
SCANNED = 10_000
"""So many customers are looked through where there is no index of trigrams."""
PROBE_SECONDS = 0.3

_SEARCHED = frozenset({"login", "full_name", "phones", "emails", "city"})
_BY_BEGINNING = frozenset({"login"})
_GRAM = 3
_TABLE = Customer.__table__
_THERE: ColumnElement[bool] = _TABLE.c.deleted_at.is_(None)
_CONTACT = CustomerContact.__table__.c


@dataclass(frozen=True, slots=True)
class Finder:
    """One way to find customers: the condition on a row, and the query for their IDs that an index answers.

    Where the condition looks `elsewhere` than in the row, it is the last to be asked.
    """

    row: ColumnElement[bool]
    ids: Select[Any]
    elsewhere: bool = False


def condition(connection: Connection, schema: Schema, search: str) -> ColumnElement[bool] | None:
    """Return the condition that all words are found, each in the ID or a searched field; None for no word.

    Words that together are a phone number that there is, are that number.
    """
    words = search.split()
    if not words:
        return None
    fields = [field for field in schema.fields if _is_searched(schema, field)]
    some = select(_TABLE.c.id).where(_THERE).limit(SCANNED + 1)
    searcher = Searcher(connection, fields, trigrammed_keys(connection), _count(connection, some) > SCANNED)
    number = digits_in(" ".join(words))
    phones = [_contact(field, number) for field in fields if field.type == "phones" and number and len(words) > 1]
    if phones and _count(connection, union_all(*(one.ids for one in phones)).limit(1)):
        return searcher.any_of(phones)
    return and_(*(searcher.word(word) for word in words))


def _is_searched(schema: Schema, field: Field) -> bool:
    placement = schema.placements.get(field.key)
    return field.key in _SEARCHED if placement is None else placement.searchable and not placement.hidden


def _count(connection: Connection, ids: Any) -> int:
    return connection.execute(select(func.count()).select_from(ids.subquery())).scalar_one()


@dataclass(frozen=True, slots=True)
class Searcher:
    """Where a search looks, and by which indexes; `many` says that there are more than `SCANNED` customers."""

    connection: Connection
    fields: Sequence[Field]
    trigrammed: frozenset[str]
    many: bool

    def word(self, word: str) -> ColumnElement[bool]:
        """Return the condition that a word is found."""
        return self.any_of([*_by_id(word), *(one for field in self.fields for one in self._in_field(field, word))])

    def any_of(self, finders: Sequence[Finder]) -> ColumnElement[bool]:
        """Return the condition that one of the finders finds a row, in the form that fits how many there are."""
        if not finders:
            return false()
        try:
            with within(self.connection, PROBE_SECONDS):
                found = _count(self.connection, union_all(*(one.ids for one in finders)).limit(FEW + 1))
        except TooSlow:
            found = FEW + 1
        if found > FEW:
            return or_(*(one.row for one in sorted(finders, key=lambda one: one.elsewhere)))
        return _TABLE.c.id.in_(union(*(one.ids for one in finders)))

    def _in_field(self, field: Field, word: str) -> Iterator[Finder]:
        entry = ENTRIES[field.type]
        if field.key in _BY_BEGINNING:
            yield _plain(by_beginning(field, entry.storage, word))
        elif entry.search is by_contact:
            if field.type != "phones" or digits_in(word):
                yield _contact(field, word)
        elif entry.search in (by_text, by_digits):
            yield self._in_text(field, word)
        elif (row := finds(field, word)) is not None and row is not false():
            yield _plain(row)

    def _in_text(self, field: Field, word: str) -> Finder:
        entry, row = ENTRIES[field.type], finds(field, word)
        part = digits_in(word) if entry.search is by_digits else word
        if row is None or (entry.search is by_digits and not part):
            return _plain(false())
        if field.key in self.trigrammed and len(part) >= _GRAM:
            return Finder(row, _by_trigrams(field, part)) if is_sqlite(self.connection) else _plain(row)
        return _plain(by_beginning(field, entry.storage, word) if self.many else row)


def _plain(row: ColumnElement[bool]) -> Finder:
    return Finder(row, select(_TABLE.c.id).where(_THERE, row))


def _by_id(word: str) -> Iterator[Finder]:
    number = word.removeprefix("#")
    if number.isascii() and number.isdecimal() and len(number) < 18:
        yield _plain(_TABLE.c.id == int(number))


def _contact(field: Field, word: str) -> Finder:
    ids = select(_CONTACT.customer_id).where(contact_begins(field, word))
    return Finder(by_contact(field, ENTRIES[field.type].storage, word), ids, elsewhere=True)


def _by_trigrams(field: Field, part: str) -> Select[Any]:
    name = search_table(field)
    grams = table(name, column("rowid", BigInteger), column(name))
    quoted = part.replace('"', '""')
    return select(grams.c.rowid).where(grams.c[name].op("MATCH")(literal(f'"{quoted}"')))
