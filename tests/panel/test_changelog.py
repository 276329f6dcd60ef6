"""The spine: no write without its revision, and every revision can be gone back to."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, current_app
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.exc import DatabaseError

from panel.authors import Author
from panel.changelog import LostRace, ValueTaken, Write, changes_since, value_then, write_in_bulk
from panel.database import reading, writing
from panel.extensions import db
from panel.imports.at_once import import_at_once
from panel.imports.options import ImportOptions, Viewer
from panel.imports.undo_journey import undo_import
from panel.models import Customer, Revision
from panel.records import records_by_id
from panel.schema import current_schema
from sync.types import FIELD_TYPES
from tests.builders import additional_field, customer, edit

BULK = Author("bulk", "command")


def revisions(record_id: int) -> list[Revision]:
    query = select(Revision).where(Revision.record_id == record_id).order_by(Revision.number)
    return list(db.session.scalars(query))


def test_a_new_customer_has_its_first_revision(app: Flask) -> None:
    with app.app_context():
        record_id = customer(full_name="Ann Novak", city="Brno")
        (first,) = revisions(record_id)
        assert first.changes["city"] == [None, "Brno"]
        assert (first.number, first.by, first.through) == (1, "system", "system")


def test_a_new_customer_gets_login_password_status_and_places(app: Flask) -> None:
    with app.app_context():
        record_id = customer()
        one = db.session.get_one(Customer, record_id)
        assert one.login == f"{record_id:06d}"
        assert (one.status.label, one.partner.name, one.location.name) == ("New", "Main", "Main")
        assert one.date_added == dt.datetime.now(dt.UTC).date()
        keyring = app.extensions["keyring"]
        assert len(keyring.decrypt(one.password, "customer", record_id, "password")) == 8


def test_saving_without_an_edit_makes_no_revision(app: Flask) -> None:
    with app.app_context():
        record_id = customer(city="Brno", emails=["a@x.cz"])
        edit(record_id, city="Brno", emails=["a@x.cz"])
        assert len(revisions(record_id)) == 1


def test_a_password_is_in_the_log_as_a_digest_only(app: Flask) -> None:
    with app.app_context():
        record_id = customer()
        with writing():
            db.session.get_one(Customer, record_id).set_password("canary-7081")
        dump = db.session.connection().execute(text("SELECT CAST(changes AS text) FROM revision")).scalars().all()
        assert "canary-7081" not in "".join(dump)
        assert revisions(record_id)[1].changes["password"][1].startswith("digest:")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE customer SET city = 'x'",
        "UPDATE customer SET city = 'x', revision = revision + 1",
        "UPDATE customer SET city = 'x', revision = revision + 2",
        "DELETE FROM customer",
        "DELETE FROM revision",
        "UPDATE revision SET number = 9",
    ],
)
def test_the_database_refuses_a_write_that_the_log_does_not_know(app: Flask, statement: str) -> None:
    with app.app_context():
        customer(city="Brno")
        with pytest.raises(DatabaseError), writing() as connection:
            connection.execute(text(statement))
        db.session.rollback()
        assert db.session.scalars(select(Customer.city)).all() == ["Brno"]


def test_the_database_refuses_a_bulk_update_through_the_orm(app: Flask) -> None:
    with app.app_context():
        customer(city="Brno")
        with pytest.raises(DatabaseError), writing():
            db.session.execute(update(Customer).values(city="x"))


def test_two_customers_may_exchange_their_logins(app: Flask) -> None:
    with app.app_context():
        one, other = customer(login="ann"), customer(login="bob")
        with writing() as connection:
            swap = [
                Write(one, 2, {"login": ("ann", "bob")}),
                Write(other, 2, {"login": ("bob", "ann")}),
            ]
            write_in_bulk(connection, current_schema(connection), app.extensions["keyring"], swap, BULK)
        logins = db.session.execute(select(Customer.id, Customer.login)).all()
        assert dict(tuple(row) for row in logins) == {one: "bob", other: "ann"}


def test_a_login_that_another_has_is_refused_whatever_its_case(app: Flask) -> None:
    with app.app_context():
        customer(login="ann")
        with pytest.raises(ValueTaken, match="ann"):
            customer(login="ANN")
        db.session.rollback()
        assert len(db.session.scalars(select(Customer)).all()) == 1


def test_a_write_of_an_older_revision_is_refused(app: Flask) -> None:
    with app.app_context():
        record_id = customer(city="Brno")
        edit(record_id, city="Praha")
        late = [Write(record_id, 2, {"city": ("Brno", "Zlin")})]
        with pytest.raises((LostRace, DatabaseError)), writing() as connection:
            write_in_bulk(connection, current_schema(connection), app.extensions["keyring"], late, BULK)
        db.session.rollback()
        assert db.session.scalars(select(Customer.city)).all() == ["Praha"]


def test_ids_are_never_used_again(app: Flask) -> None:
    with app.app_context():
        first = customer()
        edit(first, deleted_at=dt.datetime.now(dt.UTC))
        assert customer() > first


TEXTS = st.sampled_from(["Brno", "Praha", "007", "=1+1", None])
STEPS = st.one_of(
    st.tuples(st.just("create"), TEXTS),
    st.tuples(st.just("edit"), TEXTS),
    st.tuples(st.just("bulk"), TEXTS),
    st.tuples(st.just("import"), TEXTS),
    st.tuples(st.just("undo"), TEXTS),
    st.tuples(st.just("bin"), TEXTS),
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=4, max_size=12))
def test_rolled_back_to_any_revision_a_customer_is_what_it_was_then(
    app: Flask, tmp_path: Path, steps: list[tuple[str, Any]]
) -> None:
    with app.app_context():
        if current_schema(db.session.connection()).additional == ():
            additional_field("note")
            additional_field("tariff", "money")
        journey = _Journey(tmp_path)
        journey.run("create", "Brno")
        for step, value in steps:
            journey.run(step, value)
        assert journey.differences() == []


class _Journey:
    """Writes through every path, remembers what each customer was after each, and goes back to all of it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "in.csv"
        self.was: dict[tuple[int, int], dict[str, Any]] = {}
        self.ids: list[int] = []
        self.imports: list[int] = []

    def run(self, step: str, value: str | None) -> None:
        getattr(self, f"_{step}")(value)
        db.session.rollback()
        for record_id in self.ids:
            now = self._now(record_id)
            self.was[record_id, now.revision] = dict(now.values)

    def _create(self, value: str | None) -> None:
        self.ids.append(customer(full_name=f"Person {len(self.ids)}", city=value, emails=["a@x.cz"]))

    def _edit(self, value: str | None) -> None:
        edit(self.ids[-1], city=value, phones=[value or "123"], extra={"note": value})

    def _bulk(self, value: str | None) -> None:
        now = self._now(self.ids[0])
        with writing() as connection:
            schema = current_schema(connection)
            write = Write(now.id, now.revision + 1, {"street": (now.values["street"], value)}, extra=_extra(now.values))
            write_in_bulk(connection, schema, current_app.extensions["keyring"], [write], BULK)

    def _import(self, value: str | None) -> None:
        self.file.write_text(f"ID,City,Tariff\n{self.ids[0]},{value or 'Zlin'},12.50\n", encoding="utf-8")
        options = ImportOptions(accept_unknown=True)
        _planned, number = import_at_once(self.file, options, Viewer("test", "command"), dry_run=False)
        self.imports.extend([number] if number else [])

    def _undo(self, _value: str | None) -> None:
        if self.imports:
            undo_import(self.imports.pop(), Viewer("test", "command"))

    def _bin(self, _value: str | None) -> None:
        edit(self.ids[-1], deleted_at=dt.datetime.now(dt.UTC))
        self._create("Nove")

    def _now(self, record_id: int) -> Any:
        with reading() as connection:
            return records_by_id(connection, _fields(connection), [record_id])[record_id]

    def differences(self) -> list[tuple[int, int]]:
        """Return the records and revisions that going back to does not give what was."""
        return [place for place, values in self.was.items() if self._then(*place) != values]

    def _then(self, record_id: int, number: int) -> dict[str, Any]:
        with reading() as connection:
            fields = _fields(connection)
            record = records_by_id(connection, fields, [record_id])[record_id]
            newer = [one for one in changes_since(connection, {record_id: 0})[record_id] if one.number > number]
            return value_then(record, newer, fields)


def _fields(connection: Any) -> list[Any]:
    return [field for field in current_schema(connection).fields if not FIELD_TYPES[field.type].secret]


def _extra(values: dict[str, Any]) -> dict[str, Any]:
    return {key: str(values[key]) for key in ("note", "tariff") if values[key] is not None}
