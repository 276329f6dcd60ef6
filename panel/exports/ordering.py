"""What somebody orders in the panel: a list exactly as it is shown, ticked customers, or a choice of columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from panel.entities import BY_NAME, CUSTOMER, Entity
from panel.exporting import Asked, Listed
from panel.models import Customer
from panel.schema import Schema
from panel.views.columns import chosen_columns
from panel.views.filters import asked_filters
from panel.views.saved_views import LONGEST_QUERY, saved_views
from panel.views.selection import Selection, query_args, wanted_of

NARROWED_BY = ("status", "partner", "location")
OTHERS_NARROWED_BY = ("plan",)


@dataclass(frozen=True, slots=True)
class Order:
    """An export as it was ordered, to be written now or by a job: `ids` are customers ticked one by one.

    `query` is the address of a list of which everything is wanted, `shows` that of the one where `ids` were ticked;
    `of` is the name of what is wanted.
    """

    fields: Sequence[str] | None
    where: Sequence[str] = ()
    query: str | None = None
    shows: str = ""
    ids: tuple[int, ...] = ()
    of: str = CUSTOMER.sheet.lower()

    @property
    def entity(self) -> Entity:
        """Return what is wanted."""
        return BY_NAME[self.of]

    @property
    def is_everybody(self) -> bool:
        """Tell whether no condition leaves anybody out."""
        return not (self.where or self.query or self.ids)

    def asked(self, schema: Schema) -> Asked:
        """Return what is to be written, by the rights and fields of this moment; raise `SyncError`."""
        return Asked(self.fields, self.where, self._listed(schema), entity=self.entity)

    def _listed(self, schema: Schema) -> Listed | None:
        if self.ids:
            wanted = replace(wanted_of(schema, query_args(self.shows)), conditions=(), filters=())
            ticked = Customer.__table__.c.id.in_(self.ids)
            said = ("id", _("Ticked one by one: %(number)s", number=len(self.ids)))
            return Listed(lambda query: wanted.listed(query.where(ticked)), (said,))
        if self.query is None:
            return None
        args = query_args(self.query)
        return Listed(wanted_of(schema, args).listed, tuple(_conditions(schema, args)))

    def to_json(self) -> dict[str, Any]:
        """Return the order as a job's options; its IDs are the job's records."""
        fields = None if self.fields is None else list(self.fields)
        where = {"where": list(self.where), "query": self.query, "shows": self.shows}
        return {"fields": fields, **where, "of": self.of}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], ids: Sequence[int]) -> Order:
        """Return the order that `to_json` wrote."""
        of = plain.get("of", CUSTOMER.sheet.lower())
        return cls(plain["fields"], plain["where"], plain["query"], plain["shows"], tuple(ids), of)


def order_of_page(schema: Schema, form: MultiDict[str, str]) -> Order:
    """Return what the exports page orders: the ticked columns of a saved view, of everybody, or of other records."""
    of = form.get("of", CUSTOMER.sheet.lower())
    if of != CUSTOMER.sheet.lower() and of in BY_NAME:
        only = [f"{key}={form[key]}" for key in OTHERS_NARROWED_BY if form.get(key)]
        return Order(form.getlist("fields") or None, only, of=of)
    view = next((one for one in saved_views(schema) if str(one.id) == form.get("view")), None)
    where = [f"{key}={form[key]}" for key in NARROWED_BY if form.get(key)]
    return Order(form.getlist("fields") or None, where, view.query if view else None)


def order_of_list(schema: Schema, form: MultiDict[str, str]) -> Order:
    """Return what a list orders: all that it shows, or the ticked customers, with its columns in its order."""
    shows = form.get("list", "")[:LONGEST_QUERY]
    selection = Selection.of(form)
    columns = _columns(schema, selection.query or shows)
    return Order(columns, (), selection.query, shows, selection.ids)


def _columns(schema: Schema, query: str) -> list[str]:
    """Return the columns of a list that a workbook takes; its ID and identity are in every workbook."""
    taken = {field.key for field in schema.exported}
    chosen = [key for key in chosen_columns(schema, query_args(query)) if key in taken]
    return chosen or [field.key for field in schema.on_workbooks]


def _conditions(schema: Schema, args: MultiDict[str, str]) -> Iterator[tuple[str, str]]:
    if search := args.get("search"):
        yield "", _("Search: %(text)s", text=search)
    for one in asked_filters(schema, args):
        yield (one.filter.field.key if one.filter else ""), one.words
