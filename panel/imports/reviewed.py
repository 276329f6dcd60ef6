"""Reviews that come back: the columns that they have beside the uploaded ones are taken off, and the answers read.

A review is the uploaded sheet with its own hidden references, so its base is that of the first export. Its last
column is hidden. Its heading says which columns are the review's, what the words of its dropdowns mean, and which
file it is a review of; each row's cell holds, by field, two seals over what was asked: one over what the workbook was
exported with and what the panel held, and one over those and the workbook's value. An answer counts only while the
panel's side of the question is what it was. Seals and heading are keyed: who makes them up gets a conflict anew.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import current_app

from panel.imports.carried import with_carried
from panel.imports.choices import PANEL, WORKBOOK, Answer, Answers, answer, is_asked, new_sides, sides_of
from panel.imports.files import StoredFile
from panel.imports.options import ImportOptions
from panel.imports.showing import as_json
from panel.imports.whole_file import plain_sides
from panel.keys import Keyring
from sync.cells import CELL_LIMIT, Address, RawCell
from sync.columns import Column
from sync.plan import DELETED, UNDECIDED, WRITTEN, Item, Plan, RowPlan
from sync.types.text import cell_length
from sync.words import later, say
from sync.workbook import Row, Table
from sync.workbook.table import REVIEW

SEAL_LENGTH = 12
NEW = "_new"
"""Stands for a new record as a whole among the fields that are asked about."""
_HEADING = re.compile(r"_review\|rollbook1\|([0-9a-f]+)\|(.*)", re.DOTALL)
_ASKED = re.compile(r"(\w{1,255})=([0-9a-f]+)\.([0-9a-f]+)")
MADE_UP = later("The hidden heading of the review's last column was changed, so no choice in its columns counts.")
MOVED = later("%(count)s choices in the review were left open, because the panel or the cell has changed since.")


def seal_of(plain: Any) -> str:
    """Return a keyed digest of anything that JSON can hold, short as a row's reference."""
    keyring: Keyring = current_app.extensions["keyring"]
    text = json.dumps(["review", plain], default=str, separators=(",", ":"))
    return hmac.digest(keyring.tokens, text.encode(), hashlib.sha256).hex()[:SEAL_LENGTH]


def seals_of(item: Item, row: RowPlan, types: Mapping[str, str]) -> tuple[str, str]:
    """Return the seals of a question: of what was asked apart from the workbook's value, and of all of it."""
    is_whole = item.field == DELETED
    panel, workbook = plain_sides(item, row, types) if is_whole else (as_json(item.panel), as_json(item.workbook))
    before = [item.id, item.field, types.get(item.field), as_json(item.base), item.base_known, panel]
    return seal_of(before), seal_of([*before, workbook])


@dataclass(frozen=True, slots=True)
class Heading:
    """What a review says of itself.

    `columns` takes the label of each of its own columns to the field that is chosen about there, or to nothing;
    `words` the texts of a dropdown to ``panel`` or ``workbook``. `source` is the digest of the file that was uploaded
    first, `name` its name, `options` what goes along of how it was read.
    """

    columns: Mapping[str, str]
    words: Mapping[str, str]
    source: str
    name: str
    is_csv: bool
    options: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """Return the text of the hidden heading; options that no cell can hold do not go along."""
        whole = self._text()
        return whole if cell_length(whole) <= CELL_LIMIT else replace(self, options={})._text()

    def _text(self) -> str:
        plain: dict[str, Any] = {"columns": dict(self.columns), "words": dict(self.words)}
        plain |= {"source": self.source, "name": self.name, "csv": self.is_csv, "options": dict(self.options)}
        # No blank in it: whoever reads headings may join them to one line.
        told = json.dumps(plain, separators=(",", ":")).replace(" ", "\\u0020")
        return f"{REVIEW}rollbook1|{seal_of(plain)}|{told}"


def _heading(text: str) -> tuple[Heading | None, bool]:
    """Return what a hidden heading says, and whether it was made here."""
    found = _HEADING.fullmatch(text)
    try:
        plain: Any = json.loads(found[2]) if found else None
        columns, words = ({one_line(k): str(v) for k, v in plain[name].items()} for name in ("columns", "words"))
        rest = (str(plain["source"]), str(plain["name"]), bool(plain["csv"]), dict(plain.get("options", {})))
        heading = Heading(columns, words, *rest)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, False
    return heading, found is not None and hmac.compare_digest(found[1], seal_of(plain))


def one_line(text: str) -> str:
    """Return a text with single spaces, as headings are compared."""
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a review asked it, with the answer: ``panel``, ``workbook`` or nothing."""

    field: str
    before: str
    whole: str
    choice: str


class Reviewed:
    """An opened file without a review's columns; `asked` fills with each row's questions while rows are walked.

    `width` is that of the widest row so far.
    """

    def __init__(self, table: Table) -> None:
        self.asked: dict[int, tuple[Asked, ...]] = {}
        self.heading: Heading | None = None
        self.notes: list[str] = []
        self._columns: dict[int, str] = {}
        self._place = next((at for at, text in enumerate(table.labels) if text and text.startswith(REVIEW)), None)
        self.width = max(len(table.keys), len(table.labels))
        self.table = replace(table, rows=self._counted(table.rows)) if self._place is None else self._bare(table)

    def source_of(self, file: StoredFile) -> StoredFile:
        """Return the file that an upload is a review of, or the upload itself."""
        return replace(file, sha256=self.heading.source, name=self.heading.name) if self.heading else file

    def options(self, given: ImportOptions) -> ImportOptions:
        """Return how the file is to be read: a review as its source was, where nobody says otherwise."""
        return with_carried(given, self.heading.options if self.heading else {}, self.table.labels)

    def _counted(self, rows: Iterator[Row]) -> Iterator[Row]:
        for number, cells in rows:
            self.width = max(self.width, len(cells))
            yield number, cells

    def _bare(self, table: Table) -> Table:
        heading, holds = _heading(table.labels[self._place or 0] or "")
        if heading is not None:
            named = {at: heading.columns.get(one_line(label or "")) for at, label in enumerate(table.labels)}
            self._columns = {at: field for at, field in named.items() if field is not None}
        if holds:
            self.heading = heading
        else:
            self.notes.append(say(MADE_UP))
        keys, labels = self._without(table.keys), self._without(table.labels)
        self.width = max(len(keys), len(labels))
        head = tuple((number, self._without(texts)) for number, texts in table.head)
        is_csv = table.is_csv or bool(self.heading and self.heading.is_csv)
        rows = self._counted(self._taken_off(table.rows))
        return replace(table, keys=keys, labels=labels, head=head, rows=rows, is_csv=is_csv, looks=())

    def _without(self, texts: Sequence[str | None]) -> tuple[str | None, ...]:
        return tuple(_trimmed([None if self._is_own(at) else text for at, text in enumerate(texts)]))

    def _is_own(self, index: int) -> bool:
        return index == self._place or index in self._columns

    def _taken_off(self, rows: Iterator[Row]) -> Iterator[Row]:
        for number, cells in rows:
            asked = self._read(cells)
            if asked:
                self.asked[number] = asked
            left = _trimmed([None if self._is_own(at) else cell for at, cell in enumerate(cells)])
            if left:
                yield number, left

    def _read(self, cells: Sequence[RawCell]) -> tuple[Asked, ...]:
        place = self._place or 0
        text = cells[place] if place < len(cells) else None
        if not isinstance(text, str) or self.heading is None:
            return ()
        words = {word.casefold(): side for word, side in self.heading.words.items()}
        typed = {field: cells[at] for at, field in self._columns.items() if field and at < len(cells)}
        chosen = {field: words.get(one_line(str(cell)).casefold(), "") for field, cell in typed.items()}
        asked = ((found[1], found[2], found[3]) for found in _ASKED.finditer(text))
        return tuple(Asked(*one, chosen.get(one[0], "")) for one in asked)


def _trimmed(cells: list[Any]) -> list[Any]:
    while cells and cells[-1] is None:
        cells.pop()
    return cells


def answers_in(reviewed: Reviewed, plan: Plan, columns: Sequence[Column]) -> tuple[Answers, list[str]]:
    """Return the answers that a review gives to the open questions of its plan, and what is to be said of it.

    A cell that holds something else than when it was asked about is an answer itself: whoever typed it saw the other
    two. It is none beside the words that keep the panel, or where the cell looked damaged.
    """
    fields = {column.field.key: column.field for column in columns}
    types = {key: field.type for key, field in fields.items()}
    answers: dict[tuple[str, str], Answer] = {}
    moved = 0
    for number, asked in reviewed.asked.items():
        row = plan.kept.get(number)
        items = {item.field: item for item in _items(row) if is_asked(item)} if row else {}
        for one in asked:
            item = items.get(one.field)
            if row and one.field == NEW:
                if _still_declined(one, row):
                    answers[str(Address(plan.sheet, "", number)), ""] = Answer(new_sides(row, fields), PANEL)
            elif row and item is not None:
                choice = _choice(one, item, seals_of(item, row, types), is_damage=item in row.repairs)
                moved += bool(one.choice and not choice and item.is_open)
                if choice:
                    answers[str(item.at), item.field] = Answer(sides_of(item, fields.get(item.field)), choice)
    return answers, [*reviewed.notes, *([say(MOVED, count=f"{moved:,}")] if moved else [])]


def answer_plan(plan: Plan, columns: Sequence[Column], reviewed: Reviewed, answers: Answers) -> Answers:
    """Answer a plan's questions: as its preview was answered, else as a review in the file says.

    Return what the review says.
    """
    given, told = answers_in(reviewed, plan, columns)
    plan.notes += told
    answer(plan, columns, given)
    answer(plan, columns, answers)
    return given


def questions_of(row: RowPlan) -> Iterator[Item]:
    """Yield what a person has to decide about a row, or did decide: changes may have been turned down."""
    return (item for item in _items(row) if item.outcome in UNDECIDED or (is_asked(item) and item.choice))


def _items(row: RowPlan) -> tuple[Item, ...]:
    return (*((row.fate,) if row.fate else ()), *row.items, *row.repairs)


def seal_of_new(row: RowPlan) -> str:
    """Return the seal of a new record as its row describes it."""
    return seal_of([NEW, row.creates.contents[0][0] if row.creates else ""])


def _still_declined(asked: Asked, row: RowPlan) -> bool:
    return asked.choice == PANEL and row.creates is not None and hmac.compare_digest(asked.whole, seal_of_new(row))


def _choice(asked: Asked, item: Item, seals: tuple[str, str], *, is_damage: bool) -> str:
    before, whole = (hmac.compare_digest(*pair) for pair in zip((asked.before, asked.whole), seals, strict=True))
    if item.outcome in WRITTEN:
        # An edit that was turned down is written after all where the cell holds another one by now.
        return PANEL if before and whole and asked.choice == PANEL else ""
    if not before or whole:
        return asked.choice if before else ""
    if is_damage or item.field == DELETED or asked.choice == PANEL:
        return ""
    return WORKBOOK
