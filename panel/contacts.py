"""Email addresses and phone numbers as people type them, one a row, so that an index finds each by its beginning.

Triggers keep them: in small letters, of phone numbers the digits, once with and once without the country's.
"""

from __future__ import annotations

from sqlalchemy import Connection

from panel.database import is_sqlite

_MARKS = "+ -()./"
"""What stands between the digits of a phone number."""

_COUNTRY = "substr({0}, 1, 1) = '+'"
_INTO = "INSERT INTO customer_contact (field, term, customer_id)"


def install_contacts(connection: Connection) -> None:
    """Make the triggers anew, and fill the table where they have not yet."""
    for statement in _sqlite() if is_sqlite(connection) else _postgresql():
        connection.exec_driver_sql(statement)


def _digits(text: str) -> str:
    for mark in _MARKS:
        text = f"replace({text}, '{mark}', '')"
    return text


def _terms(emails: str, phones: str, record_id: str, source: str, after_plus: str) -> str:
    """Return the rows of a customer; `emails` and `phones` are tables of a column `value`."""
    country = _COUNTRY.format("value")
    return (
        f"SELECT 'emails', lower(value), {record_id} FROM {source}{emails}"
        f" UNION SELECT 'phones', {_digits('value')}, {record_id} FROM {source}{phones}"
        f" UNION SELECT 'phones', {_digits(after_plus)}, {record_id} FROM {source}{phones} WHERE {country}"
    )


def _sqlite() -> list[str]:
    after = "substr(value, instr(value, ' '))"

    def terms(row: str, source: str = "") -> str:
        return _terms(f"json_each({row}.emails)", f"json_each({row}.phones)", f"{row}.id", source, after)

    add = f"{_INTO} {terms('NEW')};"
    changed = "NEW.emails IS NOT OLD.emails OR NEW.phones IS NOT OLD.phones"
    return [
        "DROP TRIGGER IF EXISTS customer_contacts_added",
        "DROP TRIGGER IF EXISTS customer_contacts_changed",
        f"CREATE TRIGGER customer_contacts_added AFTER INSERT ON customer BEGIN {add} END",
        (
            f"CREATE TRIGGER customer_contacts_changed AFTER UPDATE OF emails, phones ON customer WHEN {changed}"
            f" BEGIN DELETE FROM customer_contact WHERE customer_id = NEW.id; {add} END"
        ),
        f"{_INTO} SELECT * FROM ({terms('customer', 'customer, ')}) WHERE NOT EXISTS (SELECT 1 FROM customer_contact)",
    ]


def _postgresql() -> list[str]:
    after = "substr(value, strpos(value, ' '))"

    def terms(row: str, source: str = "") -> str:
        emails, phones = (f"jsonb_array_elements_text({row}.{name}) AS value" for name in ("emails", "phones"))
        return _terms(emails, phones, f"{row}.id", source, after)

    return [
        (
            "CREATE OR REPLACE FUNCTION customer_contacts() RETURNS trigger AS $$ BEGIN"
            " IF TG_OP = 'UPDATE' THEN DELETE FROM customer_contact WHERE customer_id = NEW.id; END IF;"
            f" {_INTO} {terms('NEW')}; RETURN NULL; END $$ LANGUAGE plpgsql"
        ),
        "DROP TRIGGER IF EXISTS customer_contacts_added ON customer",
        "DROP TRIGGER IF EXISTS customer_contacts_changed ON customer",
        (
            "CREATE TRIGGER customer_contacts_added AFTER INSERT ON customer"
            " FOR EACH ROW EXECUTE FUNCTION customer_contacts()"
        ),
        (
            "CREATE TRIGGER customer_contacts_changed AFTER UPDATE OF emails, phones ON customer FOR EACH ROW"
            " WHEN (NEW.emails IS DISTINCT FROM OLD.emails OR NEW.phones IS DISTINCT FROM OLD.phones)"
            " EXECUTE FUNCTION customer_contacts()"
        ),
        (
            f"{_INTO} SELECT * FROM ({terms('customer', 'customer, ')}) AS terms"
            " WHERE NOT EXISTS (SELECT 1 FROM customer_contact)"
        ),
    ]
