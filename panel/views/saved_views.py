"""Lists of customers that people come back to, their own and those that others share, and their choice of columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import abort, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import or_, select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from panel.extensions import db
from panel.models import SavedView, User
from panel.rights import the_schema
from panel.schema import Schema
from panel.views.columns import columns_among
from panel.views.filters import asked_filters
from panel.views.guarded import AppModelView, AppView
from panel.views.messages import say, warn
from panel.views.preferences import list_preferences, query_of, remember
from panel.views.selection import query_args, sorted_by
from sync.cells import clean_text

LONGEST_NAME = 80
LONGEST_QUERY = 20_000
NO_VIEW = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """A saved view as the signed-in user finds it; `owner` is empty for one's own."""

    id: int
    name: str
    owner: str
    shared: bool
    query: str
    is_default: bool

    @property
    def url(self) -> str:
        """Return the list's address with this view."""
        return f"{url_for('customers.index_view')}?{self.query}{'&' if self.query else ''}view={self.id}"


def saved_views(schema: Schema) -> list[Opened]:
    """Return the user's own views and then those that others share, without what the user may not see.

    A shared view with a filter on a field that the user may not see is left out: its address would tell the value.
    """
    mine = SavedView.user_id == current_user.id
    query = select(SavedView, User).join(User, SavedView.user_id == User.id).where(or_(mine, SavedView.shared))
    rows = db.session.execute(query.order_by(mine.desc(), SavedView.name, SavedView.id)).all()
    default = list_preferences().get("view")
    return [_opened(schema, view, user, default) for view, user in rows if _is_open(schema, view)]


def _is_open(schema: Schema, view: SavedView) -> bool:
    asked = asked_filters(schema, query_args(view.query))
    return view.user_id == current_user.id or all(one.filter is not None for one in asked)


def _opened(schema: Schema, view: SavedView, user: User, default: int | None) -> Opened:
    owner = "" if view.user_id == current_user.id else str(user)
    query = query_of(_visible(schema, query_args(view.query)))
    return Opened(view.id, view.name, owner, view.shared, query, view.id == default)


def _visible(schema: Schema, args: MultiDict[str, str]) -> MultiDict[str, str]:
    """Return a list's arguments without columns and an order that the user may not see."""
    args["columns"] = ",".join(columns_among(schema, args.get("columns", "").split(",")))
    if "sort" in args and args["sort"] != "id" and sorted_by(schema, args["sort"]) is None:
        args.poplist("sort")
        args.poplist("desc")
    return args


def default_view(schema: Schema) -> Opened | None:
    """Return the view that the user's list opens with."""
    if not list_preferences().get("view"):
        return None
    return next((one for one in saved_views(schema) if one.is_default), None)


def own_view(text: str | None) -> SavedView:
    """Return the user's own view with the ID that a form names."""
    number = int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 18 else NO_VIEW
    view = db.session.get(SavedView, number)
    return view if view is not None and view.user_id == current_user.id else abort(404)


class SavedViewsView(AppView):
    """The views of the list of customers, and what a user chose in it."""

    permission = "customer.list"

    @expose("/")
    def index(self) -> str:
        """Show the views, each with what can be done with it."""
        return str(self.render("customers/views.html", views=saved_views(the_schema())))

    @expose("/save/", methods=("POST",))
    def save(self) -> Response:
        """Keep a list under a name; one of the user's own with the same name is replaced."""
        query = query_of(query_args(request.form.get("query", "")[:LONGEST_QUERY]))
        name = _name()
        if not name:
            warn(_("Nothing was saved: the view needs a name."))
            return redirect(_list_address(query))
        view = _own_named(name)
        if view is None:
            view = SavedView(user_id=current_user.id, name=name)
            db.session.add(view)
        view.query, view.shared = query, "shared" in request.form
        db.session.commit()
        say(_("The view %(name)s was saved.", name=name))
        return redirect(_list_address(query, view.id))

    @expose("/change/", methods=("POST",))
    def change(self) -> Response:
        """Rename a view of the user's own, share it or stop sharing it."""
        view, name = own_view(request.form.get("id")), _name()
        other = _own_named(name) if name else None
        if not name:
            warn(_("The view needs a name."))
        elif other is not None and other.id != view.id:
            warn(_("You have another view with the name %(name)s. Choose another name.", name=name))
        else:
            view.name, view.shared = name, "shared" in request.form
            db.session.commit()
            say(_("The view %(name)s was saved.", name=name))
        return redirect(self.get_url(".index"))

    @expose("/delete/", methods=("POST",))
    def delete(self) -> Response:
        """Delete a view of the user's own."""
        view = own_view(request.form.get("id"))
        name = view.name
        db.session.delete(view)
        db.session.commit()
        say(_("The view %(name)s was deleted. Its customers stay as they are.", name=name))
        return redirect(self.get_url(".index"))

    @expose("/default/", methods=("POST",))
    def default(self) -> Response:
        """Open the list with a view from now on, or with all customers."""
        wanted = request.form.get("id", "")
        view = next((one for one in saved_views(the_schema()) if str(one.id) == wanted), None)
        remember(view=view.id if view else None)
        opens = view.name if view else _("all customers")
        say(_("The list opens with %(name)s from now on.", name=opens))
        return redirect(self.get_url(".index"))

    @expose("/columns/", methods=("POST",))
    def columns(self) -> Response:
        """Keep the columns that were ticked, in the order in which they were sent, or go back to the usual ones."""
        chosen = columns_among(the_schema(), request.form.getlist("columns"))
        remember(columns=None if "reset" in request.form or not chosen else list(chosen))
        args = query_args(request.form.get("query", "")[:LONGEST_QUERY])
        args.poplist("columns")
        return redirect(_list_address(query_of(args), _number(request.form.get("view"))))

    @expose("/remember/", methods=("POST",))
    def remember(self) -> Response:
        """Keep the order and the page size that were just chosen."""
        sort, size = request.form.get("sort", ""), _number(request.form.get("page_size"))
        if sort == "id" or sorted_by(the_schema(), sort) is not None:
            remember(sort=sort, desc=request.form.get("desc") == "1")
        if size in AppModelView.page_size_options:
            remember(page_size=size)
        return Response(status=204)


def _name() -> str:
    return clean_text(request.form.get("name", "")).strip()[:LONGEST_NAME]


def _own_named(name: str) -> SavedView | None:
    mine: Iterable[SavedView] = db.session.scalars(select(SavedView).where(SavedView.user_id == current_user.id))
    return next((one for one in mine if one.name.casefold() == name.casefold()), None)


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 18 else NO_VIEW


def _list_address(query: str, view: int = NO_VIEW) -> str:
    pairs: list[tuple[str, Any]] = [("view", view)]
    return f"{url_for('customers.index_view')}?{query}{'&' if query else ''}{urlencode(pairs)}"
