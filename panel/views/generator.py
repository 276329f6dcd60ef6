"""Config → Main → Customers: how logins and passwords are made, and the buttons that make them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, redirect, request
from flask_admin import expose
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from panel.access import may
from panel.extensions import db, login_manager
from panel.forms.config import GeneratorForm
from panel.forms.generating import Preview, draft_of, preview_of
from panel.forms.suggestion import suggest_login
from panel.generator import generate_password, read_config
from panel.models import GeneratorConfig
from panel.schema import current_schema
from panel.views.guarded import AppView, nothing_saved
from panel.views.messages import say, warn
from sync.errors import SyncError
from sync.fields import Bad
from sync.values import parse_value

pages = Blueprint("generate", __name__, url_prefix="/generate")
RESTORED = ("login_pattern", "login_characters", "password_characters", "password_length", "clear_characters")
_USED_BY_PATTERNS = ("emails", "phones", "partner", "location")


class GeneratorView(AppView):
    """The one row of the generator's settings."""

    permission = "config"

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Any:
        """Show the settings, or save them."""
        connection = db.session.connection()
        config = db.session.get_one(GeneratorConfig, 1)
        form = GeneratorForm(request.form or None, obj=config)
        draft = draft_of(request.form, config) if request.method == "POST" else config
        preview = preview_of(connection, draft)
        if request.method == "POST" and form.validate() and not _is_used_up(form, preview):
            form.populate_obj(config)
            db.session.commit()
            _tell_saved(preview)
            return redirect(self.get_url(".index"))
        if form.errors:
            warn(nothing_saved(form))
        return self.render("config/generator.html", form=form, preview=preview)

    @expose("/examples/", methods=("POST",))
    def examples_view(self) -> Response:
        """Answer with what settings that are being typed would make, or with what is wrong with them."""
        connection = db.session.connection()
        return jsonify(preview_of(connection, draft_of(request.form, read_config(connection))).to_json())

    @expose("/defaults/", methods=("POST",))
    def defaults_view(self) -> Response:
        """Put pattern, characters and length back to what a new instance has."""
        config = db.session.get_one(GeneratorConfig, 1)
        for name in RESTORED:
            setattr(config, name, GeneratorConfig.__table__.c[name].default.arg)
        db.session.commit()
        say(_("The pattern, the characters and the length are the defaults again."))
        return redirect(self.get_url(".index"))


def _is_used_up(form: GeneratorForm, preview: Preview) -> bool:
    if preview.supply is None or preview.supply.share < 1:
        return False
    form.login_pattern.errors = [f"{preview.supply.words} {preview.supply.warning}"]
    return True


def _tell_saved(preview: Preview) -> None:
    logins = ", ".join(login for _name, login in preview.examples)
    say(_("The generator was saved. It makes logins such as %(logins)s.", logins=logins))
    if preview.supply and preview.supply.warning:
        warn(f"{preview.supply.words} {preview.supply.warning}")
    if preview.strength and preview.strength.level == "weak":
        warn(_("Passwords: %(words)s", words=preview.strength.words))


def _may_generate() -> bool:
    return may("customer.add") or may("customer.edit")


@pages.before_request
def _guard() -> Any:
    if not current_user.is_authenticated:
        return login_manager.unauthorized()
    return None if _may_generate() else (jsonify(message="You may not add or edit customers."), 403)


@pages.post("/login/")
def login() -> Any:
    """Answer with a free login for the customer in the form, where the switches allow the button."""
    connection = db.session.connection()
    record_id = request.form.get("_id", type=int)
    if refusal := _refusal(read_config(connection), is_new=record_id is None):
        return jsonify(message=refusal), 403
    fields = {field.key: field for field in current_schema(connection).fields}
    typed = {key: parse_value(request.form.get(key, ""), fields[key]) for key in _USED_BY_PATTERNS}
    values = {key: None if isinstance(value, Bad) else value for key, value in typed.items()}
    try:
        return jsonify(value=suggest_login(connection, values, record_id))
    except SyncError as error:
        return jsonify(message=str(error)), 409


def _refusal(config: GeneratorConfig, *, is_new: bool) -> str:
    if not config.show_generate:
        return _("The Generate button is switched off under Config → Main → Customers.")
    if not (config.login_change_on_add if is_new else config.login_change_on_edit):
        return _("Logins are made by the panel and not changed here.")
    return ""


@pages.post("/password/")
def password() -> Response:
    """Answer with a new password."""
    return jsonify(value=generate_password(read_config(db.session.connection())))
