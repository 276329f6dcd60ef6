"""Sentences for the person at the screen, shown at the top of the next page."""

from __future__ import annotations

from flask import flash


def say(text: str) -> None:
    """Tell what happened."""
    flash(text, "success")


def offer(text: str, words: str, address: str) -> None:
    """Tell what happened, with a button that posts to an address: to take it back."""
    flash({"text": text, "words": words, "address": address}, "success")  # type: ignore[arg-type]  # a session holds any JSON


def warn(text: str) -> None:
    """Tell what did not happen, and why."""
    flash(text, "danger")
