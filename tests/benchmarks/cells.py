"""The same cells for every writer: made-up customers of 25 typed columns, like real ones in length and variety."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from typing import Any

from sync.fields import Field, Option

SHEET = "Customers"
POOL = 997
"""Values drawn for each column; a prime, so that no two columns repeat in step."""

STATUSES = ("New", "Active", "Blocked", "Inactive")
CONTRACTS = ("Month-to-month", "One year", "Two years")


def _select(key: str, label: str, *labels: str) -> Field:
    return Field(key, label, "select", options=tuple(Option(text, text) for text in labels))


FIELDS = (
    _select("status", "Status", *STATUSES),
    Field("login", "Login", "string"),
    Field("full_name", "Full name", "string"),
    Field("emails", "Emails", "string"),
    Field("phones", "Phones", "string"),
    _select("billing_type", "Type of billing", "Recurring", "Prepaid"),
    _select("category", "Category", "Private person", "Company"),
    Field("date_of_birth", "Date of birth", "date"),
    Field("passport", "Passport", "string"),
    _select("partner", "Partner", "Main", "North", "South"),
    _select("location", "Location", "Main", "Hill", "Harbour"),
    Field("date_added", "Date added", "date"),
    Field("street", "Street", "string"),
    Field("zip_code", "ZIP code", "string"),
    Field("city", "City", "string"),
    Field("geo", "Geo data", "string"),
    _select("contract", "Contract", *CONTRACTS),
    Field("access", "Access", "string"),
    Field("note", "Note", "string"),
    Field("serial", "Serial number", "string"),
    Field("model", "Model", "string"),
    Field("installed", "Installed", "date"),
    Field("tenure", "Tenure", "integer"),
    Field("fee", "Monthly fee", "decimal", scale=2),
    Field("autopay", "Pays automatically", "boolean"),
)


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    """Yield `count` rows of token, ID and cells; every run of every program sees the same ones."""
    chance = random.Random(1)
    pools = [[_value(field, chance) for _ in range(POOL + place)] for place, field in enumerate(FIELDS)]
    login, name = (next(i for i, field in enumerate(FIELDS) if field.key == key) for key in ("login", "full_name"))
    for number in range(1, count + 1):
        cells = [pool[number % len(pool)] for pool in pools]
        cells[login] = f"{number:06d}"
        cells[name] = f"{cells[name]} {number}"
        yield (f"R1.{number}.1.{number * 2654435761 % 2**32:08x}", number, *cells)


def _value(field: Field, chance: random.Random) -> str | int | float | dt.date | None:
    if field.key in {"passport", "note"} and chance.random() < 0.6:
        return None
    if field.options:
        return chance.choice(field.options).label
    if field.type == "string":
        return f"{field.label} {chance.randrange(10**6):06d}"
    return MADE[field.type](chance)


MADE: dict[str, Callable[[random.Random], str | int | float | dt.date]] = {
    "date": lambda chance: dt.date(1950, 1, 1) + dt.timedelta(chance.randrange(25_000)),
    "integer": lambda chance: chance.randrange(100),
    "decimal": lambda chance: chance.randrange(500, 20_000) / 100,
    "boolean": lambda chance: chance.choice(("Yes", "No")),
}
