"""Config → Main → Customers → Statuses: effects, colours, order, and merging one into another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import abort, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import delete, func, inspect, select, update
from werkzeug.wrappers import Response

from panel.authors import current_author
from panel.billing.run import look_at_all
from panel.database import writing
from panel.extensions import db
from panel.forms.config import StatusForm
from panel.models import Account, BillingConfig, Customer, PlannedStatus, Status
from panel.schema import forget_schema
from panel.statuses import (
    PALETTE,
    all_effects,
    effects_in_words,
    merge_or_enqueue,
    move,
    plan_merge,
    put_in_order,
    statuses_in_use,
)
from panel.views.config import InUse, refuse_former, refuse_in_use
from panel.views.customer_query import number_of, visible
from panel.views.guarded import AppModelView
from panel.views.messages import say, warn
from sync.errors import SyncError


@dataclass(frozen=True, slots=True)
class Line:
    """One status in the list: what it does, and who has it."""

    status: Status
    effects: str
    customers: int
    in_bin: int
    url: str


class StatusView(AppModelView):
    """Statuses with their effects."""

    permission = "config"
    noun = "status"
    form = StatusForm
    column_list = ("label",)
    form_template = "config/status.html"
    list_template = "config/statuses.html"

    @expose("/")
    def index_view(self) -> str:
        """Show the statuses in their order."""
        return str(self.render(self.list_template, lines=_lines()))

    @expose("/move/", methods=("POST",))
    def move_view(self) -> Response:
        """Move a status one place up or down."""
        self._refuse_others()
        status = self.model_or_404(request.form.get("id"))
        with writing():
            move(status.id, -1 if request.form.get("to") == "up" else 1)
        forget_schema()
        return redirect(self.get_url(".index_view", moved=status.id))

    @expose("/order/", methods=("POST",))
    def order_view(self) -> tuple[str, int]:
        """Save the order that the list was dragged into."""
        self._refuse_others()
        ids = [number_of(text) for text in request.form.get("ids", "").split(",")]
        with writing():
            put_in_order(ids)
        forget_schema()
        return "", 204

    @expose("/merge/", methods=("GET", "POST"))
    def merge_view(self) -> Any:
        """Show what merging a status into another does, or do it."""
        self._refuse_others()
        source = self.model_or_404(request.values.get("id"))
        if source.merged_into:
            abort(404)
        target_id = number_of(request.values.get("into"))
        try:
            plan = plan_merge(source.id, target_id) if target_id else None
            if request.method == "POST" and plan is not None:
                return self._merged(source.id, source.label, plan.target.id, plan.target.label)
        except SyncError as error:
            db.session.rollback()
            warn(str(error))
            return redirect(self.get_url(".index_view"))
        others = [one for one in statuses_in_use() if one.id != source.id]
        return self.render("config/merge.html", source=source, others=others, plan=plan)

    def _merged(self, source_id: int, source: str, target_id: int, target: str) -> Response:
        job = merge_or_enqueue(source_id, target_id, current_author())
        if job is not None:
            return redirect(url_for("jobs.show", number=job.id))
        say(_("%(source)s was merged into %(target)s.", source=source, target=target))
        return redirect(self.get_url(".index_view"))

    def _refuse_others(self) -> None:
        if not self.can_edit:
            abort(403)

    def render(self, template: str, **values: Any) -> str:
        """Render a page with the palette and the words of every effect."""
        return str(super().render(template, palette=PALETTE, effects=all_effects(), **values))

    def get_one(self, id: Any) -> Status | None:
        """Return a status that a customer may have."""
        query = select(Status).where(Status.id == int(id), Status.merged_into.is_(None))
        if request.method == "POST":
            # Nobody merges, deletes or makes it the default meanwhile.
            query = query.with_for_update().execution_options(populate_existing=True)
        found: Status | None = db.session.scalars(query).one_or_none()
        return found

    def update_model(self, form: StatusForm, model: Status) -> Any:
        """Save a status, unless nothing would be the default any more or two had one name."""
        if model.is_default and not form.is_default.data:
            form.is_default.errors = [_("One status has to be the default. Make another one the default instead.")]
            return False
        if form.services.data == "active" and model.id in _targets():
            form.services.errors = [
                _(
                    "The daily run moves customers to this status, and their services would run on. "
                    "Choose another status under Config → Finance → Billing first."
                )
            ]
            return False
        return _has_free_label(form, model.id) and super().update_model(form, model)

    def create_model(self, form: StatusForm) -> Any:
        """Add a status, unless another has its name."""
        return _has_free_label(form, None) and super().create_model(form)

    def on_model_change(self, form: StatusForm, model: Status, is_created: bool) -> None:
        """Keep exactly one default; a new status comes last."""
        if is_created:
            model.position = (db.session.scalar(select(func.max(Status.position))) or 0) + 1
        if not is_created and _has_new_effect(model):
            look_at_all(db.session.connection())
        if model.is_default:
            db.session.flush()
            db.session.execute(update(Status).where(Status.id != model.id).values(is_default=False))

    def on_model_delete(self, model: Status) -> None:
        """Refuse to delete the default, and one that customers, plans or workbooks need."""
        if model.is_default:
            raise InUse(
                _("%(label)s is the status of new customers. Make another one the default first.", label=model.label)
            )
        refuse_in_use(model.label, Customer.status_id, model.id)
        _refuse_target(model)
        _refuse_needed(model)
        db.session.execute(delete(PlannedStatus).where(PlannedStatus.status_id == model.id))


def _has_new_effect(model: Status) -> bool:
    state = inspect(model)
    return any(state.attrs[name].history.has_changes() for name in ("services", "accounted"))


def _has_free_label(form: StatusForm, own_id: int | None) -> bool:
    wanted = str(form.label.data).casefold()
    for one in db.session.scalars(select(Status)):
        if one.id != own_id and one.label.casefold() == wanted:
            into = db.session.get(Status, one.merged_into) if one.merged_into else None
            form.label.errors = [
                _(
                    "There was a status of this name, which was merged into %(into)s. Workbooks that are out still "
                    "name it: choose another name.",
                    into=into.label,
                )
                if into
                else _("Another status has this name. Choose another one.")
            ]
            return False
    return True


def _targets() -> tuple[int | None, int | None]:
    """Return the statuses that the daily run gives; nobody chooses others meanwhile."""
    config = db.session.get_one(BillingConfig, 1, with_for_update=True)
    return config.blocked_status_id, config.inactive_status_id


def _refuse_target(model: Status) -> None:
    if model.id in _targets():
        raise InUse(
            _(
                "The daily run moves customers to %(label)s. Choose another status under Config → Finance → Billing.",
                label=model.label,
            )
        )


def _refuse_needed(model: Status) -> None:
    pending = (PlannedStatus.done_at.is_(None), PlannedStatus.cancelled_at.is_(None))
    planned = select(func.count()).where(PlannedStatus.status_id == model.id, *pending)
    if number := db.session.scalar(planned):
        words = ngettext("%(num)d planned change", "%(num)d planned changes", number)
        raise InUse(_("%(label)s is used by %(words)s. Merge it into another one.", label=model.label, words=words))
    going_back = select(func.count()).select_from(Account).where(Account.moved_from == model.id)
    if number := db.session.scalar(going_back):
        raise InUse(
            ngettext(
                "%(num)d customer gets %(label)s back once the debt is paid. Merge it into another one.",
                "%(num)d customers get %(label)s back once their debts are paid. Merge it into another one.",
                number,
                label=model.label,
            )
        )
    refuse_former(model, Status.label)


def _lines() -> list[Line]:
    status_id = Customer.__table__.c.status_id
    shown: dict[int, int] = dict(
        db.session.execute(select(status_id, func.count()).where(*visible()).group_by(status_id)).all()
    )
    binned = select(status_id, func.count()).where(Customer.deleted_at.is_not(None)).group_by(status_id)
    in_bin: dict[int, int] = dict(db.session.execute(binned).all()) if current_user.partner_id is None else {}
    return [
        Line(
            one,
            effects_in_words(one.services, one.accounted, one.deletable),
            shown.get(one.id, 0),
            in_bin.get(one.id, 0),
            url_for("customers.index_view", flt_status_is=one.id),
        )
        for one in statuses_in_use()
    ]
