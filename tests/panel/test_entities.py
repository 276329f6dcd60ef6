"""Plans, services and payments are in the change log as customers are, and accounts follow."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from panel.authors import SYSTEM
from panel.changelog import ValueTaken, Write, write_in_bulk
from panel.database import reading, writing
from panel.entities import CUSTOMER, ENTITIES, PAYMENT, PLAN, SERVICE
from panel.extensions import db
from panel.models import Account, Customer, Payment, Plan, Revision, Service
from panel.records import records_by_id
from panel.schema import current_schema
from panel.words import today
from tests.builders import customer

FIVE, TWENTY = Decimal("5.00"), Decimal("20.00")


def served(app: Flask) -> tuple[int, int, int]:
    """Add a customer with a service of a plan; return their IDs."""
    with app.app_context():
        ann = customer("Ann")
        with writing():
            plan = Plan(name="Fast", price=TWENTY)
            db.session.add(plan)
            db.session.flush()
            service = Service(customer_id=ann, plan_id=plan.id)
            db.session.add(service)
            db.session.flush()
            return ann, plan.id, service.id


def test_what_is_written_through_the_orm_has_its_revision_and_first_values(app: Flask) -> None:
    ann, plan, service = served(app)
    with app.app_context():
        wanted = select(Revision.record_id, Revision.number, Revision.changes).where(Revision.entity == SERVICE.key)
        assert db.session.execute(wanted).all() == [
            (
                service,
                1,
                {
                    "customer": [None, ann],
                    "plan": [None, plan],
                    "price": [None, "20.00"],
                    "starts": [None, today().isoformat()],
                },
            )
        ]
        with writing():
            db.session.get_one(Plan, plan).price = FIVE
        assert db.session.scalars(wanted.with_only_columns(Revision.changes).where(Revision.number == 2)).all() == []
        priced = select(Revision.changes).where(Revision.entity == PLAN.key, Revision.number == 2)
        assert db.session.scalars(priced).all() == [{"price": ["20.00", "5.00"]}]


def test_a_name_of_a_plan_is_taken_once(app: Flask) -> None:
    served(app)
    with app.app_context(), pytest.raises(ValueTaken, match="belongs to plan 1"), writing():
        db.session.add(Plan(name="FAST", price=FIVE))


@pytest.mark.parametrize("entity", [one for one in ENTITIES if one != "customer"])
def test_the_database_refuses_a_write_without_its_revision(app: Flask, entity: str) -> None:
    ann, _plan, _service = served(app)
    with app.app_context():
        with writing():
            db.session.add(Payment(customer_id=ann, amount=FIVE))
        for statement in (f"UPDATE {entity} SET note = 'x'", f"DELETE FROM {entity}"):
            with pytest.raises(DBAPIError), writing() as connection:
                connection.execute(text(statement))


def test_a_balance_follows_payments_however_they_are_written(app: Flask) -> None:
    ann, _plan, _service = served(app)
    with app.app_context():
        with writing():
            db.session.add_all([Payment(customer_id=ann, amount=FIVE), Payment(customer_id=ann, amount=TWENTY)])
        with writing() as connection:
            changes = {"amount": ("5.00", "7.50")}
            schema = current_schema(connection, PAYMENT)
            write_in_bulk(connection, schema, app.extensions["keyring"], [Write(1, 2, changes)], SYSTEM)
        with writing():
            db.session.get_one(Payment, 2).deleted_at = dt.datetime.now(dt.UTC)
        with reading() as connection:
            assert db.session.scalars(select(Account.balance)).all() == [Decimal("7.50")]
            fields = current_schema(connection).fields
            assert records_by_id(connection, fields, [ann])[ann].values["balance"] == Decimal("7.50")


def test_a_service_is_what_its_customers_status_and_its_own_days_make_of_it(app: Flask) -> None:
    ann, _plan, service = served(app)
    states = []
    with app.app_context():
        for status, ends in ((1, None), (2, None), (3, None), (4, None), (2, today() - dt.timedelta(days=1))):
            with writing():
                db.session.get_one(Customer, ann).status_id = status
                db.session.get_one(Service, service).ends = ends
            with reading() as connection:
                fields = current_schema(connection, SERVICE).fields
                states.append(records_by_id(connection, fields, [service], SERVICE)[service].values["state"])
    assert states == ["stopped", "active", "suspended", "stopped", "stopped"]


def test_a_new_plan_is_an_option_of_services_at_once(app: Flask) -> None:
    def labels() -> list[str]:
        with app.app_context(), reading() as connection:
            return [option.label for option in current_schema(connection, SERVICE).field("plan").options]

    assert labels() == []
    served(app)
    assert labels() == ["Fast"]


def test_the_main_part_of_a_customer_goes_to_workbooks_unless_more_is_asked_for(app: Flask) -> None:
    with app.app_context():
        schema = current_schema(db.session.connection())
        assert schema.entity is CUSTOMER
        assert {field.key for field in schema.fields} - {field.key for field in schema.on_workbooks} == {
            "password", "billing_day", "payment_due", "blocking_period", "grace_period", "minimum_balance", "balance",
        }  # fmt: skip
