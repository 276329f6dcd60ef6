"""Workbooks that are out: from being ready until they come back, somebody says that they will not, or they are old."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask import current_app
from flask_login import current_user
from sqlalchemy import ColumnElement, Connection, and_, select

from panel.entities import CUSTOMER, ENTITIES, Entity
from panel.exporting import ids_asked
from panel.exports.membership import blocks_of, common, holds, unpacked
from panel.exports.ordering import Order
from panel.extensions import db
from panel.imports.journey import viewer_of
from panel.models import Export, ExportedBlock, Import
from panel.models.columns import now
from panel.rights import the_schema


@dataclass(frozen=True, slots=True)
class Out:
    """A workbook that is out: who has it and since when; `rows` are its records, or those that it shares."""

    id: int
    by: str
    at: dt.datetime
    name: str
    rows: int
    is_mine: bool


def is_out() -> ColumnElement[bool]:
    """Return the condition that a workbook is out."""
    since = now() - dt.timedelta(days=current_app.config["ROLLBOOK_WORKBOOK_DAYS"])
    is_written = Export.state.in_(("ready", "expired"))
    return and_(Export.closed_at.is_(None), Export.at > since, is_written)


def of_mine() -> ColumnElement[bool]:
    """Return the condition that leaves what the signed-in user may see, bound to a partner their own exports."""
    seen = Export.entity.in_([one.key for one in ENTITIES.values() if not one.sees or current_user.may(one.sees)])
    return seen if current_user.partner_id is None else and_(seen, Export.user_id == current_user.id)


def workbooks_out() -> list[Out]:
    """Return the workbooks that are out, as far as the signed-in user may know of them, the newest first."""
    connection = db.session.connection()
    return _outs(connection, list(connection.execute(select(Export.id).where(is_out(), of_mine())).scalars()))


def workbooks_with(record_id: int) -> list[Out]:
    """Return the workbooks that are out with a customer, the newest first."""
    connection = db.session.connection()
    numbers = _numbers(connection, CUSTOMER)
    here = (ExportedBlock.export_id.in_(numbers), ExportedBlock.block == record_id >> 16)
    found = connection.execute(select(ExportedBlock.export_id, ExportedBlock.bits).where(*here))
    return _outs(connection, [number for number, bits in found if holds(bits, record_id)])


def overlapping(connection: Connection, order: Order, but: int = 0) -> list[Out]:
    """Return the workbooks that are out with records of an order; `rows` says how many. Raises `SyncError`."""
    numbers = [number for number in _numbers(connection, order.entity) if number != but]
    if not numbers:
        return []
    viewer = viewer_of(current_user)
    if order.is_everybody and viewer.partner_id is None:
        return [one for one in _outs(connection, numbers) if one.rows]
    shared = _shared(connection, ids_asked(connection, order.asked(the_schema()), viewer), numbers)
    return _with_rows(connection, shared)


def overlapping_with(connection: Connection, export_id: int) -> list[Out]:
    """Return the workbooks that are out with records of another export; `rows` says how many."""
    entity = ENTITIES[connection.execute(select(Export.entity).where(Export.id == export_id)).scalar_one()]
    numbers = [number for number in _numbers(connection, entity) if number != export_id]
    mine = select(ExportedBlock.block, ExportedBlock.bits).where(ExportedBlock.export_id == export_id)
    shared: Counter[int] = Counter()
    for place, packed in connection.execute(mine).all():
        bits = unpacked(packed)
        here = (ExportedBlock.export_id.in_(numbers), ExportedBlock.block == place)
        for number, others in connection.execute(select(ExportedBlock.export_id, ExportedBlock.bits).where(*here)):
            shared[number] += common(others, bits)
    return _with_rows(connection, shared)


def _shared(connection: Connection, ids: Iterable[int], numbers: Sequence[int]) -> Counter[int]:
    """Count, for each of some exports, the IDs that it showed."""
    blocks, shared = blocks_of(ids), Counter[int]()
    stored = select(ExportedBlock.export_id, ExportedBlock.block, ExportedBlock.bits)
    for number, place, bits in connection.execute(stored.where(ExportedBlock.export_id.in_(numbers))):
        if place in blocks:
            shared[number] += common(bits, blocks[place])
    return shared


def returned(numbers: Iterable[int]) -> dict[int, int]:
    """Return how many rows came back so far, by export: of the fullest workbook that was not rejected."""
    query = select(Import.export_id, Import.counts).where(
        Import.export_id.in_(list(numbers)), Import.state.in_(("planned", "applied"))
    )
    found: dict[int, int] = {}
    for number, counts in db.session.execute(query):
        if number is not None:
            found[number] = max(found.get(number, 0), (counts or {}).get("rows", 0))
    return found


def _numbers(connection: Connection, entity: Entity) -> list[int]:
    query = select(Export.id).where(Export.entity == entity.key, is_out(), of_mine())
    return list(connection.execute(query).scalars())


def _with_rows(connection: Connection, shared: Counter[int]) -> list[Out]:
    counted = {number: count for number, count in shared.items() if count}
    return [_counted(one, counted[one.id]) for one in _outs(connection, list(counted))]


def _counted(one: Out, rows: int) -> Out:
    return Out(one.id, one.by, one.at, one.name, rows, one.is_mine)


def _outs(connection: Connection, numbers: Sequence[int]) -> list[Out]:
    table = Export.__table__.c
    columns = (table.id, table.by, table.at, table.name, table.rows, table.user_id)
    query = select(*columns).where(table.id.in_(numbers)).order_by(table.id.desc())
    mine = current_user.id
    return [Out(*one[:5], is_mine=one.user_id == mine) for one in connection.execute(query)]
