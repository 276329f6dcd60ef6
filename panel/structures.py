"""What the database keeps for lists to be quick beyond the tables: indexes on values, trigram indexes, contacts.

All follow from the fields as they are, so that no migration knows them: they are made when an instance is prepared,
after any migration that rebuilds a table, and when a field becomes listed or searchable. A name says what a structure
holds, down to the kind of value: one whose name is there is right, and one that no field wants any more is dropped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Text
from sqlalchemy.exc import DBAPIError

from panel.database import is_sqlite
from panel.forms.expressions import expression
from panel.forms.ordering import ByBytes
from panel.forms.registry import ENTRIES, is_sorted, sorts_by
from panel.forms.searching import by_digits, by_text, digits_of
from panel.schema import Schema
from sync.fields import Field
from sync.types import FIELD_TYPES

MOST_INDEXED = 20
"""Each index makes every write a little slower."""
UNSORTED = frozenset({"geo", "password"})
TRIGRAMMED = frozenset({"full_name", "city"})
_BUILT_IN, _ADDITIONAL, _SEARCH, _GRAMS = "ix_customer_by_", "ix_customer_cf_", "customer_search_", "_trgm"
OURS = (_BUILT_IN, _ADDITIONAL, _SEARCH)
"""How the names of structures begin; migrations leave them alone."""
_FIRST_WITH_TRIGRAMS = (3, 34)


@dataclass(frozen=True, slots=True)
class Structure:
    """An index or a search table: statements that make it and drop it. `concurrent` is a form that locks no writers."""

    name: str
    create: tuple[str, ...]
    drop: tuple[str, ...]
    concurrent: tuple[str, ...] = ()


def is_indexed(schema: Schema, field: Field) -> bool:
    """Tell whether a field has an index to be sorted, filtered and searched by."""
    if not is_sorted(field) or field.key in UNSORTED:
        return False
    placement = schema.placements.get(field.key)
    return placement is None or (not placement.hidden and (placement.show_in_list or placement.searchable))


def indexed(schema: Schema) -> tuple[Field, ...]:
    """Return the fields that get an index: of the additional ones that want it, the first `MOST_INDEXED`."""
    listed = [field for field in schema.fields if is_indexed(schema, field)]
    additional = [field for field in listed if field.additional]
    return (*(field for field in listed if not field.additional), *additional[:MOST_INDEXED])


def has_room(schema: Schema, key: str) -> bool:
    """Tell whether an additional field gets an index if it wants one; with a key of none it is a new one, the last."""
    before = takewhile(lambda field: field.key != key, schema.additional)
    return sum(is_indexed(schema, field) for field in before) < MOST_INDEXED


def is_trigrammed(schema: Schema, field: Field) -> bool:
    """Tell whether any part of a field's text is to be found by an index."""
    if not field.additional:
        return field.key in TRIGRAMMED
    is_text = ENTRIES[field.type].search in (by_text, by_digits)
    return is_text and schema.placements[field.key].searchable and is_indexed(schema, field)


def structures(connection: Connection, schema: Schema, *, trigrams: bool) -> Iterator[Structure]:
    """Yield everything that the lists of a schema want; with `trigrams` the database can index them."""
    for field in indexed(schema):
        yield from _orders(connection, field)
        if trigrams and is_trigrammed(schema, field):
            make = _search_table if is_sqlite(connection) else _trigram_index
            yield make(connection, field)


def _name(field: Field) -> str:
    return f"{_ADDITIONAL if field.additional else _BUILT_IN}{field.key}"


def _orders(connection: Connection, field: Field) -> Iterator[Structure]:
    order, entry = sorts_by(field), ENTRIES[field.type]
    yield _index(connection, f"{_name(field)}_{entry.storage}", order.key)
    is_text = isinstance(order.key.type, Text) and not field.options
    if is_text and not is_sqlite(connection) and not FIELD_TYPES[field.type].many:
        yield _index(connection, f"{_name(field)}_bytes", ByBytes(order.key))


def _index(connection: Connection, name: str, key: ColumnElement[Any]) -> Structure:
    sql = _sql(connection, key)
    on = f"{name} ON customer (({sql}), id) WHERE deleted_at IS NULL"
    # PostgreSQL plans badly without knowing the values, and does not take them from an index of a part of the rows.
    counts = (
        ()
        if is_sqlite(connection) or isinstance(key, Column)
        else (f"CREATE STATISTICS {name}_n ON ({sql}) FROM customer",)
    )
    return Structure(
        name,
        (f"CREATE INDEX IF NOT EXISTS {on}", *counts),
        dropping(connection, name),
        concurrent=(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {on}", *counts),
    )


def _trigram_index(connection: Connection, field: Field) -> Structure:
    name = f"{_name(field)}{_GRAMS}"
    on = f"{name} ON customer USING gin (({_sql(connection, searched_text(field))}) gin_trgm_ops)"
    return Structure(
        name,
        (f"CREATE INDEX IF NOT EXISTS {on}",),
        dropping(connection, name),
        concurrent=(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {on}",),
    )


def searched_text(field: Field) -> ColumnElement[str]:
    """Return the text in which any part of a field is found: of phone numbers the digits."""
    storage = ENTRIES[field.type].storage
    return digits_of(field, storage) if ENTRIES[field.type].search is by_digits else expression(field, storage)


def search_table(field: Field) -> str:
    """Return the name of a field's full-text table on SQLite."""
    return f"{_SEARCH}{field.key}"


def _search_table(connection: Connection, field: Field) -> Structure:
    """Return a full-text table of trigrams, whose triggers follow each write of the field."""
    name, text = search_table(field), _sql(connection, searched_text(field), row="customer")
    new, old = text.replace("customer.", "NEW."), text.replace("customer.", "OLD.")
    column = "extra" if field.additional else field.key
    remove = f"INSERT INTO {name} ({name}, rowid, text) VALUES ('delete', OLD.id, {old})"
    add = f"INSERT INTO {name} (rowid, text) VALUES (NEW.id, {new})"
    return Structure(
        name,
        (
            # It keeps no text of its own: a row is asked for it where it is shown.
            f"CREATE VIRTUAL TABLE {name} USING fts5 (text, content='', columnsize=0, tokenize='trigram')",
            f"INSERT INTO {name} (rowid, text) SELECT id, {text} FROM customer",
            f"CREATE TRIGGER {name}_added AFTER INSERT ON customer BEGIN {add}; END",
            (
                f"CREATE TRIGGER {name}_changed AFTER UPDATE OF {column} ON customer"
                f" WHEN {new} IS NOT {old} BEGIN {remove}; {add}; END"
            ),
        ),
        drop_search_table(name),
    )


def _sql(connection: Connection, value: ColumnElement[Any], row: str = "") -> str:
    options = {"literal_binds": True, "include_table": bool(row)}
    return str(value.compile(dialect=connection.dialect, compile_kwargs=options))


def existing(connection: Connection) -> frozenset[str]:
    """Return the names of the structures that are there and whole."""
    if is_sqlite(connection):
        # A search table without its triggers is out of date: a migration rebuilt the table that they were on.
        query = (
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'customer' UNION"
            " SELECT replace(name, '_changed', '') FROM sqlite_master WHERE type = 'trigger' AND name GLOB '*_changed'"
        )
    else:
        # What was broken off while it was made concurrently is there, and not valid.
        query = (
            "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE i.indrelid = 'customer'::regclass AND i.indisvalid"
        )
    names = connection.exec_driver_sql(query).scalars()
    return frozenset(name for name in names if name.startswith(OURS))


def trigrammed_keys(connection: Connection) -> frozenset[str]:
    """Return the keys of the fields that have a trigram index now."""
    names = existing(connection)
    if is_sqlite(connection):
        return frozenset(name.removeprefix(_SEARCH) for name in names if name.startswith(_SEARCH))
    grams = (name.removesuffix(_GRAMS) for name in names if name.endswith(_GRAMS))
    return frozenset(name.removeprefix(_BUILT_IN).removeprefix(_ADDITIONAL) for name in grams)


def enable_trigrams(connection: Connection) -> None:
    """Make PostgreSQL's extension, where the server has it and the database's user may."""
    if is_sqlite(connection):
        return
    with suppress(DBAPIError), connection.begin_nested():
        connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")


def indexes_trigrams(connection: Connection) -> bool:
    """Tell whether the database can index trigrams."""
    if is_sqlite(connection):
        options = connection.exec_driver_sql("PRAGMA compile_options").scalars().all()
        return "ENABLE_FTS5" in options and sqlite3.sqlite_version_info >= _FIRST_WITH_TRIGRAMS
    return bool(connection.exec_driver_sql("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'").scalar())


def dropping(connection: Connection, name: str) -> tuple[str, ...]:
    """Return the statements that drop the structure of a name."""
    if name.startswith(_SEARCH):
        return drop_search_table(name)
    statistics = () if is_sqlite(connection) else (f"DROP STATISTICS IF EXISTS {name}_n",)
    return (f"DROP INDEX IF EXISTS {name}", *statistics)


def drop_search_table(name: str) -> tuple[str, ...]:
    """Return the statements that drop a full-text table with its triggers."""
    triggers = (f"DROP TRIGGER IF EXISTS {name}_{moment}" for moment in ("added", "changed"))
    return (*triggers, f"DROP TABLE IF EXISTS {name}")
