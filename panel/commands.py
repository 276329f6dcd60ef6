"""The command line: everything that the panel does with workbooks, with stable output."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NoReturn

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from panel import setup
from panel.access import hash_password
from panel.authors import COMMAND_LINE
from panel.database import writing
from panel.demo import add_demo
from panel.entities import BY_NAME
from panel.exporting import export_workbook
from panel.extensions import db
from panel.imports.approving import is_ready
from panel.imports.asking import ORDERS
from panel.imports.at_once import import_together
from panel.imports.journey import viewer_of
from panel.imports.options import ImportOptions, Viewer
from panel.imports.planned import Planned
from panel.imports.report import plan_json, sentences, summary
from panel.imports.reviewing import save_review
from panel.jobs import run_pending
from panel.models import Role, User
from panel.rotating import remove_old_keys, rotate
from panel.signing_in.resetting import give_one_time_password, lose_second_factor
from panel.spoken import Spoken
from panel.worker import Worker
from sync.errors import SyncError, UnknownField, UnreadableWorkbook
from sync.fields import Bad, Field
from sync.values import parse_value

users = AppGroup("user", help="Add users, or help one who is locked out.")


def register(app: Flask) -> None:
    """Add the commands to the application."""
    for command in (init, demo, export, import_, work, rotate_keys):
        app.cli.add_command(command)
    app.cli.add_command(users)


def ensure_ready() -> None:
    """Prepare an instance that nobody has prepared yet, so that a first command needs no other before it."""
    if setup.is_prepared():
        return
    password = setup.prepare(_app(), setup.admin_password_from_environment())
    if password:
        click.echo(f"Made a new instance. Sign in as {setup.FIRST_ADMIN} with {password}", err=True)


def _app() -> Flask:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's target
    return app


def fail(message: str, status: int) -> NoReturn:
    """Say what is wrong on standard error and end with this status."""
    click.echo(message, err=True)
    sys.exit(status)


def viewer_for(email: str | None, permission: str) -> Viewer:
    """Return whose rights count; ends the command where the user may not do this."""
    if email is None:
        return Viewer(COMMAND_LINE.name, "command")
    user = db.session.scalars(select(User).where(User.email == email.strip().lower(), User.active)).one_or_none()
    if user is None:
        fail(f"There is no active user {email}.", 1)
    if not user.may(permission):
        fail(f"{user.email} may not do this: the permission {permission} is missing.", 1)
    return viewer_of(user, "command")


@click.command("init", cls=Spoken)
@with_appcontext
def init() -> None:
    """Create or upgrade the database and seed it. ROLLBOOK_ADMIN_PASSWORD sets the first admin's password."""
    password = setup.prepare(_app(), setup.admin_password_from_environment())
    click.echo("The database is ready.")
    if password:
        click.echo(f"Sign in as {setup.FIRST_ADMIN} with the one-time password {password}")


def _checked_email(text: str) -> str:
    value = parse_value(text, Field("email", "Email", "email"))
    if isinstance(value, Bad) or value is None:
        fail(value.message if isinstance(value, Bad) else "An email address is needed.", 1)
    return str(value).lower()


@users.command("add", cls=Spoken)
@click.argument("email")
@click.option("--role", "role_name", required=True, help="staff, manager, admin or a role of your own")
def add_user(email: str, role_name: str) -> None:
    """Add a user; prints a one-time password."""
    ensure_ready()
    email = _checked_email(email)
    password = secrets.token_urlsafe(12)
    with writing():
        role = db.session.scalars(select(Role).where(Role.name == role_name)).one_or_none()
        if role is None:
            names = ", ".join(db.session.scalars(select(Role.name).order_by(Role.id)))
            fail(f"There is no role {role_name}. The roles are: {names}.", 1)
        if db.session.scalars(select(User).where(User.email == email)).one_or_none():
            fail(f"There is a user {email} already.", 1)
        user = User(email=email, password_hash=hash_password(password), roles=[role], must_change_password=True)
        db.session.add(user)
    click.echo(f"{email} may sign in with the one-time password {password}")


@users.command("reset", cls=Spoken)
@click.argument("email")
def reset_user(email: str) -> None:
    """Give a user a new one-time password, turn a second factor off, and end their sessions."""
    ensure_ready()
    with writing():
        user = db.session.scalars(select(User).where(User.email == email.strip().lower())).one_or_none()
        if user is None:
            fail(f"There is no user {email}.", 1)
        password = give_one_time_password(user)
        lost = lose_second_factor(user)
        user.active = True
    click.echo(f"{email} may sign in with the one-time password {password}")
    if lost:
        click.echo("The second factor was turned off. It can be set up again after signing in.")


@click.command("demo", cls=Spoken)
@click.argument("count", type=click.IntRange(1, 5_000_000))
@with_appcontext
def demo(count: int) -> None:
    """Add COUNT made-up customers with several additional fields."""
    ensure_ready()
    add_demo(count, lambda done: click.echo(f"{done:,} of {count:,}", err=True))
    click.echo(f"Added {count:,} customers.")


@click.command("export", cls=Spoken)
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--of", "of", type=click.Choice([*BY_NAME]), default="customers", help="what to write; customers")
@click.option("--fields", help="keys or labels, separated by commas; all if left out")
@click.option("--where", multiple=True, help="field=value; may be given more than once")
@click.option("--as", "email", help="act with this user's rights")
@with_appcontext
def export(out: Path, of: str, fields: str | None, where: tuple[str, ...], email: str | None) -> None:
    """Write customers, or other records, to OUT, an .xlsx or .csv file."""
    ensure_ready()
    viewer = viewer_for(email, "customer.export")
    names = None if fields is None else [name for name in fields.split(",") if name.strip()]
    try:
        number = export_workbook(out, fields=names, where=where, viewer=viewer, entity=BY_NAME[of])
    except SyncError as error:
        fail(str(error), 1)
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror}.", 1)
    click.echo(f"Export {number} is in {out}.")


@click.command("import", cls=Spoken)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="plan and say what would happen, write nothing")
@click.option("--json", "as_json", is_flag=True, help="print the plan as one JSON object")
@click.option("--as", "email", help="act with this user's rights")
@click.option("--of", "of", type=click.Choice([*BY_NAME]), help="what the rows of a foreign file are; customers")
@click.option("--key", default="", help="the field that identifies records in a foreign file")
@click.option(
    "--map", "maps", multiple=True, help='"Header=field", "Header=+" for a new field, "Header=-" to leave out'
)
@click.option("--sheet", default="", metavar="NAME", help="the sheet of a foreign workbook that has several")
@click.option("--header-row", type=click.IntRange(1, 1_048_576), metavar="N", help="the row that holds the headers")
@click.option("--mapping", "remembered", default="", metavar="NAME", help="take columns as in a remembered mapping")
@click.option("--create-fields", is_flag=True, help="make additional fields of unknown headers")
@click.option("--prefer", type=click.Choice(["panel", "workbook"]), help="answer every conflict")
@click.option("--accept-unknown", is_flag=True, help="write cells whose earlier value nobody knows")
@click.option("--repair", is_flag=True, help="restore values that a spreadsheet program damaged")
@click.option(
    "--date-order",
    "orders",
    multiple=True,
    help='how to read dates such as 03/04/2024: dmy, mdy, or "field=dmy" for one',
)
@click.option(
    "--map-value", "meanings", multiple=True, help='"Header:text=meaning": what a text of a column stands for'
)
@click.option("--skip-problems", is_flag=True, help="leave rows with problems out instead of stopping")
@click.option("--confirm", metavar="N", type=int, multiple=True, help="go on where that number is asked for")
@click.option(
    "--review",
    metavar="OUT",
    type=click.Path(dir_okay=False, path_type=Path),
    help="write the workbook with what is to be looked at marked in it (.xlsx), if there is anything",
)
@with_appcontext
def import_(
    files: tuple[Path, ...], dry_run: bool, as_json: bool, email: str | None, review: Path | None, **answers: Any
) -> None:
    """Plan what FILE changes and, unless --dry-run, apply it whole.

    Several files are planned each as if those before it were written, and all of them are applied or none.
    """
    ensure_ready()
    viewer = viewer_for(email, "import.upload" if dry_run else "import.apply")
    speak = speaker(as_json)
    reviewing = _Reviewing(review, viewer)
    try:
        reviewing.check(files)
        options = _options(**answers)
        done = import_together(files, options, viewer, dry_run=dry_run, afterwards=reviewing.write)
    except (UnreadableWorkbook, UnknownField) as error:
        speak(str(error), 2 if isinstance(error, UnreadableWorkbook) else 1)
    except SyncError as error:
        speak(str(error), 1)
    except OSError as error:
        speak(f"{error.filename or files[0]} cannot be read: {error.strerror}.", 2)
    _report(*done, options, reviewing.written, as_json=as_json, dry_run=dry_run)


class _Reviewing:
    """Writes a review where one was asked for; `written` is its path then."""

    def __init__(self, out: Path | None, viewer: Viewer) -> None:
        self._out, self._viewer = out, viewer
        self.written: Path | None = None

    def check(self, files: Sequence[Path]) -> None:
        """Refuse a path that cannot be written, before anything is imported."""
        if self._out is None:
            return
        if len(files) > 1:
            raise SyncError("A review is of one file. Import the others without --review.")
        if self._out.suffix.lower() != ".xlsx":
            raise SyncError(f"{self._out.name}: a review is a workbook. Name it .xlsx.")
        if not self._out.absolute().parent.is_dir():
            raise SyncError(f"{self._out}: there is no such folder. Name one that is there.")

    def write(self, planned: Sequence[Planned], applied: bool) -> None:
        """Write the review of a plan; what was imported stays imported where the disk refuses."""
        if self._out is None:
            return
        try:
            if save_review(self._out, planned[0], self._viewer, is_applied=applied):
                self.written = self._out
        except OSError as error:
            click.echo(f"The review {self._out} cannot be written: {error.strerror}.", err=True)


def _options(
    maps: tuple[str, ...], orders: tuple[str, ...], meanings: tuple[str, ...], **answers: Any
) -> ImportOptions:
    given: dict[str, Any] = {name: value for name, value in answers.items() if value is not None}
    return ImportOptions(mapping=_mapping(maps), values=_values(meanings), **_orders(orders), **given)


def _mapping(maps: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.rpartition("=") for text in maps]
    wrong = [text for text, (header, _sign, target) in zip(maps, pairs, strict=True) if not header or not target]
    if wrong:
        raise UnknownField(f'--map {wrong[0]!r}: write "Header=field", "Header=+" or "Header=-".')
    return {header: target.strip() for header, _sign, target in pairs}


def _orders(orders: tuple[str, ...]) -> dict[str, Any]:
    """Return the order of dates for all columns, and those for single ones."""
    pairs = [text.rpartition("=") for text in orders]
    wrong = next((order for _name, _sign, order in pairs if order not in ORDERS), None)
    if wrong is not None:
        raise UnknownField(f"--date-order {wrong!r}: write dmy, mdy, or one of them after a field, as in since=dmy.")
    every = next((order for name, _sign, order in reversed(pairs) if not name), "")
    return {"date_order": every, "date_orders": {name: order for name, _sign, order in pairs if name}}


def _values(meanings: tuple[str, ...]) -> dict[str, dict[str, str]]:
    values: dict[str, dict[str, str]] = {}
    for text in meanings:
        cell, sign, meaning = text.rpartition("=")
        header, colon, value = cell.partition(":")
        if not (sign and colon and header.strip() and value.strip()):
            raise UnknownField(f'--map-value {text!r}: write "Header:text in the cell=what it means".')
        values.setdefault(header.strip(), {})[value] = meaning.strip()
    return values


def speaker(as_json: bool) -> Callable[[str, int], NoReturn]:
    """Return what ends a command with a sentence and a status, and with an object where JSON was asked for."""

    def speak(message: str, status: int) -> NoReturn:
        if as_json:
            click.echo(json.dumps({"error": message}))
        fail(message, status)

    return speak


def _report(
    planned: Sequence[Planned],
    ids: Sequence[int],
    options: ImportOptions,
    review: Path | None,
    *,
    as_json: bool,
    dry_run: bool,
) -> None:
    ready, names = all(is_ready(one, options) for one in planned), [one.file.name for one in planned]
    for one in planned:
        of_which = f"{one.file.name}: " if len(planned) > 1 else ""
        for sentence in sentences(one, options.unconfirmed(one.guards)):
            click.echo(of_which + sentence, err=True)
    if not ready:
        click.echo("Nothing was applied.", err=True)
    if review is not None:
        click.echo(f"What is to be looked at is marked in {review}. Correct it there, and import that file.", err=True)
    each = list(zip_longest(planned, ids))
    if as_json:
        answers = [
            plan_json(one, import_id, applied=bool(ids), before=names)
            | {"review": None if review is None else str(review)}
            for one, import_id in each
        ]
        click.echo(json.dumps(answers[0] if len(answers) == 1 else {"imports": answers}, ensure_ascii=False))
    else:
        for one, import_id in each:
            click.echo((f"{one.file.name}: " if len(planned) > 1 else "") + summary(one.plan, applied=bool(ids)))
            if import_id is not None:
                click.echo(f"This is import {import_id}. Take it back with: flask --app run undo {import_id}")
    sys.exit(0 if ready and (ids or dry_run) else 1)


@click.command("rotate-keys", cls=Spoken)
@click.option("--remove-old", is_flag=True, help="make no new key: take those that encrypt nothing out of the key file")
@with_appcontext
def rotate_keys(remove_old: bool) -> None:
    """Encrypt passwords and second factors with a new key; interrupted, it goes on where it was when run again."""
    ensure_ready()
    try:
        if remove_old:
            removed = len(remove_old_keys())
            click.echo(f"Old keys removed: {removed}. Backups of before need the key file of before.")
            return
        number, done = rotate(lambda so_far: click.echo(f"{so_far:,} encrypted anew", err=True))
        click.echo(f"Key {number} encrypts from now on; {done:,} secrets were encrypted anew.")
    except SyncError as error:
        fail(str(error), 1)


@click.command("worker", cls=Spoken)
@click.option("--once", is_flag=True, help="run what waits, then end")
@with_appcontext
def work(once: bool) -> None:
    """Run long work here, until stopped. Set ROLLBOOK_JOBS=worker where web processes leave it to this command."""
    ensure_ready()
    if once:
        click.echo(f"{run_pending()} done.")
        return
    worker: Worker = _app().extensions["worker"]
    worker.run()
