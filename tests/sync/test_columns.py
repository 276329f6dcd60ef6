"""What a sheet's headers mean."""

from __future__ import annotations

import pytest

from sync.columns import Headers, match_headers
from sync.errors import UnknownField
from sync.fields import Field

FIELDS = (
    Field("full_name", "Full name", "string"),
    Field("city", "City", "string"),
    Field("x", "Read", "string", read_only=True),
)


def find(name: str) -> Field:
    for field in FIELDS:
        if name.strip().casefold() in {field.key, field.label.casefold()}:
            return field
    raise UnknownField(name)


def match(keys: tuple[str | None, ...], labels: tuple[str | None, ...], **mapping: str) -> Headers:
    return match_headers(keys, labels, find, {field.key: field for field in FIELDS[:2]}, mapping, 0 if keys else None)


def held(headers: Headers) -> list[tuple[str, str]]:
    return [(column.letters, column.field.key) for column in headers.columns]


@pytest.mark.parametrize(
    ("keys", "labels", "expected"),
    [
        (("_ref", "id", "full_name", "city"), ("", "ID", "Name!", "Mesto"), [("C", "full_name"), ("D", "city")]),
        ((), ("Full name", "City"), [("A", "full_name"), ("B", "city")]),
        ((), (" full NAME ", "city"), [("A", "full_name"), ("B", "city")]),
        (("_ref", "id", "city", "full_name"), (), [("C", "city"), ("D", "full_name")]),
    ],
)
def test_a_column_is_known_by_its_key_and_without_one_by_its_label(
    keys: tuple[str | None, ...], labels: tuple[str | None, ...], expected: list[tuple[str, str]]
) -> None:
    assert held(match(keys, labels)) == expected


def test_an_unknown_header_is_kept_apart_and_one_without_text_left_out() -> None:
    headers = match((), ("Full name", "VLAN", None, " "))
    assert (held(headers), headers.unknown) == ([("A", "full_name")], ((1, "VLAN"),))


def test_the_callers_mapping_wins() -> None:
    headers = match((), ("Name", "City", "VLAN", "Note"), Name="full_name", City="-", VLAN="+")
    assert (held(headers), headers.to_create, headers.unknown) == ([("A", "full_name")], ((2, "VLAN"),), ((3, "Note"),))


def test_id_and_action_are_no_fields() -> None:
    headers = match((), ("ID", "Full name", "Action"))
    assert (headers.id_column, headers.action_column) == (0, 2)


def test_a_read_only_field_is_not_writable() -> None:
    assert [column.writable for column in match((), ("City", "Read")).columns] == [True, False]


@pytest.mark.parametrize("mapping", [{"Nothing": "city"}, {"Name": "nothing"}])
def test_a_mapping_of_something_that_is_not_there_is_refused(mapping: dict[str, str]) -> None:
    with pytest.raises(UnknownField):
        match((), ("Name",), **mapping)


def test_two_columns_of_one_field_are_refused_with_their_letters() -> None:
    with pytest.raises(UnknownField, match="Columns A and B both hold City"):
        match((), ("City", "city"))
