"""Signing in, with a second factor where one is set up, and out."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from panel.access import find_user
from panel.audit import record
from panel.extensions import db
from panel.forms.account import CodeForm, SignInForm
from panel.mail import can_mail
from panel.models import User
from panel.signing_in import limits
from panel.signing_in.limits import TooManyTries, clear, client_address, give_back, spend, whence
from panel.signing_in.second_factor import takes
from panel.signing_in.sessions import end_session, start_session
from panel.views.guarded import local_path

pages = Blueprint("account", __name__)
_HALF_IN = "half-in"  # whose password was right, for as long as the code may take
_CODE_WITHIN = 10 * 60


@pages.route("/login/", methods=("GET", "POST"))
def login() -> Any:
    """Show the sign-in form, or sign in."""
    if current_user.is_authenticated:
        return redirect("/")
    form = SignInForm(request.form)
    if request.method == "GET":
        return _sign_in_page(form, "", 200)
    if not form.validate():
        return _sign_in_page(form, "", 401)
    try:
        user = _known(form.email.data, form.password.data)
    except TooManyTries as error:
        return _sign_in_page(form, str(error), 429)
    if user is None:
        sentence = _("This email and password do not belong together. Try again, or ask an admin for a new password.")
        return _sign_in_page(form, sentence, 401)
    return _welcome(user, local_path(request.args.get("next")))


def _sign_in_page(form: SignInForm, refusal: str, status: int) -> Any:
    return render_template("login.html", form=form, refusal=refusal, can_mail=can_mail()), status


def _known(email: str, password: str) -> User | None:
    """Return the user, if the password is right; each wrong one counts."""
    pair = f"{whence()} {email.lower()}"
    from_address = spend(limits.SIGN_IN_FROM_ADDRESS, whence())
    spend(limits.SIGN_IN, pair)
    user = find_user(email, password)
    if user is None:
        # What is no address may be a password, typed one line too high.
        record("failed sign-in", by=email if "@" in email else "", address=client_address())
        db.session.commit()
        return None
    give_back(from_address)
    clear(limits.SIGN_IN, pair)
    db.session.commit()
    return user


def _welcome(user: User, target: str) -> Response:
    if user.has_two_factor:
        session.clear()
        session[_HALF_IN] = {"key": user.session_key, "at": time.time(), "next": target}
        return redirect(url_for("account.code"))
    return _sign_in(user, target)


def _sign_in(user: User, target: str) -> Response:
    start_session(user)
    record("sign-in", user, address=client_address())
    db.session.commit()
    return redirect(target)


@pages.route("/login/code/", methods=("GET", "POST"))
def code() -> Any:
    """Ask for the second factor, and sign in with it."""
    half_in = session.get(_HALF_IN, {})
    user = _half_in_user(half_in)
    if user is None:
        return redirect(url_for("account.login"))
    form = CodeForm(request.form)
    if request.method == "GET" or not form.validate():
        return _code_page(form, "", 200)
    try:
        spend(limits.CODE, str(user.id))
    except TooManyTries as error:
        return _code_page(form, str(error), 429)
    user = _locked(user.id)
    if not takes(user, form.code.data):
        record("failed sign-in", user, address=client_address(), with_code=True)
        db.session.commit()
        return _code_page(form, _("This code is not right, or was used already. Wait for the next one."), 401)
    clear(limits.CODE, str(user.id))
    return _sign_in(user, half_in["next"])


def _half_in_user(half_in: dict[str, Any]) -> User | None:
    if not half_in or time.time() - half_in["at"] > _CODE_WITHIN or current_user.is_authenticated:
        return None
    query = select(User).where(User.session_key == half_in["key"], User.active)
    return db.session.scalars(query).one_or_none()


def _locked(user_id: int) -> User:
    query = select(User).where(User.id == user_id).with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(query).one()


def _code_page(form: CodeForm, refusal: str, status: int) -> Any:
    form.code.data = ""  # typed anew, not corrected
    return render_template("account/code.html", form=form, refusal=refusal), status


@pages.post("/logout/")
def logout() -> Response:
    """Sign out."""
    if current_user.is_authenticated:
        record("sign-out", db.session.get_one(User, current_user.id))
    end_session()
    db.session.commit()
    return redirect(url_for("account.login"))
