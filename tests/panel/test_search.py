"""Searching: what each kind of word finds, by which index, and that the indexes follow values and fields."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from panel import search
from panel.database import writing
from panel.extensions import db
from panel.forms.registry import filters_of
from panel.models import AdditionalField, Customer, CustomerContact
from panel.schema import current_schema, forget_schema
from panel.structures import existing, trigrammed_keys
from tests.builders import additional_field, customer, edit
from tests.panel.plans import plan_of

THERE = Customer.__table__.c.deleted_at.is_(None)


def found(text: str) -> str:
    """Return the first names of the customers that a search finds, in the order of their IDs."""
    forget_schema()
    connection = db.session.connection()
    condition = search.condition(connection, current_schema(connection), text)
    query = select(Customer.full_name).where(THERE).order_by(Customer.id)
    names = db.session.scalars(query if condition is None else query.where(condition))
    return " ".join(name.partition(" ")[0] for name in names)


@pytest.fixture
def three(app: Flask) -> Flask:
    with app.app_context():
        additional_field("serial", searchable=True)
        additional_field("secret_note")
        additional_field("mobile", "phone", searchable=True)
        additional_field("kind", "select", options=[["a", "Fibre line"], ["b", "Radio"]], searchable=True)
        additional_field("speed", "integer", searchable=True)
        extra = {"serial": "RB-77_x", "secret_note": "hush", "mobile": "+420 777 000 123", "kind": "a", "speed": 300}
        customer(
            "Ann Nováková", login="ann-1", city="Brno", phones=["+420 603 123 456", "+44 20 7946 0018"], extra=extra
        )
        customer("Bob O'Neil", login="100042", city="100% Hill", emails=["Bob@example.com", "bn@example.com"])
        customer("Émile Łuczak", login="e_l", extra={"serial": "RB-78", "kind": "b"})
    return app


SEARCHES = [
    ("ann", "Ann"),
    ("OVÁK", "Ann"),
    ("émile", "Émile"),
    ("łuczak", "Émile"),
    ("#2", "Bob"),
    ("100042", "Bob"),
    ("1000", "Bob"),
    ("00042", ""),
    ("0% h", "Bob"),
    ("a_n", ""),
    ("o'neil", "Bob"),
    ("bob@EXAMPLE.com", "Bob"),
    ("bn@", "Bob"),
    ("example.com", ""),
    ("603123", "Ann"),
    ("603 123 456", "Ann"),
    ("+420 603 123", "Ann"),
    ("00420603", "Ann"),
    ("020 7946", "Ann"),
    ("123456", ""),
    ("777000", "Ann"),
    ("7_x", "Ann"),
    ('"', ""),
    ("hush", ""),
    ("fibre", "Ann"),
    ("300", "Ann"),
    ("ann brno", "Ann"),
    ("ann hill", ""),
    ("rb-", "Ann Émile"),
    ("", "Ann Bob Émile"),
]


@pytest.mark.parametrize(("text", "names"), SEARCHES)
def test_each_word_is_found_where_its_kind_is_looked_for(three: Flask, text: str, names: str) -> None:
    with three.app_context():
        assert found(text) == names


@pytest.mark.parametrize("limit", ["FEW", "COMMON"])
@pytest.mark.parametrize(("text", "names"), SEARCHES)
def test_a_word_that_many_match_is_looked_for_row_by_row_and_means_the_same(
    three: Flask, monkeypatch: pytest.MonkeyPatch, text: str, names: str, limit: str
) -> None:
    monkeypatch.setattr(search, limit, -1)
    with three.app_context():
        assert found(text) == names


def test_without_an_index_of_trigrams_a_large_panel_is_searched_by_beginnings(
    three: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with three.app_context():
        monkeypatch.setattr(search, "trigrammed_keys", lambda _connection: frozenset())
        assert found("ovák") == "Ann"
        monkeypatch.setattr(search, "SCANNED", 2)
        assert (found("ovák"), found("ann n"), found("RB-77")) == ("", "Ann", "Ann")


def test_the_search_follows_edits_the_bin_and_an_erasure(three: Flask) -> None:
    with three.app_context():
        edit(1, full_name="Eva Novak", phones=["+420 700 000 000"], extra={"serial": "ZX-1"})
        assert (found("nováková"), found("rb-77"), found("603"), found("zx-1 eva 700000")) == ("", "", "", "Eva")
        edit(1, full_name="", emails=[], phones=[], city=None, extra={"serial": None, "mobile": None})
        contacts = select(func.count()).where(CustomerContact.customer_id == 1)
        assert (found("novak"), found("zx-1"), db.session.scalar(contacts)) == ("", "", 0)


def names_of(key: str) -> set[str]:
    return {name for name in existing(db.session.connection()) if key in name}


def test_the_indexes_of_a_field_come_and_go_with_it(app: Flask) -> None:
    def change(**values: object) -> None:
        with writing():
            field = db.session.scalars(select(AdditionalField)).one()
            for name, value in values.items():
                setattr(field, name, value)

    with app.app_context():
        additional_field("serial")
        assert names_of("serial") == set()
        change(searchable=True)
        assert "ix_customer_cf_serial_text" in names_of("serial")
        change(searchable=False, show_in_list=True)
        assert "ix_customer_cf_serial_text" in names_of("serial")
        assert "serial" not in trigrammed_keys(db.session.connection())
        change(hidden=True)
        assert names_of("serial") == set()
        change(hidden=False)
        change(retired=True)
        assert names_of("serial") == set()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_sqlite_indexes_trigrams_of_names_cities_and_searchable_texts(three: Flask) -> None:
    with three.app_context():
        assert trigrammed_keys(db.session.connection()) == {"full_name", "city", "serial", "mobile"}


@pytest.mark.parametrize(
    ("name", "text", "index"),
    [
        ("login_is", "ann-1", "ix_customer_by_login_"),
        ("login_starts", "ann", "ix_customer_by_login_"),
        ("zip_code_is", "12345", "ix_customer_by_zip_code_"),
        ("status_in", "2", "ix_customer_by_status_"),
        ("billing_type_is", "prepaid", "ix_customer_by_billing_type_"),
        ("date_added_from", "2024-01-01", "ix_customer_by_date_added_"),
        ("serial_is", "RB-77_x", "ix_customer_cf_serial_"),
        ("serial_starts", "RB", "ix_customer_cf_serial_"),
        ("kind_in", "a", "ix_customer_cf_kind_"),
        ("speed_is", "300", "ix_customer_cf_speed_"),
        ("speed_to", "300", "ix_customer_cf_speed_"),
    ],
)
def test_filters_on_indexed_fields_are_answered_by_their_index(three: Flask, name: str, text: str, index: str) -> None:
    with three.app_context():
        filters = (one for field in current_schema(db.session.connection()).fields for one in filters_of(field))
        one = next(one for one in filters if one.arg == name)
        assert index in plan_of(
            db.session.connection(), select(Customer.id).where(THERE, one.condition(one.clean(text)))
        )


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_postgresql_answers_pages_by_indexes_in_one_process(app: Flask) -> None:
    with app.app_context():
        db.session.rollback()
        names = ("max_parallel_workers_per_gather", "jit", "random_page_cost", "plan_cache_mode")
        settings = [db.session.scalar(text(f"SHOW {name}")) for name in names]
        assert settings == ["0", "off", "1.1", "force_custom_plan"]
