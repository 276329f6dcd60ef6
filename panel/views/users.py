"""Config → System → Users."""

from __future__ import annotations

import secrets
from typing import Any

from flask import redirect, request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from sqlalchemy import select

from panel.access import set_password
from panel.extensions import db
from panel.forms.users import UserForm
from panel.granting import may_grant, partners_to_bind, refuse_above, refuse_lockout
from panel.models import Partner, Role, User
from panel.signing_in.resetting import lose_second_factor, start_reset
from panel.signing_in.sessions import end_sessions
from panel.views.guarded import AppModelView
from panel.views.messages import say, warn
from sync.errors import SyncError


def _role_names(_view: object, _context: object, user: User, _name: str) -> str:
    return ", ".join(role.name for role in user.roles)


def _partner_name(_view: object, _context: object, user: User, _name: str) -> str:
    partner = db.session.get(Partner, user.partner_id) if user.partner_id else None
    return str(partner or "")


class UserView(AppModelView):
    """Users: added, changed, sent a new password, deactivated; history names them, so none is deleted."""

    permission = edit_permission = "users"
    noun = lazy_gettext("user")
    lead = lazy_gettext("Who signs in. A user who leaves is deactivated: the history goes on naming them.")
    form = UserForm
    column_list = ("email", "name", "roles", "partner_id", "active")
    column_labels = {  # noqa: RUF012 - Flask-Admin's own form
        "email": lazy_gettext("Email"),
        "name": lazy_gettext("Name"),
        "roles": lazy_gettext("Roles"),
        "partner_id": lazy_gettext("Partner"),
        "active": lazy_gettext("Active"),
    }
    column_formatters = {"roles": _role_names, "partner_id": _partner_name}  # noqa: RUF012 - likewise
    column_default_sort = "email"
    form_template = "users/user.html"
    can_delete = False

    def get_query(self) -> Any:
        """Return the query of the users whom the signed-in one may know of."""
        query = super().get_query()
        mine = current_user.partner_id
        return query if mine is None else query.filter(User.partner_id == mine)

    def get_count_query(self) -> Any:
        """Return the query that counts them."""
        query = super().get_count_query()
        mine = current_user.partner_id
        return query if mine is None else query.filter(User.partner_id == mine)

    def get_one(self, id: str) -> User | None:
        """Return a user whom the signed-in one may know of."""
        user = db.session.get(User, int(id))
        is_elsewhere = user is not None and current_user.partner_id not in {None, user.partner_id}
        return None if is_elsewhere else user

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> Any:
        """Show the form for a new user, or add one and show the password that is good once."""
        form = self._form(None)
        if request.method == "POST" and self._is_good(form, None):
            user = User(email=form.email.data, must_change_password=True)
            db.session.add(user)
            password = secrets.token_urlsafe(12)
            if self._saved(form, user, password):
                return self.render("users/password.html", user=user, password=password, is_new=True)
        return self._form_page(form, None)

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """Show a user's form, or save it."""
        user = self.model_or_404(request.args.get("id"))
        form = self._form(user)
        if request.method == "POST" and self._is_good(form, user) and self._saved(form, user):
            say(_("%(name)s was saved.", name=user))
            return redirect(self.get_url(".index_view"))
        return self._form_page(form, user)

    @expose("/reset/", methods=("POST",))
    def reset_view(self) -> Any:
        """Mail a user a link to a new password, or give one that is good once; a lost second factor is turned off."""
        user = self.model_or_404(request.form.get("id"))
        try:
            refuse_above(current_user, user)
        except SyncError as error:
            warn(str(error))
            return redirect(self.get_url(".index_view"))
        if "second_factor" in request.form:
            lose_second_factor(user)
        password = start_reset(user)
        db.session.commit()
        if password is not None:
            return self.render("users/password.html", user=user, password=password, is_new=False)
        say(_("A link to choose a new password was mailed to %(email)s.", email=user.email))
        return redirect(self.get_url(".index_view"))

    def _form(self, user: User | None) -> UserForm:
        values = None if user is None else {"partner": user.partner_id or 0, "roles": [one.id for one in user.roles]}
        form = UserForm(request.form if request.method == "POST" else None, obj=user, data=values)
        roles = db.session.scalars(select(Role).order_by(Role.id))
        held = set(user.roles) if user else set()
        form.offer(
            partners_to_bind(current_user),
            [(one.id, one.name) for one in roles if one in held or may_grant(current_user, one)],
        )
        if request.method != "POST" and values:
            form.partner.data, form.roles.data = values["partner"], values["roles"]
        return form

    def _is_good(self, form: UserForm, user: User | None) -> bool:
        if not form.validate():
            return False
        others = select(User.id).where(User.email == form.email.data)
        taken = db.session.execute(others if user is None else others.where(User.id != user.id)).first()
        if taken:
            form.email.errors = [_("There is a user with this address already.")]
        return not taken

    def _saved(self, form: UserForm, user: User, password: str = "") -> bool:
        try:
            with db.session.no_autoflush:
                _assign(form, user, password)
            refuse_lockout()
            db.session.commit()
        except SyncError as error:
            db.session.rollback()
            warn(str(error))
            return False
        return True

    def render(self, template: str, **values: Any) -> str:
        """Render a page with the roles that its form offers."""
        roles = {one.id: one for one in db.session.scalars(select(Role))}
        return str(super().render(template, roles=roles, **values))


def _assign(form: UserForm, user: User, password: str) -> None:
    """Give a user what the form says; what the signed-in user may not give is refused. Raises `NotYours`."""
    if user.id is not None:
        refuse_above(current_user, user)
    chosen = list(db.session.scalars(select(Role).where(Role.id.in_(form.roles.data)).order_by(Role.id)))
    user.email, user.name = form.email.data, form.name.data
    if set(chosen) != set(user.roles):
        user.roles = chosen
    user.partner_id = form.partner.data or None
    if password:
        set_password(user, password)
    elif user.active and not form.active.data:
        user.session_key = secrets.token_hex(16)
        end_sessions(user)
    user.active = form.active.data
    refuse_above(current_user, user)
