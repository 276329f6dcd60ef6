"""Plan a file: gather what it and the database say, and let sync decide. Nothing here writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from flask import current_app
from sqlalchemy import Connection

from panel.imports.ahead import NOTHING, Ahead
from panel.imports.asking import ask_about_dates, unknown_texts
from panel.imports.choices import Answers
from panel.imports.fates import notes_of_binned, refuse_unrestorable
from panel.imports.files import StoredFile, limits
from panel.imports.gathering import Gatherer
from panel.imports.identity import ref_column_of
from panel.imports.judging import refuse_wrong
from panel.imports.kinds import entity_of, refuse_unwritable
from panel.imports.newborn import names_by_field, with_plans
from panel.imports.options import ImportOptions, Viewer
from panel.imports.planned import Planned
from panel.imports.pointing import refuse_unreachable
from panel.imports.proposals import propose, texts_of
from panel.imports.reading import Reading, suggestions_for
from panel.imports.reviewed import Reviewed, answer_plan
from panel.imports.rows import RowsPlanner
from panel.imports.shape import Places, look_at_shape
from panel.imports.tables import check_asked, keys_by_label, left_out, notes_of_table
from panel.imports.watching import Watcher
from panel.imports.whole_file import (
    list_absent,
    refuse_moved,
    refuse_repeated,
    refuse_taken,
    settle_again,
)
from panel.schema import Schema, current_schema
from sync.collecting import collecting_seldom
from sync.columns import Column, Headers, match_headers
from sync.errors import UnseenField
from sync.guards import Limits as GuardLimits
from sync.guards import guards_of
from sync.plan import Plan
from sync.types import FIELD_TYPES
from sync.words import later, say
from sync.workbook import Table, open_table

NO_FIELD = later('Column "%(label)s" is no field and was left out.')
RETIRED = later('The field "%(label)s" was retired after the export. Its column was left out.')


Progress = Callable[[int, int], None]
"""Told how many rows are planned, and of how many: 0 where nobody knows."""


Steps = Callable[[str], Progress]
"""Given a step of long work, one of `panel.jobs.STEPS`: who is told how far that is."""


def quiet(_done: int, _total: int) -> None:
    """Tell nobody."""


def silent(_step: str) -> Progress:
    """Tell nobody of any step."""
    return quiet


@collecting_seldom()
def plan_file(
    connection: Connection,
    file: StoredFile,
    options: ImportOptions,
    viewer: Viewer,
    answers: Answers = MappingProxyType({}),
    progress: Progress = quiet,
    ahead: Ahead = NOTHING,
) -> Planned:
    """Return what importing a file would do, with a person's answers to an earlier plan of it.

    `ahead` is what the files of its batch that come before it leave behind. Raises `UnreadableWorkbook`, or
    `UnknownField` where the options do not fit the file or the viewer.
    """
    with open_table(file.path, limits(), options.asked) as opened:
        reviewed = Reviewed(opened)
        table, options = reviewed.table, reviewed.options(options)
        check_asked(table, options.asked)
        entity = entity_of(connection, table, options, viewer)
        ahead = ahead.of(entity)
        schema = viewer.fields.narrow(everything := with_plans(ahead.schema(current_schema(connection, entity)), ahead))
        gatherer = Gatherer(connection, reviewed.source_of(file), table.export, viewer, ahead, entity)
        headers = _match(table, schema, gatherer, options)
        texts = texts_of(file, options, headers)
        proposals = propose(connection, schema, headers, options, texts, viewer)
        accepted = [one.field for one in proposals if one.accepted]
        new = (Column(one.column, one.field, is_new=True) for one in proposals if one.accepted)
        columns = [*ahead.columns(headers.columns), *new]
        watcher = Watcher.of(table, columns, headers.unshown)
        planner = RowsPlanner(gatherer, schema, headers, columns, options, viewer, table, ahead)
        told = partial(_tell, progress, len(gatherer.exported_ids()))
        plan = planner.run(watcher.walk(table.rows), accepted, told)
    look_at_shape(plan, table, Places.of(table, headers, columns))
    plan.notes = [*notes_of_table(table, options.asked, gatherer.days_out()), *_notes(planner, plan, headers, watcher)]
    plan.left_out = [left_out(table, schema, *one) for one in headers.withheld if isinstance(one[1], UnseenField)]
    given = answer_plan(plan, columns, reviewed, answers)
    _judge(connection, plan, columns, planner, everything, given, ahead)
    dates = ask_about_dates(plan, columns, watcher)
    asked = (dates, unknown_texts(plan, columns, table.labels, options))
    suggestions = suggestions_for(headers, texts, schema.on_workbooks)
    reading = Reading(table, headers, columns, suggestions, watcher.examples, *asked, options)
    whole, shown = (replace(one, fields=(*one.fields, *accepted)) for one in (everything, schema))
    guards = guards_of(plan, {column.field.key: column.field for column in columns}, _guard_limits())
    return Planned(
        plan,
        whole,
        shown,
        tuple(guards),
        tuple(proposals),
        gatherer.export_id,
        any(FIELD_TYPES[column.field.type].secret for column in columns),
        file,
        gatherer.imports_before(),
        reviewed.source_of(file),
        options.asked,
        headers,
        tuple(columns),
        reviewed.width,
        reading,
        planner.seen,
        ahead.against(plan),
        names_by_field(whole, ahead),
    )


def _notes(planner: RowsPlanner, plan: Plan, headers: Headers, watcher: Watcher) -> Iterator[str]:
    """Yield what is to be said of the file as a whole."""
    yield from (say(RETIRED, label=label) for label in headers.retired)
    yield from planner.remarks.notes(plan, headers)
    yield from notes_of_binned(len(planner.seen.binned), planner.gatherer.entity)
    yield from watcher.notes()
    if not planner.gatherer.entity.has_extra:
        yield from (say(NO_FIELD, label=label) for _index, label in headers.unknown)


def _tell(progress: Progress, total: int, done: int) -> None:
    progress(done, max(total, done) if total else 0)


def _judge(
    connection: Connection,
    plan: Plan,
    columns: Sequence[Column],
    planner: RowsPlanner,
    everything: Schema,
    given: Answers,
    ahead: Ahead,
) -> None:
    """Judge what only the whole file shows; `given` are the answers of a review in it."""
    gatherer = planner.gatherer
    refuse_repeated(plan, planner.seen, planner.key, gatherer.entity)
    refuse_moved(plan, gatherer.viewer)
    refuse_unreachable(connection, plan, columns, gatherer.viewer, ahead)
    refuse_wrong(connection, plan, everything, columns, ahead)
    owners = partial(ahead.owners, connection, entity=gatherer.entity.key)
    refuse_taken(plan, columns, gatherer.viewer, owners, gatherer.entity)
    refuse_unrestorable(connection, plan, everything)
    settle_again(connection, plan, columns, gatherer.export_id, given, ahead.settled(gatherer.export_id))
    refuse_unwritable(plan, gatherer.entity, gatherer.viewer)
    list_absent(plan, gatherer.exported_ids(), planner.seen)


def _guard_limits() -> GuardLimits:
    return GuardLimits(current_app.config["ROLLBOOK_GUARD_PERCENT"], current_app.config["ROLLBOOK_GUARD_ROWS"])


def _match(table: Table, schema: Schema, gatherer: Gatherer, options: ImportOptions) -> Headers:
    mapping = {header: schema.made_from(header, target) for header, target in options.mapping.items()}
    shown = gatherer.shown_fields()
    keys = table.keys or keys_by_label(table, shown)
    headers = match_headers(keys, table.labels, schema.exchanged, shown, mapping, ref_column_of(table))
    if gatherer.viewer.through == "command":
        headers.refuse_doubles()
    return headers
