"""May a customer use the network? The answer for a login, by the status and the services, as of a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, select

from panel.billing.states import STOPPED, service_state
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


def access_of(effect: str, services: Sequence[tuple[dt.date, dt.date | None]], day: dt.date) -> str:
    """Return what a status's effect comes to: who has services, but none on this day, has no access.

    `services` are the days on which each of them starts and ends; who has none follows the status alone.
    """
    states = {service_state(effect, starts, ends, day) for starts, ends in services}
    return effect if not states or effect in states else STOPPED


def find_access(connection: Connection, login: str, partner_id: int | None, day: dt.date) -> Access | None:
    """Return the access of the customer with a login, compared as logins are unique; only of a partner's, if named."""
    if len(login) > LONGEST_LOGIN or clean_text(login) != login:
        return None
    rows = connection.execute(_ASKED, {"login": FIELD_TYPES["string"].key_of(login)}).all()
    if not rows or partner_id not in {None, rows[0].partner_id}:
        return None
    found = rows[0]
    services = [(row.starts, row.ends) for row in rows if row.starts is not None]
    access = access_of(found.services, services, day)
    return Access(found.id, found.login, access, found.label, found.password)


def _query() -> Select[Any]:
    """Return the query of who has a login, with a row for each service."""
    customer, status, service = Customer.__table__.c, Status.__table__.c, Service.__table__.c
    unique = UniqueValue.__table__.c
    held = (unique.entity == ENTITY, unique.field == "login", unique.value == bindparam("login"))
    told = (customer.id, customer.login, customer.password, customer.partner_id, status.services, status.label)
    return (
        select(*told, service.starts, service.ends)
        .join(UniqueValue, unique.record_id == customer.id)
        .join(Status, status.id == customer.status_id)
        .outerjoin(Service, and_(service.customer_id == customer.id, service.deleted_at.is_(None)))
        # Who is in the bin, or was erased, holds no login.
        .where(*held, customer.deleted_at.is_(None))
    )


_ASKED = _query()
