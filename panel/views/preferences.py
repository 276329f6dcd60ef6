"""What a user last chose in the list of customers; an address that says otherwise comes first."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import request
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from panel.extensions import db
from panel.views.filters import is_filter

_OF_A_LIST = ("search", "sort", "desc", "columns", "page_size")
_KEY = "customers"


def list_preferences() -> dict[str, Any]:
    """Return ``columns``, ``sort``, ``desc``, ``page_size`` and ``view``, each where the user chose one."""
    return dict((current_user.preferences or {}).get(_KEY, {}))


def remember(**chosen: Any) -> None:
    """Keep what the user chose; None forgets it."""
    kept = {**list_preferences(), **chosen}
    kept = {name: value for name, value in kept.items() if value is not None}
    current_user.preferences = {**(current_user.preferences or {}), _KEY: kept}
    db.session.commit()


def list_args() -> MultiDict[str, str]:
    """Return the arguments of the list on screen: the address's, and where it is silent the user's own."""
    args: MultiDict[str, str] = MultiDict(request.args)
    kept = list_preferences()
    if "sort" not in args and kept.get("sort"):
        args["sort"] = kept["sort"]
        args.setlist("desc", ["1"] if kept.get("desc") else [])
    if kept.get("columns"):
        args.setdefault("columns", ",".join(kept["columns"]))
    if kept.get("page_size"):
        args.setdefault("page_size", str(kept["page_size"]))
    return args


def query_of(args: MultiDict[str, str]) -> str:
    """Return the query of a list's address without the page: what a saved view keeps."""
    return urlencode([pair for pair in _pairs(args) if is_filter(pair[0]) or pair[0] in _OF_A_LIST])


def narrowing_of(args: MultiDict[str, str]) -> str:
    """Return the part of a query that says which customers are shown, not how."""
    return urlencode([pair for pair in _pairs(args) if is_filter(pair[0]) or pair[0] == "search"])


def _pairs(args: MultiDict[str, str]) -> list[tuple[str, str]]:
    return [(name, text) for name, texts in args.lists() for text in texts if text]
