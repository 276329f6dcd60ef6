"""The command line's part of the change log: taking an import back, and who set a value."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext

from panel.blaming import Blame, blame
from panel.commands import ensure_ready, fail, speaker, viewer_for
from panel.database import reading
from panel.imports.aftermath import Source, entity_of
from panel.imports.showing import display
from panel.imports.undo_journey import part_at, undo_import
from panel.imports.undoing import Undone
from panel.records import records_by_id
from panel.relations import named
from panel.schema import ENTITY, Schema, current_schema
from panel.spoken import Spoken
from panel.undoing import called
from sync.errors import SyncError
from sync.types import FIELD_TYPES

KEPT_SAID = 50


@click.command("undo", cls=Spoken)
@click.argument("number", metavar="IMPORT", type=click.IntRange(1, 2**62))
@click.option("--dry-run", is_flag=True, help="say what would go back, write nothing")
@click.option("--json", "as_json", is_flag=True, help="print what goes back as one JSON object")
@click.option("--as", "email", help="act with this user's rights")
@click.option("--row", default="", metavar="ID|ADDRESS", help="only one record, by ID or as in Customers!14")
@click.option("--field", default="", metavar="KEY", help="only one field, by its key or label")
@click.option("--cell", default="", metavar="ADDRESS", help="only one cell, as in Customers!F14")
@with_appcontext
def undo(number: int, dry_run: bool, as_json: bool, email: str | None, row: str, field: str, cell: str) -> None:
    """Undo an import or a part of it; what has been edited since is kept and listed."""
    ensure_ready()
    viewer = viewer_for(email, "import.apply")
    try:
        part = _part(number, row, field, cell)
        undone = undo_import(number, viewer, dry_run=dry_run, part=part)
    except SyncError as error:
        speaker(as_json)(str(error), 1)
    if as_json:
        done = not dry_run and (undone.wrote or not undone.kept)
        click.echo(json.dumps({"import": number, "undone": done, **asdict(undone)}, ensure_ascii=False))
        return
    _say(undone, dry_run=dry_run)


def _part(number: int, row: str, field: str, cell: str) -> Source:
    """Return what of an import the options name."""
    if cell and (row or field):
        raise SyncError("--cell names both row and field: leave --row and --field out.")
    if cell:
        return part_at(number, cell, cell=True)
    of_row = part_at(number, row, cell=False) if row else Source(number)
    if not field:
        return of_row
    with reading() as connection:
        key = current_schema(connection, entity_of(connection, of_row)).field(field).key
    return Source(number, record_id=of_row.record_id, fields=frozenset({key}))


def _say(undone: Undone, *, dry_run: bool) -> None:
    verb = "would be put back" if dry_run else "put back"
    one_of, several = called(undone.of)
    click.echo(
        f"{undone.reverted} cells {verb}, {undone.removed} created {several} to the bin, {len(undone.kept)} kept."
    )
    if undone.retired:
        click.echo(f"Fields retired: {', '.join(undone.retired)}.")
    for one in undone.kept[:KEPT_SAID]:
        who = f" by {one.by}, {one.since}" if one.by else ""
        what = f"{one_of} {one.id} {one.field}".strip() if one.id else f"field {one.field}"
        click.echo(f"Kept: {what}: {one.reason}{who}.", err=True)
    if undone.hidden:
        click.echo(f"{undone.hidden} values and {several} that you may not see were left alone.", err=True)


@click.command("blame", cls=Spoken)
@click.argument("record_id", metavar="ID", type=click.IntRange(1, 2**62))
@click.option("--field", default="", metavar="KEY", help="only one field, by its key or label")
@click.option("--json", "as_json", is_flag=True, help="print who set each value as one JSON object")
@with_appcontext
def blame_(record_id: int, field: str, as_json: bool) -> None:
    """Say who set each value of a customer: when, from which workbook and cell, and who approved it."""
    ensure_ready()
    try:
        with reading() as connection:
            schema = current_schema(connection)
            wanted = {schema.field(field).key} if field else {one.key for one in schema.fields}
            values, found = _values(connection, schema, record_id), blame(connection, record_id)
    except SyncError as error:
        fail(str(error), 1)
    if not found:
        fail(f"There is no customer {record_id}.", 1)
    lines = [_as_json(key, values.get(key), found[key]) for key in (*values, "deleted") if key in wanted & found.keys()]
    if as_json:
        click.echo(json.dumps({ENTITY: record_id, "fields": lines}, ensure_ascii=False))
        return
    for line in lines:
        click.echo(_sentence(line))


def _values(connection: Any, schema: Schema, record_id: int) -> dict[str, Any]:
    """Return a customer's values as the commands print them, in the order of the form; nothing of a secret."""
    record = records_by_id(connection, schema.fields, [record_id]).get(record_id)
    if record is None:
        return {}
    fields = named(connection, schema.fields, [record.values], viewer_for(None, "").reach)
    return {one.key: None if FIELD_TYPES[one.type].secret else display(record.values[one.key], one) for one in fields}


def _as_json(key: str, value: Any, found: Blame) -> dict[str, Any]:
    plain = {"field": key, "value": value, "by": found.by, "at": found.at.isoformat(), "through": found.through}
    plain |= {"import": found.import_id, "file": found.file, "sheet": found.sheet, "cell": found.cell}
    return plain | {"approved_by": found.approved_by, "undo_of": found.undo_of, "job": found.job_id}


def _sentence(line: dict[str, Any]) -> str:
    words = [f"{line['field']}: {line['value']}", f"{line['by']}, {line['at']}"]
    if line["undo_of"]:
        words.append(f"put back by undoing import {line['undo_of']} ({line['file']})")
    elif line["import"]:
        words.append(f"import {line['import']}, {line['file']}, {line['cell'] or 'filled in'}")
        words.append(f"approved by {line['approved_by']}")
    elif line["job"]:
        words.append(f"job {line['job']}")
    return " · ".join(words)


def register(app: Flask) -> None:
    """Add the commands to the application."""
    for command in (undo, blame_):
        app.cli.add_command(command)
