"""An order becomes a file: at once where it is small, as long work where it is not."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_login import current_user
from sqlalchemy import Connection, func, or_, select, update

from panel.authors import current_author
from panel.database import reading, writing
from panel.entities import CUSTOMER, Entity
from panel.exporting import count_asked, finish_export, register_export, write_export
from panel.exports.keeping import LONGEST_WRITING, kept, new_file, sweep
from panel.exports.ordering import Order
from panel.imports.journey import viewer_of
from panel.imports.options import Viewer
from panel.jobs import SUBJECTS, Subject, Work, enqueue, kind
from panel.models import Export, User
from panel.models.columns import now
from panel.rights import the_schema
from sync.errors import SyncError

EXPORT = "export"
AT_ONCE = 5_000
"""So many customers are written within the request, which takes about a second."""
logger = logging.getLogger(__name__)
MOST_RUNNING = 3
"""So many exports of one user are written or wait at a time."""


def start(order: Order, name: str, note: str) -> int:
    """Write what the signed-in user orders, or have it written if it is much; return the export's ID.

    Raises `SyncError`.
    """
    sweep()
    viewer = viewer_of(current_user)
    with reading() as connection:
        asked = order.asked(the_schema())
        count = count_asked(connection, asked, viewer, AT_ONCE + 1)
    if count > AT_ONCE:
        return _enqueued(order, name, note, viewer)
    with writing() as connection:
        number = registered(connection, viewer, name, note, "running", order.entity)
    return _written(number, order, viewer, new_file(Path(name).suffix))


def _written(number: int, order: Order, viewer: Viewer, path: Path) -> int:
    try:
        with in_words():
            written = write_export(number, path, order.asked(the_schema()), viewer)
        with writing() as connection:
            finish_export(connection, number, written, viewer, **kept(path))
    except BaseException:  # an interrupted export leaves no file and is told as failed
        path.unlink(missing_ok=True)
        with writing() as connection:
            fail(connection, number)
        raise
    return number


@contextmanager
def in_words() -> Iterator[None]:
    """Say of a file that cannot be written, because the disk is full for one, what can be done."""
    try:
        yield
    except OSError as error:
        logger.exception("an export could not be written")
        raise SyncError(
            _("The file could not be written: %(reason)s. Tell who runs this server.", reason=error.strerror)
        ) from None


def _enqueued(order: Order, name: str, note: str, viewer: Viewer) -> int:
    with writing() as connection:
        number = registered(connection, viewer, name, note, "queued", order.entity)
        options = {EXPORT: number, "suffix": Path(name).suffix, **order.to_json()}
        job = enqueue(EXPORT, options, order.ids, current_author())
        connection.execute(update(Export).where(Export.id == number).values(job_id=job.id))
    return number


def registered(
    connection: Connection, viewer: Viewer, name: str, note: str, state: str, entity: Entity = CUSTOMER
) -> int:
    """Add an export's row, unless its user has enough of them running."""
    connection.execute(select(User.id).where(User.id == viewer.user_id).with_for_update())
    held = or_(Export.job_id.is_not(None), Export.at > now() - LONGEST_WRITING)
    mine = (Export.user_id == viewer.user_id, Export.state.in_(("queued", "running")), held)
    running = connection.execute(select(func.count()).select_from(Export).where(*mine)).scalar_one()
    if running >= MOST_RUNNING:
        raise SyncError(_("%(number)s of your exports are being written. Wait for one of them.", number=running))
    return register_export(connection, viewer, name, note, state, entity)


def _told(result: Mapping[str, Any]) -> list[str]:
    return [ngettext("%(num)d row was written.", "%(num)d rows were written.", result["rows"])]


def fail(connection: Connection, number: int) -> None:
    """Say of an export that it came to nothing, in the caller's transaction."""
    over = {"state": "failed", "finished_at": now(), "stored_as": ""}
    connection.execute(update(Export).where(Export.id == number).values(**over))


@kind(EXPORT, permission="customer.export", label=lazy_gettext("Export"), tell=_told)
def _run(work: Work) -> None:
    number, viewer = work.options[EXPORT], viewer_of(current_user)
    with work.writing() as connection:
        connection.execute(update(Export).where(Export.id == number).values(state="running"))
    path = new_file(work.options["suffix"])
    try:
        asked = Order.from_json(work.options, work.record_ids).asked(the_schema())
        with in_words():
            written = write_export(number, path, asked, viewer, work.doing)
        with work.writing() as connection:
            finish_export(connection, number, written, viewer, **kept(path))
            work.finish({"rows": len(written.ids)})
    except BaseException:  # an interrupted export leaves no file; the job is told by who runs it
        path.unlink(missing_ok=True)
        raise


SUBJECTS[EXPORT] = Subject("exports.show", fail)
