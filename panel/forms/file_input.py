"""The input of a file: the present one, and another in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select

from panel.extensions import db
from panel.files.storing import within_reach
from panel.forms.controls import TemplateWidget, ValueInput
from panel.models import StoredFile
from sync.fields import Bad

_LONGEST_ID = 18


class FileInput(ValueInput):
    """A file: `text` is the ID of the one that the form holds, `refused` why the one that was sent is not kept.

    What the browser sends is believed only as far as the file is the customer's own, in this field, or was sent for
    it by the same user just now.
    """

    widget = TemplateWidget("file")
    takes_files = True
    record_id: int | None = None
    refused = ""

    def process_data(self, value: Any) -> None:
        """Show a canonical value."""
        self.put(value)

    def received(self, sent: Sequence[str]) -> str:
        """Return the ID that the browser sent."""
        text = sent[-1]
        return text if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID else ""

    def touched(self, base: Any) -> bool:
        """Tell whether another file was chosen, or this one taken away."""
        return bool(self.refused) or self.text != self.taken(base)

    def parsed(self) -> Any | Bad:
        """Return the ID of the file, or why it is not to be saved."""
        if self.refused:
            return Bad(self.refused)
        if self.text and self.present is None:
            return Bad(_("This file is not there any more. Choose it again."))
        return int(self.text) if self.text else None

    def put(self, value: Any) -> None:
        """Hold a file, or none."""
        self.text = self.taken(value)

    def taken(self, value: Any) -> str:
        """Return a file's ID as the input holds it."""
        return "" if value is None else str(value)

    def words(self, value: Any) -> str:
        """Return a file's name."""
        found = self._found(self.taken(value))
        return found.name if found else ""

    @property
    def typed(self) -> str:
        """Return the name of the file that the form holds."""
        return self.present.name if self.present else ""

    @property
    def present(self) -> StoredFile | None:
        """Return the file that the form holds, if that is this customer's or its own."""
        return self._found(self.text)

    @property
    def accepted(self) -> str:
        """Return the permitted extensions as a browser's file dialogue wants them."""
        return ",".join(f".{one}" for one in current_app.extensions["file_types"])

    @property
    def most_megabytes(self) -> int:
        """Return how large a file may be."""
        return int(current_app.config["ROLLBOOK_FILE_MEGABYTES"])

    def _found(self, text: str) -> StoredFile | None:
        if not text:
            return None
        mine = within_reach(self.record_id, current_user.id)
        query = select(StoredFile).where(StoredFile.id == int(text), StoredFile.field == self.field.key, mine)
        return db.session.scalars(query).one_or_none()
