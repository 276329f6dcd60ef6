"""Made-up customers, for trying things out and for measuring."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from flask import current_app
from sqlalchemy import insert, select, update

from panel.authors import COMMAND_LINE
from panel.changelog import Write, write_in_bulk
from panel.database import writing
from panel.extensions import db
from panel.fitting import fitted_afterwards, know_values
from panel.models import AdditionalField, SchemaVersion
from panel.newcomers import complete
from panel.records import batches
from panel.schema import ENTITY, RESERVED_KEYS, current_schema
from panel.words import today
from sync.fields import Bad, Field
from sync.types import FIELD_TYPES
from sync.values import parse_value

ROWS_AT_ONCE = 10_000
FIRST = ("Anna", "Eva", "Jana", "Petr", "Jan", "Tomas", "Marie", "Lucie", "Pavel", "Martin", "Zoë", "Søren", "Chloé")
LAST = ("Novak", "Svoboda", "Dvorak", "Cerny", "Prochazka", "Kucera", "Vesely", "Horak", "O'Neil", "Müller", "Łuczak")
CITIES = ("Praha", "Brno", "Plzen", "Ostrava", "Olomouc", "Liberec", "Zlin", "Pardubice", "Jihlava", "Karlovy Vary")
STREETS = ("Hlavni", "Skolni", "Nadrazni", "Zahradni", "Polni", "Lesni", "Kratka", "Dlouha", "Na Kopci", "Pod Lipami")
FIELDS: tuple[dict[str, Any], ...] = (
    {"key": "contract", "label": "Contract", "type": "select", "options": ("Month-to-month", "One year", "Two year")},
    {"key": "monthly_fee", "label": "Monthly fee", "type": "money", "scale": 2},
    {"key": "installed_on", "label": "Installed on", "type": "date"},
    {"key": "autopay", "label": "Autopay", "type": "boolean"},
    {"key": "router_serial", "label": "Router serial", "type": "string", "searchable": True},
    {"key": "router_mac", "label": "Router MAC", "type": "mac"},
    {"key": "static_ip", "label": "Static IP", "type": "ip"},
    {"key": "tenure", "label": "Tenure", "type": "integer"},
    {"key": "note", "label": "Note", "type": "text"},
)


def add_demo(count: int, progress: Callable[[int], None]) -> None:
    """Add customers in bulk, in transactions of `ROWS_AT_ONCE`; `progress` hears how many are there."""
    _add_fields()
    chance = random.Random(count)  # noqa: S311 - made-up people need no secrecy
    done = 0
    with fitted_afterwards(db.engine):
        for some in batches(_people(count, chance), ROWS_AT_ONCE):
            _write(some)
            done += len(some)
            progress(done)
    know_values(db.engine)


def _add_fields() -> None:
    with writing() as connection:
        there = set(connection.execute(select(AdditionalField.key).where(AdditionalField.entity == ENTITY)).scalars())
        rows = [_field_row(one, at) for at, one in enumerate(FIELDS) if one["key"] not in there | RESERVED_KEYS]
        if rows:
            connection.execute(insert(AdditionalField), rows)
            connection.execute(update(SchemaVersion).values(version=SchemaVersion.version + 1))


def _field_row(one: dict[str, Any], at: int) -> dict[str, Any]:
    options = [[label, label] for label in one.get("options", ())]
    plain = {"entity": ENTITY, "scale": None, "searchable": False, "show_in_list": at < 2, "position": 100 + at}
    return plain | one | {"options": options}


def _write(people: list[dict[str, Any]]) -> None:
    with writing() as connection:
        schema = current_schema(connection)
        fields = {field.key: field for field in schema.fields}
        known = [{key: value for key, value in person.items() if key in fields} for person in people]
        writes = []
        for record_id, values in complete(connection, schema, known):
            changes = {key: (None, _plain(fields[key], value)) for key, value in values.items() if value is not None}
            writes.append(Write(record_id, 1, changes))
        write_in_bulk(connection, schema, current_app.extensions["keyring"], writes, COMMAND_LINE)


def _plain(field: Field, value: Any) -> Any:
    return FIELD_TYPES[field.type].to_json(value)


def _people(count: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    phone_field = Field("phones", "Phone number", "phones")
    prefixes = {code: _prefix(phone_field, code) for code in ("601", "602", "603", "777")}
    for number in range(count):
        yield _person(number, chance, prefixes)


def _prefix(field: Field, code: str) -> str:
    # The canonical form of a number is worked out once a prefix; a million parses would take minutes.
    parsed = parse_value(f"+420{code}111222", field)
    return f"+420 {code} " if isinstance(parsed, Bad) else str(parsed[0])[: -len("111 222")]


def _person(number: int, chance: random.Random, prefixes: dict[str, str]) -> dict[str, Any]:
    first, last = chance.choice(FIRST), chance.choice(LAST)
    day = today() - dt.timedelta(days=chance.randrange(3_900))
    return {
        "full_name": f"{first} {last}",
        "emails": (f"{first}.{last}.{number}@example.com".lower().replace("'", ""),),
        "phones": (
            f"{prefixes[chance.choice(list(prefixes))]}{chance.randrange(100, 999)} {chance.randrange(100, 999)}",
        ),
        "category": "company" if number % 17 == 0 else "person",
        "status": 1 + number % 4,
        "billing_type": "prepaid" if number % 5 == 0 else "recurring",
        "date_of_birth": dt.date(1940, 1, 1) + dt.timedelta(days=chance.randrange(25_000)),
        "passport": f"{chance.randrange(10**9):09d}",
        "date_added": day,
        "street": f"{chance.choice(STREETS)} {chance.randrange(1, 200)}",
        "zip_code": f"0{chance.randrange(1000, 9999)}" if number % 10 == 0 else f"{chance.randrange(10000, 79999)}",
        "city": chance.choice(CITIES),
        "geo": f"{chance.uniform(48.6, 51.0):.6f}, {chance.uniform(12.1, 18.8):.6f}",
        "contract": chance.choice(("Month-to-month", "One year", "Two year")),
        "monthly_fee": Decimal(chance.randrange(500, 9_000)) / 100,
        "installed_on": day + dt.timedelta(days=chance.randrange(40)),
        "autopay": number % 3 == 0,
        "router_serial": f"SN{chance.randrange(10**9):09d}",
        "router_mac": ":".join(f"{chance.randrange(256):02x}" for _ in range(6)),
        "static_ip": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        "tenure": chance.randrange(73),
        "note": None if number % 4 else f"Installed by team {chance.randrange(1, 9)}",
    }
