"""Merging one partner or location into another: its customers move, and workbooks that are out may go on naming it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from sqlalchemy import Connection, func, select, update

from panel.authors import Author
from panel.changelog import Write, write_in_bulk
from panel.database import writing
from panel.extensions import db
from panel.jobs import Work, enqueue, kind
from panel.keys import Keyring
from panel.models import ApiToken, Customer, Event, Job, Location, Partner, SchemaVersion, User
from panel.records import batches
from panel.schema import ENTITY, column_of, current_schema, forget_schema
from sync.errors import SyncError

AT_ONCE = 2_000
MOST_IN_A_REQUEST = 5_000
"""A merge that moves more customers is done as a job."""
PLACES: dict[str, type[Partner | Location]] = {"partner": Partner, "location": Location}


@dataclass(frozen=True, slots=True)
class Merge:
    """What merging one partner or location, as `key` says, into another does: customers, and those in the bin."""

    key: str
    source: Partner | Location
    target: Partner | Location
    customers: int
    in_bin: int


def plan_merge(key: str, source_id: int, target_id: int) -> Merge:
    """Return what a merge would do; raise `SyncError` where it is not possible."""
    source, target = _place(key, source_id), _place(key, target_id)
    if source is None or target is None or source.merged_into or target.merged_into:
        raise SyncError(_("One of the two is not there any more."))
    if source is target:
        raise SyncError(_("Choose another one to merge %(name)s into.", name=source.name))
    if key == "partner":
        _refuse_bound(source)
    having = select(func.count()).select_from(Customer).where(Customer.__table__.c[column_of(key)] == source_id)
    in_bin = db.session.scalar(having.where(Customer.deleted_at.is_not(None))) or 0
    return Merge(key, source, target, (db.session.scalar(having) or 0) - in_bin, in_bin)


def _refuse_bound(partner: Partner | Location) -> None:
    """Refuse to merge a partner whom users or tokens are bound to: they would see the customers of another one."""
    bound = select(func.count()).select_from(User).where(User.partner_id == partner.id)
    if users := db.session.scalar(bound):
        words = ngettext(
            "%(num)d user is bound to %(name)s.", "%(num)d users are bound to %(name)s.", users, name=partner
        )
        raise SyncError(_("%(words)s Bind them to another partner first.", words=words))
    good = select(func.count()).where(ApiToken.partner_id == partner.id, ApiToken.revoked_at.is_(None))
    if tokens := db.session.scalar(good):
        words = ngettext(
            "%(num)d API token is bound to %(name)s.", "%(num)d API tokens are bound to %(name)s.", tokens, name=partner
        )
        raise SyncError(_("%(words)s Make others and revoke them first.", words=words))


def _place(key: str, place_id: int) -> Partner | Location | None:
    return db.session.get(Partner, place_id) if key == "partner" else db.session.get(Location, place_id)


def merge_or_enqueue(key: str, source_id: int, target_id: int, author: Author) -> Job | None:
    """Merge at once, or have it done as a job where many customers move; return the job."""
    with writing() as connection:
        plan = plan_merge(key, source_id, target_id)
        if plan.customers + plan.in_bin > MOST_IN_A_REQUEST:
            asked = {"key": key, "source": source_id, "target": target_id}
            return enqueue("merge_reference", asked, (), author)
        _merge(connection, plan, author, None)
    return None


def told(result: Any) -> list[str]:
    """Return what a job that merged says."""
    moved = int(result.get("moved", 0))
    return [ngettext("%(num)d customer was moved.", "%(num)d customers were moved.", moved)]


@kind("merge_reference", permission="config", label=lazy_gettext("Merge partners or locations"), tell=told)
def _run(work: Work) -> None:
    with work.writing() as connection:
        plan = plan_merge(str(work.options["key"]), int(work.options["source"]), int(work.options["target"]))
        work.finish({"moved": _merge(connection, plan, work.author, work)})


def _merge(connection: Connection, plan: Merge, author: Author, work: Work | None) -> int:
    source, target, model = plan.source, plan.target, PLACES[plan.key]
    # Whoever writes the old one waits here; what they write after this is moved by the daily run.
    connection.execute(select(model.id).where(model.id.in_([source.id, target.id])).with_for_update())
    why = _("%(source)s was merged into %(target)s.", source=source.name, target=target.name)
    moved = move_customers(connection, plan.key, source.id, target.id, replace(author, reason=why), work)
    detail = {plan.key: source.id, "name": source.name, "into": target.name, "customers": moved}
    db.session.add(Event(by=author.name, user_id=author.user_id, name=f"{plan.key} merged", detail=detail))
    connection.execute(update(model).where(model.merged_into == source.id).values(merged_into=target.id))
    connection.execute(update(model).where(model.id == source.id).values(merged_into=target.id))
    note_new_choices(connection)
    return moved


def note_new_choices(connection: Connection) -> None:
    """Let every process read anew what may be chosen."""
    version = SchemaVersion.__table__.c
    connection.execute(update(SchemaVersion).where(version.entity == ENTITY).values(version=version.version + 1))
    forget_schema()
    db.session.flush()
    db.session.expire_all()


def move_customers(
    connection: Connection, key: str, source_id: int, target_id: int, author: Author, work: Work | None = None
) -> int:
    """Give every customer with one status, partner or location another one, each with its revision; return how many.

    Those in the bin are customers too.
    """
    table = Customer.__table__.c
    having = select(table.id, table.revision).where(table[column_of(key)] == source_id)
    rows = connection.execute(having.order_by(table.id).with_for_update()).all()
    keyring: Keyring = current_app.extensions["keyring"]
    schema = current_schema(connection)
    done = 0
    for some in batches(rows, AT_ONCE):
        writes = [Write(row[0], row[1] + 1, {key: (source_id, target_id)}) for row in some]
        write_in_bulk(connection, schema, keyring, writes, author)
        done += len(writes)
        if work is not None:
            work.doing(done, len(rows))
    return done
