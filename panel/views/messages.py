"""Sentences for the person at the screen, shown at the top of the next page."""

from __future__ import annotations

from flask import flash


def say(text: str) -> None:
    """Tell what happened."""
    flash(text, "success")


def warn(text: str) -> None:
    """Tell what did not happen, and why."""
    flash(text, "danger")
