"""Pages by key: every row once and in order, forwards and backwards, whatever the list is sorted by."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, select

from panel.database import is_sqlite
from panel.entities import CUSTOMER
from panel.extensions import db
from panel.forms.registry import sorts_by
from panel.models import Customer
from panel.schema import Schema, current_schema
from panel.structures import indexed
from panel.views.cursor import spot_of, token
from panel.views.paging import Place, Sorting, Spot, gather, walk
from sync.fields import Field
from sync.types import FIELD_TYPES
from tests.builders import additional_field, customer
from tests.panel.pages import sign_in
from tests.panel.plans import plans

Take = Callable[[Connection, object, Sorting, Spot, int], list[Place]]
THERE = Customer.__table__.c.deleted_at.is_(None)
FIELDS = {
    "speed": ("integer", {}),
    "fee": ("money", {"scale": 2}),
    "since": ("date", {}),
    "sure": ("boolean", {}),
    "kind": ("select", {"options": [["b", "First"], ["A", "Second"], ["c", "Nobody's"]]}),
    "tags": ("multi_select", {"options": [["tv", "TV"], ["net", "Net"]]}),
    "serial": ("string", {}),
}
NAMES = ("Žofie", "ann", "Ann", "émile", "Émile", "bob", "x" * 300, "100%", "O'Neil", "Łucja")


@pytest.fixture
def rows(app: Flask) -> Iterator[Connection]:
    """Yield a connection to two dozen customers: values that are alike, missing, or differ by capital letters."""
    with app.app_context():
        for key, (type_, options) in FIELDS.items():
            additional_field(key, type_, show_in_list=True, **options)
        for at in range(24):
            extra = {
                "speed": at % 4,
                "fee": f"{at % 5}.50",
                "since": f"2024-01-{1 + at % 3:02d}",
                "sure": at % 3 == 0,
                "kind": "Acb"[at % 2] if at % 7 else "gone",
                "tags": ["tv", "net"][: at % 3],
                "serial": f"SN{at % 6}",
            }
            customer(
                NAMES[at % len(NAMES)],
                city=None if at % 3 else NAMES[at % 4],
                emails=[f"a{at % 5}@example.com"] if at % 4 else [],
                date_of_birth=None if at % 5 else dt.date(1990, 1, 1 + at % 2),
                status_id=1 + at % 3,
                extra=extra if at % 6 else {},
            )
        yield db.session.connection()


def sortings(schema: Schema) -> Iterator[Sorting]:
    sorted_by = [field for field in schema.fields if not FIELD_TYPES[field.type].secret]
    for descending in (False, True):
        yield Sorting(descending=descending)
        yield from (Sorting(field.key, sorts_by(field), descending) for field in sorted_by)


def pages(connection: Connection, take: Take, sorting: Sorting, *, back: bool, size: int = 5) -> list[list[Place]]:
    """Return all pages from one end to the other, each gone on from by what its address carries."""
    query, found, spot = select().where(THERE), [], Spot(back=back)
    while page := take(connection, query, sorting, spot, size):
        found.append(page)
        args = {"before" if back else "after": token(page[-1], sorting)}
        spot = spot_of(args, sorting, size)
        assert spot == Spot(page[-1], back)
    return found


def test_pages_show_every_row_once_in_one_order_both_ways(rows: Connection) -> None:
    for sorting in sortings(current_schema(rows)):
        whole = gather(rows, select().where(THERE), sorting, Spot(), 100)
        assert len({place.id for place in whole}) == 24
        for take in (walk, gather):
            forwards = [place for page in pages(rows, take, sorting, back=False) for place in page]
            assert forwards == whole, (sorting.name, take)
            backwards = [place for page in pages(rows, take, sorting, back=True) for place in page]
            assert backwards[::-1] == whole, (sorting.name, take)
        filled = [place.key is not None for place in whole]
        assert filled == sorted(filled, reverse=True), sorting.name


def test_each_page_is_read_from_the_index_of_its_order_and_never_sorted(rows: Connection) -> None:
    schema, query = current_schema(rows), select().where(THERE)
    keys = {field.key for field in indexed(schema)}
    assert keys > FIELDS.keys()
    for sorting in sortings(schema):
        if sorting.order is None or sorting.name in keys:
            place = gather(rows, query, sorting, Spot(), 12)[-1]
            with plans(rows) as found:
                for spot in (Spot(), Spot(back=True), Spot(place), Spot(place, back=True)):
                    walk(rows, query, sorting, spot, 100)
            for plan in found:
                if sorting.name in CUSTOMER.keys and (plan == "SCAN customer" or "One-Time Filter: false" in plan):
                    continue  # the database knows that a status is never missing, and looks for none
                assert sorting.order is None or not is_sqlite(rows) or f"_{sorting.name}_" in plan, (sorting, plan)
                # Of options there are few, which are put in order.
                assert "there" in plan or not re.search("TEMP B-TREE|Sort", plan), (sorting, plan)


@pytest.mark.parametrize("take", [walk, gather])
def test_a_row_that_comes_or_goes_meanwhile_moves_no_other(rows: Connection, take: Take) -> None:
    schema = current_schema(rows)
    for sorting in (Sorting(), Sorting("city", sorts_by(schema.field("city")), descending=False)):
        query = select().where(THERE)
        first = take(db.session.connection(), query, sorting, Spot(), 5)
        rest = take(db.session.connection(), query, sorting, Spot(first[-1]), 100)
        customer("Newcomer", city="")
        customer("Newcomer", city="ann")
        later = take(db.session.connection(), query, sorting, Spot(first[-1]), 100)
        assert [place for place in later if place in rest] == rest


def test_options_come_in_their_own_order_and_what_is_none_after_them(rows: Connection) -> None:
    order = sorts_by(current_schema(rows).field("kind"))
    for take in (walk, gather):
        places = take(rows, select().where(THERE), Sorting("kind", order, descending=False), Spot(), 100)
        assert list(dict.fromkeys(place.key for place in places)) == ["a", "c", "gone", None]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "args",
    [
        {"after": ""},
        {"after": "%"},
        {"before": "e30"},
        {"after": "W10"},
        {"after": "x" * 5_000},
        {"after": token(Place("ann", 3), Sorting("login", None, descending=False))},
        {"after": token(Place("ann", 3), Sorting("city", None))},
        {"after": token(Place("ann", 2**70), Sorting("city", None, descending=False))},
        {"after": token(Place(["ann"], 3), Sorting("city", None, descending=False))},
    ],
)
def test_a_broken_cursor_is_the_first_page(app: Flask, args: dict[str, str]) -> None:
    city = Sorting("city", sorts_by(Field("city", "City", "string")), descending=False)
    assert spot_of(args, city, 50) == Spot()


def links(page: str) -> dict[str, str]:
    return {
        rel: address.replace("&amp;", "&") for address, rel in re.findall(r'href="([^"]+)"[^>]*? rel="(\w+)"', page)
    }


def test_the_links_of_a_list_lead_through_all_its_pages_and_back(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        for number in range(45):
            customer(f"Ann {number % 7}")
    sign_in(client)
    page = client.get("/customers/?sort=full_name&page_size=20&search=ann").text
    assert set(links(page)) >= {"next", "last"}
    assert not {"first", "prev"} & set(links(page))
    seen = ["1–20 of 45"]
    for rel, words in [("next", "21–40"), ("next", "41–45"), ("prev", "21–40"), ("first", "1–20"), ("last", "41–45")]:
        page = client.get(links(page)[rel]).text
        assert f"{words} of 45" in page
        assert page.count(" data-open>") == {"41–45": 5}.get(words, 20)
        seen.append(words)
    assert not {"next", "last"} & set(links(page))
