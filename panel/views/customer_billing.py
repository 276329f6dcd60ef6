"""A customer's tabs beside the information: the services on a day, and what was charged and paid."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import abort, request
from flask_admin import expose

from panel.access import may
from panel.entities import STATES
from panel.extensions import db
from panel.forms.customer import shown_fields
from panel.models import Customer, Status
from panel.rights import the_schema
from panel.views.customer_details import CustomerDetails
from panel.views.customer_query import find_open, id_of
from panel.views.served import effect_of, services_of
from panel.words import today
from sync.records import Record

STATE_LABELS = {str(option.key): option.label for option in STATES}


class CustomerBilling(CustomerDetails):
    """Shows what a customer has and owes."""

    services_template = "customers/services.html"

    @expose("/services/")
    def services_view(self) -> Any:
        """Show a customer's services as they are on a day."""
        record = self._billed()
        day = _day(request.args.get("on"))
        status = db.session.get_one(Status, db.session.get_one(Customer, record.id).status_id)
        page: dict[str, Any] = {"day": day, "today": today(), "on_status": status, "state_labels": STATE_LABELS}
        return self.tab(
            self.services_template, record, served=services_of(record.id, day, effect_of(record.id)), **page
        )

    def _billed(self) -> Record:
        """Return the customer whom the address names, where the signed-in user may see the billing."""
        if not (may("customer.view") and may("billing.view")):
            abort(403)
        return find_open(shown_fields(the_schema()), id_of(request.args.get("id"))) or abort(404)


def _day(text: str | None) -> dt.date:
    try:
        return dt.date.fromisoformat(text or "")
    except ValueError:
        return today()
