"""What may not be done with an unlocked screen alone: the password or a code is asked for again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import jsonify, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from panel.signing_in.limits import REVEAL, TooManyTries, spend
from panel.signing_in.sessions import is_confirmed
from panel.views.messages import warn


def needs_recent_confirmation(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let a view be used only within five minutes of giving the password or a code in this session.

    Put it below the check of the permission. A script is answered with 403 and where to confirm, which
    rollbook.js does in a dialog before it asks again; a person is sent to a page, and back to where they were.
    """

    @functools.wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs) if is_confirmed() else ask_to_confirm()

    return checked


def ask_to_confirm() -> Any:
    """Return the answer that asks for the password."""
    if request.headers.get("X-Requested-With") == "fetch":
        sentence = _("Give your password first.")
        return jsonify(message=sentence, confirm=url_for("own.confirm")), 403
    if request.method == "POST":
        warn(_("Give your password first, and then do that again."))
    return redirect(url_for("own.confirm", next=_where_they_were()))


def refuse_reveal() -> Any:
    """Return the answer to who may not see a secret just now, or None; call it after checking the permission.

    Whoever sees one has given the password within five minutes, and sees no more than thirty an hour.
    """
    if not is_confirmed():
        return ask_to_confirm()
    try:
        spend(REVEAL, str(current_user.id))
    except TooManyTries as error:
        return jsonify(message=str(error)), error.status
    return None


def _where_they_were() -> str:
    if request.method == "GET":
        return request.full_path.rstrip("?")
    page = urlsplit(request.referrer or "/")
    return f"{page.path}?{page.query}".rstrip("?") if page.netloc == request.host else "/"
