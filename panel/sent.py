"""What a request sends: no more of it than the panel takes, and no character that no database takes in a text."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import IO, Any

from flask import Request
from werkzeug.datastructures import ImmutableMultiDict, iter_multi_items
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

MOST_INPUTS = 20_000
"""The largest form of ours names every customer who was ticked; see `selection.MOST_TICKED`."""
_PLAIN_FORM = "application/x-www-form-urlencoded"


class Sent(ImmutableMultiDict[str, Any]):
    """The arguments of an address, the inputs of a form, or its files."""

    def __init__(self, sent: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        # PostgreSQL refuses NUL in any text; SQLite's own functions end a text there.
        super().__init__([(_held(name), _held(value)) for name, value in iter_multi_items(sent or ())])


class Forms(FormDataParser):
    """Reads forms, and refuses with 413 what would take the server seconds and memory to take apart.

    Werkzeug bounds the parts of a form with files, and nothing of one without.
    """

    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> tuple[IO[bytes], Any, Any]:
        """Return stream, inputs and files of a request's body."""
        if mimetype == _PLAIN_FORM:
            most = self.max_form_memory_size or 0
            if most and (content_length or 0) > most:
                raise RequestEntityTooLarge
            content = stream.read(most + 1 if most else -1)
            if (most and len(content) > most) or len(content.split(b"&", MOST_INPUTS)) > MOST_INPUTS:
                raise RequestEntityTooLarge
            stream = io.BytesIO(content)
        return super().parse(stream, mimetype, content_length, options)


class PanelRequest(Request):
    """A request of a bounded number of inputs, in which no text holds NUL: fields clean what is typed likewise."""

    parameter_storage_class = Sent
    form_data_parser_class = Forms


def _held(one: Any) -> Any:
    return one.replace("\0", "") if isinstance(one, str) else one
