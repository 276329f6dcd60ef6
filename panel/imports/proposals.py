"""Headers that no field has: the additional fields that their values suggest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from panel.imports.files import StoredFile, limits
from panel.imports.options import ImportOptions, Viewer
from panel.models import AdditionalField
from panel.schema import ENTITY, RESERVED_KEYS, Schema
from sync.cells import clean_text
from sync.columns import Headers
from sync.errors import UnknownField
from sync.fields import Field
from sync.inference import infer_field
from sync.types import FIELD_TYPES
from sync.words import later, say
from sync.workbook import open_table

LONGEST_LABEL = 200
NO_CONFIG = later("You may not define fields. Leave the new columns out, or ask an admin to import the file.")
NO_EXTRA = later("%(what)s have no additional fields. Leave the new columns out.")
Texts = Mapping[int, Sequence[str]]
TEXT = Field("text", "Text", "text")


@dataclass(frozen=True, slots=True)
class NewField:
    """A header that no field has, with the field that its values suggest."""

    column: int
    header: str
    field: Field
    evidence: str
    accepted: bool

    def to_json(self) -> dict[str, Any]:
        """Return what the preview and the command's answer say of it."""
        plain = {"header": self.header, "key": self.field.key, "type": self.field.type}
        return plain | {"evidence": self.evidence, "accepted": self.accepted}


def propose(
    connection: Connection, schema: Schema, headers: Headers, options: ImportOptions, texts: Texts, viewer: Viewer
) -> list[NewField]:
    """Return a proposal for each unknown header; those that a person asked for are accepted.

    Raises `UnknownField` where the viewer may not define any.
    """
    if not schema.entity.has_extra:
        _refuse_extra(headers, schema)
        return []
    wanted = sorted([*headers.to_create, *headers.unknown])
    explicit = {index for index, _label in headers.to_create}
    keys = _taken_keys(connection)
    labels = {field.label.casefold() for field in (*schema.fields, *schema.unseen)}
    proposals = []
    for index, header in wanted:
        inferred = infer_field(header, texts[index], keys)
        field = replace(inferred.field, additional=True, label=_free_label(header, labels))
        keys.add(field.key)
        labels.add(field.label.casefold())
        is_wanted = options.create_fields or index in explicit
        proposals.append(NewField(index, headers.names[index], field, inferred.evidence, is_wanted))
    _refuse_new_fields(proposals, viewer)
    return proposals


def _refuse_extra(headers: Headers, schema: Schema) -> None:
    if headers.to_create:
        raise UnknownField(say(NO_EXTRA, what=schema.entity.title))


def _refuse_new_fields(proposals: Sequence[NewField], viewer: Viewer) -> None:
    if not viewer.may_config and any(one.accepted for one in proposals):
        raise UnknownField(say(NO_CONFIG))


def _taken_keys(connection: Connection) -> set[str]:
    used = connection.execute(select(AdditionalField.key).where(AdditionalField.entity == ENTITY))
    return set(RESERVED_KEYS) | set(used.scalars())


def texts_of(file: StoredFile, options: ImportOptions, headers: Headers) -> Texts:
    """Return all the texts of the columns that no field is named after, by column index."""
    indexes = [index for index, _label in (*headers.to_create, *headers.unknown)]
    if not indexes:
        return {}
    texts: dict[int, list[str]] = {index: [] for index in indexes}
    with open_table(file.path, limits(), options.asked) as table:
        for _number, cells in table.rows:
            for index in indexes:
                raw = cells[index] if index < len(cells) else None
                value = raw if isinstance(raw, str) else FIELD_TYPES["text"].parse(raw, TEXT)
                if isinstance(value, str) and value.strip():
                    texts[index].append(value)
    return texts


def _free_label(header: str, taken: set[str]) -> str:
    # One line, without what neither a database nor a workbook can hold.
    clean = " ".join(clean_text(header).split())[:LONGEST_LABEL] or "Column"
    label, number = clean, 2
    while label.casefold() in taken:
        label, number = f"{clean} {number}", number + 1
    return label
