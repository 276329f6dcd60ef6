"""The rows of one file: who each is of, and what becomes of it, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from flask import current_app

from panel.imports.ahead import Ahead, Newcomer, is_somebody_else
from panel.imports.asking import meanings_of, orders_by_field
from panel.imports.fates import of_binned, of_deletion
from panel.imports.gathering import Gathered, Gatherer
from panel.imports.identity import Identified, Identity, Seen, prepared_content, ref_column_of
from panel.imports.matching import BLANK_KEY, NEARLY, TOO_MANY, key_column, shown_key
from panel.imports.options import ImportOptions, Viewer
from panel.imports.pointing import Pointing
from panel.imports.shape import Remarks
from panel.imports.totals import is_typed
from panel.imports.whole_file import other_partner
from panel.records import BATCH, batches
from panel.schema import Schema
from sync.actions import DELETE
from sync.cells import Problem, column_letters
from sync.columns import Column, Headers, is_writable
from sync.fields import Field
from sync.plan import Item, Plan, RowPlan
from sync.records import Record
from sync.rows import GONE, Known, RowPlanner, SheetRow
from sync.tokens import NewToken, RowToken, TokenMaker
from sync.types import FIELD_TYPES
from sync.types.numbers import NumberType
from sync.words import later, say
from sync.workbook import Row, Table
from sync.workbook.layout import TOKEN_LABEL

TAMPERED = later(
    "The row's hidden reference was changed. Restore it, or clear it and the ID to make a new %(noun)s of the row."
)
DISAGREES = later(
    "The row's hidden reference says %(noun)s %(id)s, the ID beside it says another. Restore one of them."
)
ERASED = later("This customer was erased for good after the export. Remove the row.")
TOTAL = later(
    "This looks like a row of totals, and no %(noun)s. Remove it; if it is one after all, fill in another cell."
)
NO_ACTION = later("'%(action)s' is no action. Write delete, or clear the Action cell.")
NOBODY_YET = later(
    "This row is no %(noun)s yet, so there is nobody to delete. Clear the row, or its Action cell to make one of it."
)
RAGGED = later("This row has more cells than the header. Put quotes around a text that has the separator in it.")

Verdict = RowPlan | Known | None
"""What becomes of a row, nothing, or the record that its cells have to be compared with."""


class RowsPlanner:
    """Plans the rows of one file, batch by batch."""

    def __init__(
        self,
        gatherer: Gatherer,
        schema: Schema,
        headers: Headers,
        columns: Sequence[Column],
        options: ImportOptions,
        viewer: Viewer,
        table: Table,
        ahead: Ahead,
    ) -> None:
        self.seen = Seen()
        self.gatherer, self._viewer, self._headers, self._ahead = gatherer, viewer, headers, ahead
        self._pointing = Pointing(gatherer.connection, viewer.reach, ahead)
        self._columns, self._schema, self._entity = columns, schema, schema.entity
        self._noun = say(schema.entity.noun)
        self._choices = replace(options.choices, date_orders=orders_by_field(options, columns, table.labels))
        self._meanings = meanings_of(options, columns, table.labels)
        self.key = key_column(schema, headers, columns, options)
        self._ref = ref_column_of(table)
        self._identity = Identity(self._ref, headers.id_column, self.key, columns)
        self._tokens = TokenMaker(current_app.extensions["keyring"].tokens, schema.entity.key)
        self._plan = Plan(table.sheet)
        self._width = max(len(table.keys), len(table.labels))
        self._is_csv = table.is_csv
        self._known = {column.index for column in columns}
        self._numeric = {one.index for one in columns if isinstance(FIELD_TYPES[one.field.type], NumberType)}
        # Rows of another workbook are pasted by place: they fit where no column has moved since the export.
        places = [column.field.key for column in columns if column.shown]
        self._is_in_order = places == [key for key in gatherer.shown_fields() if key in places]
        self.remarks = Remarks()

    def run(self, rows: Iterable[Row], accepted: Sequence[Field], progress: Callable[[int], None]) -> Plan:
        """Return the plan of all rows; `progress` is told how many are planned."""
        # What the importer may not fill in is not asked for; but no customer is without a name.
        name = self._schema.entity.named_by
        open_ones = (field for field in self._schema.fields if is_writable(field) or field.key == name)
        nameless = (field for field in self._schema.unseen if field.key == name)
        self._required = [field for field in (*open_ones, *nameless, *accepted) if field.required]
        self._planner = RowPlanner(self._columns, self._required, self._choices, self._meanings)
        made = self._ahead.made
        read = {one.field.key: one.field for one in self._columns if not one.is_new or one.field.key in made}
        self.gatherer.read(read | _always_read(self._schema))
        identified = (self._identity.of(SheetRow(self._plan.sheet, number, cells)) for number, cells in rows)
        filled = (one for one in identified if not (self._identity.is_blank(one) or self._is_label_row(one.row)))
        counted = (one for one in filled if not self.remarks.sums_up(one))
        for some in batches(counted, BATCH):
            self._plan_batch(some)
            progress(self._plan.rows)
        return self._plan

    def _is_label_row(self, row: SheetRow) -> bool:
        """Tell whether a row is our own row of labels, below a key row that lost its first cell."""
        if self._ref is not None and row.cell(self._ref) == TOKEN_LABEL:
            return True
        columns = self._columns
        # Nearly always the first of them says no.
        is_label = len(columns) > 1 and row.cell(columns[0].index) == columns[0].field.label
        return is_label and all(row.cell(one.index) == one.field.label for one in columns)

    def _plan_batch(self, rows: Sequence[Identified]) -> None:
        columns = self._pointing.with_logins(self._columns, [one.row for one in rows])
        keyed = self._identity.with_logins(rows, columns)
        by_key = self.gatherer.ids_by_key(self.key, [one.key for one in keyed if one.key is not None])
        named = [one.with_id(by_key.get(one.key, [])) if one.key is not None else one for one in keyed]
        self._planner = self._planner_of(columns)
        drafts = {one.row.number: self._planner.new(one.row) for one in named if one.id is None}
        known = self.gatherer.gather(named, drafts)
        self._planner = self._planner_of(self._pointing.with_labels(columns, known.values.values()))
        verdicts = [self._too_wide(one) or self._plan_row(one, known, drafts) for one in named]
        for plan in self._compared(named, verdicts):
            self._plan.add(plan)

    def _compared(self, rows: Sequence[Identified], verdicts: Sequence[Verdict]) -> Iterator[RowPlan | None]:
        """Yield the plan of each row, those that are about a record compared with it, all in one go."""
        known = [verdict for verdict in verdicts if isinstance(verdict, Known)]
        open_rows = [one.row for one, verdict in zip(rows, verdicts, strict=True) if isinstance(verdict, Known)]
        plans = iter(self._planner.existing(open_rows, known))
        for one, verdict in zip(rows, verdicts, strict=True):
            if isinstance(verdict, Known):
                plan = next(plans)
                yield self._plan_binned(one, plan) if verdict.record.deleted else plan
            else:
                yield verdict

    def _planner_of(self, columns: Sequence[Column]) -> RowPlanner:
        """Return what plans rows with these columns: the one at hand, if they are the same."""
        is_same = all(one is other for one, other in zip(columns, self._planner.columns, strict=True))
        return self._planner if is_same else RowPlanner(columns, self._required, self._choices, self._meanings)

    def _too_wide(self, one: Identified) -> RowPlan | None:
        """Notice cells that no header is above; in a CSV they are a text's comma without quotes around it."""
        beyond = [at for at in range(self._width, len(one.row.cells)) if one.row.cell(at) not in (None, "")]
        if beyond and self._is_csv:
            return _refused(one, say(RAGGED))
        self.remarks.headless.update(beyond)
        return None

    def _plan_row(self, one: Identified, known: Gathered, drafts: Mapping[int, RowPlan]) -> Verdict:
        """Return what becomes of a row, or the record that its cells have to be compared with."""
        if one.is_tampered:
            return _refused(one, say(TAMPERED, noun=self._noun))
        if is_typed(one, self._ref, self._numeric, self._known):
            return _refused(one, say(TOTAL, noun=self._noun))
        if self.key is not None and (wrong := self._wrong_key(one, self.key)):
            return _refused(one, wrong, self.key)
        if one.key is not None:
            self.seen.take_key(one.key, one.row.number)
        if one.id is None:
            draft = drafts[one.row.number]
            newcomer = (
                self._ahead.newcomer_by(self.key.field.key, one.key) if self.key and one.key is not None else None
            )
            return _as_newcomer(one, draft, newcomer) if newcomer else self._plan_new(one, known, draft)
        self.seen.ids.add(one.id, one.row.number)
        record = known.records.get(one.id)
        if record is None or (self.gatherer.is_erased(record) and not self._holds(one, known)):
            return _refused(one, say(GONE, noun=self._noun))
        if self._identity.disagrees(one):
            return _refused(one, say(DISAGREES, id=one.id, noun=self._noun))
        base, written = self._base_of(one, known), known.written.get(record.id, {})
        self._remark(one, base)
        is_newer = isinstance(one.token, RowToken) and one.token.revision != record.revision
        is_newer |= self._ahead.touches(record.id)
        untold = known.untold.get(record.id, frozenset())
        return self._plan_known(one, Known(record, base, untold=untold, written=written, newer=is_newer))

    def _wrong_key(self, one: Identified, key: Column) -> str:
        """Return why the key of a row does not say whom it means, if it does not."""
        said = {"label": key.field.name, "value": shown_key(one.key, key.field), "noun": self._noun}
        if one.lacks_key:
            return say(BLANK_KEY, **said)
        if len(one.candidates) > 1:
            return say(TOO_MANY, **said, count=len(one.candidates))
        near = self.gatherer.near(key, one.key) if one.key is not None and not one.candidates else None
        return say(NEARLY, **said, id=near[0], stored=near[1]) if near else ""

    def _base_of(self, one: Identified, known: Gathered) -> Mapping[str, Any] | None:
        token = one.token
        if not isinstance(token, RowToken) or not self._holds(one, known):
            return None
        return known.values.get((token.id, token.revision))

    def _holds(self, one: Identified, known: Gathered) -> bool:
        """Tell whether a row's token is of its export, or of one that showed the same, and not made up."""
        token = one.token
        if not isinstance(token, RowToken):
            return False
        if token.export != self.gatherer.export_id and not (self._is_in_order and self.gatherer.is_alike(token.export)):
            return False
        stamp = known.stamps.get((token.id, token.revision))
        return stamp is not None and self._tokens.holds(token, stamp)

    def _remark(self, one: Identified, base: Mapping[str, Any] | None) -> None:
        self.remarks.two_way += base is None
        if isinstance(one.token, RowToken) and self.gatherer.export_id not in {None, one.token.export}:
            (self.remarks.strangers if base is None else self.remarks.pasted).append(one.row.number)

    def _plan_known(self, one: Identified, known: Known) -> Verdict:
        if self.gatherer.is_erased(known.record):
            return _refused(one, say(ERASED))
        if action := self._action(one.row):
            if action.casefold() == DELETE:
                return self._plan_deletion(one, known)
            if self.gatherer.export_id is not None:  # in a foreign file, such a column is about something else
                return _refused(one, say(NO_ACTION, action=action))
        return known

    def _action(self, row: SheetRow) -> str:
        column = self._headers.action_column
        raw = None if column is None else row.cell(column)
        return raw.strip() if isinstance(raw, str) else ""

    def _plan_deletion(self, one: Identified, known: Known) -> RowPlan | None:
        at = replace(one.row.address(), column=column_letters(self._headers.action_column or 0))
        deletable = self.gatherer.deletable_statuses()
        verdict = of_deletion(at, known, self._viewer, self._entity, deletable, self._choices.prefer)
        return self._with_fate(RowPlan(one.row.number, known.record.id, known.record.revision), verdict)

    def _plan_binned(self, one: Identified, plan: RowPlan | None) -> RowPlan | None:
        """Plan a row of a customer in the bin: left alone it is only counted."""
        if plan is None or not plan.items:
            self.seen.binned.append(one.row.number)
            return plan
        return self._with_fate(
            plan, of_binned(one.row.address(), plan, self._viewer, self._entity, self._choices.prefer)
        )

    def _with_fate(self, plan: RowPlan, verdict: Item | Problem | None) -> RowPlan | None:
        if isinstance(verdict, Problem):
            return RowPlan(plan.row, plan.id, problems=(verdict,))
        return None if verdict is None else replace(plan, fate=verdict)

    def _plan_new(self, one: Identified, known: Gathered, draft: RowPlan) -> Verdict:
        verdict = self._as_new(one, known, draft)
        action, is_ours = self._action(one.row), self.gatherer.export_id is not None
        if not action or not isinstance(verdict, RowPlan) or verdict.creates is None:
            return verdict
        if action.casefold() == DELETE:
            return _refused(one, say(NOBODY_YET, noun=self._noun))
        return _refused(one, say(NO_ACTION, action=action)) if is_ours else verdict

    def _as_new(self, one: Identified, known: Gathered, draft: RowPlan) -> Verdict:
        if isinstance(one.token, NewToken):
            return self._plan_prepared(one, one.token, known, draft)
        if draft.creates is None or draft.problems:
            return draft
        contents = tuple((content, self.seen.next_occurrence(content)) for content, _none in draft.creates.contents)
        earlier = next((known.remembered[place] for place in contents if place in known.remembered), None)
        if earlier is not None:
            return self._plan_remembered(one, earlier, known)
        if newcomer := self.gatherer.newcomer(contents):
            more = draft.creates.values.keys() - newcomer.values.keys()
            return _refused(one, newcomer.problem) if more or self._action(one.row) else None
        return self._new_within_partner(replace(draft, creates=replace(draft.creates, contents=contents)))

    def _plan_remembered(self, one: Identified, record_id: int, known: Gathered) -> Verdict:
        """Plan a row that became a record earlier: only columns that it was not made of can say anything new."""
        self.seen.ids.add(record_id, one.row.number)
        record = known.records.get(record_id)
        made_of = self.gatherer.creation_cells(record) if record else frozenset()
        typed = {c.field.key for c in self._columns if one.row.cell(c.index) not in (None, "")}
        new = frozenset(typed - made_of)
        if record is None or not (new or self._action(one.row)):
            return None
        return self._plan_known(one, Known(record, self.gatherer.creation_base(record, ()), only=new))

    def _plan_prepared(self, one: Identified, token: NewToken, known: Gathered, draft: RowPlan) -> Verdict:
        self.seen.prepared.add(prepared_content(token), one.row.number)
        if not self._tokens.holds_new(token):
            return _refused(one, say(TAMPERED, noun=self._noun))
        mine = self._new_within_partner(draft)
        if mine.creates is None:
            return mine
        values, schema = mine.creates.values, self._schema
        blank = {c.field.key for c in self._columns if one.row.cell(c.index) in (None, "") and c.field.generated}
        # Copies of one workbook have the same prepared rows, and people type different customers into them.
        for place, customer in self._prepared_before(token, known):
            if customer is None:
                mine = replace(mine, creates=replace(mine.creates, contents=(place,)))
            elif isinstance(customer, Newcomer):
                if not is_somebody_else(customer.values, values, schema):
                    is_same = customer.is_like(values, blank) and not self._action(one.row)
                    return None if is_same else _refused(one, customer.problem)
            elif not is_somebody_else(base := self.gatherer.creation_base(customer, blank), values, schema):
                self.seen.ids.add(customer.id, one.row.number)
                # Whether somebody changed since is asked of all that the customer was made with.
                base = self.gatherer.creation_base(customer, ()) if self._action(one.row) else base
                return self._plan_known(one, Known(customer, base))
        return mine

    def _prepared_before(
        self, token: NewToken, known: Gathered
    ) -> Iterator[tuple[tuple[str, int], Record | Newcomer | None]]:
        """Yield whom a prepared row became, in the panel or in files before, and at last the place of a new one."""
        for number in count():
            place = (prepared_content(token), number)
            customer = known.records.get(known.remembered.get(place, 0)) or self.gatherer.newcomer([place])
            is_free = customer is None and place not in known.remembered
            if customer is not None or is_free:
                yield place, customer
            if is_free:
                return

    def _new_within_partner(self, plan: RowPlan) -> RowPlan:
        mine = self._viewer.partner_id
        if mine is None or plan.creates is None or "partner" not in self._schema.entity.keys:
            return plan
        if plan.creates.values.get("partner", mine) != mine:
            return replace(plan, problems=(*plan.problems, other_partner(plan.creates.cells["partner"])))
        return replace(plan, creates=replace(plan.creates, values={**plan.creates.values, "partner": mine}))


def _as_newcomer(one: Identified, draft: RowPlan, newcomer: Newcomer) -> Verdict:
    """Plan a row whose key is one of a customer whom a file before creates: it may say the same, or be a question."""
    values = draft.creates.values if draft.creates else {}
    is_same = not draft.problems and all(newcomer.values.get(key) == value for key, value in values.items())
    return None if is_same else _refused(one, newcomer.problem)


def _always_read(schema: Schema) -> dict[str, Field]:
    fields = {field.key: field for field in (*schema.fields, *schema.unseen)}
    return {key: fields[key] for key in schema.entity.judged_by}


def _refused(one: Identified, message: str, column: Column | None = None) -> RowPlan:
    value = one.key if column is not None else None
    field = column.field.key if column is not None else None
    problem = Problem(one.row.address(column), message, one.id, field, value)
    return RowPlan(one.row.number, one.id, problems=(problem,))
