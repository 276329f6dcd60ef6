"""Records for tests, with sensible values for all that a test does not care about."""

from __future__ import annotations

from typing import Any

from panel.database import writing
from panel.extensions import db
from panel.models import AdditionalField, Customer


def customer(full_name: str = "Ann Novak", **values: Any) -> int:
    """Add a customer through the ORM and return the ID; `extra` holds additional fields."""
    with writing():
        one = Customer(full_name=full_name, **values)
        db.session.add(one)
        db.session.flush()
        return one.id


def edit(record_id: int, **values: Any) -> None:
    """Write a customer through the ORM, as a colleague in the panel does."""
    with writing():
        one = db.session.get_one(Customer, record_id)
        extra = values.pop("extra", None)
        for name, value in values.items():
            setattr(one, name, value)
        if extra is not None:
            one.extra = {**one.extra, **extra}


def additional_field(key: str, type_: str = "string", **values: Any) -> None:
    """Define an additional field of customers."""
    with writing():
        db.session.add(AdditionalField(key=key, label=values.pop("label", key.title()), type=type_, **values))
