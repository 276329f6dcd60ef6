"""The bytes of customers' files: stored under a name of ours, one row each, swept where nobody saved them."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import time
import unicodedata
import uuid
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from panel.authors import Author
from panel.database import reading, writing
from panel.disk import written_before
from panel.files.kinds import agrees
from panel.models import StoredFile
from panel.models.columns import now
from sync.errors import SyncError

CHUNK = 1 << 20
WAITS = dt.timedelta(days=1)
"""How long a file waits for the form that it came with to be saved."""
MOST_WAITING = 20
"""How many files of one user wait at once."""
ABANDONED_SECONDS = 3600
"""Longer than any upload takes between its file and its row."""
LONGEST_NAME = 120
_UNSAFE = re.compile(r'[<>:"|?*]')
"""What no system takes in the name of a file."""


class RefusedFile(SyncError):
    """A file that is not kept."""


class LostFile(SyncError):
    """A file that is not this user's to save with this customer."""


def keep(source: BinaryIO, sent_name: str, field: str, author: Author) -> int:
    """Store what was sent for a field, and return its ID; it waits for its form to be saved.

    The bytes are on the disk before the row is. Raises `RefusedFile` with a sentence for whoever sent it.
    """
    name = clean_name(sent_name)
    extension = _permitted_extension(name)
    sweep_waiting()
    # Nobody waits for the database while the disk is slow.
    with reading() as connection:
        _refuse_hoarding(connection, author)
    path = folder() / uuid.uuid4().hex
    try:
        size, sha256 = _write(source, path, name)
        with path.open("rb") as file:
            if not agrees(extension, file):
                raise RefusedFile(_("%(name)s is no %(type)s file inside. Save it as one.", name=name, type=extension))
        values = {"name": name, "size": size, "sha256": sha256, "stored_as": path.name, "field": field}
        values |= {"by": author.name, "user_id": author.user_id}
        with writing() as connection:
            return int(connection.execute(insert(StoredFile).values(**values).returning(StoredFile.id)).scalar_one())
    except BaseException:  # an interrupted upload leaves no file either
        path.unlink(missing_ok=True)
        raise


def clean_name(sent: str) -> str:
    """Return a file's name without folders and without what nobody sees in it, of at most `LONGEST_NAME` characters."""
    last = unicodedata.normalize("NFC", sent).replace("\\", "/").rpartition("/")[2]
    # What is not printable hides, or turns the direction of reading and so shows another extension.
    seen = "".join(char for char in " ".join(last.split()) if char.isprintable()).strip(" .")
    whole = PurePosixPath(_UNSAFE.sub("_", seen) or "file")
    return f"{whole.stem[: LONGEST_NAME - len(whole.suffix)]}{whole.suffix}"[:LONGEST_NAME]


def _permitted_extension(name: str) -> str:
    types: tuple[str, ...] = current_app.extensions["file_types"]
    extension = PurePosixPath(name).suffix.lower().removeprefix(".")
    if extension not in types:
        raise RefusedFile(_("%(name)s is not kept here. Choose one of: %(types)s.", name=name, types=", ".join(types)))
    return extension


def _refuse_hoarding(connection: Connection, author: Author) -> None:
    waiting = select(func.count()).where(StoredFile.customer_id.is_(None), StoredFile.user_id == author.user_id)
    if connection.execute(waiting).scalar_one() >= MOST_WAITING:
        raise RefusedFile(
            _("%(number)s of your files wait for their forms to be saved. Save those first.", number=MOST_WAITING)
        )


def _write(source: BinaryIO, path: Path, name: str) -> tuple[int, str]:
    """Copy a file to a path, wait until the disk has it, and return its size and the SHA-256 of its bytes."""
    megabytes: int = current_app.config["ROLLBOOK_FILE_MEGABYTES"]
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as out:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > megabytes << 20:
                raise RefusedFile(_("%(name)s is larger than %(most)s MB. Make it smaller.", name=name, most=megabytes))
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    if not size:
        raise RefusedFile(_("%(name)s is empty.", name=name))
    _wait_for(path.parent)
    return size, digest.hexdigest()


def _wait_for(directory: Path) -> None:
    """Wait until the disk has the names in a folder."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def folder() -> Path:
    """Return the folder of customers' files."""
    path: Path = current_app.config["ROLLBOOK_INSTANCE"] / "files"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def within_reach(customer_id: int | None, user_id: int | None) -> ColumnElement[bool]:
    """Return the condition on files that a form may hold: the customer's own, and what this user sent just now."""
    waiting = and_(StoredFile.customer_id.is_(None), StoredFile.user_id == user_id)
    return waiting if customer_id is None else or_(StoredFile.customer_id == customer_id, waiting)


def attach(connection: Connection, customer_id: int, user_id: int | None, files: Iterable[tuple[str, int]]) -> None:
    """Give a customer the files that its fields hold, in the caller's transaction; raise `LostFile`."""
    for field, number in files:
        mine = (StoredFile.id == number, StoredFile.field == field, within_reach(customer_id, user_id))
        if connection.execute(update(StoredFile).where(*mine).values(customer_id=customer_id)).rowcount != 1:
            raise LostFile(_("A file is not there any more. Choose it again."))


def forget(connection: Connection, customer_id: int) -> list[Path]:
    """Remove the rows of a customer's files, in the caller's transaction; return the files to remove after it."""
    mine = StoredFile.customer_id == customer_id
    names = connection.execute(select(StoredFile.stored_as).where(mine)).scalars().all()
    connection.execute(delete(StoredFile).where(mine))
    return [folder() / name for name in names]


def sweep_waiting() -> None:
    """Remove the files that wait for too long for a form to be saved."""
    late = (StoredFile.customer_id.is_(None), StoredFile.at < now() - WAITS)
    with reading() as connection:
        if not connection.execute(select(StoredFile.id).where(*late).limit(1)).first():
            return
    with writing() as connection:
        names = connection.execute(delete(StoredFile).where(*late).returning(StoredFile.stored_as)).scalars().all()
    for name in names:
        (folder() / name).unlink(missing_ok=True)


def sweep() -> None:
    """Remove what was sent and never saved, and what a process that was killed left without a row."""
    sweep_waiting()
    oldest = time.time() - ABANDONED_SECONDS
    old = {path.name: path for path in written_before(folder().iterdir(), oldest)}
    with reading() as connection:
        kept = set(connection.execute(select(StoredFile.stored_as)).scalars())
    for name in old.keys() - kept:
        old[name].unlink(missing_ok=True)
