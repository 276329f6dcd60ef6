"""Files that come with a customer's form: stored at once, so that a form that is shown again still has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from flask import request
from flask_login import current_user
from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict
from wtforms.form import BaseForm

from panel.authors import current_author
from panel.files.storing import RefusedFile, attach, keep
from panel.forms.customer import Shape
from panel.forms.file_input import FileInput
from panel.forms.registry import ENTRIES

REMOVE = "-remove"
"""What the name of the tick that takes a file away ends with; no field's key has a hyphen."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a browser sent: texts, where a file's is the ID under which it is stored, and why others are not."""

    texts: MultiDict[str, str] | None = None
    refused: Mapping[str, str] = field(default_factory=dict)

    def form(self, shape: Shape, values: Mapping[str, Any], record_id: int | None = None) -> BaseForm:
        """Return a customer's form with what was sent."""
        form = shape.form(values, self.texts, record_id)
        for key, sentence in self.refused.items():
            form[key].refused = sentence
        return form


def receive(shape: Shape) -> Sent:
    """Take what the request sent for a form: call it before anything is written, because files end a transaction."""
    texts, refused = MultiDict(request.form), {}
    for key in (one.key for one in shape.fields if _takes_files(shape, one.key, one.type)):
        if f"{key}{REMOVE}" in request.form:
            texts[key] = ""
        file = request.files.get(key)
        if file is None or not file.filename:
            continue
        try:
            texts[key] = str(keep(cast("BinaryIO", file.stream), file.filename, key, current_author()))
        except RefusedFile as error:
            refused[key] = str(error)
    return Sent(texts or None, refused)


def _takes_files(shape: Shape, key: str, type_key: str) -> bool:
    return ENTRIES[type_key].control is FileInput and key not in shape.locked


def attach_files(connection: Connection, form: BaseForm, values: Mapping[str, Any], record_id: int) -> None:
    """Make the files among the values to be written this customer's; raise `LostFile`."""
    keys = [control.field.key for control in form if isinstance(control, FileInput)]
    files = [(key, values[key]) for key in keys if values.get(key) is not None]
    attach(connection, record_id, current_user.id, files)
