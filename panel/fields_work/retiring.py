"""Retiring a field, and bringing it back with its values, its history and its claims on what only one may have."""

from __future__ import annotations

from flask import current_app
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import Connection, func, select

from panel.extensions import db
from panel.forms.uniqueness import claim_existing, release_all
from panel.models import AdditionalField
from panel.models.columns import now
from panel.schema import current_schema, forget_schema
from sync.errors import SyncError


def retire(connection: Connection, field: AdditionalField) -> None:
    """Retire a field in the caller's transaction: values and history stay, and its key is never used again."""
    field.retired, field.retired_at = True, now()
    release_all(connection, field.key)


def restore(connection: Connection, field: AdditionalField) -> None:
    """Bring a field back in the caller's transaction, as the last one.

    Raises `NotUnique` where it is unique and several customers have the same value by now, `SyncError` where there
    are as many fields as there may be.
    """
    refuse_too_many(connection)
    last = connection.execute(select(func.max(AdditionalField.position))).scalar_one()
    field.retired, field.retired_at, field.position = False, None, (last or 0) + 1
    db.session.flush()
    forget_schema()
    if field.is_unique:
        claim_existing(connection, current_schema(connection).field(field.key))


def refuse_too_many(connection: Connection, more: int = 1) -> None:
    """Raise `SyncError` where so many more fields would be more than an instance may have."""
    most = int(current_app.config["ROLLBOOK_FIELDS"])
    query = select(func.count()).select_from(AdditionalField).where(AdditionalField.retired.is_(False))
    if connection.execute(query).scalar_one() + more > most:
        words = ngettext("There may be %(num)d additional field.", "There may be %(num)d additional fields.", most)
        raise SyncError(f"{words} {_('Retire one that nobody needs any more first.')}")
