"""Customers: the list, and what is done to one of them without a form."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, g, has_request_context, jsonify, redirect, request
from flask_admin import expose
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms.form import BaseForm

from panel.access import may
from panel.bulk.deleting import refusal
from panel.extensions import db
from panel.forms.conditions import FieldFilter
from panel.forms.customer import shown_fields
from panel.forms.registry import ENTRIES, in_words, is_sorted
from panel.forms.showing import shown
from panel.keys import Keyring
from panel.models import Event, Status
from panel.models.columns import now
from panel.relations import named
from panel.rights import EDIT, reach_of, rights_of, the_schema
from panel.schema import ENTITY, Schema
from panel.signing_in.confirming import refuse_reveal
from panel.signing_in.limits import client_address
from panel.views.columns import ID, chosen_columns, fields_of, labelled
from panel.views.cursor import spot_of
from panel.views.customer_billing import CustomerBilling
from panel.views.customer_forms import CustomerForms
from panel.views.customer_query import COUNTED, called, id_of, lock_customer
from panel.views.filters import BrokenFilter, all_filters, is_filter, refuse_too_many
from panel.views.guarded import PerRequest
from panel.views.list_page import address_without, address_without_filters, filter_choices, list_page
from panel.views.messages import offer, say, warn
from panel.views.pager import OF_PAGE, pager_of, rows_of
from panel.views.preferences import list_args
from panel.views.saved_views import default_view
from panel.views.selection import sorted_by, wanted_of
from sync.fields import Field
from sync.records import Record
from sync.types import FIELD_TYPES


def _columns(_view: object) -> list[tuple[str, str]]:
    if not has_request_context():
        return []
    schema = the_schema()
    return labelled(schema, chosen_columns(schema, list_args()))


def _sortable(_view: object) -> dict[str, str]:
    unsorted = {field.key for field in the_schema().fields if not is_sorted(field)} if has_request_context() else ()
    return {key: key for key, _label in _columns(_view) if key not in unsorted}


def _filters(_view: object) -> list[FieldFilter]:
    if not has_request_context():
        return []
    return list(all_filters(the_schema()))


class CustomerView(CustomerForms, CustomerBilling):
    """Customers of the signed-in user's partner, or all."""

    permission = "customer.list"
    noun = "customer"
    list_template = "customers/list.html"
    column_list = ("id",)
    form = BaseForm
    _search_supported = True
    _filter_groups = None

    # What Flask-Admin keeps from its start, here as of each request: a new field shows at once in every process.
    _list_columns = PerRequest(_columns)
    _sortable_columns = PerRequest(_sortable)
    _filters = PerRequest(_filters)

    @property
    def can_create(self) -> bool:
        """Tell whether the signed-in user may add customers; whoever cannot name one cannot."""
        return has_request_context() and may("customer.add") and rights_of(current_user).of("full_name") == EDIT

    @property
    def can_edit(self) -> bool:
        """Tell whether the signed-in user may edit customers."""
        return has_request_context() and may("customer.edit")

    @property
    def can_delete(self) -> bool:
        """Tell whether the signed-in user may move customers to the bin."""
        return has_request_context() and may("customer.delete")

    def init_search(self) -> bool:
        """Say that lists are searched."""
        return True

    def search_placeholder(self) -> str:
        """Return what may be typed into the search box."""
        return str(_("Name, login, ID, phone, email, city"))

    def _refresh_filters_cache(self) -> None:
        """Keep no filters: they follow from the fields of each request."""

    @expose("/")
    def index_view(self) -> Any:
        """Show the list; without any arguments as the view that the user chose for that."""
        refuse_too_many(request.args)
        view = default_view(the_schema()) if not request.args else None
        return redirect(view.url) if view else super().index_view()

    def sort_name(self, name: str | None) -> str | None:
        """Return the field to sort by, chosen now or remembered; it need not be a column."""
        name = list_args().get("sort")
        return name if name == ID or sorted_by(the_schema(), name) else None

    def _get_list_extra_args(self) -> Any:
        arguments, kept = super()._get_list_extra_args(), list_args()
        arguments.sort_desc = 1 if kept.get("desc") else None
        arguments.page_size = kept.get("page_size", 0, type=int)
        return arguments

    def _get_filter_groups(self) -> list[dict[str, Any]]:
        return filter_choices(the_schema())

    def _get_list_filter_args(self) -> None:
        """Leave filters to `asked_filters`: Flask-Admin drops those that it cannot use, and so shows more."""

    def _get_filters(self, filters: Any) -> dict[str, Any]:
        # For the addresses of other pages and orders: broken filters are kept as well.
        return {name: texts for name, texts in request.args.lists() if is_filter(name)}

    def get_list(
        self,
        page: int | None,
        sort_column: str | None,
        sort_desc: bool,
        search: str | None,
        filters: Any,
        execute: bool = True,
        page_size: int | None = None,
    ) -> tuple[int, list[Record]]:
        """Return how many customers match, counted up to a limit, and one page of them."""
        schema = the_schema()
        try:
            wanted = wanted_of(schema, list_args())
        except BrokenFilter:
            return 0, []
        size, count, sorting = page_size or self.page_size, wanted.count(), wanted.sorting
        rows = rows_of(request.args, count, COUNTED, size)
        shown_page = wanted.page(self._listed(schema), spot_of(request.args, sorting, size), rows, count)
        g.pager = pager_of(request.args, sorting, shown_page, count, COUNTED, size)
        return count or 0, list(shown_page.records)

    def _get_list_url(self, view_args: Any) -> str:
        # In another order, or with other rows to a page, the list begins anew.
        kept = {name: text for name, text in view_args.extra_args.items() if name not in OF_PAGE}
        return str(super()._get_list_url(view_args.clone(page=None, extra_args=kept)))

    def _listed(self, schema: Schema) -> tuple[Field, ...]:
        return fields_of(schema, chosen_columns(schema, list_args()))

    def get_pk_value(self, model: Any) -> int:
        """Return a customer's ID."""
        return int(model.id)

    def render(self, template: str, **values: Any) -> str:
        """Render a page with what all pages of customers use."""
        schema = the_schema()
        rows = [one.values for one in (*values.get("data", ()), values.get("record")) if one]
        labelled = named(db.session.connection(), schema.fields, rows, reach_of(current_user))
        fields = {field.key: field for field in labelled}
        values["rows"] = [fields[field.key] for field in values.get("rows", ())]
        colours = dict(db.session.execute(select(Status.id, Status.colour)).all())
        more = {"fields": fields, "shown": shown, "in_words": in_words, "colours": colours, "counted": COUNTED}
        more |= {"entries": ENTRIES, "pager": g.get("pager")}
        if template == self.list_template:
            more |= {"list": list_page(schema), "without": address_without, "show_all": address_without_filters()}
            more["has_page"] = current_app.view_functions.__contains__
        return str(super().render(template, **more, **values))

    @expose("/delete/", methods=("POST",))
    def delete_view(self) -> Response:
        """Move a customer to the bin, if the status allows it."""
        if not self.can_delete:
            abort(403)
        customer = lock_customer(id_of(request.form.get("id"))) or abort(404)
        if not customer.status.deletable:
            warn(refusal(str(customer.status) if _sees_status() else ""))
            return redirect(self.get_url(".details_view", id=customer.id))
        customer.deleted_at = now()
        name, record_id = called(customer, the_schema()), customer.id
        db.session.commit()
        words = _("%(name)s was moved to the bin.", name=name)
        if may("customer.restore"):
            offer(words, _("Undo"), self.get_url("bin.restore_view", id=record_id))
        else:
            say(words)
        return redirect(self.get_url(".index_view"))

    @expose("/reveal/", methods=("POST",))
    def reveal_view(self) -> Any:
        """Answer with a customer's password or other secret, and record that it was shown."""
        if not may("customer.reveal"):
            abort(403)
        if (refusal := refuse_reveal()) is not None:
            return refusal
        customer = lock_customer(id_of(request.form.get("id"))) or abort(404)
        field = _secret_field(request.form.get("field") or "password")
        sealed = (customer.extra or {}).get(field.key) if field.additional else customer.password
        keyring: Keyring = self.admin.app.extensions["keyring"]
        text = keyring.decrypt(sealed, ENTITY, customer.id, field.key) if sealed else ""
        detail = {"customer": customer.id, "field": field.key, "address": client_address()}
        db.session.add(Event(by=str(current_user), user_id=current_user.id, name="reveal", detail=detail))
        db.session.commit()
        return jsonify(password=text)


def _secret_field(key: str) -> Field:
    found = (field for field in shown_fields(the_schema()) if field.key == key and FIELD_TYPES[field.type].secret)
    return next(found, None) or abort(403)


def _sees_status() -> bool:
    return any(field.key == "status" for field in the_schema().fields)
