"""Services of customers: added, changed, ended, and taken back while nothing was charged for them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from flask import abort, redirect, request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy import ColumnElement, select
from werkzeug.wrappers import Response

from panel.entities import SERVICE
from panel.extensions import db
from panel.forms.customer import Shape
from panel.models import Charge, Plan, Service
from panel.views.customer_query import number_of
from panel.views.messages import say, warn
from panel.views.of_customers import OfCustomers
from panel.words import day_in_words, today
from sync.errors import SyncError
from sync.fields import Field


class ServiceView(OfCustomers):
    """Services of the customers whom the signed-in user sees."""

    noun = lazy_gettext("service")
    lead = lazy_gettext("What customers have, the newest first. Each is added and changed on its customer's page.")
    nothing = lazy_gettext("The services of customers will be listed here. They are added on a customer's page.")
    entity = SERVICE
    tab = "services"

    @expose("/end/", methods=("POST",))
    def end_view(self) -> Response:
        """Give a service its last day."""
        if not self.can_edit:
            abort(403)
        service = self.found(request.form.get("id"))
        name, back = str(service), self.after_save(service)
        try:
            service.ends = self._last_day(service, request.form.get("ends", ""))
            words = _("%(name)s ends on %(day)s.", name=name, day=day_in_words(service.ends))
            db.session.commit()
            say(words)
        except SyncError as error:
            db.session.rollback()
            warn(str(error))
        return redirect(back)

    def _last_day(self, service: Service, text: str) -> dt.date:
        record, day = self.record(service.id), _day(text)
        wrong = self.wrong_with(service, record, {**record.values, "ends": day})
        if wrong is not None:
            raise SyncError(wrong.message)
        return day

    def narrowed(self) -> list[ColumnElement[bool]]:
        """Return the condition that leaves the services of one plan, where the address names it."""
        plan = number_of(request.args.get("plan"))
        return [Service.plan_id == plan] if plan else []

    def narrowed_by(self) -> str:
        """Return the name of that plan."""
        plan = db.session.get(Plan, number_of(request.args.get("plan")))
        return plan.name if plan else ""

    def first_values(self, model: Service) -> dict[str, Any]:
        """Return today as the first day."""
        return {"starts": today()}

    def shape(self, model: Service) -> Shape:
        """Return the form with the plans that the customer may have; what was charged for stays what it is."""
        plans = _offered(self.customer_of(model).billing_type, model.plan_id)
        fields = tuple(_narrowed(field, plans) if field.key == "plan" else field for field in self.fields())
        locked = {"plan": _("It was charged for: end it, and add another.")} if _is_charged(model) else {}
        return Shape(fields, locked)

    def refuse_return(self, model: Service) -> None:
        """Refuse to restore a service whose plan was deleted."""
        if model.plan.deleted_at is not None:
            raise SyncError(_("%(name)s is no plan any more, so the service stays deleted. Add another.", name=model))

    def render(self, template: str, **values: Any) -> str:
        """Render a page with the prices of the plans, which the form's script proposes."""
        prices = dict(db.session.execute(select(Plan.name, Plan.price).where(Plan.deleted_at.is_(None))).all())
        return str(super().render(template, prices={name: f"{price:f}" for name, price in prices.items()}, **values))


def _offered(billing_type: str, own: int | None) -> set[int]:
    """Return the plans of a type of billing, and the one that a service has."""
    there = select(Plan.id).where(Plan.deleted_at.is_(None), Plan.billing_type == billing_type)
    return {*db.session.scalars(there), *([own] if own else [])}


def _narrowed(field: Field, keys: set[int]) -> Field:
    return replace(field, options=tuple(option for option in field.options if option.key in keys))


def _is_charged(service: Service) -> bool:
    return db.session.scalars(select(Charge.id).where(Charge.service_id == service.id).limit(1)).first() is not None


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise SyncError(_("Choose the last day of the service.")) from None
