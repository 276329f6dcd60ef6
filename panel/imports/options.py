"""What a person says about a file before it is planned."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from panel.relations import Reach
from panel.rights import EVERY_FIELD, FieldRights
from sync.guards import Guard
from sync.rows import Choices
from sync.workbook import Asked


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is to be read and decided; the same for command line and panel.

    `key` names the field that identifies customers in a foreign file; `mapping` takes headers to fields; `values`
    takes texts of a column, by its header or field, to what they mean; `date_orders` says how to read the dates of
    a column, where `date_order` says it for all; `remembered` is the name under which the mapping is kept,
    `recalled` the day of the one that these came from, and `headers` the digest of the headers that were found at
    first. `of` names what the rows of a foreign file are. `confirm` holds the numbers that were typed for guards.
    """

    key: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    create_fields: bool = False
    prefer: str = ""
    accept_unknown: bool = False
    repair: bool = False
    date_order: str = ""
    skip_problems: bool = False
    sheet: str = ""
    header_row: int = 0
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    date_orders: Mapping[str, str] = field(default_factory=dict)
    remembered: str = ""
    recalled: str = ""
    headers: str = ""
    of: str = ""
    confirm: tuple[int, ...] = ()

    @property
    def asked(self) -> Asked:
        """Return the part that finds the table."""
        return Asked(self.sheet, self.header_row)

    @property
    def choices(self) -> Choices:
        """Return the part that decides cells."""
        return Choices(self.prefer, self.accept_unknown, self.repair, self.date_order or None)

    def unconfirmed(self, guards: Iterable[Guard]) -> list[Guard]:
        """Return the guards whose number nobody typed."""
        return [guard for guard in guards if guard.count not in self.confirm]

    def to_json(self) -> dict[str, Any]:
        """Return the options for the import's row; what was typed for guards counts for one apply, and is left out."""
        plain = dataclasses.asdict(self)
        del plain["confirm"]
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> ImportOptions:
        """Return the options that `to_json` wrote."""
        return cls(**plain)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose rights count: a user bound to a partner reaches that partner's customers only.

    `lacks` are permissions that are missing; new fields are made by who `may_config`.
    """

    name: str
    through: str
    user_id: int | None = None
    partner_id: int | None = None
    may_config: bool = True
    lacks: frozenset[str] = frozenset()
    fields: FieldRights = EVERY_FIELD
    may_apply: bool = True

    def may(self, permission: str) -> bool:
        """Tell whether a permission is there; none is needed where none is named."""
        return permission not in self.lacks

    @property
    def reach(self) -> Reach:
        """Return which customers may be pointed to."""
        return Reach(self.partner_id, self.fields.unseen)
