"""The filters that a list's address asks for: each in words, with what it means or why it means nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from panel.forms.conditions import FieldFilter
from panel.forms.customer import listed_fields
from panel.forms.registry import filters_of
from panel.schema import Schema
from sync.errors import SyncError

# Flask-Admin numbers the filters of one address; ours need no number, and addresses with one stay good.
_NAME = re.compile(r"flt\d*_(.+)", re.DOTALL)
MOST = 200
"""Of more filters in one address, the page would be a list of links that each name all of them."""


class BrokenFilter(SyncError):
    """A filter of an address means nothing any more; without it more would be shown than was asked for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One filter of an address: its name and texts there, and either its filter and value or its problem."""

    name: str
    texts: tuple[str, ...]
    words: str
    filter: FieldFilter | None = None
    value: Any = None
    problem: str = ""


def is_filter(name: str) -> bool:
    """Tell whether a part of an address is meant as a filter."""
    return name.startswith("flt")


def all_filters(schema: Schema) -> Iterator[FieldFilter]:
    """Yield every filter on every field that is shown."""
    return (one for field in listed_fields(schema) for one in filters_of(field))


def asked_filters(schema: Schema, args: MultiDict[str, str]) -> list[Asked]:
    """Return the filters of an address in their order; all have to hold. Of more than `MOST` none can be used."""
    known = {one.arg: one for one in all_filters(schema)}
    asked: list[Asked] = []
    for name, texts in args.lists():
        if is_filter(name):
            found = _NAME.fullmatch(name)
            one = known.get(found[1]) if found else None
            together = [texts] if one is not None and one.takes_several else [[text] for text in texts]
            asked += [_asked(name, one, some) for some in together[: MOST + 1]]
        if len(asked) > MOST:
            return [*asked[:MOST], Asked("", (), _("and more"), problem=_too_many())]
    return asked


def refuse_too_many(args: MultiDict[str, str]) -> None:
    """Refuse an address with more filters than one page shows. Raises `BrokenFilter`."""
    if sum(len(texts) for name, texts in args.lists() if is_filter(name)) > MOST:
        raise BrokenFilter(_too_many())


def _too_many() -> str:
    return str(_("This address has more than %(most)s filters.", most=MOST))


def _asked(name: str, one: FieldFilter | None, texts: Sequence[str]) -> Asked:
    if one is None:
        meant = name.partition("_")[2] or name
        problem = _("'%(name)s' is no filter here: its field is gone, or not for you.", name=meant)
        return Asked(name, tuple(texts), f"{meant}: {', '.join(texts)}", problem=problem)
    try:
        value = one.read(texts)
    except ValueError as error:
        words = f"{one.name} {one.operation()} {', '.join(texts)}"
        problem = _("The filter '%(words)s' cannot be used: %(reason)s", words=words, reason=error)
        return Asked(name, tuple(texts), words, one, problem=problem)
    return Asked(name, tuple(texts), one.words(texts), one, value)


def usable(asked: Sequence[Asked]) -> list[tuple[FieldFilter, Any]]:
    """Return the filters with their values; raise `BrokenFilter` with a sentence if one means nothing."""
    problems = [one.problem for one in asked if one.problem]
    if problems:
        raise BrokenFilter(" ".join([*problems, _("Take it away, or change it.")]))
    return [(one.filter, one.value) for one in asked if one.filter is not None]
