"""What all types share: formulas and errors, blanks, outer white space, comparison, inference."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sync.cells import CELL_LIMIT, Broken, Formula, RawCell, Scalar, clean_text
from sync.fields import Bad, Damage, Field, FieldType
from sync.types.damage import text_damage
from sync.types.digits import MAX_DIGITS, is_usable
from sync.types.text import as_text, cell_length, same_text, trimmed
from sync.words import later, say

_NEVER_CALCULATED = later(
    "This formula was never calculated. Open and save the workbook in a spreadsheet program, or type the value."
)


def shown_value(raw: RawCell) -> Scalar | Broken | None:
    """Return what a cell shows: a formula stands for the value that was calculated for it."""
    shown = raw.value if isinstance(raw, Formula) else raw
    return clean_text(shown) if isinstance(shown, str) else shown


def _broken(cell: Broken) -> Bad:
    if not cell.text:
        return Bad(say(_NEVER_CALCULATED))
    return Bad(say("'%(text)s' is an error in the workbook. Correct the formula, or type the value.", text=cell.text))


def _beyond(shown: Scalar) -> Bad | None:
    """Return what is wrong with a value that no field of any type can hold."""
    if isinstance(shown, str) and (length := cell_length(shown)) > CELL_LIMIT:
        long = later("This text has %(length)s characters, and a cell holds %(most)s. Shorten it.")
        return Bad(say(long, length=f"{length:,}", most=f"{CELL_LIMIT:,}"))
    if isinstance(shown, (int, float, Decimal)) and not is_usable(shown):
        return Bad(say("This number is out of range. Write a number of at most %(most)s digits.", most=MAX_DIGITS))
    return None


def as_it_is(value: Any) -> Any:
    """Return the value: the renderer of a type whose canonical values are what cells show."""
    return value


class ValueType(FieldType):
    """A type that says how to `read` one shown value; the rest follows from that."""

    def parse(self, raw: RawCell, field: Field) -> Any:
        """Return the canonical value of a raw cell or form text, or `Bad`."""
        shown = shown_value(raw)
        if shown is None or shown == "":
            return None
        if isinstance(shown, Broken):
            return _broken(shown)
        return _beyond(shown) or self.read(shown, field)

    def read(self, shown: Scalar, field: Field) -> Any:
        """Return the canonical value of what a cell shows, None where that is blank, or `Bad`."""
        raise NotImplementedError

    def renderer(self, field: Field) -> Callable[[Any], Scalar | None]:
        """Return the function that turns canonical values of one field into what cells show."""
        return as_it_is

    def render(self, value: Any, field: Field) -> Scalar | None:
        """Return what a cell shows for a canonical value."""
        return self.renderer(field)(value)

    def unchanged(self, base: Any, raw: RawCell, field: Field) -> bool:
        """Tell whether a raw cell is what programs make of `base` without anybody's edit."""
        shown = shown_value(raw)
        if isinstance(shown, Broken):
            return False
        if shown is None:
            shown = ""
        return self._same_text(base, shown, field) or self.same(base, shown, field)

    def _same_text(self, base: Any, shown: Scalar, field: Field) -> bool:
        cell = "" if base is None else self.render(base, field)
        return isinstance(cell, str) and same_text(cell, as_text(shown))

    def same(self, base: Any, shown: Scalar, field: Field) -> bool:
        """Tell whether a shown value means `base`, differently written."""
        return bool(self.parse(shown, field) == base)

    def damage(self, base: Any, raw: RawCell, field: Field) -> Damage | None:
        """Return what a program did to `base` so that it became this raw cell, if it did."""
        shown = shown_value(raw)
        cell = None if base is None else self.render(base, field)
        if shown is None or isinstance(shown, Broken) or not isinstance(cell, str):
            return None
        return None if same_text(cell, as_text(shown)) else text_damage(cell, shown)

    def infer(self, texts: list[str], key: str, label: str) -> Field | None:
        """Return a field for a foreign column if all of these non-blank texts look like this type."""
        if not texts or not self.looks_like(trimmed(texts[0])):
            return None
        distinct = {trimmed(text) for text in texts}
        if not all(map(self.looks_like, distinct)):
            return None
        return self.inferred(distinct, key, label)

    def looks_like(self, text: str) -> bool:
        """Tell whether one trimmed text of a foreign file is surely of this type."""
        return False

    def inferred(self, distinct: set[str], key: str, label: str) -> Field | None:
        """Return the field for texts that all look like this type."""
        return Field(key, label, self.key, additional=True)


class LineType(ValueType):
    """A type whose canonical value is one line of text in one spelling."""

    def read(self, shown: Scalar, field: Field) -> Any:
        """Return the canonical spelling of a text without its outer white space."""
        text = trimmed(as_text(shown))
        return self.spell(text) if text else None

    def spell(self, text: str) -> str | Bad:
        """Return the canonical spelling of a trimmed, non-blank text, or `Bad`."""
        raise NotImplementedError

    def looks_like(self, text: str) -> bool:
        """Tell whether one trimmed text of a foreign file is surely of this type."""
        return isinstance(self.spell(text), str)

    def measure(self, value: Any) -> Decimal | int | None:
        """Return the length of the text."""
        return len(value)
