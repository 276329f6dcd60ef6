"""A customer's tabs beside the information: the services on a day, and what was charged and paid."""

from __future__ import annotations

import datetime as dt
import io
import tempfile
from pathlib import Path
from typing import Any

from flask import abort, redirect, request, send_file
from flask_admin import expose
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from panel.access import may
from panel.audit import record as record_event
from panel.billing.forecast import next_move
from panel.billing.statement import Statement, statement
from panel.billing.states import STOPPED, status_on
from panel.entities import PAYMENT, SERVICE, STATES
from panel.extensions import db
from panel.forms.customer import shape_of_billing, shown_fields
from panel.forms.statement_rows import statement_rows, what_in_words
from panel.models import BillingConfig, Customer, Status
from panel.rights import the_schema
from panel.views.billing_history import past_of
from panel.views.customer_details import CustomerDetails
from panel.views.customer_query import called, find_open, id_of, lock_customer
from panel.views.own_rules import own_rules
from panel.views.saving import save_record
from panel.views.served import services_of
from panel.words import today
from sync.records import Record
from sync.workbook.plain_table import write_plain_csv, write_plain_workbook

STATE_LABELS = {str(option.key): option.label for option in STATES}
_SHOWN_DAYS = 365


class CustomerBilling(CustomerDetails):
    """Shows what a customer has and owes."""

    services_template = "customers/services.html"
    billing_template = "customers/billing.html"
    rules_template = "customers/billing_rules.html"

    @expose("/services/")
    def services_view(self) -> Any:
        """Show a customer's services as they are on a day."""
        record = _billed(request.args.get("id"))
        day = _day(request.args.get("on")) or today()
        number = status_on(db.session.connection(), [record.id], day).get(record.id)
        status = db.session.get(Status, number) if number else None
        page: dict[str, Any] = {"day": day, "today": today(), "on_status": status, "state_labels": STATE_LABELS}
        served = services_of(record.id, day, status.services if status else STOPPED)
        past = past_of(record.id, SERVICE)
        return self.tab(self.services_template, record, served=served, past=past, **page)

    @expose("/billing/")
    def billing_view(self) -> Any:
        """Show what a customer was charged and paid, and by which rules."""
        record = _billed(request.args.get("id"))
        since, until = _span(request.args)
        page: dict[str, Any] = {"since": since, "until": until, "what": what_in_words}
        page["rules"] = own_rules(the_schema(), record.id, db.session.get_one(BillingConfig, 1))
        page["past"] = past_of(record.id, PAYMENT)
        page["coming"] = next_move(db.session.connection(), record.id, today())
        return self.tab(self.billing_template, record, statement=_statement(record.id, since, until), **page)

    @expose("/statement/", methods=("POST",))
    def statement_view(self) -> Response:
        """Send a statement as a file, and record that."""
        record = _billed(request.form.get("id"))
        since, until = _span(request.form)
        is_csv = request.form.get("format") == "csv"
        rows = statement_rows(_statement(record.id, since, until), since, until)
        record_event("statement exported", current_user, customer=record.id, format="csv" if is_csv else "xlsx")
        db.session.commit()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "statement")
            write_plain_csv(path, rows) if is_csv else write_plain_workbook(path, str(_("Statement")), rows)
            name = f"Statement {record.id} {today().isoformat()}.{'csv' if is_csv else 'xlsx'}"
            return send_file(io.BytesIO(path.read_bytes()), download_name=name, as_attachment=True)

    @expose("/billing-settings/", methods=("GET", "POST"))
    def rules_view(self) -> Any:
        """Show the rules of billing that are a customer's own, or save them."""
        if not self.can_edit:
            abort(403)
        _billed(request.args.get("id"))
        record_id = id_of(request.args.get("id"))
        customer = lock_customer(record_id) if request.method == "POST" else None
        shape = shape_of_billing(the_schema())
        record = find_open(shape.fields, record_id) or abort(404)
        form = shape.form(record.values, request.form or None, record.id)
        if customer is not None and save_record(form, customer, record, name=called(customer, the_schema())):
            return redirect(self.get_url(".billing_view", id=record.id))
        name = called(db.session.get_one(Customer, record.id), the_schema())
        everybody = own_rules(the_schema(), record.id, db.session.get_one(BillingConfig, 1))
        return self.render(self.rules_template, form=form, record=record, customer_name=name, rules=everybody)


def _billed(text: str | None) -> Record:
    """Return the customer whom an address or a form names, where the signed-in user may see the billing."""
    if not (may("customer.view") and may("billing.view")):
        abort(403)
    return find_open(shown_fields(the_schema()), id_of(text)) or abort(404)


def _statement(customer_id: int, since: dt.date | None, until: dt.date | None) -> Statement:
    return statement(db.session.connection(), customer_id, since, until)


def _span(given: Any) -> tuple[dt.date | None, dt.date | None]:
    """Return the first and the last day of a statement: without any, the last year's and what comes."""
    if "since" not in given and "until" not in given:
        return today() - dt.timedelta(_SHOWN_DAYS), None
    return _day(given.get("since")), _day(given.get("until"))


def _day(text: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text or "")
    except ValueError:
        return None
