"""Your account: the password, the second factor, the sessions, and giving the password again."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, g, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext, refresh
from flask_login import current_user, login_required
from sqlalchemy import select
from werkzeug.wrappers import Response

from panel.access import is_password_of, set_password
from panel.audit import record
from panel.extensions import db
from panel.forms.account import ChangePasswordForm, ConfirmForm, SettingUpForm
from panel.models import User
from panel.signing_in import limits
from panel.signing_in.agents import device
from panel.signing_in.confirming import needs_recent_confirmation
from panel.signing_in.limits import TooManyTries, clear, spend
from panel.signing_in.second_factor import (
    is_sealed_for,
    new_recovery_codes,
    new_secret,
    picture_of,
    takes,
    text_of,
    turn_off,
    turn_on,
)
from panel.signing_in.sessions import confirm_session, current_session, end_sessions, open_sessions, start_session
from panel.views.guarded import local_path
from panel.views.messages import say, warn
from panel.words import locales

pages = Blueprint("own", __name__, url_prefix="/account")
_ALWAYS_OPEN = frozenset({"account.logout", "static", "health", "api.access", "own.confirm", None})


def ask_first() -> Response | None:
    """Send a user with a one-time password, or without a second factor that a role asks for, to set that up."""
    if request.endpoint in _ALWAYS_OPEN or not current_user.is_authenticated:
        return None
    wanted = ""
    if current_user.must_change_password:
        wanted = "own.password"
    elif current_user.needs_two_factor and not current_user.has_two_factor:
        wanted = "own.two_factor"
    return redirect(url_for(wanted)) if wanted and request.endpoint != wanted else None


@pages.get("/")
@login_required
def index() -> str:
    """Show what there is to set."""
    sessions = open_sessions(_me())
    shown = {"sessions": sessions, "current": current_session(), "device": device, "locales": locales()}
    return render_template("account/account.html", **shown)


@pages.post("/language/")
@login_required
def language() -> Response:
    """Remember the locale in which the user reads dates, numbers and, where there is a translation, words."""
    wanted = request.form.get("locale", "")
    if wanted and wanted not in dict(locales()):
        abort(400)
    _me().locale = wanted
    db.session.commit()
    g.pop("locale", None)
    refresh()
    say(_("Your language and region were saved."))
    return redirect(url_for("own.index"))


@pages.route("/password/", methods=("GET", "POST"))
@login_required
def password() -> Any:
    """Show the form for a new password, or take it."""
    form = ChangePasswordForm(request.form, _me())
    if request.method == "POST" and form.validate() and _is_current(form):
        user = _me()
        set_password(user, form.new.data)
        user.must_change_password = False
        record("password change", user)
        start_session(user)
        db.session.commit()
        say(_("Your password was changed. Other sessions of yours have ended."))
        return redirect("/")
    return render_template("password.html", form=form)


def _is_current(form: ChangePasswordForm) -> bool:
    try:
        if _is_mine(form.current.data):
            return True
        form.current.errors = [_("This is not your password.")]
    except TooManyTries as error:
        form.current.errors = [str(error)]
    return False


def _is_mine(text: str) -> bool:
    """Tell whether this is the user's password or code; each wrong one counts."""
    whose = str(current_user.id)
    spend(limits.CONFIRM, whose)
    user = _me()
    if not is_password_of(user, text) and not takes(user, text):
        record("failed confirmation", user)
        db.session.commit()
        return False
    clear(limits.CONFIRM, whose)
    return True


@pages.route("/confirm/", methods=("GET", "POST"))
@login_required
def confirm() -> Any:
    """Ask for the password or a code again, and remember for some minutes that it was given."""
    form = ConfirmForm(request.form)
    fetched = request.headers.get("X-Requested-With") == "fetch"
    if request.method == "GET":
        return render_template("account/confirm.html", form=form)
    sentence = _refusal_of(form)
    if not sentence:
        confirm_session()
        db.session.commit()
        return jsonify({}) if fetched else redirect(local_path(request.args.get("next")))
    form.password.errors = [sentence]
    return (jsonify(message=sentence), 401) if fetched else (render_template("account/confirm.html", form=form), 401)


def _refusal_of(form: ConfirmForm) -> str:
    try:
        if form.validate() and _is_mine(form.password.data):
            return ""
    except TooManyTries as error:
        return str(error)
    return str(_("This is not your password."))


@pages.route("/two-factor/", methods=("GET", "POST"))
@login_required
@needs_recent_confirmation
def two_factor() -> Any:
    """Show a new secret to scan, and take its first code."""
    user = _me()
    if user.has_two_factor:
        return redirect(url_for("own.index"))
    form = SettingUpForm(request.form)
    if request.method == "POST" and is_sealed_for(user, form.sealed.data or "") and form.validate():
        if codes := turn_on(user, form.sealed.data, form.code.data):
            db.session.commit()
            return render_template("account/recovery_codes.html", codes=codes, just_turned_on=True)
        db.session.rollback()
        form.code.errors = [_("This code is not right. Type the one that the app shows now.")]
    user = _me()
    sealed = form.sealed.data if is_sealed_for(user, form.sealed.data or "") else new_secret(user)
    shown = {"sealed": sealed, "picture": picture_of(user, sealed), "secret": text_of(user, sealed)}
    return render_template("account/two_factor.html", form=form, **shown)


@pages.post("/two-factor/off/")
@login_required
@needs_recent_confirmation
def two_factor_off() -> Response:
    """Ask for no code any more."""
    user = _me()
    turn_off(user)
    record("second factor off", user)
    db.session.commit()
    say(_("Signing in asks for the password alone now."))
    return redirect(url_for("own.index"))


@pages.post("/recovery-codes/")
@login_required
@needs_recent_confirmation
def recovery_codes() -> Any:
    """Show new recovery codes, for the only time."""
    user = _me()
    if not user.has_two_factor:
        return redirect(url_for("own.index"))
    codes = new_recovery_codes(user)
    db.session.commit()
    return render_template("account/recovery_codes.html", codes=codes, just_turned_on=False)


@pages.post("/sessions/end/")
@login_required
def end_session() -> Response:
    """End one session of one's own, or all but this one."""
    user, number = _me(), request.form.get("id", "")
    if number.isascii() and number.isdecimal() and len(number) < 18:
        ended = end_sessions(user, only=int(number))
    else:
        ended = end_sessions(user, but=current_session())
    if ended:
        record("session ended", user, sessions=ended)
    db.session.commit()
    if ended:
        say(ngettext("%(num)d session was ended.", "%(num)d sessions were ended.", ended))
    else:
        warn(_("There was no other session to end."))
    return redirect(url_for("own.index"))


def _me() -> User:
    """Return the signed-in user, locked where the request may write."""
    query = select(User).where(User.id == current_user.id)
    if request.method == "POST":
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(query).one()
