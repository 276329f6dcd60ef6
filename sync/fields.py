"""A field of any origin, as forms, lists, exports and imports see it, and the one way to a value."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

from sync.cells import RawCell, Scalar
from sync.words import say


@dataclass(frozen=True, slots=True)
class Option:
    """One allowed value of a choice: `key` is stored, `label` is shown."""

    key: str | int
    label: str


@dataclass(frozen=True, slots=True)
class Former:
    """An option that became part of another: no choice any more, but workbooks that are out still name it."""

    key: str | int
    label: str
    now: str | int


@dataclass(frozen=True, slots=True)
class Field:
    """What one value of a record is: its machine name, its name for people, its type and its rules.

    `min` and `max` bound the length of text, the value of numbers, the count of sets.
    `scale` is the number of decimal places that a decimal keeps, or None for any.
    `generated` marks a value that the panel makes where a new record leaves it blank.
    `derived` values follow from others and are kept nowhere.
    `part` is the part of a record that the field is shown in; blank is the main one.
    `target` is what a value points to: ``customer``, ``partner``, ``location`` or ``file``.
    `secret` values are never rendered and never compared in the clear.
    `former` options are read as those that they became part of; they are no part of what the field is.
    """

    key: str
    label: str
    type: str
    options: tuple[Option, ...] = ()
    required: bool = False
    unique: bool = False
    read_only: bool = False
    generated: bool = False
    derived: bool = False
    additional: bool = False
    identifying: bool = False
    min: Decimal | None = None
    max: Decimal | None = None
    scale: int | None = None
    default: Any = None
    category: str = "all"
    help: str = ""
    target: str = ""
    part: str = ""
    former: tuple[Former, ...] = dataclasses.field(default=(), compare=False)

    @property
    def name(self) -> str:
        """Return the label in the reader's language; one that an admin wrote is shown as it is."""
        return self.label if self.additional else say(self.label)

    def option_name(self, label: str) -> str:
        """Return the label of one of its options likewise; those of other records are as people wrote them."""
        return say(label) if self.type == "select" and not self.additional else label

    def to_json(self) -> dict[str, Any]:
        """Return the definition as JSON, leaving out what is as by default."""
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        plain["options"] = [[option.key, option.label] for option in self.options]
        plain["min"], plain["max"] = (None if n is None else str(n) for n in (self.min, self.max))
        plain["default"] = plain["former"] = None
        # By identity: a scale of 0 equals False, and is a scale.
        absent = (None, False)
        return {k: v for k, v in plain.items() if not (v in ("", []) or any(v is nothing for nothing in absent))}

    def follow(self, key: Any) -> Any:
        """Return the option that a key stands for today: another one where its own became part of that."""
        return next((one.now for one in self.former if one.key == key), key) if self.former else key

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Field:
        """Return the definition that `to_json` wrote."""
        bounds = {k: Decimal(plain[k]) for k in ("min", "max") if plain.get(k) is not None}
        options = tuple(Option(key, label) for key, label in plain.get("options", ()))
        return cls(**{**plain, **bounds, "options": options})


@dataclass(frozen=True, slots=True)
class Bad:
    """A value that its field does not take, and why; the message names the value and the remedy."""

    message: str


@dataclass(frozen=True, slots=True)
class Damage:
    """What a spreadsheet program did to a value; `certain` allows a silent repair."""

    reason: str
    certain: bool


class Example(NamedTuple):
    """One row of a type's table: what is typed or read, the value it means, the cell it becomes."""

    raw: RawCell
    value: object
    cell: Scalar | None
    field: Field | None = None


class FieldType:
    """One kind of value: how it is read, shown, compared, stored and recognised.

    A canonical value is immutable and comparable with ``==``; None is "no value" for every type.
    """

    key: ClassVar[str]
    label: ClassVar[str]
    cell_format: ClassVar[str] = "@"
    """Number format of its cells; ``@`` is text."""
    width: ClassVar[int] = 18
    """Width of its column in characters."""
    hint: ClassVar[str] = ""
    """How to write a value, for forms and input hints."""
    additional: ClassVar[bool] = True
    """Whether admins may choose it for an additional field."""
    many: ClassVar[bool] = False
    """Whether a value is a tuple of members that merge one by one."""
    secret: ClassVar[bool] = False
    """Whether a value is never shown."""
    typed: ClassVar[bool] = True
    """Whether people type a value, so that a cell can set it."""
    target: ClassVar[str] = ""
    """What the values of all its fields point to; blank where they point to nothing, or each field says to what."""
    examples: ClassVar[tuple[Example, ...]] = ()

    def parse(self, raw: RawCell, field: Field) -> Any:
        """Return the canonical value of a raw cell or form text, or `Bad`."""
        raise NotImplementedError

    def with_date_order(self, date_order: str | None) -> FieldType:
        """Return this type, reading ambiguous dates as ``dmy`` or ``mdy``; most types read none."""
        return self

    def render(self, value: Any, field: Field) -> Scalar | None:
        """Return what a cell shows for a canonical value."""
        raise NotImplementedError

    def renderer(self, field: Field) -> Callable[[Any], Scalar | None]:
        """Return `render` for one field, prepared for many values."""
        return lambda value: None if value is None else self.render(value, field)

    def unchanged(self, base: Any, raw: RawCell, field: Field) -> bool:
        """Tell whether a raw cell is what programs make of `base` without anybody's edit."""
        raise NotImplementedError

    def damage(self, base: Any, raw: RawCell, field: Field) -> Damage | None:
        """Return what a program did to `base` so that it became this raw cell, if it did."""
        return None

    def to_json(self, value: Any) -> Any:
        """Return a canonical value as JSON for storage; None stays None."""
        return value

    def from_json(self, plain: Any) -> Any:
        """Return the canonical value that `to_json` stored."""
        return plain

    def measure(self, value: Any) -> Decimal | int | None:
        """Return what `min` and `max` bound, or None where they do not apply."""
        return None

    def allowed(self, field: Field) -> tuple[str, ...]:
        """Return the texts that a dropdown offers, empty where any value may be typed."""
        return ()

    def infer(self, texts: list[str], key: str, label: str) -> Field | None:
        """Return a field for a foreign column if all of these non-blank texts look like this type."""
        return None

    def key_of(self, value: Any) -> str:
        """Return the text under which a value is unique: equal for values that people take as one."""
        return str(self.to_json(value)).casefold()
