"""Messages for people in their own language: English here, translated by whoever set a translator.

What is passed to `say` or `later` as a literal is found by the panel's extraction (`python -m panel.translate`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

Translator = Callable[[str], str]


def _in_english(message: str) -> str:
    return message


_translator: ContextVar[Translator] = ContextVar("translator", default=_in_english)


def speak(translator: Translator | None) -> None:
    """Let this context's messages be translated, or with None stay English again."""
    _translator.set(translator or _in_english)


def say(message: str, /, **values: object) -> str:
    """Return a message in the reader's language, each ``%(name)s`` of it replaced by the value of that name."""
    text = _translator.get()(message) if message else ""
    return text % values if values else text


def later(message: str) -> str:
    """Return a message as it is: `say` translates it where it is shown."""
    return message
