"""Config → System → Audit: who signed in, exported, revealed and configured what."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, request
from flask_admin import expose
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.orm import InstrumentedAttribute
from werkzeug.wrappers import Response

from panel.extensions import db
from panel.forms.happenings import details_of, words_of
from panel.forms.showing import moment
from panel.models import Event, User
from panel.rights import the_schema
from panel.views.guarded import AppView
from panel.words import today
from sync.workbook.csv_table import guard

PAGE = 100
MOST_IN_FILE = 100_000
MOST_NAMED = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events a page shows: whose, of which kind, from which day to which."""

    by: str = ""
    kind: str = ""
    start: dt.date | None = None
    end: dt.date | None = None
    before: int | None = None

    @classmethod
    def of(cls, args: Mapping[str, str]) -> Wanted:
        """Return what an address asks for; a day that is none is not asked for."""
        before = args.get("before", "")
        number = int(before) if before.isascii() and before.isdecimal() and len(before) < 18 else None
        return cls(args.get("by", ""), args.get("kind", ""), _day(args.get("from")), _day(args.get("to")), number)

    @property
    def query(self) -> dict[str, str]:
        """Return the filters as parts of an address, without the place in the list."""
        days = {"from": self.start and self.start.isoformat(), "to": self.end and self.end.isoformat()}
        return {name: text for name, text in {"by": self.by, "kind": self.kind, **days}.items() if text}

    def narrow(self, query: Select[Any]) -> Select[Any]:
        """Return a query over events with all that is not wanted left out, the newest first."""
        if self.by:
            query = query.where(Event.by == self.by)
        if self.kind:
            query = query.where(Event.name == self.kind)
        if self.start:
            query = query.where(Event.at >= _midnight(self.start))
        if self.end:
            query = query.where(Event.at < _midnight(self.end + dt.timedelta(days=1)))
        if self.before is not None:
            query = query.where(Event.id < self.before)
        return query.where(_mine()).order_by(Event.id.desc())


class AuditView(AppView):
    """What happened, the newest first."""

    permission = "audit"

    @expose("/")
    def index(self) -> str:
        """List the events that an address asks for, a page at a time."""
        wanted, schema = Wanted.of(request.args), the_schema()
        found = list(db.session.scalars(wanted.narrow(select(Event)).limit(PAGE + 1)))
        events = [(one, words_of(one.name), list(details_of(one, schema))) for one in found[:PAGE]]
        people = _each(Event.by)
        kinds = sorted(((name, words_of(name)) for name in _each(Event.name)), key=lambda kind: kind[1])
        older = found[PAGE - 1].id if len(found) > PAGE else None
        page: dict[str, Any] = {"events": events, "people": people, "kinds": kinds, "older": older}
        return str(self.render("audit.html", wanted=wanted, **page))

    @expose("/events.csv")
    def file(self) -> Response:
        """Answer with the events that an address asks for as a CSV file."""
        schema, out = the_schema(), io.StringIO()
        sheet = csv.writer(out)
        sheet.writerow([_("When"), _("Who"), _("What"), _("Details")])
        for one in db.session.scalars(Wanted.of(request.args).narrow(select(Event)).limit(MOST_IN_FILE)):
            details = "; ".join(map(str, details_of(one, schema)))
            sheet.writerow(map(guard, (moment(one.at), one.by, words_of(one.name), details)))
        name = f"attachment; filename=audit-{today().isoformat()}.csv"
        content = out.getvalue().encode("utf-8-sig")
        return Response(content, mimetype="text/csv", headers={"Content-Disposition": name})


def _each(column: InstrumentedAttribute[str]) -> list[str]:
    """Return the different values of an indexed column, each by one look at the index, however many rows have it."""
    least = select(func.min(column).label("value")).where(_mine())
    found = least.cte("found", recursive=True)
    above = least.where(column > found.c.value).scalar_subquery()
    found = found.union_all(select(above).where(found.c.value.is_not(None)))
    return list(db.session.scalars(select(found.c.value).where(found.c.value.is_not(None)).limit(MOST_NAMED)))


def _mine() -> ColumnElement[bool]:
    """Leave a user who is bound to a partner what that partner's users did."""
    mine = current_user.partner_id
    return true() if mine is None else Event.user_id.in_(select(User.id).where(User.partner_id == mine))


def _day(text: str | None) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if 1970 <= day.year < 9999 else None


def _midnight(day: dt.date) -> dt.datetime:
    zone = zoneinfo.ZoneInfo(current_app.config["ROLLBOOK_TIME_ZONE"])
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
