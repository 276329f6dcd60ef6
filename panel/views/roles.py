"""Config → System → Roles: what each allows, in words, and which fields it shows."""

from __future__ import annotations

from typing import Any

from flask import redirect, request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_login import current_user
from sqlalchemy import func, select

from panel.extensions import db
from panel.forms.users import RIGHTS, RoleForm, kept_rights, rights_sent
from panel.granting import narrower, refuse_excess, refuse_lockout
from panel.models import Role, User
from panel.models.access import user_roles
from panel.permissions import GROUPS, WHOLE
from panel.rights import EDIT, rights_of, the_schema
from panel.views.config import InUse
from panel.views.guarded import AppModelView
from panel.views.messages import say, warn
from sync.errors import SyncError


class RoleView(AppModelView):
    """Roles, composed of permissions and rights to fields."""

    permission = edit_permission = "users"
    noun = lazy_gettext("role")
    lead = lazy_gettext(
        "What its users may do, and which fields they see. Who has several roles may do what any allows."
    )
    form = RoleForm
    column_list = ("name", "description")
    column_default_sort = "id"
    form_template = "roles/role.html"
    list_template = "roles/list.html"

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> Any:
        """Show the form for a new role, empty or as a copy, or add it."""
        copied = request.args.get("copy")
        like = self.model_or_404(copied) if copied else None
        form = _form(like)
        if like and request.method != "POST":
            form.name.data = _("Copy of %(name)s", name=like.name)
        if request.method == "POST" and self._is_good(form, None):
            role = Role(permissions=[], field_rights={})
            db.session.add(role)
            if _saved(form, role):
                say(_("%(name)s was added.", name=role))
                return redirect(self.get_url(".index_view"))
        return self._role_page(form, None, like)

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """Show a role's form, or save it; the whole one stays as it is."""
        role = self.model_or_404(request.args.get("id"))
        form = _form(role)
        if request.method == "POST" and role.name == WHOLE:
            warn(_("The role %(name)s may do everything and stays as it is. Copy it to change the copy.", name=role))
            return redirect(self.get_url(".index_view"))
        if request.method == "POST" and self._is_good(form, role) and _saved(form, role):
            say(_("%(name)s was saved.", name=role))
            return redirect(self.get_url(".index_view"))
        return self._role_page(form, role, role)

    def on_model_delete(self, model: Role) -> None:
        """Refuse to delete the whole role, one that users have, and one that may more than the signed-in user."""
        if model.name == WHOLE:
            raise InUse(_("The role %(name)s stays: somebody has to be able to do everything.", name=model))
        used = db.session.execute(
            select(func.count()).select_from(user_roles).where(user_roles.c.role_id == model.id)
        ).scalar_one()
        if used:
            have = ngettext("%(num)d user has", "%(num)d users have", used)
            raise InUse(_("%(have)s the role %(name)s. Give them another one first.", have=have, name=model))
        refuse_excess(current_user, model.permissions, model.field_rights or {})

    def _is_good(self, form: RoleForm, role: Role | None) -> bool:
        if not form.validate():
            return False
        others = select(Role.id).where(func.lower(Role.name) == form.name.data.lower())
        taken = db.session.execute(others if role is None else others.where(Role.id != role.id)).first()
        if taken:
            form.name.errors = [_("There is a role of this name already.")]
        return not taken

    def _role_page(self, form: RoleForm, role: Role | None, like: Role | None) -> str:
        if form.errors:
            warn(_("Nothing was saved: look at what is marked below."))
        sent = request.method == "POST"
        schema = the_schema()
        keys = [field.key for field in schema.fields]
        chosen = rights_sent(request.form, keys) if sent else dict(like.field_rights or {}) if like else {}
        page: dict[str, Any] = {"groups": GROUPS, "rights": RIGHTS, "chosen": chosen, "fields": schema.fields}
        page |= {"mine": rights_of(current_user), "held": current_user.permissions}
        page |= {"is_whole": role is not None and role.name == WHOLE}
        return str(self.render(self.form_template, form=form, model=role, **page))

    def render(self, template: str, **values: Any) -> str:
        """Render a page with how many users have each role."""
        query = select(user_roles.c.role_id, func.count()).join(User, User.id == user_roles.c.user_id)
        counts: dict[int, int] = dict(db.session.execute(query.group_by(user_roles.c.role_id)).all())
        return str(super().render(template, users=counts, whole=WHOLE, **values))


def _form(role: Role | None) -> RoleForm:
    values = {"permissions": list(role.permissions)} if role else {}
    form = RoleForm(request.form if request.method == "POST" else None, obj=role, data=values)
    if role and request.method != "POST":
        form.permissions.data = list(role.permissions)
    return form


def _saved(form: RoleForm, role: Role) -> bool:
    try:
        with db.session.no_autoflush:
            _assign(form, role)
        refuse_lockout()
        db.session.commit()
    except SyncError as error:
        db.session.rollback()
        warn(str(error))
        return False
    return True


def _assign(form: RoleForm, role: Role) -> None:
    """Give a role what the form says; what the signed-in user does not hold is refused. Raises `NotYours`."""
    if role.id is not None:
        refuse_excess(current_user, role.permissions, role.field_rights or {})
    mine, schema = rights_of(current_user), the_schema()
    keys = [field.key for field in schema.fields]
    sent = rights_sent(request.form, keys)
    # Fields that the granter may not edit are not given wider, whatever was sent; unseen ones are on no page.
    limited = {key: narrower(sent.get(key, EDIT), mine.of(key)) for key in {*sent, *mine.seen, *mine.unseen}}
    kept = kept_rights(role.field_rights or {}, keys)
    field_rights = {**kept, **{key: right for key, right in limited.items() if right != EDIT}}
    refuse_excess(current_user, form.permissions.data, field_rights)
    if set(form.permissions.data) != set(role.permissions or ()):
        role.permissions = list(form.permissions.data)
    if field_rights != (role.field_rights or {}):
        role.field_rights = field_rights
    role.name, role.description = form.name.data, form.description.data
    role.needs_two_factor = form.needs_two_factor.data
