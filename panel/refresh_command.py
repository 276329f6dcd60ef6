"""The command line's way to bring a workbook up to date."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
from flask import Flask
from flask.cli import with_appcontext

from panel.commands import ensure_ready, speaker, viewer_for
from panel.refreshing import NeverImported, refresh_file
from panel.spoken import Spoken
from sync.errors import SyncError, UnreadableWorkbook


def register(app: Flask) -> None:
    """Add the command to the application."""
    app.cli.add_command(refresh)


@click.command("refresh", cls=Spoken)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--keep-edits", is_flag=True, help="go on where cells were never imported, and keep them as they are")
@click.option("--json", "as_json", is_flag=True, help="print what became of it as one JSON object")
@click.option("--as", "email", help="act with this user's rights")
@with_appcontext
def refresh(file: Path, out: Path, email: str | None, *, keep_edits: bool, as_json: bool) -> None:
    """Write FILE, a workbook that was exported here, to OUT with the values of today; all else in it is kept."""
    ensure_ready()
    viewer = viewer_for(email, "customer.export")
    speak = speaker(as_json)
    try:
        done = refresh_file(file, out, viewer, keep_edits=keep_edits)
    except NeverImported as error:
        speak(f"{error} To keep them, add --keep-edits.", 1)
    except SyncError as error:
        speak(str(error), 2 if isinstance(error, UnreadableWorkbook) else 1)
    except OSError as error:
        speak(f"{error.filename or out}: {error.strerror}.", 2)
    if done.kept:
        click.echo(f"Kept as they were, for the next import: {done.kept} cells or rows.", err=True)
    if done.left:
        click.echo(f"Left as they were, because they are of what is gone or not yours: {done.left} rows.", err=True)
    if as_json:
        click.echo(json.dumps(asdict(done), ensure_ascii=False))
    else:
        click.echo(f"{out}: {done.rows} rows, {done.cells} cells brought up to date. It is export {done.export}.")
