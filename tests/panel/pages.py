"""A visitor's browser without a browser: signing in, and the forms of a page as one would send them."""

from __future__ import annotations

from html.parser import HTMLParser

from flask.testing import FlaskClient
from sqlalchemy import select

from panel.access import hash_password
from panel.database import writing
from panel.extensions import db
from panel.models import Role, User
from tests.databases import ADMIN, ADMIN_PASSWORD

STAFF_PASSWORD = "four words and a comma"


def sign_in(client: FlaskClient, email: str = ADMIN, password: str = ADMIN_PASSWORD) -> FlaskClient:
    """Sign in and return the same browser."""
    answer = client.post("/login/", data={"email": email, "password": password})
    assert answer.status_code == 302, answer.text
    return client


def add_user(email: str, role: str, partner_id: int | None = None) -> None:
    """Add somebody with one role, bound to a partner or not; the password is `STAFF_PASSWORD`."""
    with writing():
        roles = list(db.session.scalars(select(Role).where(Role.name == role)))
        user = User(email=email, name=email, password_hash=hash_password(STAFF_PASSWORD), roles=roles)
        user.partner_id = partner_id
        db.session.add(user)


class _Forms(HTMLParser):
    """Collects what a browser would send for the form that holds a wanted input."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, list[str]]] = []
        self.options: dict[str, list[str]] = {}
        self._area: str | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name")
        if tag == "form":
            self.forms.append({})
        if tag == "option" and self._select:
            self._option(given)
        if not name or not self.forms or "disabled" in given:
            return
        if tag == "input":
            self._input(given, name)
        elif tag == "textarea":
            self._area = name
            self.forms[-1].setdefault(name, [""])
        elif tag == "select":
            self._select = name

    def _input(self, given: dict[str, str | None], name: str) -> None:
        ticked = given.get("type") not in {"checkbox", "radio"} or "checked" in given
        if ticked and given.get("type") not in {"submit", "file"}:
            # An input of one line loses line ends.
            value = (given.get("value") or "").replace("\n", "").replace("\r", "")
            self.forms[-1].setdefault(name, []).append(value)

    def _option(self, given: dict[str, str | None]) -> None:
        name, value = str(self._select), given.get("value") or ""
        self.options.setdefault(name, []).append(value)
        if name not in self.forms[-1] or "selected" in given:
            self.forms[-1][name] = [value]

    def handle_data(self, data: str) -> None:
        if self._area:
            # Browsers drop the first line end of a text area and send CRLF for the others.
            text = data.removeprefix("\n").replace("\r\n", "\n").replace("\n", "\r\n")
            self.forms[-1][self._area] = [text]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None
        if tag == "select":
            self._select = None


def form_with(html: str, name: str) -> dict[str, list[str]]:
    """Return what a browser sends for the first form with an input of this name, nothing touched."""
    parser = _Forms()
    parser.feed(html)
    return next(form for form in parser.forms if name in form)


def options_of(html: str, name: str) -> list[str]:
    """Return what a drop-down of this name offers."""
    parser = _Forms()
    parser.feed(html)
    return parser.options.get(name, [])
