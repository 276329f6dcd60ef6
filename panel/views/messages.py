"""Sentences for the person at the screen, shown at the top of the next page."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash

from sync.errors import SyncError


def say(text: str) -> None:
    """Tell what happened."""
    flash(text, "success")


def offer(text: str, words: str, address: str) -> None:
    """Tell what happened, with a button that posts to an address: to take it back."""
    flash({"text": text, "words": words, "address": address}, "success")  # type: ignore[arg-type]  # a session holds any JSON


def warn(text: str) -> None:
    """Tell what did not happen, and why."""
    flash(text, "danger")


def do(act: Callable[[], None], sentence: str = "") -> None:
    """Do what somebody asked for, and tell that it happened, or why it did not."""
    try:
        act()
    except SyncError as error:
        warn(str(error))
    else:
        if sentence:
            say(sentence)
