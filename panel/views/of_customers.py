"""What services and payments share: each is of a customer whom the signed-in user sees, and goes back there."""

from __future__ import annotations

from typing import Any

from flask import abort, has_request_context, request
from flask_admin import expose
from flask_babel.speaklater import LazyString
from flask_login import current_user
from sqlalchemy import ColumnElement, select

from panel.access import may
from panel.extensions import db
from panel.forms.registry import ENTRIES, in_words
from panel.models import Customer
from panel.records import RecordReader, select_records
from panel.relations import named
from panel.rights import reach_of, the_schema
from panel.schema import current_schema
from panel.views.customer_query import called, id_of, number_of, visible
from panel.views.record_forms import RecordForms
from sync.fields import Field

PAGE = 50


class OfCustomers(RecordForms):
    """Services or payments."""

    permission = "billing.view"
    list_template = "billing/list.html"
    tab = ""
    nothing: LazyString

    @expose("/")
    def index_view(self) -> str:
        """List them, the newest first."""
        connection, table = db.session.connection(), self.entity.table.c
        fields = current_schema(connection, self.entity).fields
        query = select_records(fields, self.entity).join(Customer, Customer.id == table.customer_id)
        query = query.where(table.deleted_at.is_(None), *visible(), *self.narrowed())
        if before := number_of(request.args.get("before")):
            query = query.where(table.id < before)
        records = RecordReader(fields).records(
            connection.execute(query.order_by(table.id.desc()).limit(PAGE + 1)).all()
        )
        page, reach = records[:PAGE], reach_of(current_user)
        address = {**request.args, "before": page[-1].id} if len(records) > PAGE else {}
        return str(
            self.render(
                self.list_template,
                records=page,
                fields=named(connection, fields, [one.values for one in page], reach),
                older=self.get_url(".index_view", **address) if address else "",
                narrowed=self.narrowed_by(),
                in_words=in_words,
                entries=ENTRIES,
            )
        )

    def narrowed(self) -> list[ColumnElement[bool]]:
        """Return the conditions of the list that the address names."""
        return []

    def narrowed_by(self) -> str:
        """Return what the list is narrowed down to, in words."""
        return ""

    def seen(self) -> Any:
        """Return the query for those of the customers whom the signed-in user may see."""
        return super().seen().join(Customer, Customer.id == self.entity.table.c.customer_id).where(*visible())

    @property
    def can_create(self) -> bool:
        """Tell whether the signed-in user may add and change them."""
        return has_request_context() and may(self.entity.edits)

    can_edit = can_create

    @property
    def can_delete(self) -> bool:
        """Tell whether the signed-in user may take back what was recorded."""
        return may("billing.delete")

    def fields(self) -> list[Field]:
        """Return the fields that people fill in: the customer is known."""
        return [field for field in super().fields() if field.key != "customer"]

    def new_record(self) -> Any:
        """Return one for the customer whom the address names; a write keeps the customer from being written."""
        query = select(Customer).where(Customer.id == id_of(request.args.get("customer")), *visible())
        if request.method == "POST":
            query = query.with_for_update().execution_options(populate_existing=True)
        customer = db.session.scalars(query).one_or_none() or abort(404)
        return self.entity.model(customer_id=customer.id)

    def customer_of(self, model: Any) -> Customer:
        """Return the customer whose it is."""
        return db.session.get_one(Customer, model.customer_id)

    def after_save(self, model: Any) -> str:
        """Return the customer's page, or the form for another one where that was asked for."""
        return str(self.get_url(f"customers.{self.tab}_view", id=model.customer_id))

    def render(self, template: str, **values: Any) -> str:
        """Render a page with what its customer is called."""
        model = values.get("model")
        if model is not None:
            values["customer_name"] = called(self.customer_of(model), the_schema())
        return str(super().render(template, **values))
