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


@pytest.mark.parametrize(
    ("keys", "labels", "said"),
    [
        ((), ("City", "city"), 'Columns A and B both hold City. .* --map "city \\(B\\)=-"'),
        ((), ("City", "x", "Mesto"), 'Columns A and C both hold City. .* --map "Mesto=-"'),
        ((), ("ID", "City", "ID"), "Columns A and C both hold ID"),
        (("_ref", "city", "city"), ("", "City", "City"), "Columns B and C both hold City"),
        (("_ref", "city", "city"), ("", "City"), "Columns B and C both hold City"),
        (("_ref", "id", "action", "action"), (), "Columns C and D both hold Action"),
    ],
)
def test_of_two_columns_of_one_field_neither_counts(
    keys: tuple[str | None, ...], labels: tuple[str | None, ...], said: str
) -> None:
    headers = match(keys, labels, **({"Mesto": "city"} if "Mesto" in labels else {}))
    assert not {one.field.key for one in headers.doubles} & {column.field.key for column in headers.columns}
    assert None in {headers.id_column, headers.action_column}
    with pytest.raises(UnknownField, match=said):
        headers.refuse_doubles()


def test_a_copy_of_the_id_beside_its_tokens_harms_nobody() -> None:
    assert match(("_ref", "id", "id"), ()).doubles == ()


@pytest.mark.parametrize(
    ("mapping", "expected", "made"),
    [
        ({"City (A)": "-"}, [("B", "full_name"), ("C", "city")], ()),
        ({"city (c)": "-"}, [("A", "city"), ("B", "full_name")], ()),
        ({"City (C)": "+"}, [("A", "city"), ("B", "full_name")], ((2, "city "),)),
        ({"City (A)": "full_name", "Full name": "-"}, [("A", "full_name"), ("C", "city")], ()),
        ({"City": "-"}, [("B", "full_name")], ()),
        ({"City": "-", "City (C)": "city"}, [("B", "full_name"), ("C", "city")], ()),
    ],
)
def test_a_header_that_is_there_twice_is_mapped_with_its_letters(
    mapping: dict[str, str], expected: list[tuple[str, str]], made: tuple[tuple[int, str], ...]
) -> None:
    headers = match((), ("City", "Full name", "city "), **mapping)
    assert sorted(held(headers)) == expected
    assert headers.to_create == tuple((index, label.strip()) for index, label in made)
    assert headers.names == ("City (A)", "Full name", "city (C)")
