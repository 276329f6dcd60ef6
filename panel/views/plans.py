"""Config → Finance → Plans: what customers subscribe to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy import func, select

from panel.entities import PLAN
from panel.extensions import db
from panel.forms.showing import count
from panel.models import Plan, Service
from panel.views.config import InUse
from panel.views.customer_query import visible_services
from panel.views.record_forms import RecordForms
from sync.words import later

SERVICES = (later("%(number)s service"), later("%(number)s services"))


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

    def refuse_deletion(self, model: Plan) -> None:
        """Refuse to delete a plan that a service is of."""
        having = (Service.plan_id == model.id, Service.deleted_at.is_(None))
        used = db.session.execute(select(func.count()).select_from(Service).where(*having)).scalar_one()
        if used:
            raise InUse(
                _(
                    "%(name)s is the plan of %(services)s. It stays, so that they keep what they are called.",
                    name=model.name,
                    services=count(used, *SERVICES),
                )
            )


def _lines() -> list[Line]:
    counting = visible_services(select(Service.plan_id, func.count())).group_by(Service.plan_id)
    services: dict[int, int] = dict(db.session.execute(counting).all())
    plans = db.session.scalars(select(Plan).where(Plan.deleted_at.is_(None)).order_by(Plan.name, Plan.id))
    return [Line(one, services.get(one.id, 0), url_for("services.index_view", plan=one.id)) for one in plans]
