"""Long work: rows of a table, each run once at a time with the rights that its author has then.

A kind of work is a function of a `Work`. It writes inside `Work.writing()`, whose commit is refused where another
worker holds the job meanwhile, and says with `Work.finish` what came of it in the same transaction as its last write.
Whatever it does has to be right to be begun again: a process may be killed at any moment.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, g, has_request_context
from flask_babel import gettext, lazy_gettext
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString
from sqlalchemy import Connection, Select, exists, or_, select, text, update
from sqlalchemy.orm import aliased

from panel.authors import Author
from panel.database import Busy, DatabaseFailed, is_sqlite, reading, writing
from panel.extensions import db
from panel.models import Job, Role, User
from panel.models.columns import now
from panel.permissions import ADMIN
from panel.schema import Schema, forget_schema
from sync.errors import SyncError
from sync.words import speak

LEASE = dt.timedelta(seconds=30)
HEARTBEAT_SECONDS = 10.0
MOST_TAKES = 5
TAKING = 7_265_626_613  # any number that no other program on the same server uses
READ, WRITE = "read", "write"
STEPS = {READ: lazy_gettext("Reading"), WRITE: lazy_gettext("Writing")}
"""What work may be doing for long, one after the other."""
FAULT = lazy_gettext("This is a fault of Rollbook's, and nothing more was written. The log has it as job %(id)s.")
logger = logging.getLogger(__name__)


class LostLease(Exception):
    """Another worker has the job by now; whatever this one was about to write is rolled back."""


class LookAgain(SyncError):
    """What a person approved no longer holds: the job waits for another look."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work: what it does, who may have it done, how pages call it.

    `tell` turns its result into sentences; `preview` is the endpoint of the page on which it waits for a look. Of work
    that is `one_each`, one is done for each person at a time, and the rest waits. What has a page of its own is not
    `listed` among the work. `sends` is the endpoint that sends the file which it made.
    Where the work changed the fields too, `schema_before` is the schema that undoing makes, and `revert` makes it.
    """

    name: str
    run: Callable[[Work], None]
    permission: str
    label: str | LazyString
    undoable: bool
    preview: str
    tell: Callable[[Mapping[str, Any]], list[str]]
    schema_before: Callable[[Schema, Job], Schema] | None = None
    revert: Callable[[Job], None] | None = None
    one_each: bool = False
    listed: bool = True
    sends: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """The one thing that a kind of work is about, which has a row of its own: the job's option of the kind's name.

    It is shown on its own `page`, an endpoint. `failed` writes that the work failed, in the transaction that says so.
    """

    page: str
    failed: Callable[[Connection, int], None]


KINDS: dict[str, Kind] = {}
SUBJECTS: dict[str, Subject] = {}
"""By the name of the kind; most work is about many records and no one thing."""


def _nothing(_result: Mapping[str, Any]) -> list[str]:
    return []


def kind(  # noqa: PLR0913 (a table's row, each cell of it named)
    name: str,
    *,
    permission: str,
    label: str | LazyString,
    undoable: bool = False,
    preview: str = "",
    tell: Callable[[Mapping[str, Any]], list[str]] = _nothing,
    schema_before: Callable[[Schema, Job], Schema] | None = None,
    revert: Callable[[Job], None] | None = None,
    one_each: bool = False,
    listed: bool = True,
    sends: str = "",
) -> Callable[[Callable[[Work], None]], Callable[[Work], None]]:
    """Register a function as a kind of work; its author needs the permission when it runs, not only when asked for."""

    def register(run: Callable[[Work], None]) -> Callable[[Work], None]:
        KINDS[name] = Kind(
            name, run, permission, label, undoable, preview, tell, schema_before, revert, one_each, listed, sends
        )
        return run

    return register


@dataclass(slots=True)
class Work:
    """One job while it runs. `doing` tells the page how far it is; only this process knows it before a commit.

    `step` is a key of `STEPS` where the work has several. Other processes find it in the row, as its message.
    """

    job_id: int
    kind: str
    fence: int
    options: Mapping[str, Any]
    record_ids: array[int]
    author: Author
    done: int = 0
    total: int = 0
    step: str = ""
    _result: dict[str, Any] | None = None
    _ended: bool = False

    def doing(self, done: int, total: int) -> None:
        """Say how far the work is."""
        self.done, self.total = done, total

    def telling(self, step: str) -> Callable[[int, int], None]:
        """Return what says how far one step of the work is."""

        def tell(done: int, total: int) -> None:
            self.done, self.total, self.step = done, total, step

        return tell

    @property
    def so_far(self) -> dict[str, Any]:
        """Return what the row says of work that goes on."""
        return {"leased_until": now() + LEASE, "done": self.done, "total": self.total, "message": self.step}

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Run a block as one transaction, committed only while this worker holds the job. Raises `LostLease`."""
        with writing() as connection:
            forget_schema()
            yield connection
            self._hold(connection)

    def finish(self, result: Mapping[str, Any]) -> None:
        """Say what came of the work; inside `writing` it is committed with the block."""
        self._result = dict(result)

    def end(self) -> None:
        """Mark the job as done, unless its last transaction did so."""
        if not self._ended:
            self._result = self._result or {}
            with self.writing():
                pass

    def _hold(self, connection: Connection) -> None:
        values = self.so_far
        if self._result is not None:
            values |= {"state": "done", "result": self._result, "finished_at": now(), "leased_until": None}
            values |= {"done": self.total, "message": ""}
        if not set_if_held(connection, self, values):
            raise LostLease(self.job_id)
        self._ended = self._result is not None


RUNNING: dict[tuple[str, int], Work] = {}
"""The jobs that this process runs, by database and ID: nothing else can be asked while SQLite is written."""


def enqueue(kind_name: str, options: Mapping[str, Any], record_ids: Iterable[int], author: Author) -> Job:
    """Add a job in the caller's transaction; it runs once that is committed."""
    job = Job(kind=KINDS[kind_name].name, options=dict(options), by=author.name, user_id=author.user_id)
    ids = array("q", record_ids)
    job.record_ids, job.total = pack(ids), len(ids)
    db.session.add(job)
    db.session.flush()
    wake_after_commit()
    return job


def pack(numbers: array[int]) -> bytes:
    """Return numbers as a row of the table keeps them."""
    return zlib.compress(numbers.tobytes())


def unpack(stored: bytes) -> array[int]:
    """Return the numbers that `pack` stored."""
    numbers: array[int] = array("q")
    if stored:
        numbers.frombytes(zlib.decompress(stored))
    return numbers


def wake_after_commit() -> None:
    """Let this process's worker look for work as soon as the session's transaction is committed."""
    db.session().info["has_work"] = True


def run_pending() -> int:
    """Run every job that waits, here and now; return how many."""
    count = 0
    while run_next():
        count += 1
    return count


def run_next() -> bool:
    """Run one job that waits or was left behind by a worker that is gone; tell whether there was one."""
    return _run_taken(_take())


def run_now(job_id: int) -> bool:
    """Run one job here; tell whether it was its turn, and no worker had it already."""
    try:
        return _run_taken(_take(job_id))
    finally:
        speak(gettext if has_request_context() else None)


def _run_taken(work: Work | None) -> bool:
    if work is None:
        return False
    place = (db.engine.url.render_as_string(), work.job_id)
    RUNNING[place] = work
    try:
        with _Heartbeat(work):
            _run(work)
    finally:
        del RUNNING[place]
    return True


def progress_of(job: Job) -> tuple[int, int]:
    """Return how much of a job is done, and of how much."""
    work = RUNNING.get((db.engine.url.render_as_string(), job.id))
    if work is None or not (work.done or work.total):
        return job.done, job.total
    return work.done, work.total


def step_of(job: Job) -> str:
    """Return in words which step a running job is in; blank where it has no several."""
    work = RUNNING.get((db.engine.url.render_as_string(), job.id))
    step = job.message if work is None or not work.step else work.step
    return str(STEPS[step]) if job.state == "running" and step in STEPS else ""


def _waiting() -> Select[Any]:
    """Return the query for what may be begun, the oldest first."""
    other = aliased(Job)
    left = (Job.state == "running") & (Job.leased_until < now())
    at_work = (other.kind == Job.kind) & (other.user_id == Job.user_id) & (other.state == "running")
    one_each = [one.name for one in KINDS.values() if one.one_each]
    is_its_turn = Job.kind.not_in(one_each) | ~exists().where(at_work, other.leased_until >= now())
    return select(Job.__table__).where(or_(Job.state == "queued", left), is_its_turn).order_by(Job.id).limit(1)


def _take(job_id: int | None = None) -> Work | None:
    query = _waiting() if job_id is None else _waiting().where(Job.id == job_id)
    with reading() as connection:  # looking every few seconds takes nobody's lock
        if connection.execute(query).first() is None:
            return None
    with writing() as connection:
        if not is_sqlite(connection):  # two workers that take at once do not see each other's job
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": TAKING})
        row = connection.execute(query.with_for_update(skip_locked=True)).mappings().one_or_none()
        if row is None:
            return None
        fence = row["fence"] + 1
        values = {"state": "running", "fence": fence, "leased_until": now() + LEASE, "message": ""}
        connection.execute(update(Job).where(Job.id == row["id"]).values(**values))
    author = Author(row["by"], "bulk", row["user_id"], job_id=row["id"])
    return Work(row["id"], row["kind"], fence, row["options"], unpack(row["record_ids"]), author)


def _run(work: Work) -> None:
    try:
        if work.fence - work.options.get("fence", 0) > MOST_TAKES:
            raise SyncError(_("This was begun %(times)s times and never came to its end.", times=MOST_TAKES))
        with acting_as(work.author):
            _refuse_without_right(work)
            KINDS[work.kind].run(work)
            work.end()
    except LostLease:
        logger.warning("job %s went on elsewhere", work.job_id)
    except Busy as error:
        _leave(work, "queued", str(error))
    except LookAgain as error:
        _leave(work, "planned", str(error))
    except SyncError as error:
        _leave(work, "failed", str(error))
    except Exception:
        logger.exception("job %s failed", work.job_id)
        _leave(work, "failed", str(FAULT) % {"id": work.job_id})


def _refuse_without_right(work: Work) -> None:
    """Refuse work whose author may no longer have it done: rights count as of now."""
    found = KINDS.get(work.kind)
    if found is None:
        raise SyncError(_("This version of Rollbook does not know this work."))
    user: User = g._login_user
    if not (user.active and user.may(found.permission)):
        raise SyncError(_("%(name)s may not do this any more, so nothing was done.", name=work.author.name))


def _leave(work: Work, state: str, message: str) -> None:
    values: dict[str, Any] = {"state": state, "message": message, "leased_until": None}
    if state == "failed":
        values["finished_at"] = now()
    subject = SUBJECTS.get(work.kind)
    with writing() as connection:
        if set_if_held(connection, work, values) and state == "failed" and subject:
            subject.failed(connection, work.options[work.kind])


def set_if_held(connection: Connection, work: Work, values: Mapping[str, Any]) -> bool:
    """Write a job's row where this worker still holds it; tell whether it does."""
    mine = (Job.id == work.job_id, Job.fence == work.fence, Job.state == "running")
    return connection.execute(update(Job).where(*mine).values(**values)).rowcount == 1


@contextmanager
def acting_as(author: Author) -> Iterator[None]:
    """Run a block as if this user were signed in, with the rights of this moment; without a user, as the operator."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's target
    with app.test_request_context():
        g._login_user = _operator(author) if author.user_id is None else _user(author.user_id)
        speak(gettext)
        yield


def _user(user_id: int) -> User:
    return db.session.get(User, user_id) or User(email="", active=False)


def _operator(author: Author) -> User:
    return User(email=author.name, name=author.name, active=True, roles=[Role(permissions=list(ADMIN))])


class _Heartbeat:
    """Keeps a job leased, and its row up to date, while it runs; on SQLite in the gaps between its transactions."""

    def __init__(self, work: Work) -> None:
        self._work, self._over = work, threading.Event()
        self._app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's target
        self._thread = threading.Thread(target=self._beat, name=f"job-{work.job_id}-lease", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT_SECONDS):
            try:
                with self._app.app_context(), writing() as connection:
                    set_if_held(connection, self._work, self._work.so_far)
            except DatabaseFailed:
                logger.info("job %s: the lease is renewed later", self._work.job_id)
