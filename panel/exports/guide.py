"""The sheet Guide of a workbook, in words that fit what its rows are."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from panel.entities import CUSTOMER, PAYMENT, PLAN, SERVICE, Entity

GUIDE = (
    lazy_gettext("Edit the sheet %(sheet)s, save this workbook, and send it back in the panel under Import."),
    lazy_gettext("What it would change is shown there first. Nothing is written before somebody approves it."),
    lazy_gettext("You may sort, filter, hide and reorder everything, and add columns and sheets of your own."),
    lazy_gettext(
        "Only the cells that you change are written. Grey columns are for reading: what you write there is ignored."
    ),
    lazy_gettext(
        "What a colleague changes in the panel meanwhile is kept. Where both of you changed the same cell differently, "
        "that is a conflict: both values are shown when the workbook comes back, and one of them is chosen."
    ),
    lazy_gettext("A blank cell clears the value that was there. It is counted, and shown before it is written."),
    lazy_gettext("A row that you remove from the sheet stays as it is in the panel. Removing a row deletes nothing."),
)
"""What is so of every sheet."""
LAST = lazy_gettext(
    "Please do not touch: row 1 and column A, which are hidden, and the IDs. They say whose each row is, "
    "so a row that is copied over another, or a column that is sorted without the others, cannot be told apart."
)
_OF_CUSTOMERS = (
    lazy_gettext(
        "New customers: type them into the blank rows below the last customer, or add rows of your own without an ID. "
        "A login and a password are made for each. Blank rows that you leave blank count for nothing."
    ),
    lazy_gettext(
        "A column with a new header is proposed as an additional field, and left out unless that is accepted."
    ),
)
_NAMING = lazy_gettext("A customer is named by # and the ID, as in #1042, or by the login.")
_NEW: dict[str, tuple[LazyString, ...]] = {
    CUSTOMER.key: _OF_CUSTOMERS,
    PLAN.key: (lazy_gettext("New plans: type them into the blank rows, or add rows of your own without an ID."),),
    SERVICE.key: (
        lazy_gettext(
            "New services: type them into the blank rows, or add rows of your own without an ID. Without a price a "
            "service costs what its plan does, without a start it begins today."
        ),
        _NAMING,
        lazy_gettext("Once a service was charged for, its customer and its plan stay: end it, and add another."),
    ),
    PAYMENT.key: (
        lazy_gettext(
            "New payments: type them into the blank rows, or add rows of your own without an ID. Without a date a "
            "payment is of today. What went back to a customer is less than nothing, as in -20."
        ),
        _NAMING,
    ),
}
_DELETING = {
    CUSTOMER.key: lazy_gettext(
        "Action, the last column: choose delete to move a customer to the bin. It is done only where the customer's "
        "status allows it and nobody changed the customer meanwhile."
    ),
    PLAN.key: lazy_gettext("Action, the last column: choose delete for a plan that no service has."),
    SERVICE.key: lazy_gettext("Action, the last column: choose delete for a service that was never charged for."),
    PAYMENT.key: lazy_gettext("Action, the last column: choose delete for a payment that was never made."),
}


def guide_of(entity: Entity, *, with_action: bool) -> Iterator[str]:
    """Yield the paragraphs for a sheet of these records."""
    yield from (str(one) % {"sheet": entity.sheet} for one in (*GUIDE, *_NEW[entity.key], LAST))
    if with_action:
        yield str(_DELETING[entity.key])
