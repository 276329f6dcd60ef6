"""Config → System → API tokens: what other programs sign in with."""

from __future__ import annotations

from typing import Any

from flask import redirect, request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from sqlalchemy import ColumnElement, select, true
from werkzeug.wrappers import Response

from panel.access import may
from panel.api.tokens import add_token, revoke
from panel.database import writing
from panel.extensions import db
from panel.forms.tokens import TokenForm
from panel.granting import NotYours, partners_to_bind
from panel.models import ApiToken, Partner
from panel.rights import rights_of
from panel.signing_in.confirming import ask_to_confirm
from panel.signing_in.sessions import is_confirmed
from panel.views.guarded import AppModelView
from panel.views.messages import say
from sync.errors import SyncError

ANSWERED = frozenset({"login", "status"})
"""The fields that every token tells."""


class TokenView(AppModelView):
    """API tokens: made, shown once, revoked; the audit names them, so none is changed or deleted."""

    permission = "config"
    noun = lazy_gettext("API token")
    lead = lazy_gettext("What other programs sign in with, such as a RADIUS server. A revoked token opens nothing.")
    form = TokenForm
    column_list = ("name",)
    list_template = "tokens/list.html"
    adds_several = False
    edit_view = delete_view = None

    @expose("/")
    def index_view(self) -> str:
        """Show the tokens, those that are good first."""
        query = select(ApiToken, Partner.name).outerjoin(Partner, Partner.id == ApiToken.partner_id).where(_mine())
        found = db.session.execute(query.order_by(ApiToken.revoked_at.is_not(None), ApiToken.name)).all()
        return str(self.render(self.list_template, tokens=found))

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> Any:
        """Show the form for a new token to who has just given the password, or make one and show it once."""
        if not is_confirmed():
            return ask_to_confirm()
        form = self._form()
        if request.method == "POST" and form.validate():
            try:
                return self._added(form)
            except SyncError as error:
                db.session.rollback()
                form.name.errors = [str(error)]
        return self._form_page(form, None)

    def _form(self) -> TokenForm:
        form = TokenForm(request.form if request.method == "POST" else None)
        form.offer(partners_to_bind(current_user), passwords=may("customer.reveal"))
        return form

    def _added(self, form: TokenForm) -> str:
        passwords = "passwords" in form and form.passwords.data
        _refuse_excess(passwords=passwords)
        options: dict[str, Any] = {"passwords": passwords, "partner_id": form.partner.data or None}
        with writing():
            token, text = add_token(form.name.data, by=str(current_user), **options)
        return str(self.render("tokens/token.html", token=token, text=text))

    @expose("/revoke/", methods=("POST",))
    def revoke_view(self) -> Response:
        """Let a token open nothing any more."""
        token = self.model_or_404(request.form.get("id"))
        revoke(token)
        db.session.commit()
        say(_("%(name)s was revoked. Whoever shows it is refused from now on.", name=token))
        return redirect(self.get_url(".index_view"))

    def get_one(self, id: Any) -> ApiToken | None:
        """Return a token that the signed-in user may know of."""
        found: ApiToken | None = db.session.scalars(
            select(ApiToken).where(ApiToken.id == int(id), _mine())
        ).one_or_none()
        return found


def _mine() -> ColumnElement[bool]:
    """Leave a user who is bound to a partner that partner's tokens."""
    mine = current_user.partner_id
    return true() if mine is None else ApiToken.partner_id == mine


def _refuse_excess(*, passwords: bool) -> None:
    """Refuse a token that would tell what the signed-in user may not see. Raises `NotYours`."""
    told = ANSWERED | {"password"} if passwords else ANSWERED
    if told & rights_of(current_user).unseen:
        raise NotYours(_("This token would tell what you may not see yourself. Ask an admin to make it."))
