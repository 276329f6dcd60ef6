"""What planning a file comes to: the plan, and what applying or reviewing it needs beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import current_app

from panel.imports.files import StoredFile
from panel.imports.identity import Seen
from panel.imports.proposals import NewField
from panel.imports.reading import Reading
from panel.keys import Keyring
from panel.schema import Schema
from sync.columns import Column, Headers
from sync.guards import Guard
from sync.plan import Plan
from sync.workbook import Asked


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with what it was made of: the schema, new fields included, the export, the file.

    `shown` is the schema as those see it whose rights count; what is written needs the whole one. `guards` are signs
    of an accident, each to be confirmed by its count. `imports_before` are the imports of the same file that it knew
    of: what they created is not created again. `source` is the file that a review is of, or the file itself,
    `width` the number of its columns. `seen` says which rows are about which record. `against`
    gives, by record and field, the import of a file before this one in its batch whose value stands in the panel's
    place. `called` gives, by field, what records that files before wrote were called while they had no ID.
    """

    plan: Plan
    schema: Schema
    shown: Schema
    guards: tuple[Guard, ...]
    new_fields: tuple[NewField, ...]
    export_id: int | None
    holds_secrets: bool
    file: StoredFile
    imports_before: tuple[int, ...]
    source: StoredFile
    asked: Asked
    headers: Headers
    columns: tuple[Column, ...]
    width: int
    reading: Reading
    seen: Seen
    against: Mapping[tuple[int, str], int]
    called: Mapping[str, Mapping[int, str]]

    @property
    def types(self) -> dict[str, str]:
        """Return each field's type by the field's key."""
        return {field.key: field.type for field in self.schema.fields}

    @property
    def made_fields(self) -> set[str]:
        """Return the keys of the fields that it makes."""
        return {one.field.key for one in self.new_fields if one.accepted}

    @property
    def fingerprint(self) -> str:
        """Return the digest of what would be written; keyed, because secrets are among it and could be guessed at."""
        keyring: Keyring = current_app.extensions["keyring"]
        created = [item.field.key for item in self.new_fields if item.accepted]
        return keyring.digest(":".join([self.plan.fingerprint(self.types, self.called), *created]))
