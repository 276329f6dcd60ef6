"""How the database would answer what is asked of it, if there were very many customers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Select, event

from panel.database import is_sqlite


@contextmanager
def plans(connection: Connection) -> Iterator[list[str]]:
    """Collect the plan of each query that a block asks."""
    asked: list[tuple[str, Any]] = []
    found: list[str] = []

    def note(_connection: object, _cursor: object, sql: str, values: Any, _context: object, _many: object) -> None:
        asked.append((sql, values))

    event.listen(connection.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(connection.engine, "before_cursor_execute", note)
    pretend_many(connection)
    found += [
        _explained(connection, sql, values) for sql, values in asked if sql.lstrip().startswith(("SELECT", "WITH"))
    ]


def plan_of(connection: Connection, query: Select[Any]) -> str:
    """Return the plan of one query."""
    pretend_many(connection)
    sql = query.compile(connection, compile_kwargs={"literal_binds": True})
    return _explained(connection, str(sql).replace("%", "%%"), ())


def pretend_many(connection: Connection) -> None:
    """Let PostgreSQL do without indexes only where there is none, until the transaction ends; SQLite does anyhow."""
    if is_sqlite(connection):
        return
    many = "UPDATE pg_class SET relpages = 1, reltuples = 1000000 WHERE relname LIKE '{}'"
    for name in ("customer", "revision", "pk_customer", "ix_customer_%%", "ix_revision_%%"):
        connection.exec_driver_sql(many.format(name))
    for way in ("seqscan", "sort", "bitmapscan"):
        connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")


def _explained(connection: Connection, sql: str, values: Any) -> str:
    explain = "EXPLAIN QUERY PLAN" if is_sqlite(connection) else "EXPLAIN"
    return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {sql}", values))
