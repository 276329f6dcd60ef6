"""From upload to applied: one row carries the state, its items are the preview, and applying is all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from panel.audit import plain
from panel.authors import Author
from panel.changelog import LostRace, ValueTaken
from panel.database import reading, writing
from panel.exports.closing import close
from panel.extensions import db
from panel.imports.applying import as_made, hold_still, write_plan
from panel.imports.choices import saved_answers
from panel.imports.choosing import store_choice
from panel.imports.files import StoredFile, store, uploads
from panel.imports.lines import plan_counts, save_lines
from panel.imports.moving import moved_lines
from panel.imports.options import ImportOptions, Viewer
from panel.imports.planned import Planned
from panel.imports.planning import Progress, plan_file, quiet
from panel.imports.reading import refuse_fieldless
from panel.imports.remembering import named, remember
from panel.imports.second_admin import confirm_first, is_confirmed, needs_second, refuse_same
from panel.imports.telling import tell_uploader
from panel.models import Event, Import, ImportItem, User
from panel.models.columns import now
from panel.rights import rights_of
from panel.schema import ENTITY
from sync.errors import StalePlan, SyncError
from sync.words import later, say

ATTEMPTS = 4
LONGEST_REASON = 1_000
MOVED = later(
    "Something changed since this plan was made, so nothing was written. Look at what is new, and apply again."
)
APPLIED = later("%(name)s applied this import already, so nothing was done twice. Look at what came of it.")
REJECTED = later("This import was discarded. Upload the file again to import it.")
UPLOADED = later("This file is still being read. Wait for its preview.")
FAILED = later("This file could not be read. Upload it again.")
UNDONE = later("This import was applied and undone. Upload the file again to import it.")
CHOSEN = later("Somebody chose otherwise while you were looking, so nothing was written. Look again, and apply.")
BARRED = later("%(name)s may not import any more. Discard this import, and upload the file yourself.")


def viewer_of(user: User, through: str = "panel") -> Viewer:
    """Return whose rights an import of this user has."""
    rights = (user.may("config"), user.may("customer.delete"))
    return Viewer(str(user), through, user.id, user.partner_id, *rights, rights_of(user))


def receive(source: BinaryIO, file_name: str, options: ImportOptions, viewer: Viewer) -> int:
    """Store a file, plan it and save the preview; return the import's ID."""
    file = store(source, file_name)
    try:
        with reading() as connection:
            planned = plan_file(connection, file, options, viewer)
    except SyncError:
        file.path.unlink(missing_ok=True)
        raise
    with writing() as connection:
        import_id = register(connection, file, options, viewer)
        save_lines(connection, import_id, planned)
    return import_id


def replan(import_id: int, options: ImportOptions, viewer: Viewer) -> None:
    """Plan an uploaded file again, with other options or after the panel moved on."""
    with writing() as connection:
        set_options(connection, import_id, options)
    with reading() as connection:
        row = open_import(connection, import_id, lock=False)
        planned = plan_again(connection, row, options, viewer)
    with writing() as connection:
        open_import(connection, import_id)
        save_lines(connection, import_id, planned)


def set_options(connection: Connection, import_id: int, options: ImportOptions) -> None:
    """Store how a file is to be read and decided; an option that is taken back takes its answers along."""
    before = ImportOptions.from_json(open_import(connection, import_id)["options"])
    connection.execute(update(Import).where(Import.id == import_id).values(options=options.to_json()))
    mine = ImportItem.import_id == import_id
    blank = update(ImportItem).where(mine).values(choice="", other=None)
    if before.accept_unknown and not options.accept_unknown:
        connection.execute(blank.where(ImportItem.group.in_(("unknown", "repair")), ImportItem.choice == "workbook"))
    if before.repair and not options.repair:
        connection.execute(blank.where(ImportItem.group == "repair"))
    if before.prefer != options.prefer:
        connection.execute(blank.where(ImportItem.group == "conflict"))


def choose(import_id: int, choices: Mapping[int, str], viewer: Viewer) -> None:
    """Answer lines of a preview by their numbers, ``panel`` or ``workbook``, and plan with the answers."""
    with writing() as connection:
        row = open_import(connection, import_id)
        for number, choice in choices.items():
            store_choice(connection, import_id, [ImportItem.number == number], choice, viewer)
        options = ImportOptions.from_json(row["options"])
    replan(import_id, options, viewer)


@dataclass(frozen=True, slots=True)
class Approval:
    """What an admin says to a plan: its fingerprint as it was looked at, and the numbers typed for guards.

    Without a fingerprint the plan is taken that is stored.
    """

    viewer: Viewer
    confirm: tuple[int, ...] = ()
    fingerprint: str = ""


def apply_import(
    import_id: int,
    viewer: Viewer,
    confirm: Sequence[int] = (),
    fingerprint: str = "",
    begin: Callable[[], AbstractContextManager[Connection]] = writing,
    done: Callable[[], None] = lambda: None,
    progress: Progress = quiet,
) -> bool:
    """Apply a looked-at plan whole, or refuse with what moved; `confirm` are numbers typed for guards.

    `begin` starts the transaction, `done` is called at its end. Return False where the plan was confirmed, and a
    second admin has to apply it. Raises `StalePlan`.
    """
    approval = Approval(viewer, tuple(confirm), fingerprint)
    with reading() as connection:
        row = open_import(connection, import_id, lock=False)
        planned = plan_again(connection, row, ImportOptions.from_json(row["options"]), viewer, progress)
    for _attempt in range(ATTEMPTS):
        if not _may_write(import_id, row, planned, approval):
            return False
        try:
            with begin() as connection:
                row = open_import(connection, import_id)
                # Where somebody wrote meanwhile, what was approved may hold all the same.
                if _attempt:
                    hold_still(connection)
                    planned = plan_again(connection, row, ImportOptions.from_json(row["options"]), viewer)
                if planned.fingerprint == row["fingerprint"]:
                    finish(connection, import_id, planned, viewer)
                    done()
                    break
        except (LostRace, ValueTaken):
            continue
    else:
        raise StalePlan(say(MOVED))
    forget_secrets(row["stored_as"], planned)
    tell_uploader(import_id)
    return True


def _may_write(import_id: int, row: RowMapping, planned: Planned, approval: Approval) -> bool:
    """Refuse what nobody approved, or record the first of two approvals."""
    options = replace(ImportOptions.from_json(row["options"]), confirm=approval.confirm)
    if approval.fingerprint not in {"", row["fingerprint"]}:
        raise StalePlan(say(CHOSEN))
    if planned.fingerprint != row["fingerprint"]:
        _show_anew(import_id, planned)
    if not needs_second(planned):
        refuse_unready(planned, options)
        return True
    if is_confirmed(row, planned):
        refuse_unready(planned, replace(options, confirm=tuple(guard.count for guard in planned.guards)))
        refuse_same(row, approval.viewer)
        return True
    refuse_unready(planned, options)
    with writing() as connection:
        open_import(connection, import_id)
        confirm_first(connection, import_id, planned, approval.viewer)
        tell(connection, "import confirmed", {"import": import_id, "file": planned.file.name}, approval.viewer)
    return False


def _show_anew(import_id: int, planned: Planned) -> None:
    with writing() as connection:
        open_import(connection, import_id)
        save_lines(connection, import_id, planned, moved_lines(connection, import_id, planned))
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


def finish(connection: Connection, import_id: int, planned: Planned, viewer: Viewer) -> None:
    """Write a plan and mark its import as applied, in the caller's transaction."""
    write_plan(connection, planned, Author(viewer.name, "import", viewer.user_id, import_id))
    row = locked_import(connection, import_id)
    applied = {"state": "applied", "applied_at": now(), "applied_by": viewer.name, "export_id": planned.export_id}
    applied["review_of"] = planned.source.sha256
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


def tell(connection: Connection, name: str, detail: Mapping[str, Any], viewer: Viewer) -> None:
    """Add an event to the audit."""
    by = {"by": plain(viewer.name), "user_id": viewer.user_id}
    connection.execute(insert(Event).values(**by, name=name, detail=detail))


def forget_secrets(stored_as: str, planned: Planned) -> None:
    """Remove an applied file that held passwords: nothing needs them in the clear any more."""
    if planned.holds_secrets:
        (uploads() / stored_as).unlink(missing_ok=True)


def import_at_once(
    path: Path,
    options: ImportOptions,
    viewer: Viewer,
    *,
    dry_run: bool,
    afterwards: Callable[[Planned, bool], None] = lambda _planned, _applied: None,
) -> tuple[Planned, int | None]:
    """Plan a file and, unless it is a dry run or not ready, apply it; return the plan and the applied import's ID.

    The plan is made without a write lock. Where a record moved before it was written, it is made once more
    inside the writing transaction. `afterwards` is told the plan, and if it was applied, while the file is there.
    """
    with path.open("rb") as source:
        file = store(source, path.name)
    applied = None
    try:
        with reading() as connection:
            options = named(connection, options, viewer)
            planned = plan_file(connection, file, options, viewer)
        refuse_fieldless(planned.reading)
        if not dry_run and is_ready(planned, options):
            planned, applied = _write_at_once(file, planned, options, viewer)
        afterwards(planned, applied is not None)
        if applied is not None:
            forget_secrets(file.path.name, planned)
        return planned, applied
    finally:
        if applied is None:
            file.path.unlink(missing_ok=True)


def is_ready(planned: Planned, options: ImportOptions) -> bool:
    """Tell whether nothing waits for a person."""
    has_problems = bool(planned.plan.all_problems) and not options.skip_problems
    unconfirmed = options.unconfirmed(planned.guards) or needs_second(planned)
    return not (planned.plan.undecided or has_problems or unconfirmed)


def _write_at_once(
    file: StoredFile, planned: Planned, options: ImportOptions, viewer: Viewer
) -> tuple[Planned, int | None]:
    try:
        with writing() as connection:
            import_id = register(connection, file, options, viewer)
            finish(connection, import_id, planned, viewer)
            return planned, import_id
    except (LostRace, ValueTaken):
        with writing() as connection:
            hold_still(connection)
            planned = plan_file(connection, file, options, viewer)
            if not is_ready(planned, options):
                return planned, None
            import_id = register(connection, file, options, viewer)
            finish(connection, import_id, planned, viewer)
            return planned, import_id


def reject(import_id: int, viewer: Viewer, reason: str = "") -> None:
    """Set an import aside, for a reason that its uploader is told; its file is removed."""
    with writing() as connection:
        row = open_import(connection, import_id, "planned", "uploaded")
        words = say("Discarded by %(name)s: %(reason)s", name=viewer.name, reason=reason[:LONGEST_REASON])
        message = words if reason else say("Discarded by %(name)s.", name=viewer.name)
        values: dict[str, Any] = {"state": "rejected", "message": message, "reading": None}
        if row["user_id"] == viewer.user_id:
            values["told_at"] = now()
        connection.execute(update(Import).where(Import.id == import_id).values(**values))
        connection.execute(delete(ImportItem).where(ImportItem.import_id == import_id))
    (uploads() / row["stored_as"]).unlink(missing_ok=True)
    tell_uploader(import_id)


def locked_import(connection: Connection, import_id: int, *, lock: bool = True) -> RowMapping:
    """Return an import's row, locked where the database can. Raises `SyncError` where there is none.

    Who only reads a snapshot asks for no lock: there is none to be had on a row that somebody wrote since.
    """
    query = select(Import.__table__).where(Import.id == import_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise SyncError(say("There is no import %(number)s.", number=import_id))
    return row


def open_import(connection: Connection, import_id: int, *states: str, lock: bool = True) -> RowMapping:
    """Return the locked row of an import in one of these states, else planned. Raises `SyncError` for any other."""
    row = locked_import(connection, import_id, lock=lock)
    if row["state"] not in (states or ("planned",)):
        said = {"applied": APPLIED, "rejected": REJECTED, "uploaded": UPLOADED, "failed": FAILED, "undone": UNDONE}
        raise SyncError(say(said.get(row["state"], APPLIED), name=row["applied_by"] or row["by"]))
    return row


def plan_again(
    connection: Connection, row: RowMapping, options: ImportOptions, viewer: Viewer, progress: Progress = quiet
) -> Planned:
    """Return the plan of an uploaded file as of now, with the answers that were given to its preview."""
    file = StoredFile(uploads() / row["stored_as"], row["file_name"], row["sha256"])
    both = _with_uploaders_rights(row, viewer)
    return plan_file(connection, file, options, both, saved_answers(connection, row["id"]), progress)


def _with_uploaders_rights(row: RowMapping, viewer: Viewer) -> Viewer:
    """Return the viewer's rights, no wider than the uploader's of now: an approval lends nobody more.

    Raises `SyncError` where the uploader may no longer bring workbooks back.
    """
    if row["user_id"] is None or row["user_id"] == viewer.user_id:
        return viewer
    uploader = db.session.get(User, row["user_id"])
    if uploader is None or not (uploader.active and uploader.may("import.upload")):
        raise SyncError(say(BARRED, name=row["by"]))
    return replace(
        viewer,
        partner_id=uploader.partner_id if viewer.partner_id is None else viewer.partner_id,
        may_delete=viewer.may_delete and uploader.may("customer.delete"),
        fields=viewer.fields.both(rights_of(uploader)),
    )


def register(
    connection: Connection, file: StoredFile, options: ImportOptions, viewer: Viewer, state: str = "planned"
) -> int:
    """Add the row of an import."""
    values = {
        "entity": ENTITY,
        "by": viewer.name,
        "user_id": viewer.user_id,
        "through": viewer.through,
        "file_name": file.name,
        "sha256": file.sha256,
        "stored_as": file.path.name,
        "options": options.to_json(),
        "state": state,
    }
    return int(connection.execute(insert(Import).values(**values).returning(Import.id)).scalar_one())
