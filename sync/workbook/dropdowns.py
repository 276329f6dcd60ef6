"""The dropdowns and input hints of a sheet's columns."""

from __future__ import annotations

from collections.abc import Iterator

from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from sync.cells import clean_text, column_letters
from sync.columns import is_writable
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.types.text import cell_length
from sync.words import later, say
from sync.workbook.escapes import escape
from sync.workbook.layout import FIRST_ROW, UNKNOWN_LAST_ROW

LISTS = "_lists"
TITLE_LENGTH, PROMPT_LENGTH, INLINE_LENGTH = 32, 255, 255
"""The most characters that a hint's title, a hint and a list of options inside a rule may have."""
READ_ONLY = later("Read-only: a change here is ignored.")
REQUIRED = later("Required.")
MADE = later("Blank in a new row: it is made when the row comes in.")
LEAST, MOST = later("At least %(least)s."), later("At most %(most)s.")
LEAST_LONG, MOST_LONG = later("At least %(least)s characters."), later("At most %(most)s characters.")
LEAST_MANY, MOST_MANY = later("At least %(least)s of them."), later("At most %(most)s of them.")


class Dropdowns:
    """Adds rules to columns from their first row on; `lists` gathers the options that need cells of their own."""

    def __init__(self, data: Worksheet, first_row: int = FIRST_ROW) -> None:
        self._data, self._first_row = data, first_row
        self.lists: list[tuple[str, ...]] = []

    def add(self, index: int, field: Field) -> None:
        """Add the dropdown or the hint of a field's column, which go down some way below the data."""
        options = FIELD_TYPES[field.type].allowed(field) if is_writable(field) else ()
        self._attach(index, field.label, hint_of(field), self._choice(options) if options else DataValidation())

    def add_hint(self, index: int, label: str) -> None:
        """Add the hint of a read-only column."""
        self._attach(index, label, say(READ_ONLY), DataValidation())

    def add_choice(self, index: int, label: str, hint: str, options: tuple[str, ...]) -> None:
        """Add the dropdown of a column that holds no field."""
        self._attach(index, label, hint, self._choice(options))

    def _choice(self, options: tuple[str, ...]) -> DataValidation:
        rule = DataValidation(type="list", formula1=self._source(options), allow_blank=True)
        rule.showErrorMessage = True
        rule.errorTitle = _cut(say("Not an option"), TITLE_LENGTH)
        rule.error = _cut(say("Choose one of the options in the list."), PROMPT_LENGTH)
        return rule

    def _source(self, options: tuple[str, ...]) -> str:
        """Return the options as a rule holds them, or the cells that they were put into."""
        inline = inline_rule(options)
        if inline is not None:
            return inline
        if options not in self.lists:
            self.lists.append(options)
        letters = column_letters(self.lists.index(options))
        return f"{LISTS}!${letters}$1:${letters}${len(options)}"

    def _attach(self, index: int, label: str, hint: str, rule: DataValidation) -> None:
        letters = column_letters(index)
        rule.promptTitle, rule.prompt = _cut(label, TITLE_LENGTH), _cut(hint, PROMPT_LENGTH)
        rule.showInputMessage = True
        rule.add(f"{letters}{self._first_row}:{letters}{UNKNOWN_LAST_ROW}")
        self._data.add_data_validation(rule)


def hint_of(field: Field) -> str:
    """Return in words what a field's cells take."""
    if not is_writable(field):
        return say(READ_ONLY)
    field_type = FIELD_TYPES[field.type]
    sentences = [say(field.help or field_type.hint), *_bounds(field)]
    if field_type.many and field.options:
        sentences[0] += ": " + ", ".join(option.label for option in field.options)
    if field.required:
        sentences.insert(1, say(MADE if field.generated else REQUIRED))
    return " ".join(f"{one.rstrip('.')}." for one in sentences if one)


def _bounds(field: Field) -> Iterator[str]:
    field_type = FIELD_TYPES[field.type]
    value = next((one.value for one in field_type.examples if one.value is not None), None)
    by_size = (LEAST_MANY, MOST_MANY) if field_type.many else (LEAST_LONG, MOST_LONG)
    least, most = by_size if isinstance(value, (str, tuple)) else (LEAST, MOST)
    if field.min is not None:
        yield say(least, least=f"{field.min:,f}")
    if field.max is not None:
        yield say(most, most=f"{field.max:,f}")


def inline_rule(options: tuple[str, ...]) -> str | None:
    """Return options as a rule holds them, or None where they are too long for it or would read otherwise."""
    inline = ",".join(options)
    fits = len(inline) <= INLINE_LENGTH - 2 and all(map(_fits_inline, options))
    return f'"{inline}"' if fits else None


def _fits_inline(option: str) -> bool:
    """Tell whether an option reads the same inside a rule; programs take the outer white space off."""
    return option.isprintable() and option == option.strip() == escape(option) and not set(option) & set(',"')


def _cut(text: str, length: int) -> str:
    """Return text as an attribute of a rule can hold it: cleaned as a cell's is, and of no more UTF-16 units."""
    text = escape(clean_text(text))
    if cell_length(text) <= length:
        return text
    start = text[: length - 1]
    while cell_length(start) >= length:
        start = start[:-1]
    return f"{start}…"
