"""From a look to the log: what was approved is written, a batch whole or not at all, or refused with what moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from sqlalchemy import Connection, RowMapping, update

from panel.authors import Author
from panel.changelog import LostRace, ValueTaken
from panel.database import reading, writing
from panel.exports.closing import close
from panel.imports.ahead import Ahead
from panel.imports.applying import as_made, hold_still, write_plan
from panel.imports.files import uploads
from panel.imports.journey import locked_import, open_import, tell
from panel.imports.lines import plan_counts, save_lines
from panel.imports.moving import moved_lines
from panel.imports.options import ImportOptions, Viewer
from panel.imports.planned import Planned
from panel.imports.planning import Progress, Steps, quiet, silent
from panel.imports.remembering import remember
from panel.imports.second_admin import confirm_first, is_confirmed, needs_second, refuse_same
from panel.imports.telling import tell_uploader
from panel.imports.together import all_planned, files_with, plan_as_asked, plan_together
from panel.jobs import READ, WRITE
from panel.models import Import
from panel.models.columns import now
from panel.schema import forget_schema
from sync.errors import StalePlan
from sync.words import later, say

ATTEMPTS = 4
MOVED = later(
    "Something changed since this plan was made, so nothing was written. Look at what is new, and apply again."
)
CHOSEN = later("Somebody chose otherwise while you were looking, so nothing was written. Look again, and apply.")
OTHERS = later("The files that belong together are others by now, so nothing was written. Look again, and apply.")
TANGLED = later(
    "%(file)s says something else once the files before it are written, so nothing was. "
    "Take it out, apply the others, and then look at it by itself."
)


@dataclass(frozen=True, slots=True)
class Approval:
    """What an admin says to a plan: its fingerprint as it was looked at, and the numbers typed for its guards.

    Without a fingerprint the plan is taken that is stored.
    """

    import_id: int
    confirm: tuple[int, ...] = ()
    fingerprint: str = ""


class _Differs(Exception):
    """A plan made while writing is not the one that was approved."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.file = file


def apply_import(
    import_id: int,
    viewer: Viewer,
    confirm: Sequence[int] = (),
    fingerprint: str = "",
    begin: Callable[[], AbstractContextManager[Connection]] = writing,
    done: Callable[[], None] = lambda: None,
    telling: Steps = silent,
) -> bool:
    """Apply one import as `apply_together` does."""
    return apply_together([Approval(import_id, tuple(confirm), fingerprint)], viewer, begin, done, telling)


def apply_together(
    approvals: Sequence[Approval],
    viewer: Viewer,
    begin: Callable[[], AbstractContextManager[Connection]] = writing,
    done: Callable[[], None] = lambda: None,
    telling: Steps = silent,
) -> bool:
    """Apply looked-at plans whole, those of one batch or a single one, or refuse with what moved.

    `begin` starts the transaction, `done` is called at its end; `telling` hears how far reading and writing are.
    Return False where plans were confirmed, and a second admin has to apply them. Raises `StalePlan`.
    """
    rows, planned = _plan(approvals, viewer, telling)
    differs: _Differs | None = None
    for attempt in range(ATTEMPTS):
        if differs:
            rows, planned = _plan(approvals, viewer, telling)
        if not _may_write(rows, planned, approvals, viewer):
            return False
        try:
            with begin() as connection:
                rows = _open(connection, approvals)
                planned = _write(connection, rows, planned, viewer, telling, is_first=not attempt)
                done()
                break
        except (LostRace, ValueTaken):
            continue
        except _Differs as other:
            # Where nothing moved meanwhile, what is written before a file gives it another meaning.
            if len(rows) > 1 and differs:
                raise StalePlan(say(TANGLED, file=other.file)) from None
            differs = other
        finally:
            forget_schema()  # a field that was made is gone with what is rolled back
    else:
        raise StalePlan(say(MOVED))
    for row in rows:
        forget_secrets(row["stored_as"], planned[row["id"]])
        tell_uploader(row["id"])
    return True


def _plan(approvals: Sequence[Approval], viewer: Viewer, telling: Steps) -> tuple[list[RowMapping], dict[int, Planned]]:
    with reading() as connection:
        rows = _open(connection, approvals, lock=False)
        return rows, all_planned(rows, plan_together(connection, rows, viewer, telling(READ)))


def _open(connection: Connection, approvals: Sequence[Approval], *, lock: bool = True) -> list[RowMapping]:
    """Return the rows of approved imports. Raises `StalePlan` where they are no whole batch, and not one alone."""
    rows = [open_import(connection, one.import_id, lock=lock) for one in approvals]
    if [row["id"] for row in files_with(connection, rows[0])] != [row["id"] for row in rows]:
        raise StalePlan(say(OTHERS))
    return rows


def _write(
    connection: Connection,
    rows: Sequence[RowMapping],
    planned: Mapping[int, Planned],
    viewer: Viewer,
    telling: Steps,
    *,
    is_first: bool,
) -> dict[int, Planned]:
    """Write plans in their order, each made anew as soon as those before it are written; return them.

    At the first attempt the plan of the first file is the one at hand: the database refuses what no longer fits.
    """
    made, ahead = dict(planned), Ahead()
    if len(rows) > 1 or not is_first:
        hold_still(connection, (one.schema.entity for one in planned.values()))
    for number, row in enumerate(rows):
        # Where somebody wrote meanwhile, what was approved may hold all the same.
        if number or not is_first:
            made[row["id"]] = plan_as_asked(connection, row, viewer, telling(READ), ahead)
        one = made[row["id"]]
        if one.fingerprint != row["fingerprint"]:
            raise _Differs(row["file_name"])
        finish(connection, row["id"], one, viewer, telling(WRITE))
        ahead.wrote(connection, row["id"], one)
    return made


def _may_write(
    rows: Sequence[RowMapping], planned: Mapping[int, Planned], approvals: Sequence[Approval], viewer: Viewer
) -> bool:
    """Refuse what nobody approved, or record the first of two approvals."""
    if any(one.fingerprint not in {"", row["fingerprint"]} for row, one in zip(rows, approvals, strict=True)):
        raise StalePlan(say(CHOSEN))
    if any(planned[row["id"]].fingerprint != row["fingerprint"] for row in rows):
        _show_anew(planned)
    waiting = [row for row, one in zip(rows, approvals, strict=True) if not _is_approved(row, planned, one, viewer)]
    for row in waiting:
        one = planned[row["id"]]
        with writing() as connection:
            open_import(connection, row["id"])
            confirm_first(connection, row["id"], one, viewer)
            tell(connection, "import confirmed", {"import": row["id"], "file": one.file.name}, viewer)
    return not waiting


def _is_approved(row: RowMapping, planned: Mapping[int, Planned], approval: Approval, viewer: Viewer) -> bool:
    """Tell whether a plan may be written; if not, it waits for a second admin. Raises `StalePlan`."""
    options, one = replace(ImportOptions.from_json(row["options"]), confirm=approval.confirm), planned[row["id"]]
    if is_confirmed(row, one) and needs_second(one):
        refuse_unready(one, replace(options, confirm=tuple(guard.count for guard in one.guards)))
        refuse_same(row, viewer)
        return True
    refuse_unready(one, options)
    return not needs_second(one)


def _show_anew(planned: Mapping[int, Planned]) -> None:
    with writing() as connection:
        for import_id, one in planned.items():
            open_import(connection, import_id)
            save_lines(connection, import_id, one, moved_lines(connection, import_id, one))
    raise StalePlan(say(MOVED))


def refuse_unready(planned: Planned, options: ImportOptions) -> None:
    """Refuse a plan with open questions, problems that nobody said to skip, or guards. Raises `StalePlan`."""
    if planned.headers.doubles:
        raise StalePlan(say("Two columns hold the same field. Choose under Columns which of them counts, then apply."))
    if planned.plan.undecided:
        raise StalePlan(say("Some cells wait for a decision. Choose for each of them, then apply."))
    if planned.plan.all_problems and not options.skip_problems:
        raise StalePlan(say("Some rows have problems. Mend them in the workbook, or choose to skip those rows."))
    for guard in options.unconfirmed(planned.guards):
        raise StalePlan(f"{guard.message} {say('To apply it all the same, type %(number)s.', number=guard.count)}")


def finish(
    connection: Connection, import_id: int, planned: Planned, viewer: Viewer, progress: Progress = quiet
) -> None:
    """Write a plan and mark its import as applied, in the caller's transaction."""
    write_plan(connection, planned, Author(viewer.name, "import", viewer.user_id, import_id), progress)
    row = locked_import(connection, import_id)
    applied = {"state": "applied", "applied_at": now(), "applied_by": viewer.name, "export_id": planned.export_id}
    applied |= {"review_of": planned.source.sha256, "entity": planned.schema.entity.key}
    applied |= {"counts": {**row["counts"], **plan_counts(planned)}, "message": ""}
    # What a few cells looked like is of no use any more, and nobody's to find there.
    applied |= {"new_fields": [as_made(one) for one in planned.new_fields], "reading": None}
    applied |= {"told_at": now()} if row["user_id"] == viewer.user_id else {}
    connection.execute(update(Import).where(Import.id == import_id).values(**applied))
    close(connection, planned.export_id)
    remember(connection, planned, viewer)
    counts = planned.plan.counts()
    done = {"created": counts.created, "updated": counts.updated, "deleted": counts.deleted}
    fields = [one.field.key for one in planned.new_fields if one.accepted]
    detail = {"import": import_id, "file": planned.file.name, "rows": counts.rows, **done, "new_fields": fields}
    detail |= {"guards": [guard.kind for guard in planned.guards]} if planned.guards else {}
    tell(connection, "import", detail | {"digest": planned.file.sha256}, viewer)


def forget_secrets(stored_as: str, planned: Planned) -> None:
    """Remove an applied file that held passwords: nothing needs them in the clear any more."""
    if planned.holds_secrets:
        (uploads() / stored_as).unlink(missing_ok=True)


def is_ready(planned: Planned, options: ImportOptions) -> bool:
    """Tell whether nothing waits for a person."""
    has_problems = bool(planned.plan.all_problems) and not options.skip_problems
    unconfirmed = options.unconfirmed(planned.guards) or needs_second(planned)
    return not (planned.plan.undecided or has_problems or unconfirmed)
