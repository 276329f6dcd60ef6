"""What the page around the list of customers shows: filters, columns, saved views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from panel.forms.conditions import FieldFilter
from panel.schema import Schema
from panel.views.columns import Column, all_columns, chosen_columns
from panel.views.filters import Asked, all_filters, asked_filters, is_filter
from panel.views.pager import without_page
from panel.views.preferences import list_args, narrowing_of, query_of
from panel.views.saved_views import Opened, saved_views
from panel.views.selection import query_args


@dataclass(frozen=True, slots=True)
class ListPage:
    """The list on screen: `query` is all that it shows, `narrowing` only which customers, `view` what was opened."""

    asked: Sequence[Asked]
    columns: Sequence[Column]
    views: Sequence[Opened]
    view: Opened | None
    query: str
    narrowing: str

    @property
    def is_changed(self) -> bool:
        """Tell whether the list is no longer as its view was saved."""
        return self.view is not None and sorted(query_args(self.query).items(multi=True)) != sorted(
            query_args(self.view.query).items(multi=True)
        )


def list_page(schema: Schema) -> ListPage:
    """Return what the page of this request shows."""
    args = list_args()
    columns = chosen_columns(schema, args)
    args["columns"] = ",".join(columns)
    views = saved_views(schema)
    view = next((one for one in views if str(one.id) == request.args.get("view")), None)
    asked = asked_filters(schema, args)
    return ListPage(asked, all_columns(schema, columns), views, view, query_of(args), narrowing_of(args))


def address_without(one: Asked) -> str:
    """Return this list's address without one of its filters."""
    kept = without_page(request.args)
    others = [text for text in request.args.getlist(one.name) if text not in one.texts]
    kept.pop(one.name, None)
    return url_for("customers.index_view", **(kept | ({one.name: others} if others else {})))


def address_without_filters() -> str:
    """Return this list's address with neither filter nor search, and without the view that the list opens with."""
    kept = {
        name: texts
        for name, texts in without_page(request.args).items()
        if not is_filter(name) and name not in {"search", "view"}
    }
    return url_for("customers.index_view", **kept, view="0")


def filter_choices(schema: Schema) -> list[dict[str, Any]]:
    """Return every field with its comparisons, for the form that adds a filter."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in all_filters(schema):
        groups.setdefault(str(one.name), []).append(_choice(one))
    return [{"label": label, "operations": operations} for label, operations in groups.items()]


def _choice(one: FieldFilter) -> dict[str, Any]:
    options = [[key, str(label)] for key, label in one.options] if one.options else None
    words = one.operation().partition(" …")[0] if one.compared.takes == "days" else one.operation()
    choice = {"arg": one.arg, "words": words, "options": options, "type": one.data_type}
    return choice | {"several": one.takes_several, "takes": one.compared.takes}
