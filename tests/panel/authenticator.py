"""An authenticator app, and the pages that one visits with it."""

from __future__ import annotations

import html
import re

from flask import Flask
from flask.testing import FlaskClient
from passlib.totp import TOTP
from sqlalchemy import update

from panel.database import writing
from panel.extensions import db
from panel.models import User, UserSession
from tests.panel.pages import form_with

SECONDS_OF_A_CODE = 30


def code_of(secret: str, later: int = 0) -> str:
    """Return the code that the app shows, or will show some codes later."""
    totp = TOTP(key=secret)
    return str(totp.generate(totp.now() + later * SECONDS_OF_A_CODE).token)


def set_up(client: FlaskClient) -> tuple[str, list[str]]:
    """Turn two-factor sign-in on for who is signed in; return the secret and the recovery codes."""
    page = client.get("/account/two-factor/").text
    secret = re.search(r'secret-text"[^>]*>([A-Z0-9 -]+)<', page)
    assert secret, page
    sealed = form_with(page, "sealed")["sealed"][0]
    answer = client.post("/account/two-factor/", data={"sealed": html.unescape(sealed), "code": code_of(secret[1])})
    codes = re.findall(r"<li>([0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4})</li>", answer.text)
    assert codes, answer.text
    return secret[1], codes


def forget_last_code(app: Flask) -> None:
    """Let the code of this half-minute be used once more, as if the half-minute were another."""
    with app.app_context(), writing() as connection:
        connection.execute(update(User).values(totp_counter=None))


def age_sessions(app: Flask, **ago: object) -> None:
    """Set instants of all sessions, as if time had passed."""
    with app.app_context(), writing() as connection:
        connection.execute(update(UserSession).values(**ago))
        db.session.expire_all()
