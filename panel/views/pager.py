"""What stands below a list: which rows are shown, of how many, and the way to the other pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from panel.views.cursor import page_number, token
from panel.views.paging import Page, Sorting

OF_PAGE = frozenset({"page", "after", "before", "last"})
"""What an address says of the page, beside the list that it is a page of."""


@dataclass(frozen=True, slots=True)
class Pager:
    """Words, and addresses: empty where there is no such page."""

    words: str
    first: str = ""
    before: str = ""
    after: str = ""
    last: str = ""


def without_page(args: MultiDict[str, str]) -> dict[str, Any]:
    """Return what an address says of the list itself, whichever page it is."""
    return {name: texts for name, texts in args.lists() if name not in OF_PAGE}


def rows_of(args: MultiDict[str, str], count: int | None, counted: int, size: int) -> int:
    """Return how many rows the page has room for: of a counted list's last page, only those that remain."""
    return count % size or size if "last" in args and count is not None and count <= counted else size


def pager_of(
    args: MultiDict[str, str], sorting: Sorting, page: Page, count: int | None, counted: int, size: int
) -> Pager:
    """Return the pager of a page; `count` may stop a little above `counted`, or be unknown."""
    total = _("many") if count is None else f"{count:,}" if count <= counted else f"{counted:,}+"
    number = _number(args, page, count if count is not None and count <= counted else None, size)
    before = after = first = last = ""
    if page.before:
        first, before = _address(args), _address(args, before=token(page.before, sorting), page=_plus(number, -1))
    if page.after:
        last, after = _address(args, last=1), _address(args, after=token(page.after, sorting), page=_plus(number, 1))
    return Pager(_words(number, len(page.records), total, size), first, before, after, last)


def _number(args: MultiDict[str, str], page: Page, exact: int | None, size: int) -> int | None:
    """Return which page it is, from 0, or None where the way there was from the end of an uncounted list."""
    if page.before is None:
        return 0
    if "last" in args:
        return None if exact is None else max(exact - 1, 0) // size
    return page_number(args) if "page" in args else None


def _plus(number: int | None, step: int) -> int | None:
    return None if number is None else max(number + step, 0)


def _address(args: MultiDict[str, str], **more: Any) -> str:
    return url_for(str(request.endpoint), **without_page(args), **more)


def _words(number: int | None, shown: int, total: str, size: int) -> str:
    if number is None:
        return _("%(shown)s of %(total)s", shown=f"{shown:,}", total=total)
    first = number * size + 1
    return _("%(first)s–%(last)s of %(total)s", first=f"{first:,}", last=f"{first + shown - 1:,}", total=total)
