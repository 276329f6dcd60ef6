"""Triggers: the database itself refuses a write of a customer that the change log does not know, and a forged past."""

from __future__ import annotations

from sqlalchemy import Connection

from panel.database import is_sqlite

# (trigger, table, moment, when it refuses, what it says)
RULES = (
    (
        "customer_needs_revision",
        "customer",
        "UPDATE",
        "NEW.revision <> OLD.revision + 1 OR NEW.id <> OLD.id",
        "a customer is written with its next revision only",
    ),
    ("customer_starts_at_one", "customer", "INSERT", "NEW.revision <> 1", "a new customer has revision 1"),
    ("customer_stays", "customer", "DELETE", "1 = 1", "customers go to the bin and are never deleted"),
    ("revision_stays", "revision", "DELETE", "1 = 1", "the change log is never shortened"),
    (
        "revision_is_final",
        "revision",
        "UPDATE",
        (
            "NEW.entity <> OLD.entity OR NEW.record_id <> OLD.record_id OR NEW.number <> OLD.number"
            " OR NEW.stamp <> OLD.stamp OR NEW.at <> OLD.at"
        ),
        "an entry of the change log keeps its place",
    ),
    ("event_is_final", "event", "UPDATE", "1 = 1", "what happened is not rewritten"),
    ("event_stays", "event", "DELETE", "OLD.at > {some_days_ago}", "what happened lately is not forgotten"),
)
KEPT_DAYS = 90
"""Events may be swept away when they are older."""


def install_guards(connection: Connection) -> None:
    """Make every trigger anew; needed after any migration that rebuilds a table."""
    for rule in RULES:
        for statement in _sqlite(*rule) if is_sqlite(connection) else _postgresql(*rule):
            connection.exec_driver_sql(statement)


def _sqlite(name: str, table: str, moment: str, refused: str, message: str) -> list[str]:
    # Moments are kept as text in UTC, which compares as they do.
    refused = refused.replace("{some_days_ago}", f"datetime('now', '-{KEPT_DAYS} days')")
    create = (
        f"CREATE TRIGGER {name} BEFORE {moment} ON {table} WHEN {refused} BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )
    return [f"DROP TRIGGER IF EXISTS {name}", create]


def _postgresql(name: str, table: str, moment: str, refused: str, message: str) -> list[str]:
    function = (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger AS $$ BEGIN "
        f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END $$ LANGUAGE plpgsql"
    )
    refused = refused.replace("{some_days_ago}", f"now() - interval '{KEPT_DAYS} days'")
    create = f"CREATE TRIGGER {name} BEFORE {moment} ON {table} FOR EACH ROW WHEN ({refused}) EXECUTE FUNCTION {name}()"
    return [function, f"DROP TRIGGER IF EXISTS {name} ON {table}", create]
