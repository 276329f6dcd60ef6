"""Rows of the security requirements about what people type, paste, send and bring in files."""

from __future__ import annotations

import html
import io
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from panel.database import reading, writing
from panel.extensions import db
from panel.models import AdditionalField, Customer, Export, Location, Partner, Role, SavedView, Status, StoredFile, User
from panel.signature import signature
from sync.fields import Bad, Field
from sync.types import FIELD_TYPES
from tests.builders import additional_field, customer
from tests.foreign import write_foreign
from tests.panel.furnished import every_page
from tests.panel.pages import form_with, sign_in
from tests.resources import ROOT

one_engine = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

# Each would be an element, an attribute, a template or the end of a script, where it is not text.
NAUGHTY = (
    '"><svg/onload=alert(1)><b title="',
    "'><img src=x onerror=alert(1)>",
    "</script></textarea></title></select><script>alert(1)</script>",
    "{{7*7}}<iframe src=javascript:alert(1)>${7*7}",
)


class Elements(HTMLParser):
    """Counts what a page is made of: elements with the names of their attributes, never texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag] += 1
        given = dict(attrs)
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.handlers.append("script")
        self.handlers += [f"{tag} {name}" for name, _value in attrs if name.startswith("on") or name == "srcdoc"]
        addresses = [value or "" for name, value in attrs if name in {"href", "src", "action", "formaction"}]
        self.handlers += [one for one in addresses if one.strip().lower().startswith(("javascript:", "data:text"))]


def named(app: Flask, client: FlaskClient, text: str) -> None:
    """Give everything that has a name the same one, through the database, and import a file full of it."""
    with app.app_context():
        options = [["one", text], ["two", "Two"]]
        additional_field("chosen", "select", label=text, options=options, show_in_list=True, searchable=True)
        additional_field("line", label=f"{text} 2", show_in_list=True)
        additional_field("contract", "file", label=f"{text} 3", show_in_list=True)
        record_id = customer(text, city=text, street=text, extra={"chosen": "one", "line": text})
        with writing():
            file = StoredFile(
                customer_id=record_id, field="contract", name=text, stored_as="0", size=1, sha256="", by=text
            )
            db.session.add(file)
            db.session.flush()
            one = db.session.get_one(Customer, record_id)
            one.extra = {**one.extra, "contract": file.id}
            for model in (Partner, Location):
                db.session.scalars(select(model)).first().name = text
            for status in db.session.scalars(select(Status)):
                status.label, status.description = f"{text} {status.id}", text
            db.session.add(Role(name=text, description=text, permissions=["customer.list"], field_rights={}))
            user = db.session.scalars(select(User)).one()
            user.name = text
            db.session.add(SavedView(user_id=user.id, name=text, query="search=" + text, shared=True))
            who = {"by": text, "user_id": user.id}
            db.session.add(
                Export(
                    entity="customer",
                    name=text,
                    through="panel",
                    fields=[Field("city", "City", "string").to_json()],
                    filters=[f"city={text}", {"field": "city", "words": text}],
                    **who,
                )
            )
        with writing():
            db.session.get_one(Customer, record_id).city = f"{text} again"
    content = f'"{text.replace(chr(34), chr(34) * 2)}",Full name\nx,"{text.replace(chr(34), chr(34) * 2)}"\n'
    client.post("/imports/upload/", data={"file": (io.BytesIO(content.encode()), f"{text}.csv")})


def pages_of(app: Flask, text: str) -> dict[str, Elements]:
    client = sign_in(app.test_client())
    named(app, client, text)
    more = ["/customers/?search=x&flt_city_contains=x", "/customers/?flt_nothing_is=x&sort=line", "/customers/?view=1"]
    asked = [*every_page(app), *more]
    return {address: Elements(client.get(address).text) for address in asked}


@pytest.mark.asvs("R13")
@one_engine
@pytest.mark.parametrize("text", NAUGHTY)
def test_r13_a_name_of_anything_brings_no_element_and_no_handler_into_any_page(app: Flask, text: str) -> None:
    pages = pages_of(app, text)
    assert len(pages) > 30
    for address, page in pages.items():
        assert not page.handlers, (address, page.handlers)
        for tag in ("iframe", "b"):
            assert not page.found[tag], (address, tag)


@pytest.mark.asvs("R13")
@one_engine
def test_r13_what_an_address_says_comes_back_as_text(client: FlaskClient) -> None:
    sign_in(client)
    for address in ("/customers/?search={}", "/customers/?flt_city_is={}", "/customers/?{}=1", "/bin/?search={}",
                    "/audit/?by={}", "/login/?next={}", "/nothing/{}", "/customers/details/?id={}"):  # fmt: skip
        for text in NAUGHTY:
            with client.get(address.format(text)) as answer:
                assert not Elements(answer.text).handlers, address


SQL = [
    "a'; DROP TABLE customer;--",
    'a" OR 1=1',
    "a) UNION SELECT password",
    "a-b",
    "a b",
    "1a",
    "a;",
    "ä",
    "a$.b",
    "a" * 300,
]


@pytest.mark.asvs("R14")
@one_engine
@pytest.mark.parametrize("key", SQL)
def test_r14_a_key_is_letters_digits_and_underscores(client: FlaskClient, app: Flask, key: str) -> None:
    form = {"label": "Line", "key": key, "type": "string", "category": "all", "position": "0", "add": "y"}
    answer = sign_in(client).post("/fields/new/", data=form)
    with app.app_context():
        keys = list(db.session.scalars(select(AdditionalField.key)))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", one) and len(one) <= 64 for one in keys)
    assert answer.status_code in {200, 302}


@pytest.mark.asvs("R14")
@pytest.mark.parametrize("text", [*SQL, "%", "_", "\\", "' OR ''='", "$.password", "password", "id desc, 1"])
def test_r14_sql_in_an_address_is_searched_for_and_never_run(app: Flask, client: FlaskClient, text: str) -> None:
    with app.app_context():
        additional_field("line", show_in_list=True, searchable=True)
        customer("Zed", city="Brno", extra={"line": "fibre"}, new_password="canary-1")
    sign_in(client)
    with app.app_context(), reading() as connection:
        before = signature(connection)
    for name in (
        "search",
        "sort",
        "columns",
        "flt_city_contains",
        "flt_line_starts",
        "flt_city_is",
        "after",
        "before",
        text,
    ):
        page = client.get("/customers/", query_string={name: text, "desc": "1"})
        assert page.status_code in {200, 302}, name
        assert "canary" not in page.text
        if name in {"flt_city_is", "flt_city_contains"}:
            assert "Zed" not in page.text
    with app.app_context(), reading() as connection:
        assert signature(connection) == before


@pytest.mark.asvs("R14")
def test_r14_no_sql_is_put_together_from_texts_but_where_every_part_is_known() -> None:
    # File and why: none of the parts is typed by anybody, or is a key that the allow-list above has let in.
    allowed = {
        "0004_statuses_that_act.py": "names of triggers from a list in the code",
        "applying.py": "names of tables from a list in the code",
        "database.py": "pragmas and a number of milliseconds",
        "fitting.py": "a number of seconds",
        "recent_changes.py": "a condition in the code",
        "searching.py": "marks from a list in the code",
        "sessions.py": "a number of milliseconds",
    }
    built = re.compile(r"(?:\btext|literal_column|exec_driver_sql|\.execute)\(\s*f[\"']|_driver_sql\([\w.]+\.format")
    found = {path.name for path in (ROOT / "panel").rglob("*.py") if built.search(path.read_text("utf-8"))}
    assert found <= allowed.keys()


@pytest.mark.asvs("R15")
def test_r15_nothing_that_people_type_is_evaluated_or_is_a_template() -> None:
    risky = re.compile(
        r"(?<![\w.])(?:eval|exec|compile)\(|render_template_string|from_string\(|pickle|yaml\.load|\.format_map\("
    )
    files = [*(ROOT / "panel").rglob("*.py"), *(ROOT / "sync").rglob("*.py")]
    # settings.py runs the operator's own file of settings.
    assert [path.name for path in files if risky.search(path.read_text("utf-8"))] == ["settings.py"]
    scripts = list((ROOT / "panel" / "static").glob("*.js"))
    run = re.compile(r"\beval\(|new Function\(|document\.write|insertAdjacentHTML|outerHTML\s*=")
    assert [path.name for path in scripts if run.search(path.read_text("utf-8"))] == []


@pytest.mark.asvs("R16")
def test_r16_nobody_but_the_code_writes_regular_expressions() -> None:
    made = re.compile(r"re\.(?:compile|match|fullmatch|search|sub|split|findall|finditer)\(\s*(?![rbf]*[\"']|_)[a-z]")
    files = [*(ROOT / "panel").rglob("*.py"), *(ROOT / "sync").rglob("*.py")]
    # date_text.py compiles the tables that it holds.
    assert {path.name for path in files if made.search(path.read_text("utf-8"))} <= {"date_text.py"}


CELL = 32_767
TYPED = sorted(
    key
    for key, one in FIELD_TYPES.items()
    if one.additional and not one.secret and not key.endswith("relation") and key != "file"
)
FAR = {
    "integer": ["9223372036854775808", "9" * 10_000, "1e308", "NaN", "-99999999999999999999"],
    "decimal": ["1e308", "NaN", "Infinity", "9" * 10_000],
    "money": ["1e308", "NaN", "9" * 10_000],
    "date": ["9999-99-99", "10000-01-01", "0000-00-00", "2958466-01-01"],
    "datetime": ["9999-99-99 25:00", "10000-01-01 00:00"],
}


def bad_texts(key: str) -> list[str]:
    """Return texts that the type refuses for a field without rules, as far as a cell can hold them.

    A date that can be read two ways is not among them: a file asks about it once for its column.
    """
    plain = (one for one in FIELD_TYPES[key].examples if isinstance(one.value, Bad) and one.field is None)
    texts = [one.raw for one in plain if isinstance(one.raw, str) and one.raw.isprintable() and len(one.raw) <= CELL]
    settled, field = FIELD_TYPES[key].with_date_order("dmy"), Field("line", "The line", key)
    texts = [text for text in texts if isinstance(settled.parse(text, field), Bad)]
    return [*texts, *FAR.get(key, ())]


def typed_problems(client: FlaskClient, label: str, key: str, text: str) -> list[str]:
    sent = form_with(client.get("/customers/new/").text, "full_name") | {"full_name": "Ann", key: text}
    page = client.post("/customers/new/", data=MultiDict(sent))
    assert page.status_code in {200, 302}, (label, text)
    return [html.unescape(one).strip() for one in re.findall(r'invalid-feedback d-block"[^>]*>([^<]*)<', page.text)]


@pytest.mark.asvs("R17")
@pytest.mark.asvs("R18")
@one_engine
@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
@pytest.mark.parametrize("key", TYPED)
def test_r18_a_bad_value_is_refused_alike_in_the_form_and_in_a_file(
    app: Flask, client: FlaskClient, runner: FlaskCliRunner, tmp_path: Path, key: str, suffix: str
) -> None:
    texts = bad_texts(key)
    with app.app_context():
        options = [["one", "One"], ["two", "Two"]] if "select" in key else []
        additional_field("line", key, label="The line", options=options)
    sign_in(client)
    rows = [["Ann", text] for text in texts]
    path = write_foreign(tmp_path / f"in.{suffix}", ["Full name", "The line"], rows)
    answer: dict[str, Any] = json.loads(runner.invoke(args=["import", str(path), "--json", "--dry-run"]).stdout)
    in_file = {int(re.sub(r"\D", "", one["at"].rpartition("!")[2])): one["message"] for one in answer["problems"]}
    for place, text in enumerate(texts, start=2):
        assert typed_problems(client, key, "line", text) == [in_file.get(place)], text
    with app.app_context():
        assert db.session.scalars(select(Customer)).all() == []
