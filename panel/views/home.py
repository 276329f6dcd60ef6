"""The first page: customers by status, and what came back lately."""

from __future__ import annotations

from dataclasses import dataclass

from flask_admin import expose
from sqlalchemy import func, select

from panel.access import may
from panel.extensions import db
from panel.models import Customer, Import, Status
from panel.views.customer_query import visible
from panel.views.guarded import AppView
from panel.views.imports import recent

RECENT = 5


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many customers have a status."""

    id: int
    label: str
    colour: str
    customers: int


class HomeView(AppView):
    """What there is, each number a link to what it counts."""

    permission = "customer.list"

    @expose("/")
    def index(self) -> str:
        """Show the first page."""
        imports: list[Import] = recent(RECENT) if may("import.upload") else []
        return str(self.render("home.html", statuses=_by_status(), imports=imports))


def _by_status() -> list[StatusCount]:
    counts = select(Customer.status_id, func.count()).where(*visible()).group_by(Customer.status_id)
    customers = dict(db.session.execute(counts).all())
    statuses = db.session.scalars(select(Status).order_by(Status.position, Status.id))
    return [StatusCount(one.id, one.label, one.colour, customers.get(one.id, 0)) for one in statuses]
