"""What a file's table looks like to a person who maps it: its sheets, its headers with examples, what is suggested."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from panel.entities import Entity
from panel.imports.asking import DateQuestion, UnknownText
from panel.imports.options import ImportOptions
from panel.imports.synonyms import NAMES
from panel.imports.tables import NO_COLUMN
from sync.cells import column_letters
from sync.columns import Column, Headers, is_writable
from sync.errors import UnknownField
from sync.fields import Field
from sync.suggesting import Suggestion, suggest
from sync.types import FIELD_TYPES
from sync.types.text import folded
from sync.words import say
from sync.workbook import Table
from sync.workbook.table import Line


@dataclass(frozen=True, slots=True)
class Reading:
    """How a table was read. It is kept as JSON with the import, and no plan depends on it."""

    table: Table
    headers: Headers
    columns: Sequence[Column]
    suggestions: Sequence[Suggestion]
    examples: Mapping[int, Iterable[str]] = field(default_factory=dict)
    dates: Sequence[DateQuestion] = ()
    texts: Sequence[UnknownText] = ()
    options: ImportOptions = field(default_factory=ImportOptions)

    @property
    def is_foreign(self) -> bool:
        """Tell whether the panel did not export the table."""
        return self.table.is_foreign

    @property
    def digest(self) -> str:
        """Return what the row of headers is known by."""
        return digest_of(self.table.labels)

    def to_json(self) -> dict[str, Any]:
        """Return what the page of columns shows."""
        table = self.table
        return {
            "sheet": table.sheet,
            "sheets": [[look.sheet, look.rows, [list(line.texts) for line in look.lines[:1]]] for look in table.looks],
            "header_row": table.header_row,
            "lines": [[line.number, self._told(line)] for line in table.lines],
            "is_foreign": self.is_foreign,
            "is_csv": table.is_csv,
            "columns": [self._column(index) for index in self._filled()],
            "dates": [one.to_json() for one in self.dates],
            "texts": [one.to_json() for one in self.texts],
        }

    def _told(self, line: Line) -> list[str]:
        """Return what a line says, so that the row of headers can be chosen; rows of customers say nothing of them."""
        is_data = bool(self.columns) and line.number > self.table.header_row
        return [] if is_data else list(line.texts)

    def _filled(self) -> list[int]:
        is_filled = {index for index, label in enumerate(self.table.labels) if label}
        doubled = {index for one in self.headers.doubles for index in (one.index, one.first)}
        return sorted((is_filled | doubled) - {self.table.ref_column})

    def _column(self, index: int) -> dict[str, Any]:
        header = self.headers.names[index]
        label = self.table.labels[index] if index < len(self.table.labels) else ""
        taken = next((column for column in self.columns if column.index == index), None)
        named = {folded(name): target for name, target in self.options.mapping.items()}
        suggested = next((one for one in self.suggestions if one.index == index), None)
        doubled = self.headers.doubled_at(index)
        return {
            "letters": column_letters(index),
            "header": header,
            "label": label or header,
            "field": taken.field.key if taken and not taken.is_new else "",
            "is_new": bool(taken and taken.is_new),
            "is_special": index in {self.headers.id_column, self.headers.action_column},
            "target": named.get(folded(header)) or named.get(folded(label or ""), ""),
            "doubled": doubled.field.key if doubled else "",
            "examples": list(self.examples.get(index, ())),
            "suggested": suggested.field.key if suggested else "",
            "evidence": suggested.evidence if suggested else "",
        }


def digest_of(labels: Sequence[str | None]) -> str:
    """Return what a row of headers is known by."""
    names = [folded(label or "") for label in labels]
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()


def suggestions_for(headers: Headers, texts: Mapping[int, Sequence[str]], fields: Sequence[Field]) -> list[Suggestion]:
    """Return what columns that no field is named after may be; those that a person decided about are left alone."""
    taken = {column.field.key for column in headers.columns} | {one.field.key for one in headers.doubles}
    free = [one for one in fields if one.key not in taken and is_writable(one) and not FIELD_TYPES[one.type].secret]
    found = suggest(headers.unknown, texts, free, NAMES) if headers.unknown and free else []
    return [replace(one, header=headers.names[one.index]) for one in found]


def suggestion_json(one: Suggestion) -> dict[str, Any]:
    """Return one suggestion as the command prints it."""
    return {"header": one.header, "field": one.field.key, "evidence": one.evidence}


def hint_of(one: Suggestion) -> str:
    """Return a suggestion as a sentence of the command line."""
    named = f'Take it with --map "{one.header}={one.field.key}".'
    return f'Column "{one.header}" may be {one.field.name}: {one.evidence}. {named}'


def refuse_fieldless(reading: Reading, entity: Entity) -> None:
    """Refuse a table of which no column is a field yet, where nobody is there to choose. Raises `UnknownField`."""
    if not reading.columns:
        raise UnknownField(" ".join((say(NO_COLUMN, what=entity.title.lower()), *map(hint_of, reading.suggestions))))
