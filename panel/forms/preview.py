"""The import preview's words, tabs and options."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from panel.entities import BY_NAME, CUSTOMER
from panel.forms.mapping import PARTS, ColumnsPage
from panel.forms.showing import count
from panel.imports.options import ImportOptions
from panel.models import Import
from panel.rights import rights_of

# group → (one, several), in the order in which they want a look
GROUPS = {
    "moved": (_l("moved since you looked"), _l("moved since you looked")),
    "problem": (_l("problem"), _l("problems")),
    "conflict": (_l("conflict"), _l("conflicts")),
    "unknown": (_l("unknown"), _l("unknown")),
    "change": (_l("change"), _l("changes")),
    "clear": (_l("clear"), _l("clears")),
    "new": (_l("new customer"), _l("new customers")),
    "delete": (_l("deletion"), _l("deletions")),
    "repair": (_l("repaired"), _l("repaired")),
    "kept": (_l("kept (newer in the panel)"), _l("kept (newer in the panel)")),
    "ignored": (_l("ignored"), _l("ignored")),
    "absent": (_l("not in the file"), _l("not in the file")),
    "columns": (_l("column without a field"), _l("columns without a field")),
}
EXPLAINED = {
    "moved": _l("What was looked at no longer holds in these cells. Everything else is as you left it."),
    "problem": _l("Cells that cannot be taken as they are. Mend them in the workbook, or skip their rows."),
    "conflict": _l("Both the panel and the workbook changed these cells since the export. Choose for each."),
    "unknown": _l("These cells differ from the panel, and nobody knows what they showed when the file was made."),
    "change": _l("Cells that the workbook changed and the panel did not."),
    "clear": _l("Cells that were emptied in the workbook. What the panel has there is taken away."),
    "new": _l("Rows that belong to no customer yet. A login and a password are made where they are blank."),
    "delete": _l("Customers whose row asks for their deletion."),
    "repair": _l("Cells that a spreadsheet program damaged. The panel's value stays."),
    "kept": _l(
        "A colleague changed these in the panel after the export, and the workbook did not. They stay as they are."
    ),
    "ignored": _l("Changed cells that count for nothing, each with the reason."),
    "absent": _l("Customers that were exported and are not in the file. Nothing happens to them."),
    "columns": _l("What each column of the file is taken as. Columns that nobody decided about are left out."),
}
# What is said of other records in place of that
_OTHER_GROUPS = {"new": (_l("new record"), _l("new records"))}
_OTHER_EXPLAINED = {
    "new": _l("Rows that are no record yet."),
    "delete": _l("Records whose row asks for their deletion."),
    "absent": _l("Records that were exported and are not in the file. Nothing happens to them."),
}
STATES = {
    "uploaded": _l("Being read"),
    "planned": _l("Waiting"),
    "applied": _l("Applied"),
    "rejected": _l("Discarded"),
    "undone": _l("Undone"),
    "failed": _l("Could not be read"),
}
_LOOKED_AT = ("problem", "conflict", "unknown", "repair", "ignored", "guard")
_DATE_ORDERS = frozenset({"", "dmy", "mdy"})
_SIDES = frozenset({"", "panel", "workbook"})


Tally = tuple[str, str, str, int]
"""How many lines of a group and field have a choice."""
TAKEN_UNLESS = frozenset({"change", "clear", "new", "delete"})
"""The groups that are written unless a person says no."""
TO_DECIDE = frozenset({"conflict", "unknown", "repair"})


@dataclass(frozen=True, slots=True)
class ColumnCount:
    """How many lines of a field are in the group on screen, and how many of them are to be written."""

    field: str
    total: int
    taken: int


@dataclass(frozen=True, slots=True)
class Preview:
    """One import's plan as the page shows it; `wanted` is the group of lines that was asked for.

    `tallies` are of the lines that the person at the screen may see.
    """

    one: Import
    tallies: Sequence[Tally]
    wanted: str = ""

    @property
    def is_of_customers(self) -> bool:
        """Tell whether the rows are customers, and no other records."""
        return self.one.entity == CUSTOMER.key

    @property
    def counts(self) -> dict[str, int]:
        """Return how many lines each group has."""
        found: Counter[str] = Counter()
        for group, _field, _choice, number in self.tallies:
            found[group] += number
        return found

    @property
    def columns(self) -> list[ColumnCount]:
        """Return the fields in the group on screen, the most frequent first."""
        totals: Counter[str] = Counter()
        taken: Counter[str] = Counter()
        for group, key, choice, number in self.tallies:
            if group == self.group and key:
                totals[key] += number
                taken[key] += number if choice in _taken_by(group) else 0
        return [ColumnCount(key, number, taken[key]) for key, number in totals.most_common()]

    @property
    def total_shown(self) -> int:
        """Return how many lines the group on screen has."""
        return self.counts.get(self.group, 0)

    @property
    def repairs_offered(self) -> int:
        """Return how many cells look damaged and wait for an answer."""
        return sum(number for group, _field, choice, number in self.tallies if group == "repair" and not choice)

    @property
    def is_confirmed(self) -> bool:
        """Tell whether the first of two admins confirmed exactly this plan."""
        return bool(self.one.confirmed_by) and self.one.confirmed_fingerprint == self.one.fingerprint

    @property
    def needs_second(self) -> bool:
        """Tell whether two admins have to approve this plan."""
        return bool(self.total("second"))

    @property
    def tabs(self) -> list[tuple[str, int, str]]:
        """Return each group that has lines: its key, how many there are, its words."""
        counts = {**self.counts, "columns": self.mapped.unclaimed}
        groups = GROUPS if self.is_of_customers else GROUPS | _OTHER_GROUPS
        found = ((key, counts.get(key, 0), words) for key, words in groups.items())
        # Of a file from elsewhere there is always its sheet, its headers and its key to look at.
        shown = ("columns",) if self.mapped.columns else ()
        return [(key, number, words[number != 1]) for key, number, words in found if number or key in shown]

    @property
    def group(self) -> str:
        """Return the group on screen: the one asked for, or the first that has lines."""
        there = [key for key, _number, _words in self.tabs]
        if self.wanted in there or not there:
            return self.wanted if there else ""
        return "columns" if self.one.state == "planned" and self.mapped.comes_first else there[0]

    @property
    def explained(self) -> str:
        """Return what the group on screen means."""
        explained = EXPLAINED if self.is_of_customers else EXPLAINED | _OTHER_EXPLAINED
        return explained.get(self.group, "")

    @property
    def needs_a_look(self) -> bool:
        """Tell whether a review has something to mark; of an applied import that is what was left out."""
        return any(self.counts.get(group) for group in _LOOKED_AT[: 1 if self.one.state == "applied" else None])

    def total(self, name: str) -> int:
        """Return one of the plan's own counts."""
        return int((self.one.counts or {}).get(name, 0))

    @property
    def action(self) -> str:
        """Return what applying would do, as a button says it; empty where it would do nothing."""
        created = self._number("created", "%(number)s new record", "%(number)s new records")
        if self.is_of_customers:
            created = self._number("created", "%(number)s new customer", "%(number)s new customers")
        parts = [
            self._number("cells_updated", "%(number)s change", "%(number)s changes"),
            created,
            self._number("deleted", "%(number)s deletion", "%(number)s deletions"),
        ]
        return _(" and ").join(part for part in parts if part)

    def _number(self, name: str, one: str, several: str) -> str:
        return count(self.total(name), one, several) if self.total(name) else ""

    @property
    def obstacle(self) -> str:
        """Return what has to be done before the plan can be applied, or nothing."""
        for name, letters in self.mapped.doubled.items():
            both = {"first": letters[0], "second": letters[1], "field": name}
            words = _(
                "Columns %(first)s and %(second)s both hold %(field)s. Choose under Columns which counts.", **both
            )
            return str(words)
        if self.mapped.is_unmapped:
            return _("No column of this file is a field yet. Choose what each of them is.")
        if self.total("undecided"):
            return count(
                self.total("undecided"), "%(number)s cell waits for a choice.", "%(number)s cells wait for a choice."
            )
        if self.total("problems") and not (self.one.options or {}).get("skip_problems"):
            return count(
                self.total("problems"),
                "%(number)s problem to mend, or its row to skip.",
                "%(number)s problems to mend, or their rows to skip.",
            )
        return ""

    @property
    def mapped(self) -> ColumnsPage:
        """Return how the file's table was read, as far as the signed-in user may see it."""
        return ColumnsPage(self.one, rights_of(current_user).unseen)


def _taken_by(group: str) -> frozenset[str]:
    return frozenset({"", "workbook"}) if group in TAKEN_UNLESS else frozenset({"workbook", "other"})


def upload_options(form: MultiDict[str, str]) -> ImportOptions:
    """Return what the upload form says of a file."""
    lines = (line.partition("=") for line in form.get("mapping", "").splitlines() if "=" in line)
    mapping = {header.strip(): target.strip() for header, _sign, target in lines}
    order, of = _one_of(form, "date_order", _DATE_ORDERS), _one_of(form, "of", frozenset(BY_NAME))
    return ImportOptions(key=form.get("key", ""), mapping=mapping, date_order=order, of=of)


def options_of(form: MultiDict[str, str], before: ImportOptions) -> ImportOptions:
    """Return an import's options after one of the preview's forms; `_only` says which part the form is about."""
    parts = {"prefer": _with_side, "options": _with_ticks} | PARTS
    part = parts.get(form.get("_only", ""))
    return part(form, before) if part else before


def _with_side(form: MultiDict[str, str], before: ImportOptions) -> ImportOptions:
    return replace(before, prefer=_one_of(form, "prefer", _SIDES))


def _with_ticks(form: MultiDict[str, str], before: ImportOptions) -> ImportOptions:
    return replace(
        before,
        key=form.get("key", ""),
        date_order=_one_of(form, "date_order", _DATE_ORDERS),
        create_fields="create_fields" in form,
        accept_unknown="accept_unknown" in form,
        repair="repair" in form,
        skip_problems="skip_problems" in form,
    )


def _one_of(form: MultiDict[str, str], name: str, allowed: frozenset[str]) -> str:
    value = form.get(name, "")
    return value if value in allowed else ""
