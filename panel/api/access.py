"""May a customer use the network? The answer for a login, by the status and the services, as of a day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, bindparam, or_, select

from panel.models import Customer, Service, Status, UniqueValue
from panel.schema import ENTITY
from sync.cells import clean_text
from sync.types import FIELD_TYPES

LONGEST_LOGIN = 255


@dataclass(frozen=True, slots=True)
class Access:
    """What a network asks of a customer: `access` is active, suspended or stopped, `sealed` the password's ciphertext.

    `status` is the label of the status.
    """

    customer_id: int
    login: str
    access: str
    status: str
    sealed: str | None


def access_of(effect: str, has_services: bool, has_one_today: bool) -> str:
    """Return what a status's effect on services comes to; who has services, but none for today, has no access."""
    return "stopped" if has_services and not has_one_today else effect


def find_access(connection: Connection, login: str, partner_id: int | None, day: dt.date) -> Access | None:
    """Return the access of the customer with a login, compared as logins are unique; only of a partner's, if named."""
    if len(login) > LONGEST_LOGIN or clean_text(login) != login:
        return None
    asked = {"login": FIELD_TYPES["string"].key_of(login), "day": day}
    row = connection.execute(_ASKED, asked).one_or_none()
    if row is None or partner_id not in {None, row.partner_id}:
        return None
    access = access_of(row.services, row.has_services, row.has_one_today)
    return Access(row.id, row.login, access, row.label, row.password)


def _query() -> Select[Any]:
    customer, status, unique = Customer.__table__.c, Status.__table__.c, UniqueValue.__table__.c
    service = Service.__table__.c
    day: BindParameter[dt.date] = bindparam("day")
    held = (unique.entity == ENTITY, unique.field == "login", unique.value == bindparam("login"))
    return (
        select(
            customer.id,
            customer.login,
            customer.password,
            customer.partner_id,
            status.services,
            status.label,
            _has_service().label("has_services"),
            _has_service(service.starts <= day, or_(service.ends.is_(None), service.ends >= day)).label(
                "has_one_today"
            ),
        )
        .join(UniqueValue, unique.record_id == customer.id)
        .join(Status, status.id == customer.status_id)
        # Who is in the bin, or was erased, holds no login.
        .where(*held, customer.deleted_at.is_(None))
    )


def _has_service(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    service = Service.__table__.c
    mine = (service.customer_id == Customer.__table__.c.id, service.deleted_at.is_(None))
    return select(service.id).where(*mine, *conditions).exists()


_ASKED = _query()
