"""A workbook is brought up to date: at once where it is small, as long work where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_login import current_user
from sqlalchemy import Connection, select, update

from panel.authors import current_author
from panel.database import Busy, writing
from panel.exports.keeping import new_file
from panel.exports.running import fail, in_words, registered
from panel.imports.files import uploads
from panel.imports.journey import viewer_of
from panel.imports.options import ImportOptions
from panel.imports.waiting import is_small
from panel.jobs import SUBJECTS, LostLease, Subject, Work, enqueue, kind
from panel.models import Export, Job
from panel.refreshing import NeverImported, Refreshed, Run, refresh_file, refreshed_name
from sync.errors import SyncError

REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class Asked:
    """A workbook that is to be brought up to date: an upload of its own, or the file of an import.

    `stored_as` is its name among the uploads, `name` what people call it, `options` how the import was read. What was
    typed and never imported stays in it only where the person `keeps` it.
    """

    stored_as: str
    name: str
    options: ImportOptions
    keeps: bool
    imported: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what a job keeps of it."""
        return {**asdict(self), "options": self.options.to_json()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Asked:
        """Return what `to_json` wrote."""
        options = ImportOptions.from_json(plain["options"])
        return cls(plain["stored_as"], plain["name"], options, plain["keeps"], plain["imported"])

    def write(self, run: Run) -> Refreshed:
        """Write the workbook with the rights of the signed-in user; there is no file where that fails."""
        path = uploads() / self.stored_as
        if not path.is_file():
            raise SyncError(_("The file is not there any more. Choose it again, and bring it up to date."))
        out = new_file(".xlsx" if Path(self.name).suffix.lower() == ".xlsx" else ".csv")
        kept = {"keep_edits": self.keeps, "is_kept": True}
        try:
            with in_words():
                viewer = viewer_of(current_user)
                return refresh_file(path, out, viewer, name=self.name, options=self.options, run=run, **kept)
        except BaseException:  # an interrupted refresh leaves no file
            out.unlink(missing_ok=True)
            raise

    def forget(self) -> None:
        """Remove the upload, unless it is an import's."""
        if self.imported is None:
            (uploads() / self.stored_as).unlink(missing_ok=True)


def start_refresh(asked: Asked) -> Refreshed | int:
    """Bring a workbook up to date, or have it done if it is large; return what became of it, or its export's ID.

    Raises `NeverImported` or `SyncError`.
    """
    if is_small(asked.stored_as):
        try:
            return asked.write(Run())
        finally:
            asked.forget()
    viewer = viewer_of(current_user)
    try:
        with writing() as connection:
            number = registered(connection, viewer, refreshed_name(asked.name), "", "queued")
            job = enqueue(REFRESH, {REFRESH: number, **asked.to_json()}, (), current_author())
            connection.execute(update(Export).where(Export.id == number).values(job_id=job.id))
    except BaseException:  # without its work, nobody asks for the upload any more
        asked.forget()
        raise
    return number


def told(result: Mapping[str, Any]) -> list[str]:
    """Return what became of a workbook, in sentences."""
    if result.get("stopped"):
        return [result["stopped"]]
    words = (
        ngettext("%(num)d cell was brought up to date.", "%(num)d cells were brought up to date.", result["cells"]),
        ngettext(
            "%(num)d cell or row waits for an import, as before.",
            "%(num)d cells or rows wait for an import, as before.",
            result["kept"],
        ),
        ngettext(
            "%(num)d row was left as it is, because its customer is gone.",
            "%(num)d rows were left as they are, because their customers are gone.",
            result["left"],
        ),
    )
    return [said for said, is_there in zip(words, (True, result["kept"], result["left"]), strict=True) if is_there]


def waiting_files(connection: Connection) -> set[str]:
    """Return the uploads that wait to be brought up to date, by name."""
    query = select(Job.options).where(Job.kind == REFRESH, Job.state.in_(("queued", "running")))
    return {options["stored_as"] for options in connection.execute(query).scalars()}


@kind(REFRESH, permission="customer.export", label=lazy_gettext("Bring a workbook up to date"), tell=told)
def _run(work: Work) -> None:
    """Write the workbook; one that holds what was never imported is told, and nothing was written."""
    asked, number = Asked.from_json(work.options), work.options[REFRESH]
    with work.writing() as connection:
        connection.execute(update(Export).where(Export.id == number).values(state="running"))
    run = Run(number, work.writing, lambda done: work.finish(asdict(done)), work.telling)
    try:
        asked.write(run)
    except NeverImported as error:
        with work.writing() as connection:
            fail(connection, number)
            work.finish({"stopped": str(error)})
    except (Busy, LostLease):  # it goes on, here or elsewhere
        raise
    except BaseException:  # what failed is not tried again
        asked.forget()
        raise
    asked.forget()


SUBJECTS[REFRESH] = Subject("exports.show", fail)
