"""The columns of the list of customers: which ones and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from panel.forms.customer import listed_fields
from panel.schema import Schema
from sync.fields import Field
from sync.types import FIELD_TYPES

ID = "id"
_USUAL = ("status", ID, "login", "full_name", "phones", "city")


@dataclass(frozen=True, slots=True)
class Column:
    """One column that may be chosen."""

    key: str
    label: str
    is_chosen: bool


def _labels(schema: Schema) -> dict[str, str]:
    fields = (field for field in listed_fields(schema) if not FIELD_TYPES[field.type].secret)
    return {ID: str(_("ID")), **{field.key: field.name for field in fields}}


def usual_columns(schema: Schema) -> tuple[str, ...]:
    """Return the columns of a list in which nobody chose any."""
    placed = (field.key for field in schema.additional if schema.placements[field.key].show_in_list)
    there = _labels(schema)
    return tuple(key for key in (*_USUAL, *placed) if key in there)


def chosen_columns(schema: Schema, args: MultiDict[str, str]) -> tuple[str, ...]:
    """Return the columns that a list's ``columns`` names; one whose field is gone or not to be seen drops out."""
    return columns_among(schema, args.get("columns", "").split(",")) or usual_columns(schema)


def columns_among(schema: Schema, keys: Sequence[str]) -> tuple[str, ...]:
    """Return those of the keys that are columns, each once."""
    there = _labels(schema)
    return tuple(key for key in dict.fromkeys(keys) if key in there)


def labelled(schema: Schema, keys: Sequence[str]) -> list[tuple[str, str]]:
    """Return columns with their heads."""
    labels = _labels(schema)
    return [(key, labels[key]) for key in keys]


def all_columns(schema: Schema, chosen: Sequence[str]) -> list[Column]:
    """Return every column: the chosen ones in their order, then the others."""
    labels = _labels(schema)
    others = (key for key in labels if key not in chosen)
    return [Column(key, labels[key], key in chosen) for key in (*chosen, *others)]


def fields_of(schema: Schema, keys: Sequence[str]) -> tuple[Field, ...]:
    """Return the fields that columns show."""
    by_key = {field.key: field for field in schema.fields}
    return tuple(by_key[key] for key in keys if key != ID)
