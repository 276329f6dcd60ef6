"""The page of a file's columns: what each is taken as, how its dates are read, what its texts mean."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import PurePath
from typing import Any

from werkzeug.datastructures import MultiDict

from panel.imports.asking import ORDERS, meanings_offered
from panel.imports.options import ImportOptions
from panel.imports.remembering import LONGEST_NAME, NOT_KEPT
from panel.models import Import
from panel.rights import the_schema
from sync.columns import LEAVE_OUT, SPECIAL
from sync.fields import Field

UNDECIDED = "?"
"""What the page sends for a text whose meaning nobody chose; blank is a meaning."""


@dataclass(frozen=True, slots=True)
class ColumnsPage:
    """How one import's table was read, without what the viewer may not see."""

    one: Import
    unseen: Collection[str] = ()

    @property
    def reading(self) -> Mapping[str, Any]:
        """Return what was kept of the table; nothing for imports of before it was."""
        return self.one.reading or {}

    def _seen(self, name: str) -> list[dict[str, Any]]:
        return [one for one in self.reading.get(name, ()) if not {one["field"], one.get("doubled")} & {*self.unseen}]

    @property
    def columns(self) -> list[dict[str, Any]]:
        """Return the columns; of a workbook of ours only those that no field claims by itself."""
        found = self._seen("columns")
        if self.reading.get("is_foreign"):
            return found
        return [one for one in found if one["target"] or not (one["field"] or one["is_special"])]

    @property
    def unclaimed(self) -> int:
        """Return how many columns are no field, and nobody left them out."""
        decided = ("field", "is_new", "is_special")
        return sum(not any(one[name] for name in decided) and one["target"] != LEAVE_OUT for one in self.columns)

    @property
    def doubled(self) -> dict[str, list[str]]:
        """Return what several columns hold, so that none of them counts: their letters, by the field's name."""
        found: dict[str, list[str]] = {}
        for one in self.columns:
            if one.get("doubled"):
                found.setdefault(self.name_of(one["doubled"]), []).append(one["letters"])
        return found

    def name_of(self, key: str) -> str:
        """Return what people call a field, the ID or the action."""
        return next((field.name for field in the_schema().fields if field.key == key), SPECIAL.get(key, key))

    @property
    def keys(self) -> list[str]:
        """Return the fields that customers may be known by, also those that two columns hold."""
        held = (one["field"] or one.get("doubled") for one in self.columns)
        return [key for key in dict.fromkeys(held) if key]

    @property
    def suggested(self) -> int:
        """Return how many columns have a suggestion that nobody decided about."""
        return sum(bool(one["suggested"]) and not one["target"] for one in self.columns)

    @property
    def dates(self) -> list[dict[str, Any]]:
        """Return the columns whose dates wait for an answer."""
        return self._seen("dates")

    @property
    def texts(self) -> list[dict[str, Any]]:
        """Return the texts that are no option of their field, and those that were said to mean one."""
        return self._seen("texts")

    @property
    def is_unmapped(self) -> bool:
        """Tell whether no column of a foreign file is a field yet."""
        is_foreign = bool(self.reading.get("is_foreign"))
        return is_foreign and not any(one["field"] or one["is_new"] for one in self.columns)

    @property
    def comes_first(self) -> bool:
        """Tell whether nobody can say much of the rows before the columns are decided."""
        return bool(self.suggested or self.doubled) or self.is_unmapped

    @property
    def name(self) -> str:
        """Return under which name the mapping is kept: the file's, unless somebody chose another."""
        chosen = (self.one.options or {}).get("remembered", "")
        return "" if chosen == NOT_KEPT else chosen or PurePath(self.one.file_name).stem

    def inferred(self, header: str) -> str:
        """Return what the values of an unknown column look like."""
        return next((new["evidence"] for new in self.one.new_fields or () if new["header"] == header), "")

    def offers(self, field: Field) -> tuple[str, ...]:
        """Return the texts that an unknown one may be said to mean."""
        return meanings_offered(field)


def with_columns(form: MultiDict[str, str], before: ImportOptions) -> ImportOptions:
    """Return the options with what each column is taken as, and with the key."""
    takes_all = "accept" in form
    rows = zip_longest(form.getlist("header"), form.getlist("target"), form.getlist("suggested"), fillvalue="")
    chosen = {header: target or (suggested if takes_all else "") for header, target, suggested in rows}
    mapping = {header: target for header, target in chosen.items() if header and target}
    return replace(before, mapping=mapping, key=form.get("key", before.key), remembered=_name(form, before))


def _name(form: MultiDict[str, str], before: ImportOptions) -> str:
    return " ".join(form.get("remembered", before.remembered).split())[:LONGEST_NAME] or NOT_KEPT


def with_sheet(form: MultiDict[str, str], before: ImportOptions) -> ImportOptions:
    """Return the options with another sheet or row of headers; what was said of other columns is forgotten."""
    row = form.get("header_row", "0")
    # The rows to choose from are those of the sheet that was read before.
    is_same = form.get("sheet", "") == form.get("was", "")
    number = int(row) if is_same and row.isdecimal() and len(row) < 8 else 0
    anew = replace(before, mapping={}, values={}, date_orders={}, key="")
    return replace(anew, sheet=form.get("sheet", ""), header_row=number)


def with_order(form: MultiDict[str, str], before: ImportOptions) -> ImportOptions:
    """Return the options with the order of one column's dates."""
    field, order = form.get("field", ""), form.get("order", "")
    rest = {key: one for key, one in before.date_orders.items() if key != field}
    return replace(before, date_orders=rest | ({field: order} if field and order in ORDERS else {}))


def with_meanings(form: MultiDict[str, str], before: ImportOptions) -> ImportOptions:
    """Return the options with what texts mean, by column."""
    values: dict[str, dict[str, str]] = {}
    rows = zip(form.getlist("column"), form.getlist("text"), form.getlist("meaning"), strict=False)
    for column, text, meaning in rows:
        if meaning != UNDECIDED:
            values.setdefault(column, {})[text] = meaning
    return replace(before, values=values)


def afresh(_form: MultiDict[str, str], before: ImportOptions) -> ImportOptions:
    """Return the options as if nothing was ever said of the file's columns."""
    return with_sheet(MultiDict(), replace(before, date_order="", remembered="", recalled=""))


Part = Callable[[MultiDict[str, str], ImportOptions], ImportOptions]
PARTS: dict[str, Part] = {
    "mapping": with_columns,
    "sheet": with_sheet,
    "order": with_order,
    "meanings": with_meanings,
    "afresh": afresh,
}
"""The forms of the page by their name."""
