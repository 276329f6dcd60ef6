"""How far the work on an import is, in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from flask_babel import gettext as _

from panel.forms.showing import count
from panel.jobs import progress_of, step_of
from panel.models import Import, Job


@dataclass(frozen=True, slots=True)
class Progress:
    """How many rows are done, of how many: 0 where nobody knows. `failed` says why nothing goes on."""

    done: int
    total: int
    sentence: str
    at_work: bool
    failed: str = ""

    @property
    def plain(self) -> dict[str, Any]:
        """Return what a page's script asks for."""
        return asdict(self)


def progress_of_import(one: Import, job: Job | None) -> Progress:
    """Return how far the last work on an import is."""
    if one.state == "failed":
        return Progress(0, 0, "", at_work=False, failed=one.message)
    if job is None or job.state not in {"queued", "running"}:
        return Progress(0, 0, "", at_work=False, failed=job.message if job else "")
    done, total = progress_of(job)
    return Progress(done, total, _sentence(job, done, total), at_work=True)


def _sentence(job: Job, done: int, total: int) -> str:
    if job.state == "queued":
        return str(_("It begins in a moment, after what was asked for before."))
    if not (done or total):
        return str(_("Opening the file…"))
    words = count(done, "%(number)s row so far", "%(number)s rows so far")
    if total:
        rows = count(total, "%(number)s row", "%(number)s rows")
        words = str(_("%(done)s of %(rows)s", done=f"{done:,}", rows=rows))
    return ": ".join(part for part in (step_of(job), words) if part)
