"""The dropdowns and input hints of a sheet's columns."""

from __future__ import annotations

from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from sync.cells import column_letters
from sync.columns import is_writable
from sync.fields import Field
from sync.types import FIELD_TYPES
from sync.types.text import cell_length, clean_text
from sync.workbook.escapes import escape
from sync.workbook.layout import FIRST_ROW, UNKNOWN_LAST_ROW

LISTS = "_lists"
TITLE_LENGTH, PROMPT_LENGTH, INLINE_LENGTH = 32, 255, 255
"""The most characters that a hint's title, a hint and a list of options inside a rule may have."""
READ_ONLY = "Read-only: a change here is ignored."


class Dropdowns:
    """Adds rules to columns; `lists` gathers the options that need cells of their own."""

    def __init__(self, data: Worksheet) -> None:
        self._data = data
        self.lists: list[tuple[str, ...]] = []

    def add(self, index: int, field: Field) -> None:
        """Add the dropdown or the hint of a field's column, which go down some way below the data."""
        field_type = FIELD_TYPES[field.type]
        options = field_type.allowed(field)
        hint = field.help or field_type.hint if is_writable(field) else READ_ONLY
        if options and is_writable(field):
            self._attach(index, field.label, hint, self._choice(options))
        elif hint:
            self._attach(index, field.label, hint, DataValidation())

    def add_hint(self, index: int, label: str) -> None:
        """Add the hint of a read-only column."""
        self._attach(index, label, READ_ONLY, DataValidation())

    def _choice(self, options: tuple[str, ...]) -> DataValidation:
        rule = DataValidation(type="list", formula1=self._source(options), allow_blank=True)
        rule.showErrorMessage = True
        rule.errorTitle = "Not an option"
        rule.error = "Choose one of the options in the list."
        return rule

    def _source(self, options: tuple[str, ...]) -> str:
        """Return the options as a rule holds them, or the cells that they were put into."""
        inline = ",".join(options)
        if len(inline) <= INLINE_LENGTH - 2 and all(map(_fits_inline, options)):
            return f'"{inline}"'
        if options not in self.lists:
            self.lists.append(options)
        letters = column_letters(self.lists.index(options))
        return f"{LISTS}!${letters}$1:${letters}${len(options)}"

    def _attach(self, index: int, label: str, hint: str, rule: DataValidation) -> None:
        letters = column_letters(index)
        rule.promptTitle, rule.prompt = _cut(label, TITLE_LENGTH), _cut(hint, PROMPT_LENGTH)
        rule.showInputMessage = True
        rule.add(f"{letters}{FIRST_ROW}:{letters}{UNKNOWN_LAST_ROW}")
        self._data.add_data_validation(rule)


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
