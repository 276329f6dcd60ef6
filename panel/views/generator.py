"""Config → Main → Customers: how logins and passwords are made, and the buttons that make them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, redirect, request
from flask_admin import expose
from flask_login import current_user
from werkzeug.wrappers import Response

from panel.access import may
from panel.extensions import db, login_manager
from panel.forms.config import SHORT_PASSWORD, GeneratorForm
from panel.forms.showing import count
from panel.forms.suggestion import examples, suggest_login
from panel.generator import generate_password, read_config
from panel.models import GeneratorConfig
from panel.schema import current_schema
from panel.views.guarded import AppView
from panel.views.messages import say, warn
from sync.errors import SyncError
from sync.fields import Bad
from sync.values import parse_value

pages = Blueprint("generate", __name__, url_prefix="/generate")
_USED_BY_PATTERNS = ("emails", "phones", "partner", "location")


class GeneratorView(AppView):
    """The one row of the generator's settings."""

    permission = "config"

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Any:
        """Show the settings, or save them."""
        config = db.session.get_one(GeneratorConfig, 1)
        form = GeneratorForm(request.form or None, obj=config)
        if request.method == "POST" and form.validate():
            form.populate_obj(config)
            db.session.commit()
            say("The generator was saved. It makes logins such as " + ", ".join(examples(config, 1, 1)) + ".")
            return redirect(self.get_url(".index"))
        if form.errors:
            warn(f"Nothing was saved: {count(len(form.errors), 'input needs', 'inputs need')} a look.")
        return self.render("config/generator.html", form=form, examples=_examples(config), short=SHORT_PASSWORD)

    @expose("/examples/", methods=("POST",))
    def examples_view(self) -> Response:
        """Answer with three logins of a pattern that is being typed, or with what is wrong with it."""
        pattern = request.form.get("login_pattern", "")
        characters = request.form.get("login_characters") or "0"
        number = read_config(db.session.connection()).next_number
        draft = GeneratorConfig(login_pattern=pattern, login_characters=characters, next_number=number)
        try:
            return jsonify(examples=examples(draft, 1, 1))
        except SyncError as error:
            return jsonify(message=str(error))


def _examples(config: GeneratorConfig) -> list[str]:
    try:
        return examples(config, 1, 1)
    except SyncError:
        return []


def _may_generate() -> bool:
    return may("customer.add") or may("customer.edit")


@pages.before_request
def _guard() -> Any:
    if not current_user.is_authenticated:
        return login_manager.unauthorized()
    return None if _may_generate() else (jsonify(message="You may not add or edit customers."), 403)


@pages.post("/login/")
def login() -> Any:
    """Answer with a free login for the customer in the form."""
    connection = db.session.connection()
    fields = {field.key: field for field in current_schema(connection).fields}
    typed = {key: parse_value(request.form.get(key, ""), fields[key]) for key in _USED_BY_PATTERNS}
    values = {key: None if isinstance(value, Bad) else value for key, value in typed.items()}
    record_id = request.form.get("_id", type=int)
    try:
        return jsonify(value=suggest_login(connection, values, record_id))
    except SyncError as error:
        return jsonify(message=str(error)), 409


@pages.post("/password/")
def password() -> Response:
    """Answer with a new password."""
    return jsonify(value=generate_password(read_config(db.session.connection())))
