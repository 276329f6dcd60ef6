"""Signing in and out, and the user's own password."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask_login import current_user, login_required, login_user, logout_user
from werkzeug.wrappers import Response
from wtforms import Form, PasswordField, StringField, ValidationError
from wtforms.validators import Length

from panel.access import find_user, set_password
from panel.extensions import db
from panel.forms.config import filled, stripped
from panel.models import Event, User
from panel.views.guarded import local_path
from panel.views.messages import say

pages = Blueprint("account", __name__)
SHORTEST = 12
LONGEST = 200
_OPEN_WITH_OLD_PASSWORD = frozenset({"account.password", "account.logout", "static", "health"})


class SignInForm(Form):
    """Who is there."""

    email = StringField("Email", [filled("Email"), Length(max=255)], filters=[stripped])
    password = PasswordField("Password", [filled("Password"), Length(max=1024)])


class PasswordForm(Form):
    """A new password of one's own."""

    current = PasswordField("Current password", [filled("Current password"), Length(max=1024)])
    new = PasswordField(
        "New password",
        [filled("New password"), Length(SHORTEST, LONGEST, f"Write {SHORTEST} to {LONGEST} characters.")],
        description=f"At least {SHORTEST} characters. A few words are easy to remember and hard to guess.",
    )
    again = PasswordField("New password again", [filled("New password again")])

    def validate_new(self, field: Any) -> None:
        """Refuse what is guessed first."""
        lowered = field.data.casefold()
        names = {current_user.email.casefold(), current_user.email.partition("@")[0].casefold()}
        if field.data == self.current.data:
            raise ValidationError("This is the password that you have. Choose another.")
        if len(set(lowered)) < 5 or lowered in names or lowered in {"passwordpassword", "123456789012", "password1234"}:
            raise ValidationError("This is easily guessed. Choose another.")

    def validate_again(self, field: Any) -> None:
        """Refuse a slip of the finger."""
        if field.data != self.new.data:
            raise ValidationError("This is not the same. Type the new password twice.")


@pages.route("/login/", methods=("GET", "POST"))
def login() -> Any:
    """Show the sign-in form, or sign in."""
    if current_user.is_authenticated:
        return redirect("/")
    form = SignInForm(request.form)
    user = find_user(form.email.data, form.password.data) if request.method == "POST" and form.validate() else None
    if user is None:
        return render_template("login.html", form=form, refused=request.method == "POST"), _status_of_refusal()
    _start_session(user)
    db.session.add(Event(by=str(user), user_id=user.id, name="sign-in"))
    db.session.commit()
    return redirect(local_path(request.args.get("next")))


def _status_of_refusal() -> int:
    return 401 if request.method == "POST" else 200


def _start_session(user: User) -> None:
    session.clear()  # whatever was in the visitor's cookie is no part of the user's session
    session.permanent = True
    login_user(user)


@pages.post("/logout/")
def logout() -> Response:
    """Sign out."""
    logout_user()
    session.clear()
    return redirect(url_for("account.login"))


@pages.route("/account/password/", methods=("GET", "POST"))
@login_required
def password() -> Any:
    """Show the form for a new password, or take it."""
    form = PasswordForm(request.form)
    if request.method == "POST" and form.validate() and _is_current(form):
        user = db.session.get_one(User, current_user.id)
        set_password(user, form.new.data)
        user.must_change_password = False
        db.session.add(Event(by=str(user), user_id=user.id, name="password change"))
        db.session.commit()
        _start_session(user)
        say("Your password was changed. Other sessions of yours have ended.")
        return redirect("/")
    return render_template("password.html", form=form)


def _is_current(form: PasswordForm) -> bool:
    if find_user(current_user.email, form.current.data) is not None:
        return True
    form.current.errors = ["This is not your password."]
    return False


def ask_for_new_password() -> Response | None:
    """Send a user with a one-time password to choose one, whatever page was asked for."""
    if not current_user.is_authenticated or not current_user.must_change_password:
        return None
    return None if request.endpoint in _OPEN_WITH_OLD_PASSWORD else redirect(url_for("account.password"))
