"""Yes, no, or not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sync.cells import Formula, Scalar
from sync.fields import Bad, Example, Field
from sync.types.text import as_text, quoted, trimmed
from sync.types.truth import SHOWN
from sync.types.value import ValueType
from sync.words import later, say

# What programs show for truth values, and how people answer, in the languages of neighbours too.
_ANSWERS = (
    ("yes", "no"),
    ("y", "n"),
    ("t", "f"),
    ("on", "off"),
    ("ano", "ne"),
    ("ja", "nein"),
    ("oui", "non"),
    ("sí", "no"),
    ("si", "no"),
    ("tak", "nie"),
    ("да", "нет"),
    ("так", "ні"),
    *SHOWN,
)
_YES, _NO = map(frozenset, zip(*_ANSWERS, strict=True))
_WORDS = dict.fromkeys((*_YES, "1"), True) | dict.fromkeys((*_NO, "0"), False)
_SURE = frozenset(("yes", "no", "true", "false"))
"""Words that mean a truth value even in a column that holds only one of them."""

_SHOWN = {True: "Yes", False: "No", None: None}


class BooleanType(ValueType):
    """Yes or no; blank is neither."""

    key = "boolean"
    label = later("Yes or no")
    width = 8
    hint = later("Yes or No")
    examples = (
        Example("Yes", True, "Yes"),
        Example(" no ", False, "No"),
        Example("TRUE", True, "Yes"),
        Example("on", True, "Yes"),
        Example("ano", True, "Yes"),
        Example("nein", False, "No"),
        Example(True, True, "Yes"),
        Example(Formula(False), False, "No"),
        Example(1, True, "Yes"),
        Example(0.0, False, "No"),
        Example("1", True, "Yes"),
        Example("", None, None),
        Example(2, Bad("'2' is neither yes nor no. Write Yes or No."), None),
        Example("maybe", Bad("'maybe' is neither yes nor no. Write Yes or No."), None),
    )

    def read(self, shown: Scalar, field: Field) -> Any:
        """Return what a word, a number or a truth value says."""
        text = trimmed(as_text(shown)).casefold()
        if not text:
            return None
        answer = _WORDS.get(text)
        if answer is None:
            return Bad(say("%(value)s is neither yes nor no. Write Yes or No.", value=quoted(shown)))
        return answer

    def renderer(self, field: Field) -> Callable[[Any], Scalar | None]:
        """Return Yes and No: programs turn real truth values into formulas and numbers."""
        return _SHOWN.__getitem__

    def allowed(self, field: Field) -> tuple[str, ...]:
        """Return the two answers."""
        return ("Yes", "No")

    def looks_like(self, text: str) -> bool:
        """Tell whether a text is a word for yes or no; 0 and 1 are numbers."""
        word = text.casefold()
        return word in _YES or word in _NO

    def inferred(self, distinct: set[str], key: str, label: str) -> Field | None:
        """Return a field if both answers occur, or only words that mean nothing else."""
        words = {text.casefold() for text in distinct}
        sure = words <= _SURE or not (words.isdisjoint(_YES) or words.isdisjoint(_NO))
        return Field(key, label, self.key, additional=True) if sure else None
