"""Requests of a page's scripts."""

from __future__ import annotations

from flask import request


def is_asked_by_script() -> bool:
    """Tell whether a page's script asked, which reads JSON."""
    return request.headers.get("X-Requested-With") == "fetch"
