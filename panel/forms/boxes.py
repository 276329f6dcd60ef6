"""Latitude and longitude in SQL, and a part of the map as a condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, Integer, and_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class Latitude(FunctionElement[float]):
    """The first number of a place, which is stored as text: ``49.990279, 36.230389``."""

    type = Float()
    inherit_cache = True


class Longitude(FunctionElement[float]):
    """The second number of a place."""

    type = Float()
    inherit_cache = True


class Whole(FunctionElement[int]):
    """A number of no less than 0 without its fraction."""

    type = Integer()
    inherit_cache = True


def _compiled(element: FunctionElement[Any], compiler: SQLCompiler, template: str, **options: Any) -> str:
    return template.format(compiler.process(element.clauses, **options))


# SQLite takes as many characters for a number as look like one.
_TEMPLATES = (
    (Latitude, "sqlite", "CAST({0} AS REAL)"),
    (Latitude, "postgresql", "split_part({0}, ',', 1)::double precision"),
    (Longitude, "sqlite", "CAST(substr({0}, instr({0}, ',') + 1) AS REAL)"),
    (Longitude, "postgresql", "split_part({0}, ',', 2)::double precision"),
    (Whole, "sqlite", "CAST({0} AS INTEGER)"),
    (Whole, "postgresql", "floor({0})::integer"),
)


def _register(element: type[FunctionElement[Any]], dialect: str, template: str) -> None:
    @compiles(element, dialect)
    def _sql(one: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> str:
        return _compiled(one, compiler, template, **options)


for _row in _TEMPLATES:
    _register(*_row)


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the map, in degrees; it has its southern and western edges, and not the others."""

    south: float
    west: float
    north: float
    east: float

    def holds(self, place: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the condition that a place is in this box."""
        latitude, longitude = Latitude(place), Longitude(place)
        return and_(
            place.is_not(None),
            latitude >= self.south,
            latitude < self.north,
            longitude >= self.west,
            longitude < self.east,
        )


def parse_box(text: str) -> Box:
    """Return the box of ``south,west,north,east``; raise ValueError where it is none."""
    south, west, north, east = (float(part) for part in text.split(","))
    if not (-90 <= south < north <= 90.1 and -180 <= west < east <= 180.1):
        raise ValueError(text)
    return Box(south, west, north, east)
