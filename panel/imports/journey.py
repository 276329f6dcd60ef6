"""From upload to applied: one row carries the state, its items are the preview, and applying is all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from panel.audit import plain
from panel.database import reading, writing
from panel.entities import BY_NAME, CUSTOMER
from panel.imports.choosing import store_choice
from panel.imports.files import StoredFile, store, uploads
from panel.imports.lines import save_lines
from panel.imports.options import ImportOptions, Viewer
from panel.imports.planning import plan_file
from panel.imports.telling import tell_uploader
from panel.imports.together import all_planned, asked_of, files_with, plan_together
from panel.models import Event, Import, ImportItem, User
from panel.models.columns import now
from panel.rights import lacks_of, rights_of
from sync.errors import SyncError
from sync.words import later, say

ATTEMPTS = 4
ATTEMPTS = 4
LONGEST_REASON = 1_000
MANY_CHOOSE = later("Others are choosing at the same time. What you chose is kept; look again in a moment.")
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
    rights = (user.may("config"), lacks_of(user), rights_of(user), user.may("import.apply"))
    return Viewer(str(user), through, user.id, user.partner_id, *rights)


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
    """Plan an uploaded file and the others of its batch again, with other options or after the panel moved on."""
    with writing() as connection:
        set_options(connection, import_id, options)
    for _attempt in range(ATTEMPTS):
        with reading() as connection:
            rows = files_with(connection, open_import(connection, import_id, lock=False))
            asked = asked_of(connection, rows)
            planned = all_planned(rows, plan_together(connection, rows, viewer))
        with writing() as connection:
            for number in planned:
                open_import(connection, number)
            # What somebody chose meanwhile would be lost with the lines that are replaced.
            if asked_of(connection, rows) == asked:
                for number, plan in planned.items():
                    save_lines(connection, number, plan)
                return
    raise SyncError(say(MANY_CHOOSE))


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


def tell(connection: Connection, name: str, detail: Mapping[str, Any], viewer: Viewer) -> None:
    """Add an event to the audit."""
    by = {"by": plain(viewer.name), "user_id": viewer.user_id}
    connection.execute(insert(Event).values(**by, name=name, detail=detail))


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


def register(
    connection: Connection, file: StoredFile, options: ImportOptions, viewer: Viewer, state: str = "planned"
) -> int:
    """Add the row of an import."""
    values = {
        "entity": BY_NAME.get(options.of, CUSTOMER).key,
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
