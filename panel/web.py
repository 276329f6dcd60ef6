"""Puts the panel's pages into the application: views, errors, headers, what every template knows."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any

from flask import Flask, current_app, render_template, request
from flask_admin import Admin
from flask_admin.theme import Bootstrap4Theme
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from panel.access import may
from panel.api import answers
from panel.audit import plain, record
from panel.database import DatabaseFailed, in_words, is_clash, writing
from panel.disk import FULL, DiskFull, is_full
from panel.entities import BILLING_TYPES
from panel.extensions import db, login_manager
from panel.files.kinds import read_types
from panel.forms.preview import STATES
from panel.forms.showing import ago, count, moment
from panel.imports.telling import my_news, outcome
from panel.imports.waiting import TooManyWait
from panel.maps import read_tiles, with_tiles
from panel.models import (
    AdditionalField,
    ApiToken,
    Customer,
    Location,
    Partner,
    Payment,
    Plan,
    Role,
    Service,
    Status,
    User,
)
from panel.rights import name_of
from panel.signing_in.limits import TooManyTries, client_address
from panel.signing_in.sessions import note_seen
from panel.views import account, files, generator, lookup, own_account, resetting
from panel.views.audit import AuditView
from panel.views.billing_config import BillingConfigView
from panel.views.bin import BinView
from panel.views.bulk import BulkView
from panel.views.config import LocationView, PartnerView
from panel.views.customers import CustomerView
from panel.views.daily import DailyView
from panel.views.exports import ExportView
from panel.views.fields import AdditionalFieldView
from panel.views.generator import GeneratorView
from panel.views.home import HomeView
from panel.views.imports import ImportView
from panel.views.jobs import JobView
from panel.views.menu import visible_menu
from panel.views.payments import PaymentView
from panel.views.planned import PlannedView, may_plan, plan_choices, planned_of
from panel.views.plans import PlanView
from panel.views.refreshing import RefreshView
from panel.views.reviewing import ReviewView
from panel.views.roles import RoleView
from panel.views.saved_views import SavedViewsView
from panel.views.services import ServiceView
from panel.views.statuses import StatusView
from panel.views.together import TogetherView
from panel.views.tokens import TokenView
from panel.views.undoing import UndoView
from panel.views.users import UserView
from panel.words import (
    ENGLISH,
    chosen_locale,
    count_in_words,
    day_in_words,
    fall_silent,
    locale_of_words,
    money_in_words,
    number_in_words,
    speak_to_the_user,
)
from sync.errors import SyncError
from sync.types import FIELD_TYPES
from sync.words import say

# Tabler's style sheet carries its icons as data.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_WITH_STATUS = (TooManyTries, TooManyWait, DatabaseFailed, DiskFull)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
WORDS = {
    400: (
        lazy_gettext("That did not work"),
        lazy_gettext("The page was open for too long, or part of it was missing. Reload it, and try again."),
    ),
    401: (lazy_gettext("Sign in first"), lazy_gettext("This page is for people who are signed in.")),
    403: (lazy_gettext("Not allowed"), lazy_gettext("Your role does not include this. Ask an admin if you need it.")),
    404: (lazy_gettext("Not here"), lazy_gettext("There is nothing at this address, or nothing that you may see.")),
    405: (lazy_gettext("That did not work"), lazy_gettext("This address does not take such a request.")),
    413: (
        lazy_gettext("Too large"),
        lazy_gettext("The file is larger than Rollbook takes. Split it, and send the parts."),
    ),
    500: (
        lazy_gettext("Something broke"),
        lazy_gettext("This is a fault of Rollbook's. It was written to the log; nothing was saved."),
    ),
}


def register(app: Flask) -> None:
    """Add every page to an application."""
    login_manager.login_view = "account.login"
    login_manager.login_message = None
    app.extensions["tiles"] = read_tiles(app.config)
    app.extensions["file_types"] = read_types(app.config)
    _add_views(app)
    for pages in (account.pages, own_account.pages, resetting.pages):
        app.register_blueprint(pages)
    app.register_blueprint(generator.pages)
    app.register_blueprint(lookup.pages)
    app.register_blueprint(files.pages)
    answers.register(app)
    app.add_url_rule("/healthz", "health", _health)
    app.before_request(speak_to_the_user)
    app.teardown_request(fall_silent)
    app.before_request(own_account.ask_first)
    app.before_request(note_seen)
    app.after_request(_protect)
    app.context_processor(_known_to_templates)
    app.jinja_env.filters.update(moment=moment, ago=ago, plain=_plain, in_thousands=count_in_words, day=day_in_words)
    app.jinja_env.filters.update(money=money_in_words, amount=lambda amount: number_in_words(amount, 2))
    app.jinja_env.globals.update(billing_types={option.key: option.label for option in BILLING_TYPES})
    app.jinja_env.tests["secret"] = lambda field: FIELD_TYPES[field.type].secret
    app.jinja_env.globals.update(planned_of=planned_of, plan_choices=plan_choices, may_plan=may_plan)
    app.jinja_env.globals.update(count=count, name_of=name_of, said=say)
    app.jinja_env.globals.update(news_of_imports=my_news, outcome_of_import=outcome)
    app.register_error_handler(HTTPException, _show_error)
    app.register_error_handler(SyncError, _show_sentence)
    app.register_error_handler(DBAPIError, _show_failure)
    app.register_error_handler(OSError, _show_full_disk)


def _add_views(app: Flask) -> None:
    home = HomeView(
        lazy_gettext("Home"), endpoint="home", url="/", static_url_path="/home"
    )  # no files of Flask-Admin are served
    admin = Admin(app, "Rollbook", url="/", index_view=home, theme=Bootstrap4Theme(base_template="base.html"))
    admin.add_views(
        CustomerView(Customer, db, lazy_gettext("Customers"), endpoint="customers"),
        ServiceView(Service, db, lazy_gettext("Services"), endpoint="services"),
        PaymentView(Payment, db, lazy_gettext("Payments"), endpoint="payments"),
        DailyView(lazy_gettext("Daily run"), endpoint="daily"),
        BillingConfigView(lazy_gettext("Billing"), endpoint="billing"),
        PlanView(Plan, db, lazy_gettext("Plans"), endpoint="plans"),
        SavedViewsView(lazy_gettext("Saved views"), endpoint="views"),
        ExportView(lazy_gettext("Exports"), endpoint="exports"),
        RefreshView(lazy_gettext("Refresh"), endpoint="refresh"),
        ReviewView(lazy_gettext("Reviews"), endpoint="reviews"),
        ImportView(lazy_gettext("Imports"), endpoint="imports"),
        TogetherView(lazy_gettext("Imports together"), endpoint="together"),
        PlannedView(lazy_gettext("Planned changes"), endpoint="planned"),
        JobView(lazy_gettext("Work"), endpoint="jobs"),
        BulkView(lazy_gettext("Bulk edit"), endpoint="bulk"),
        UndoView(lazy_gettext("Undo"), endpoint="undo"),
        BinView(lazy_gettext("Bin"), endpoint="bin"),
        StatusView(Status, db, lazy_gettext("Statuses"), endpoint="statuses"),
        GeneratorView(lazy_gettext("Generator"), endpoint="generator"),
        PartnerView(Partner, db, lazy_gettext("Partners"), endpoint="partners"),
        LocationView(Location, db, lazy_gettext("Locations"), endpoint="locations"),
        AdditionalFieldView(AdditionalField, db, lazy_gettext("Additional fields"), endpoint="fields"),
        UserView(User, db, lazy_gettext("Users"), endpoint="users"),
        RoleView(Role, db, lazy_gettext("Roles"), endpoint="roles"),
        TokenView(ApiToken, db, lazy_gettext("API tokens"), endpoint="tokens"),
        AuditView(lazy_gettext("Audit"), endpoint="audit"),
    )


def _health() -> Response:
    """Answer whether the database answers."""
    db.session.execute(text("SELECT 1"))
    return Response("ok\n", mimetype="text/plain")


def _protect(response: Response) -> Response:
    policy = with_tiles(POLICY, current_app.extensions["tiles"])
    for name, value in {**HEADERS, "Content-Security-Policy": policy}.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    if request.is_secure or current_app.config["ROLLBOOK_SECURE_COOKIES"]:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def _known_to_templates() -> dict[str, Any]:
    return {
        "menu": visible_menu,
        "may": may,
        "states": STATES,
        "language": locale_of_words().replace("_", "-"),
        "locale": str(chosen_locale() or ENGLISH).replace("_", "-"),
        "tiles": current_app.extensions["tiles"],
    }


def _plain(number: Any) -> Any:
    """Return a decimal number without the zeros that the database pads it with."""
    return f"{number.normalize():f}" if isinstance(number, Decimal) else number


def _show_error(error: HTTPException) -> Any:
    if error.response is not None or error.code is None or error.code < 400:
        return error
    db.session.rollback()
    title, sentence = map(str, WORDS.get(error.code, (error.name, _("Go back, and try again."))))
    if error.code == 403:
        _record_refusal()
    if error.code >= 500:
        sentence = f"{sentence} {_incident()}"
    return _page(error.code, title, sentence)


def _page(code: int, heading: str, sentence: str) -> Any:
    """Return what says that something did not work, as whoever asked reads it."""
    if answers.is_for_programs():
        return answers.refusal(code, sentence)
    frame = "base.html" if current_user.is_authenticated else "signed_out.html"
    return render_template("error.html", frame=frame, code=code, heading=heading, sentence=sentence), code


def _record_refusal() -> None:
    if not current_user.is_authenticated:
        return
    number = current_user.id
    try:
        with writing():
            user = db.session.get_one(User, number)
            record("refused", user, path=request.path, method=request.method, address=client_address())
    except DatabaseFailed:
        current_app.logger.warning("User %s was refused %s %s", number, request.method, plain(request.path))


def _incident() -> str:
    """Return the sentence with the number under which the log, where Flask has written it, holds a fault."""
    number = secrets.token_hex(4)
    current_app.logger.error("Incident %s: %s %s", number, request.method, plain(request.path))
    return str(_("Tell whoever runs Rollbook the number %(number)s.", number=number))


def _show_sentence(error: SyncError) -> Any:
    db.session.rollback()
    code = error.status if isinstance(error, _WITH_STATUS) else 503 if answers.is_for_programs() else 409
    return _page(code, _("That did not work"), str(error))


def _show_failure(error: DBAPIError) -> Any:
    """Ask to try again where two wrote the same thing at once, or the database failed; any other error is a fault."""
    if not (is_clash(error) or isinstance(error, OperationalError)):
        raise error
    db.session.rollback()  # the words are the user's, who is read from the database
    return _show_sentence(in_words(error))


def _show_full_disk(error: OSError) -> Any:
    if not is_full(error):
        raise error
    current_app.logger.error("A file could not be written", exc_info=error)
    return _show_sentence(DiskFull(say(FULL)))
