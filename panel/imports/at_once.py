"""Files imported at once, as commands do: planned, and applied whole where nothing waits for a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from panel.changelog import LostRace, ValueTaken
from panel.database import reading, writing
from panel.imports.ahead import Ahead
from panel.imports.applying import hold_still
from panel.imports.approving import finish, forget_secrets, is_ready
from panel.imports.files import StoredFile, store
from panel.imports.journey import register
from panel.imports.options import ImportOptions, Viewer
from panel.imports.planned import Planned
from panel.imports.planning import plan_file
from panel.imports.reading import refuse_fieldless
from panel.imports.remembering import named
from panel.imports.together import join, named_after
from panel.schema import forget_schema
from sync.errors import SyncError


class _Waits(Exception):
    """A plan made while writing waits for a person; `planned` are the plans that show why."""

    def __init__(self, planned: list[Planned]) -> None:
        super().__init__()
        self.planned = planned


def import_at_once(
    path: Path,
    options: ImportOptions,
    viewer: Viewer,
    *,
    dry_run: bool,
    afterwards: Callable[[Planned, bool], None] = lambda _planned, _applied: None,
) -> tuple[Planned, int | None]:
    """Import one file as `import_together` does; `afterwards` is told its plan, and if it was applied."""

    def told(planned: Sequence[Planned], applied: bool) -> None:
        afterwards(planned[0], applied)

    (planned,), ids = import_together([path], options, viewer, dry_run=dry_run, afterwards=told)
    return planned, ids[0] if ids else None


def import_together(
    paths: Sequence[Path],
    options: ImportOptions,
    viewer: Viewer,
    *,
    dry_run: bool,
    afterwards: Callable[[Sequence[Planned], bool], None] = lambda _planned, _applied: None,
) -> tuple[list[Planned], list[int]]:
    """Plan files, each as if those before it were written, and apply all of them or none.

    None is for a dry run, or where one waits for a person. Return the plans, and the IDs of the applied imports. The
    plans are made without a write lock. Where a record moved before it was written, they are made once more inside the
    writing transaction. `afterwards` is told the plans, and if they were applied, while the files are there.
    """
    files: list[StoredFile] = []
    applied: list[int] = []
    try:
        for path in paths:
            with path.open("rb") as source:
                files.append(store(source, path.name))
        with reading() as connection:
            options = named(connection, options, viewer)
            planned = _plan(connection, files, options, viewer)
        for one in planned:
            refuse_fieldless(one.reading, one.schema.entity)
        if not dry_run and all(is_ready(one, options) for one in planned):
            planned, applied = _write(files, planned, options, viewer)
        afterwards(planned, bool(applied))
        for file, one in zip(files, planned, strict=True):
            if applied:
                forget_secrets(file.path.name, one)
        return planned, applied
    finally:
        for file in files if not applied else ():
            file.path.unlink(missing_ok=True)


def _plan(connection: Connection, files: Sequence[StoredFile], options: ImportOptions, viewer: Viewer) -> list[Planned]:
    ahead, planned = Ahead(), []
    for number, file in enumerate(files):
        try:
            planned.append(plan_file(connection, file, options, viewer, ahead=ahead))
        except SyncError as error:
            raise named_after(file.name, error, len(files)) from None
        ahead.add(number, planned[-1])
    return planned


def _write(
    files: Sequence[StoredFile], planned: Sequence[Planned], options: ImportOptions, viewer: Viewer
) -> tuple[list[Planned], list[int]]:
    for is_first in (True, False):
        try:
            with writing() as connection:
                return _write_all(connection, files, planned, options, viewer, is_first=is_first)
        except (LostRace, ValueTaken):
            if not is_first:
                raise
        except _Waits as waits:
            return waits.planned, []
        finally:
            forget_schema()  # a field that was made is gone with what is rolled back
    raise AssertionError("the second attempt is written or says why not")


def _write_all(
    connection: Connection,
    files: Sequence[StoredFile],
    planned: Sequence[Planned],
    options: ImportOptions,
    viewer: Viewer,
    *,
    is_first: bool,
) -> tuple[list[Planned], list[int]]:
    """Write files in their order, each planned anew as soon as those before it are written."""
    made, ids, ahead = list(planned), list[int](), Ahead()
    if len(files) > 1 or not is_first:
        hold_still(connection, (one.schema.entity for one in planned))
    for number, file in enumerate(files):
        if number or not is_first:
            again = plan_file(connection, file, options, viewer, ahead=ahead)
            made[number] = replace(again, against=planned[number].against)
        if not is_ready(made[number], options):
            raise _Waits(made)
        import_id = register(connection, file, options, viewer)
        finish(connection, import_id, made[number], viewer)
        ahead.wrote(connection, import_id, made[number])
        ids.append(import_id)
    if len(ids) > 1:
        join(connection, ids)
    return made, ids
