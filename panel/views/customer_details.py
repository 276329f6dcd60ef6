"""A customer's own page: every value, and how each came about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, request
from flask_admin import expose
from flask_babel import lazy_gettext

from panel.access import may
from panel.exports.out import workbooks_with
from panel.extensions import db
from panel.forms.customer import shape_of_edit, shown_fields
from panel.models import Status
from panel.rights import the_schema
from panel.schema import Schema
from panel.views.customer_query import find_open, id_of, number_of
from panel.views.guarded import AppModelView
from panel.views.history import Wanted, blame_of, history_of
from panel.views.served import balance_of
from sync.fields import Field
from sync.records import Record

_SECTIONS: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "access": (lazy_gettext("Access"), ("login", "password", "status", "billing_type", "partner", "location")),
    "contact": (lazy_gettext("Contact"), ("full_name", "emails", "phones", "category", "passport")),
    "address": (lazy_gettext("Address"), ("street", "zip_code", "city", "geo")),
    "dates": (lazy_gettext("Dates"), ("date_of_birth", "date_added")),
}
_TABS = (
    ("details_view", "customer.view", lazy_gettext("Information")),
    ("services_view", "billing.view", lazy_gettext("Services")),
    ("billing_view", "billing.view", lazy_gettext("Billing")),
)
_ADDITIONAL = ("additional", lazy_gettext("Additional fields"))


@dataclass(frozen=True, slots=True)
class Section:
    """Fields that belong together on the page."""

    key: str
    label: Any
    fields: Sequence[Field]


class CustomerDetails(AppModelView):
    """Shows a customer."""

    details_template = "customers/details.html"

    @expose("/details/")
    def details_view(self) -> Any:
        """Show a customer with its history."""
        if not may("customer.view"):
            abort(403)
        schema = the_schema()
        record = find_open(shown_fields(schema), id_of(request.args.get("id"))) or abort(404)
        return self.tab(
            self.details_template,
            record,
            sections=list(_sections(schema, record.values.get("category"))),
            history=history_of(record, schema, _wanted(), self._open_fields(schema)),
            wanted=_wanted(),
            blame=blame_of(record.id),
        )

    def tab(self, template: str, record: Record, **values: Any) -> str:
        """Render one of a customer's pages with what all of them show."""
        status = db.session.get(Status, record.values["status"]) if "status" in record.values else None
        balance = balance_of(record.id) if may("billing.view") else None
        head = {"status": status, "balance": balance, "tabs": _tabs, "outs": workbooks_with(record.id)}
        return str(self.render(template, record=record, **head, **values))

    def _open_fields(self, schema: Schema) -> frozenset[str]:
        """Return the fields that the signed-in user may write."""
        if not self.can_edit:
            return frozenset()
        shape = shape_of_edit(db.session.connection(), schema)
        return frozenset(field.key for field in shape.fields if field.key not in shape.locked)


def _tabs() -> list[tuple[str, Any]]:
    """Return the pages of a customer that the signed-in user may open, each with its words."""
    return [(endpoint, words) for endpoint, permission, words in _TABS if may(permission)]


def _sections(schema: Schema, category: str | None) -> Iterator[Section]:
    """Yield the fields of a customer of this category, or of one that the user may not see, section by section."""
    categories = {"all", category} if category else {"all", "person", "company"}
    fields = {field.key: field for field in shown_fields(schema) if field.category in categories}
    for key, (label, keys) in _SECTIONS.items():
        yield Section(key, label, [fields.pop(one) for one in keys if one in fields])
    yield Section(*_ADDITIONAL, list(fields.values()))


def _wanted() -> Wanted:
    before = number_of(request.args.get("before"))
    return Wanted(request.args.get("field", ""), request.args.get("by", ""), before or None)
