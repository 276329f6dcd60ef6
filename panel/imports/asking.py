"""What is asked about a whole column: how to read its dates, and what its texts mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from panel.imports.options import ImportOptions
from panel.imports.watching import Watcher
from sync.cells import Problem
from sync.columns import Column, names_of
from sync.errors import UnknownField
from sync.fields import Bad, Field
from sync.plan import Plan
from sync.rows import Meanings
from sync.types import FIELD_TYPES
from sync.types.choices import CUSTOMER, choices_of
from sync.types.dates import orders_of
from sync.types.text import as_text, folded, quoted, trimmed
from sync.values import parse_value
from sync.words import later, say

ORDERS = ("dmy", "mdy")
LISTED = frozenset(("select", "reference", "relation", "multi_select", "multi_relation"))
MOST_TEXTS = 500
NO_ORDER = later("%(order)s is no order of dates. Write dmy (day first) or mdy (month first).")
NO_COLUMN_NAMED = later("There is no column %(name)s in the file. The columns are: %(named)s.")
NO_MEANING = later("%(text)s cannot stand for %(meaning)s in %(field)s: %(why)s")
TWO_WAYS = later(
    "%(count)s dates of %(field)s can be read two ways, such as %(text)s: %(readings)s. "
    "Say which with --date-order %(key)s=dmy (day first) or --date-order %(key)s=mdy (month first)."
)
TWO_WAYS_ONE = later(
    "%(text)s in %(field)s can be read two ways: %(readings)s. "
    "Say which with --date-order %(key)s=dmy (day first) or --date-order %(key)s=mdy (month first)."
)
SETTLES = {
    "dmy": later("Another value of the column, %(text)s in %(at)s, is day first."),
    "mdy": later("Another value of the column, %(text)s in %(at)s, is month first."),
}


@dataclass(frozen=True, slots=True)
class DateQuestion:
    """A column whose dates may be read two ways: how many, the first of them and both its days, what settles it."""

    field: str
    at: str
    count: int
    text: str
    days: Mapping[str, str]
    hints: tuple[str, ...]
    order: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the question for the import's row."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class UnknownText:
    """A text that is no option of its field: in how many rows, and the option that is nearly it."""

    header: str
    field: str
    text: str
    count: int
    suggested: str = ""
    meaning: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the text for the import's row."""
        return asdict(self)


def named_column(name: str, columns: Sequence[Column], labels: Sequence[str | None]) -> Column:
    """Return the column that a person named by its header or by its field. Raises `UnknownField`."""
    wanted = folded(name)
    for column in columns:
        names = (header_of(column, labels), column.field.key, column.field.label, column.field.name)
        if wanted in map(folded, names):
            return column
    named = ", ".join(header_of(column, labels) for column in columns)
    raise UnknownField(say(NO_COLUMN_NAMED, name=repr(name), named=named))


def header_of(column: Column, labels: Sequence[str | None]) -> str:
    """Return what a mapping calls a column, or its field's label where nothing stands above it."""
    is_headed = column.index < len(labels) and labels[column.index]
    return names_of(labels)[column.index] if is_headed else column.field.name


def orders_by_field(
    options: ImportOptions, columns: Sequence[Column], labels: Sequence[str | None]
) -> Mapping[str, str]:
    """Return the orders of dates that a person chose, by field. Raises `UnknownField`."""
    for order in options.date_orders.values():
        if order not in ORDERS:
            raise UnknownField(say(NO_ORDER, order=repr(order)))
    return {named_column(name, columns, labels).field.key: order for name, order in options.date_orders.items()}


def meanings_of(options: ImportOptions, columns: Sequence[Column], labels: Sequence[str | None]) -> Meanings:
    """Return what a person said that texts mean, by column. Raises `UnknownField` for a meaning that is no value."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for name, meanings in options.values.items():
        column = named_column(name, columns, labels)
        for text, meaning in meanings.items():
            value = parse_value(meaning, column.field)
            if isinstance(value, Bad):
                said = {"text": quoted(text), "meaning": quoted(meaning), "field": column.field.name}
                raise UnknownField(say(NO_MEANING, **said, why=value.message))
            found[column.index][folded(text)] = meaning
    return found


def ask_about_dates(plan: Plan, columns: Sequence[Column], watcher: Watcher) -> list[DateQuestion]:
    """Ask once for each column whose dates may be read two ways, in place of a problem for every cell."""
    by_key = {column.field.key: column for column in columns}
    cells: dict[str, list[Problem]] = defaultdict(list)
    for problem in plan.all_problems:
        if problem.is_order and problem.field in by_key:
            cells[str(problem.field)].append(problem)
    questions = []
    for key, problems in cells.items():
        question = _question(problems, watcher.orders.get(by_key[key].index, {}))
        plan.orders[key] = replace(problems[0], id=None, message=_message(question, by_key[key].field))
        questions.append(question)
    return questions


def _question(problems: Sequence[Problem], settling: Mapping[str, tuple[str, Any]]) -> DateQuestion:
    first = problems[0]
    text = trimmed(str(first.value))
    days = {order: day.isoformat() for order, day in orders_of(text).days.items()}
    hints = tuple(say(SETTLES[order], text=quoted(text), at=at) for order, (text, at) in settling.items())
    return DateQuestion(str(first.field), str(first.at), len(problems), text, days, hints)


def _message(question: DateQuestion, field: Field) -> str:
    message = TWO_WAYS_ONE if question.count == 1 else TWO_WAYS
    readings = say("%(first)s or %(second)s", first=question.days.get("dmy", "?"), second=question.days.get("mdy", "?"))
    said = {"text": quoted(question.text), "field": field.name, "key": field.key, "readings": readings}
    return " ".join((say(message, count=f"{question.count:,}", **said), *question.hints))


def unknown_texts(
    plan: Plan, columns: Sequence[Column], labels: Sequence[str | None], options: ImportOptions
) -> list[UnknownText]:
    """List, by value, the texts that are no option of their column's field, and those that were said to mean one."""
    by_key = {column.field.key: column for column in columns if _is_listed(column.field)}
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for problem in plan.all_problems:
        if problem.field in by_key and problem.value is not None and problem.at.column:
            counts[str(problem.field), trimmed(as_text(problem.value))] += 1  # type: ignore[arg-type]  # a cell's value
    found = [
        UnknownText(header_of(by_key[key], labels), key, text, count, _suggested(text, by_key[key].field))
        for (key, text), count in sorted(counts.items(), key=lambda one: (one[0][0], -one[1]))
        if isinstance(parse_value(text, by_key[key].field), Bad)
    ]
    return [*_said(columns, labels, options), *found[:MOST_TEXTS]]


def _said(columns: Sequence[Column], labels: Sequence[str | None], options: ImportOptions) -> list[UnknownText]:
    said = []
    for name, meanings in options.values.items():
        column = named_column(name, columns, labels)
        header = header_of(column, labels)
        said += [UnknownText(header, column.field.key, text, 0, "", meaning) for text, meaning in meanings.items()]
    return said


def _is_listed(field: Field) -> bool:
    return field.type == "boolean" or (field.type in LISTED and field.target != CUSTOMER)


def _suggested(text: str, field: Field) -> str:
    return (choices_of(field).closest(text) or "") if field.options else ""


def meanings_offered(field: Field) -> tuple[str, ...]:
    """Return the texts that an unknown one may be said to mean."""
    return FIELD_TYPES[field.type].allowed(field) or tuple(option.label for option in field.options)
