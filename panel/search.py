"""Finding customers by what is typed into a search box: each word by indexes first, row by row where it is common.

A word that few customers match becomes the list of their IDs, which indexes give. One that many match is a condition on
the row: whatever the order, a page soon meets enough of them. Both mean the same.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ClauseElement,
    ColumnElement,
    Connection,
    Executable,
    Select,
    and_,
    column,
    false,
    func,
    literal,
    or_,
    select,
    table,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

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
COMMON = 2 * FEW
"""Of a word that PostgreSQL expects in so many customers, nobody looks for all of them."""
PROBE_SECONDS = 0.25

_SEARCHED = frozenset({"login", "full_name", "phones", "emails", "city"})
_BY_BEGINNING = frozenset({"login"})
_GRAM = 3
_TABLE = Customer.__table__
_THERE: ColumnElement[bool] = _TABLE.c.deleted_at.is_(None)
_CONTACT = CustomerContact.__table__.c


class Explained(Executable, ClauseElement):
    """What PostgreSQL expects of a query, without running it."""

    inherit_cache = False

    def __init__(self, query: Select[Any]) -> None:
        self.query = query


@compiles(Explained, "postgresql")
def _explained(element: Explained, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.query, **options)}"


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
    newest = connection.execute(select(func.max(_TABLE.c.id))).scalar() or 0
    searcher = Searcher(connection, fields, trigrammed_keys(connection), newest)
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
    """Where a search looks, and by which indexes; `newest` is the highest ID."""

    connection: Connection
    fields: Sequence[Field]
    trigrammed: frozenset[str]
    newest: int

    def word(self, word: str) -> ColumnElement[bool]:
        """Return the condition that a word is found."""
        return self.any_of([*_by_id(word), *(one for field in self.fields for one in self._in_field(field, word))])

    def any_of(self, finders: Sequence[Finder]) -> ColumnElement[bool]:
        """Return the condition that one of the finders finds a row, in the form that fits how many there are."""
        if not finders:
            return false()
        found = None if self._is_common(finders) else self._probe(finders)
        if found is None:
            return or_(*(one.row for one in sorted(finders, key=lambda one: one.elsewhere)))
        return _is_one_of(self.connection, found)

    def _probe(self, finders: Sequence[Finder]) -> frozenset[int] | None:
        """Return the IDs of those that match, or None where these are many or take long to find."""
        ids = union_all(*(one.ids for one in finders)).limit(FEW + 1)
        try:
            with within(self.connection, PROBE_SECONDS):
                found = self.connection.execute(ids).scalars().all()
        except TooSlow:
            return None
        return frozenset(found) if len(found) <= FEW else None

    def _is_common(self, finders: Sequence[Finder]) -> bool:
        """Tell whether very many will match: PostgreSQL looks at all of them before it gives the first."""
        rows = [one.row for one in finders if not one.elsewhere]
        if is_sqlite(self.connection) or self.newest <= COMMON or not rows:
            return False
        plan = self.connection.execute(Explained(select(_TABLE.c.id).where(_THERE, or_(*rows)))).scalar_one()
        return int(plan[0]["Plan"]["Plan Rows"]) > COMMON

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
        return _plain(by_beginning(field, entry.storage, word) if self.newest > SCANNED else row)


def _is_one_of(connection: Connection, ids: Collection[int]) -> ColumnElement[bool]:
    """Return the condition that a customer is one of these, with the IDs in one argument."""
    if is_sqlite(connection):
        listed = func.json_each(json.dumps(sorted(ids))).table_valued("value")
        return _TABLE.c.id.in_(select(listed.c.value))
    return _TABLE.c.id == func.any(literal(sorted(ids), ARRAY(BigInteger)))


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
