"""Partners and locations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import abort, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_login import current_user
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from panel.authors import current_author
from panel.extensions import db
from panel.forms.config import NameForm
from panel.forms.expressions import expression, has_member
from panel.forms.registry import ENTRIES
from panel.forms.showing import count
from panel.merging import Merge, merge_or_enqueue, plan_merge
from panel.models import Customer, Partner, User
from panel.schema import current_schema
from panel.views.customer_query import number_of, visible
from panel.views.guarded import AppModelView
from panel.views.messages import say, warn
from sync.errors import SyncError
from sync.types import FIELD_TYPES
from sync.words import later

CUSTOMERS = (later("%(number)s customer"), later("%(number)s customers"))
USERS = (later("%(number)s user"), later("%(number)s users"))


class InUse(SyncError):
    """Something that customers or users still point to is not deleted."""


def refuse_in_use(name: str, column: Any, record_id: int, words: tuple[str, str] = CUSTOMERS) -> None:
    """Raise `InUse` where a column still points to a record."""
    used = db.session.execute(select(func.count()).where(column == record_id)).scalar_one()
    if used:
        raise InUse(
            _(
                "%(name)s is used by %(others)s, those in the bin included. It cannot be deleted.",
                name=name,
                others=count(used, *words),
            )
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One partner or location in the list, and who has it."""

    id: int
    name: str
    customers: int
    url: str


class _NamedView(AppModelView):
    permission = "config"
    form = NameForm
    column_list = ("name",)
    list_template = "config/named.html"
    merge_heading = ""
    customers_column: Any = None

    @property
    def key(self) -> str:
        """Return the field of customers that names one of these."""
        return str(self.model.__tablename__)

    @property
    def may_merge(self) -> bool:
        """Tell whether the user may move customers who are not all theirs to see."""
        return self.can_edit and current_user.partner_id is None

    @expose("/")
    def index_view(self) -> str:
        """Show all by name, each with the customers that the user may see."""
        return str(self.render(self.list_template, lines=self._lines()))

    def _in_use(self) -> list[Any]:
        query = select(self.model).where(self.model.merged_into.is_(None)).order_by(self.model.name)
        return list(db.session.scalars(query))

    def _lines(self) -> list[Line]:
        counting = select(self.customers_column, func.count()).where(*visible()).group_by(self.customers_column)
        customers: dict[int, int] = dict(db.session.execute(counting).all())
        return [
            Line(
                one.id,
                one.name,
                customers.get(one.id, 0),
                url_for("customers.index_view", **{f"flt_{self.key}_is": one.id}),
            )
            for one in self._in_use()
        ]

    @expose("/merge/", methods=("GET", "POST"))
    def merge_view(self) -> Any:
        """Show what merging one into another does, or do it."""
        if not self.may_merge:
            abort(403)
        source = self.model_or_404(request.values.get("id"))
        target_id = number_of(request.values.get("into"))
        try:
            refuse_pointed_at(source)
            plan = plan_merge(self.key, source.id, target_id) if target_id else None
            if request.method == "POST" and plan is not None:
                return self._merged(plan)
        except SyncError as error:
            db.session.rollback()
            warn(str(error))
            return redirect(self.get_url(".index_view"))
        others = [one for one in self._in_use() if one.id != source.id]
        return self.render("config/merge_named.html", source=source, others=others, plan=plan)

    def _merged(self, plan: Merge) -> Response:
        source, target = plan.source.name, plan.target.name
        job = merge_or_enqueue(self.key, plan.source.id, plan.target.id, current_author())
        if job is not None:
            return redirect(url_for("jobs.show", number=job.id))
        say(_("%(source)s was merged into %(target)s.", source=source, target=target))
        return redirect(self.get_url(".index_view"))

    def get_one(self, id: Any) -> Any:
        """Return one that a customer may have."""
        found = super().get_one(id)
        return found if found is not None and found.merged_into is None else None

    def on_model_delete(self, model: Any) -> None:
        """Refuse to delete one that customers have, point to in an additional field, or know by a former name."""
        refuse_in_use(model.name, self.customers_column, model.id)
        refuse_pointed_at(model)
        refuse_former(model, self.model.name)


def refuse_pointed_at(model: Any) -> None:
    """Raise `InUse` where customers point to a partner or location in an additional field."""
    schema = current_schema(db.session.connection())
    for field in schema.additional:
        if field.target == model.__tablename__:
            value = expression(field, ENTRIES[field.type].storage)
            points = has_member(value, model.id) if FIELD_TYPES[field.type].many else value == model.id
            used = db.session.scalar(select(func.count()).select_from(Customer).where(points))
            if used:
                words = ngettext(
                    "%(num)d customer has %(name)s as %(field)s.",
                    "%(num)d customers have %(name)s as %(field)s.",
                    used,
                    name=model.name,
                    field=field.name,
                )
                raise InUse(_("%(words)s Give them another one first, those in the bin included.", words=words))


def refuse_former(model: Any, label: Any) -> None:
    """Raise `InUse` where another was merged into a record, which workbooks that are out still name."""
    former = db.session.scalars(select(label).where(type(model).merged_into == model.id)).first()
    if former:
        raise InUse(
            _(
                "%(former)s was merged into %(label)s, and workbooks that are out still name it. "
                "Merge %(label)s into another one instead.",
                former=former,
                label=str(model),
            )
        )


class PartnerView(_NamedView):
    """Partners, to whom customers belong."""

    noun = lazy_gettext("partner")
    merge_heading = lazy_gettext("Merge %(name)s into another partner")
    lead = lazy_gettext("Organisations that customers belong to. A user may be bound to one.")
    customers_column = Customer.__table__.c.partner_id

    def on_model_delete(self, model: Partner) -> None:
        """Refuse to delete one that customers or users have."""
        super().on_model_delete(model)
        refuse_in_use(model.name, User.partner_id, model.id, USERS)


class LocationView(_NamedView):
    """Locations, to which customers belong."""

    noun = lazy_gettext("location")
    merge_heading = lazy_gettext("Merge %(name)s into another location")
    lead = lazy_gettext("Places that customers belong to.")
    customers_column = Customer.__table__.c.location_id
