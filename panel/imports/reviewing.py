"""Write a review: the uploaded rows as they were typed, what is wrong in red, what is open in amber, answers beside.

Addresses are those of the upload: rows and columns stay where they are, extra columns too, and the review's own
columns follow the last one. All rows are kept, and none is hidden, so that it is the whole file and whoever pastes
over several rows writes into no other. A column that the viewer may not see is left blank with its heading, which is
no opinion; so is the mask that stands for a typed password. A formula is written as its value.
`panel.imports.reviewed` reads it back.
"""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sqlalchemy import Connection

from panel.database import reading, writing
from panel.imports.carried import carried_of
from panel.imports.files import limits, uploads
from panel.imports.journey import open_import, tell
from panel.imports.options import Viewer
from panel.imports.planned import Planned
from panel.imports.planning import Progress, Steps, quiet, silent
from panel.imports.review_rows import KEEP, TAKE, RowReviewer
from panel.imports.reviewed import NEW, Heading, Reviewed, one_line
from panel.imports.together import plan_as_asked
from panel.jobs import READ, WRITE
from panel.records import BATCH
from sync.actions import ACTION
from sync.errors import SyncError
from sync.plan import DELETED
from sync.words import later, say
from sync.workbook import Table, open_table
from sync.workbook.layout import FIXED_COLUMNS
from sync.workbook.review import ReviewRow, write_review
from sync.workbook.review_frame import Beside, ReviewSheet
from sync.workbook.table import REF

GUIDE_LINE = 95
STATE_WIDTH, TOLD_WIDTH, CHOICE_WIDTH, NOTED_WIDTH = 12, 60, 22, 45
STATE, TOLD, CHOOSE, NOTED = (
    later("Review"),
    later("What to look at"),
    later("Choose: %(label)s"),
    later("Also noted"),
)
NEW_ROW = later("New %(noun)s")
HOW = later("Keep the panel's value or take the workbook's. Blank stays open.")
ENDING = later("review")
GONE = later("The file of this import is not kept any more. Upload it again, and take the review then.")
NOTHING = later("Nothing is left to look at in this file.")
GUIDE = (
    later("This is the workbook that was uploaded, with what needs a look. Rows and columns are where they were."),
    later("Filter the column Review to see only the rows with something to do. What it is stands beside them."),
    later("A red cell cannot be taken as it is. Correct it in its place."),
    later(
        "An amber cell has an open question. Choose the panel's value or the workbook's in the column at the right "
        "that is named after the field; a blank choice stays open. Another value typed into the cell is an answer, too."
    ),
    later(
        "Save the workbook and upload it. What was corrected and answered is done, and only the rest is asked again."
    ),
    later("Where the panel has changed since, a choice does not count, and the question is asked again."),
    later("What was applied before is not applied twice. Leave the hidden columns as they are."),
)


def write_review_of(
    connection: Connection, path: Path, planned: Planned, *, is_applied: bool = False, progress: Progress = quiet
) -> bool:
    """Write the review of a plan, if there is something to look at; return whether there was.

    Of a plan that was applied, what was decided is done with. `progress` hears how many rows are written.
    """
    reviewer = RowReviewer(connection, planned, is_applied=is_applied)
    if not _is_worth_it(planned, reviewer):
        return False
    try:
        _write(path, planned, reviewer, lambda rows: _told(_in_order(rows), planned, progress))
    except _OutOfOrderError:
        _write(path, planned, reviewer, lambda rows: sorted(rows, key=lambda row: row.number))
    return True


def review_import(import_id: int, path: Path, viewer: Viewer, telling: Steps = silent) -> Planned:
    """Write the review of an import as of now, and return the plan that it is of.

    Raises `SyncError` where nothing is left to look at, or the file is not there any more.
    """
    with reading() as connection:
        row = open_import(connection, import_id, "planned", "applied", lock=False)
        if not (uploads() / row["stored_as"]).is_file():
            raise SyncError(say(GONE))
        planned = plan_as_asked(connection, row, viewer, telling(READ))
    if not save_review(path, planned, viewer, import_id=import_id, progress=telling(WRITE)):
        raise SyncError(say(NOTHING))
    return planned


def save_review(
    path: Path,
    planned: Planned,
    viewer: Viewer,
    *,
    is_applied: bool = False,
    import_id: int = 0,
    progress: Progress = quiet,
) -> bool:
    """Write the review of a plan as a file that leaves the panel: as an export does, it goes into the audit."""
    with reading() as connection:
        if not write_review_of(connection, path, planned, is_applied=is_applied, progress=progress):
            return False
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    detail = {"file": planned.file.name, "rows": planned.plan.rows, "digest": digest}
    detail |= {"import": import_id} if import_id else {}
    with writing() as connection:
        tell(connection, "review", detail, viewer)
    return True


def review_name(file_name: str) -> str:
    """Return what the review of a file is called; the review of a review is called the same."""
    ending = f" – {say(ENDING)}"
    return f"{Path(file_name).stem.removesuffix(ending)}{ending}.xlsx"


def _is_worth_it(planned: Planned, reviewer: RowReviewer) -> bool:
    plan = planned.plan
    if plan.problems or planned.guards:
        return True
    return any(row.ignored or reviewer.looks_at(row) for row in plan.kept.values())


def _write(path: Path, planned: Planned, reviewer: RowReviewer, order: _Order) -> None:
    with open_table(planned.file.path, limits(), planned.asked) as opened:
        table = Reviewed(opened).table
        write_review(path, _sheet(table, planned, reviewer), order(reviewer.rows(table.rows)))


_Order = Callable[[Iterator[ReviewRow]], Iterable[ReviewRow]]


class _OutOfOrderError(Exception):
    """The rows of a sheet's part do not follow one another, as no program writes them: they are held whole."""


def _told(rows: Iterator[ReviewRow], planned: Planned, progress: Progress) -> Iterator[ReviewRow]:
    for done, row in enumerate(rows):
        if not done % BATCH:
            progress(done, max(done, planned.plan.rows))
        yield row


def _in_order(rows: Iterator[ReviewRow]) -> Iterator[ReviewRow]:
    last = 0
    for row in rows:
        if row.number < last:
            raise _OutOfOrderError
        last = row.number
        yield row


def _sheet(table: Table, planned: Planned, reviewer: RowReviewer) -> ReviewSheet:
    beside = tuple(_beside(table, planned, reviewer))
    fields = {one.index: one.field for one in planned.headers.columns}
    fields |= {} if planned.headers.action_column is None else {planned.headers.action_column: ACTION}
    key_row = next((number for number, texts in table.head if any((text or "").startswith(REF) for text in texts)), 0)
    first = (row.row for row in planned.plan.kept.values() if reviewer.looks_at(row))
    is_ours = table.ref_column == 0
    return ReviewSheet(
        name=table.sheet,
        head=tuple(_head(table, reviewer, [one.label for one in beside])),
        key_row=key_row,
        fields=fields,
        start=reviewer.layout.start,
        beside=beside,
        hidden=frozenset() if table.ref_column is None else frozenset({table.ref_column}),
        frozen=FIXED_COLUMNS if is_ours else 0,
        first_marked=min(first, default=0),
        guide=tuple(_guide(planned)),
        manifest={"format": "rollbook1", "entity": planned.schema.entity.key, "review": planned.source.name},
    )


def _head(table: Table, reviewer: RowReviewer, labels: list[str]) -> Iterator[tuple[int, tuple[str | None, ...]]]:
    for number, texts in table.head:
        shown = [None if at in reviewer.unseen else text for at, text in enumerate(texts)]
        if number == table.head[-1][0]:
            shown = [*shown, *[None] * (reviewer.layout.start - len(shown)), *labels]
        yield number, tuple(shown)


def _beside(table: Table, planned: Planned, reviewer: RowReviewer) -> Iterator[Beside]:
    taken = {one_line(label or "").casefold() for label in table.labels}
    state, told, noted = (_free(say(text), taken) for text in (STATE, TOLD, NOTED))
    names = {field.key: field.name for field in planned.shown.fields} | {
        DELETED: say(planned.schema.entity.noun).capitalize(),
        NEW: say(NEW_ROW, noun=say(planned.schema.entity.noun)),
    }
    choices = {_free(say(CHOOSE, label=names[key]), taken): key for key in reviewer.layout.asked}
    words = {"panel": say(KEEP), "workbook": say(TAKE)}
    columns = {state: "", told: "", **choices, noted: ""}
    sides = {word: side for side, word in words.items()}
    carried = carried_of(planned.reading.options, planned.columns, planned.reading.table.labels)
    heading = Heading(columns, sides, planned.source.sha256, planned.source.name, table.is_csv, carried)
    yield Beside(state, STATE_WIDTH)
    yield Beside(told, TOLD_WIDTH, is_wrapped=True)
    yield from (Beside(label, CHOICE_WIDTH, say(HOW), tuple(words.values())) for label in choices)
    yield Beside(noted, NOTED_WIDTH, is_wrapped=True)
    yield Beside(heading.text(), STATE_WIDTH, is_hidden=True)


def _free(label: str, taken: set[str]) -> str:
    """Return a label that no column has, on one line."""
    plain = one_line(label)
    free, number = plain, 2
    while free.casefold() in taken:
        free, number = f"{plain} {number}", number + 1
    taken.add(free.casefold())
    return free


def _guide(planned: Planned) -> Iterator[str]:
    """Yield what stands on the sheet beside, a line a row: not every program makes rows as high as their text."""
    problems, guards = ([one.message for one in some] for some in (planned.plan.problems, planned.guards))
    for paragraph in (*map(say, GUIDE), *planned.plan.notes, *problems, *guards):
        yield from (*textwrap.wrap(paragraph, GUIDE_LINE), "")
