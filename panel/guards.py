"""Triggers: the database itself refuses a write of a customer that the change log does not know, and a forged past."""

from __future__ import annotations

from sqlalchemy import Connection

from panel.database import is_sqlite

ERASING = "EXISTS (SELECT 1 FROM customer WHERE erased_at > {a_moment_ago})"
ERASED = "EXISTS (SELECT 1 FROM customer WHERE id = OLD.record_id AND erased_at IS NOT NULL)"

NOUNS = {"customer": "customer", "plan": "plan", "service": "service", "payment": "payment", "charge": "charge"}
"""The tables whose every write has a revision, each with what one of its rows is called."""

Rule = tuple[str, str, str, str, str, str]
"""Trigger, table, moment, when it refuses, what it says, unless this holds."""


def _logged(table: str, noun: str) -> tuple[Rule, ...]:
    """Return the rules of a table whose every write has a revision."""
    by_revision = "NEW.revision <> OLD.revision + 1 OR NEW.id <> OLD.id"
    return (
        (
            f"{table}_needs_revision",
            table,
            "UPDATE",
            by_revision,
            f"a {noun} is written with its next revision only",
            "",
        ),
        (f"{table}_starts_at_one", table, "INSERT", "NEW.revision <> 1", f"a new {noun} has revision 1", ""),
        (f"{table}_stays", table, "DELETE", "1 = 1", f"{noun}s go to the bin and are never deleted", ""),
    )


RULES: tuple[Rule, ...] = (
    *(rule for table, noun in NOUNS.items() for rule in _logged(table, noun)),
    ("charge_is_final", "charge", "UPDATE", "1 = 1", "a charge stays as it was made", ""),
    (
        "customer_is_erased_in_the_bin",
        "customer",
        "UPDATE",
        (
            "(NEW.erased_at IS NOT NULL AND OLD.deleted_at IS NULL)"
            " OR (OLD.erased_at IS NOT NULL AND (NEW.erased_at IS NULL OR NEW.deleted_at IS NULL))"
        ),
        "only a customer in the bin is erased, and it stays there",
        "",
    ),
    ("revision_stays", "revision", "DELETE", "1 = 1", "the change log is never shortened", ""),
    (
        "revision_is_final",
        "revision",
        "UPDATE",
        (
            "NEW.entity <> OLD.entity OR NEW.record_id <> OLD.record_id OR NEW.number <> OLD.number"
            " OR NEW.stamp <> OLD.stamp OR NEW.at <> OLD.at"
        ),
        "an entry of the change log keeps its place",
        "",
    ),
    (
        "revision_keeps_its_values",
        "revision",
        "UPDATE",
        "NEW.changes IS DISTINCT FROM OLD.changes OR NEW.cells IS DISTINCT FROM OLD.cells",
        "what the change log says of a customer who is not erased stays",
        ERASED,
    ),
    (
        "event_is_final",
        "event",
        "UPDATE",
        (
            'NEW.id <> OLD.id OR NEW.at <> OLD.at OR NEW."by" <> OLD."by" OR NEW.name <> OLD.name'
            " OR NEW.user_id IS DISTINCT FROM OLD.user_id"
        ),
        "what happened is not rewritten",
        "",
    ),
    (
        "event_keeps_its_detail",
        "event",
        "UPDATE",
        "NEW.detail IS DISTINCT FROM OLD.detail",
        "what happened is not rewritten",
        ERASING,
    ),
    ("event_stays", "event", "DELETE", "OLD.at > {some_days_ago}", "what happened lately is not forgotten", ""),
)
KEPT_DAYS = 90
"""Events may be swept away when they are older."""
ERASING_MINUTES = 5
"""So long an erasure may take that rids events of a customer's name."""


def install_guards(connection: Connection) -> None:
    """Make every trigger anew; needed after any migration that rebuilds a table."""
    for rule in RULES:
        for statement in _sqlite(*rule) if is_sqlite(connection) else _postgresql(*rule):
            connection.exec_driver_sql(statement)


def _sqlite(name: str, table: str, moment: str, refused: str, message: str, unless: str) -> list[str]:
    # Moments are kept as text in UTC, which compares as they do.
    when = f"({refused}) AND NOT {unless}" if unless else refused
    when = when.replace("{some_days_ago}", f"datetime('now', '-{KEPT_DAYS} days')")
    when = when.replace("{a_moment_ago}", f"datetime('now', '-{ERASING_MINUTES} minutes')")
    create = f"CREATE TRIGGER {name} BEFORE {moment} ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"
    return [f"DROP TRIGGER IF EXISTS {name}", create]


def _postgresql(name: str, table: str, moment: str, refused: str, message: str, unless: str) -> list[str]:
    # The condition of a trigger may not ask other tables, its function may.
    unless = unless.replace("{a_moment_ago}", f"now() - interval '{ERASING_MINUTES} minutes'")
    passes = f"IF {unless} THEN RETURN NEW; END IF; " if unless else ""
    function = (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger AS $$ BEGIN {passes}"
        f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END $$ LANGUAGE plpgsql"
    )
    refused = refused.replace("{some_days_ago}", f"now() - interval '{KEPT_DAYS} days'")
    create = f"CREATE TRIGGER {name} BEFORE {moment} ON {table} FOR EACH ROW WHEN ({refused}) EXECUTE FUNCTION {name}()"
    return [function, f"DROP TRIGGER IF EXISTS {name} ON {table}", create]
