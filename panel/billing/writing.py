"""Write what looks came to: charges, moves and marks, each table in one go, in the caller's transaction."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import Connection, bindparam, insert, update

from panel.authors import SYSTEM, Author
from panel.billing.reading import Found, unchecked_text
from panel.billing.standing import Looked, Move, NewCharge
from panel.changelog import Write, allocate_ids, append_revisions, write_in_bulk
from panel.keys import Keyring
from panel.models import Account, Charge
from panel.schema import current_schema

ENTITY = "charge"


@dataclass(frozen=True, slots=True)
class Result:
    """One customer, before and after a look."""

    found: Found
    looked: Looked

    @property
    def stays(self) -> bool:
        """Tell whether the status stays, and what is remembered of how it came."""
        return not self.looked.moves and self.looked.standing.marks.move == self.found.standing.marks.move


def write(connection: Connection, results: Sequence[Result], day: dt.date) -> None:
    """Write everything that changed, and when to look again."""
    write_charges(connection, results, day)
    write_moves(connection, results)
    # Last, because triggers empty the marks of a customer whose status changes.
    _update(connection, [{**_billed(one), "new_look_on": one.looked.look_on} for one in results if one.stays])
    _update(connection, [{**_marks(one), "new_look_on": one.looked.look_on} for one in results if not one.stays])


def write_billed(connection: Connection, results: Iterable[Result]) -> None:
    """Write what is remembered of billings, and nothing else."""
    _update(connection, [_billed(one) for one in results])


def write_settled(connection: Connection, results: Sequence[Result], day: dt.date) -> None:
    """Write what payments changed at once; the daily run still looks at these customers."""
    write_charges(connection, results, day)
    write_moves(connection, results)
    _update(connection, [_marks(one) for one in results])


def _billed(one: Result) -> dict[str, Any]:
    """Return the marks that a look may change of a customer whose status stays."""
    standing = one.looked.standing
    return {
        "the_customer": standing.customer,
        "new_billed_to": standing.marks.billed_to,
        "new_unchecked": unchecked_text(standing.marks.unchecked),
    }


def _marks(one: Result) -> dict[str, Any]:
    marks = one.looked.standing.marks
    return {
        **_billed(one),
        "new_moved_to": marks.moved_to,
        "new_moved_from": marks.moved_from,
        "new_moved_on": marks.moved_on,
        "new_blocked_on": marks.blocked_on,
    }


def _update(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if rows:
        values: dict[str, Any] = {
            name.removeprefix("new_"): bindparam(name) for name in rows[0] if name != "the_customer"
        }
        mine = Account.__table__.c.customer_id == bindparam("the_customer")
        connection.execute(update(Account).where(mine).values(values), rows)


def write_charges(connection: Connection, results: Iterable[Result], day: dt.date) -> None:
    """Write every charge that was made, with its revision."""
    made = [(one.looked.standing.customer, charge) for one in results for charge in one.looked.charges]
    ids = allocate_ids(connection, len(made), entity=ENTITY)
    rows: list[dict[str, Any]] = []
    by_reason: dict[str, list[Write]] = defaultdict(list)
    for number, (customer, charge) in zip(ids, made, strict=True):
        row = _row(customer, charge, day)
        write = Write(number, 1, _changes(row))
        rows.append({"id": number, "entity": ENTITY, "revision": 1, "stamp": write.stamp, **row})
        by_reason[charge.reason].append(write)
    for reason, writes in by_reason.items():
        append_revisions(connection, writes, _author(reason), ENTITY)
    if rows:
        connection.execute(insert(Charge), rows)


def _row(customer: int, charge: NewCharge, day: dt.date) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "service_id": charge.service,
        "period": charge.period,
        "day": day,
        "due_on": charge.due_on,
        "amount": charge.amount,
    }


def _changes(row: dict[str, Any]) -> dict[str, tuple[None, Any]]:
    days = {name: (None, row[name].isoformat()) for name in ("period", "day", "due_on")}
    numbers = {"customer": (None, row["customer_id"]), "service": (None, row["service_id"])}
    return {**numbers, **days, "amount": (None, f"{row['amount']:.2f}")}


def write_moves(connection: Connection, results: Iterable[Result]) -> None:
    """Write every change of a status, with its revision and reason; a customer's second one after the first."""
    moved = [one for one in results if one.looked.moves]
    if not moved:
        return
    schema = current_schema(connection)
    keyring: Keyring = current_app.extensions["keyring"]
    for turn in range(max(len(one.looked.moves) for one in moved)):
        by_reason: dict[str, list[Write]] = defaultdict(list)
        for one in moved:
            for move in one.looked.moves[turn : turn + 1]:
                by_reason[move.reason].append(_write(one.found, move, turn))
        for reason, writes in by_reason.items():
            write_in_bulk(connection, schema, keyring, writes, _author(reason))


def _write(found: Found, move: Move, turn: int) -> Write:
    return Write(found.standing.customer, found.revision + turn + 1, {"status": (move.old, move.new)})


def _author(reason: str) -> Author:
    return Author(SYSTEM.name, SYSTEM.through, reason=reason[:255])
