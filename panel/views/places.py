"""Where customers are: how many there are in each cell of a grid."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from flask_login import current_user
from sqlalchemy import func, select

from panel.extensions import db
from panel.forms.boxes import Latitude, Longitude, Whole
from panel.models import Customer
from panel.views.customer_query import visible

CELLS_A_DEGREE = 20
MOST_CELLS = 1_500
KEPT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Cell:
    """A square of the grid, from its south-western corner, `size` degrees wide."""

    south: float
    west: float
    size: float
    customers: int


_kept: dict[tuple[str, int | None], tuple[float, list[Cell]]] = {}


def places() -> list[Cell]:
    """Return the cells in which the signed-in user's customers are, as of some minutes ago at most.

    A million customers take a second to count, so the answer is kept for `KEPT_SECONDS`.
    """
    key = (db.engine.url.render_as_string(), current_user.partner_id)
    at, cells = _kept.get(key, (0.0, []))
    if not at or time.monotonic() - at > KEPT_SECONDS:
        cells = _count()
        _kept[key] = (time.monotonic(), cells)
    return cells


def _count() -> list[Cell]:
    place = Customer.__table__.c.geo
    row = Whole((Latitude(place) + 90) * CELLS_A_DEGREE)
    column = Whole((Longitude(place) + 180) * CELLS_A_DEGREE)
    query = select(row, column, func.count()).where(*visible(), place.is_not(None)).group_by(row, column)
    squares = Counter({(one[0], one[1]): one[2] for one in db.session.execute(query)})
    return _cells(squares, 1)


def _cells(squares: Counter[tuple[int, int]], width: int) -> list[Cell]:
    """Return the squares as cells, four joined to one until there are few enough to draw."""
    if len(squares) > MOST_CELLS:
        joined: Counter[tuple[int, int]] = Counter()
        for (row, column), customers in squares.items():
            joined[row // 2, column // 2] += customers
        return _cells(joined, width * 2)
    size = width / CELLS_A_DEGREE
    return [
        Cell(round(row * size - 90, 4), round(column * size - 180, 4), size, customers)
        for (row, column), customers in squares.items()
    ]
