"""What a list's address asks for, and which customers somebody chose to do something with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from flask_babel import gettext as _
from sqlalchemy import Select, select
from werkzeug.datastructures import MultiDict

from panel.extensions import db
from panel.forms.customer import shown_fields
from panel.forms.registry import is_sorted
from panel.models import Customer
from panel.schema import Schema
from panel.views.customer_query import Wanted, matches, visible
from panel.views.filters import asked_filters, usable
from sync.cells import clean_text
from sync.errors import SyncError
from sync.fields import Field

LARGEST = 100_000
"""More customers are not edited, deleted or restored at once: one transaction writes them."""
MOST_TICKED = 10_000
"""SQLite takes at most 32,766 values in one statement."""
_LONGEST_QUERY = 20_000


def query_args(query: str) -> MultiDict[str, str]:
    """Return the query of an address as `request.args` has it."""
    return MultiDict(parse_qsl(query.removeprefix("?"), keep_blank_values=True))


def wanted_of(schema: Schema, args: MultiDict[str, str]) -> Wanted:
    """Return what the arguments of a list's address ask for; raise `BrokenFilter` rather than show too much."""
    chosen = usable(asked_filters(schema, args))
    search = clean_text(args.get("search", ""))
    # Without a field to sort by, the newest come first, which is IDs from the highest down.
    descending = bool(args.get("desc")) != (args.get("sort") == "id")
    return Wanted(matches(schema, search), chosen, sorted_by(schema, args.get("sort")), descending)


def sorted_by(schema: Schema, key: str | None) -> Field | None:
    """Return the field to sort by, or None where there is none that may be seen."""
    return next((field for field in shown_fields(schema) if field.key == key and is_sorted(field)), None)


@dataclass(frozen=True, slots=True)
class Selection:
    """The customers that somebody ticked, or all that a list showed: then `query` is that of its address."""

    ids: tuple[int, ...] = ()
    query: str | None = None

    @classmethod
    def of(cls, form: MultiDict[str, str]) -> Selection:
        """Return what a form sent: one ``query``, or an ``id`` for each ticked customer."""
        query = form.get("query")
        if query is not None:
            if len(query) > _LONGEST_QUERY:
                raise SyncError(_("This list's address is too long. Take some filters away."))
            return cls(query=query.removeprefix("?"))
        ids = sorted({int(text) for text in form.getlist("id") if _is_id(text)})
        if not ids:
            raise SyncError(_("Tick some customers first."))
        if len(ids) > MOST_TICKED:
            raise SyncError(_("That is too many to tick one by one. Choose them by a filter."))
        return cls(tuple(ids))

    def narrow(self, schema: Schema, query: Select[Any]) -> Select[Any]:
        """Return a query over customers narrowed to the selection, within what the signed-in user may see."""
        if self.query is None:
            return query.where(*visible(), Customer.__table__.c.id.in_(self.ids))
        return wanted_of(schema, query_args(self.query)).narrow(query)

    def freeze(self, schema: Schema) -> list[int]:
        """Return the selection's IDs as of now, in order; raise `SyncError` where there are none or too many."""
        table = Customer.__table__.c
        query = self.narrow(schema, select(table.id)).order_by(table.id).limit(LARGEST + 1)
        found = list(db.session.connection().execute(query).scalars())
        if not found:
            raise SyncError(_("None of these customers is there any more. Reload the list."))
        if len(found) > LARGEST:
            raise SyncError(_("At most %(most)s customers are changed at once. Narrow the list.", most=f"{LARGEST:,}"))
        return found


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18
