"""Moving many customers to the bin: those whose status allows it."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import Connection, select

from panel.bulk.verdicts import CHANGE, PROBLEM, Verdict
from panel.models import Status
from panel.rights import the_schema
from panel.schema import Schema
from sync.fields import Field
from sync.records import Record


class Deleting:
    """Judges customers by whether their status lets them be deleted."""

    def __init__(self, connection: Connection, schema: Schema) -> None:
        rows = connection.execute(select(Status.id, Status.label, Status.deletable)).all()
        seen = {field.key for field in the_schema().fields}
        self._labels = {row.id: row.label for row in rows if "status" in seen}
        self._deletable = {row.id for row in rows if row.deletable}
        self.fields: tuple[Field, ...] = tuple(
            field for field in schema.fields if field.key == "status" or field.key in seen & {"full_name"}
        )

    def judge(self, record: Record) -> Verdict:
        """Return that a customer goes to the bin, or why it stays."""
        status = record.values["status"]
        if status in self._deletable:
            return Verdict(CHANGE, {"deleted": (None, True)})
        return Verdict(PROBLEM, message=refusal(self._labels.get(status, "")))


def refusal(status: str) -> str:
    """Return why a customer with this status is not deleted; blank where the status is not to be seen."""
    if not status:
        return str(_("Customers with this status are not deleted. Change the status first."))
    return str(_("Customers with the status %(status)s are not deleted. Change the status first.", status=status))
