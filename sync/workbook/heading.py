"""Which row of a foreign sheet holds its headers: below titles and notes, on one line or on two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sync.cells import Broken, Formula, RawCell

_Row = tuple[int, list[RawCell]]
_LONGEST = 80
_FEWEST = 3
"""The least score for which a row that is not the first is the header."""
_BELOW = 3


@dataclass(frozen=True, slots=True)
class Heading:
    """A sheet's headers by column, the number of their row, and how many filled rows stand above them."""

    labels: tuple[str | None, ...]
    row: int
    above: int


def find_heading(head: Sequence[_Row], asked: int = 0) -> Heading | None:
    """Return the headers among a sheet's first rows; `asked` is the number of the row that a person named.

    The first row counts that has more than half as many headers as any: texts that are no values, each once, and
    one more for each that has a value below it. A row with nothing right below it is the end of a title.
    """
    if not head:
        return None
    first = _first(head)
    found = _on_two_lines(head, first) or _one_line(head, first)
    if not asked or found.row == asked:
        return found
    wanted = next((place for place, row in enumerate(head) if row[0] == asked), None)
    return None if wanted is None else _one_line(head, wanted)


def _first(head: Sequence[_Row]) -> int:
    """Return the place of the row where the headers begin."""
    scores = [_score(head, place) for place in range(len(head))]
    if max(scores) >= _FEWEST:
        return next(place for place, score in enumerate(scores) if score > max(scores) / 2)
    # Two texts in a row may be one text with a comma too many: only a title that stands alone is no header.
    stands_alone = len(head) > 1 and head[1][0] > head[0][0] + 1
    return int(stands_alone and _filled(head[0]) == 1 < _filled(head[1]))


def _filled(row: _Row) -> int:
    return sum(not _is_blank(cell) for cell in row[1])


def header_text(cell: RawCell) -> str | None:
    """Return a header as one line."""
    text = _text(cell)
    return None if text is None else " ".join(text.split())


def _text(cell: RawCell) -> str | None:
    shown = cell.value if isinstance(cell, Formula) else cell
    shown = shown.text if isinstance(shown, Broken) else shown
    return None if shown is None else str(shown)


def _at(row: _Row, column: int) -> RawCell:
    return row[1][column] if column < len(row[1]) else None


def _is_blank(cell: RawCell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _is_label(cell: RawCell) -> bool:
    """Tell whether a cell may be a header: a short text with letters, and no email address."""
    if not isinstance(cell, str) or not 0 < len(cell.strip()) <= _LONGEST:
        return False
    return "@" not in cell and any(char.isalpha() for char in cell)


def _is_value(cell: RawCell) -> bool:
    return not (_is_blank(cell) or _is_label(cell))


def _labels(row: _Row) -> dict[int, str]:
    return {column: str(header_text(cell)) for column, cell in enumerate(row[1]) if _is_label(cell)}


def _score(head: Sequence[_Row], place: int) -> float:
    labels = _labels(head[place])
    score = float(len({label.casefold() for label in labels.values()}))
    if place + 1 == len(head):
        return score
    rest = head[place + 1 : place + 1 + _BELOW]
    score += sum(any(_is_value(_at(row, column)) for row in rest) for column in labels)
    return score if rest[0][0] == head[place][0] + 1 else score / 2


def _one_line(head: Sequence[_Row], place: int) -> Heading:
    """Return the headers of one row; where it has none, those of the row right above, as merged cells leave them."""
    number, cells = head[place]
    labels = [header_text(cell) for cell in cells]
    above = _labels(head[place - 1]) if place and head[place - 1][0] == number - 1 else {}
    if len(above) > 1:
        labels += [None] * (max(above) + 1 - len(labels))
        labels = [label or above.get(column) for column, label in enumerate(labels)]
    return Heading(tuple(labels), number, place)


def _on_two_lines(head: Sequence[_Row], place: int) -> Heading | None:
    """Return the headers of two rows, of which the upper one names groups; None where the lower one is data."""
    if place + _BELOW > len(head) or head[place + 1][0] != head[place][0] + 1:
        return None
    upper, lower = _labels(head[place]), _labels(head[place + 1])
    is_only_labels = not any(map(_is_value, head[place + 1][1]))
    fills_each_other = bool(upper.keys() - lower.keys()) and bool(lower.keys() - upper.keys())
    rest = head[place + 2 : place + 2 + _BELOW]
    if not (is_only_labels and fills_each_other and _are_headers(lower, rest)):
        return None
    return Heading(_joined(upper, lower), head[place + 1][0], place)


def _are_headers(labels: dict[int, str], rest: Sequence[_Row]) -> bool:
    """Tell whether values stand below some of these texts, and none of them comes again."""
    comes_again = any(_labels(row).get(column) == label for row in rest for column, label in labels.items())
    return not comes_again and any(_is_value(_at(row, column)) for row in rest for column in labels)


def _joined(upper: dict[int, str], lower: dict[int, str]) -> tuple[str | None, ...]:
    often = Counter(lower.values())
    labels: list[str | None] = []
    group = ""
    for column in range(max((*upper, *lower)) + 1):
        group = upper.get(column, group)
        below = lower.get(column)
        labels.append(upper.get(column) if below is None else f"{group} {below}".strip() if often[below] > 1 else below)
    return tuple(labels)
