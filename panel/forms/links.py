"""Where a value leads to: each part of its text, with the address of a page."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import url_for

from panel.relations import members, points_to_customers
from sync.fields import Field
from sync.types.choices import choices_of


class Link(NamedTuple):
    """A part of a value with the page that shows what it names."""

    text: str
    address: str


def no_links(_value: Any, _field: Field) -> list[Link]:
    """Return nothing: the value is all there is."""
    return []


def file_links(value: Any, field: Field) -> list[Link]:
    """Return the file's name with the address that sends it."""
    if value is None:
        return []
    return [Link(choices_of(field).label(value), url_for("files.download", number=value))]


def customer_links(value: Any, field: Field) -> list[Link]:
    """Return the customers that a value names, each with the page of its details."""
    if not points_to_customers(field):
        return []
    label = choices_of(field).label
    return [Link(label(one), url_for("customers.details_view", id=one)) for one in members(value)]
