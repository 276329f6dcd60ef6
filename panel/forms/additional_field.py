"""The form of an additional field: what it is called, what it takes, where it is shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any, ClassVar

from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from wtforms import (
    BooleanField,
    DecimalField,
    Form,
    IntegerField,
    SelectField,
    StringField,
    ValidationError,
)
from wtforms import Field as FormField
from wtforms.fields import SelectChoice
from wtforms.utils import unset_value
from wtforms.validators import Optional

from panel.entities import CATEGORIES
from panel.extensions import db
from panel.fields_work.options import Gone
from panel.forms.config import Within, filled, short, stripped
from panel.forms.registry import COMMON_SETTINGS, ENTRIES, settings_of
from panel.models import AdditionalField
from panel.relations import NOBODY, Reach, members, points_to_customers, reachable
from panel.schema import RESERVED_KEYS, target_options
from sync.cells import clean_text
from sync.fields import Bad, Field, Option
from sync.types import FIELD_TYPES
from sync.values import parse_value
from sync.words import say

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TYPES = [SelectChoice(key, lazy_gettext(one.label)) for key, one in FIELD_TYPES.items() if one.additional]
CATEGORY_LABELS = {"all": lazy_gettext("All"), **{str(one.key): lazy_gettext(one.label) for one in CATEGORIES}}
TARGET_LABELS = {
    "customer": lazy_gettext("A customer"),
    "partner": lazy_gettext("A partner"),
    "location": lazy_gettext("A location"),
}
_CANNOT = {
    "is_unique": lazy_gettext("cannot be unique"),
    "searchable": lazy_gettext("is not searched"),
    "show_in_list": lazy_gettext("is not shown in lists"),
}
_CLOSED = {
    "hidden": lazy_gettext("it is hidden"),
    "read_only": lazy_gettext("it is for reading only"),
    "disabled": lazy_gettext("it is disabled"),
}
_MEASURED = frozenset({"integer", "decimal", "money"})
"""Types whose bounds are values; those of the others are lengths and counts."""
_FLAGS = ("required", "is_unique", "add", "show_in_list", "searchable", "read_only", "disabled", "hidden")
# Names that a form needs for itself.
MOST_OPTIONS, LONGEST_OPTION = 500, 200
_TAKEN = RESERVED_KEYS | {"csrf_token"}


class OptionsInput(FormField):
    """Options one a row: `data` pairs the key of each, blank for a new one, with its label."""

    def process_data(self, value: Any) -> None:
        """Show the options that a field has."""
        self.data = [(str(key), str(label)) for key, label in value or ()]

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """Take the rows that the browser sent; a row of several lines is as many options."""
        super().process(formdata, data, extra_filters)
        if formdata is not None and self.name in formdata:
            labels, keys = formdata.getlist(self.name), formdata.getlist(f"{self.name}_key")
            rows = zip_longest(labels, keys[: len(labels)], fillvalue="")
            self.data = [pair for label, key in rows for pair in _pairs(label, key)]

    def process_formdata(self, valuelist: Any) -> None:
        """Leave it to `process`, which needs the keys beside the labels."""


def _pairs(text: str, key: str) -> list[tuple[str, str]]:
    lines = [clean_text(line) for line in text.splitlines() if line.strip()]
    return [("" if at else key, line) for at, line in enumerate(lines) if line]


class AdditionalFieldForm(Form):
    """An additional field of customers."""

    label = StringField(
        lazy_gettext("Label"),
        [filled(lazy_gettext("Label")), short()],
        filters=[stripped],
        description=lazy_gettext("Its name for people."),
    )
    key = StringField(
        lazy_gettext("Key"),
        filters=[stripped],
        description=lazy_gettext("Its name for programs and workbooks. It never changes."),
    )
    type = SelectField(lazy_gettext("Type"), choices=_TYPES)
    category = SelectField(
        lazy_gettext("Customer category"), choices=[SelectChoice(one, label) for one, label in CATEGORY_LABELS.items()]
    )
    options = OptionsInput(
        lazy_gettext("Options"), description=lazy_gettext("An option keeps its customers when renamed.")
    )
    target = SelectField(
        lazy_gettext("Points to"),
        choices=[SelectChoice(one, label) for one, label in TARGET_LABELS.items()],
        description=lazy_gettext("It never changes."),
        validate_choice=False,
    )
    default = StringField(
        lazy_gettext("Default value"),
        description=lazy_gettext("In the add form, and for customers that an import creates."),
    )
    min = DecimalField(
        lazy_gettext("Min"),
        [Optional()],
        places=None,
        description=lazy_gettext("Length of text, value of numbers, count of choices."),
    )
    max = DecimalField(lazy_gettext("Max"), [Optional()], places=None)
    scale = IntegerField(
        lazy_gettext("Decimal places"), [Optional(), Within(0, 10, lazy_gettext("Write a number from 0 to 10."))]
    )
    required = BooleanField(lazy_gettext("Required"), description=lazy_gettext("A customer is not saved without it."))
    is_unique = BooleanField(lazy_gettext("Unique"), description=lazy_gettext("No two customers have the same value."))
    add = BooleanField(
        lazy_gettext("Add"),
        default=True,
        description=lazy_gettext("In the add-customer window, and not only on the edit page."),
    )
    show_in_list = BooleanField(
        lazy_gettext("Show in list"), description=lazy_gettext("A column of the customer list.")
    )
    searchable = BooleanField(lazy_gettext("Searchable"), description=lazy_gettext("Found by the search box."))
    read_only = BooleanField(
        lazy_gettext("Read-only"), description=lazy_gettext("Shown and exported, never written by people.")
    )
    disabled = BooleanField(
        lazy_gettext("Disabled"), description=lazy_gettext("Greyed in forms, kept out of workbooks.")
    )
    hidden = BooleanField(lazy_gettext("Hidden"), description=lazy_gettext("Kept, and shown nowhere but in history."))
    set_default = BooleanField(
        lazy_gettext("Set default value for all items"),
        description=lazy_gettext("All recorded values may be overwritten. The next page asks first."),
    )
    spent: frozenset[str] = frozenset()
    gone: Sequence[Gone] = ()
    moves: Mapping[str, str | None] | None = None
    flags: ClassVar[tuple[str, ...]] = _FLAGS
    inputs: ClassVar[dict[str, str]] = {"scale": "number"}

    @property
    def settings(self) -> dict[str, str]:
        """Return what can be set for each type, for the page's script."""
        return {key: " ".join(sorted(settings_of(key))) for key in FIELD_TYPES if FIELD_TYPES[key].additional}

    def sets_for_few(self, name: str) -> bool:
        """Tell whether a setting is one that not every type has."""
        return name in COMMON_SETTINGS

    def uses(self, setting: str) -> bool:
        """Tell whether the chosen type has this setting."""
        return self.type.data in ENTRIES and setting in settings_of(self.type.data)

    def options_now(self, before: Sequence[Sequence[str]]) -> list[list[str]]:
        """Return the options of the rows: one with its key is that one under whatever label, another a new one."""
        if not self.uses("options"):
            return []
        known = {key for key, _label in before}
        claimed = {key for key, _label in self.options.data if key in known}
        by_label = {label: key for key, label in before if key not in claimed}
        taken = known | {str(key) for key, _label in self.options.data} | set(self.spent)
        rows = ((key if key in known else by_label.get(label, ""), label) for key, label in self.options.data)
        return [[key or _free(label, taken), label] for key, label in rows]

    def as_field(self, before: Sequence[Sequence[str]]) -> Field:
        """Return the field that the form describes, for judging values."""
        bounded, target = self.uses("bounds"), self._target
        listed = target_options(db.session.connection(), target)
        return Field(
            self.key.data or "field",
            self.label.data or "",
            self.type.data,
            listed or tuple(Option(key, label) for key, label in self.options_now(before)),
            min=self.min.data if bounded else None,
            max=self.max.data if bounded else None,
            scale=self.scale.data if self.uses("scale") else None,
            additional=True,
            target=target,
        )

    @property
    def _target(self) -> str:
        return (self.target.data or "") if self.uses("target") else FIELD_TYPES[self.type.data].target

    def populate_obj(self, obj: AdditionalField) -> None:
        """Give a field what the form says, name by name; a setting that its type has not stays empty.

        Whether it is unique is not a mere setting: the view turns it on and off.
        """
        described = self.as_field(obj.options or ())
        obj.label, obj.key, obj.type = self.label.data, self.key.data, self.type.data
        obj.category = self.category.data
        obj.options, obj.target = self.options_now(obj.options or ()), described.target
        obj.min, obj.max, obj.scale = described.min, described.max, described.scale
        obj.default = (self.default.data or None) if self.uses("default") else None
        obj.required, obj.read_only = self.required.data, self.read_only.data
        obj.add = self.add.data
        obj.show_in_list = self.uses("show_in_list") and self.show_in_list.data
        obj.searchable = self.uses("searchable") and self.searchable.data
        obj.disabled, obj.hidden = self.disabled.data, self.hidden.data

    def check(self, before: AdditionalField | None, keys: Iterable[str]) -> bool:
        """Note what is wrong beyond single inputs; `keys` are those of all fields that there are or were."""
        options = before.options if before else ()
        if before is None:
            self._check_key(keys)
        if self.uses("target") and self.target.data not in TARGET_LABELS:
            _blame(self.target, _("Choose what it points to."))
        self._check_options(options)
        self._check_sense()
        self._check_bounds()
        self._check_default(options)
        return not self.errors

    def _check_key(self, keys: Iterable[str]) -> None:
        key = self.key.data or ""
        if not KEY.fullmatch(key):
            _blame(self.key, _("Write a key of small letters, digits and _, of at most 40 characters, letter first."))
        elif key in _TAKEN:
            _blame(self.key, _("%(key)s is a name of the panel's own. Choose another.", key=key))
        elif key in set(keys):
            _blame(self.key, _("%(key)s is or was another field. Keys are never used again.", key=key))

    def _check_options(self, before: Sequence[Sequence[str]]) -> None:
        if not self.uses("options"):
            return
        labels = [label for _key, label in self.options_now(before)]
        counts = Counter(label.casefold() for label in labels)
        if not labels:
            _blame(self.options, _("Write at least one option."))
        if len(labels) > MOST_OPTIONS:
            _blame(self.options, _("Write at most %(most)s options.", most=MOST_OPTIONS))
        if twice := next((label for label in labels if counts[label.casefold()] > 1), None):
            _blame(self.options, _("Two options are called %(label)s, capital letters aside. Rename one.", label=twice))
        if long := next((label for label in labels if len(label) > LONGEST_OPTION), None):
            words = _(
                "%(label)s… is too long. Write at most %(most)s characters.", label=long[:20], most=LONGEST_OPTION
            )
            _blame(self.options, words)

    def _check_sense(self) -> None:
        """Refuse what a type cannot, and what nobody could ever fill in."""
        for name, words in _CANNOT.items():
            if self[name].data and self.type.data in ENTRIES and not self.uses(name):
                _blame(self[name], _("A field of the type %(type)s %(cannot)s.", type=self._type_label, cannot=words))
        closed = next((name for name in _CLOSED if self[name].data), None)
        if self.required.data and closed and not (self.uses("default") and self.default.data):
            words = _("Nobody could fill it in: %(reason)s. Give it a default value, or change one of the two.")
            _blame(self.required, words % {"reason": _CLOSED[closed]})

    @property
    def _type_label(self) -> str:
        return say(FIELD_TYPES[self.type.data].label)

    def _check_bounds(self) -> None:
        """Refuse bounds that no value meets, and lengths and counts that are none."""
        if not self.uses("bounds"):
            return
        if self.type.data not in _MEASURED:
            for bound in (self.min, self.max):
                if bound.data is not None and not bound.errors and (bound.data < 0 or bound.data % 1):
                    _blame(bound, _("A length is counted: write a whole number that is not negative."))
        number = len(self.options_now(())) if self.uses("options") else None
        if number and self.min.data is not None and self.min.data > number:
            _blame(self.min, ngettext("There is only %(num)d option.", "There are only %(num)d options.", number))
        low, high = self.min.data, self.max.data
        if low is not None and high is not None and low > high:
            _blame(self.max, _("This is less than the minimum."))

    def _check_default(self, before: Sequence[Sequence[str]]) -> None:
        value = (
            None
            if self.errors or not self.uses("default")
            else parse_value(self.default.data or "", self.as_field(before))
        )
        if isinstance(value, Bad):
            _blame(self.default, value.message)
        elif points_to_customers(self.as_field(before)) and not self._is_there(value):
            _blame(self.default, _(NOBODY, id=members(value)[0]))

    def _is_there(self, value: Any) -> bool:
        wanted = set(members(value))
        return reachable(db.session.connection(), wanted, Reach()) == wanted

    def validate_min(self, field: Any) -> None:
        """Refuse numbers that the database does not hold."""
        if field.data is not None and (not field.data.is_finite() or abs(field.data) >= Decimal(10) ** 14):
            raise ValidationError(_("Write a number of at most 14 digits."))

    validate_max = validate_min


def _free(line: str, taken: set[str]) -> str:
    key, number = line[:200], 2
    while key in taken:
        key, number = f"{line[:200]} {number}", number + 1
    taken.add(key)
    return key


def _blame(field: Any, message: str) -> None:
    field.errors = [*field.errors, message]
