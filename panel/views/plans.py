"""Config → Finance → Plans: what customers subscribe to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_admin import expose
from flask_babel import lazy_gettext
from sqlalchemy import func, select

from panel.entities import PLAN
from panel.extensions import db
from panel.models import Plan, Service
from panel.views.customer_query import visible_services
from panel.views.record_forms import RecordForms


@dataclass(frozen=True, slots=True)
class Line:
    """One plan in the list, and how many services the user sees that are of it."""

    plan: Plan
    services: int
    url: str


class PlanView(RecordForms):
    """Plans with their prices."""

    permission = "config"
    noun = lazy_gettext("plan")
    lead = lazy_gettext("What customers can have, for how much a month.")
    list_template = "billing/plans.html"
    entity = PLAN

    @expose("/")
    def index_view(self) -> str:
        """List the plans by name."""
        return str(self.render(self.list_template, lines=_lines()))

    def first_values(self, model: Plan) -> dict[str, Any]:
        """Return the type of billing that most customers have."""
        return {"billing_type": "recurring"}


def _lines() -> list[Line]:
    counting = visible_services(select(Service.plan_id, func.count())).group_by(Service.plan_id)
    services: dict[int, int] = dict(db.session.execute(counting).all())
    plans = db.session.scalars(select(Plan).where(Plan.deleted_at.is_(None)).order_by(Plan.name, Plan.id))
    return [Line(one, services.get(one.id, 0), url_for("services.index_view", plan=one.id)) for one in plans]
