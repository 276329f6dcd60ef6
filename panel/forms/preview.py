"""The import preview's words, tabs and options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.datastructures import MultiDict

from panel.forms.showing import count
from panel.imports.options import ImportOptions
from panel.imports.undoing import Undone
from panel.models import Import

# group → (one, several), in the order in which they want a look
GROUPS = {
    "problem": ("problem", "problems"),
    "conflict": ("conflict", "conflicts"),
    "unknown": ("unknown", "unknown"),
    "change": ("change", "changes"),
    "new": ("new customer", "new customers"),
    "delete": ("deletion", "deletions"),
    "repair": ("repaired", "repaired"),
    "ignored": ("ignored", "ignored"),
    "absent": ("not in the file", "not in the file"),
    "columns": ("column without a field", "columns without a field"),
}
EXPLAINED = {
    "problem": "Cells that cannot be taken as they are. Mend them in the workbook, or skip their rows.",
    "conflict": "Both the panel and the workbook changed these cells since the export. Choose for each.",
    "unknown": "These cells differ from the panel, and nobody knows what they showed when the file was made.",
    "change": "Cells that the workbook changed and the panel did not.",
    "new": "Rows that belong to no customer yet. A login and a password are made where they are blank.",
    "delete": "Customers whose row asks for their deletion.",
    "repair": "Cells that a spreadsheet program damaged. The panel's value stays.",
    "ignored": "Changed cells that count for nothing, each with the reason.",
    "absent": "Customers that were exported and are not in the file. Nothing happens to them.",
    "columns": "Headers that are no field's label or key. Until you decide, these columns are left out.",
}
STATES = {
    "uploaded": "Uploaded",
    "planned": "Waiting",
    "applied": "Applied",
    "rejected": "Discarded",
    "undone": "Undone",
}
_DATE_ORDERS = frozenset({"", "dmy", "mdy"})
_SIDES = frozenset({"", "panel", "workbook"})


@dataclass(frozen=True, slots=True)
class Preview:
    """One import's plan as the page shows it; `wanted` is the group of lines that was asked for."""

    one: Import
    counts: Mapping[str, int]
    wanted: str = ""

    @property
    def tabs(self) -> list[tuple[str, int, str]]:
        """Return each group that has lines: its key, how many there are, its words."""
        counts = {**self.counts, "columns": len(self.headers)}
        found = ((key, counts.get(key, 0), words) for key, words in GROUPS.items())
        return [(key, number, words[number != 1]) for key, number, words in found if number]

    @property
    def group(self) -> str:
        """Return the group on screen: the one asked for, or the first that has lines."""
        there = [key for key, _number, _words in self.tabs]
        return self.wanted if self.wanted in there else next(iter(there), "")

    @property
    def explained(self) -> str:
        """Return what the group on screen means."""
        return EXPLAINED.get(self.group, "")

    def total(self, name: str) -> int:
        """Return one of the plan's own counts."""
        return int((self.one.counts or {}).get(name, 0))

    @property
    def action(self) -> str:
        """Return what applying would do, as a button says it; empty where it would do nothing."""
        parts = [
            count(self.total("cells_updated"), "change") if self.total("cells_updated") else "",
            count(self.total("created"), "new customer") if self.total("created") else "",
            count(self.total("deleted"), "deletion") if self.total("deleted") else "",
        ]
        return " and ".join(part for part in parts if part)

    @property
    def obstacle(self) -> str:
        """Return what has to be done before the plan can be applied, or nothing."""
        if self.total("undecided"):
            return f"{count(self.total('undecided'), 'cell waits', 'cells wait')} for a choice."
        if self.total("problems") and not (self.one.options or {}).get("skip_problems"):
            return f"{count(self.total('problems'), 'problem')} to mend, or their rows to skip."
        return ""

    @property
    def headers(self) -> list[dict[str, Any]]:
        """Return the columns that no field claims by itself, with what was decided about each."""
        mapping = dict((self.one.options or {}).get("mapping", {}))
        new = {one["header"]: one for one in self.one.new_fields or ()}
        return [{**new.get(name, {}), "header": name, "target": mapping.get(name, "")} for name in {**new, **mapping}]


def upload_options(form: MultiDict[str, str]) -> ImportOptions:
    """Return what the upload form says of a file."""
    lines = (line.partition("=") for line in form.get("mapping", "").splitlines() if "=" in line)
    mapping = {header.strip(): target.strip() for header, _sign, target in lines}
    return ImportOptions(key=form.get("key", ""), mapping=mapping, date_order=_one_of(form, "date_order", _DATE_ORDERS))


def options_of(form: MultiDict[str, str], before: ImportOptions) -> ImportOptions:
    """Return an import's options after one of the preview's forms; `_only` says which part the form is about."""
    parts = {"prefer": _with_side, "mapping": _with_mapping, "options": _with_ticks}
    part = parts.get(form.get("_only", ""))
    return part(form, before) if part else before


def _with_side(form: MultiDict[str, str], before: ImportOptions) -> ImportOptions:
    return replace(before, prefer=_one_of(form, "prefer", _SIDES))


def _with_mapping(form: MultiDict[str, str], before: ImportOptions) -> ImportOptions:
    pairs = zip(form.getlist("header"), form.getlist("target"), strict=False)
    return replace(before, mapping={header: target for header, target in pairs if target})


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


def sentence_of_undo(undone: Undone) -> str:
    """Return what undoing did."""
    parts = [
        f"{count(undone.reverted, 'cell')} put back",
        f"{count(undone.removed, 'new customer')} moved to the bin" if undone.removed else "",
        f"{count(undone.restored, 'customer')} restored" if undone.restored else "",
        f"{count(len(undone.kept), 'value')} kept" if undone.kept else "",
    ]
    return ", ".join(part for part in parts if part) + "."
