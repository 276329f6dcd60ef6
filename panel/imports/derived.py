"""Which derived values are still what an export showed: they are kept nowhere, so that no log says what they were."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select

from panel.entities import CUSTOMER, SERVICE, Entity
from panel.models import Charge, Payment, Revision, Service
from panel.records import BATCH, batches
from panel.words import local_moment, today

_SERVICE, _LOG = Service.__table__.c, Revision.__table__.c
Queries = Callable[[dt.datetime], Iterator[tuple[Any, Select[Any]]]]
"""Yields queries of the records that something happened to since a moment, each with the column that it selects."""


def stirred(connection: Connection, entity: Entity, ids: Collection[int], since: dt.datetime) -> set[int]:
    """Return those of these records whose derived values may be others than they were at a moment."""
    found: set[int] = set()
    for column, query in _QUERIES[entity.key](since) if entity.key in _QUERIES else ():
        for some in batches(sorted(ids), BATCH):
            found.update(connection.execute(query.where(column.in_(some))).scalars())
    return found


def _of_balances(since: dt.datetime) -> Iterator[tuple[Any, Select[Any]]]:
    for name, table in (("charge", Charge.__table__.c), ("payment", Payment.__table__.c)):
        query = select(table.customer_id).distinct()
        yield table.customer_id, query.join(Revision, _is_logged(name, table.id, since))


def _of_states(since: dt.datetime) -> Iterator[tuple[Any, Select[Any]]]:
    for name, column in (("service", _SERVICE.id), ("customer", _SERVICE.customer_id)):
        yield _SERVICE.id, select(_SERVICE.id).join(Revision, _is_logged(name, column, since))
    then, now = local_moment(since).date(), today()
    began = (_SERVICE.starts > then) & (_SERVICE.starts <= now)
    ended = (_SERVICE.ends >= then) & (_SERVICE.ends < now)
    yield _SERVICE.id, select(_SERVICE.id).where(or_(began, ended))


def _is_logged(entity: str, record_id: Any, since: dt.datetime) -> Any:
    return and_(_LOG.entity == entity, _LOG.record_id == record_id, _LOG.at >= since)


_QUERIES: dict[str, Queries] = {CUSTOMER.key: _of_balances, SERVICE.key: _of_states}
