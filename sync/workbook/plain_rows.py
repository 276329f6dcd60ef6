"""Rows in the shape that nearly every program writes, read a row at a time instead of a tag at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from sync.workbook.alike_rows import START, AlikeRows
from sync.workbook.row_cells import Markup

END = b"</row>"
NEVER = -1 - len(END)
LONGEST_HELD = 1 << 20
_START = re.compile(START)
_HIDDEN = re.compile(r' hidden="(?:1|true)"')
# Groups as in `Markup`; no formula, and no text that could need decoding.
_CELL = re.compile(
    r'<c r="([A-Z]{1,3}[0-9]{1,7})"(?: s="([0-9]{1,6})")?(?: t="([sn])")?'
    r"(?:/>|><v>([0-9.eE+-]{1,40})</v></c>)()"
)


def is_hidden(tag: str) -> bool:
    """Tell whether the start tag of a plain row says that people do not see the row."""
    return ' hidden="' in tag and bool(_HIDDEN.search(tag))


class PlainRows:
    """Stands between a sheet's part and its parser, and takes out the rows that it can read itself.

    Whatever else there is goes to the parser, which is the judge of it: a row is taken only
    straight after a row that the parser has seen end, or that was itself taken, and only if
    all that is in it are cells of the plain shape. So what is left is well-formed if the whole
    was, and nothing inside a comment or another element is mistaken for a row.
    """

    def __init__(
        self, take: Callable[[int, list[Markup]], None], hide: Callable[[int], None], alike: AlikeRows
    ) -> None:
        self._take, self._hide, self._alike = take, hide, alike
        self._passed = 0
        self.row_ended_at = NEVER
        """Where in what was passed on the parser has last seen a row's end tag begin."""

    def passed_on(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what the parser has to read, with a pause at least for each chunk."""
        held = b""
        for chunk in chunks:
            held += chunk
            start = 0
            while (end := held.find(END, start) + len(END)) >= len(END):
                piece = held[start:end]
                if not (self._after_row() and self._taken(piece)):
                    yield self._pass(piece)
                start = end
            held = held[start:]
            whole_row_may_follow = self._after_row() and len(held) < LONGEST_HELD
            yield b"" if whole_row_may_follow else self._pass(held)
            held = held if whole_row_may_follow else b""
        yield self._pass(held)

    def _pass(self, piece: bytes) -> bytes:
        self._passed += len(piece)
        return piece

    def _after_row(self) -> bool:
        return self.row_ended_at == self._passed - len(END)

    def _taken(self, piece: bytes) -> bool:
        """Take a row if it is plain through and through."""
        if not piece.isascii():
            return False
        text = piece.decode()
        if self._alike.takes(text):
            if ' hidden="' in text and (start := _START.match(text)) and is_hidden(start[0]):
                self._hide(int(start[1]))
            return True
        start = _START.match(text)
        if start is None:
            return False
        cells = _CELL.findall(text, start.end())
        values = len(cells) - [cell[3] for cell in cells].count("")
        tags = 2 + len(cells) + 3 * values
        # Every tag is one of these, and between tags there is nothing but the values.
        if not text.count("<") == text.count(">") == tags or text.count("><") != tags - 1 - values:
            return False
        if is_hidden(start[0]):
            self._hide(int(start[1]))
        self._take(int(start[1]), cells)
        self._alike.learn(int(start[1]), cells)
        return True
