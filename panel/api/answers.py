"""``GET /api/access/<login>``: what a network may do for a customer, for who shows an API token."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, abort, current_app, jsonify, request
from flask_babel import gettext as _
from sqlalchemy.exc import DBAPIError
from werkzeug.routing import BaseConverter
from werkzeug.wrappers import Response

from panel.api.access import Access, find_access
from panel.api.noting import event, note
from panel.api.radius import attributes
from panel.api.tokens import Bearer, bearer_of
from panel.api.tries import Tries
from panel.extensions import db
from panel.keys import Keyring
from panel.schema import ENTITY
from panel.signing_in.limits import TooManyTries, client_address, whence
from panel.words import today

AREA = "/api/"
"""How the addresses of what programs ask begin: whatever goes wrong there is said in JSON."""
REALM = 'Bearer realm="Rollbook"'
pages = Blueprint("api", __name__, url_prefix="/api")


class AnyText(BaseConverter):
    """A login in an address: anything that an address can carry, slashes included."""

    regex = r"[\s\S]+"
    part_isolating = False


def register(app: Flask) -> None:
    """Add what programs may ask to an application."""
    app.url_map.converters["text"] = AnyText
    app.extensions["token tries"] = Tries()
    app.register_blueprint(pages)


def is_for_programs() -> bool:
    """Tell whether the request is one that a program makes, and not a browser."""
    return request.path.startswith(AREA)


def refusal(code: int, sentence: str) -> Response:
    """Return an answer that says in a sentence why there is no other."""
    answer: Response = jsonify(error=sentence)
    answer.status_code = code
    if code == 405:
        answer.headers["Allow"] = "GET"
    return answer


@pages.route("/access/<text:login>", methods=("GET",), provide_automatic_options=False, merge_slashes=False)
def access(login: str) -> Response:
    """Answer what a customer's services are to do now: active, suspended or stopped."""
    if request.method != "GET":
        abort(405)
    form = request.args.get("format", "")
    bearer = _bearer()
    if not bearer.is_good:
        return _refuse(bearer)
    if form not in {"", "freeradius"}:
        return refusal(400, _("There is no such format. Leave it out, or ask for freeradius."))
    found = find_access(db.session.connection(), login, bearer.partner_id, today())
    password = _password_of(found) if found is not None and bearer.passwords else None
    db.session.rollback()
    try:
        _note_use(bearer, found if password is not None else None)
    except (OSError, DBAPIError) as error:
        current_app.logger.error("What API token %s asked could not be recorded", bearer.id, exc_info=error)
        if password is not None:
            return refusal(503, _("The password was not handed out, because that could not be recorded. Try again."))
    if found is None:
        return refusal(404, _("There is no customer with this login."))
    if form:
        return _json(attributes(found.access, password))
    answer = {"login": found.login, "access": found.access, "status": found.status}
    return _json(answer if password is None else answer | {"password": password})


def _json(answer: dict[str, Any]) -> Response:
    found: Response = jsonify(answer)
    return found


def _bearer() -> Bearer:
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    return bearer_of(db.session.connection(), text.strip() if scheme.lower() == "bearer" else "")


def _refuse(bearer: Bearer) -> Response:
    db.session.rollback()
    if "Authorization" not in request.headers:
        return _unauthorized(_("Show an API token, as in: Authorization: Bearer rbk_…"), REALM)
    seconds = current_app.extensions["token tries"].spend(whence())
    if seconds:
        error = TooManyTries(seconds)
        answer = refusal(error.status, str(error))
        answer.headers["Retry-After"] = str(error.seconds)
        return answer
    try:
        note([event("failed token", "", token=bearer.name, address=client_address())])
    except (OSError, DBAPIError) as error:
        current_app.logger.error("A token that is not good could not be recorded", exc_info=error)
    return _unauthorized(
        _("This API token is not good. Ask an admin for another one."), f'{REALM}, error="invalid_token"'
    )


def _unauthorized(sentence: str, challenge: str) -> Response:
    answer = refusal(401, sentence)
    answer.headers["WWW-Authenticate"] = challenge
    return answer


def _password_of(found: Access) -> str | None:
    keyring: Keyring = current_app.extensions["keyring"]
    return keyring.decrypt(found.sealed, ENTITY, found.customer_id, "password") if found.sealed else None


def _note_use(bearer: Bearer, shown: Access | None) -> None:
    """Record that a password is handed out, before it is; and once a day that the token is in use."""
    used = None if bearer.used_on == today() else (bearer.id, today())
    events = []
    if shown is not None:
        detail = {"field": "password", "through": "api", "token": bearer.name, "address": client_address()}
        events.append(event("reveal", f"API token {bearer.name}", customer=shown.customer_id, **detail))
    if events or used is not None:
        note(events, used)
