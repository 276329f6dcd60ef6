"""Who each row of a file is: by its token, by its ID, by a key that a person chose, or nobody yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import ItemsView, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from panel.imports.matching import members_of, nearly
from panel.relations import points_to_customers
from sync.cells import RawCell
from sync.columns import Column
from sync.fields import Bad, Field
from sync.rows import SheetRow
from sync.tokens import NewToken, RowToken, parse_token
from sync.values import parse_value
from sync.workbook import Table
from sync.workbook.layout import TOKEN_LABEL

NO_SUCH_ID = -1
_Of = TypeVar("_Of")
ID_FIELD = Field("id", "ID", "integer")


@dataclass(frozen=True, slots=True)
class Identified:
    """A row with what it says of its identity; `candidates` are the records that its key matches."""

    row: SheetRow
    token: RowToken | NewToken | None = None
    id: int | None = None
    key: Any = None
    candidates: tuple[int, ...] = ()
    is_tampered: bool = False
    lacks_key: bool = False

    def with_id(self, candidates: Sequence[int]) -> Identified:
        """Return the row with the record that its key matches, if it is one."""
        only = candidates[0] if len(candidates) == 1 else None
        return replace(self, id=only, candidates=tuple(candidates))


class Speakers(Generic[_Of]):
    """Rows by what they speak of. That is nearly always one row, so that no list is kept of it: there are millions."""

    def __init__(self) -> None:
        self._first: dict[_Of, int] = {}
        self._several: dict[_Of, list[int]] = {}

    def add(self, what: _Of, row: int) -> None:
        """Take note of what a row speaks of."""
        first = self._first.setdefault(what, row)
        if first != row:
            self._several.setdefault(what, [first]).append(row)

    def __contains__(self, what: object) -> bool:
        return what in self._first

    def items(self) -> Iterator[tuple[_Of, list[int]]]:
        """Yield all that rows speak of, each with those rows."""
        return ((what, self._several.get(what) or [row]) for what, row in self._first.items())

    def repeated(self) -> ItemsView[_Of, list[int]]:
        """Return what several rows speak of, with those rows."""
        return self._several.items()


@dataclass(slots=True)
class Seen:
    """Which rows spoke of the same record, prepared row, key or content."""

    ids: Speakers[int] = field(default_factory=Speakers)
    prepared: Speakers[str] = field(default_factory=Speakers)
    keys: Speakers[Any] = field(default_factory=Speakers)
    spelled: dict[Any, Any] = field(default_factory=dict)
    contents: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    binned: list[int] = field(default_factory=list)

    def take_key(self, key: Any, number: int) -> None:
        """Remember that a row has a key; keys that people may take as one are one."""
        for member in members_of(key):
            near = nearly(member)
            self.keys.add(near, number)
            self.spelled.setdefault(near, member)

    def next_occurrence(self, content: str) -> int:
        """Count one more row with this content and return how many there were before."""
        self.contents[content] += 1
        return self.contents[content] - 1


def ref_column_of(table: Table) -> int | None:
    """Return the column of the rows' tokens, known by its label where the key row lost its first cell."""
    if table.ref_column is not None:
        return table.ref_column
    return table.labels.index(TOKEN_LABEL) if TOKEN_LABEL in table.labels else None


def prepared_content(token: NewToken) -> str:
    """Return under what a prepared row is remembered: whatever was typed into it, it is one customer."""
    return f"N{token.export}.{token.number}"


class Identity:
    """Reads the identity of one sheet's rows."""

    def __init__(
        self, ref_column: int | None, id_column: int | None, key: Column | None, columns: Sequence[Column]
    ) -> None:
        self._ref, self._id, self._key = ref_column, id_column, key
        self._indexes = [column.index for column in columns]

    def of(self, row: SheetRow) -> Identified:
        """Return what a row says of its identity."""
        text = None if self._ref is None else row.cell(self._ref)
        if not _is_blank(text):
            token = parse_token(text.strip()) if isinstance(text, str) else None
            record_id = token.id if isinstance(token, RowToken) else None
            return Identified(row, token, record_id, is_tampered=token is None)
        if self._id is not None and not _is_blank(row.cell(self._id)):
            return Identified(row, id=_parse_id(row.cell(self._id)))
        return Identified(row) if self._key is None else _keyed(row, self._key)

    def with_logins(self, rows: Sequence[Identified], columns: Sequence[Column]) -> Sequence[Identified]:
        """Return the rows with keys that name customers by login, where these columns know the logins of the rows."""
        if self._key is None or not points_to_customers(self._key.field):
            return rows
        key = next(column for column in columns if column.index == self._key.index)
        return [_keyed(one.row, key) if _has_key_only(one) else one for one in rows]

    def is_blank(self, one: Identified) -> bool:
        """Tell whether a row says nothing at all: no identity, or a prepared one, and no value."""
        nobody = one.id is None and not one.is_tampered
        return nobody and all(_is_blank(one.row.cell(index)) for index in self._indexes)

    def disagrees(self, one: Identified) -> bool:
        """Tell whether the ID that people see is another than the token's."""
        if self._id is None or not isinstance(one.token, RowToken):
            return False
        raw = one.row.cell(self._id)
        return raw != one.id and not _is_blank(raw) and _parse_id(raw) != one.id


def _has_key_only(one: Identified) -> bool:
    return one.id is None and one.token is None and not one.is_tampered


def _keyed(row: SheetRow, column: Column) -> Identified:
    key = parse_value(row.cell(column.index), column.field)
    return Identified(row, key=None if isinstance(key, Bad) else key, lacks_key=key is None)


def _parse_id(raw: RawCell) -> int:
    value = parse_value(raw, ID_FIELD)
    return value if isinstance(value, int) else NO_SUCH_ID


def _is_blank(raw: RawCell) -> bool:
    return raw is None or (isinstance(raw, str) and not raw.strip())
