"""Planned changes of status: made on a customer's page, listed, cancelled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from flask import abort, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select, update
from werkzeug.wrappers import Response

from panel.access import may
from panel.database import writing
from panel.extensions import db
from panel.lifecycle import is_pending
from panel.models import Customer, PlannedStatus, Status
from panel.models.columns import now
from panel.rights import EDIT, NONE, name_of, rights_of
from panel.statuses import statuses_in_use
from panel.views.customer_query import id_of, lock_customer, number_of, visible
from panel.views.guarded import AppView
from panel.views.messages import say, warn
from panel.words import today
from sync.errors import SyncError

MOST_LISTED = 500


class PlannedView(AppView):
    """What is planned for customers' statuses."""

    permission = "customer.plan_status"

    def is_accessible(self) -> bool:
        """Tell whether the signed-in user may plan what becomes of a customer's status."""
        return super().is_accessible() and may_plan()

    @expose("/")
    def index(self) -> str:
        """List every change that is still to come, the next one first."""
        query = select(PlannedStatus, Customer.full_name, Status).join(Status, Status.id == PlannedStatus.status_id)
        query = query.join(Customer, Customer.id == PlannedStatus.customer_id).where(*is_pending(), *visible())
        rows = db.session.execute(query.order_by(PlannedStatus.day, PlannedStatus.id).limit(MOST_LISTED)).all()
        sees_names = rights_of(current_user).of("full_name") != NONE
        named = [
            (plan, name_of(plan.customer_id, {"full_name": name if sees_names else ""}), s) for plan, name, s in rows
        ]
        return str(self.render("customers/planned_list.html", rows=named))

    @expose("/new/", methods=("POST",))
    def plan(self) -> Response:
        """Plan a change for a day, or make it now where the day is today."""
        customer_id = id_of(request.form.get("customer"))
        try:
            say(_plan(customer_id, number_of(request.form.get("status")), request.form.get("day", "")))
        except SyncError as error:
            warn(str(error))
        return redirect(url_for("customers.details_view", id=customer_id))

    @expose("/cancel/", methods=("POST",))
    def cancel(self) -> Response:
        """Cancel a change that has not been made yet."""
        plan_id = id_of(request.form.get("id"))
        with writing() as connection:
            mine = select(PlannedStatus.customer_id).join(Customer, Customer.id == PlannedStatus.customer_id)
            customer_id = connection.execute(mine.where(PlannedStatus.id == plan_id, *visible())).scalar()
            if customer_id is None:
                abort(404)
            open_one = update(PlannedStatus).where(PlannedStatus.id == plan_id, *is_pending())
            words = _("Cancelled by %(name)s.", name=str(current_user))
            done = connection.execute(open_one.values(cancelled_at=now(), message=words)).rowcount
        if done:
            say(_("The planned change was cancelled."))
        else:
            warn(_("This change was made or cancelled already."))
        back = request.form.get("back") == "list"
        return redirect(self.get_url(".index") if back else url_for("customers.details_view", id=customer_id))


def _plan(customer_id: int, status_id: int, text: str) -> str:
    """Plan or make the change, and return what was done in words."""
    day = _day(text)
    with writing():
        customer = lock_customer(customer_id) or abort(404)
        status = next((one for one in statuses_in_use() if one.id == status_id), None)
        if status is None:
            raise SyncError(_("Choose a status that is in use."))
        if day == today():
            return _change_now(customer, status)
        taken = select(PlannedStatus.id).where(
            PlannedStatus.customer_id == customer_id, PlannedStatus.day == day, *is_pending()
        )
        if db.session.execute(taken).first():
            raise SyncError(_("A change is planned for %(day)s already. Cancel it first.", day=day.isoformat()))
        who: dict[str, Any] = {"by": str(current_user), "user_id": current_user.id}
        db.session.add(PlannedStatus(customer_id=customer_id, status_id=status.id, day=day, **who))
        return _("Planned: %(label)s on %(day)s.", label=status.label, day=day.isoformat())


def _day(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise SyncError(_("Choose the day of the change.")) from None
    if day < today():
        raise SyncError(_("%(day)s is over. Choose tomorrow or a later day.", day=day.isoformat()))
    return day


def _change_now(customer: Customer, status: Status) -> str:
    if not may("customer.edit"):
        raise SyncError(_("You may plan changes from tomorrow on, but not change customers."))
    customer.status_id = status.id
    return _("The day is today, so the status was changed now: %(label)s.", label=status.label)


def may_plan() -> bool:
    """Tell whether the signed-in user may plan changes: the permission, and the right to edit the status."""
    return may("customer.plan_status") and rights_of(current_user).of("status") == EDIT


def planned_of(customer_id: int) -> Sequence[PlannedStatus]:
    """Return what is still planned for a customer, the next change first."""
    query = select(PlannedStatus).where(PlannedStatus.customer_id == customer_id, *is_pending())
    return db.session.scalars(query.order_by(PlannedStatus.day, PlannedStatus.id)).all()


def plan_choices() -> tuple[Sequence[Status], str]:
    """Return the statuses that may be planned and tomorrow's date, for the form."""
    return statuses_in_use(), (today() + dt.timedelta(1)).isoformat()
