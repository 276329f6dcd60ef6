"""The daily run: what it did, what it will do, and the button that runs it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import abort, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_login import current_user
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from panel.access import may
from panel.authors import current_author
from panel.billing.forecast import DAYS, Expected, expected_moves, forecast
from panel.billing.foreseeing import foresee
from panel.billing.standing import BLOCK, CHARGE, DEACTIVATE
from panel.billing.telling import did_in_words, has_done
from panel.database import reading, writing
from panel.extensions import db
from panel.jobs import Work, enqueue, kind
from panel.lifecycle import is_pending
from panel.models import Customer, LifecycleDay, PlannedStatus
from panel.rights import NONE, name_of, rights_of
from panel.views.customer_query import visible
from panel.views.guarded import AppView
from panel.views.messages import warn
from panel.words import today

KINDS = (CHARGE, BLOCK, DEACTIVATE)
PREVIEW = lazy_gettext("Preview of the daily run")
LISTED_DAYS, LISTED_CUSTOMERS, LOOKED_AT = 30, 500, 366
LONGEST_PREVIEW = 366


class DailyView(AppView):
    """The daily run, as far as the signed-in user's customers go."""

    permission = "billing.view"

    @expose("/")
    def index(self) -> str:
        """Show the last run, the next one, and what is to come."""
        days = list(db.session.scalars(select(LifecycleDay).order_by(LifecycleDay.day.desc()).limit(LOOKED_AT)))
        finished = next((one for one in days if one.finished_at is not None), None)
        planned = select(func.count()).select_from(PlannedStatus)
        planned = planned.join(Customer, Customer.id == PlannedStatus.customer_id).where(*is_pending(), *visible())
        with reading() as connection:
            expected = forecast(connection, today(), DAYS, current_user.partner_id)
        return str(
            self.render(
                "billing/daily.html",
                days=[one for one in days if has_done(one.counts)][:LISTED_DAYS] if _sees_all() else [],
                last=finished,
                broken=next((one for one in days if one.finished_at is None), None),
                next_day=max(today(), finished.day if finished else today()) + dt.timedelta(1),
                expected=expected,
                expected_words=expected_words,
                did=did_in_words,
                planned=db.session.execute(planned).scalar_one(),
                sees_all=_sees_all(),
                may_run=may_run(),
                tomorrow=today() + dt.timedelta(1),
            )
        )

    @expose("/customers/")
    def customers(self) -> Any:
        """List who is expected to be blocked or deactivated on a day."""
        day, wanted = _day(request.args.get("day")), request.args.get("kind")
        if day is None or wanted not in (BLOCK, DEACTIVATE):
            abort(404)
        with reading() as connection:
            moves = [
                one
                for one in expected_moves(connection, today(), DAYS, current_user.partner_id)
                if one.day == day and one.kind == wanted
            ]
        seen = rights_of(current_user).of("full_name") != NONE
        rows = [(one, name_of(one.customer, {"full_name": one.name if seen else ""})) for one in moves]
        words = expected_words(Expected(day, wanted, len(moves), Decimal(0)))
        return self.render(
            "billing/expected.html", rows=rows[:LISTED_CUSTOMERS], words=words, day=day, count_all=len(rows)
        )

    @expose("/run/", methods=("POST",))
    def run(self) -> Response:
        """Have the run done now."""
        if not may_run():
            abort(403)
        return self._begun("lifecycle", {})

    @expose("/preview/", methods=("POST",))
    def preview(self) -> Response:
        """Have it worked out what a run up to a day would do."""
        if not may_run():
            abort(403)
        day = _day(request.form.get("day"))
        if day is None or not today() <= day <= today() + dt.timedelta(LONGEST_PREVIEW):
            warn(_("Choose a day from today on, at most a year ahead."))
            return redirect(self.get_url(".index"))
        return self._begun("foresee", {"day": day.isoformat()})

    def _begun(self, name: str, options: Mapping[str, Any]) -> Response:
        with writing():
            number = enqueue(name, options, (), current_author()).id
        return redirect(url_for("jobs.show", number=number))


def may_run() -> bool:
    """Tell whether the signed-in user may have the run done, which is for the customers of all partners."""
    return may("lifecycle.run") and _sees_all()


def _sees_all() -> bool:
    return current_user.partner_id is None


def _day(text: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text or "")
    except ValueError:
        return None


def expected_words(one: Expected) -> str:
    """Return what is expected of a day, in words."""
    if one.kind == CHARGE:
        return str(ngettext("%(num)d service is charged", "%(num)d services are charged", one.count))
    if one.kind == BLOCK:
        return str(ngettext("%(num)d customer will be blocked", "%(num)d customers will be blocked", one.count))
    return str(ngettext("%(num)d customer will have no services", "%(num)d customers will have no services", one.count))


def _foreseen(result: Mapping[str, Any]) -> list[str]:
    day = dt.date.fromisoformat(result["day"])
    return [
        str(_("A run up to %(day)s would do this, and nothing was done:", day=day.isoformat())),
        did_in_words(result["sums"]),
    ]


@kind("foresee", permission="lifecycle.run", label=PREVIEW, tell=_foreseen, one_each=True)
def _foresee(work: Work) -> None:
    day = dt.date.fromisoformat(work.options["day"])
    sums = foresee(day, progress=lambda _day, done, total: work.doing(done, total))
    work.finish({"day": day.isoformat(), "sums": sums.told})
