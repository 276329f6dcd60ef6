"""The lines of a preview that one looks at: one group, narrowed by field and words, a page at a time by key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import ColumnElement, and_, false, or_, select
from werkzeug.datastructures import MultiDict

from panel.extensions import db
from panel.forms.showing import ago
from panel.imports.lines import GUARD, KIND, MOVED, NOTE
from panel.models import Customer, Import, ImportItem, Revision
from panel.models.columns import aware
from panel.rights import NONE, rights_of
from panel.views.imports_seen import entity_of

PAGE = 100
MOST_LINES = 2**31 - 1
_ADDRESS = re.compile(r"(?:.*!)?([a-z]{1,3})([0-9]{1,7})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at: a group of an import's lines, one field of it, words in it, one kind of problem."""

    import_id: int
    group: str = ""
    field: str = ""
    words: str = ""
    kind: int = 0
    after: int = 0
    before: int = 0

    @property
    def narrowing(self) -> dict[str, Any]:
        """Return what an address says of the lines, whichever page of them it is."""
        named = {"group": self.group, "field": self.field, "q": self.words, "kind": self.kind}
        return {name: value for name, value in named.items() if value}

    @property
    def shown(self) -> str:
        """Return the group of lines on the page: problems are shown by kind, until one of them is looked into."""
        return KIND if self.group == "problem" and not (self.kind or self.words or self.field) else self.group


@dataclass(frozen=True, slots=True)
class Lines:
    """A page of lines, and the numbers after and before which the next and the previous page are; 0 for none."""

    items: Sequence[ImportItem]
    after: int = 0
    before: int = 0


def look_of(import_id: int, args: MultiDict[str, str], group: str) -> Look:
    """Return what an address asks to look at."""
    numbers = {name: _number(args.get(name, "")) for name in ("kind", "after", "before")}
    return Look(import_id, group, args.get("field", ""), args.get("q", "").strip()[:200], **numbers)


def _number(text: str) -> int:
    return min(int(text), MOST_LINES) if text.isascii() and text.isdecimal() and len(text) < 12 else 0


def seen(import_id: int) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of an import's lines that the signed-in user may see, whoever had it planned."""
    unseen = rights_of(current_user).unseen
    return (ImportItem.import_id == import_id, *([ImportItem.field.not_in(unseen)] if unseen else []))


def conditions(look: Look) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of the lines that are looked at."""
    found = [*seen(look.import_id), ImportItem.group == look.shown]
    if look.field:
        found.append(ImportItem.field == look.field)
    if look.kind:
        found.append(_of_kind(look))
    if look.words:
        found.append(_named(look.import_id, look.words))
    return tuple(found)


def _of_kind(look: Look) -> ColumnElement[bool]:
    query = select(ImportItem.workbook).where(*seen(look.import_id), ImportItem.number == look.kind)
    told = db.session.execute(query.where(ImportItem.group == KIND)).scalar()
    if told is None:
        return false()
    return ImportItem.number.between(told["first"], told["first"] + told["count"] - 1)


def _named(import_id: int, words: str) -> ColumnElement[bool]:
    """Return the condition that a line is of this cell, row or record's ID, or of a customer with these words."""
    address = _ADDRESS.fullmatch(words)
    if address:
        at = f"{address[1].upper()}{int(address[2])}"
        # New customers and deletions have one line for their whole row.
        is_there = or_(ImportItem.at.endswith(f"!{at}", autoescape=True), ImportItem.group.in_(("new", "delete")))
        return and_(ImportItem.sheet_row == int(address[2]), is_there)
    if words.isascii() and words.isdecimal() and len(words) < 16:
        number = int(words)
        return or_(ImportItem.record_id == number, ImportItem.sheet_row == min(number, MOST_LINES))
    if rights_of(current_user).of("full_name") == NONE:
        return false()
    names = [Customer.full_name.icontains(word, autoescape=True) for word in words.split()]
    found, entity = select(Customer.id).where(*names, *_within()), entity_of(import_id)
    if entity.whose:
        found = select(entity.table.c.id).where(entity.value(entity.whose).in_(found))
    new = [ImportItem.message.icontains(word, autoescape=True) for word in words.split()]
    return or_(ImportItem.record_id.in_(found), and_(ImportItem.group == "new", *new))


def group_of_line(import_id: int, words: str) -> str:
    """Return the group of the first line that words find, blank where they find none."""
    shown = (*seen(import_id), ImportItem.group.not_in((KIND, GUARD, NOTE, MOVED)))
    query = select(ImportItem.group).where(*shown, _named(import_id, words)).order_by(ImportItem.number)
    return db.session.scalars(query.limit(1)).first() or ""


def _mine() -> int | None:
    mine: int | None = current_user.partner_id
    return mine


def page_of(look: Look) -> Lines:
    """Return the page of lines that is looked at."""
    query = select(ImportItem).where(*conditions(look)).limit(PAGE + 1)
    if look.before:
        back = query.where(ImportItem.number < look.before).order_by(ImportItem.number.desc())
        items = list(db.session.scalars(back))
        more, items = len(items) > PAGE, items[:PAGE][::-1]
        return Lines(items, items[-1].number if items else 0, items[0].number if more else 0)
    items = list(db.session.scalars(query.where(ImportItem.number > look.after).order_by(ImportItem.number)))
    more, items = len(items) > PAGE, items[:PAGE]
    return Lines(items, items[-1].number if more else 0, items[0].number if items and look.after else 0)


def of_group(import_id: int, group: str) -> list[ImportItem]:
    """Return the few lines of a group that is about the whole file."""
    query = select(ImportItem).where(*seen(import_id), ImportItem.group == group).order_by(ImportItem.number)
    return list(db.session.scalars(query.limit(PAGE)))


def _within() -> list[ColumnElement[bool]]:
    return [] if _mine() is None else [Customer.partner_id == _mine()]


def who_changed(items: Sequence[ImportItem]) -> dict[tuple[int, str], str]:
    """Return who gave the panel its value of each of these cells last, and when: Eva, yesterday 14:02."""
    wanted = {item.record_id: set[str]() for item in items if item.record_id}
    for item in items:
        if item.record_id and (item.group in {"conflict", "kept", "moved"} or item.outcome == "merged"):
            wanted[item.record_id].add(item.field)
    asked = [record_id for record_id, fields in wanted.items() if fields]
    table = Revision.__table__.c
    query = select(table.record_id, table.by, table.at, table.changes)
    kind = entity_of(items[0].import_id).key if asked else ""
    query = query.where(table.entity == kind, table.record_id.in_(asked), table.number > 1)
    found: dict[tuple[int, str], str] = {}
    for record_id, by, at, changes in db.session.execute(query.order_by(table.record_id, table.number)):
        words = f"{by}, {ago(aware(at))}" if wanted[record_id] & changes.keys() else ""
        found.update({(record_id, field): words for field in wanted[record_id] & changes.keys()})
    return found | _before(items)


def _before(items: Sequence[ImportItem]) -> dict[tuple[int, str], str]:
    """Return which file of the batch gives each of these cells its value before this one does, and whose that is."""
    numbers = {item.against for item in items if item.against is not None}
    which = [Import.id.in_(numbers), *([] if _mine() is None else [Import.user_id == current_user.id])]
    files = {one.id: one for one in db.session.scalars(select(Import).where(*which))} if numbers else {}
    named = ((item, files.get(item.against)) for item in items if item.record_id and item.against)
    return {
        (item.record_id or 0, item.field): _("in %(file)s, by %(name)s", file=one.file_name, name=one.by)
        for item, one in named
        if one is not None
    }
