"""The first page: how many customers there are and where, what came lately, each a link to what it counts."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import jsonify, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from panel.access import may
from panel.database import TooSlow, within
from panel.extensions import db
from panel.models import Account, Customer, Import, Status
from panel.rights import the_schema
from panel.schema import Schema
from panel.views.customer_query import visible
from panel.views.guarded import AppView
from panel.views.imports import recent
from panel.views.places import Cell, places
from panel.views.recent_changes import Deed, recent_deeds
from panel.words import first_weekday, today

RECENT = 5
OWING_SECONDS = 0.5
_OWING_COLUMNS = "status,id,full_name,phones,balance"
WEEKS = 26
_TABLE = Customer.__table__.c


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many customers have a status."""

    label: str
    colour: str
    customers: int
    url: str


@dataclass(frozen=True, slots=True)
class Owing:
    """How many customers owe something, and how much together."""

    customers: int
    amount: Decimal
    url: str


@dataclass(frozen=True, slots=True)
class WeekCount:
    """How many customers were added in the week that starts on a day."""

    start: dt.date
    customers: int
    url: str


class HomeView(AppView):
    """What there is, each number a link to what it counts."""

    permission = "customer.list"

    @expose("/")
    def index(self) -> str:
        """Show the first page."""
        schema = the_schema()
        statuses = _by_status() if _shows(schema, "status") else []
        weeks = list(_by_week(today())) if _shows(schema, "date_added") else []
        waiting: list[Import] = recent(RECENT, "planned") if may("import.upload") else []
        deeds: list[Deed] = recent_deeds(schema) if may("customer.view") else []
        return str(
            self.render(
                "home.html",
                statuses=statuses,
                weeks=weeks,
                owing=_owing() if may("billing.view") else None,
                waiting=waiting,
                deeds=deeds,
                bars=_bars(weeks),
                has_map=_shows(schema, "geo"),
                is_empty=not any(one.customers for one in statuses),
            )
        )

    @expose("/places.json")
    def places_view(self) -> Response:
        """Answer with how many customers are in each cell of a grid, and where a click on it leads."""
        if not _shows(the_schema(), "geo"):
            return jsonify(cells=[])
        return jsonify(cells=[_place(cell) for cell in places()])


def _shows(schema: Schema, key: str) -> bool:
    return any(field.key == key for field in schema.fields)


def _by_status() -> list[StatusCount]:
    counts = select(Customer.status_id, func.count()).where(*visible()).group_by(Customer.status_id)
    customers = dict(db.session.execute(counts).all())
    statuses = db.session.scalars(
        select(Status).where(Status.merged_into.is_(None)).order_by(Status.position, Status.id)
    )
    return [
        StatusCount(one.label, one.colour, customers.get(one.id, 0), _list(flt_status_is=one.id)) for one in statuses
    ]


def _owing() -> Owing | None:
    """Return who owes something, or None where adding that up takes too long."""
    query = select(func.count(), func.sum(Account.balance)).join(Customer, _TABLE.id == Account.customer_id)
    connection = db.session.connection()
    try:
        with within(connection, OWING_SECONDS):
            customers, balance = connection.execute(query.where(Account.balance < Decimal(0), *visible())).one()
    except TooSlow:
        return None
    return Owing(customers, -(balance or Decimal("0.00")), _list(flt_balance_to="-0.01", columns=_OWING_COLUMNS))


def _by_week(day: dt.date) -> Iterator[WeekCount]:
    """Yield the last weeks, the oldest first; the last one is not over yet."""
    this_week = day - dt.timedelta(days=(day.weekday() - first_weekday()) % 7)
    first = this_week - dt.timedelta(weeks=WEEKS - 1)
    query = select(_TABLE.date_added, func.count()).where(*visible(), _TABLE.date_added >= first)
    added: Counter[int] = Counter()
    for date_added, customers in db.session.execute(query.group_by(_TABLE.date_added)):
        added[(date_added - first).days // 7] += customers
    for week in range(WEEKS):
        start = first + dt.timedelta(weeks=week)
        end = start + dt.timedelta(days=6)
        yield WeekCount(start, added[week], _list(flt_date_added_from=start, flt_date_added_to=end))


def _bars(weeks: list[WeekCount]) -> str:
    """Return the chart of new customers as its script reads it."""
    title = _("New customers")
    return json.dumps(
        {
            "title": title,
            "labels": [one.start.isoformat() for one in weeks],
            "values": [one.customers for one in weeks],
            "urls": [one.url for one in weeks],
        }
    )


def _place(cell: Cell) -> dict[str, object]:
    words = ngettext("%(num)d customer", "%(num)d customers", cell.customers)
    return {
        "south": cell.south,
        "west": cell.west,
        "size": cell.size,
        "customers": cell.customers,
        "words": words,
        "url": _list(flt_geo_within=f"{cell.south},{cell.west},{cell.south + cell.size},{cell.west + cell.size}"),
    }


def _list(**arguments: object) -> str:
    plain: dict[str, Any] = {name: str(value) for name, value in arguments.items()}
    return url_for("customers.index_view", **plain)
