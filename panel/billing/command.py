"""The command line's part of billing: the daily run."""

from __future__ import annotations

import datetime as dt
import json

import click
from flask import Flask
from flask.cli import with_appcontext

from panel.authors import COMMAND_LINE
from panel.billing import daily, settling  # noqa: F401 (the kind of work, and what follows from a payment)
from panel.billing.foreseeing import foresee
from panel.billing.run import BATCH, run_until
from panel.billing.standing import CHARGE
from panel.billing.steps import Done, Sums
from panel.commands import ensure_ready, speaker
from panel.lifecycle import PLANNED
from panel.spoken import Spoken
from panel.words import today
from sync.errors import SyncError


def register(app: Flask) -> None:
    """Add the command to the application."""
    app.cli.add_command(lifecycle)


@click.command("lifecycle", cls=Spoken)
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="the day to run; today if left out")
@click.option("--dry-run", is_flag=True, help="say what would happen, write nothing")
@click.option("--json", "as_json", is_flag=True, help="print the steps as one JSON object")
@with_appcontext
def lifecycle(day: dt.datetime | None, dry_run: bool, as_json: bool) -> None:
    """Run the day, and those before it that were missed: planned statuses, charges, blocking, and back."""
    ensure_ready()
    on = day.date() if day else today()
    steps: list[Done] = []
    try:
        if dry_run:
            sums = foresee(on, steps.append, _progress)
        else:
            sums = run_until(on, COMMAND_LINE.name, steps.append, _progress)
    except SyncError as error:
        speaker(as_json)(str(error), 1)
    if as_json:
        told = {"date": on.isoformat(), "dry_run": dry_run, **sums.told, "steps": [step.told for step in steps]}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    _say(on, steps, sums, dry_run=dry_run)


def _progress(day: dt.date, done: int, total: int) -> None:
    if total > BATCH:
        click.echo(f"{day}: {done:,} of {total:,} accounts", err=True)


def _say(on: dt.date, steps: list[Done], sums: Sums, *, dry_run: bool) -> None:
    for step in steps:
        if step.kind != CHARGE:
            click.echo(step.words)
    planned = sum(step.kind == PLANNED for step in steps)
    click.echo(f"{on}: {sums.planned} of {planned} planned changes {'would change' if dry_run else 'changed'}.")
    moves = f"{sums.blocked} blocked, {sums.deactivated} deactivated, {sums.reactivated} reactivated"
    charges, were = ("1 charge", "was") if sums.charges == 1 else (f"{sums.charges:,} charges", "were")
    click.echo(f"{charges} {'would be' if dry_run else were} made: {sums.charged:,.2f}; {moves}.")
