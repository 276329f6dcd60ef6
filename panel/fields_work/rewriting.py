"""Writing one field of every customer who has it: the values go through a function, each with its revision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Connection, func, select

from panel.authors import Author
from panel.changelog import Write, write_in_bulk
from panel.extensions import db
from panel.jobs import KINDS, Work, enqueue
from panel.models import Customer, Job
from panel.models.columns import now
from panel.schema import Schema

AT_ONCE = 2_000
MOST_IN_A_REQUEST = 5_000
"""What writes more customers is done as a job."""


def rewrite(
    connection: Connection,
    schema: Schema,
    key: str,
    become: Callable[[Any], Any],
    author: Author,
    *,
    where: Iterable[ColumnElement[bool]],
    work: Work | None = None,
) -> int:
    """Give every customer that the conditions leave what a value in JSON form becomes; return how many changed.

    Those in the bin are customers too. It runs in the caller's transaction. Raises `ValueTaken`.
    """
    changed, conditions = 0, tuple(where)
    if work is not None:
        table = Customer.__table__.c
        query = select(func.count()).where(table.erased_at.is_(None), *conditions)
        work.doing(0, connection.execute(query).scalar_one())
    for rows in _locked(connection, conditions):
        writes = [
            Write(row.id, row.revision + 1, {key: (old, new)}, extra=row.extra or {})
            for row in rows
            for old in ((row.extra or {}).get(key),)
            for new in (become(old),)
            if new != old
        ]
        write_in_bulk(connection, schema, current_app.extensions["keyring"], writes, author)
        changed += len(writes)
        if work is not None:
            work.doing(work.done + len(rows), work.total)
    return changed


def _locked(connection: Connection, where: tuple[ColumnElement[bool], ...]) -> Iterator[list[Any]]:
    table, last = Customer.__table__.c, 0
    query = select(table.id, table.revision, table.extra).where(table.erased_at.is_(None), *where)
    while True:
        some = query.where(table.id > last).order_by(table.id).limit(AT_ONCE).with_for_update()
        rows = list(connection.execute(some))
        if not rows:
            return
        last = rows[-1].id
        yield rows


def do_or_enqueue(
    kind_name: str,
    options: Mapping[str, Any],
    number: int,
    author: Author,
    act: Callable[[Mapping[str, Any], Author, Work | None], Mapping[str, Any]],
) -> Job:
    """Do work of a kind at once where few customers are concerned, as a job otherwise; either can be undone as one.

    It runs in the caller's transaction; `act` returns the result.
    """
    if number > MOST_IN_A_REQUEST:
        job = enqueue(kind_name, options, (), author)
        job.total = number
        return job
    job = Job(kind=KINDS[kind_name].name, state="running", options=dict(options), by=author.name)
    job.user_id, job.total = author.user_id, number
    db.session.add(job)
    db.session.flush()
    job.result = dict(act(options, replace(author, job_id=job.id), None))
    job.state, job.done, job.finished_at = "done", number, now()
    return job
