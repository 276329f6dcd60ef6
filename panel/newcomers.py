"""What a new record gets where nobody said: status, partner, dates, defaults, login and password."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from panel.changelog import allocate_ids
from panel.entities import CUSTOMER, PAYMENT, PLAN, SERVICE
from panel.generator import claim_logins, generate_password, newcomer_of, read_config
from panel.models import Location, Partner, Plan, Status
from panel.schema import Schema
from panel.words import today


def _first(model: type[Partner | Location]) -> Select[Any]:
    return select(model.id).where(model.merged_into.is_(None)).order_by(model.id).limit(1)


def default_values(connection: Connection, schema: Schema) -> dict[str, Any]:
    """Return the canonical values of a new customer's fields, without login and password."""
    in_use = select(Status.id).where(Status.merged_into.is_(None))
    first_status = in_use.order_by(Status.is_default.desc(), Status.position, Status.id).limit(1)
    built_in = {
        "status": connection.execute(first_status).scalar_one(),
        "partner": connection.execute(_first(Partner)).scalar_one(),
        "location": connection.execute(_first(Location)).scalar_one(),
        "billing_type": read_config(connection).default_billing_type,
        "category": "person",
        "date_added": today(),
    }
    return built_in | {field.key: field.default for field in schema.additional if field.default is not None}


def complete(
    connection: Connection,
    schema: Schema,
    newcomers: Sequence[Mapping[str, Any]],
    left_blank: Sequence[Collection[str]] = (),
) -> list[tuple[int, dict[str, Any]]]:
    """Return each new record's ID and complete values; blanks get defaults, a login that is theirs, a password.

    `left_blank` names, for each newcomer, the fields that a person emptied: these get no default.
    """
    emptied = left_blank or [()] * len(newcomers)
    if schema.entity is CUSTOMER:
        return _customers(connection, schema, newcomers, emptied)
    first_values = _FIRST_VALUES[schema.entity.key](connection)
    ids = allocate_ids(connection, len(newcomers), entity=schema.entity.key)
    filled = [first_values(values) | _given(values) for values in newcomers]
    return list(zip(ids, filled, strict=True))


def _customers(
    connection: Connection,
    schema: Schema,
    newcomers: Sequence[Mapping[str, Any]],
    emptied: Sequence[Collection[str]],
) -> list[tuple[int, dict[str, Any]]]:
    defaults = default_values(connection, schema)
    filled = [_fill(defaults, schema, *one) for one in zip(newcomers, emptied, strict=True)]
    ids = allocate_ids(connection, len(filled))
    without_login = [at for at, values in enumerate(filled) if not values.get("login")]
    nameless = [newcomer_of(ids[at], filled[at]) for at in without_login]
    claimed = claim_logins(connection, nameless, today(), max(ids, default=0))
    for at, (record_id, login) in zip(without_login, claimed, strict=True):
        ids[at] = record_id
        filled[at]["login"] = login
    config = read_config(connection)
    for values in filled:
        values["password"] = values.get("password") or generate_password(config)
    return list(zip(ids, filled, strict=True))


FirstValues = Callable[[Mapping[str, Any]], dict[str, Any]]


def _always(**values: Any) -> FirstValues:
    return lambda _given: values


def _first_of_service(connection: Connection) -> FirstValues:
    """Return what begins a service today, at its plan's price."""
    day, priced = today(), connection.execute(select(Plan.id, Plan.price)).all()
    prices = {row.id: row.price for row in priced}
    return lambda given: {"starts": day, "price": prices.get(given.get("plan", 0))}


_FIRST_VALUES: dict[str, Callable[[Connection], FirstValues]] = {
    PLAN.key: lambda _connection: _always(billing_type="recurring"),
    SERVICE.key: _first_of_service,
    PAYMENT.key: lambda _connection: _always(day=today(), method="transfer"),
}
"""What a new record of each entity has where nobody said."""


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _fill(
    defaults: Mapping[str, Any], schema: Schema, values: Mapping[str, Any], emptied: Collection[str]
) -> dict[str, Any]:
    given = _given(values)
    categories = {"all", given.get("category", defaults["category"])}
    foreign = {field.key for field in schema.additional if field.category not in categories}
    return {key: value for key, value in defaults.items() if key not in foreign and key not in emptied} | given
