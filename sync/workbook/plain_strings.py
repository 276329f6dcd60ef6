"""Shared strings in the shape that most programs write, read many at a time instead of a tag at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

START, END = "<si><t>", "</t></si>"
BETWEEN = END + START
CLOSING = b"</si>"
NEVER = -1 - len(CLOSING)
BLOCK = 16 * 1024
"""Bytes that are looked at together: one unusual string sends all of them to the parser."""
LONGEST_HELD = 1 << 20
# Tags of one item.
TAGS = 4


class PlainStrings:
    """Stands between the part of shared strings and its parser, and takes out the items that it can read itself.

    As with rows, whatever else there is goes to the parser: items are taken only straight after one that the parser
    has seen end, or that was itself taken, and only if all that is between their tags is printable text without
    markup, references and escapes. So what is left is well-formed if the whole was.
    """

    def __init__(self, take: Callable[[list[str]], None], longest: int) -> None:
        self._take, self._longest = take, longest
        self._passed = 0
        self.item_ended_at = NEVER
        """Where in what was passed on the parser has last seen an item's end tag begin."""

    def passed_on(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what the parser has to read, with a pause at least for each chunk."""
        held = b""
        for chunk in chunks:
            held += chunk
            start = 0
            while (end := _end_of_items(held, start)) > start:
                piece = held[start:end]
                if not (self._after_item() and self._taken(piece)):
                    yield self._pass(piece)
                start = end
            held = held[start:]
            whole_item_may_follow = self._after_item() and len(held) < LONGEST_HELD
            yield b"" if whole_item_may_follow else self._pass(held)
            held = held if whole_item_may_follow else b""
        yield self._pass(held)

    def _pass(self, piece: bytes) -> bytes:
        self._passed += len(piece)
        return piece

    def _after_item(self) -> bool:
        return self.item_ended_at == self._passed - len(CLOSING)

    def _taken(self, piece: bytes) -> bool:
        """Take items if they are plain through and through."""
        if not (piece.startswith(START.encode()) and piece.endswith(END.encode())):
            return False
        try:
            text = piece.decode()
        except UnicodeDecodeError:
            return False
        texts = text[len(START) : -len(END)].split(BETWEEN)
        plain = text.isprintable() and "&" not in text and "_x" not in text
        # Every tag is one of those that separate the texts.
        if not (plain and text.count("<") == text.count(">") == TAGS * len(texts)):
            return False
        if len(max(texts, key=len)) > self._longest:
            return False
        self._take(texts)
        return True


def _end_of_items(held: bytes, start: int) -> int:
    """Return where the items end that begin at `start` and fill about a block, or `start` where none ends."""
    last = held.rfind(CLOSING, start, start + BLOCK)
    found = last if last >= 0 else held.find(CLOSING, start)
    return found + len(CLOSING) if found >= 0 else start
