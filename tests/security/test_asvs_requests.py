"""Rows of the security requirements about requests as such: how large, with what in them, and what is kept of them."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from panel import FORM_BYTES
from panel.sent import MOST_INPUTS
from panel.views.selection import MOST_TICKED
from tests.builders import customer
from tests.databases import Database
from tests.panel.furnished import every_page, furnish
from tests.panel.pages import form_with, sign_in
from tests.panel.test_pages import rules
from tests.resources import ROOT
from tests.servers import running

one_engine = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
PLAIN = "application/x-www-form-urlencoded"


@pytest.mark.asvs("R2")
@one_engine
@pytest.mark.parametrize("content", [b"a&" * MOST_INPUTS, b"a=%00&" * MOST_INPUTS, b"a" * (FORM_BYTES + 1)])
def test_r2_a_form_is_not_taken_apart_where_that_would_take_long(client: FlaskClient, content: bytes) -> None:
    assert client.post("/login/", data=content, content_type=PLAIN).status_code == 413
    assert client.post("/login/", data=content[: MOST_TICKED * 2], content_type=PLAIN).status_code == 401


@pytest.mark.asvs("R2")
@one_engine
def test_r2_all_customers_that_may_be_ticked_are_taken(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        customer()
    ids = [str(number) for number in range(1, MOST_TICKED + 1)]
    assert sign_in(client).post("/bulk/choose/", data={"id": ids}).location == "/bulk/1/"


@pytest.mark.asvs("R2")
@one_engine
def test_r2_an_address_of_very_many_filters_is_one_sentence(client: FlaskClient) -> None:
    sign_in(client)
    for query in ("flt_city_is=&" * 10_000, "".join(f"flt{number}_x=&" for number in range(10_000))):
        page = client.get(f"/customers/?{query}")
        assert (page.status_code, "more than 200 filters" in page.text) == (409, True)
        assert len(page.text) < 100_000
    saved = client.post("/views/save/", data={"name": "many", "shared": "y", "query": "flt_city_is=x&" * 1_300})
    assert saved.status_code == 302
    assert client.get("/customers/").text.count("flt_city_is") < 20_000


@pytest.mark.asvs("R2")
@one_engine
def test_r2_the_server_does_not_wait_for_what_is_far_too_large(app: Flask, database: Database) -> None:
    with running(database) as servers:
        place = urlsplit(servers[0])
        with socket.create_connection((place.hostname, place.port), timeout=20) as line:
            line.sendall(b"POST /login/ HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n")
            assert line.recv(12) == b"HTTP/1.1 413"


def argument_names() -> list[str]:
    """Return every name that a view reads from an address or a form, as the code has it."""
    sources = r"(?:request\.\w+|args|form)"
    read = re.compile(rf'{sources}(?:\.(?:get|getlist|pop|poplist)\(\s*|\[)"([\w.-]+)"|"([\w.-]+)" in {sources}')
    texts = (path.read_text("utf-8") for path in (ROOT / "panel").rglob("*.py"))
    return sorted({one or other for text in texts for one, other in read.findall(text)})


NUMBERS = ("\0", "a\0b", "9" * 30, "9" * 5_000, "٣", "-1", "1e999", "NaN", "10000-01-01", "[" * 2_000)
LINES = "1\r\nX-Evil: 1"


def forms_of(names: list[str], strings: list[str], place: int) -> Iterator[dict[str, str]]:
    """Yield what is sent to the rule at a place: each name with another string, and all names with the same one."""
    turned = strings[place * 31 % len(strings) :] + strings
    yield dict(zip(names, turned, strict=False))
    yield {**dict(zip(names, turned[len(names) :], strict=False)), "id": "2"}
    for text in (LINES, NUMBERS[place % len(NUMBERS)], NUMBERS[(place + 5) % len(NUMBERS)]):
        yield dict.fromkeys(names, text)
        yield {**dict.fromkeys(names, text), "id": "2"}


@pytest.mark.asvs("R17")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_r17_nothing_that_a_request_says_is_a_fault(
    app: Flask, client: FlaskClient, shared_data: Path, method: str
) -> None:
    furnish(app)
    sign_in(client)
    naughty: list[str] = json.loads((shared_data / "naughty-strings.json").read_text("utf-8"))
    strings = [text for text in (*naughty, *NUMBERS) if text != "1"]  # the visitor's own ID, who would reset it
    names = [*argument_names(), "full_name", "flt_city_is", "flt_full_name_contains", "flt_id_is", "flt_", "label"]
    assert len(names) > 50
    for place, (rule, address) in enumerate(rules(app, method)):
        if rule.endpoint == "account.logout":
            continue
        for sent in forms_of(names, strings, place):
            query, form = (sent, None) if method == "GET" else ({"id": sent["id"], "next": sent["next"]}, sent)
            with client.open(address, method=method, query_string=query, data=form) as answer:
                assert answer.status_code < 500, (address, sent)
                target = urlsplit(answer.location or "/")
                assert (target.scheme, target.netloc) == ("", ""), (address, sent)
                assert "X-Evil" not in answer.headers
        assert client.get("/account/").status_code == 200, f"{address} signed out"


@pytest.mark.asvs("R17")
@pytest.mark.parametrize("number", ["9" * 400, "-" + "9" * 30, "1e999", "NaN", "Infinity", "1e-999", "9" * 5_000])
def test_r17_settings_take_no_number_that_cannot_be_meant(app: Flask, client: FlaskClient, number: str) -> None:
    sign_in(client)
    generator = form_with(client.get("/generator/").text, "login_pattern")
    assert "invalid" in client.post("/generator/", data=generator | {"password_length": number}).text
    assert client.post("/generator/examples/", data=generator | {"password_length": number}).status_code == 200
    usual = {"label": "Line", "key": "line", "category": "all", "add": "y"}
    for kind in ("decimal", "string", "integer", "multi_select"):
        for setting in ("scale", "min", "max", "default"):
            sent = usual | {"type": kind, "options": "a", setting: number}
            assert client.post("/fields/preview/", data=sent).status_code == 200
            assert client.post("/fields/new/", data=sent).status_code in {200, 302}
            assert client.get("/customers/new/").status_code == client.get("/customers/").status_code == 200


@pytest.mark.asvs("R8")
@one_engine
def test_r8_what_is_typed_into_a_name_or_an_address_ends_no_line_of_a_header(client: FlaskClient) -> None:
    back = sign_in(client).post("/exports/view/", data={"list": f"search={LINES}"})
    assert (back.status_code, "X-Evil" in back.headers) == (302, False)
    with client.post("/exports/new/", data={"name": f'{LINES}"; x=\u202egnp.exe', "fields": "city"}) as answer:
        header = answer.headers["Content-Disposition"]
    assert header.startswith('attachment; filename="1 X-Evil 1 ; x= gnp.exe 20')
    assert header.endswith('.xlsx"')


@pytest.mark.asvs("R39")
@one_engine
def test_r39_no_page_and_no_file_is_stored_by_browsers(app: Flask, client: FlaskClient) -> None:
    furnish(app)
    sign_in(client)
    addresses = [*every_page(app), "/audit/events.csv", "/lookup/customers/?q=a"]
    assert len(addresses) > 30
    for address in addresses:
        with client.get(address) as answer:
            assert answer.headers["Cache-Control"] == "no-store", address
    for address in ("/exports/new/", "/exports/view/"):
        with client.post(address, data={"fields": "city", "query": ""}) as answer:
            assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
