"""Rows that sum up others: by their formulas, or by a word and numbers that somebody pasted as values."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from panel.imports.identity import NO_SUCH_ID, Identified
from sync.cells import Formula, RawCell
from sync.types.digits import read_number
from sync.types.text import folded

WORDS = frozenset({
    "total", "totals", "subtotal", "sub-total", "grand total", "sum", "sums", "average", "celkem", "součet",
    "mezisoučet", "průměr", "spolu", "súčet", "gesamt", "gesamtsumme", "summe", "zwischensumme", "durchschnitt",
    "totaal", "som", "totale", "somma", "suma", "razem", "ogółem", "łącznie", "итого", "всего", "сумма", "разом",
    "усього", "összesen", "toplam", "yhteensä", "totalt", "i alt", "somme", "moyenne",
})  # fmt: skip
"""What people write beside totals."""


def is_calculated(one: Identified) -> bool:
    """Tell whether a row is formulas over other rows, and at most a word beside them."""
    if not _is_nobody(one):
        return False
    filled = _filled(one)
    others = [cell for cell in filled.values() if not isinstance(cell, Formula)]
    is_total = len(others) < len(filled) and len(others) <= 1 + (one.token is not None)
    return is_total and any(isinstance(cell, Formula) and cell.sums for cell in filled.values())


def is_typed(one: Identified, ref_column: int | None, numeric: Collection[int], known: Collection[int]) -> bool:
    """Tell whether a row is a word for a total, and beside it only numbers where numbers belong.

    `numeric` are the columns of fields that hold numbers, `known` those of any field.
    """
    # Asked of every row of a file: most are somebody's, and most of the others hold no such word.
    if not _is_nobody(one) or not any(map(_is_word, one.row.cells)):
        return False
    filled = {index: cell for index, cell in _filled(one).items() if index != ref_column}
    words = [index for index, cell in filled.items() if _is_word(cell)]
    numbers = [index for index, cell in filled.items() if _is_number(cell) and (index in numeric or index not in known)]
    return len(words) == 1 and bool(numbers) and len(numbers) == len(filled) - 1


def _is_nobody(one: Identified) -> bool:
    return one.id in {None, NO_SUCH_ID} and not one.is_tampered


def _filled(one: Identified) -> dict[int, RawCell]:
    return {index: cell for index, cell in enumerate(one.row.cells) if cell is not None and cell != ""}


def _is_word(cell: RawCell) -> bool:
    return isinstance(cell, str) and folded(cell).rstrip(": ") in WORDS


def _is_number(cell: RawCell) -> bool:
    shown = cell.value if isinstance(cell, Formula) else cell
    if isinstance(shown, str):
        return read_number(shown) is not None
    return isinstance(shown, int | float | Decimal) and not isinstance(shown, bool)
