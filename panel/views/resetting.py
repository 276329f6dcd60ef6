"""A forgotten password: asking for a link by mail, and choosing a new password under it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select

from panel.access import set_password
from panel.audit import record
from panel.extensions import db
from panel.forms.account import ForgottenForm, NewPasswordForm
from panel.mail import can_mail
from panel.models import User
from panel.signing_in import limits
from panel.signing_in.limits import TooManyTries, client_address, spend, whence
from panel.signing_in.resetting import mail_link, user_of_link
from panel.views.messages import say, warn

pages = Blueprint("resetting", __name__, url_prefix="/login")
_LINK = "reset"  # where the visitor's cookie keeps what the link carried


@pages.route("/forgotten/", methods=("GET", "POST"))
def forgotten() -> Any:
    """Ask whose password is forgotten, and mail a link; the answer does not tell whether anybody has the address."""
    if current_user.is_authenticated:
        return redirect(url_for("own.password"))
    form = ForgottenForm(request.form)
    asked = request.method == "POST" and can_mail() and form.validate()
    if asked:
        spend(limits.RESET_FROM_ADDRESS, whence())
        _mail_to(form.email.data.lower())
    return render_template("account/forgotten.html", form=form, asked=asked, can_mail=can_mail())


def _mail_to(email: str) -> None:
    try:
        spend(limits.RESET, email)
    except TooManyTries:
        return  # said aloud, it would tell that somebody asked for this address before
    user = db.session.scalars(select(User).where(User.email == email, User.active)).one_or_none()
    if user is None:
        record("reset started", by=email, by_mail=True, address=client_address())
    else:
        mail_link(user)
    db.session.commit()


@pages.route("/reset/", methods=("GET", "POST"))
def choose() -> Any:
    """Show the form for a new password to who has a link, or take it."""
    if "token" in request.args:
        session[_LINK] = request.args["token"]  # out of the address, which browsers keep
        return redirect(url_for("resetting.choose"))
    user = user_of_link(str(session.get(_LINK, "")))
    if user is None:
        warn(_("This link was used already, or is more than an hour old. Ask for another."))
        return redirect(url_for("resetting.forgotten"))
    form = NewPasswordForm(request.form, user)
    if request.method == "GET" or not form.validate():
        return render_template("account/reset.html", form=form)
    set_password(user, form.new.data)
    user.must_change_password = False
    record("reset finished", user, address=client_address())
    db.session.commit()
    session.clear()
    say(_("Your password was changed. Sign in with it."))
    return redirect(url_for("account.login"))
