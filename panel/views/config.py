"""Partners and locations."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy import Select, func, select

from panel.extensions import db
from panel.forms.config import NameForm
from panel.forms.expressions import expression, has_member
from panel.forms.registry import ENTRIES
from panel.forms.showing import count
from panel.models import Customer, Partner, User
from panel.schema import current_schema
from panel.views.guarded import AppModelView
from sync.errors import SyncError
from sync.types import FIELD_TYPES
from sync.words import later

CUSTOMERS = (later("%(number)s customer"), later("%(number)s customers"))
USERS = (later("%(number)s user"), later("%(number)s users"))


class InUse(SyncError):
    """Something that customers or users still point to is not deleted."""


def refuse_in_use(name: str, column: Any, record_id: int, words: tuple[str, str] = CUSTOMERS) -> None:
    """Raise `InUse` where a column still points to a record."""
    _refuse_used(name, select(func.count()).where(column == record_id), words)


def _refuse_used(name: str, counting: Select[Any], words: tuple[str, str] = CUSTOMERS) -> None:
    used = db.session.execute(counting).scalar_one()
    if used:
        raise InUse(
            _(
                "%(name)s is used by %(others)s, those in the bin included. It cannot be deleted.",
                name=name,
                others=count(used, *words),
            )
        )


class _NamedView(AppModelView):
    permission = "config"
    form = NameForm
    column_list = ("name",)
    column_labels = {"name": lazy_gettext("Name")}  # noqa: RUF012 - Flask-Admin's own form
    column_default_sort = "name"
    customers_column: Any = None

    def on_model_delete(self, model: Any) -> None:
        """Refuse to delete one that customers have, or point to in an additional field."""
        refuse_in_use(model.name, self.customers_column, model.id)
        schema = current_schema(db.session.connection())
        for field in schema.additional:
            if field.target == model.__tablename__:
                value = expression(field, ENTRIES[field.type].storage)
                points = has_member(value, model.id) if FIELD_TYPES[field.type].many else value == model.id
                _refuse_used(model.name, select(func.count()).select_from(Customer).where(points))


class PartnerView(_NamedView):
    """Partners, to whom customers belong."""

    noun = lazy_gettext("partner")
    lead = lazy_gettext("Organisations that customers belong to. A user may be bound to one.")
    customers_column = Customer.__table__.c.partner_id

    def on_model_delete(self, model: Partner) -> None:
        """Refuse to delete one that customers or users have."""
        super().on_model_delete(model)
        refuse_in_use(model.name, User.partner_id, model.id, USERS)


class LocationView(_NamedView):
    """Locations, to which customers belong."""

    noun = lazy_gettext("location")
    lead = lazy_gettext("Places that customers belong to.")
    customers_column = Customer.__table__.c.location_id
