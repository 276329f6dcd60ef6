"""Every word that people see can be translated: with all messages in brackets, nothing is outside of them but data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import flask_babel
import pytest
from flask import Flask

from panel.extensions import db
from panel.models import (
    AdditionalField,
    ApiToken,
    Customer,
    Export,
    Import,
    ImportItem,
    Location,
    Partner,
    Payment,
    Plan,
    RememberedMapping,
    Role,
    SavedView,
    Service,
    Status,
    UndoLine,
    User,
)
from panel.settings import PROJECT
from panel.translate import TEMPLATE, template
from tests.panel.furnished import every_page, furnish
from tests.panel.pages import sign_in

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

OPEN, CLOSE = "⟦", "⟧"
SHOWN_ATTRIBUTES = {"placeholder", "aria-label", "title", "alt", "data-confirm", "data-busy", "data-label"}
SHOWN_ATTRIBUTES |= {"data-failed", "data-saved", "data-none"}
# Columns whose values are the panel's own words, and are translated where they are shown.
OWN_WORDS = {"state", "services", "category", "billing_type", "type", "message", "permissions", "fields", "new_fields"}
KEEP_DATA = (
    Customer,
    Status,
    Partner,
    RememberedMapping,
    Location,
    User,
    Role,
    AdditionalField,
    ApiToken,
    SavedView,
    Export,
    Import,
    ImportItem,
    UndoLine,
    Plan,
    Service,
    Payment,
)
SCRIPTS = PROJECT / "panel" / "static"
LETTERS = re.compile(r"[^\W\d_]{2,}")
SILENT = {"script", "style", "template", "kbd"}
# Names, and how the history names those who are no users.
PROPER = ("Rollbook", "Ctrl+Enter", "Werkzeug", "command line", "system", "admin", "manager", "staff", "EUR")


class Pseudo:
    """Translations that put every message into brackets and leave its placeholders."""

    def ugettext(self, message: str) -> str:
        return f"{OPEN}{message}{CLOSE}"

    def ungettext(self, one: str, several: str, number: int) -> str:
        return self.ugettext(one if number == 1 else several)


@pytest.fixture
def bracketed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    furnish(app)
    monkeypatch.setattr(flask_babel.Domain, "get_translations", lambda _domain: Pseudo())
    return app


class Seen(HTMLParser):
    """Collects what a page shows outside of brackets, and those of its attributes that people read or hear."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in SILENT or given.get("translate") == "no":
            self._silent.append(tag)
        self.texts += [outside(text)[0] for name, text in attrs if name in SHOWN_ATTRIBUTES and text]

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            text, self._depth = outside(" ".join(data.split()), self._depth)
            self.texts.append(text)


def outside(text: str, depth: int = 0) -> tuple[str, int]:
    """Return what of a text is in no brackets, which may hold others, and how many are open at its end."""
    left = []
    for char in text:
        depth += (char == OPEN) - (char == CLOSE)
        if depth == 0 and char != CLOSE:
            left.append(char)
    return "".join(left), depth


def data_of(app: Flask) -> list[str]:
    """Return every text that people gave and the database keeps, the longest first."""
    found: set[str] = set()
    with app.app_context():
        for model in KEEP_DATA:
            for column in model.__table__.c:
                if column.name not in OWN_WORDS:
                    for value in db.session.execute(db.select(column)).scalars():
                        found.update(texts_in(value))
    return sorted(found, key=len, reverse=True)


def texts_in(value: Any) -> Iterator[str]:
    """Yield each text of at least two letters in a value, which may be JSON; keys are none."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts_in(one)
    elif isinstance(value, str) and LETTERS.search(value):
        yield " ".join(value.split())


def bare(html: str, data: list[str]) -> list[str]:
    """Return the texts of a page that are neither in brackets nor anybody's data."""
    seen = Seen()
    seen.feed(html)
    return sorted({text for text in seen.texts if LETTERS.search(_without(text, data))})


def _without(text: str, data: list[str]) -> str:
    for one in (one for one in [*data, *PROPER] if one in text):
        text = re.sub(rf"(?<!\w){re.escape(one)}(?!\w)", " ", text)
    return text


@on_sqlite
def test_every_page_says_all_that_it_says_in_the_users_language(bracketed: Flask) -> None:
    client = bracketed.test_client()
    sign_in(client)
    for number in (1, 2):  # what was planned outside of a request is in English
        client.post(f"/imports/{number}/options/", data={"_only": "options"})
    data = data_of(bracketed)
    found = {}
    for address in [*every_page(bracketed), "/nothing-here"]:
        if texts := bare(client.get(address).text, data):
            found[address] = sorted(set(texts))
    assert not found, "\n".join(f"{address}: {texts}" for address, texts in found.items())


def test_the_template_for_translators_has_every_message() -> None:
    assert TEMPLATE.read_text("utf-8") == template(), "Run: python -m panel.translate"


def test_scripts_take_their_words_from_the_page() -> None:
    sentence = re.compile(r"""["'`][A-Z][a-z]+ [a-z]+ """)
    said = {path.name: sentence.findall(path.read_text("utf-8")) for path in SCRIPTS.glob("*.js")}
    assert len(said) > 10
    assert not {name: words for name, words in said.items() if words}
