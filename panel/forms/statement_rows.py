"""A statement as the rows of a file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from flask_babel import gettext as _

from panel.billing.statement import Entry, Statement
from panel.entities import METHODS
from panel.words import month_in_words
from sync.cells import Scalar
from sync.words import say

_METHODS = {str(option.key): option.label for option in METHODS}


def statement_rows(found: Statement, since: dt.date | None, until: dt.date | None) -> list[Sequence[Scalar | None]]:
    """Return headings, the opening balance, each entry, and the closing balance."""
    return list(_rows(found, since, until))


def _rows(found: Statement, since: dt.date | None, until: dt.date | None) -> Iterator[Sequence[Scalar | None]]:
    yield [str(one) for one in (_("Date"), _("What"), _("Charged"), _("Paid"), _("Balance"), _("Due"), _("Note"))]
    yield [since, str(_("Opening balance")), None, None, found.opening, None, None]
    for one in found.entries:
        charged, paid = (-one.amount, None) if one.kind == "charge" else (None, one.amount)
        yield [one.day, what_in_words(one), charged, paid, one.balance, one.due_on, one.note or None]
    yield [until, str(_("Closing balance")), None, None, found.closing, None, None]


def what_in_words(one: Entry) -> str:
    """Return what an entry is for: a plan's month, or how it was paid."""
    if one.kind == "charge" and one.period is not None:
        return str(_("%(plan)s, %(month)s", plan=one.plan, month=month_in_words(one.period)))
    return str(_("Payment: %(method)s", method=say(_METHODS.get(one.method, one.method))))
