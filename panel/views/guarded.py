"""What every page of the panel has in common: nobody sees it without the permission that it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import abort, has_request_context, redirect, request
from flask_admin import BaseView, expose
from flask_admin.contrib.sqla import ModelView
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from flask_login import current_user
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

from panel.access import may
from panel.extensions import db, login_manager
from panel.forms.showing import count
from panel.schema import forget_schema
from panel.views.messages import say, warn
from sync.cells import clean_text
from sync.errors import SyncError
from sync.words import later

LAST_PAGE = 1_000_000
"""No list is longer; numbers beyond it are no page and overflow in the database."""


class Guarded:
    """Refuses by default: a view that names no permission is open to nobody."""

    permission = ""

    def is_accessible(self) -> bool:
        """Tell whether the signed-in user may open this view."""
        return has_request_context() and may(self.permission)

    def inaccessible_callback(self, name: str, **_options: Any) -> Any:
        """Ask a visitor to sign in, and refuse a user who may not."""
        if not current_user.is_authenticated:
            return login_manager.unauthorized()
        return abort(403)

    def _run_view(self, view: Callable[..., Any], *args: Any, **options: Any) -> Any:
        # Flask-Admin calls a view again, differently, when it raises a TypeError, and so hides where.
        return view(self, *args, **options)


class AppView(Guarded, BaseView):
    """A page that is no table of records."""


class PerRequest:
    """An attribute that Flask-Admin fills once at start, worked out anew here each time that it is read."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self._compute = compute

    def __get__(self, view: Any, owner: type | None = None) -> Any:
        return self if view is None else self._compute(view)

    def __set__(self, view: Any, value: Any) -> None:
        """Leave what Flask-Admin worked out at start."""


class AppModelView(Guarded, ModelView):
    """A list of records with its forms; each thing that can be done names its own permission."""

    edit_permission = "config"
    noun: str | LazyString = lazy_gettext("record")
    page_size = 50
    page_size_options = (20, 50, 100, 200)
    can_set_page_size = True
    column_display_actions = False
    lead: str | LazyString = ""
    form_template = "admin/model/form.html"
    adds_several = True
    delete_word = lazy_gettext("Delete")
    delete_question = later("Delete %(name)s?")
    delete_done = later("%(name)s was deleted.")
    # Flask-Admin's own export, inline edit, bulk actions and lookups are no pages of ours.
    export = None
    action_view = None
    ajax_update = None
    ajax_lookup = None

    @property
    def can_create(self) -> bool:
        """Tell whether the signed-in user may add a record."""
        return has_request_context() and may(self.edit_permission)

    can_edit = can_create
    can_delete = can_create
    can_export = False
    can_view_details = False

    def get_create_form(self) -> Any:
        """Return the form's class, which is the same for adding and editing."""
        return self.form

    get_edit_form = get_create_form

    def sort_name(self, name: str | None) -> str | None:
        """Return the column to sort by, if there is one of this name."""
        return name if name in self._sortable_columns else None

    def _get_list_extra_args(self) -> Any:
        # Flask-Admin sorts by a column's place, which means another column as soon as fields change.
        arguments = super()._get_list_extra_args()
        arguments.sort = self.sort_name(request.args.get("sort"))
        arguments.page = min(max(arguments.page, 0), LAST_PAGE)
        arguments.search = clean_text(arguments.search or "") or None
        return arguments

    def _get_column_by_idx(self, name: Any) -> Any:
        return next((column for column in self._list_columns if column[0] == name), None)

    def _get_filters(self, filters: Any) -> dict[str, str]:
        named: dict[str, str] = {}
        for index, _name, value in filters or ():
            arg = self._filters[index].arg
            free = f"flt_{arg}" if f"flt_{arg}" not in named else f"flt{len(named)}_{arg}"
            named[free] = value
        return named

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> Any:
        """Show the form for a new record, or add it."""
        if not self.can_create:
            abort(403)
        form = self.create_form()
        if self.validate_form(form) and (model := self.create_model(form)):
            say(_("%(name)s was added.", name=model))
            return redirect(self.after_save(model))
        return self._form_page(form, None)

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """Show a record's form, or save it."""
        if not self.can_edit:
            abort(403)
        model = self.model_or_404(request.args.get("id"))
        form = self.edit_form(obj=model)
        if self.validate_form(form) and self.update_model(form, model):
            say(_("%(name)s was saved.", name=model))
            return redirect(self.after_save(model))
        return self._form_page(form, model)

    @expose("/delete/", methods=("POST",))
    def delete_view(self) -> Response:
        """Delete a record, or say why it stays."""
        if not self.can_delete:
            abort(403)
        model = self.model_or_404(request.form.get("id"))
        name = str(model)
        if self.delete_model(model):
            say(_(self.delete_done, name=name))
        return redirect(self.get_url(".index_view"))

    details_view = None

    def model_or_404(self, text: str | None) -> Any:
        """Return the record with the ID that an address or a form names."""
        if text is None or not (text.isascii() and text.isdecimal()) or len(text) > 18:
            abort(404)
        model = self.get_one(text)
        return model if model is not None else abort(404)

    def after_save(self, model: Any) -> str:
        """Return where to go from here: to the list, or to another new one where that was asked for."""
        return str(self.get_url(".create_view" if "_another" in request.form else ".index_view"))

    def handle_view_exception(self, exc: Exception) -> bool:
        """Say what a person can act on; anything else is a fault and stays one."""
        db.session.rollback()  # a failed flush leaves nothing that could tell the user's language
        if isinstance(exc, SyncError):
            warn(str(exc))
        elif isinstance(exc, IntegrityError):
            warn(_("Something else depends on this, or has the same name. Nothing was changed."))
        else:
            raise exc
        forget_schema()
        return True

    def after_model_change(self, form: Any, model: Any, is_created: bool) -> None:
        """Let the rest of this request see the fields and options as they are now."""
        forget_schema()

    def _form_page(self, form: Any, model: Any) -> str:
        if form.errors:
            db.session.rollback()
            warn(nothing_saved(form))
        return str(self.render(self.form_template, form=form, model=model))


def nothing_saved(form: Any) -> str:
    """Return what to say above a form with mistakes."""
    return count(
        len(form.errors),
        "Nothing was saved: %(number)s input needs a look.",
        "Nothing was saved: %(number)s inputs need a look.",
    )


def local_path(target: str | None) -> str:
    """Return where to go after signing in: a path of ours, or the first page."""
    if not target or not target.startswith("/") or target.startswith("//") or "\\" in target:
        return "/"
    parts = urlsplit(target)
    return "/" if parts.scheme or parts.netloc or any(ord(char) < 32 for char in target) else target
