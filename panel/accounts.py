"""Triggers that keep an account beside each customer: its balance, and when the daily run has to look at it.

They see every write, whether a form, an import, an undo or the daily run makes it.
"""

from __future__ import annotations

from sqlalchemy import Connection

from panel.database import is_sqlite

_AT_ONCE = "'0001-01-01'"
_RULES = (
    "status_id",
    "billing_type",
    "billing_day",
    "payment_due",
    "blocking_period",
    "grace_period",
    "minimum_balance",
    "deleted_at",
)
"""What the daily run's next look at a customer follows from."""
_LOOK = f"look_on = {_AT_ONCE}"
_UNMOVED = "moved_to = NULL, moved_from = NULL, moved_on = NULL, blocked_on = NULL"


def _account(changes: str, row: str, column: str = "customer_id") -> str:
    return f"UPDATE account SET {changes} WHERE customer_id = {row}.{column};"


def _paid(row: str, sign: str) -> str:
    """Return what adds a payment to its account, or takes it away; one in the bin counts for nothing."""
    return _account(
        f"balance = balance {sign} CASE WHEN {row}.deleted_at IS NULL THEN {row}.amount ELSE 0 END, {_LOOK}", row
    )


# Plans are the options of a field of services.
_OFFER = "UPDATE schema_version SET version = version + 1 WHERE entity = 'service';"

# (trigger, event, when, what it does)
_TRIGGERS = (
    (
        "account_opened",
        "INSERT ON customer",
        "",
        f"INSERT INTO account (customer_id, look_on) VALUES (NEW.id, {_AT_ONCE});",
    ),
    ("account_followed", f"UPDATE OF {', '.join(_RULES)} ON customer", "", _account(_LOOK, "NEW", "id")),
    (
        "account_unmoved",
        "UPDATE OF status_id ON customer",
        "NEW.status_id <> OLD.status_id",
        _account(_UNMOVED, "NEW", "id"),
    ),
    ("account_charged", "INSERT ON charge", "", _account("balance = balance - NEW.amount", "NEW")),
    ("account_paid", "INSERT ON payment", "", _paid("NEW", "+")),
    ("account_repaid", "UPDATE ON payment", "", _paid("OLD", "-") + _paid("NEW", "+")),
    ("account_served", "INSERT ON service", "", _account(_LOOK, "NEW")),
    ("plan_offered", "INSERT ON plan", "", _OFFER),
    ("plan_offered_otherwise", "UPDATE ON plan", "", _OFFER),
    ("account_served_otherwise", "UPDATE ON service", "", _account(_LOOK, "OLD") + _account(_LOOK, "NEW")),
)


def install_accounts(connection: Connection) -> None:
    """Make every trigger anew; needed after any migration that rebuilds a table."""
    build = _sqlite if is_sqlite(connection) else _postgresql
    for trigger in _TRIGGERS:
        for statement in build(*trigger):
            connection.exec_driver_sql(statement)


def _sqlite(name: str, event: str, when: str, does: str) -> list[str]:
    condition = f" WHEN {when}" if when else ""
    return [f"DROP TRIGGER IF EXISTS {name}", f"CREATE TRIGGER {name} AFTER {event}{condition} BEGIN {does} END"]


def _postgresql(name: str, event: str, when: str, does: str) -> list[str]:
    table = event.rpartition(" ")[2]
    condition = f" WHEN ({when})" if when else ""
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger AS $$ BEGIN {does} RETURN NULL; END $$ LANGUAGE plpgsql",
        f"DROP TRIGGER IF EXISTS {name} ON {table}",
        f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW{condition} EXECUTE FUNCTION {name}()",
    ]
